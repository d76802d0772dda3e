"""Records what is shown, at the times at which it was captured, beside the view that shows it."""

import functools
import queue
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from dreamstream.errors import DreamstreamError, SinkError
from dreamstream.frames import Frame, Pixels
from dreamstream.sinks import Sink

TICK = Fraction(1, 1000)
"""Unit of the recorded times, in seconds."""

_MOST_WAITING = 4
"""Frames that may wait for the encoder; further ones are left out, and the times stay true."""


class Recorder:
    """Writes frames to a sink in a thread of its own.

    Args:
        open_sink: Opens the sink; called at once, in the caller's thread.
        path: What the sink writes, for messages; None where that is no file.

    Attributes:
        path: As given.
        frames: Frames taken in so far.
        left_out: Frames that the encoder had no time for.

    Raises:
        SinkError: The sink can't be opened.
    """

    def __init__(self, open_sink: Callable[[], Sink], path: Path | None) -> None:
        self.path = path
        self.frames = self.left_out = 0
        self._sink = open_sink()
        self._begin: float | None = None
        self._ticks = -1
        self._ended = False
        self._failure: Exception | None = None
        self._waiting: queue.Queue[Frame | None] = queue.Queue(_MOST_WAITING)
        self._thread = threading.Thread(target=self._write_all, name="recording", daemon=True)
        self._thread.start()

    def write(self, pixels: Pixels, moment: float) -> None:
        """Take in a frame.

        Args:
            pixels: (H, W, 3) uint8 RGB, left alone from here on.
            moment: When it was captured, in seconds.

        Raises:
            SinkError: An earlier one could not be written; what was is kept.
        """
        self._check()
        self._begin = moment if self._begin is None else self._begin
        ticks = round(Fraction(moment - self._begin) / TICK)
        if ticks <= self._ticks:
            return
        try:
            self._waiting.put_nowait(Frame(pixels, ticks * TICK, self.frames))
        except queue.Full:
            self.left_out += 1
            return
        self._ticks = ticks
        self.frames += 1

    @property
    def seconds(self) -> float:
        """How much is recorded."""
        return max(0, self._ticks) * float(TICK)

    @property
    def is_done(self) -> bool:
        """Whether the file is finished, or has failed."""
        return not self._thread.is_alive()

    def end(self) -> None:
        """Take no more frames; what waits is written and the file finished without the caller."""
        if not self._ended:
            self._ended = True
            self._waiting.put(None)

    def close(self) -> None:
        """End, and wait until the file is finished; one without a frame is left out.

        Raises:
            SinkError: It can't be written or finished.
        """
        self.end()
        self._thread.join()
        self._check()

    def _check(self) -> None:
        if self._failure is None:
            return
        left = f"; what was recorded is in {self._sink.partial}" if self._sink.partial else ""
        if isinstance(self._failure, DreamstreamError):
            raise SinkError(f"{self._failure}{left}") from self._failure
        raise self._failure

    def _write_all(self) -> None:
        """Write until the end is called; after a failure only take what comes."""
        while (frame := self._waiting.get()) is not None:
            if self._failure is None:
                self._attempt(functools.partial(self._sink.write, frame))
        if self._failure is None:
            self._attempt(self._sink.close if self.frames else self._sink.abort)

    def _attempt(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:  # raised in the view's thread
            self._sink.abort()
            self._failure = error
