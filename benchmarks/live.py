r"""Measure the live view: its rate, its latency, and how well its dream sticks.

Loops clips as a camera of 640x360 pixels would give them, dreams them live, prints a table and,
with ``--json``, writes the same figures; it asserts nothing.  Run from the repository's root, on a
machine that does nothing else:

    python -m benchmarks.live --clips FOLDER --json live.json
    python -m benchmarks.live --clips FOLDER --model inception_v3 --weights FILE --fps 12
    python -m benchmarks.live --clips FOLDER --stall           # source and machine stand still, 2 s
    python -m benchmarks.live --clips FOLDER --only cockatoo --minutes 10       # memory

Latency is from a frame's capture to its being shown.  "stepped" is the share of shown frames in
which a step of the network shows for the first time; E_rel and tiles (``benchmarks/motion``) are of
sampled pairs of frames as shown; "offline" is the median strength of a tile, in levels of 255, in
``dreamstream``'s own render of the clip's first frames.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.motion import metrics
from benchmarks.motion.films import estimate_link
from dreamstream._libraries import cv2
from dreamstream.config import DreamConfig, LiveConfig, MediaConfig
from dreamstream.dream.report import FrameRecord
from dreamstream.frames import Frame, Pixels, StreamInfo
from dreamstream.live.capture import Captured
from dreamstream.live.loading import load_model
from dreamstream.live.session import LiveRun, show_device
from dreamstream.live.window import NoWindow
from dreamstream.sinks import Sink
from dreamstream.sources import open_source
from dreamstream.temporal.flow import FlowEstimator

CLIPS = ("cockatoo", "bigbuckbunny")
HEIGHT, WIDTH = 360, 640
SETTLE = 3.0
"""Seconds after the first step that are left out: the dream fades in."""

MOST_PAIRS = 200
"""Pairs of neighbouring frames that are kept for E_rel and the tiles."""

FEW_PAIRS, FEW_EVERY = 20, 30
"""Pairs kept, and frames from one to the next, where the memory is watched: it is full soon."""

STALL = 2.0
STALL_AFTER = 6.0
"""Seconds of dreaming before a stall."""

TARGET_LATENCY = 0.15
"""Seconds that a latency must come back to after a stall."""

COLUMNS = {
    "rate": ("frames/s", 1),
    "p50": ("p50 ms", 0),
    "p99": ("p99 ms", 0),
    "stepped": ("stepped", 2),
    "e_rel": ("E_rel", 3),
    "tile": ("tiles", 1),
    "offline": ("offline", 1),
    "tile_share": ("share", 2),
    "fade_in": ("fade-in s", 2),
    "most_loss": ("max loss", 1),
    "longest_gap": ("gap ms", 0),
}

Figures = dict[str, Any]


def main() -> None:
    """Measure, print, and write where asked."""
    options = parse_options()
    config = DreamConfig(**_given(options))
    print(f"{'':14}" + " ".join(f"{title:>9}" for title, _ in COLUMNS.values()), flush=True)
    found = {}
    for name in options.only:
        frames = read_frames(Path(options.clips) / f"{name}.mp4")
        found[name] = figures = measure(frames, config, options)
        print(f"{name:14}" + " ".join(_cell(figures, key) for key in COLUMNS), flush=True)
        print(f"{'':14} dream sizes: {_shares(figures['sides'])}", flush=True)
        for key in ("stalls", "memory"):
            if key in figures:
                print(f"{'':14} {key}: {figures[key]}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--clips", default=os.environ.get("DREAMSTREAM_CLIPS"), help="folder of the clips")
    add("--only", nargs="+", metavar="CLIP", default=CLIPS, help="these clips alone")
    add("--seconds", type=float, default=60, help="of each clip (default %(default)s)")
    add("--minutes", type=float, help="instead of --seconds, and watch the memory")
    add("--fps", type=Fraction, default=Fraction(30), help="of the camera (default %(default)s)")
    add("--model", help="network that dreams")
    add("--weights", type=Path, help="its weights")
    add("--layers", help="comma-separated, each with the coefficient 1")
    add("--stall", action="store_true", help="let source and machine stand still for 2 s each")
    add("--offline-frames", type=int, default=16, help="of the render (default %(default)s)")
    add("--json", type=Path, help="write the figures here")
    return parser.parse_args()


def read_frames(path: Path) -> list[Pixels]:
    """Read a clip at the size of the benchmark's camera."""
    with open_source(path) as source:
        return [
            np.asarray(
                cv2.resize(frame.pixels, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8
            )
            for frame in source
        ]


class LoopedCamera:
    """Returns a clip's frames over and over at a camera's pace, and stands still when told.

    Args:
        frames: (H, W, 3) uint8 each.
        rate: Frames a second.
        stall_at: Second at which it gives nothing for a while; None is never.
    """

    name, patience = "the benchmark's camera", 30.0

    def __init__(self, frames: list[Pixels], rate: Fraction, stall_at: float | None) -> None:
        self._frames, self._rate, self._stall_at = frames, rate, stall_at
        self.info = StreamInfo(HEIGHT, WIDTH, rate=rate)
        self._begin: float | None = None
        self._index = 0

    def read(self) -> Captured:
        """Return the frame whose turn is next; one that nobody was there to read is lost."""
        now = time.monotonic()
        self._begin = now if self._begin is None else self._begin
        passed = now - self._begin
        if self._stall_at is not None and passed >= self._stall_at:
            self._stall_at = None
            time.sleep(STALL)
            passed = time.monotonic() - self._begin
        self._index = max(self._index + 1, int(passed * float(self._rate)))
        moment = self._begin + self._index / float(self._rate)
        return Captured(self._frames[self._index % len(self._frames)], moment)

    def find(self, pixels: Pixels) -> int:
        """Return which of the clip's frames a picture without a dream is."""
        return next(i for i, frame in enumerate(self._frames) if np.array_equal(frame, pixels))

    def place(self, first: int, seconds: Fraction) -> int:
        """Return which of the clip's frames was captured so many seconds after another."""
        return (first + round(seconds * self._rate)) % len(self._frames)

    def close(self) -> None:
        """Nothing is to be let go of."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two neighbouring frames as shown, and their places in the clip."""

    earlier: Pixels
    later: Pixels
    place_before: int
    place: int


class PairSink(Sink):
    """Keeps evenly spread pairs of neighbouring frames as they are shown."""

    def __init__(self, camera: LoopedCamera, every: int, most: int) -> None:
        self._camera, self._every = camera, every
        self._first: int | None = None
        self._last: tuple[int, Pixels] | None = None
        self.pairs: collections.deque[Pair] = collections.deque(maxlen=most)

    def write(self, frame: Frame) -> None:
        """Note a frame."""
        if self._first is None:  # nothing is dreamed yet
            self._first = self._camera.find(frame.pixels)
        place = self._camera.place(self._first, frame.time)
        if self._last is not None and frame.index % self._every == 0:
            before, pixels = self._last
            if before < place:  # the clip's end and its beginning are no neighbours
                self.pairs.append(Pair(pixels, frame.pixels, before, place))
        self._last = place, frame.pixels

    def close(self) -> None:
        """Nothing is to be finished."""

    def abort(self) -> None:
        """Nothing is to be given up."""


class Timer(NoWindow):
    """Shows nothing, and closes some seconds after the first dream."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._begin: float | None = None

    def begin(self) -> None:
        """Note that the dream has begun."""
        self._begin = time.monotonic() if self._begin is None else self._begin

    @property
    def is_open(self) -> bool:
        """Whether there is time left."""
        return self._begin is None or time.monotonic() - self._begin < self._seconds


def measure(frames: list[Pixels], config: DreamConfig, options: argparse.Namespace) -> Figures:
    """Dream a clip live, and once offline to compare."""
    seconds = 60 * options.minutes if options.minutes else options.seconds
    camera = LoopedCamera(frames, options.fps, STALL_AFTER + SETTLE if options.stall else None)
    every, most = max(2, int(seconds * options.fps / MOST_PAIRS)), MOST_PAIRS
    if options.minutes:
        every, most = FEW_EVERY, FEW_PAIRS
    pairs = PairSink(camera, every, most)
    records: list[FrameRecord] = []
    memory: list[int] = []
    begun, timer = time.monotonic(), Timer(seconds)

    def note(record: FrameRecord) -> None:
        records.append(record)
        if record.report.residual_rms:
            timer.begin()
        if len(memory) * 10 < time.monotonic() - begun:
            memory.append(_resident_megabytes())

    stopper = _stop_later() if options.stall else None
    run = LiveRun("", None, config, MediaConfig(), LiveConfig(live_fps=options.fps))
    show_device(camera, run, load_model, write_record=note, window=timer, tap=pairs)
    if stopper is not None:
        stopper.wait()
    figures = summarise(records) | stick(frames, list(pairs.pairs))
    figures["offline"] = offline_strength(frames[: options.offline_frames], config)
    figures["tile_share"] = figures["tile"] / figures["offline"]
    if options.stall:
        figures["stalls"] = recoveries(records)
    if options.minutes:
        figures["memory"] = f"MiB every 10 s: {memory}"
    return figures


def summarise(records: list[FrameRecord]) -> Figures:
    """Take rate, latency, steps and losses from the frames after the fade-in."""
    first = next(record for record in records if record.report.steps).time
    settled = [record for record in records if record.time >= first + Fraction(SETTLE)]
    times = np.array([float(record.time) for record in settled])
    latencies = np.array([record.latency for record in settled], np.float64)
    losses = [record.report.loss for record in settled if record.report.loss is not None]
    strength = float(np.median([record.report.residual_rms for record in settled]))
    half = next(r.time for r in records if r.report.residual_rms >= strength / 2)
    return {
        "rate": (len(times) - 1) / (times[-1] - times[0]),
        "p50": 1000 * float(np.percentile(latencies, 50)),
        "p99": 1000 * float(np.percentile(latencies, 99)),
        "stepped": float(np.mean([bool(record.report.steps) for record in settled])),
        "fade_in": float(half - first),
        "most_loss": max(losses, default=0.0),
        "longest_gap": 1000 * max(record.wall_seconds for record in settled),
        "sides": collections.Counter(record.dream_size or 0 for record in settled),
    }


def stick(frames: list[Pixels], pairs: list[Pair]) -> Figures:
    """Measure E_rel and the tiles of the pairs, the fade-in left out."""
    flow, strengths = FlowEstimator(), []
    error = energy = 0.0
    for pair in pairs[len(pairs) // 8 :]:
        now, before = frames[pair.place], frames[pair.place_before]
        link = estimate_link(flow, now, before)
        given = metrics.residuals([before, now], [pair.earlier, pair.later])
        share = metrics.relative_error(given, [None, link])
        weight = float(np.square(given[1][link.trusted], dtype=np.float64).sum())
        error, energy = error + share * weight, energy + weight
        strengths.append(metrics.tile_strengths(given[1]))
    return {"e_rel": error / max(energy, 1e-12), "tile": 255 * float(np.median(strengths))}


def offline_strength(frames: list[Pixels], config: DreamConfig) -> float:
    """Return the median strength of a tile in an ordinary render, in levels of 255."""
    from dreamstream.dream.dreamer import Dreamer

    dreamer = Dreamer(config)
    given = metrics.residuals(frames, [dreamer.dream(frame) for frame in frames])
    return 255 * float(np.median([metrics.tile_strengths(each) for each in given]))


def recoveries(records: list[FrameRecord]) -> list[str]:
    """Return of each time when nothing was shown for long how soon the latency came back."""
    told = []
    dreaming = next((index for index, one in enumerate(records) if one.report.warm), len(records))
    for index, record in enumerate(records[dreaming:], dreaming):
        if record.wall_seconds >= STALL / 2:
            told.append(f"{record.wall_seconds:.2f} s, back after {_back_after(records[index:])}")
    return told


def _back_after(records: list[FrameRecord]) -> str:
    """Return when ten frames in a row have a median latency on target."""
    for index in range(len(records) - 10):
        latencies = [record.latency or 0.0 for record in records[index : index + 10]]
        if float(np.median(latencies)) <= TARGET_LATENCY:
            return f"{float(records[index].time - records[0].time):.2f} s"
    return "never"


def _stop_later() -> subprocess.Popen[bytes]:
    """Have another process stop this one for a while, as a busy machine would."""
    after = 3 * STALL_AFTER + SETTLE
    script = f"sleep {after}; kill -STOP {os.getpid()}; sleep {STALL}; kill -CONT {os.getpid()}"
    return subprocess.Popen(["sh", "-c", script])


def _resident_megabytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 2**20


def _given(options: argparse.Namespace) -> Mapping[str, Any]:
    layers = options.layers and {name: 1.0 for name in options.layers.split(",")}
    named = {"model": options.model, "weights": options.weights, "layers": layers}
    return {name: value for name, value in named.items() if value is not None}


def _shares(sides: collections.Counter[int]) -> str:
    total = max(sum(sides.values()), 1)
    return ", ".join(f"{side} px {100 * count / total:.0f} %" for side, count in sides.items())


def _cell(row: Mapping[str, Any], key: str) -> str:
    return f"{row[key]:>9.{COLUMNS[key][1]}f}"


if __name__ == "__main__":
    main()
