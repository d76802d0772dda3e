"""A film whose end dissolves into its own beginning."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np

from dreamstream.clips.disk_buffer import DiskBuffer
from dreamstream.clips.loop_crossfade import eased
from dreamstream.errors import SourceError
from dreamstream.frames import Frame, Pixels
from dreamstream.sources import Source

_NONE: Pixels = np.zeros((0, 0, 3), np.uint8)
"""Stands for pixels that wait on disk."""


class LoopFadeSource(Source):
    """Leaves out a film's first frames, and dissolves its last ones into them.

    So the last frame is followed by the first one that is left, as it was in the film.  Both ends
    wait on disk.

    Args:
        source: The film; it is closed with this one.
        fade: Seconds that are dissolved, and by which it gets shorter.
        name: What messages call it.

    Attributes:
        info: The film as it is left.
        unthinned: The film's info before any frames were left out.

    Raises:
        SourceError: It is not twice as long as the dissolve.
    """

    def __init__(self, source: Source, fade: Fraction, name: str) -> None:
        self._source, self._fade, self._name = source, fade, name
        self._head, self._line = DiskBuffer(), DiskBuffer()
        try:
            self._pending = self._read_head()
        except BaseException:
            source.close()
            raise
        self._begin, count = self._pending.time, len(self._head)
        info = source.info
        self.unthinned = getattr(source, "unthinned", info)
        frames = None if info.frames is None else max(1, info.frames - count)
        sound = info.sound
        if sound is not None:
            sound = replace(sound, begin=sound.begin + self._begin, cut_in=True)
        begin = info.begin + self._begin
        self.info = replace(info, frames=frames, sound=sound, begin=begin, numbers=None)
        self._frames: Iterator[Frame] = self._faded()

    @property
    def damaged(self) -> int:
        """The film's damaged pictures."""
        return self._source.damaged

    def __next__(self) -> Frame:
        return next(self._frames)

    def close(self) -> None:
        """Close the film."""
        self._frames = iter(())
        self._source.close()

    def _read_head(self) -> Frame:
        """Keep the frames that the end dissolves into; return the one behind them."""
        for frame in self._source:
            if frame.time >= self._fade and len(self._head):
                return frame
            self._head.append(frame.pixels.astype(np.float32))
        raise self._too_short()

    def _faded(self) -> Iterator[Frame]:
        count, index = len(self._head), 0
        held: list[Frame] = []
        frame: Frame | None = self._pending
        while frame is not None:
            if len(held) == count:
                yield self._placed(held.pop(0), index, 0.0)
                index += 1
            self._line[(index + len(held)) % count] = frame.pixels.astype(np.float32)
            held.append(replace(frame, pixels=_NONE))
            frame = next(self._source, None)
        if len(held) < count:
            raise self._too_short()
        for place, last in enumerate(held):
            yield self._placed(last, index, float(eased((place + 1) / (count + 1))), place)
            index += 1

    def _placed(self, frame: Frame, index: int, share: float, place: int = 0) -> Frame:
        """Return a frame that waited, dissolved by a share into one of the beginning."""
        pixels = self._line[index % len(self._head)]
        if share:
            pixels = pixels + np.float32(share) * (self._head[place] - pixels)
        made: Pixels = np.rint(pixels).astype(np.uint8)
        return replace(frame, pixels=made, time=frame.time - self._begin, index=index)

    def _too_short(self) -> SourceError:
        return SourceError(
            f"dissolving {self._name} failed: it is not twice as long as --loop-fade "
            f"{float(self._fade):g}; give less"
        )
