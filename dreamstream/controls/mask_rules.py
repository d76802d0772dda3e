"""Masks by rule: a colour, a range of lightness, and what moves or stands (OpenCV and numpy)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from dreamstream._libraries import cv2
from dreamstream.controls.mask_maker import MaskMaker
from dreamstream.frames import FloatImage, Frame, Pixels
from dreamstream.temporal.cuts import Change
from dreamstream.temporal.flow import sample_positions, squared_lengths
from dreamstream.temporal.frame_analysis import FrameAnalysis

_SPECK = 5
"""Side in pixels of the window whose majority decides on a pixel: noise makes no specks."""

_LUMA = np.array([[0.2126, 0.7152, 0.0722]], np.float32) / np.float32(255)
"""Weights of red, green and blue in BT.709's luma."""

SLOW, FAST = 0.004, 0.009
"""Speed against the camera's own motion, as a share of the longer side per frame, up to which
nothing moves and from which it surely does."""

_CAMERA_SHARE = 0.1
"""Of the camera's own speed by which more is asked for: it is followed less exactly then."""

_KEPT = 0.92
"""Share of having moved that is left of it a frame later: what pauses for some frames stays in."""

_SIDE = 160
"""Longest side at which the camera's motion is fitted and what moves is found."""

_ROUNDS, _TINY = 8, 1e-3
"""Rounds of the fit, each without what disagreed with the one before; least trust in a place."""

_SMOOTH, _GATHERED = 1.5, 4.0
"""Standard deviations, at that size, of a mask's outline, and over which motion is gathered."""

_TEXTURE = 3e-4
"""Lesser eigenvalue of the gradients' tensor (of Shi and Tomasi 1994) at which a flow is trusted by
half: on a plain wall it tells nothing."""


class ColorMask(MaskMaker):
    """What has a colour.

    Args:
        color: Red, green and blue in [0, 255].
        tolerance: How far from it, in percent of the way from black to white.
    """

    def __init__(self, color: tuple[int, int, int], tolerance: float) -> None:
        self._color = np.array(color, np.float32)
        self._most = 3 * (255 * tolerance / 100) ** 2

    def mask(self, frame: Frame, analysis: FrameAnalysis) -> FloatImage:
        """Return 1 where the frame has the colour, else 0."""
        away = frame.pixels.astype(np.float32) - self._color
        squares = cv2.transform(cv2.multiply(away, away), np.ones((1, 3), np.float32))
        return _without_specks(np.asarray(squares) <= self._most)


class LumaMask(MaskMaker):
    """What is as light as is asked for.

    Args:
        low: The darkest, in [0, 1].
        high: The lightest.
    """

    def __init__(self, low: float, high: float) -> None:
        self._low, self._high = low, high

    def mask(self, frame: Frame, analysis: FrameAnalysis) -> FloatImage:
        """Return 1 where the frame's luma lies in the range, else 0."""
        luma = np.asarray(cv2.transform(frame.pixels.astype(np.float32), _LUMA))
        slack = 1 / 1020  # a quarter of a level: white is 1 though its weights' sum is rounded
        return _without_specks((luma >= self._low - slack) & (luma <= self._high + slack))


