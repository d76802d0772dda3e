"""Damaged files through the whole command: how it ends, how long it takes, how much memory.

Small films, animations and stills of some forty formats are made, then damaged: bits flipped,
blocks overwritten, left out, repeated or swapped, ends cut off, numbers in headers made large.
Each goes through the command in a process that has the network loaded.  Right is exit code 0, 3
or 4, an error of one line, no hang and no great memory.  Run from the repository's root:

    python -m benchmarks.damage --files 1000
"""

import argparse
import contextlib
import io
import json
import os
import random
import re
import selectors
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import numpy as np

from dreamstream._libraries import av
from dreamstream.frames import Pixels

FORMATS: Sequence[tuple[str, str, str]] = (
    ("h264.mp4", "libx264", "yuv420p"),
    ("hevc.mp4", "libx265", "yuv420p"),
    ("av1.mp4", "libsvtav1", "yuv420p"),
    ("mpeg4.mp4", "mpeg4", "yuv420p"),
    ("h264.mov", "libx264", "yuv420p"),
    ("prores.mov", "prores_ks", "yuv422p10le"),
    ("h264.mkv", "libx264", "yuv420p"),
    ("ffv1.mkv", "ffv1", "yuv420p"),
    ("vp8.webm", "libvpx", "yuv420p"),
    ("vp9.webm", "libvpx-vp9", "yuv420p"),
    ("mpeg4.avi", "mpeg4", "yuv420p"),
    ("h264.avi", "libx264", "yuv420p"),
    ("mjpeg.avi", "mjpeg", "yuvj420p"),
    ("huffyuv.avi", "ffvhuff", "yuv420p"),
    ("mpeg2.ts", "mpeg2video", "yuv420p"),
    ("h264.ts", "libx264", "yuv420p"),
    ("mpeg1.mpg", "mpeg1video", "yuv420p"),
    ("flv1.flv", "flv", "yuv420p"),
    ("h264.flv", "libx264", "yuv420p"),
    ("wmv2.asf", "wmv2", "yuv420p"),
    ("h264.3gp", "libx264", "yuv420p"),
    ("ffv1.nut", "ffv1", "yuv420p"),
    ("raw.h264", "libx264", "yuv420p"),
    ("plain.y4m", "wrapped_avframe", "yuv420p"),
    ("moving.gif", "gif", "rgb8"),
    ("moving.apng", "apng", "rgb24"),
    ("moving.webp", "libwebp_anim", "bgra"),
    ("still.png", "png", "rgb24"),
    ("still.jpg", "mjpeg", "yuvj420p"),
    ("still.webp", "libwebp", "bgra"),
    ("still.bmp", "bmp", "bgr24"),
    ("still.tiff", "tiff", "rgb24"),
    ("still.ppm", "ppm", "rgb24"),
    ("still.jp2", "jpeg2000", "rgb24"),
    ("still.tga", "targa", "bgr24"),
    ("still.qoi", "qoi", "rgb24"),
    ("still.avif", "libsvtav1", "yuv420p"),
)
"""Name, encoder and pixel format of each kind of file."""

SOUNDS = {".mp4": "aac", ".mov": "aac", ".mkv": "libopus", ".webm": "libopus", ".ts": "mp2"}
HEIGHT, WIDTH, FRAMES = 90, 128, 12
FILM_OUTPUTS, STILL_OUTPUTS = (".mp4", ".mkv", ".gif"), (".png", ".jpg", ".gif", ".mp4")
RUNS_A_PROCESS = 20
SECONDS_AT_MOST, BYTES_AT_MOST = 30.0, 2 * 2**30
GOOD_CODES = (0, 3, 4)
OPTIONS = ("--dream-size", "128", "--steps", "1", "--first-steps", "1", "--octaves", "1", "-y")


