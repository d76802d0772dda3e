r"""Measure how well dreams stick to their films: ours, and the ways of the programs before it.

Prints tables and, with ``--json`` and ``--pictures``, writes the same figures, strips of frames and
curves; it asserts nothing. Run from the repository's root:

    python -m benchmarks.coherence --clips FOLDER --json coherence.json --pictures strips/
    python -m benchmarks.coherence --quick        # small and synthetic, in about two minutes

Films are bikes, cockatoo and bigbuckbunny, where the folder (or DREAMSTREAM_CLIPS) holds them, with
estimated flow, and synthetic ones whose flow is exact. What the columns mean is said in
``benchmarks/motion/metrics.py``; every way's residuals are scaled to the root mean square of the
independent dream's first, and "gain" is the log of the loss at that strength over the source's.
"Excess" is the ghost less the independent dream's: fur crosses outlines in any dream, so that even
one that carries nothing resembles what was there a moment ago.  Richness ("rich", over what moves
and over all else; mean and worst frame) is measured on the dreams as they are.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.motion import metrics, scenarios
from benchmarks.motion.films import Film, read_film, render_film
from benchmarks.motion.pictures import write_curves, write_strips
from benchmarks.motion.richness import RichnessMeter
from benchmarks.motion.synthetic import SYNTHETIC
from benchmarks.motion.ways import WAYS
from dreamstream.config import DreamConfig
from dreamstream.dream.objective import Objective
from dreamstream.dream.parameters import step_params
from dreamstream.frames import FloatImage, Pixels, to_model_range
from dreamstream.models.extractor import FeatureExtractor, load_model

REAL = ("bikes", "cockatoo", "bigbuckbunny")
MOVING_SYNTHETIC = ("pan_slow", "pan_fast", "zoom", "rotate", "sprite_still", "sprite_pan")
QUICK_SYNTHETIC = ("pan_slow", "sprite_still")
QUICK_SIZE, QUICK_FRAMES = (180, 320), 12
SCENARIOS = "scenarios"
GAIN_EVERY = 6
"""Frames from one whose loss is measured to the next."""

COLUMNS = {
    "rms": ("rms/255", 1),
    "gain": ("gain", 2),
    "e_rel": ("E_rel", 3),
    "e_rel_8": ("lag 8", 3),
    "e_warp": ("E_warp e-4", 2),
    "coverage": ("coverage", 2),
    "movers": ("movers", 2),
    "rich_moving": ("rich mov", 2),
    "rich_moving_worst": ("worst", 2),
    "rich_still": ("rich still", 2),
    "rich_still_worst": ("worst", 2),
    "sharpness": ("sharp", 2),
    "ghost": ("ghost", 2),
    "ghost_excess": ("excess", 2),
    "t_of": ("tOF", 2),
    "seconds": ("s/frame", 2),
}

Figures = dict[str, Any]


def main() -> None:
    """Measure, print, and write where asked."""
    options = parse_options()
    config = DreamConfig()
    extractor = load_model(config.model, config.layers, None)
    found: dict[str, Any] = {"films": {}}
    real: dict[str, list[Pixels]] = {}
    for film in make_films(options):
        found["films"][film.name] = compare(film, config, extractor, options)
        if not film.exact:
            real[film.name] = film.frames
    if not options.only or SCENARIOS in options.only:
        found["scenarios"] = scenarios.measure_all(config, extractor, options.quick, real)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--clips", type=Path, default=os.environ.get("DREAMSTREAM_CLIPS"), help="real clips")
    add("--width", type=int, default=480, help="of the films, in pixels (default %(default)s)")
    add("--frames", type=int, default=60, help="of each film (default %(default)s)")
    add("--only", nargs="+", metavar="FILM", help=f"these films alone, or {SCENARIOS}")
    add("--ways", nargs="+", choices=list(WAYS), default=list(WAYS), help="these ways alone")
    add("--quick", action="store_true", help="two small synthetic films")
    add("--json", type=Path, help="write the figures here")
    add("--pictures", type=Path, help="write strips of frames and curves into this folder")
    return parser.parse_args()


def make_films(options: argparse.Namespace) -> Iterator[Film]:
    """Make the films one after another, so that one at a time is in memory."""
    if options.quick:
        for name in QUICK_SYNTHETIC:
            yield render_film(SYNTHETIC[name](QUICK_SIZE, QUICK_FRAMES))
        return
    for name in REAL:
        paths = sorted(Path(options.clips).glob(f"{name}.*")) if options.clips else []
        if paths and (not options.only or name in options.only):
            yield read_film(paths[0], options.width, options.frames)
    for name in MOVING_SYNTHETIC:
        if not options.only or name in options.only:
            size = (options.width * 9 // 16, options.width)
            yield render_film(SYNTHETIC[name](size, options.frames))


def compare(
    film: Film, config: DreamConfig, extractor: FeatureExtractor, options: argparse.Namespace
) -> dict[str, Figures]:
    """Dream a film in every way, measure the dreams at equal strength, and print a row for each."""
    print(
        f"\n{film.name}: {len(film.frames)} frames, {'exact' if film.exact else 'estimated'} flow"
    )
    print(f"{'':18}" + " ".join(f"{title:>10}" for title, _ in COLUMNS.values()))
    known = Known(film, measure_with(extractor, config))
    meter = RichnessMeter(extractor, film.frames, film.links)
    reference: list[FloatImage] = []
    alone: list[FloatImage] = []
    rows, shown = {}, {}
    for name in ("independent", *(name for name in options.ways if name != "independent")):
        dreams, seconds = dream_film(film, name, config, extractor)
        given = metrics.residuals(film.frames, dreams)
        reference = reference or given
        alone = alone or meter.energies(dreams)
        rows[name] = {**measure(known, given, reference), "seconds": seconds}
        rows[name] |= rich_figures(meter, dreams, alone)
        ghosts = rows[name].get("ghost"), rows["independent"]["ghost"]
        rows[name]["ghost_excess"] = None if None in ghosts else ghosts[0] - ghosts[1]
        shown[name] = dreams
        print(f"{name:18}" + " ".join(_cell(rows[name], key) for key in COLUMNS), flush=True)
    if options.pictures:
        write_strips(options.pictures, film, shown)
        write_curves(options.pictures, film, shown)
    return rows


def dream_film(
    film: Film, name: str, config: DreamConfig, extractor: FeatureExtractor
) -> tuple[list[Pixels], float]:
    """Dream all frames of a film in one way; return the dreams and the seconds a frame."""
    way, begun = WAYS[name](config, extractor), time.perf_counter()
    dreams = [way.dream(frame) for frame in film.frames]
    return dreams, (time.perf_counter() - begun) / len(dreams)


Loss = Callable[[Pixels], float]


def measure_with(extractor: FeatureExtractor, config: DreamConfig) -> Loss:
    """Return what measures a picture's loss with a configuration's layers."""
    objective, params = Objective(extractor), step_params(config)
    return lambda pixels: objective.measure(to_model_range(pixels)[None], params.coefficients)


class Known:
    """What all ways of dreaming a film are measured by."""

    def __init__(self, film: Film, loss: Loss) -> None:
        """Compose and estimate the film's motion.

        Args:
            film: The film.
            loss: Returns the loss of a picture, by which a dream's gain is measured.
        """
        self.film, self.loss = film, loss
        self.long_links = metrics.compose(film.links, metrics.LONG_LAG)
        self.own_flow = metrics.own_flow(film.frames, film.links)


def measure(known: Known, given: list[FloatImage], reference: list[FloatImage]) -> Figures:
    """Measure a dream's residuals at the strength of the independent dream's."""
    film, rms = known.film, metrics.root_mean_square(given)
    alone = rms == 0
    same = given if alone else metrics.scaled(given, metrics.root_mean_square(reference))
    dreams = metrics.added(film.frames, same)
    figures: Figures = {
        "rms": 255 * rms,
        "e_warp": 1e4 * metrics.warp_error(_units(dreams), film.links),
        "t_of": metrics.flow_difference(dreams, known.own_flow),
    }
    if alone:
        return figures
    return figures | {
        "gain": _mean_gain(film.frames, dreams, known.loss),
        "e_rel": metrics.relative_error(same, film.links),
        "e_rel_8": metrics.relative_error(same, known.long_links, metrics.LONG_LAG),
        "coverage": metrics.coverage(same, reference),
        "movers": metrics.movers(same, reference, film.links),
        "sharpness": metrics.sharpness(same, reference),
        "ghost": metrics.ghost(same, film.links) if film.exact else None,
    }


def rich_figures(
    meter: RichnessMeter, dreams: list[Pixels], independent: list[FloatImage]
) -> Figures:
    """Measure how rich dreams are, as they are, where the film moves and where it stands still."""
    found = meter.measure(dreams, independent)
    return {f"rich_{name}": value for name, value in asdict(found).items()}


def _mean_gain(frames: list[Pixels], dreams: list[Pixels], loss: Loss) -> float:
    pairs = list(zip(frames, dreams, strict=True))[::GAIN_EVERY]
    return float(np.mean([math.log(loss(dream) / loss(own)) for own, dream in pairs]))


def _units(dreams: list[Pixels]) -> list[FloatImage]:
    return [dream.astype(np.float32) / np.float32(255) for dream in dreams]


def _cell(row: Mapping[str, Any], key: str) -> str:
    value, digits = row.get(key), COLUMNS[key][1]
    return f"{'-':>10}" if value is None else f"{value:>10.{digits}f}"


if __name__ == "__main__":
    main()
