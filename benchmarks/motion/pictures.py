"""Pictures for eyes: strips of neighbouring frames, and curves of strength and unsteadiness."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.motion import metrics
from benchmarks.motion.films import Film
from dreamstream._libraries import cv2
from dreamstream.frames import FloatImage, Pixels

STRIP_FRAMES = 8
STRIP_WIDTH = 240
SHOWN = ("source alone", "independent", "dreamstream")
CURVES = {
    "independent": (200, 60, 60),
    "whole-dream warp": (60, 140, 60),
    "dreamstream": (40, 60, 220),
}
PLOT = (240, 480)


def write_strips(folder: Path, film: Film, dreams: Mapping[str, Sequence[Pixels]]) -> Path:
    """Write eight neighbouring frames of the source, the independent dream and ours, in rows."""
    begin = max(0, len(film.frames) - 2 * STRIP_FRAMES)
    rows = [
        np.hstack([_small(dream) for dream in dreams[name][begin : begin + STRIP_FRAMES]])
        for name in SHOWN
        if name in dreams
    ]
    return _write(folder / f"{film.name}-strip.png", np.vstack(rows))


def write_curves(folder: Path, film: Film, dreams: Mapping[str, Sequence[Pixels]]) -> Path:
    """Plot each frame's strength (above) and its E_rel (below, 0 to 2) for three ways."""
    strengths, errors = _empty(), _empty()
    for name, colour in CURVES.items():
        if name not in dreams:
            continue
        given = metrics.residuals(film.frames, dreams[name])
        rms = [255 * metrics.root_mean_square([each]) for each in given]
        _plot(strengths, rms, 50.0, colour)
        _plot(errors, _errors(film, given), 2.0, colour)
        row = 20 + 18 * list(CURVES).index(name)
        cv2.putText(strengths, name, (8, row), cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1)
    return _write(folder / f"{film.name}-curves.png", np.vstack([strengths, errors]))


def _errors(film: Film, given: Sequence[FloatImage]) -> list[float]:
    return [
        0.0 if link is None else metrics.relative_error(given[index - 1 : index + 1], [None, link])
        for index, link in enumerate(film.links)
    ]


def _empty() -> Pixels:
    return np.full((*PLOT, 3), 255, np.uint8)


def _plot(canvas: Pixels, values: Sequence[float], most: float, colour: tuple[int, ...]) -> None:
    height, width = canvas.shape[:2]
    x = np.linspace(0, width - 1, len(values))
    y = (height - 1) * (1 - np.clip(np.asarray(values) / most, 0, 1))
    points = np.stack([x, y], axis=1).round().astype(np.int32)
    cv2.polylines(canvas, [points], False, colour, 2, cv2.LINE_AA)


def _small(pixels: Pixels) -> Pixels:
    height = round(pixels.shape[0] * STRIP_WIDTH / pixels.shape[1])
    small = cv2.resize(pixels, (STRIP_WIDTH, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def _write(path: Path, pixels: Pixels) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.ascontiguousarray(pixels[..., ::-1]))
    return path
