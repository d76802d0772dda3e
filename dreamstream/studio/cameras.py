"""Dreams pictures of browsers' cameras live, in the engine's process."""

import contextlib
import threading
import time
from collections.abc import Hashable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np

from dreamstream._libraries import cv2
from dreamstream.config import DreamConfig, MediaConfig
from dreamstream.frames import Frame, Pixels, StreamInfo
from dreamstream.live.capture import Captured
from dreamstream.live.engine import LiveEngine, LiveFrame
from dreamstream.live.mailbox import Mailbox
from dreamstream.live.model import LiveModel
from dreamstream.live.recorder import TICK, Recorder
from dreamstream.models.tensorflow_setup import load_tensorflow
from dreamstream.sinks import open_sink
from dreamstream.sources.fit import fit
from dreamstream.studio.lines import line_of
from dreamstream.studio.loaded import kept_for_life
from dreamstream.studio.pictures import jpeg
from dreamstream.studio.renders import Send

_PERIOD = 1 / 25
_POLL = 0.1
_LONGEST_END = 5.0
_QUALITY = 80
_REMEMBERED = 64
_MOST_UNUSED = 3


class Cameras:
    """The cameras that are open, one for each page that shows one.

    Args:
        send: Takes ``("camera", client, head, data)``.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._open: dict[int, _Camera] = {}
        self._models = _Models()
        self._closing: list[threading.Thread] = []

    def open(self, client: int, config: DreamConfig, height: int, width: int) -> None:
        """Begin to dream a camera's pictures."""
        self.close(client)
        self._open[client] = _Camera(client, config, (height, width), self._models, self._send)

    def frame(self, client: int, stamp: float, data: bytes) -> None:
        """Take in a picture: a JPEG, with the moment in its page's own clock."""
        if client in self._open:
            self._open[client].raw.put((stamp, data))

    def change(self, client: int, config: DreamConfig) -> None:
        """Dream otherwise."""
        if client in self._open:
            self._open[client].engine.strength = config.strength
            self._open[client].engine.change(config)

    def record(self, client: int, path: Path | None) -> None:
        """Begin a recording, or with None end it."""
        if client in self._open:
            self._open[client].wish(("record", path))

    def snapshot(self, client: int, path: Path) -> None:
        """Save the next picture."""
        if client in self._open:
            self._open[client].wish(("snapshot", path))

    def close(self, client: int) -> None:
        """End, and finish what is recorded."""
        camera = self._open.pop(client, None)
        if camera is not None:  # a network that is being loaded may take long to end
            closing = threading.Thread(target=camera.close, daemon=True)
            closing.start()
            self._closing = [each for each in self._closing if each.is_alive()] + [closing]

    def end(self) -> None:
        """Close all, and wait until what is recorded is whole."""
        for client in list(self._open):
            self.close(client)
        for closing in self._closing:
            closing.join(_LONGEST_END)


