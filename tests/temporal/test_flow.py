"""Backward flow, warping and confidence."""

import cv2
import numpy as np
import pytest
from pictures import fractal_pixels

from dreamstream.frames import FloatImage, Pixels, to_model_range
from dreamstream.temporal.flow import (
    SHARP,
    STEADY,
    FlowEstimator,
    consistency,
    density,
    enlarge_flow,
    estimate_confidence,
    mean_doubt,
    warp,
)

SHIFT = (3, 5)
"""Rows and columns that the scene moves by, down and to the right."""


@pytest.fixture(scope="module")
def moved() -> tuple[Pixels, Pixels]:
    """A frame, and the same scene after it has moved by SHIFT."""
    scene = fractal_pixels(140, 200, seed=3)
    previous = scene[20:120, 20:180]
    current = scene[20 - SHIFT[0] : 120 - SHIFT[0], 20 - SHIFT[1] : 180 - SHIFT[1]]
    return np.ascontiguousarray(previous), np.ascontiguousarray(current)


def _inner(image: FloatImage) -> FloatImage:
    return image[16:-16, 16:-16]


def _constant(shape: tuple[int, ...], dx: float, dy: float) -> FloatImage:
    return np.full((*shape[:2], 2), [dx, dy], np.float32)


def test_a_warp_along_zero_flow_is_the_identity() -> None:
    image = to_model_range(fractal_pixels(40, 60))
    np.testing.assert_allclose(warp(image, _constant(image.shape, 0, 0)), image, atol=1e-6)


def test_a_warp_by_whole_pixels_equals_slicing() -> None:
    image = to_model_range(fractal_pixels(40, 60))
    warped = warp(image, _constant(image.shape, 4, -2))
    np.testing.assert_allclose(warped[2:, :-4], image[:-2, 4:], atol=1e-6)


@pytest.mark.parametrize("sharpness", [STEADY, 0.5, SHARP])
@pytest.mark.parametrize("part", [0.1, 0.3, 0.7])
def test_a_warp_by_a_part_of_a_pixel_moves_large_forms_by_just_that(
    sharpness: float, part: float
) -> None:
    columns = np.arange(128, dtype=np.float32)
    waves = np.tile(np.sin(2 * np.pi * columns / 32), (32, 1)).astype(np.float32)
    warped = warp(waves, _constant(waves.shape, part, 0), sharpness)
    expected = np.sin(2 * np.pi * (columns + part) / 32)
    np.testing.assert_allclose(warped[16, 16:-16], expected[16:-16], atol=5e-3)


def test_thirty_half_pixel_warps_neither_amplify_detail_nor_lose_most_of_it() -> None:
    columns = np.arange(64, dtype=np.float32)
    waves = np.tile(np.sin(2 * np.pi * columns / 8), (64, 1)).astype(np.float32)
    warped = waves
    for step in range(30):
        warped = warp(warped, _constant(waves.shape, 0.5 if step % 2 else -0.5, 0))
    kept = np.abs(warped[:, 16:-16]).max() / np.abs(waves).max()
    assert 0.7 < kept <= 1.0


def test_backward_flow_points_from_the_current_frame_into_the_previous_one(
    moved: tuple[Pixels, Pixels],
) -> None:
    previous, current = moved
    flow = FlowEstimator()
    backward, forward = flow.backward(current, previous), flow.backward(previous, current)
    assert np.median(_inner(backward)[..., 0]) == pytest.approx(-SHIFT[1], abs=0.2)
    assert np.median(_inner(backward)[..., 1]) == pytest.approx(-SHIFT[0], abs=0.2)
    assert np.median(_inner(forward)[..., 0]) == pytest.approx(SHIFT[1], abs=0.2)


def test_warping_along_a_flipped_flow_would_miss_the_current_frame(
    moved: tuple[Pixels, Pixels],
) -> None:
    previous, current = moved
    flow = FlowEstimator()
    backward, forward = flow.backward(current, previous), flow.backward(previous, current)
    now, before = to_model_range(current), to_model_range(previous)
    right = np.square(_inner(warp(before, backward) - now)).mean()
    flipped = np.square(_inner(warp(before, -backward) - now)).mean()
    other = np.square(_inner(warp(before, forward) - now)).mean()
    assert right < flipped / 20
    assert right < other / 20


