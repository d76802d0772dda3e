"""The threads of a live view: the dream's, the network's, and the one that loads networks."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from dreamstream.config import DreamConfig
from dreamstream.controls.program import Program
from dreamstream.dream.resampling import Size, fit_size
from dreamstream.frames import Pixels
from dreamstream.live.capture import Captured
from dreamstream.live.controller import Controller, Rung, make_ladder
from dreamstream.live.loading import yield_to_the_picture
from dreamstream.live.mailbox import Mailbox
from dreamstream.live.mask import LiveMask
from dreamstream.live.pilot import LivePilot
from dreamstream.live.residual import LiveResidual, ShownFrame, Snapshot, Update
from dreamstream.temporal.cuts import Change

_POLL = 0.1
"""Seconds after which a waiting thread checks whether to end."""

_MOST_LOSSES = 256
"""Losses kept at the most where nobody takes them."""

_LONGEST_END = 30.0
"""Seconds that a network being loaded may take at the end: TensorFlow can't be left half-way."""

logger = logging.getLogger(__name__)


class InferenceModel(Protocol):
    """A network as the engine needs it; see :class:`dreamstream.live.model.LiveModel`."""

    def dreams_at(self, size: Size) -> bool:
        """Return whether a picture of a size is large enough to dream."""
        ...

    def warm_up(self, size: Size, side: int) -> None:
        """Run one dream size for the first time."""
        ...

    def look(self, snapshot: Snapshot, rung: Rung, strength: float) -> Update:
        """Return what to change in a snapshot."""
        ...

    def retune(self, settings: Mapping[str, Any]) -> None:
        """Take other settings from the next look on."""
        ...


LoadModel = Callable[[DreamConfig], InferenceModel]


@dataclass(frozen=True, slots=True)
class LiveFrame:
    """A frame, dreamed, on its way to the screen.

    Attributes:
        index: Position among the frames dreamed, from 0.
        moment: When it was captured, in seconds of ``time.monotonic``.
        source: (H, W, 3) uint8 RGB, as captured.
        dreamed: What became of it.
        side: Longest side of the dream size; 0 while no network is loaded.
        seconds: What carrying took.
    """

    index: int
    moment: float
    source: Pixels
    dreamed: ShownFrame
    side: int
    seconds: float

    @property
    def pixels(self) -> Pixels:
        """(H, W, 3) uint8 RGB, the dream."""
        return self.dreamed.pixels


@dataclass(frozen=True, slots=True)
class _LoadedModel:
    """A network, how it dreams, and what chooses its dream size."""

    network: InferenceModel
    config: DreamConfig
    controller: Controller


