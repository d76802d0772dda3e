"""A still that is held for a time: what a clip is made from."""

from dataclasses import replace
from fractions import Fraction
from typing import cast

from dreamstream._libraries import cv2
from dreamstream.frames import Frame, Pixels
from dreamstream.sources.base import Source


class HeldSource(Source):
    """Returns the first frame of another source again and again, at a constant rate.

    Args:
        source: The source, of a still; it is closed with this one.
        rate: Frames per second.
        frames: How often.
        size: (height, width) that the picture is resized to; None keeps its own.

    Attributes:
        info: The source's, with that rate, length and size.
    """

    def __init__(
        self, source: Source, rate: Fraction, frames: int, size: tuple[int, int] | None = None
    ) -> None:
        self._source, self._size = source, size
        self._pixels: Pixels | None = None
        self._left, self._index = frames, 0
        height, width = size or (source.info.height, source.info.width)
        self.info = replace(
            source.info, rate=rate, time_base=1 / rate, frames=frames, height=height, width=width
        )

    @property
    def damaged(self) -> int:
        """The source's damaged pictures."""
        return self._source.damaged

    def __next__(self) -> Frame:
        if not self._left:
            raise StopIteration
        if self._pixels is None:
            self._pixels = self._fit(next(self._source).pixels)
        self._left -= 1
        self._index += 1
        return Frame(self._pixels, (self._index - 1) * self.info.time_base, self._index - 1)

    def close(self) -> None:
        """End the stream."""
        self._left = 0
        self._source.close()

    def _fit(self, pixels: Pixels) -> Pixels:
        if self._size is None or self._size == pixels.shape[:2]:
            return pixels
        way = cv2.INTER_AREA if self._size[1] < pixels.shape[1] else cv2.INTER_CUBIC
        return cast(Pixels, cv2.resize(pixels, self._size[::-1], interpolation=way))
