"""Renders one job after another, in the engine's process."""

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from dreamstream.cli.progress import Pace
from dreamstream.config import DreamConfig
from dreamstream.dream.checkpoint import CHECKPOINT
from dreamstream.errors import RenderCancelled
from dreamstream.frames import Frame, Pixels
from dreamstream.rendering.job import Job
from dreamstream.rendering.run import Renderer, Rendering
from dreamstream.sinks import Sink
from dreamstream.studio.lines import line_of
from dreamstream.studio.pictures import jpeg

_TELL_EVERY, _SHOW_EVERY = 0.25, 1.0
"""Seconds between two messages of a job's progress, and two pictures of its latest frame."""

_THUMBNAIL = 320
_LONGEST_END = 20.0

Send = Callable[..., None]


class Gate:
    """Holds a rendering up while it is paused, or while someone waits for a preview."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting = 0
        self.paused = self.ending = False

    def pass_through(self) -> None:
        """Wait until nothing holds the rendering up."""
        with self._changed:
            self._changed.wait_for(lambda: self.ending or not (self._waiting or self.paused))

    def set(self, **states: bool) -> None:
        """Set ``paused`` or ``ending``."""
        with self._changed:
            for name, value in states.items():
                setattr(self, name, value)
            self._changed.notify_all()

    def hold(self, waiting: int) -> None:
        """Note how many previews are waited for."""
        with self._changed:
            self._waiting = waiting
            self._changed.notify_all()


class _Latest(Sink):
    """Keeps the newest frame."""

    pixels: Pixels | None = None

    def write(self, frame: Frame) -> None:
        """See :meth:`Sink.write`."""
        self.pixels = frame.pixels

    def close(self) -> None:
        """See :meth:`Sink.close`; nothing is to be closed."""
        return

    def abort(self) -> None:
        """See :meth:`Sink.abort`."""
        return


class Renders:
    """Renders what is started, one job at a time.

    Args:
        send: Takes messages: ``("job", number, figures)`` and ``("job", number, figures, jpeg)``.
        gate: Holds it up.
    """

    def __init__(self, send: Send, gate: Gate) -> None:
        self._send, self._gate = send, gate
        self._renderer = Renderer()
        self._looks: list[DreamConfig] = []
        self._queue: queue.Queue[tuple[int, Job, threading.Event]] = queue.Queue()
        self._cancels: dict[int, threading.Event] = {}
        threading.Thread(target=self._run, name="rendering", daemon=True).start()

    def render(self, number: int, job: Job) -> None:
        """Render a job after those before it."""
        cancel = self._cancels[number] = threading.Event()
        self._queue.put((number, job, cancel))

    def cancel(self, number: int) -> None:
        """End a job after the frame in the making."""
        if number in self._cancels:
            self._cancels[number].set()
            self._gate.set(paused=False, ending=True)

    def pause(self, paused: bool) -> None:
        """Hold the rendering up, or let it go on."""
        self._gate.set(paused=paused)

    def end(self) -> None:
        """Cancel all, and wait until what was dreamed is kept."""
        for cancel in list(self._cancels.values()):
            cancel.set()
        self._gate.set(paused=False, ending=True)
        end = time.monotonic() + _LONGEST_END
        while self._cancels and time.monotonic() < end:
            time.sleep(0.05)

    def _run(self) -> None:
        while True:
            number, job, cancel = self._queue.get()
            self._gate.set(ending=cancel.is_set())
            lines = _Lines()
            logger = logging.getLogger("dreamstream")
            logger.addHandler(lines)
            try:
                figures = self._render(number, job, cancel)
            except RenderCancelled:
                figures = {"state": "cancelled"}
            except Exception as error:  # told of in the page; the others go on
                figures = {"state": "failed", "line": line_of(error)}
            finally:
                logger.removeHandler(lines)
            self._cancels.pop(number, None)
            self._send("job", number, {**figures, "notes": lines.texts})

    def _render(self, number: int, job: Job, cancel: threading.Event) -> dict[str, Any]:
        if cancel.is_set():
            return {"state": "cancelled"}
        self._send("job", number, {"state": "running", "phase": "loading"})
        if self._looks[-1:] != [job.dream]:
            self._looks.append(job.dream)
            self._send("made", "renders", len(self._looks))
        latest, begun = _Latest(), time.monotonic()
        with self._renderer.render(job, cancel=cancel, tap=latest) as rendering:
            progress = _Progress(number, rendering, latest, self._send)
            token = CHECKPOINT.set(lambda: self._look_in(progress))
            try:
                for _ in rendering:
                    progress.count()
                    self._gate.pass_through()
            finally:
                CHECKPOINT.reset(token)
            progress.show()
            damaged = rendering.damaged
        seconds = time.monotonic() - begun
        whole = {"done": progress.done, "frames": progress.done} if progress.done else {}
        return {"state": "done", "damaged": damaged, "seconds": seconds, **whole}

    def _look_in(self, progress: "_Progress") -> None:
        progress.step()
        self._gate.pass_through()


class _Progress:
    """Tells how far a job is."""

    def __init__(self, number: int, rendering: Rendering, latest: _Latest, send: Send) -> None:
        self._number, self._rendering, self._latest, self._send = number, rendering, latest, send
        self._pace, self._told, self._shown = Pace(), 0.0, 0.0
        self.done = rendering.first_frame

    def step(self) -> None:
        """Tell of the steps of the first frame, which takes many more than others."""
        now = time.monotonic()
        if self.done == self._rendering.first_frame and now - self._told >= _TELL_EVERY:
            self._told = now
            steps = self._rendering.steps_taken
            self._send("job", self._number, {"phase": f"first frame, step {steps}"})

    def count(self) -> None:
        """Tell of a frame that is done."""
        now = time.monotonic()
        self._pace.note(now)
        self.done += 1
        if now - self._shown >= _SHOW_EVERY:
            self.show()
        if now - self._told >= _TELL_EVERY or self.done == self._rendering.frames:
            self._told = now
            self._send("job", self._number, self._figures())

    def show(self) -> None:
        """Send a picture of the latest frame."""
        pixels, self._shown = self._latest.pixels, time.monotonic()
        if pixels is not None:
            self._send("job", self._number, self._figures(), jpeg(pixels, _THUMBNAIL, 80))

    def _figures(self) -> dict[str, Any]:
        frames, left = self._rendering.frames, None
        if frames is not None and frames >= self.done:
            left = self._pace.seconds_left(frames - self.done)
        return {
            "phase": "",
            "done": self.done,
            "frames": frames,
            "rate": self._pace.rate,
            "left": left,
        }


class _Lines(logging.Handler):
    """Keeps what a rendering logs, as the command would print it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line, unless a preview's thread has written it."""
        if record.threadName != "previews":
            with contextlib.suppress(ValueError):
                self.texts.append(record.getMessage())