@dataclass(frozen=True)
class Result:
    """How the command ended with a file.

    Attributes:
        code: The exit code; None where it hung or its process died.
        seconds: How long it took.
        lines: What it printed on stderr.
        peak: Bytes of the process's peak resident memory meanwhile.
    """

    code: int | None
    seconds: float
    lines: Sequence[str]
    peak: int

    @property
    def fault(self) -> str | None:
        """What is wrong with it, in a word; None where all is right."""
        if self.code is None:
            return "hang or crash"
        if self.code not in GOOD_CODES:
            return f"exit {self.code}"
        if self.code == 3 and sum(line.startswith("dreamstream: ") for line in self.lines) != 1:
            return "not one line"
        return "memory" if self.peak > BYTES_AT_MOST else None


def main() -> int:
    """Damage files, run the command on each, and print what went wrong."""
    options = parse_options()
    if options.worker:
        return work()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = make_files(folder)
        print(f"{len(whole)} formats, {options.files} damaged files, seed {options.seed}")
        return report(run_all(folder, whole, options))


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=1000, help="how many (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of all damage (default %(default)s)")
    parser.add_argument("--keep", type=Path, help="folder for the files that went wrong")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


# --- files ---------------------------------------------------------------------------------------


def make_files(folder: Path) -> list[Path]:
    """Write a whole file of every format."""
    return [_make_file(folder / name, encoder, kind) for name, encoder, kind in FORMATS]


def _make_file(path: Path, encoder: str, kind: str) -> Path:
    is_still = path.stem == "still"
    muxer = "image2" if is_still and path.suffix != ".avif" else None
    with av.open(str(path), "w", format=muxer) as container:
        stream: Any = container.add_stream(encoder, rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, kind
        sound: Any = None
        if path.suffix in SOUNDS:
            sound = container.add_stream(SOUNDS[path.suffix], rate=48000)
        for index, pixels in enumerate(_pictures(1 if is_still else FRAMES)):
            frame = av.VideoFrame.from_ndarray(pixels).reformat(format=kind)
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if sound is not None:
            _write_sound(container, sound)
    return path


def _pictures(count: int) -> Iterator[Pixels]:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    for index in range(count):
        waves = [np.sin((x + 3 * index) / 9 + shade) * np.cos(y / 7) for shade in range(3)]
        yield np.asarray(127 + 110 * np.stack(waves, axis=-1), np.uint8)


def _write_sound(container: Any, stream: Any) -> None:
    wave = np.sin(np.arange(24000) / 20).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(np.stack([wave, wave]), "fltp", "stereo")
    frame.sample_rate, frame.pts = 48000, 0
    container.mux(stream.encode(frame))
    container.mux(stream.encode())


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Return a file's content with one to four kinds of damage."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4))):
        chance.choice(_DAMAGES)(data, chance)
    return bytes(data)


def _flip_bits(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 3, 20, 200))):
        if data:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _flip_in_header(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 4))):
        if data:
            data[chance.randrange(min(len(data), 256))] ^= 1 << chance.randrange(8)


def _cut_off(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data) + 1) :]


def _leave_out(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data) + 1)
    del data[start : start + chance.randrange(1, 400)]


def _repeat(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data) + 1)
    block = data[start : start + chance.randrange(1, 400)]
    data[start:start] = block


def _overwrite(data: bytearray, chance: random.Random) -> None:
    start, length = chance.randrange(len(data) + 1), chance.randrange(1, 400)
    value = chance.choice((b"\0", b"\xff", None))
    block = chance.randbytes(length) if value is None else value * length
    data[start : start + length] = block[: max(0, len(data) - start)]


def _swap(data: bytearray, chance: random.Random) -> None:
    first, second = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    length = min(chance.randrange(1, 200), second - first, len(data) - second)
    if length > 0:
        here, there = data[first : first + length], data[second : second + length]
        data[first : first + length], data[second : second + length] = there, here


