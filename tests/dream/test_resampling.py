"""Octave sizes and resampling."""

import numpy as np
import pytest
import scipy.ndimage

from dreamstream.dream.resampling import (
    enlarge,
    fit_size,
    octave_sizes,
    resize_corner_aligned,
    shrink,
)


def test_octave_sizes_grow_to_the_full_size_as_the_original_program_truncates_them() -> None:
    assert octave_sizes((776, 1200), 3, 1.4) == [(395, 612), (554, 857), (776, 1200)]


@pytest.mark.parametrize(
    ("size", "longest", "fitted"),
    [((720, 1280), 640, (360, 640)), ((100, 50), 640, (100, 50)), ((9, 4000), 640, (1, 640))],
)
def test_a_frame_is_fitted_by_its_longest_side_and_never_enlarged(
    size: tuple[int, int], longest: int, fitted: tuple[int, int]
) -> None:
    assert fit_size(size, longest) == fitted
    assert fit_size(size, None) == size


@pytest.mark.parametrize("size", [(7, 11), (40, 23), (1, 5), (30, 30)])
def test_corner_aligned_resizing_is_scipys_zoom_of_order_one(size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).random((20, 17, 3)).astype(np.float32)
    factors = (size[0] / 20, size[1] / 17, 1)
    expected = scipy.ndimage.zoom(image, factors, order=1)
    np.testing.assert_allclose(resize_corner_aligned(image, size), expected, atol=2e-6)


def test_shrinking_keeps_the_mean_and_drops_what_would_alias() -> None:
    stripes = np.tile(np.array([1, -1], np.float32), (16, 8))
    assert np.abs(shrink(stripes, (8, 8))).max() == 0
    ramp = np.random.default_rng(1).random((16, 16, 3)).astype(np.float32)
    assert shrink(ramp, (4, 4)).mean() == pytest.approx(ramp.mean(), abs=1e-6)


@pytest.mark.parametrize("small", [(1, 1), (2, 3), (5, 4)])
def test_enlarging_a_flat_picture_of_any_size_stays_flat(small: tuple[int, int]) -> None:
    flat = np.full((*small, 3), 0.25, np.float32)
    np.testing.assert_allclose(enlarge(flat, (20, 31)), 0.25, atol=1e-6)


def test_resampling_to_the_same_size_gives_back_the_very_picture() -> None:
    image = np.random.default_rng(2).random((6, 7, 3)).astype(np.float32)
    assert shrink(image, (6, 7)) is image
    assert enlarge(image, (6, 7)) is image