class MotionMask(MaskMaker):
    """What moves against the camera's own motion, or what does not.

    The camera's motion (pans, zooms, turns) is fitted to the flow; what moves otherwise, or did so
    a few frames ago, moves.  Nothing is known to move in a shot's first frame.

    Args:
        still: Turn it round.
    """

    def __init__(self, *, still: bool) -> None:
        self._still = still
        self.reset()

    def reset(self) -> None:
        """Forget the stream so far."""
        self._moved: FloatImage | None = None

    def state(self) -> Mapping[str, npt.NDArray[Any]]:
        """Return what moved lately."""
        return {} if self._moved is None else {"moved": self._moved}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on from such a state."""
        self._moved = state.get("moved")

    def mask(self, frame: Frame, analysis: FrameAnalysis) -> FloatImage:
        """Return 1 where the frame moves, else 0; the other way round where it stands."""
        height, width = frame.pixels.shape[:2]
        flow = analysis.backward_flow
        if analysis.change is Change.CUT or not flow.size:
            self._moved = None
        elif analysis.change is not Change.FLASH:
            self._moved = self._followed(frame.pixels, flow, analysis.confidence)
        if self._moved is None:
            moves: npt.NDArray[np.bool_] = np.zeros((height, width), np.bool_)
        else:
            smooth = cv2.GaussianBlur(self._moved, (0, 0), _SMOOTH)
            full = cv2.resize(smooth, (width, height), interpolation=cv2.INTER_CUBIC)
            moves = np.asarray(full) > 0.5
        return np.asarray(moves != self._still, np.float32)

    def _followed(self, pixels: Pixels, flow: FloatImage, confidence: FloatImage) -> FloatImage:
        """Return how surely each place moves, or did lately, in [0, 1]."""
        small, trusted = _reduced(flow, confidence)
        trusted = trusted * _texture(pixels, (small.shape[0], small.shape[1])) + np.float32(_TINY)
        now = _moving(small, trusted, max(flow.shape[:2]))
        before = self._moved
        if before is None or before.shape != now.shape:
            return now
        scale = np.array(
            [small.shape[1] / flow.shape[1], small.shape[0] / flow.shape[0]], np.float32
        )
        x, y = sample_positions(small * scale)
        carried = cv2.remap(before, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        return np.asarray(np.maximum(now, np.float32(_KEPT) * np.asarray(carried)), np.float32)


def _reduced(flow: FloatImage, confidence: FloatImage) -> tuple[FloatImage, FloatImage]:
    """Reduce (h, w, 2) flow, whose vectors keep their length, and (h, w) confidence."""
    height, width = flow.shape[:2]
    ratio = min(1.0, _SIDE / max(height, width))
    size = (max(4, round(width * ratio)), max(4, round(height * ratio)))
    small = cv2.resize(flow, size, interpolation=cv2.INTER_AREA)
    trusted = cv2.resize(confidence, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32), np.asarray(trusted, np.float32)


def _texture(pixels: Pixels, size: tuple[int, int]) -> FloatImage:
    """Return how much there is to follow at each place, in [0, 1]."""
    small = cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_AREA)
    grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.float32) / np.float32(255)
    lesser = cv2.GaussianBlur(cv2.cornerMinEigenVal(grey, 5, ksize=3), (0, 0), 2)
    return np.asarray(lesser / (lesser + np.float32(_TEXTURE)), np.float32)


def _moving(flow: FloatImage, trusted: FloatImage, side: int) -> FloatImage:
    """Return how surely each place moves against the camera, in [0, 1].

    Args:
        flow: (h, w, 2) float32, in pixels of the frame whose flow it was.
        trusted: (h, w) float32, more than 0.
        side: Pixels of that frame's longer side.
    """
    camera = camera_flow(flow, trusted)
    against = (flow - camera) * trusted[..., None]
    weight = cv2.GaussianBlur(trusted, (0, 0), _GATHERED)
    gathered = cv2.GaussianBlur(against, (0, 0), _GATHERED) / weight[..., None]
    speed = np.sqrt(squared_lengths(np.asarray(gathered, np.float32))) / side
    least = SLOW + _CAMERA_SHARE * float(np.median(np.sqrt(squared_lengths(camera)))) / side
    return np.asarray(np.clip((speed - least) / (FAST - SLOW), 0, 1), np.float32)


def camera_flow(flow: FloatImage, trusted: FloatImage) -> FloatImage:
    """Return the affine flow that most of a flow agrees with.

    Least squares in rounds, each weighing every place by how well the last one fitted it (Beaton
    and Tukey's biweight), so that what moves by itself has no say.

    Args:
        flow: (h, w, 2) float32.
        trusted: (h, w) float32, its weight.

    Returns:
        (h, w, 2) float32.
    """
    height, width = flow.shape[:2]
    y, x = np.mgrid[:height, :width]
    terms = np.stack([np.ones(x.size), x.ravel() / width - 0.5, y.ravel() / height - 0.5], axis=1)
    wanted = flow.reshape(-1, 2).astype(np.float64)
    weighed_by = trusted.ravel().astype(np.float64)
    fitted = np.broadcast_to(np.median(wanted, axis=0), wanted.shape)
    for _ in range(_ROUNDS):
        off = np.sqrt(np.square(wanted - fitted).sum(axis=1))
        reach = 3 * np.median(off) + _TINY
        weights = weighed_by * np.square(np.clip(1 - np.square(off / reach), 0, None))
        weighed = terms * weights[:, None]
        solved = np.linalg.lstsq(weighed.T @ terms, weighed.T @ wanted, rcond=None)[0]
        fitted = terms @ solved
    return fitted.reshape(height, width, 2).astype(np.float32)


def _without_specks(inside: npt.NDArray[np.bool_]) -> FloatImage:
    """Return (H, W) truths as 1 and 0, without single pixels that differ from those around."""
    levels: Pixels = inside.astype(np.uint8)
    return np.asarray(cv2.medianBlur(levels, _SPECK), np.float32)
