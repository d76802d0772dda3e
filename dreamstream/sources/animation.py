"""Animated WebP, which FFmpeg can't decode, as a source."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias, cast

import numpy as np

from dreamstream._libraries import cv2
from dreamstream.config import MediaConfig
from dreamstream.errors import SourceError
from dreamstream.frames import Frame, Pixels, StreamInfo
from dreamstream.sources.base import Source, Trim, nothing_kept
from dreamstream.sources.headers import picture_size
from dreamstream.sources.kinds import Kind
from dreamstream.sources.limits import require_room
from dreamstream.sources.quiet import quiet_opencv
from dreamstream.sources.transparency import Ground, laid, require_transparency

TICK = Fraction(1, 1000)
"""Unit of WebP's delays, in seconds."""

_USUAL_DELAY, _LEAST_DELAY = 100, 11
"""Milliseconds that browsers take instead of a shorter delay, and the shortest that they keep."""

_BLOCK_BYTES = 64 << 20
"""Decoded pictures that are held at a time.  OpenCV decodes each block from the file's begin, so
small blocks would make long animations slow."""

_HEAD_BYTES = 32

_Shown: TypeAlias = tuple[Pixels, Fraction]
"""A picture, and the seconds for which it is shown."""


class AnimatedWebpSource(Source):
    """An animated WebP with its own times; what is transparent lies on white.

    Args:
        path: The file.
        media: ``start``, ``duration`` and ``frames`` choose what is read.
        ground: What is seen where it is transparent.

    Attributes:
        info: What is known of the stream; its rate is that of its first delay.

    Raises:
        SourceError: It can't be decoded, or the trim keeps nothing of it.
    """

    def __init__(
        self, path: Path, media: MediaConfig | None = None, ground: Ground = Ground.WHITE
    ) -> None:
        self._path, self._ground = path, ground
        self._damaged = self._index = 0
        self._trim = trim = Trim.of(media or MediaConfig())
        data = path.read_bytes()
        size = picture_size(data[:_HEAD_BYTES], Kind.ANIMATED_WEBP)
        if size is not None:
            require_room(str(path), size)
        self._data = np.frombuffer(data, np.uint8)
        with quiet_opencv():
            self._count = cv2.imcount(str(path), cv2.IMREAD_UNCHANGED)
        self._pictures = trim.kept(self._timed())
        first = next(self._pictures, None)
        if first is None:
            whole = self._count and not self._damaged
            raise nothing_kept(str(path)) if whole else self._broken()
        self._next: tuple[Fraction, _Shown] | None = first
        self._begin = first[0] if trim.moves_begin else Fraction(0)
        (height, width), rate = first[1][0].shape[:2], 1 / self._delay
        frames = trim.expected(self._count, rate)
        self.info = StreamInfo(height, width, rate, TICK, frames, path=path, begin=self._begin)

    @property
    def damaged(self) -> int:
        """Pictures that could not be decoded."""
        return self._damaged

    def __next__(self) -> Frame:
        time, (pixels, length) = self._next or next(self._pictures)
        self._next = None
        time -= self._begin
        frame = Frame(pixels, time, self._index, self._trim.shown(time, length))
        self._index += 1
        return frame

    def close(self) -> None:
        """End the stream."""
        self._next = None
        self._pictures = iter(())

    def _timed(self) -> Iterator[tuple[Fraction, _Shown]]:
        """Decode block by block; behind a damaged picture nothing can be decoded."""
        time, begin, size = Fraction(0), 0, 1
        while begin < self._count:
            with quiet_opencv():
                _, block = cv2.imdecodeanimation(self._data, start=begin, count=size)
            if not block.frames:
                self._damaged += self._count - begin
                return
            if begin == 0:
                self._delay = _seconds(block.durations[0])
            for picture, delay in zip(block.frames, block.durations, strict=True):
                yield time, (self._to_rgb(cast(Pixels, picture)), _seconds(delay))
                time += _seconds(delay)
            begin += len(block.frames)
            size = max(1, _BLOCK_BYTES // block.frames[0].nbytes)

    def _to_rgb(self, picture: Pixels) -> Pixels:
        if picture.shape[2] == 4:
            picture = laid(picture[..., :3], picture[..., 3], self._ground)
        else:
            require_transparency(self._ground, str(self._path))
        return np.ascontiguousarray(picture[..., ::-1])

    def _broken(self) -> SourceError:
        return SourceError(
            f"reading {self._path} failed: no picture of it can be decoded; repair or convert it"
        )


def _seconds(delay: float) -> Fraction:
    return int(delay if delay >= _LEAST_DELAY else _USUAL_DELAY) * TICK
