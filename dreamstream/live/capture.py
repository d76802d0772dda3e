"""Where live frames come from, and the thread that keeps only the newest of them."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Protocol

import numpy as np

from dreamstream._libraries import cv2
from dreamstream.errors import SourceError, SourceLost
from dreamstream.frames import Pixels, StreamInfo
from dreamstream.live.mailbox import Mailbox
from dreamstream.sources.base import Source
from dreamstream.sources.fit import fit

MOST_RATE = Fraction(30)
"""Frames a second that a live view shows unless told otherwise."""

PATIENCE = 5.0
"""Seconds without a new frame after which a camera is taken for gone."""

STREAM_PATIENCE = 25.0
"""The same for a stream from the net, whose reader gives up by itself after 20 s."""

REPEATING = 10.0
"""Seconds of one picture repeated to the last bit after which a camera whose pictures all differed
until then is taken for gone: some drivers repeat the last one when it is unplugged."""

_LIVELY_FRAMES, _STANDS_STILL = 30, 1.0
"""Pictures unlike the one before, and seconds that none lasted, by which a camera shows its noise:
only then can repetition tell anything."""

_FLAT = 2.0
"""Standard deviation, of 255, under which a picture may be a covered lens's, rightly repeated."""

_LONGEST_SKIP = 0.25
"""Seconds after which a film that can't be decoded in time shows a late frame all the same."""

_LEFT_BEHIND = 2.0
"""Seconds that a device's read may take at the end: one that was unplugged may block for ever."""

_EARLY = 0.25
"""Share of a period that a frame may come early and still be its turn."""


@dataclass(frozen=True, slots=True)
class Captured:
    """One live frame.

    Attributes:
        pixels: (H, W, 3) uint8 RGB.
        moment: When it was captured, in seconds of ``time.monotonic``.
        number: Its place among the frames whose turn it was, from 0; a gap tells of dropped ones.
        time: Seconds in the film, in each turn of a loop from its beginning; None of a camera.
    """

    pixels: Pixels
    moment: float
    number: int = 0
    time: float | None = None


class Device(Protocol):
    """Returns frames at its own pace; it is read and closed by one thread.

    Attributes:
        name: What messages call it.
        info: Size and rate of its frames.
        patience: Seconds without a frame after which it is taken for gone.
    """

    name: str
    info: StreamInfo
    patience: float

    def read(self) -> Captured:
        """Wait for the next frame.

        Returns:
            The frame; where its moment is yet to come, whoever reads must wait for it.

        Raises:
            StopIteration: There are no more.
            SourceError: It can't be read on.
        """
        ...

    def close(self) -> None:
        """Release it."""
        ...


class Camera:
    """A local camera.

    Args:
        capture: OpenCV's, or what behaves like it.
        name: What messages call it.
        info: Size and rate of its frames.
    """

    patience = PATIENCE

    def __init__(self, capture: "cv2.VideoCapture", name: str, info: StreamInfo) -> None:
        self._capture, self.name, self.info = capture, name, info
        self._repeats = _Repeats()

    def read(self) -> Captured:
        """See :meth:`Device.read`; an unplugged camera raises a SourceError."""
        there, bgr = self._capture.read()
        if not there:
            raise self._gone()
        captured = Captured(np.ascontiguousarray(bgr[..., ::-1]), time.monotonic())
        if self._repeats.note(captured):
            raise self._gone()
        return captured

    def close(self) -> None:
        """See :meth:`Device.close`."""
        self._capture.release()

    def _gone(self) -> SourceError:
        return gone(self.name)