def test_flow_of_a_large_frame_is_stretched_to_its_pixels() -> None:
    scene = np.asarray(cv2.resize(fractal_pixels(300, 500, seed=5), (2000, 1200)), np.uint8)
    previous, current = scene[40:1160, 40:1960], scene[40:1160, 24:1944]
    backward = FlowEstimator().backward(current, previous)
    assert backward.shape == (1120, 1920, 2)
    assert np.median(backward[..., 0]) == pytest.approx(-16, abs=1)


def test_a_static_stream_is_trusted_everywhere() -> None:
    pixels = fractal_pixels(90, 120)
    assert (
        estimate_confidence(FlowEstimator().backward(pixels, pixels), pixels, pixels).min() > 0.99
    )


def test_confidence_is_zero_where_the_previous_frame_did_not_reach() -> None:
    pixels = fractal_pixels(60, 80)
    plain = np.full_like(pixels, 90)
    confidence = estimate_confidence(_constant(pixels.shape, 10, 0), plain, plain)
    assert confidence[:, -10:].max() == 0
    assert confidence[:, :-11].min() == 1


def test_consistency_is_low_where_way_there_and_way_back_disagree() -> None:
    still, astray = _constant((60, 80, 3), 0, 0), _constant((60, 80, 3), 6, 0)
    assert consistency(astray, -astray).min() > 0.99
    assert consistency(still, astray).max() < 0.01


def test_the_mean_doubt_is_high_only_where_no_flow_explains_a_frame(
    moved: tuple[Pixels, Pixels],
) -> None:
    previous, current = moved
    other = 255 - np.roll(fractal_pixels(100, 160, seed=9), 1, axis=2)
    flow, doubts = FlowEstimator(), []
    for now in (current, other):
        backward = flow.backward(now, previous)
        doubts.append(
            mean_doubt(flow, now, previous, backward, estimate_confidence(backward, now, previous))
        )
    assert doubts[0] < 0.2
    assert doubts[1] > 0.8


def test_density_is_the_area_from_which_a_pixel_is_taken() -> None:
    assert density(_constant((40, 60, 3), 5, -3)) == pytest.approx(1)
    rows, columns = np.mgrid[:40, :60].astype(np.float32)
    zoomed = np.stack([-0.2 * columns, -0.1 * rows], axis=-1)
    assert density(zoomed)[1:-1, 1:-1] == pytest.approx(0.8 * 0.9, abs=1e-5)
    turned = np.stack([-rows, columns], axis=-1)  # I + [[0, -1], [1, 0]]
    assert density(turned)[1:-1, 1:-1] == pytest.approx(2, abs=1e-5)


def test_what_is_stretched_is_trusted_less_for_the_same_difference_of_colours() -> None:
    rows, columns = np.mgrid[:60, :80].astype(np.float32)
    stretched = np.stack([-0.3 * (columns - 40), np.zeros_like(rows)], axis=-1)
    grey, lighter = np.full((60, 80, 3), 128, np.uint8), np.full((60, 80, 3), 148, np.uint8)
    moved = estimate_confidence(np.zeros_like(stretched), lighter, grey)
    spread = estimate_confidence(stretched, lighter, grey)
    same = estimate_confidence(stretched, grey, grey)
    middle = (slice(10, 50), slice(20, 60))
    assert 0.8 < moved[middle].mean() < 0.95
    assert spread[middle].mean() < moved[middle].mean() ** 2
    assert same[middle].min() > 0.99


def test_confidence_is_low_where_colours_differ() -> None:
    pixels = fractal_pixels(60, 80)
    still = _constant(pixels.shape, 0, 0)
    opposite = np.where(pixels > 127, 0, 255).astype(np.uint8)
    assert estimate_confidence(still, pixels, opposite).mean() < 0.1


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (5, 300), (16, 16)])
def test_frames_too_small_for_a_flow_count_as_still(size: tuple[int, int]) -> None:
    pixels = fractal_pixels(*size)
    backward = FlowEstimator().backward(pixels, pixels)
    assert backward.shape == (*size, 2)
    assert np.abs(backward).max() < 0.5


def test_flow_enlarged_by_unequal_ratios_keeps_its_axes() -> None:
    small = np.empty((20, 30, 2), np.float32)
    small[...] = (1.5, -2.0)  # right, up
    large = enlarge_flow(small, (60, 60))
    assert large.shape == (60, 60, 2)
    np.testing.assert_allclose(large[..., 0], 1.5 * 60 / 30)
    np.testing.assert_allclose(large[..., 1], -2.0 * 60 / 20)
