"""The files that a live view writes: recordings and stills, none of which replaces another."""

import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from dreamstream.config import MediaConfig
from dreamstream.frames import Frame, Pixels, StreamInfo
from dreamstream.live.recorder import TICK, Recorder
from dreamstream.sinks import Sink, open_sink
from dreamstream.sinks.pipe import STDOUT

_NAME = "dreamstream-%Y%m%d-%H%M%S"


class Outputs:
    """Opens recordings and saves stills.

    Args:
        info: Size and rate of what is shown.
        media: ``codec``, ``crf``, ``width`` and ``overwrite``.
        target: Where the first recording goes, as ``open_sink`` takes it; None leaves it to
            the clock.
        now: Tells the local time.
    """

    def __init__(
        self,
        info: StreamInfo,
        media: MediaConfig,
        target: str | None,
        now: Callable[[], time.struct_time] = time.localtime,
    ) -> None:
        self._info = replace(info, sound=None, time_base=TICK, frames=None)
        self._media, self._target, self._now = media, target, now
        self._first = target is not None
        files = target is not None and target != STDOUT
        self._beside = Path(target) if files and target is not None else None

    def open_recording(self) -> Recorder:
        """Begin a recording: the first in the target, further ones like-named.

        Raises:
            SinkError: It can't be written.
        """
        if self._first and self._target is not None:
            recorder = Recorder(lambda: self._open(str(self._target)), self._beside)
        else:
            path = self._free(".mp4" if self._beside is None else self._beside.suffix)
            recorder = Recorder(lambda: self._open(str(path)), path)
        self._first = False
        return recorder

    def save_still(self, pixels: Pixels) -> Path:
        """Write a (H, W, 3) picture as a PNG named by the clock; return its path.

        Raises:
            SinkError: It can't be written.
        """
        path = _free_path(self._folder / f"{time.strftime(_NAME, self._now())}.png")
        info = StreamInfo(pixels.shape[0], pixels.shape[1], frames=1)
        with open_sink(path, info, MediaConfig()) as sink:
            sink.write(Frame(pixels, Fraction(0), 0))
        return path

    @property
    def _folder(self) -> Path:
        return Path() if self._beside is None else self._beside.parent

    def _free(self, suffix: str) -> Path:
        """Name a recording that is none yet: the target's name with a number, or the clock's."""
        if self._beside is None:
            return _free_path(Path(f"{time.strftime(_NAME, self._now())}{suffix}"))
        return _free_path(self._beside)

    def _open(self, target: str) -> Sink:
        return open_sink(target, self._info, self._media)


def _free_path(path: Path) -> Path:
    """Number a name that is taken: ``x.png``, ``x-2.png``."""
    free, number = path, 1
    while free.exists():
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free
