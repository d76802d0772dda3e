"""Dreams single frames, sheets of looks and short films to choose by, in the engine's process."""

import heapq
import itertools
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from dreamstream.config import DreamConfig, MediaConfig
from dreamstream.dream.checkpoint import CHECKPOINT
from dreamstream.dream.resampling import fit_size
from dreamstream.frames import Pixels
from dreamstream.rendering.pipeline import dream_frames
from dreamstream.sinks import open_sink
from dreamstream.sources import open_source
from dreamstream.studio.lines import line_of
from dreamstream.studio.loaded import LoadedDreamers
from dreamstream.studio.pictures import jpeg, read_frame, shrunk_to_width
from dreamstream.studio.renders import Gate, Send
from dreamstream.studio.wanted import Wanted

COARSE_SECONDS, _SHEET_SECONDS = 0.5, 0.8
"""What a coarse preview, and a picture of the sheet, may take."""

_SPEED, _LEAST_SPEED = 1_500_000.0, 200_000.0
"""Pixels times steps that the bundled network does in a second on two cores, from which the
machine's own is learned, and the least that is believed: a sketch must still show something."""

_LEARNING = 0.4

_FEWEST_STEPS = 3
_SHOWN_WIDTH, _SHEET_WIDTH, _FILM_WIDTH = 1280, 400, 480
_FILM_SECONDS, _FILM_RATE = Fraction(2), Fraction(12)
_FRAMES_KEPT = 3

_ORDER = {"coarse": 0, "full": 1, "sheet": 2, "film": 3}
"""Kinds of work, most urgent first: each is left for what is more urgent, and begun again."""


@dataclass(order=True, slots=True)
class _Item:
    rank: int
    number: int
    kind: str = field(compare=False)
    look: str = field(compare=False)
    wanted: Wanted = field(compare=False)


class _Superseded(Exception):  # noqa: N818 - it is no error
    """What is being dreamed is no longer wanted, or something else is wanted sooner."""


