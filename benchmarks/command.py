"""Print what a user waits for and what the machine must hold: start-up, first frame, memory.

Run from the repository's root, with dreamstream installed and nothing else running:

    python benchmarks/command.py [--clip samples/meadow.mp4] [--json FILE] [--long mp4,gif]

Times are the best of three. "First frame" is from the command to the first line of its statistics.
Memory is the command's peak resident set for 5 s and for 60 s of the clip, looped at 192x108
without sound.  With ``--long`` it is instead, for each kind of output, the peak after 500 and after
2000 frames of 1280x720 in one run that dreams next to nothing.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np

from dreamstream._libraries import cv2
from dreamstream.frames import Frame, Pixels, StreamInfo
from dreamstream.sinks import open_sink
from dreamstream.sources import open_source

REPEATS = 3
SMALL = (108, 192)
LARGE = (720, 1280)
RATE = Fraction(24)

LONG = (500, 2000)
"""Frames after which the memory of a long run is looked at; with the last it ends."""

CHEAP = ("--dream-size", "64", "--octaves", "1", "--first-steps", "0", "--steps", "0", "-y", "-q")
"""A dream that costs as good as nothing; all else that happens to a frame happens."""


def main() -> None:
    """Measure, print a table, and write it as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clip", type=Path, default=Path("samples/meadow.mp4"))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--long", help="kinds of output, such as mp4,gif")
    options = parser.parse_args()
    made = _long_figures(options.clip, options.long) if options.long else _figures(options.clip)
    figures = dict(made)
    for name, value in figures.items():
        print(f"{name:42} {value:8.2f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


def _figures(clip: Path) -> Iterator[tuple[str, float]]:
    yield "--help, s", min(_seconds(["--help"]) for _ in range(REPEATS))
    yield "an argument error, s", min(_seconds([str(clip), "--steps", "x"]) for _ in range(REPEATS))
    with tempfile.TemporaryDirectory() as folder:
        yield (
            "first frame of the clip, s",
            min(first_frame(clip, Path(folder)) for _ in range(REPEATS)),
        )
        for seconds in (5, 60):
            looped = Path(folder) / f"{seconds}.mp4"
            loop_clip(clip, looped, int(seconds * RATE), SMALL)
            peak = peak_mebibytes(looped, Path(folder) / "out.mp4")
            yield f"peak memory, {seconds} s of video, MiB", peak


def _long_figures(clip: Path, kinds: str) -> Iterator[tuple[str, float]]:
    with tempfile.TemporaryDirectory() as folder:
        looped = Path(folder) / "long.mp4"
        loop_clip(clip, looped, LONG[-1], LARGE)
        for kind in kinds.split(","):
            peaks = _peaks_of_long(looped, Path(folder) / f"out.{kind}")
            for frames, peak in zip(LONG, peaks, strict=True):
                yield f"peak memory, .{kind}, {frames} frames of 720p, MiB", peak


def _peaks_of_long(clip: Path, output: Path) -> Iterator[float]:
    """Watch a run's statistics grow, and return its peak memory when they have so many lines."""
    stats = output.with_name(f"{output.name}.jsonl")  # another kind's is there already
    arguments = [str(clip), str(output), "--stats", str(stats), *CHEAP]
    process = subprocess.Popen(_command(arguments))
    for frames in LONG[:-1]:
        while process.poll() is None and _count_lines(stats) < frames:
            time.sleep(1)
        if process.poll():
            raise SystemExit(f"dreaming {clip} failed with status {process.returncode}")
        status = Path(f"/proc/{process.pid}/status").read_text()
        yield int(status.partition("VmHWM:")[2].split()[0]) / 1024  # kibibytes
    yield _peak_of(process, clip)


def _count_lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def _command(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "dreamstream", *arguments]


def _seconds(arguments: Sequence[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(_command(arguments), capture_output=True, check=False)
    return time.perf_counter() - begun


def first_frame(clip: Path, folder: Path) -> float:
    """Return the seconds to the first line of the statistics; the command is ended there."""
    stats = folder / "stats.jsonl"
    stats.unlink(missing_ok=True)
    begun = time.perf_counter()
    arguments = [str(clip), str(folder / "out.mp4"), "--stats", str(stats), "-y"]
    process = subprocess.Popen(_command(arguments), stderr=subprocess.DEVNULL)
    while process.poll() is None and not (stats.exists() and stats.stat().st_size):
        time.sleep(0.01)
    waited = time.perf_counter() - begun
    if process.poll():
        raise SystemExit(f"dreaming {clip} failed with status {process.returncode}")
    process.terminate()
    process.wait()
    return waited


def loop_clip(clip: Path, looped: Path, count: int, size: tuple[int, int]) -> None:
    """Write ``count`` frames of a clip at a (height, width), over and over."""
    write_clip(looped, islice(_endless(clip), count), count, size)


def write_clip(path: Path, frames: Iterable[Pixels], count: int, size: tuple[int, int]) -> None:
    """Write ``count`` pictures, (H, W, 3) uint8 RGB, as a clip of a (height, width)."""
    info = StreamInfo(*size, rate=RATE, time_base=1 / RATE, frames=count)
    with open_sink(path, info) as sink:
        for index, pixels in enumerate(frames):
            scaled = cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_AREA)
            sink.write(Frame(np.asarray(scaled, np.uint8), index / RATE, index))


def _endless(clip: Path) -> Iterator[Pixels]:
    while True:
        with open_source(clip) as source:
            for frame in source:
                yield frame.pixels


def peak_mebibytes(clip: Path, output: Path, *options: str) -> float:
    """Dream a clip or a picture and give the peak of the command's resident memory."""
    arguments = [str(clip), str(output), *options, "-y", "-q"]
    return _peak_of(subprocess.Popen(_command(arguments)), clip)


def _peak_of(process: "subprocess.Popen[bytes]", clip: Path) -> float:
    """Wait for a command's end, and return the peak of its resident memory."""
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"dreaming {clip} failed with status {status}")
    return usage.ru_maxrss / 1024  # Linux counts kibibytes


if __name__ == "__main__":
    main()
