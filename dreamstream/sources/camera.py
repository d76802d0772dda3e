"""A camera as a source, read frame by frame."""

import time
from dataclasses import replace
from fractions import Fraction

import numpy as np

from dreamstream._libraries import cv2
from dreamstream.config import MediaConfig
from dreamstream.errors import SourceError
from dreamstream.frames import Frame, StreamInfo
from dreamstream.sources.base import Source, Trim
from dreamstream.sources.quiet import quiet_opencv

TICK = Fraction(1, 1000)
"""Unit of a camera's times, in seconds: what a clock on the receiving side can tell."""

_DEFAULT_RATE = Fraction(30)
"""Frames per second where the driver does not say."""


class CameraSource(Source):
    """A local camera; a frame's time is when it arrived, since the first one kept.

    Args:
        number: Which camera, from 0.
        media: ``start``, ``duration`` and ``frames`` choose what is kept.

    Attributes:
        info: What is known of the stream; its length only where a trim sets it.

    Raises:
        SourceError: There is no such camera, or it gives no picture.
    """

    def __init__(self, number: int = 0, media: MediaConfig | None = None) -> None:
        self._number = number
        self._trim = Trim.of(media or MediaConfig())
        self._capture = open_camera(number)
        self._ticks = -1
        self._index = 0
        self._begin: float | None = None
        info = describe_camera(self._capture)
        self.info = replace(info, frames=self._trim.expected(None, info.rate))
        self._skip()

    def __next__(self) -> Frame:
        last = self._trim.last
        if last is not None and self._index >= last - self._trim.first:
            raise StopIteration
        if not self._capture.isOpened():
            raise StopIteration
        there, bgr = self._capture.read()
        if not there:
            raise StopIteration  # unplugged: what came before is kept
        moment = self._tick()
        if self._trim.duration is not None and moment >= self._trim.duration:
            raise StopIteration
        frame = Frame(np.ascontiguousarray(bgr[..., ::-1]), moment, self._index)
        self._index += 1
        return frame

    def close(self) -> None:
        """Release the camera."""
        self._capture.release()

    def _skip(self) -> None:
        """Pass over what the trim leaves out at the beginning."""
        begin = time.monotonic()
        while time.monotonic() - begin < self._trim.start and self._capture.grab():
            pass
        for _ in range(self._trim.first):
            self._capture.grab()

    def _tick(self) -> Fraction:
        """Return the time since the first frame kept; it always grows."""
        now = time.monotonic()
        self._begin = now if self._begin is None else self._begin
        self._ticks = max(self._ticks + 1, round((now - self._begin) / TICK))
        return self._ticks * TICK


def open_camera(which: int | str) -> "cv2.VideoCapture":
    """Open a camera by its number, from 0, or by its device's path.

    Raises:
        SourceError: There is none, or another program holds it.
    """
    with quiet_opencv():
        # a path alone would be taken for a file's
        how = () if isinstance(which, int) else (cv2.CAP_V4L2,)
        capture = cv2.VideoCapture(which, *how)
    if not capture.isOpened():
        capture.release()
        raise SourceError(
            f"opening {camera_name(which)} failed: there is none, or another program holds it; "
            "plug it in, or give a file (one of that name as ./camera)"
        )
    return capture


def camera_name(which: int | str) -> str:
    """Name a camera as messages do."""
    return f"camera {which}"


def describe_camera(capture: "cv2.VideoCapture") -> StreamInfo:
    """Ask an open camera for its size and rate."""
    rate = Fraction(capture.get(cv2.CAP_PROP_FPS)).limit_denominator(1001)
    return StreamInfo(
        height=round(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
        width=round(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
        rate=rate if rate > 0 else _DEFAULT_RATE,
        time_base=TICK,
    )
