"""Dreams in bfloat16 beside dreams in float32, and beside what chance alone changes."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.motion import metrics
from benchmarks.motion.films import Film, read_film
from dreamstream.config import DreamConfig
from dreamstream.dream.dreamer import Dreamer
from dreamstream.frames import FloatImage

OTHER_SEED = 1

Figures = dict[str, Any]


def compare_precisions(clip: Path, width: int, frames: int) -> dict[str, Figures]:
    """Dream a film in float32, with other shifts, and in bfloat16, and print a row for each.

    Args:
        clip: A video file.
        width: To which its frames are shrunk, in pixels.
        frames: At the most.

    Returns:
        Dream to its hold on the film (E_rel) and its distance from the first: the root mean square
        of the difference of the residuals, over that of the first's.
    """
    film = read_film(clip, width, frames)
    plain = DreamConfig(precision="float32")
    ways = {
        "float32": plain,
        "float32, other shifts": replace(plain, seed=plain.seed + OTHER_SEED),
        "bfloat16": replace(plain, precision="bfloat16"),
    }
    print(f"\nprecision: dreamnet, {len(film.frames)} frames of {width} pixels")
    print(f"{'dream':24}{'E_rel':>9}{'distance':>10}{'first frame':>13}")
    found: dict[str, Figures] = {}
    first: list[FloatImage] = []
    for name, config in ways.items():
        given = _dreamed(film, config)
        first = first or given
        found[name] = {
            "e_rel": metrics.relative_error(given, film.links),
            "distance": distance(given, first),
            "distance_first": distance(given[:1], first[:1]),
        }
        row = found[name]
        told = f"{row['e_rel']:>9.4f}{row['distance']:>10.3f}{row['distance_first']:>13.3f}"
        print(f"{name:24}{told}", flush=True)
    return found


def distance(given: Sequence[FloatImage], reference: Sequence[FloatImage]) -> float:
    """Return the root mean square of residuals' differences, over the reference's.

    Args:
        given: (H, W, 3) float32 each.
        reference: As many.
    """
    apart = [one - other for one, other in zip(given, reference, strict=True)]
    return metrics.root_mean_square(apart) / max(metrics.root_mean_square(reference), 1e-12)


def _dreamed(film: Film, config: DreamConfig) -> list[FloatImage]:
    dreamer = Dreamer(config)
    dreams = [np.asarray(dreamer.dream(frame), np.uint8) for frame in film.frames]
    return metrics.residuals(film.frames, dreams)
