"""How far a rendering is: a bar on a terminal, and a line every 10 s elsewhere."""

import sys
import threading
import time
from collections import deque
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from dreamstream.dream.report import DreamReport, FrameRecord

LINE_SECONDS = 10.0
"""Seconds between two lines where stderr is no terminal."""

_BAR_SECONDS = 0.5
"""Seconds between two looks at a frame in the making on a terminal."""

_UNTYPICAL = 2
"""Frames at the beginning of a run that tell nothing of the others' time: the first takes many more
steps, and parts of the network are compiled for each of them."""

_NAME_LENGTH = 24
"""Characters of a name beside the bar, which must have room for its figures."""

_WINDOW = 50
"""Frames whose time tells that of those to come."""


class Rendered(Iterable["FrameRecord"], Protocol):
    """What is followed: an iterator of frames' records, and what is known of it meanwhile.

    Attributes:
        frames: Frames of the whole stream; None where that is unknown.
        first_frame: Index of the first frame that is dreamed.
        steps_taken: Steps taken so far, of all frames.
        lead_frames: Frames of a loop's first pass dreamed so far.
    """

    @property
    def frames(self) -> int | None:  # noqa: D102
        ...

    @property
    def first_frame(self) -> int:  # noqa: D102
        ...

    @property
    def steps_taken(self) -> int:  # noqa: D102
        ...

    @property
    def lead_frames(self) -> int:  # noqa: D102
        ...


def announce(name: str) -> None:
    """Show on a terminal at once that work has begun, before the libraries that it takes load.

    The bar, or an error's line, takes its place.
    """
    if sys.stderr.isatty():
        sys.stderr.write(f"dreamstream: {name}: loading\r")
        sys.stderr.flush()


class Pace:
    """Estimates the time that is left, from the latest frames without the untypical first ones."""

    def __init__(self) -> None:
        self._count = 0
        self._times: deque[float] = deque(maxlen=_WINDOW)

    def note(self, now: float) -> None:
        """Note that a frame is done, at a time in seconds."""
        self._count += 1
        if self._count >= _UNTYPICAL:
            self._times.append(now)

    @property
    def rate(self) -> float | None:
        """Frames per second; None while it is not known."""
        if len(self._times) < 2 or self._times[-1] <= self._times[0]:
            return None
        return (len(self._times) - 1) / (self._times[-1] - self._times[0])

    def seconds_left(self, frames: int) -> float | None:
        """Estimate the seconds that some more frames take; None while that is not known."""
        return None if self.rate is None else frames / self.rate


class Progress:
    """Shows how far a rendering is, from its first moment on; use it in a ``with``.

    A thread looks at the frame in the making, whose steps it shows while there is no whole frame.

    Args:
        name: What is dreamed.
        quiet: Show nothing.
        most_steps: Steps that the first frame takes at the most.
    """

    def __init__(self, name: str, *, quiet: bool, most_steps: int) -> None:
        self._name, self._most_steps = name, most_steps
        self._rendering: Rendered | None = None
        self._frames, self._begun = 0, time.monotonic()
        self._pace, self._ended = Pace(), threading.Event()
        from tqdm import tqdm

        is_terminal = sys.stderr.isatty()
        self._prints = not quiet and not is_terminal
        self._bar = tqdm(
            desc=self._label("loading"),
            unit="frame",
            disable=quiet or not is_terminal,
            dynamic_ncols=True,
            smoothing=0,
        )
        every = LINE_SECONDS if self._prints else _BAR_SECONDS
        self._thread = threading.Thread(target=self._watch, args=(every,), daemon=True)

    def __enter__(self) -> Self:
        """Start to watch."""
        if not (self._bar.disable and not self._prints):
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Show no more."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        self._bar.close()

    def follow(self, rendering: Rendered) -> int:
        """Render every frame, and return their number."""
        self._rendering = rendering
        self._bar.total = rendering.frames
        self._bar.n = self._bar.initial = rendering.first_frame
        for record in rendering:
            self._frames += 1
            self._pace.note(time.monotonic())
            self._show(record.report)
        return self._frames

    def _show(self, report: "DreamReport") -> None:
        """Move the bar on by a frame, and show its loss, or else that of a step before."""
        self._bar.set_description_str(self._label(), refresh=False)
        loss = report.ascent_loss if report.loss is None else report.loss
        if loss is not None:
            self._bar.set_postfix(loss=f"{loss:.3g}", refresh=False)
        self._bar.update()
        if self._frames <= _UNTYPICAL:  # the bar's own rate begins behind them, too
            self._bar.initial = self._bar.n
            self._bar.start_t = self._bar.last_print_t = time.time()

    def _watch(self, every: float) -> None:
        while not self._ended.wait(every):
            self._print()
            if not self._frames:
                self._bar.set_description_str(self._label(self._first_frame_done()))

    def _print(self) -> None:
        if self._prints:
            sys.stderr.write(f"dreamstream: {self._status()}\n")
            sys.stderr.flush()

    def _status(self) -> str:
        """Describe what is done and what is left."""
        if self._frames and self._rendering is not None:
            return f"{self._name}: {self._frames_done(self._rendering)}"
        return f"{self._name}: {self._first_frame_done()}"

    def _label(self, text: str = "") -> str:
        """Describe it beside the bar."""
        name = self._name.rstrip("/").rpartition("/")[2][-_NAME_LENGTH:]
        return f"{name}: {text}" if text else name

    def _first_frame_done(self) -> str:
        steps = 0 if self._rendering is None else self._rendering.steps_taken
        lead = 0 if self._rendering is None else self._rendering.lead_frames
        if lead and self._rendering is not None:
            of = "" if self._rendering.frames is None else f" of {self._rendering.frames}"
            return f"first pass of the loop, frame {lead}{of}"
        if steps:
            return f"step {steps} of at most {self._most_steps} of the first frame"
        seconds = time.monotonic() - self._begun
        return "loading" + (f" for {seconds:.0f} s" if seconds >= 1 else "")

    def _frames_done(self, rendering: Rendered) -> str:
        done, frames = rendering.first_frame + self._frames, rendering.frames
        if frames is not None and done > frames:  # it was an estimate, and too small
            frames = None
        parts = [f"frame {done}" + ("" if frames is None else f" of {frames}")]
        if self._pace.rate is not None:
            parts.append(f"{shown_rate(self._pace.rate)} a second")
        left = None if frames is None else self._pace.seconds_left(frames - done)
        parts += [] if left is None else [f"{timedelta(seconds=round(left))} left"]
        return ", ".join(parts)


def shown_rate(rate: float) -> str:
    """Write a rate as people read it: two digits, or whole numbers."""
    return f"{rate:.0f}" if rate >= 10 else f"{rate:.2g}"
