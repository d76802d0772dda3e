"""Arrays as a source: for tests, and for programs that make their own pictures."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from dreamstream.config import MediaConfig
from dreamstream.errors import SourceError
from dreamstream.frames import Frame, Pixels, StreamInfo
from dreamstream.sources.base import Source, Trim


class ArraySource(Source):
    """Pictures that are in memory already.

    Args:
        frames: (H, W, 3) uint8 RGB arrays of one size, or one (N, H, W, 3) array.
        rate: Frames per second; None for a still.
        media: ``start``, ``duration`` and ``frames`` choose what is read.

    Attributes:
        info: What is known of the stream.

    Raises:
        ValueError: An array has another shape or type.
        SourceError: There is no frame, or the trim keeps none.
    """

    def __init__(
        self,
        frames: Sequence[Pixels] | Pixels,
        rate: Fraction | int | None = Fraction(25),
        media: MediaConfig | None = None,
    ) -> None:
        if not len(frames):
            raise SourceError("reading frames from memory failed: there are none; give at least 1")
        for pixels in frames:
            _require_rgb(pixels, frames[0])
        exact = None if rate is None else Fraction(rate)
        kept = Trim.of(media or MediaConfig()).of_count(len(frames), exact)
        self._frames, self._kept = frames, kept
        self._index = 0
        self._step = 1 / exact if exact else Fraction(1)
        height, width = frames[0].shape[:2]
        self.info = StreamInfo(height, width, exact, self._step, frames=len(kept))

    def __next__(self) -> Frame:
        if self._index >= len(self._kept):
            raise StopIteration
        index = self._index
        self._index += 1
        return Frame(self._frames[self._kept[index]], index * self._step, index)

    def close(self) -> None:
        """End the stream."""
        self._kept = range(0)


def _require_rgb(pixels: Pixels, first: Pixels) -> None:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(
            f"frames: {pixels.dtype} of shape {pixels.shape} is not (H, W, 3) uint8 RGB"
        )
    if pixels.shape != first.shape:
        raise ValueError(f"frames: shapes {first.shape} and {pixels.shape} differ")
