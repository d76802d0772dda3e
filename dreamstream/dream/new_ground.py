"""Which ground of a film has a dream of its own, and which is new (pure; OpenCV and numpy).

A cold frame climbs through all octaves: a form begins on the smallest one and is worked out on
those above.  Ground that comes into sight later has only the strokes of a few steps, until it gets
such a climb too.  This remembers where one was, carries that along with the picture, and finds the
place that wants one most.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dreamstream._libraries import cv2
from dreamstream.dream.resampling import Size
from dreamstream.frames import FloatImage
from dreamstream.temporal.flow import density, sample_positions

POOL = 8
"""Pixels that share one value of what is remembered."""

BLOB = 0.08
"""Standard deviation of the window in which new ground must outweigh old for a climb, as a share of
the picture's longer side: a strip along an edge waits until a form has room in it."""

ENOUGH = 0.5
"""Share of new ground in that window from which a climb pays."""

REST = 24
"""Frames from one climb of a place to its next: what is never trusted, like a beating wing, would
become something else in every second otherwise."""

AWAKE = 5
"""Frames after a climb in which the finest octave works it out."""

_DOUBTED, _TRUSTED = 0.2, 0.7
"""Confidences at which a dream counts as lost, and as carried."""

_USUAL_STRETCH = 0.08
"""Share of new ground that is none: flow is never quite even.  What it stretches by more is new:
behind what moves, a smooth flow draws the little that was there over what comes into sight."""


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a picture, in pixels of the whole.

    Attributes:
        top: First row.
        left: First column.
        height: Rows.
        width: Columns.
    """

    top: int
    left: int
    height: int
    width: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """The rows and the columns."""
        return (
            slice(self.top, self.top + self.height),
            slice(self.left, self.left + self.width),
        )


def window_at(centre: tuple[float, float], side: int, size: Size) -> Window:
    """Return the window of a side around a place, moved to lie inside the picture.

    Args:
        centre: Row and column as shares of the picture.
        side: In pixels; a shorter picture is covered whole.
        size: (height, width) of the picture.
    """
    lengths = [min(side, length) for length in size]
    starts = [
        min(max(round(share * whole - length / 2), 0), whole - length)
        for share, whole, length in zip(centre, size, lengths, strict=True)
    ]
    return Window(*starts, *lengths)


def tapered(window: Window, size: Size, border: int) -> FloatImage:
    """Return 1 inside a window, falling to 0 towards those of its edges that are not the picture's.

    Args:
        window: In pixels of the picture.
        size: (height, width) of the picture.
        border: Pixels over which it falls.

    Returns:
        (window.height, window.width) float32.
    """
    rows = _ramp(window.height, border, window.top > 0, window.top + window.height < size[0])
    columns = _ramp(window.width, border, window.left > 0, window.left + window.width < size[1])
    return np.asarray(np.outer(rows, columns), np.float32)


def _ramp(length: int, border: int, falls_first: bool, falls_last: bool) -> FloatImage:
    along = (np.arange(length, dtype=np.float32) + np.float32(0.5)) / np.float32(max(border, 1))
    ramp = np.ones(length, np.float32)
    if falls_first:
        ramp = np.minimum(ramp, along)
    if falls_last:
        ramp = np.minimum(ramp, along[::-1])
    return ramp


class NewGround:
    """Remembers how much of each place has had a climb, and how long ago the last one was.

    Attributes:
        known: (h, w) float32 in [0, 1], of POOL pixels each, 1 where a climb's dream is; None
            before the first frame.
        rest: (h, w) float32, frames for which a place still rests after its last climb.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the stream so far."""
        self.known: FloatImage | None = None
        self.rest = np.zeros((0, 0), np.float32)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return all that is remembered between frames, as named arrays that stay as they are."""
        return {} if self.known is None else {"known": self.known, "rest": self.rest}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Remember what another's :meth:`state` returned."""
        self.reset()
        if "known" in state:
            self.known, self.rest = state["known"], state["rest"]

    def begin(self, size: Size) -> None:
        """Take a (height, width) picture for known: it is a cold start, and climbs as a whole."""
        shape = _pooled(size)
        self.known, self.rest = np.ones(shape, np.float32), np.zeros(shape, np.float32)

    def fits(self, size: Size) -> bool:
        """Whether what is known is of pictures of a (height, width)."""
        return self.known is not None and self.known.shape == _pooled(size)

    def carry(self, backward_flow: FloatImage, confidence: FloatImage) -> None:
        """Move all that is known to the next frame; where the dream was lost, it is new ground.

        Args:
            backward_flow: (H, W, 2) float32 pixels: current frame to previous frame.
            confidence: (H, W) float32 in [0, 1].
        """
        assert self.known is not None
        shape = self.known.shape
        flow = cv2.resize(backward_flow, shape[::-1], interpolation=cv2.INTER_AREA)
        stretch = np.divide(shape[::-1], confidence.shape[::-1], dtype=np.float32)
        moves = np.asarray(flow * stretch, np.float32)
        x, y = sample_positions(moves)
        trust = cv2.resize(confidence, shape[::-1], interpolation=cv2.INTER_AREA)
        kept = np.clip((trust - _DOUBTED) / (_TRUSTED - _DOUBTED), 0, 1)
        kept *= np.clip(density(moves) + _USUAL_STRETCH, 0, 1)
        self.known = np.asarray(_moved(self.known, x, y) * kept, np.float32)
        rest = np.maximum(_moved(self.rest, x, y) - 1, 0) * (trust > _DOUBTED / 2)
        self.rest = np.asarray(rest, np.float32)

    def candidates(self) -> FloatImage:
        """Return how much each place wants a climb: (h, w) float32 in [0, 1]."""
        assert self.known is not None
        return np.asarray((1 - self.known) * (self.rest <= 0), np.float32)

    def place(self) -> tuple[float, float] | None:
        """Return the middle of the new ground that wants a climb most, as shares of the picture.

        Returns:
            Row and column in [0, 1]; None where nothing does.
        """
        new = self.candidates()
        if float(new.max()) < ENOUGH:
            return None
        sigma = max(BLOB * max(new.shape), 1e-3)
        weight = cv2.GaussianBlur(new, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
        if float(weight.max()) < ENOUGH:
            return None
        wide = cv2.GaussianBlur(weight, (0, 0), 2 * sigma, borderType=cv2.BORDER_CONSTANT)
        row, column = np.unravel_index(int(np.argmax(wide)), wide.shape)
        return (float(row) + 0.5) / new.shape[0], (float(column) + 0.5) / new.shape[1]

    def learn(self, climbed: FloatImage) -> None:
        """Take where a climb was.

        Args:
            climbed: (h, w) float32 in [0, 1].
        """
        assert self.known is not None
        new = self.candidates()
        self.known = np.asarray(np.minimum(self.known + climbed * new, 1), np.float32)
        rests = (climbed > 0.5) & (new > 0.5)
        self.rest = np.where(rests, np.float32(REST), self.rest)

    def awake(self) -> FloatImage:
        """Return 1 where a climb was a moment ago, fading over AWAKE frames: (h, w) float32."""
        return np.asarray(np.clip((self.rest - (REST - AWAKE)) / AWAKE, 0, 1), np.float32)


def _pooled(size: Size) -> Size:
    return max(1, size[0] // POOL), max(1, size[1] // POOL)


def _moved(values: FloatImage, x: FloatImage, y: FloatImage) -> FloatImage:
    moved = cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)