class LiveEngine:
    """Dreams the newest frames, without ever waiting for the network.

    Args:
        config: How to dream; ``blend``, ``flow`` and ``no_cuts`` stay as they are here.
        size: (height, width) of the frames.
        period: Seconds a frame at the target rate.
        captured: Holds the newest frame.
        load: Loads a network; it may take long.
        program: What changes over time, by the film's clock or a camera's.
        mask: Makes the frames' masks; None shows the dream everywhere.

    Attributes:
        dreams: Holds the newest dream.
        losses: Index and loss of the frames that the network has looked at, oldest first; whoever
            shows the frames takes them out.
        strength: How much of a dream, as :attr:`DreamConfig.strength`; it may change at any time.
        failure: What a thread ended with; None while all go well.
    """

    def __init__(
        self,
        config: DreamConfig,
        size: Size,
        period: float,
        captured: Mailbox[Captured],
        load: LoadModel,
        program: Program | None = None,
        mask: LiveMask | None = None,
    ) -> None:
        self.dreams: Mailbox[LiveFrame] = Mailbox()
        self.losses: deque[tuple[int, float | None]] = deque(maxlen=_MOST_LOSSES)
        self.strength = config.strength
        self.failure: Exception | None = None
        self._size, self._period, self._captured, self._load = size, period, captured, load
        self._carried = LiveResidual(config, mask=mask)
        self._pilot = LivePilot(program)
        self._loaded: _LoadedModel | None = None
        self._snapshots: Mailbox[Snapshot] = Mailbox()
        self._updates: Mailbox[Update] = Mailbox()
        self._wanted: Mailbox[DreamConfig] = Mailbox()
        self._stopped = threading.Event()
        bodies = {
            "dream": self._dream_newest,
            "network": self._look_at_newest,
            "loading": self._load_wanted,
        }
        self._threads = [
            threading.Thread(target=self._guarded, args=(body,), name=name, daemon=True)
            for name, body in bodies.items()
        ]
        self.change(config)

    @property
    def config(self) -> DreamConfig | None:
        """How it dreams now; None while no network is loaded."""
        loaded = self._loaded
        return None if loaded is None else loaded.config

    def change(self, config: DreamConfig) -> None:
        """Dream otherwise, once the network for it is loaded; until then go on as before."""
        self._wanted.put(config)

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End, and wait for it."""
        self._stopped.set()
        for slot in (self._captured, self._snapshots, self._wanted):
            slot.close()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(_LONGEST_END)

    def _guarded(self, body: Callable[[], None]) -> None:
        """Do something again and again until the end; keep what it fails with."""
        if body == self._look_at_newest:
            yield_to_the_picture()
        try:
            while not self._stopped.is_set():
                body()
        except Exception as error:  # raised by whoever shows the frames
            self.failure = self.failure or error

    def _dream_newest(self) -> None:
        """Carry the dream to every new frame."""
        index, before = 0, None
        while not self._stopped.is_set():
            captured = self._captured.take(_POLL)
            if captured is not None:
                self._dream(index, captured, captured if before is None else before)
                index, before = index + 1, captured

    def _dream(self, index: int, captured: Captured, before: Captured) -> None:
        loaded, begun = self._loaded, time.perf_counter()
        side = 0
        if loaded is not None:
            passed, turns = captured.moment - before.moment, captured.number - before.number
            loaded.controller.note_frame(passed, turns)
            side = loaded.controller.rung.side
        self._pilot.note(captured)
        strength = self._pilot.strength(self.strength)
        update = self._updates.take()
        dreamed = self._carried.advance(index, captured.pixels, side, update, strength)
        if dreamed.change is not Change.FLASH:
            self._snapshots.put(dreamed.snapshot)
        seconds = time.perf_counter() - begun
        self.dreams.put(LiveFrame(index, captured.moment, captured.pixels, dreamed, side, seconds))

    def _look_at_newest(self) -> None:
        """Have the network look at the newest snapshot."""
        snapshot, loaded = self._snapshots.take(_POLL), self._loaded
        if snapshot is None or loaded is None:
            return
        rung, begun = loaded.controller.rung, time.perf_counter()
        settings = self._pilot.settings
        if settings:
            loaded.network.retune(settings)
        update = loaded.network.look(snapshot, rung, self._pilot.strength(self.strength))
        loaded.controller.note_look(rung, time.perf_counter() - begun)
        self.losses.append((update.index, update.loss))
        self._updates.put(update)

    def _load_wanted(self) -> None:
        """Load the network that is wanted, beside the one that dreams on."""
        config = self._wanted.take(_POLL)
        if config is None:
            return
        network = self._load(config)
        ladder = self._ladder(network, config)
        loaded = _LoadedModel(network, config, Controller(ladder, self._period))
        for side in sorted({rung.side for rung in ladder}):
            if self._stopped.is_set():
                return
            network.warm_up(self._size, side)
            loaded.controller.reach = sum(rung.side <= side for rung in ladder)
            self._loaded = loaded  # from the first size on: the others are warmed beside the dream

    def _ladder(self, network: InferenceModel, config: DreamConfig) -> list[Rung]:
        """Make the rungs that the frames and the options allow and the network can dream at."""
        longest = min(max(self._size), config.dream_size or max(self._size))
        ladder = make_ladder(longest)
        fitting = [rung for rung in ladder if network.dreams_at(fit_size(self._size, rung.side))]
        if not fitting:
            logger.warning(
                "%dx%d is too small for the chosen layers to dream (frame or --dream-size): "
                "frames pass unchanged",
                *(self._size[1], self._size[0]),
            )
        return fitting or ladder[-1:]