def _large_number(data: bytearray, chance: random.Random) -> None:
    if len(data) >= 8:
        place = chance.randrange(min(len(data), 512) - 3)
        number = chance.choice((0xFFFFFFFF, 0x7FFFFFFF, 0x10000, 30000, 0))
        data[place : place + 4] = number.to_bytes(4, chance.choice(("big", "little")))


_DAMAGES = (
    *(_flip_bits, _flip_in_header, _cut_off, _leave_out, _repeat, _overwrite, _swap),
    _large_number,
)


# --- runs ----------------------------------------------------------------------------------------


class Worker:
    """A process that runs the command, again and again."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._runs = 0

    def run(self, arguments: Sequence[str]) -> Result:
        """Run the command; where it hangs or dies, and after many runs, a new process follows."""
        self._runs += 1
        if self._runs % RUNS_A_PROCESS == 0:
            self.close()
        process = self._process = self._process or _start_worker()
        assert process.stdin is not None
        assert process.stdout is not None
        begun = time.monotonic()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps(arguments) + "\n")
            process.stdin.flush()
        answer = _read_line(process.stdout, SECONDS_AT_MOST)
        seconds = time.monotonic() - begun
        if not answer:
            self.close()
            return Result(None, seconds, (), 0)
        told = json.loads(answer)
        return Result(told["code"], seconds, told["lines"], told["peak"])

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _start_worker() -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.damage", "--worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    _read_line(process.stdout, 300)  # it has the network loaded
    return process


def _read_line(stream: IO[str], seconds: float) -> str:
    """Return the next line; nothing where none comes in time, or the other end has gone."""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        return stream.readline() if selector.select(seconds) else ""


def work() -> int:
    """Run the command for each line of arguments on stdin, and print how it ended."""
    from dreamstream.cli.main import main as dreamstream
    from dreamstream.models.tensorflow_setup import load_tensorflow

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    load_tensorflow(quiet=True)
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        errors = io.StringIO()
        Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here on
        with contextlib.redirect_stderr(errors):
            code = dreamstream(json.loads(line))
        told = {"code": code, "lines": errors.getvalue().splitlines(), "peak": _peak_memory()}
        print(json.dumps(told), file=answers, flush=True)
    return 0


def _peak_memory() -> int:
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0])


def run_all(
    folder: Path, whole: Sequence[Path], options: argparse.Namespace
) -> list[tuple[str, Result]]:
    """Damage files one after another, and run the command on each."""
    worker, results = Worker(), []
    for number in range(options.files):
        chance = random.Random(f"{options.seed} {number}")
        source = whole[number % len(whole)]
        path = folder / f"{number}-{source.name}"
        path.write_bytes(damaged(source.read_bytes(), chance))
        suffixes = STILL_OUTPUTS if source.stem == "still" else FILM_OUTPUTS
        output = folder / f"out{chance.choice(suffixes)}"
        result = worker.run([str(path), str(output), *OPTIONS])
        results.append((path.name, result))
        if result.fault:
            print(f"{result.fault}: {path.name}: {' | '.join(result.lines[-2:])}", flush=True)
        if len(results) % 100 == 0:
            print(f"{len(results)} files", flush=True)
        if result.fault and options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
            (options.keep / path.name).write_bytes(path.read_bytes())
        path.unlink()
    worker.close()
    return results


def report(results: Sequence[tuple[str, Result]]) -> int:
    """Print counts, the slowest and the largest; return 1 where anything went wrong."""
    codes = Counter(str(result.code) for _, result in results)
    slowest = max(result.seconds for _, result in results)
    peak = max(result.peak for _, result in results)
    counts = ", ".join(f"{code}: {count}" for code, count in sorted(codes.items()))
    print(f"exit codes {counts}; slowest {slowest:.1f} s; peak memory {peak / 2**20:.0f} MB")
    faults = sum(result.fault is not None for _, result in results)
    print(f"{faults} of {len(results)} went wrong")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
