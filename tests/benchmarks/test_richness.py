"""Richness: 0 for the film itself, 1 for the independent dream, each kind of cell by itself."""

import numpy as np
import pytest
from networks import small_extractor
from pictures import fractal_pixels

from benchmarks.motion.metrics import Link
from benchmarks.motion.richness import FEWEST_CELLS, RichnessMeter, moving_cells, richness_of
from dreamstream.frames import FloatImage, Pixels

SIZE = (64, 96)


def _flow() -> FloatImage:
    """Make a scene that pans by 2 pixels, in which a quarter moves on its own."""
    flow = np.full((*SIZE, 2), 2.0, np.float32)
    flow[:32, :48] += 1.0
    return flow


def _stronger(pixels: Pixels, rows: slice, factor: float = 1.6) -> Pixels:
    raised = pixels.astype(np.float32)
    raised[rows] = 128 + factor * (raised[rows] - 128)
    return np.asarray(np.clip(raised, 0, 255), np.uint8)


def test_cells_move_where_most_of_them_moves_against_the_scene() -> None:
    cells = moving_cells(_flow(), (16, 24))
    assert cells[:8, :12].all()
    assert cells.sum() == 8 * 12


def test_the_film_itself_has_none_and_the_independent_dream_all() -> None:
    frames = [fractal_pixels(*SIZE, seed=seed) for seed in (1, 2, 3)]
    dreams = [_stronger(frame, np.s_[:]) for frame in frames]
    trusted = np.ones(SIZE, np.bool_)
    link = Link(_flow(), trusted, ~trusted, ~trusted)
    meter = RichnessMeter(small_extractor(), frames, [None, link, link])
    independent = meter.energies(dreams)
    for given, expected in ((frames, 0.0), (dreams, 1.0)):
        found = meter.measure(given, independent)
        assert found.moving == pytest.approx(expected, abs=1e-6)
        assert found.still_worst == pytest.approx(expected, abs=1e-6)
    lower = [_stronger(frame, np.s_[32:]) for frame in frames]  # nothing where it moves
    found = meter.measure(lower, independent)
    assert found.moving is not None
    assert found.still is not None
    assert found.moving < 0.2 < 0.5 < found.still


def test_a_few_cells_tell_nothing() -> None:
    energy = np.ones((8, 8), np.float32)
    cells = np.zeros((8, 8), np.bool_)
    cells.flat[: FEWEST_CELLS - 1] = True
    assert richness_of(2 * energy, energy, 2 * energy, cells) is None
    cells.flat[:FEWEST_CELLS] = True
    assert richness_of(2 * energy, energy, 4 * energy, cells) == pytest.approx(0.5)
    assert richness_of(energy, energy, energy, cells) is None  # nothing to match
