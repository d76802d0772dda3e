"""Whole renders, from a video file to a video file, and the clips that they read."""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.command import loop_clip, write_clip
from benchmarks.motion.synthetic import SYNTHETIC
from benchmarks.pace.original import OriginalProgram
from dreamstream.config import DreamConfig, MediaConfig
from dreamstream.dream.dreamer import Dreamer
from dreamstream.dream.report import FrameRecord
from dreamstream.frames import Frame, Pixels, StreamInfo
from dreamstream.rendering.pipeline import dream_frames
from dreamstream.sinks import ArraySink, Sink, TeeSink, open_sink
from dreamstream.sources import open_source

REAL_CLIP = "cockatoo.mp4"
SYNTHETIC_CLIP = "pan_slow"

SETTLING = 4
"""Frames at the begin of a render that are not counted: the cold one, and those that trace."""

Size = tuple[int, int]
"""(height, width) in pixels."""


@dataclass(frozen=True, slots=True)
class Render:
    """What became of a clip.

    Attributes:
        records: Of each frame.
        closing: Seconds from the last frame's being written to the file's being in place.
        dreams: The last frames' dreams, as many as were asked for.
    """

    records: list[FrameRecord]
    closing: float
    dreams: list[Pixels]

    @property
    def settled(self) -> list[FrameRecord]:
        """The warm frames once everything is traced."""
        return [record for record in self.records[SETTLING:] if record.report.warm]

    @property
    def seconds(self) -> float:
        """Wall seconds of a settled frame, with its share of closing the file."""
        walls = [record.wall_seconds for record in self.settled]
        return float(np.mean(walls)) + self.closing / len(self.records)


def prepare_clip(folder: Path, clips: Path | None, size: Size, frames: int) -> Path:
    """Write a clip of a (height, width): a real one's frames, or a synthetic one's."""
    path = folder / f"{size[1]}x{size[0]}-{frames}.mp4"
    real = clips / REAL_CLIP if clips else None
    if path.exists():
        return path
    if real is not None and real.exists():
        loop_clip(real, path, frames, size)
    else:
        synthetic = SYNTHETIC[SYNTHETIC_CLIP](size, frames)
        write_clip(path, map(synthetic.frame, range(frames)), frames, size)
    return path


def render(clip: Path, output: Path, dreamer: Dreamer, kept: int = 0) -> Render:
    """Dream a clip into a video file, as the command does.

    Args:
        clip: What is read.
        output: What is written; it is replaced.
        dreamer: What dreams it.
        kept: How many of the last dreams to keep as well.
    """
    with open_source(clip) as source:
        memory = _LastFrames(source.info, kept)
        with TeeSink([_open_output(output, source.info), memory]) as sink:
            records = list(dream_frames(source, dreamer, sink))
            written = time.perf_counter()
        closing = time.perf_counter() - written
    return Render(records, closing, [frame.pixels for frame in memory.frames])


def render_original(
    clip: Path, output: Path, program: OriginalProgram, first: int
) -> tuple[list[Pixels], list[float], list[int]]:
    """Dream the end of a clip with the original program, one frame after the other.

    Args:
        clip: What is read.
        output: What is written; it is replaced.
        program: What dreams it.
        first: Number of the first frame; it is not counted, for finding it takes time.

    Returns:
        The later frames' dreams, the wall seconds of each with its share of closing the file, and
        the steps of each.
    """
    dreams, steps = [], []
    with open_source(clip, MediaConfig(frames=(first, None))) as source:
        with _open_output(output, source.info) as sink:
            left = [time.perf_counter()]
            for frame in source:
                dreams.append(program.dream(frame.pixels))
                sink.write(Frame(dreams[-1], frame.time, frame.index))
                steps.append(program.steps)
                left.append(time.perf_counter())
        closing = (time.perf_counter() - left[-1]) / len(dreams)
    return dreams[1:], [float(wall) + closing for wall in np.diff(left)[1:]], steps[1:]


def read_frames(clip: Path, first: int) -> Iterator[Pixels]:
    """Read a clip's frames from a number on."""
    with open_source(clip, MediaConfig(frames=(first, None))) as source:
        for frame in source:
            yield frame.pixels


def render_apart(
    clip: Path, folder: Path, options: Mapping[str, Any], cores: int | None = None
) -> dict[str, Any]:
    """Dream a clip in a process of its own, and give what :func:`main` prints.

    Args:
        clip: What is read.
        folder: Where the output goes.
        options: Fields of the configuration, as JSON has them.
        cores: How many cores the process may use; None is all.  TensorFlow, OpenCV and the codecs
            start as many threads.
    """
    arguments = [str(clip), str(folder / "apart.mp4"), json.dumps(options)]
    command = [sys.executable, "-m", "benchmarks.pace.renders", *arguments]
    with _limited_to(cores):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    output, errors = process.communicate()
    if process.returncode:
        raise SystemExit(f"dreaming {clip} apart failed:\n{errors.decode()}")
    found: dict[str, Any] = json.loads(output)
    return found


@contextmanager
def _limited_to(cores: int | None) -> Iterator[None]:
    """Make processes that this thread starts use the first few cores alone."""
    whole = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(whole)[:cores])
    try:
        yield
    finally:
        os.sched_setaffinity(0, whole)


def main() -> None:
    """Dream a clip and print its frames' seconds, and the peak of memory in MiB, as JSON."""
    parser = argparse.ArgumentParser(description="Dream a clip, print its frames' times as JSON.")
    parser.add_argument("clip", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("options", type=json.loads)
    given = parser.parse_args()
    made = render(given.clip, given.output, Dreamer(DreamConfig(**given.options)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # Linux counts kibibytes
    walls = [record.wall_seconds for record in made.records]
    warm = [record.report.warm for record in made.records]
    print(json.dumps({"seconds": made.seconds, "walls": walls, "warm": warm, "peak": peak}))


class _LastFrames(ArraySink):
    """Keeps the last few frames of a stream."""

    def __init__(self, info: StreamInfo, count: int) -> None:
        super().__init__(info)
        self._count = count

    def write(self, frame: Frame) -> None:
        """Keep a frame, and let go of one that is too old."""
        if self._count:
            super().write(frame)
            self.frames = self.frames[-self._count :]


def _open_output(output: Path, info: StreamInfo) -> Sink:
    return open_sink(output, info, MediaConfig(overwrite=True))


if __name__ == "__main__":
    main()