class Film:
    """A film that plays at its own rate and drops what is late, as a camera would.

    Args:
        open_film: Opens it, once more for each turn of a loop.
        name: What messages call it.
        loop: Restart at the end.
        clock: Tells seconds.
    """

    patience = STREAM_PATIENCE

    def __init__(
        self,
        open_film: Callable[[], Source],
        name: str,
        *,
        loop: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open_film, self.name, self._loop, self._clock = open_film, name, loop, clock
        self._film = open_film()
        self.info = replace(self._film.info, sound=None)
        if self.info.rate is None:
            self._film.close()
            raise SourceError(f"playing {name} live failed: it is a still; leave --live out")
        self._period = float(1 / self.info.rate)
        self._begin: float | None = None
        self._turn = self._played = Fraction(0)
        self._given = 0.0

    def read(self) -> Captured:
        """See :meth:`Device.read`."""
        while True:
            pixels, time_in_film = self._next()
            now = self._clock()
            if self._begin is None:
                self._begin = now - float(time_in_film)
            due = self._begin + float(time_in_film)
            late = now - due
            if late > self._period and now - self._given < _LONGEST_SKIP:
                continue
            if late > _LONGEST_SKIP:  # it can't be decoded in time: then it plays slower
                self._begin, due = self._begin + late, now
            self._given = max(now, due)
            return Captured(pixels, due, time=float(time_in_film - self._turn))

    def close(self) -> None:
        """See :meth:`Device.close`."""
        self._film.close()

    def _next(self) -> tuple[Pixels, Fraction]:
        frame = next(self._film, None)
        if frame is None and self._loop:
            self._film.close()
            self._film = self._open_film()
            self._turn = self._played
            frame = next(self._film, None)
        if frame is None:
            raise StopIteration
        moment = self._turn + frame.time
        self._played = moment + 1 / (self.info.rate or MOST_RATE)
        return frame.pixels, moment


class NetStream:
    """A stream that comes at its sender's pace, such as an rtsp camera's."""

    patience = STREAM_PATIENCE

    def __init__(self, source: Source, name: str) -> None:
        self._source, self.name = source, name
        self.info = replace(source.info, sound=None)

    def read(self) -> Captured:
        """See :meth:`Device.read`."""
        frame = next(self._source)
        return Captured(frame.pixels, time.monotonic())

    def close(self) -> None:
        """See :meth:`Device.close`."""
        self._source.close()


def gone(name: str) -> SourceLost:
    """Make the error for a device that gives no more pictures."""
    return SourceLost(
        f"{name} gives no picture any more: it is unplugged or hangs; plug it in and restart"
    )


def never_came(name: str) -> SourceError:
    """Make the error for a device that has opened and gives no picture."""
    return SourceError(
        f"{name} gives no picture: another program may hold it; close that one, or plug it in again"
    )


class _Repeats:
    """Tells a driver that repeats its last picture from a scene that stands still."""

    def __init__(self) -> None:
        self._last: Captured | None = None
        self._lasted = 0.0
        self._different = 0
        self._lively = True

    def note(self, captured: Captured) -> bool:
        """Take in a frame; tell whether the device is gone."""
        last = self._last
        if last is not None and np.array_equal(last.pixels, captured.pixels):
            self._lasted = captured.moment - last.moment
            lively = self._lively and self._different >= _LIVELY_FRAMES
            return lively and self._lasted >= REPEATING and captured.pixels.std() >= _FLAT
        self._lively = self._lively and self._lasted < _STANDS_STILL
        self._different += 1
        self._last, self._lasted = captured, 0.0
        return False


class Pacer:
    """Lets frames pass at a rate, evenly, whatever rate they come at.

    Args:
        rate: Frames a second at the most.
    """

    def __init__(self, rate: Fraction) -> None:
        self._period = float(1 / rate)
        self._due = -float("inf")

    def admits(self, moment: float) -> bool:
        """Return whether a frame of this moment has its turn."""
        if moment < self._due - _EARLY * self._period:
            return False
        turn = self._due if self._due > moment - self._period else moment
        self._due = turn + self._period
        return True


class CaptureThread(threading.Thread):
    """Reads a device without a pause, and keeps its newest frame.

    Args:
        device: What to read; closed at the end.
        rate: Frames a second to keep at the most.

    Attributes:
        newest: Holds the newest frame that nobody took.
        frames: Frames read so far.
        over: Whether the device has ended, of itself or in ``failure``.
        failure: What it ended with; None of itself.
    """

    def __init__(self, device: Device, rate: Fraction) -> None:
        super().__init__(name="capture", daemon=True)
        self._device, self._pacer = device, Pacer(rate)
        self._stopped = threading.Event()
        self.newest: Mailbox[Captured] = Mailbox()
        self.frames = 0
        self.over = False
        self.failure: Exception | None = None

    def run(self) -> None:
        """Read until the end."""
        number = 0
        try:
            while not self._stopped.is_set():
                captured = self._fitted(self._device.read())
                if self._stopped.wait(max(0.0, captured.moment - time.monotonic())):
                    break
                self.frames += 1
                if self._pacer.admits(captured.moment):
                    self.newest.put(replace(captured, number=number))
                    number += 1
        except StopIteration:
            pass
        except Exception as error:  # shown by whoever watches
            self.failure = error
        finally:
            self._device.close()
            self.over = True

    def stop(self) -> None:
        """End; a device that blocks is left behind."""
        self._stopped.set()
        if self.ident is None:
            self._device.close()
        else:
            self.join(_LEFT_BEHIND)

    def _fitted(self, captured: Captured) -> Captured:
        info = self._device.info
        if captured.pixels.shape[:2] == (info.height, info.width):
            return captured
        return replace(captured, pixels=fit(captured.pixels, info.height, info.width))


class Watchdog:
    """Tells when a device has been silent for too long, by a clock that its own stalls don't count.

    Args:
        patience: Seconds.
    """

    LONGEST_TICK = 0.25
    """Seconds between two looks at the most: beyond it the watcher itself was held up."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._silent = 0.0
        self._frames = -1
        self._looked: float | None = None

    def bites(self, frames: int, now: float) -> bool:
        """Look at the number of frames so far; tell whether it has stood still for too long."""
        waited = 0.0 if self._looked is None else now - self._looked
        self._looked = now
        if frames != self._frames:
            self._frames, self._silent = frames, 0.0
        else:
            self._silent += min(waited, self.LONGEST_TICK)
        return self._silent > self._patience
