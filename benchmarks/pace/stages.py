"""Where a frame's time goes: timers around dreamstream's own parts, put on from outside."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

from benchmarks.pace.networks import Network
from benchmarks.pace.renders import SETTLING, render
from dreamstream.dream.ascent import Ascent
from dreamstream.dream.dreamer import Dreamer
from dreamstream.dream.loss_limiter import LossLimiter
from dreamstream.sinks.video import VideoSink
from dreamstream.sources.video import VideoSource
from dreamstream.temporal.flow import FlowEstimator
from dreamstream.temporal.frame_analysis import FrameAnalyzer
from dreamstream.temporal.residual_warp import ResidualWarper

PARTS: Mapping[str, Sequence[tuple[type, str]]] = MappingProxyType(
    {
        "reading": [(VideoSource, "__next__")],
        "flow": [(FlowEstimator, "backward")],
        "confidence, cuts": [(FrameAnalyzer, "analyse")],
        "residual warp": [(ResidualWarper, "warp"), (ResidualWarper, "remember")],
        "network": [(Ascent, "climb"), (Dreamer, "_measure")],
        "composing": [(LossLimiter, "compose")],
        "encoding": [(VideoSink, "write")],
        "dreamer, rest": [(Dreamer, "dream")],
    }
)
"""Stage to the methods that are it; what one calls of another stage is the other's."""

REST = "loop, rest"

Figures = dict[str, Any]


class Stopwatch:
    """Adds up the time of stages, each less the stages that it calls, in every thread."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._lock, self._local = threading.Lock(), threading.local()

    def timed(self, stage: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a call so that its time is added to a stage."""

        def timed(*arguments: Any, **options: Any) -> Any:
            with self._running(stage):
                return call(*arguments, **options)

        return timed

    @contextmanager
    def _running(self, stage: str) -> Iterator[None]:
        callers = self._local.__dict__.setdefault("inner", [0.0])
        callers.append(0.0)
        begun = time.perf_counter()
        try:
            yield
        finally:
            lasted = time.perf_counter() - begun
            inner = callers.pop()
            callers[-1] += lasted
            with self._lock:
                self.seconds[stage] += lasted - inner

    def reset(self) -> None:
        """Forget what has been added up."""
        with self._lock:
            self.seconds.clear()


def measure_stages(networks: Sequence[Network], clip: Path, folder: Path) -> Figures:
    """Dream a clip with every network, and print each stage's share of the wall time."""
    print(f"\nstages: share of the wall time of a warm frame of {clip.stem}; more than 1 together")
    print("where they overlap")
    print(f"{'network':14}{'s/frame':>9}" + "".join(f"{stage:>15}" for stage in (*PARTS, REST)))
    return {network.name: _measure(network, clip, folder) for network in networks}


def _measure(network: Network, clip: Path, folder: Path) -> Figures:
    watch = Stopwatch()
    with ExitStack() as patches:
        for stage, methods in PARTS.items():
            for owner, method in methods:
                timed = _as_method(watch, stage, getattr(owner, method))
                patches.enter_context(patch.object(owner, method, timed))
        dreamer = _SettledDreamer(network, watch)
        records = render(clip, folder / "stages.mp4", dreamer).records[SETTLING:]
    wall = sum(record.wall_seconds for record in records)
    shares = {stage: watch.seconds[stage] / wall for stage in PARTS}
    shares[REST] = max(0.0, 1 - sum(shares.values()))
    figures = {"seconds": wall / len(records), "shares": shares}
    cells = "".join(f"{share:>15.1%}" for share in shares.values())
    print(f"{network.name:14}{figures['seconds']:>9.3f}{cells}", flush=True)
    return figures


def _as_method(watch: Stopwatch, stage: str, method: Callable[..., Any]) -> Callable[..., Any]:
    timed = watch.timed(stage, method)
    return lambda self, *arguments, **options: timed(self, *arguments, **options)


class _SettledDreamer(Dreamer):
    """Restarts the watch when the frames that are not counted are over."""

    def __init__(self, network: Network, watch: Stopwatch) -> None:
        super().__init__(network.config, network.load())
        self._watch, self._count = watch, 0

    def dream(self, pixels: Any, *arguments: Any, **named: Any) -> Any:
        """Dream one frame."""
        if self._count == SETTLING:
            self._watch.reset()
        self._count += 1
        return super().dream(pixels, *arguments, **named)
