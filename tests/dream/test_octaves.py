"""The two octave rules, against their definitions written out."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import pytest
import scipy.ndimage
from pictures import fractal_pixels

from dreamstream.dream.ascent import Ascended
from dreamstream.dream.octaves import Ascend, OctaveRule, classic_octaves, reinject_octaves
from dreamstream.dream.resampling import Size, octave_sizes
from dreamstream.frames import FloatImage, to_model_range

START = to_model_range(fractal_pixels(60, 83, seed=7))
SIZES = octave_sizes((60, 83), 3, 1.4)
EVERYWHERE = np.ones((60, 83), np.float32)


class Ripple:
    """An ascent whose steps depend on the picture, on its place and on the weights."""

    def climb(self, image: FloatImage, weights: FloatImage, steps: int) -> Ascended:
        place = np.sin(np.arange(image.shape[1], dtype=np.float32))[None, :, None]
        for _ in range(steps):
            image = image + 0.1 * weights[..., None] * np.sin(5 * image + place)
        return Ascended(image, float(image.sum()), steps, predicted_loss=9.0)


def _zoom(image: FloatImage, size: Size) -> FloatImage:
    """Resize as the original program does."""
    factors = (size[0] / image.shape[0], size[1] / image.shape[1], 1)
    zoomed: FloatImage = scipy.ndimage.zoom(image, factors, order=1)
    return zoomed


def _classic_oracle(steps: int) -> list[FloatImage]:
    """The original program's loop, line by line."""
    original, image, octaves = START.copy(), START.copy(), []
    shrunk_original = _zoom(original, SIZES[0])
    for size in SIZES:
        image = _zoom(image, size)
        image = Ripple().climb(image, np.ones(size, np.float32), steps).image
        upscaled_shrunk_original = _zoom(shrunk_original, size)
        same_size_original = _zoom(original, size)
        image = image + (same_size_original - upscaled_shrunk_original)
        shrunk_original = _zoom(original, size)
        octaves.append(image)
    return octaves


def _reinject_oracle(steps: int) -> list[FloatImage]:
    """x_o = up(x_{o-1}) + (X_o - up(X_{o-1})), then the ascent."""

    def down(size: Size) -> FloatImage:
        return np.asarray(cv2.resize(START, size[::-1], interpolation=cv2.INTER_AREA), np.float32)

    def up(image: FloatImage, size: Size) -> FloatImage:
        return np.asarray(cv2.resize(image, size[::-1], interpolation=cv2.INTER_CUBIC), np.float32)

    octaves: list[FloatImage] = []
    for size, smaller in zip(SIZES, [None, *SIZES], strict=False):
        image = down(size)
        if smaller is not None:
            image = up(octaves[-1], size) + (down(size) - up(down(smaller), size))
        image = Ripple().climb(image, np.ones(size, np.float32), steps).image
        octaves.append(image)
    return octaves


def ripples(steps: int) -> Ascend:
    """Return what takes so many of Ripple's steps in each octave."""
    return lambda image, weights, is_last: Ripple().climb(image, weights, steps)


def _run(
    climb: OctaveRule, weights: FloatImage, sizes: Sequence[Size], steps: int
) -> list[FloatImage]:
    return [octave.image for octave in climb(START, weights, sizes, ripples(steps))]


@pytest.mark.parametrize("steps", [0, 1, 4])
@pytest.mark.parametrize(
    ("climb", "oracle"), [(classic_octaves, _classic_oracle), (reinject_octaves, _reinject_oracle)]
)
def test_each_octave_is_what_the_rule_says(
    climb: OctaveRule, oracle: Callable[[int], list[FloatImage]], steps: int
) -> None:
    for ours, expected in zip(_run(climb, EVERYWHERE, SIZES, steps), oracle(steps), strict=True):
        np.testing.assert_allclose(ours, expected, atol=2e-5)


def test_reinjection_without_steps_loses_not_a_bit_of_its_start() -> None:
    np.testing.assert_array_equal(_run(reinject_octaves, EVERYWHERE, SIZES, 0)[-1], START)


def test_the_rules_differ_as_soon_as_a_step_is_taken() -> None:
    classic = _run(classic_octaves, EVERYWHERE, SIZES, 2)[-1]
    reinject = _run(reinject_octaves, EVERYWHERE, SIZES, 2)[-1]
    assert np.abs(classic - reinject).max() > 0.01


@pytest.mark.parametrize("climb", [classic_octaves, reinject_octaves])
def test_emphasis_reaches_every_octave_at_its_size(climb: OctaveRule) -> None:
    nowhere = np.zeros((60, 83), np.float32)
    expected = _run(climb, EVERYWHERE, SIZES, 0)[-1]
    np.testing.assert_allclose(_run(climb, nowhere, SIZES, 3)[-1], expected, atol=1e-6)


def test_an_octave_tells_its_steps_and_loss() -> None:
    octaves = list(reinject_octaves(START, EVERYWHERE, SIZES, ripples(2)))
    assert [octave.steps for octave in octaves] == [2, 2, 2]
    assert octaves[-1].loss == pytest.approx(float(octaves[-1].image.sum()))
    assert octaves[-1].predicted_loss == 9.0


@pytest.mark.parametrize("climb", [classic_octaves, reinject_octaves])
def test_the_last_octave_knows_that_it_is_the_last(climb: OctaveRule) -> None:
    told: list[bool] = []

    def ascend(image: FloatImage, weights: FloatImage, is_last: bool) -> Ascended:
        told.append(is_last)
        return Ascended(image, 0.0, 2, 0.0)

    start, even = np.zeros((20, 30, 3), np.float32), np.ones((20, 30), np.float32)
    list(climb(start, even, [(10, 15), (14, 21), (20, 30)], ascend))
    assert told == [False, False, True]
