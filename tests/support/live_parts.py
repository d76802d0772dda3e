"""What stands in for a camera, a screen and a network in the tests of the live view."""

import time
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from dreamstream.dream.resampling import Size, fit_size
from dreamstream.errors import SourceLost
from dreamstream.frames import Pixels, StreamInfo
from dreamstream.live.capture import Captured
from dreamstream.live.controller import Rung
from dreamstream.live.residual import Snapshot, Update

HEIGHT, WIDTH, RATE = 48, 64, Fraction(100)


def textured(shift: int = 0, height: int = HEIGHT, width: int = WIDTH) -> Pixels:
    """A picture with detail everywhere, moved by some pixels to the left."""
    rng = np.random.default_rng(3)
    coarse = rng.integers(40, 215, (height // 4, (width + 64) // 4, 3), np.uint8)
    fine = np.repeat(np.repeat(coarse, 4, axis=0), 4, axis=1)
    return np.ascontiguousarray(fine[:, shift : shift + width])


class FakeDevice:
    """Returns some pictures at a steady pace, then ends, is lost, or gives nothing any more."""

    def __init__(self, count: int, end: str = "over", patience: float = 0.3) -> None:
        self.name, self.patience = "camera 7", patience
        self.info = StreamInfo(HEIGHT, WIDTH, rate=RATE)
        self.closed = False
        self._count, self._end, self._given = count, end, 0
        self._begin: float | None = None

    def read(self) -> Captured:
        self._begin = time.monotonic() if self._begin is None else self._begin
        if self._given >= self._count:
            return self._finish()
        moment = self._begin + self._given / float(RATE)
        self._given += 1
        return Captured(textured(self._given % 8), moment)

    def _finish(self) -> Captured:
        if self._end == "lost":
            raise SourceLost("camera 7 gives no picture any more")
        if self._end == "silent":
            time.sleep(3 * self.patience)  # an unplugged one may block for ever
        raise StopIteration

    def close(self) -> None:
        self.closed = True


class FakeWindow:
    """Keeps what is shown; keys come by a script of frames shown so far and characters."""

    def __init__(self, keys: list[tuple[int, str]] | None = None, closes_at: int = 10**9) -> None:
        self.shown: list[Pixels] = []
        self.closed = 0
        self.full_screen = False
        self._keys, self._closes_at = list(keys or []), closes_at

    @property
    def is_open(self) -> bool:
        return len(self.shown) < self._closes_at

    def show(self, pixels: Pixels) -> None:
        self.shown.append(pixels)

    def key(self) -> str | None:
        if self._keys and len(self.shown) >= self._keys[0][0]:
            return self._keys.pop(0)[1]
        return None

    def toggle_full_screen(self) -> None:
        self.full_screen = not self.full_screen

    def close(self) -> None:
        self.closed += 1


class FakeNetwork:
    """Asks for the same change in every snapshot."""

    def __init__(
        self, amount: float = 0.05, seconds: float = 0.0, failure: Exception | None = None
    ) -> None:
        self.amount, self.seconds, self.failure = amount, seconds, failure
        self.looked: list[int] = []
        self.warmed: list[int] = []
        self.tuned: list[dict[str, Any]] = []

    def dreams_at(self, size: Size) -> bool:
        return True

    def warm_up(self, size: Size, side: int) -> None:
        self.warmed.append(side)

    def retune(self, settings: Mapping[str, Any]) -> None:
        self.tuned.append(dict(settings))

    def look(self, snapshot: Snapshot, rung: Rung, strength: float) -> Update:
        if self.failure is not None:
            raise self.failure
        time.sleep(self.seconds)
        self.looked.append(snapshot.index)
        size = fit_size((snapshot.pixels.shape[0], snapshot.pixels.shape[1]), rung.side)
        change = np.full((*size, 3), self.amount * strength, np.float32)
        return Update(snapshot.index, snapshot.shot, change, 5.0, 1.0, rung.steps, rung.side)


def wait_until(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until something holds; fail where it does not."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.005)