class Previews:
    """Dreams what is newest of each client's wishes, the most urgent first.

    Args:
        send: Takes ``("preview", client, head, data)`` and ``("made", "previews", count)``.
        gate: Holds renderings up meanwhile.
    """

    def __init__(self, send: Send, gate: Gate) -> None:
        self._send, self._gate = send, gate
        self._changed = threading.Condition()
        self._items: list[_Item] = []
        self._newest: dict[tuple[int, str], int] = {}
        self._numbers = itertools.count()
        self._dreamers = LoadedDreamers()
        self._speed = _SPEED
        self._frames: OrderedDict[tuple[Path, float], Pixels] = OrderedDict()
        threading.Thread(target=self._run, name="previews", daemon=True).start()

    def look(self, wanted: Wanted) -> None:
        """Dream a frame in one look, coarsely, then fully; it replaces the client's last wish."""
        self._want(wanted, ("coarse", "full"))

    def sheet(self, wanted: Wanted) -> None:
        """Dream a frame in several looks, coarsely."""
        self._want(wanted, ("sheet",))

    def film(self, wanted: Wanted) -> None:
        """Dream two seconds, each frame warm from the one before."""
        self._want(wanted, ("film",))

    def forget(self, client: int) -> None:
        """Drop all that a client wanted."""
        with self._changed:
            for kind in _ORDER:
                self._newest.pop((client, kind), None)
            self._drop_stale()

    def _want(self, wanted: Wanted, kinds: tuple[str, ...]) -> None:
        with self._changed:
            for kind in kinds:
                self._newest[wanted.client, kind] = wanted.ticket
                for look in wanted.looks:
                    item = _Item(_ORDER[kind], next(self._numbers), kind, look, wanted)
                    heapq.heappush(self._items, item)
            self._drop_stale()

    def _drop_stale(self) -> None:
        self._items = [item for item in self._items if self._is_wanted(item)]
        heapq.heapify(self._items)
        self._changed.notify_all()

    def _is_wanted(self, item: _Item) -> bool:
        return self._newest.get((item.wanted.client, item.kind)) == item.wanted.ticket

    def _run(self) -> None:
        while True:
            with self._changed:
                self._gate.hold(len(self._items))
                self._changed.wait_for(lambda: self._items)
                self._gate.hold(len(self._items))
                item = heapq.heappop(self._items)
            token = CHECKPOINT.set(lambda item=item: self._look_in(item))  # type: ignore[misc]
            try:
                self._dream(item)
            except _Superseded:
                with self._changed:
                    if self._is_wanted(item):
                        heapq.heappush(self._items, item)
            except Exception as error:  # told of in the page
                self._tell(item, {"state": "failed", "line": line_of(error)}, b"")
            finally:
                CHECKPOINT.reset(token)

    def _look_in(self, item: _Item) -> None:
        with self._changed:
            sooner = bool(self._items) and self._items[0].rank < item.rank
            if sooner or not self._is_wanted(item):
                raise _Superseded

    def _dream(self, item: _Item) -> None:
        config = item.wanted.looks[item.look]
        if item.kind == "film":
            self._dream_film(item, config)
            return
        begun = time.monotonic()
        pixels = self._frame(item.wanted.path, item.wanted.seconds)
        size = pixels.shape[0], pixels.shape[1]
        chosen = config if item.kind == "full" else coarse(config, size, self._work(item.kind))
        dream = self._timed_dream(chosen, pixels)
        if item.kind == "coarse" and chosen == config:  # there is nothing finer to come
            with self._changed:
                self._newest.pop((item.wanted.client, "full"), None)
                self._drop_stale()
        is_last = item.kind != "coarse" or chosen == config
        width = _SHEET_WIDTH if item.kind == "sheet" else _SHOWN_WIDTH
        head = {"last": is_last, "seconds": time.monotonic() - begun}
        self._tell(item, {"state": "done", **head}, jpeg(dream, width))

    def _dream_film(self, item: _Item, config: DreamConfig) -> None:
        wanted = item.wanted
        media = MediaConfig(
            start=Fraction(str(wanted.seconds)), duration=_FILM_SECONDS, fps=_FILM_RATE
        )
        with open_source(wanted.path, media) as source:
            size = source.info.height, source.info.width
            dreamer = self._dreamers.lend(coarse(config, size, self._work(item.kind)))
            out = MediaConfig(width=min(_FILM_WIDTH, size[1] // 2 * 2), overwrite=True)
            assert wanted.target is not None
            with open_sink(wanted.target, source.info, out) as sink:
                for record in dream_frames(source, dreamer, sink):
                    self._look_in(item)
                    head = {"done": record.index + 1, "frames": source.info.frames}
                    self._tell(item, {"state": "running", **head}, b"")
        self._tell(item, {"state": "done", "last": True, "film": str(wanted.target)}, b"")

    def _work(self, kind: str) -> int:
        return int(self._speed * (_SHEET_SECONDS if kind == "sheet" else COARSE_SECONDS))

    def _timed_dream(self, config: DreamConfig, pixels: Pixels) -> Pixels:
        """Dream a frame, and learn how fast the machine is; tracing a new network tells nothing."""
        made, dreamer = self._dreamers.made, self._dreamers.lend(config)
        begun = time.monotonic()
        dream = dreamer.dream(pixels)
        if self._dreamers.made == made:
            size = pixels.shape[0], pixels.shape[1]
            speed = work_of(config, size) / max(time.monotonic() - begun, 1e-3)
            speed = max(_LEAST_SPEED, speed)
            self._speed += _LEARNING * (min(speed, 4 * self._speed) - self._speed)
        return dream

    def _frame(self, path: Path, seconds: float) -> Pixels:
        key = path, seconds
        if key not in self._frames:
            self._frames[key] = shrunk_to_width(read_frame(path, seconds), _SHOWN_WIDTH)
            while len(self._frames) > _FRAMES_KEPT:
                self._frames.popitem(last=False)
        return self._frames[key]

    def _tell(self, item: _Item, head: dict[str, Any], data: bytes) -> None:
        if self._is_wanted(item):
            named = {"kind": item.kind, "ticket": item.wanted.ticket, "look": item.look}
            self._send("preview", item.wanted.client, {**named, **head}, data)
            self._send("made", "previews", self._dreamers.made)


def coarse(config: DreamConfig, size: tuple[int, int], work: int) -> DreamConfig:
    """Leave out the finest octaves, and then steps, until a picture is dreamed quickly.

    What is left is how the whole dream begins: its forms lie where they will lie.

    Args:
        config: The whole dream.
        size: (height, width) of the picture.
        work: Pixels times steps that it may take.
    """
    side, left_out = max(fit_size(size, config.dream_size)), 0
    while left_out < config.octaves - 1 and work_of(config, size, left_out) > work:
        left_out += 1
    affordable = config.first_steps * work / max(work_of(config, size, left_out), 1)
    steps = min(config.first_steps, max(_FEWEST_STEPS, int(affordable)))
    if not left_out and steps == config.first_steps:
        return config
    shrunk = max(1, round(side / config.octave_scale**left_out))
    changed = {"octaves": config.octaves - left_out, "dream_size": shrunk, "first_steps": steps}
    return config.changed(**changed)


def work_of(config: DreamConfig, size: tuple[int, int], left_out: int = 0) -> float:
    """Count the pixels of all steps of a picture's octaves without the finest ones."""
    height, width = fit_size(size, config.dream_size)
    ratio = config.octave_scale**-2
    pixels = height * width * sum(ratio**octave for octave in range(left_out, config.octaves))
    return pixels * config.first_steps
