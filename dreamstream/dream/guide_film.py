"""The picture that guides a dream at each time: a still's or a film's (loads no TensorFlow)."""

import contextlib
import logging
from collections import deque
from collections.abc import Generator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from dreamstream._libraries import cv2
from dreamstream.config import MediaConfig
from dreamstream.dream.resampling import Size
from dreamstream.errors import SourceError
from dreamstream.frames import Frame, Pixels
from dreamstream.sources import Source, open_source

LEAST_SIDE = 16
"""Pixels that a guide has along each side at the least; fewer hold no forms."""

LARGEST_ASPECT = 8
"""Ratio of a guide's sides at the most."""

PIXELS = 224**2
"""Area to which a guide is brought before the network looks at it, which sets how large its forms
are in the dream: google/deepdream's guide is 224 pixels wide."""

_READ_WIDTH = 1024
"""Columns at which a still too large for memory is read."""

logger = logging.getLogger(__name__)


class GuideFilm:
    """Reads the guide, forwards; of a film one frame and the next one are in memory.

    Args:
        path: A picture or a film.
        again: Begin a film again at its end; otherwise its last frame stays.

    Raises:
        SourceError: It can't be read, or is too small to hold forms.
    """

    def __init__(self, path: Path, *, again: bool = False) -> None:
        self._path, self._again, self._told = path, again, False
        self._frames: Generator[Frame]
        self._now: Frame
        self._next: Frame | None
        self._given: Frame | None
        self._asked: Fraction
        self._length: Fraction
        self._begin()
        _require_forms(path, self._now.pixels)

    def close(self) -> None:
        """Release the file."""
        self._frames.close()

    def at(self, time: Fraction) -> Pixels | None:
        """Return the picture that guides at a time: the last one that has come by then.

        Args:
            time: Seconds since the dream's first frame; a time before the last one asked for
                begins the guide again.

        Returns:
            (H, W, 3) uint8 RGB; None where it is the same as at the last call.

        Raises:
            SourceError: The guide can't be read on.
        """
        if time < self._asked:
            self._begin()
        self._asked = time
        while self._next is not None and self._next.time <= time:
            self._length = self._next.time - self._now.time
            self._now, self._next = self._next, next(self._frames, None)
        if self._next is None and self._length and time > self._now.time + self._length:
            self._tell_end()
        if self._now is self._given:
            return None
        self._given = self._now
        return self._now.pixels

    def _begin(self) -> None:
        self._frames = self._read()
        first = next(self._frames, None)
        if first is None:
            raise SourceError(f"guide: reading {self._path} failed: it holds no picture")
        self._now, self._next = first, next(self._frames, None)
        self._given = None
        self._asked = self._length = Fraction(0)

    def _read(self) -> Generator[Frame]:
        """Read the frames, each with its time since the dream's beginning."""
        begin = Fraction(0)
        while True:
            frames: deque[Frame] = deque(maxlen=2)
            try:
                with _opened(self._path) as source:
                    for frame in source:
                        frames.append(frame)
                        yield replace(frame, time=begin + frame.time)
            except SourceError as error:
                raise SourceError(f"guide: {error}") from error
            if not self._again or len(frames) < 2:
                return
            begin += 2 * frames[1].time - frames[0].time

    def _tell_end(self) -> None:
        if not self._told:
            self._told = True
            end = float(self._now.time + self._length)
            logger.warning(
                "guide: %s ends after %.2f s: its last frame guides what is left", self._path, end
            )


def guide_pixels(pixels: Pixels) -> Pixels:
    """Bring a guide to the size at which the network looks at it; its shape stays."""
    height, width = guide_size((pixels.shape[0], pixels.shape[1]))
    smaller = height * width < pixels.shape[0] * pixels.shape[1]
    how = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=how), np.uint8)


def guide_size(size: Size) -> Size:
    """Return the (height, width) of that."""
    scale = (PIXELS / (size[0] * size[1])) ** 0.5
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def require_guide(path: Path) -> None:
    """Raise a SourceError where a guide can't be read or holds no forms."""
    GuideFilm(path).close()


def _opened(path: Path) -> Source:
    with contextlib.suppress(OSError):  # a name too long, which is told when it is opened
        if path.is_dir():
            raise SourceError(f"{path} is a folder; give a picture or a film")
    return open_source(path, MediaConfig(width=_READ_WIDTH))


def _require_forms(path: Path, pixels: Pixels) -> None:
    height, width = pixels.shape[:2]
    if min(height, width) < LEAST_SIDE:
        raise SourceError(
            f"guide: {path} is {width}x{height}, too small to hold forms; give at least "
            f"{LEAST_SIDE}x{LEAST_SIDE} pixels"
        )
    if max(height, width) > LARGEST_ASPECT * min(height, width):
        raise SourceError(
            f"guide: {path} is {width}x{height}, too narrow; crop it to at most "
            f"{LARGEST_ASPECT} to 1"
        )
    if pixels.std() == 0:
        logger.warning("guide: %s begins with a single colour, which holds no forms", path)