class _Models:
    """Networks for live views; one that nobody uses is lent again for other numbers of its look."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._kept: list[_Kept] = []

    def load(self, client: int, config: DreamConfig) -> LiveModel:
        """Return a network that dreams so, for one client alone until it wants another."""
        key = kept_for_life(config)
        with self._changing:
            load_tensorflow(quiet=True)
            fitting = [each for each in self._kept if each.key == key]
            self.release(client)
            for each in fitting:
                if each.client is None:
                    with contextlib.suppress(ValueError):
                        each.model.change(config)
                        each.client = client
                        return each.model
            self._kept.append(_Kept(key, LiveModel(config), client))
            unused = [each for each in self._kept if each.client is None]
            for each in unused[:-_MOST_UNUSED]:
                self._kept.remove(each)
            return self._kept[-1].model

    def release(self, client: int) -> None:
        """Let others have what a client uses."""
        for each in self._kept:
            if each.client == client:
                each.client = None


@dataclass(slots=True)
class _Kept:
    key: Hashable
    model: LiveModel
    client: int | None


class _Camera:
    """One page's camera: its pictures are decoded, dreamed, encoded, each in a thread."""

    def __init__(
        self, client: int, config: DreamConfig, size: tuple[int, int], models: _Models, send: Send
    ) -> None:
        self._client, self._size, self._send, self._models = client, size, send, models
        self.raw: Mailbox[tuple[float, bytes]] = Mailbox()
        self._captured: Mailbox[Captured] = Mailbox()
        load = partial(models.load, client)
        self.engine = LiveEngine(config, size, _PERIOD, self._captured, load)
        self._stamps: dict[float, float] = {}
        self._wishes: list[tuple[str, Path | None]] = []
        self._recorder: Recorder | None = None
        self._loss: float | None = None
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=body, daemon=True) for body in (self._decode, self._show)
        ]
        self.engine.start()
        for thread in self._threads:
            thread.start()

    def wish(self, wish: tuple[str, Path | None]) -> None:
        """Do something with the next picture."""
        self._wishes.append(wish)

    def close(self) -> None:
        """End it."""
        self._over.set()
        self.raw.close()
        for thread in self._threads:
            thread.join()
        self.engine.stop()
        self._models.release(self._client)
        self._end_recording()

    def _decode(self) -> None:
        number = 0
        while not self._over.is_set():
            taken = self.raw.take(_POLL)
            pixels = None if taken is None else _decoded(taken[1], self._size)
            if taken is None or pixels is None:
                continue
            moment = time.monotonic()
            self._stamps[moment] = taken[0]
            while len(self._stamps) > _REMEMBERED:
                self._stamps.pop(next(iter(self._stamps)), None)
            self._captured.put(Captured(pixels, moment, number))
            number += 1

    def _show(self) -> None:
        while not self._over.is_set():
            frame = self.engine.dreams.take(_POLL)
            if self.engine.failure is not None:
                line = line_of(self.engine.failure)
                self._send("camera", self._client, {"state": "failed", "line": line}, b"")
                return
            if frame is not None:
                self._send_frame(frame)
                self._grant(frame)

    def _send_frame(self, frame: LiveFrame) -> None:
        while self.engine.losses:
            self._loss = self.engine.losses.popleft()[1]
        head = {
            "state": "live",
            "stamp": self._stamps.get(frame.moment, 0.0),
            "side": frame.side,
            "loss": self._loss,
            "carried": frame.seconds,
        }
        self._send("camera", self._client, head, jpeg(frame.pixels, quality=_QUALITY))

    def _grant(self, frame: LiveFrame) -> None:
        """Record the frame, and do what was wished for."""
        try:
            while self._wishes:
                act, path = self._wishes.pop(0)
                if act == "snapshot" and path is not None:
                    _save(path, frame.pixels)
                    self._say("snapshot", path)
                elif act == "record":
                    self._end_recording()
                    self._recorder = None if path is None else self._start_recording(path)
            if self._recorder is not None:
                self._recorder.write(frame.pixels, frame.moment)
        except Exception as error:  # the view goes on without it
            self._recorder = None
            self._send("camera", self._client, {"state": "note", "line": line_of(error)}, b"")

    def _start_recording(self, path: Path) -> Recorder:
        info = StreamInfo(*self._size, rate=Fraction(25), time_base=TICK)
        return Recorder(lambda: open_sink(path, info, MediaConfig()), path)

    def _end_recording(self) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder is None:
            return
        try:
            recorder.close()
            if recorder.path is not None and recorder.frames:
                self._say("recorded", recorder.path)
        except Exception as error:  # the view goes on without it
            self._send("camera", self._client, {"state": "note", "line": line_of(error)}, b"")

    def _say(self, what: str, path: Path) -> None:
        self._send("camera", self._client, {"state": what, "path": str(path)}, b"")


def _decoded(data: bytes, size: tuple[int, int]) -> Pixels | None:
    """Decode a JPEG to (H, W, 3) RGB of a size; None where it is none."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        return None
    pixels = np.ascontiguousarray(picture[..., ::-1], np.uint8)
    return pixels if pixels.shape[:2] == size else fit(pixels, *size)


def _save(path: Path, pixels: Pixels) -> None:
    info = StreamInfo(pixels.shape[0], pixels.shape[1], frames=1)
    with open_sink(path, info, MediaConfig()) as sink:
        sink.write(Frame(pixels, Fraction(0), 0))
