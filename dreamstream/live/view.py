"""The live view: shows the newest dream, records it, and does what the keys ask for.

Everything here runs in the main thread, for windows allow no other.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from dreamstream.config import DreamConfig
from dreamstream.dream.report import DreamReport, FrameRecord
from dreamstream.errors import SinkError, SourceLost
from dreamstream.frames import HALF_RANGE, Frame, Pixels
from dreamstream.live.capture import CaptureThread, Device, Watchdog, gone, never_came
from dreamstream.live.engine import LiveEngine, LiveFrame
from dreamstream.live.keys import Action, action_of, help_lines
from dreamstream.live.ledger import Ledger
from dreamstream.live.looks import (
    name_look,
    next_preset,
    next_strength,
    single_layer,
    toggled_guide,
)
from dreamstream.live.meter import Meter
from dreamstream.live.outputs import Outputs
from dreamstream.live.overlay import Readout, draw_figures, draw_help, draw_notice
from dreamstream.live.recorder import TICK, Recorder
from dreamstream.live.window import Window
from dreamstream.sinks import Sink
from dreamstream.temporal.cuts import Change

_POLL = 0.02
"""Seconds to wait for a dream before keys and the window are seen to."""

_REDRAW = 0.1
"""Seconds after which a picture that stands still is drawn again: its figures may have changed."""

_MESSAGE = 2.5
"""Seconds for which a message stays."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a live view works with.

    Attributes:
        device: Where the frames come from.
        capture: Reads it; started.
        engine: Dreams them; started.
        window: Where they are shown.
        outputs: Where recordings and stills go.
        tap: Another place for the frames, such as a virtual camera.
        write_record: Takes each shown frame's figures.
    """

    device: Device
    capture: CaptureThread
    engine: LiveEngine
    window: Window
    outputs: Outputs
    tap: Sink | None = None
    write_record: Callable[[FrameRecord], None] | None = None


class LiveView:
    """Shows dreams until the viewer, the device or the time ends it.

    Args:
        parts: What it works with.
        config: How to dream at first.
        recorder: A recording from the first frame on; the view closes it.
        duration: Seconds to show; None is until something ends it.

    Attributes:
        frames: Frames shown so far.
    """

    def __init__(
        self,
        parts: Parts,
        config: DreamConfig,
        recorder: Recorder | None = None,
        duration: Fraction | None = None,
    ) -> None:
        self._parts, self._config, self._duration = parts, config, duration
        self._guide_weight = config.guide_weight
        self.frames = 0
        self._recorder = recorder
        self._ending: Recorder | None = None
        self._watchdog = Watchdog(parts.device.patience)
        self._ledger = Ledger(parts.write_record or (lambda record: None))
        self._meter = Meter()
        self._picture: Pixels | None = None
        self._side = 0
        self._loss: float | None = None
        self._begin: float | None = None
        self._shown = self._drawn = time.monotonic()
        self._over = self._frozen = self._mirrored = self._helping = False
        self._figures = True
        self._message, self._message_ends = "h shows the keys", time.monotonic() + _MESSAGE
        self._actions: Mapping[Action, Callable[[str], None]] = {
            Action.QUIT: self._quit,
            Action.FREEZE: self._freeze,
            Action.STILL: self._save_still,
            Action.RECORD: self._toggle_recording,
            Action.HELP: self._toggle_help,
            Action.PRESET: self._take_next_preset,
            Action.WEAKER: self._dream_weaker,
            Action.STRONGER: self._dream_stronger,
            Action.LAYER: self._take_layer,
            Action.GUIDE: self._toggle_guide,
            Action.FULL_SCREEN: self._toggle_full_screen,
            Action.MIRROR: self._mirror,
            Action.OVERLAY: self._toggle_figures,
        }

    def run(self) -> None:
        """Show dreams until the end.

        Raises:
            SourceError: The device has failed; SourceLost where it gave pictures before.
            SinkError: A recording can't be written on.
        """
        while not self._over:
            frame = self._parts.engine.dreams.take(_POLL)
            if frame is not None and not self._frozen:
                self._show(frame)
            elif time.monotonic() - self._drawn >= _REDRAW:
                self._draw()
            self._take_losses()
            self._listen()
            self._check(frame is None)

    def close(self) -> None:
        """Finish the recording and the figures.

        Raises:
            SinkError: The recording can't be finished.
        """
        self._ledger.close()
        recorder, self._recorder = self._recorder, None
        with ExitStack() as stack:  # where one fails, the other is closed all the same
            for each in (self._ending, recorder):
                if each is not None:
                    stack.callback(each.close)

    # --- frames ----------------------------------------------------------------------------------

    def _show(self, frame: LiveFrame) -> None:
        """Show a frame, then pass it on."""
        pixels = frame.pixels
        self._picture = np.ascontiguousarray(pixels[:, ::-1]) if self._mirrored else pixels
        self._side = frame.side
        begun = time.perf_counter()
        self._draw()
        drawing = time.perf_counter() - begun
        now = time.monotonic()
        self._meter.note(now, now - frame.moment)
        self._begin = frame.moment if self._begin is None else self._begin
        passed = Fraction(round((frame.moment - self._begin) / TICK)) * TICK
        if self._duration is not None and passed >= self._duration:
            self._over = True
            return
        self._pass_on(frame, passed)
        if self._parts.write_record is not None:
            self._ledger.note(frame.index, self._record_of(frame, passed, drawing, now))
        self._shown = now
        self.frames += 1

    def _pass_on(self, frame: LiveFrame, passed: Fraction) -> None:
        if self._picture is None:
            return
        if self._recorder is not None:
            self._recorder.write(self._picture, frame.moment)
        if self._parts.tap is not None:
            self._parts.tap.write(Frame(self._picture, passed, self.frames))

    def _record_of(
        self, frame: LiveFrame, passed: Fraction, drawing: float, now: float
    ) -> FrameRecord:
        dreamed = frame.dreamed
        rms = float(np.sqrt(np.square(dreamed.snapshot.residual).mean(dtype=np.float64)))
        report = DreamReport(
            cut=dreamed.change is Change.CUT,
            flash=dreamed.change is Change.FLASH,
            warm=dreamed.confidence is not None,
            steps=(dreamed.steps,) if dreamed.steps else (),
            confidence=dreamed.confidence,
            residual_rms=dreamed.opacity * rms * HALF_RANGE,
            flow_seconds=frame.seconds,
        )
        latency = now - frame.moment
        return FrameRecord(
            self.frames,
            passed,
            report,
            0.0,
            drawing,
            now - self._shown,
            latency,
            frame.side or None,
        )

    def _take_losses(self) -> None:
        """Learn what the network has measured."""
        losses = self._parts.engine.losses
        while losses:
            number, loss = losses.popleft()
            self._loss = loss
            self._ledger.note_look(number, loss)

    def _draw(self) -> None:
        """Draw the picture and what lies over it."""
        self._drawn = time.monotonic()
        if self._picture is None:
            return
        picture, readout = self._picture, self._readout()
        if self._figures:
            picture = draw_figures(picture, readout)
        if readout.message or readout.recording is not None:
            picture = draw_notice(picture, readout.message, readout.recording)
        if self._helping:
            picture = draw_help(picture, help_lines())
        self._parts.window.show(picture)

    def _readout(self) -> Readout:
        now, config = time.monotonic(), self._parts.engine.config or self._config
        return Readout(
            rate=self._meter.rate,
            latency=self._meter.latency,
            side=self._side,
            loss=self._loss,
            max_loss=config.max_loss,
            look=name_look(config),
            strength=self._parts.engine.strength,
            recording=None if self._recorder is None else self._recorder.seconds,
            message=self._message if now < self._message_ends else "",
        )

    def _check(self, nothing_came: bool) -> None:
        """Raise what a thread met; end where the device has."""
        parts = self._parts
        if self._ending is not None and self._ending.is_done:
            self._finish_ending()
        if parts.engine.failure is not None:
            raise parts.engine.failure
        if not parts.window.is_open or (parts.capture.over and nothing_came):
            self._over = True
        if parts.capture.failure is not None:
            raise self._with_recording(parts.capture.failure)
        if self._watchdog.bites(parts.capture.frames, time.monotonic()):
            error = gone(parts.device.name) if self.frames else never_came(parts.device.name)
            raise self._with_recording(error)

    def _with_recording(self, error: Exception) -> Exception:
        """Log of a lost device where what was recorded lies."""
        recorder = self._recorder
        if not isinstance(error, SourceLost) or recorder is None or recorder.path is None:
            return error
        return SourceLost(f"{error}; what was recorded is in {recorder.path}")

    # --- keys ------------------------------------------------------------------------------------

    def _listen(self) -> None:
        code = self._parts.window.key()
        action = None if code is None else action_of(code)
        if action is not None and code is not None:
            self._actions[action](code)
            self._draw()

    def _say(self, message: str) -> None:
        self._message, self._message_ends = message, time.monotonic() + _MESSAGE

    def _quit(self, _code: str) -> None:
        self._over = True

    def _freeze(self, _code: str) -> None:
        self._frozen = not self._frozen
        self._say("frozen; space goes on" if self._frozen else "")

    def _save_still(self, _code: str) -> None:
        if self._picture is None:
            return
        try:
            self._say(f"saved {self._parts.outputs.save_still(self._picture).name}")
        except SinkError as error:  # the view goes on without it
            self._say(str(error))

    def _toggle_recording(self, _code: str) -> None:
        if self._recorder is not None:
            self._finish_ending()
            self._ending, self._recorder = self._recorder, None
            self._ending.end()
            return
        try:
            self._recorder = self._parts.outputs.open_recording()
            self._say(f"recording {self._recorder.path}")
        except SinkError as error:  # the view goes on without it
            self._say(str(error))

    def _finish_ending(self) -> None:
        """Take leave of a recording that was ended, once its file is finished."""
        ending, self._ending = self._ending, None
        if ending is None:
            return
        try:
            ending.close()
            self._say(f"recorded {ending.path}")
        except SinkError as error:  # the view goes on without it
            self._say(str(error))

    def _toggle_help(self, _code: str) -> None:
        self._helping = not self._helping

    def _take_next_preset(self, _code: str) -> None:
        self._change(next_preset(self._config))

    def _take_layer(self, code: str) -> None:
        config = single_layer(self._config, int(code))
        if config is None:
            self._say(f"{self._config.model} has no layer {code} worth a try")
        else:
            self._change(config)

    def _toggle_guide(self, _code: str) -> None:
        config = toggled_guide(self._config, self._guide_weight)
        if config is None:
            self._say("there is no guide; --guide FILE gives one")
        else:
            self._change(config)
            self._say("guided" if config.guide_weight else "not guided")

    def _change(self, config: DreamConfig) -> None:
        self._config = config
        self._parts.engine.change(config)
        self._say(name_look(config))

    def _dream_weaker(self, _code: str) -> None:
        self._strengthen(stronger=False)

    def _dream_stronger(self, _code: str) -> None:
        self._strengthen(stronger=True)

    def _strengthen(self, *, stronger: bool) -> None:
        engine = self._parts.engine
        engine.strength = next_strength(engine.strength, stronger=stronger)
        self._config = self._config.changed(strength=engine.strength)
        self._say(f"strength {engine.strength:.3g}")

    def _toggle_full_screen(self, _code: str) -> None:
        self._parts.window.toggle_full_screen()

    def _mirror(self, _code: str) -> None:
        self._mirrored = not self._mirrored

    def _toggle_figures(self, _code: str) -> None:
        self._figures = not self._figures
