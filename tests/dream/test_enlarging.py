"""Pictures too small for the network."""

import numpy as np
import pytest
from pictures import fractal_pixels

from dreamstream.dream.enlarging import LONGEST_SIDE, Enlarger
from dreamstream.dream.resampling import Size, fit_size


def is_dreamable(size: Size) -> bool:
    return min(size) >= 80


@pytest.mark.parametrize(
    ("size", "longest", "enlarged"),
    [
        ((80, 300), None, (80, 300)),
        ((40, 60), None, (80, 120)),
        ((60, 40), None, (120, 80)),
        ((1, 1), None, (80, 80)),
        ((79, 79), 400, (80, 80)),
        ((10, 1000), None, (80, LONGEST_SIDE)),
        ((1, 30000), None, (80, 30000)),
        ((100, 4000), 640, (80, 640)),
        ((1000, 1000), 40, (1000, 1000)),
    ],
)
def test_sides_grow_to_what_the_network_needs_and_no_farther_than_memory_holds(
    size: Size, longest: int | None, enlarged: Size
) -> None:
    pixels = np.zeros((*size, 3), np.uint8)
    shape = Enlarger(is_dreamable, longest).enlarge(pixels).shape[:2]
    assert shape == enlarged
    assert longest == 40 or is_dreamable(fit_size((shape[0], shape[1]), longest))


def test_a_large_picture_is_not_touched() -> None:
    pixels, enlarger = fractal_pixels(90, 100), Enlarger(is_dreamable, None)
    assert enlarger.enlarge(pixels) is pixels
    dream = 255 - pixels
    assert enlarger.reduce(dream, pixels) is dream


@pytest.mark.parametrize("size", [(9, 12), (200, 4000)])
def test_what_was_not_dreamed_stays_bit_by_bit(size: Size) -> None:
    pixels, enlarger = fractal_pixels(*size), Enlarger(is_dreamable, 640)
    enlarged = enlarger.enlarge(pixels)
    assert enlarged is not pixels
    np.testing.assert_array_equal(enlarger.reduce(enlarged, pixels), pixels)


def test_a_change_of_the_enlarged_picture_comes_back_in_its_place() -> None:
    pixels, enlarger = np.full((20, 40, 3), 100, np.uint8), Enlarger(is_dreamable, None)
    dream = enlarger.enlarge(pixels).copy()
    dream[:40, :80] += 50
    wanted = pixels.copy()
    wanted[:10, :20] += 50
    np.testing.assert_array_equal(enlarger.reduce(dream, pixels), wanted)


def test_a_network_that_wants_more_than_any_such_picture_leaves_it() -> None:
    pixels = np.zeros((30, 40, 3), np.uint8)
    assert Enlarger(lambda size: min(size) >= 5000, None).enlarge(pixels) is pixels
