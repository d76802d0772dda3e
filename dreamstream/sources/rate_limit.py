"""A source at a lower frame rate, so that frames that are not shown are not dreamed."""

import math
from dataclasses import replace
from fractions import Fraction

from dreamstream.frames import Frame
from dreamstream.sources.base import Source


class ThinnedSource(Source):
    """Leaves out frames of another source so that at most so many a second are left.

    The frames that stay keep their times.  Time is cut in slots of ``1 / most`` seconds, and the
    first frame of each slot stays; a source of fewer frames passes whole.

    Args:
        source: The source; it is closed with this one.
        most: Frames per second, at most.

    Attributes:
        info: The stream as it is left.
        unthinned: The other source's info.
    """

    def __init__(self, source: Source, most: Fraction) -> None:
        if most <= 0:
            raise ValueError(f"most: {most} must be more than 0")
        self._source, self._most = source, most
        self._slot, self._index = -1, 0
        self.info = self.unthinned = source.info
        rate, count = source.info.rate, source.info.frames
        if rate is not None and rate > most:
            frames = None if count is None else max(1, math.ceil(count * most / rate))
            numbers = self._numbers_left(rate)
            self.info = replace(source.info, rate=most, frames=frames, numbers=numbers)

    @property
    def damaged(self) -> int:
        """The source's damaged pictures."""
        return self._source.damaged

    def __next__(self) -> Frame:
        for frame in self._source:
            slot = math.floor(frame.time * self._most)
            if slot > self._slot:
                self._slot = slot
                self._index += 1
                length = None if frame.duration is None else max(frame.duration, 1 / self._most)
                return replace(frame, index=self._index - 1, duration=length)
        raise StopIteration

    def _numbers_left(self, rate: Fraction) -> tuple[int, ...] | None:
        """Return the numbers of the pictures that stay, which come at a constant rate."""
        numbers = self._source.info.numbers
        if numbers is None:
            return None
        slots = [math.floor(index / rate * self._most) for index in range(len(numbers))]
        before = [-1, *slots]
        return tuple(numbers[index] for index, slot in enumerate(slots) if slot > before[index])

    def close(self) -> None:
        """Close the source."""
        self._source.close()
