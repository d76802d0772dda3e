"""What every source of frames can do, and which of its frames a trim keeps."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import Protocol, Self, TypeVar

from dreamstream.config import MediaConfig
from dreamstream.errors import SourceError
from dreamstream.frames import Frame, StreamInfo

_Picture = TypeVar("_Picture")


class Source(Protocol):
    """A stream of frames that is read once, in order; its end is ``StopIteration``.

    Attributes:
        info: What is known before the first frame.
    """

    info: StreamInfo

    @property
    def damaged(self) -> int:
        """Pictures met so far that could not be decoded, or not without faults, or are missing."""
        return 0

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        """Return the next frame.

        Raises:
            StopIteration: The stream has ended or is closed.
            SourceError: The stream can't be read on.
        """
        ...

    def close(self) -> None:
        """Release files and devices; closing twice is no fault."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Trim:
    """Which frames of a stream are wanted.

    Attributes:
        start: Seconds to leave out at the beginning.
        duration: Seconds to keep; None is all.
        first: Frames to leave out after ``start``.
        last: Frame after the last one, counted from ``start``; None is all.
    """

    start: Fraction
    duration: Fraction | None
    first: int
    last: int | None

    @classmethod
    def of(cls, media: MediaConfig) -> "Trim":
        """Take the trim from the options."""
        first, last = media.frames
        return cls(media.start, media.duration, first or 0, last)

    @property
    def moves_begin(self) -> bool:
        """Whether the stream's time 0 is its first kept frame and not its own beginning."""
        return self.start > 0 or self.first > 0

    def expected(self, total: int | None, rate: Fraction | None) -> int | None:
        """Estimate how many of ``total`` frames at ``rate`` are kept.

        Returns:
            The number of frames; None where neither the stream nor the trim tells.
        """
        bounds = []
        if total is not None:
            bounds.append(total - self.first - (math.ceil(self.start * rate) if rate else 0))
        if self.last is not None:
            bounds.append(self.last - self.first)
        if self.duration is not None and rate:
            bounds.append(math.ceil(self.duration * rate))
        return max(min(bounds), 1) if bounds else None

    def kept(
        self, timed: Iterator[tuple[Fraction, _Picture]]
    ) -> Iterator[tuple[Fraction, _Picture]]:
        """Choose from pictures and their times, which are left as they are."""
        position, end = 0, None
        for time, picture in timed:
            if time < self.start:
                continue
            if self.last is not None and position >= self.last:
                return
            position += 1
            if position <= self.first:
                continue
            if end is None and self.duration is not None:
                end = self.duration + (time if self.moves_begin else 0)
            if end is not None and time >= end:
                return
            yield time, picture

    def shown(self, time: Fraction, length: Fraction | None) -> Fraction | None:
        """Return for how many seconds a picture is shown within the trim.

        Args:
            time: Seconds from the stream's time 0 to the picture.
            length: Seconds for which the stream shows it; None where it does not say.
        """
        if length is None or self.duration is None:
            return length
        return min(length, self.duration - time)

    def of_count(self, count: int, rate: Fraction | None) -> range:
        """Choose from ``count`` frames at a constant ``rate``; a still has none and is at time 0.

        Returns:
            The indices that are kept; at least one.

        Raises:
            SourceError: None is kept.
        """
        begin = self.first + (math.ceil(self.start * rate) if rate else 0)
        end = count if self.last is None else min(count, begin - self.first + self.last)
        if self.duration is not None and rate:
            end = min(end, begin - int(-self.duration * rate // 1))
        if begin >= end or (rate is None and self.start > 0):
            raise nothing_kept(f"{count} frame{'s' if count > 1 else ''}")
        return range(begin, end)


def nothing_kept(what: str) -> SourceError:
    """Make the error for a trim that leaves no frame of ``what``."""
    return SourceError(
        f"trimming {what} failed: no frame is left; give a smaller --start or other --frames"
    )
