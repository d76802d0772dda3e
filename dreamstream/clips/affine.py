"""The motion of a zoom: one affine step from each frame to the next (pure; OpenCV and numpy)."""

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from dreamstream._libraries import cv2
from dreamstream.dream.resampling import Size
from dreamstream.frames import FloatImage
from dreamstream.temporal.flow import sample_positions

Matrix = npt.NDArray[np.float64]
"""(3, 3), of homogeneous (x, y, 1) in pixels."""

WANDER = 0.06
"""How far the point into which a zoom falls goes from the centre, in sides of the picture.  Along
the row and the column of a point that stands still nothing is ever resampled between pixels: a
sharp line grew there."""

WANDER_FRAMES = 60
"""Frames of its round, about."""


@dataclass(frozen=True, slots=True)
class AffineMotion:
    """How each frame comes from the one before it.

    Attributes:
        zoom: How much larger it is.
        rotate: Degrees by which it is turned, clockwise, about the same point.
        drift: Pixels by which it is moved, right and down.
    """

    zoom: float = 1.0
    rotate: float = 0.0
    drift: tuple[float, float] = (0.0, 0.0)

    def at_scale(self, before: Size, after: Size) -> "AffineMotion":
        """Return the same motion of a picture that was resized."""
        right, down = self.drift
        return replace(self, drift=(right * after[1] / before[1], down * after[0] / before[0]))

    def backward(self, size: Size, phase: float = 0.0) -> Matrix:
        """Return the matrix that takes a point of a frame to where it was in the one before it.

        Args:
            size: (height, width) of the frames.
            phase: Where on its round the fixed point of a zoom is, in rounds.
        """
        turn = math.radians(self.rotate)
        linear = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
        linear /= self.zoom
        fixed = self._fixed_point(size, 2 * math.pi * phase)
        matrix = np.eye(3)
        matrix[:2, :2] = linear
        matrix[:2, 2] = fixed - linear @ (fixed + self.drift)
        return matrix

    def _fixed_point(self, size: Size, angle: float) -> npt.NDArray[np.float64]:
        """Return the point about which a frame grows and turns: (x, y) in pixels."""
        height, width = size
        centre = np.array([width - 1, height - 1]) / 2
        if self.zoom == 1:
            return centre
        away = WANDER * np.array([math.cos(angle), math.sin(2 * angle)])
        point: npt.NDArray[np.float64] = centre + away * (width, height)
        return point


def flow_of(matrix: Matrix, size: Size) -> FloatImage:
    """Return the (H, W, 2) float32 backward flow, in pixels, of a backward matrix."""
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float64)
    step = matrix[:2, :2] - np.eye(2)
    flow = np.stack([x, y], axis=-1) @ step.T + matrix[:2, 2]
    return flow.astype(np.float32)


def inside(backward_flow: FloatImage) -> npt.NDArray[np.bool_]:
    """Return which (H, W) pixels come from within the frame before."""
    x, y = sample_positions(backward_flow)
    height, width = x.shape
    within: npt.NDArray[np.bool_] = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return within


class MirroredBorder:
    """What lies beyond the edges of a picture that moves: its own mirror image.

    If each new margin mirrored from the frame before it, a few pixels would be repeated again and
    again, and streaks would run in from the edge.  So it is the mirror image of one picture, which
    is followed as it moves into view, and replaced once much of it has been seen.

    Args:
        picture: (H, W, 3) float32.
    """

    MOST_SEEN = 0.7
    """Share of the view beyond the picture from which it is replaced."""

    def __init__(self, picture: FloatImage) -> None:
        self._picture, self._way = picture, np.eye(3)

    def look(self, backward: Matrix) -> FloatImage:
        """Move a step on; return the (H, W, 3) view, right beyond the last frame's edges."""
        self._way = self._way @ backward
        x, y = sample_positions(flow_of(self._way, self._size))
        seen = cv2.remap(self._picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        return np.asarray(seen, np.float32)

    def renew(self, picture: FloatImage) -> None:
        """Take the mirror image of a picture as it now is, if much of the old one has been seen."""
        if 1 - inside(flow_of(self._way, self._size)).mean() > self.MOST_SEEN:
            self._picture, self._way = picture, np.eye(3)

    @property
    def _size(self) -> Size:
        return self._picture.shape[0], self._picture.shape[1]
