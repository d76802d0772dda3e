"""What is brought from frame to frame, along a flow that is known."""

import cv2
import numpy as np
import pytest

from dreamstream.carry import STILL, Carrier, sharpness, trimmed
from dreamstream.config import DreamConfig
from dreamstream.cuts import Change
from dreamstream.frames import FloatImage, Pixels

FRAME = np.full((40, 56, 3), 90, np.uint8)  # alike wherever the flow says it came from
RESIDUAL = np.random.default_rng(0).normal(0, 0.1, FRAME.shape).astype(np.float32)


class Steady:
    """A flow of so many pixels to the right in every frame."""

    def __init__(self, speed: float) -> None:
        self.speed = speed

    def both_ways(self, current: Pixels, previous: Pixels) -> tuple[FloatImage, FloatImage]:
        backward = np.zeros((*current.shape[:2], 2), np.float32)
        backward[..., 0] = -self.speed
        return backward, -backward


def carry(speed: float, frames: int) -> list[FloatImage]:
    """Carry a residual over frames that look alike; give it as it is without decay."""
    carrier = Carrier(DreamConfig(no_cuts=True), Steady(speed))
    carrier.remember(FRAME, RESIDUAL, Change.NONE)
    given = []
    for _ in range(frames):
        given.append(carrier.carry(FRAME).undecayed)
        carrier.remember(FRAME, given[-1], Change.NONE)
    return given


def test_motion_of_a_noise_leaves_a_residual_as_it_is() -> None:
    np.testing.assert_allclose(carry(STILL / 8, 4)[-1], RESIDUAL, atol=1e-6)


def test_motion_too_small_for_a_warp_adds_up_until_it_is_made() -> None:
    speed = 0.4 * STILL
    given = carry(speed, 3)
    np.testing.assert_allclose(given[1], RESIDUAL, atol=1e-6)
    assert np.abs(given[2] - RESIDUAL).max() > 1e-3
    smooth = np.sin(np.arange(56, dtype=np.float32) / 4)[None, :, None] * np.ones((40, 1, 3))
    carrier = Carrier(DreamConfig(no_cuts=True), Steady(speed))
    residual = smooth.astype(np.float32)
    for _ in range(24):
        carrier.remember(FRAME, residual, Change.NONE)
        residual = carrier.carry(FRAME).undecayed
    moved = np.sin((np.arange(56, dtype=np.float32) - 24 * speed) / 4)
    np.testing.assert_allclose(residual[20, 8:-8, 0], moved[8:-8], atol=0.03)


def test_a_reset_forgets_motion_that_was_not_made() -> None:
    carrier = Carrier(DreamConfig(no_cuts=True), Steady(0.7 * STILL))
    carrier.remember(FRAME, RESIDUAL, Change.NONE)
    carrier.carry(FRAME)
    carrier.reset()
    carrier.remember(FRAME, RESIDUAL, Change.NONE)
    np.testing.assert_allclose(carrier.carry(FRAME).undecayed, RESIDUAL, atol=1e-6)


@pytest.mark.parametrize("speed", [1.0, 3.0])
def test_whole_pixels_are_moved_exactly(speed: float) -> None:
    (given,) = carry(speed, 1)
    shift = int(speed)
    np.testing.assert_allclose(given[:, 8:-8], RESIDUAL[:, 8 - shift : -8 - shift], atol=1e-2)


def test_sharpness_knows_no_strength_and_falls_with_blur() -> None:
    blurred = np.asarray(cv2.GaussianBlur(RESIDUAL, (0, 0), 1.0), np.float32)
    assert sharpness(3 * RESIDUAL) == pytest.approx(sharpness(RESIDUAL), rel=1e-4)
    assert sharpness(blurred) < 0.5 * sharpness(RESIDUAL)


@pytest.mark.parametrize(("now", "sign"), [(0.5, 1), (1.0, 0), (2.0, -1)])
def test_detail_is_trimmed_toward_that_of_the_shots_first_frame(now: float, sign: int) -> None:
    assert np.sign(trimmed(now, 1.0)) == sign
    assert trimmed(now, 0.0) == 0  # nothing was dreamed yet


def test_a_residual_that_has_lost_detail_regains_some_as_it_is_carried() -> None:
    carrier = Carrier(DreamConfig(no_cuts=True), Steady(0.0))
    carrier.carry(FRAME)
    carrier.remember(FRAME, RESIDUAL, Change.NONE)
    soft = np.asarray(cv2.GaussianBlur(RESIDUAL, (0, 0), 0.7), np.float32)
    carrier.carry(FRAME)
    carrier.remember(FRAME, soft, Change.NONE)
    carried = carrier.carry(FRAME).residual
    assert carried is not None
    assert sharpness(soft) < sharpness(carried) < sharpness(RESIDUAL)
