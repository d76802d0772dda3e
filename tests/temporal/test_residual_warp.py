"""What is brought from frame to frame, along a flow that is known."""

import cv2
import numpy as np
import pytest

from dreamstream.config import DreamConfig
from dreamstream.frames import FloatImage, Pixels
from dreamstream.temporal.frame_analysis import AnalysisState, FrameAnalysis, FrameAnalyzer
from dreamstream.temporal.residual_warp import (
    STILL,
    ResidualWarper,
    WarpedResidual,
    sharpness,
    trimmed,
)

FRAME = np.full((40, 56, 3), 90, np.uint8)  # alike wherever the flow says it came from
RESIDUAL = np.random.default_rng(0).normal(0, 0.1, FRAME.shape).astype(np.float32)


class Steady:
    """A flow of so many pixels to the right in every frame."""

    def __init__(self, speed: float) -> None:
        self.speed = speed

    def backward(self, current: Pixels, previous: Pixels) -> FloatImage:
        backward = np.zeros((*current.shape[:2], 2), np.float32)
        backward[..., 0] = -self.speed
        return backward


FIRST = FrameAnalysis(AnalysisState(FRAME))


class Shot:
    """A shot of frames that look alike, along which a residual is carried."""

    def __init__(self, speed: float) -> None:
        self._warper = ResidualWarper(DreamConfig())
        self._analyzer = FrameAnalyzer(DreamConfig(no_cuts=True), Steady(speed))

    def begin(self, residual: FloatImage) -> None:
        self._warper.reset()
        self._warper.warp(FIRST)
        self._warper.remember(FIRST, residual)

    def carry(self) -> WarpedResidual:
        """Warp what is remembered to the next frame."""
        self._analysis = self._analyzer.analyse(FRAME, self._warper.analysed)
        return self._warper.warp(self._analysis)

    def keep(self, residual: FloatImage) -> None:
        """Remember this of the last frame."""
        self._warper.remember(self._analysis, residual)


def carry(speed: float, frames: int) -> list[FloatImage]:
    """Carry a residual over frames that look alike; give it as it is without decay."""
    shot = Shot(speed)
    shot.begin(RESIDUAL)
    given = []
    for _ in range(frames):
        given.append(shot.carry().undecayed)
        shot.keep(given[-1])
    return given


def test_motion_of_a_noise_leaves_a_residual_as_it_is() -> None:
    np.testing.assert_allclose(carry(STILL / 8, 4)[-1], RESIDUAL, atol=1e-6)


def test_motion_too_small_for_a_warp_adds_up_until_it_is_made() -> None:
    speed = 0.4 * STILL
    given = carry(speed, 3)
    np.testing.assert_allclose(given[1], RESIDUAL, atol=1e-6)
    assert np.abs(given[2] - RESIDUAL).max() > 1e-3
    smooth = np.sin(np.arange(56, dtype=np.float32) / 4)[None, :, None] * np.ones((40, 1, 3))
    shot = Shot(speed)
    residual = smooth.astype(np.float32)
    shot.begin(residual)
    for _ in range(24):
        residual = shot.carry().undecayed
        shot.keep(residual)
    moved = np.sin((np.arange(56, dtype=np.float32) - 24 * speed) / 4)
    np.testing.assert_allclose(residual[20, 8:-8, 0], moved[8:-8], atol=0.03)


def test_a_reset_forgets_motion_that_was_not_made() -> None:
    shot = Shot(0.7 * STILL)
    shot.begin(RESIDUAL)
    shot.carry()
    shot.begin(RESIDUAL)
    np.testing.assert_allclose(shot.carry().undecayed, RESIDUAL, atol=1e-6)


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
    shot = Shot(0.0)
    shot.begin(RESIDUAL)
    soft = np.asarray(cv2.GaussianBlur(RESIDUAL, (0, 0), 0.7), np.float32)
    shot.carry()
    shot.keep(soft)
    carried = shot.carry().residual
    assert carried is not None
    assert sharpness(soft) < sharpness(carried) < sharpness(RESIDUAL)
