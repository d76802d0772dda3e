"""Kill renders at random moments and fill their disks; resume each, and compare byte for byte.

Run from the repository's root, as root where ``--disks`` is not 0 (each is a small tmpfs):

    python -m benchmarks.endurance [--kills 50] [--disks 20] [--seed 0] [--only mp4,gif]

A render of a short clip with sound is killed (kill -9), some of them once more while they are
resumed, or runs out of space.  After each blow the old output must be there, the part must play,
and once resumed the output must be what an uninterrupted run makes, with nothing left beside it.
Segments and times between savings are made short, so that blows fall on their seams.

Prints a table; the exit status is 1 where anything failed.
"""

import argparse
import contextlib
import hashlib
import importlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from dreamstream._libraries import av
from dreamstream.cli import main as cli
from dreamstream.frames import Frame, Pixels, StreamInfo
from dreamstream.journal import folder as journal_folder
from dreamstream.sinks import open_sink, segments

FRAMES, SIZE, RATE = 72, (72, 96), Fraction(24)
SOUND_RATE = 48000

CHEAP = ("--layers", "textures", "--octaves", "1", "--steps", "1", "--first-steps", "2", "-q")
"""A dream that takes some milliseconds a frame."""

SEGMENT, SAVE_SECONDS = 24, 0.05
"""Three segments in the clip, and a saving every few frames."""

OLD = b"an output that was there before"

WHILE_DREAMING = 0.8
"""Share of the runs that are killed behind their first frame; the others at any time."""

SEVERAL_BLOWS = 0.4
"""Share of the killed runs whose resumption is killed too."""

HEAD, PICTURE = 4096, SIZE[0] * SIZE[1] * 3
"""Bytes up to which a part may hold no whole picture yet: a header; of an animation's, whose
pictures come singly and large, also one that is torn."""

ROOMY = "256m"

PATIENCE = 120
"""Seconds after which a run counts as hung, and is killed."""


@dataclass(frozen=True)
class Kind:
    """A kind of output: the name of its files, and the options it is made with."""

    name: str
    target: str
    options: tuple[str, ...] = ()

    @property
    def is_series(self) -> bool:
        """Whether it is numbered pictures."""
        return "%" in self.target

    @property
    def is_animation(self) -> bool:
        """Whether it is made of a lossless video when all frames have come."""
        return self.target.endswith((".gif", ".apng"))


KINDS = (
    Kind("mp4", "out.mp4"),
    Kind("mkv", "out.mkv"),
    Kind("webm", "out.webm"),
    Kind("gif", "out.gif"),
    Kind("png", "%03d.png"),
    Kind("mov", "out.mov", ("--codec", "h265")),
    Kind("av1", "out.mp4", ("--codec", "av1")),
    Kind("apng", "out.apng"),
)


@dataclass
class Tally:
    """What came of the runs of one kind."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Reference:
    """What an uninterrupted run makes.

    Attributes:
        digest: Of its files.
        seconds: From the command to its end.
        dreaming: Seconds of them since its first frame.
        size: Bytes of its files.
    """

    digest: str
    seconds: float
    dreaming: float
    size: int


def main() -> int:
    """Run all blows, print a table, and tell whether all went well."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--disks", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default=",".join(kind.name for kind in KINDS))
    options = parser.parse_args()
    chance = random.Random(options.seed)
    kinds = [kind for kind in KINDS if kind.name in options.only.split(",")]
    _import_tensorflow()
    segments.LONGEST_SEGMENT = SEGMENT
    journal_folder.SAVE_SECONDS, journal_folder.PAUSE = SAVE_SECONDS, 0.0
    with tempfile.TemporaryDirectory(prefix="endurance-") as name:
        clip = Path(name) / "in.mp4"
        _wait(_fork(lambda: int(not write_clip(clip).exists())))
        tallies = {kind.name: Tally() for kind in kinds}
        references = {kind.name: _reference(kind, clip, Path(name) / kind.name) for kind in kinds}
        for blow, count in (("kill", options.kills), ("disk", options.disks)):
            for number in range(count):
                kind, place = kinds[number % len(kinds)], Path(name) / f"{blow}{number}"
                reference, tally = references[kind.name], tallies[kind.name]
                Trial(kind, clip, place, reference, chance, tally).run(blow)
    print_table(tallies)
    return int(any(tally.faults for tally in tallies.values()))


def _import_tensorflow() -> None:
    """Import once what is slow to import: what is killed are forks.

    No more than that, since a fork of a process in which TensorFlow has run hangs.
    """
    os.environ["KERAS_BACKEND"], os.environ["TF_CPP_MIN_LOG_LEVEL"] = "tensorflow", "3"
    with open(os.devnull, "w") as nowhere:
        kept = os.dup(2)
        os.dup2(nowhere.fileno(), 2)
        importlib.import_module("dreamstream.dream.dreamer")
        importlib.import_module("dreamstream.models.dreamnet")
        os.dup2(kept, 2)


@dataclass(frozen=True)
class Trial:
    """One render that is struck.

    Attributes:
        kind: What it makes.
        clip: What it reads.
        place: The folder it writes to.
        reference: What it should come to.
        chance: Chooses the moments.
        tally: Where it is noted what came of it.
    """

    kind: Kind
    clip: Path
    place: Path
    reference: Reference
    chance: random.Random
    tally: Tally

    def run(self, blow: str) -> None:
        """Strike the render by ``kill`` or ``disk``, and note what came of it."""
        self.place.mkdir()
        try:
            if blow == "kill":
                self._kill()
            else:
                with _small_disk(self.place, self.reference, self.chance):
                    self._fill()
        except AssertionError as fault:
            self.tally.faults.append(f"{self.place.name}: {fault}; {_log(self.place)}")
        self.tally.counts[f"{blow}s"] += 1
        shutil.rmtree(self.place, ignore_errors=True)
        told = f"{self.place.name} {self.kind.name}: {len(self.tally.faults)} faults"
        print(told, file=sys.stderr, flush=True)

    def _start(self, *more: str) -> int:
        return _start(self.kind, self.clip, self.place, *more)

    def _kill(self) -> None:
        _lay_old(self.kind, self.place)
        process, blows = self._start(), 0
        while True:
            _strike(process, self.place, blows == 0, self.reference, self.chance)
            self._check()
            blows += 1
            if blows > 1 or self.chance.random() > SEVERAL_BLOWS:
                break
            process = self._start("--resume")
        self.tally.counts["blows"] += blows
        self._resume()

    def _fill(self) -> None:
        _lay_old(self.kind, self.place)
        code = _wait(self._start())
        self.tally.counts["disks that were full"] += code != 0
        if code:
            _demand(code == cli.FAILURE, f"exit code {code} on a full disk")
            _demand("failed" in _log(self.place), "no message on a full disk")
        self._check()
        subprocess.run(["mount", "-o", f"remount,size={ROOMY}", str(self.place)], check=True)
        self._resume()

    def _resume(self) -> None:
        """Go on, and demand the very result of an uninterrupted run, and nothing else."""
        code, log = _wait(self._start("--resume")), _log(self.place)
        _demand(code == cli.DONE, f"resuming ended with {code}")
        told = next(told for told in (*_TOLD, "") if told in log)
        self.tally.counts[told or "whole already"] += 1
        same = _digest(self.kind, self.place) == self.reference.digest
        _demand(same, "another result than uninterrupted")
        left = [path.name for path in self.place.iterdir() if not _is_output(self.kind, path)]
        _demand(not left, f"left behind: {left}")
        self.tally.counts["identical"] += 1

    def _check(self) -> None:
        """Demand that after a blow the old output is there, and that what is new plays."""
        if self.kind.is_series:
            for picture in self.place.glob("[0-9][0-9][0-9].png"):
                _demand(_in_fork(_count_frames, picture) == 1, f"{picture.name} is torn")
        elif (self.place / self.kind.target).read_bytes() != OLD:
            same = _digest(self.kind, self.place) == self.reference.digest
            _demand(same, "the old output was lost")
        for part in self.place.glob("out.part*"):
            if part.suffix in (".gif", ".apng"):  # made of an .mkv, which is the part that plays
                continue
            frames = _in_fork(_count_frames, part)
            self.tally.counts["parts that play" if frames else "parts before a picture"] += 1
            torn = PICTURE if self.kind.is_animation else 0
            _demand(frames > 0 or part.stat().st_size < HEAD + torn, f"{part.name} does not play")


_TOLD = ("goes on after", "it restarts", "is there already")
"""What the command says of an output that it is to resume."""


def _count_frames(path: Path) -> int:
    frames = 0
    with contextlib.suppress(av.error.FFmpegError), av.open(str(path)) as container:
        for _ in container.decode(video=0):
            frames += 1
    return frames


def _demand(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)


def _reference(kind: Kind, clip: Path, place: Path) -> Reference:
    """Render without a blow."""
    place.mkdir()
    begun = time.perf_counter()
    process = _start(kind, clip, place)
    _await_dreaming(place)
    dreaming = time.perf_counter()
    _demand(_wait(process) == cli.DONE, f"{kind.name} fails: {_log(place)}")
    seconds, dreaming = time.perf_counter() - begun, time.perf_counter() - dreaming
    digest = _digest(kind, place)
    size = sum(path.stat().st_size for path in place.iterdir())
    return Reference(digest, seconds, dreaming, size)


def _lay_old(kind: Kind, place: Path) -> None:
    if not kind.is_series:
        (place / kind.target).write_bytes(OLD)


def _fork(act: Callable[[], int]) -> int:
    """Do something in a fork and end it with the number given; return its process id.

    Whatever has threads (encoders, OpenCV, TensorFlow) runs in forks only: a fork of a process
    that has used them hangs.
    """
    process = os.fork()
    if process:
        return process
    code = cli.FAILURE
    try:
        code = act()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _in_fork(act: Callable[[Path], int], path: Path) -> int:
    return _wait(_fork(lambda: act(path)))


def _start(kind: Kind, clip: Path, place: Path, *more: str) -> int:
    """Run the command in a fork, which need not load TensorFlow; return its process id."""
    arguments = [str(clip), str(place / kind.target), *CHEAP, "-y", *kind.options, *more]
    arguments = [one for one in arguments if one != "-q" or "--resume" not in more]
    log = place.parent / f"{place.name}.log"

    def run() -> int:
        number = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o644)
        os.dup2(number, 1)
        os.dup2(number, 2)
        return cli.main(arguments)

    return _fork(run)


def _wait(process: int) -> int:
    """Wait for a fork; return its exit code, or the signal's number below zero."""
    deadline = time.monotonic() + PATIENCE
    while True:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.kill(process, signal.SIGKILL)
        time.sleep(0.01)


def _strike(
    process: int, place: Path, first: bool, reference: Reference, chance: random.Random
) -> None:
    """Kill a run at a random moment, mostly while it dreams."""
    if first and chance.random() < WHILE_DREAMING:
        _await_dreaming(place)
        time.sleep(chance.uniform(0, 1.05 * reference.dreaming))
    else:
        time.sleep(chance.uniform(0, 1.05 * reference.seconds))
    os.kill(process, signal.SIGKILL)  # of one that has ended meanwhile, no harm: it is not reaped
    _wait(process)


def _await_dreaming(place: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not any(place.glob("*.resume/state")) and time.monotonic() < deadline:
        time.sleep(0.005)


def _log(place: Path) -> str:
    return (place.parent / f"{place.name}.log").read_text().strip()


def _is_output(kind: Kind, path: Path) -> bool:
    return path.match("[0-9][0-9][0-9].png") if kind.is_series else path.name == kind.target


def _digest(kind: Kind, place: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(place.iterdir()):
        if _is_output(kind, path):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


@contextlib.contextmanager
def _small_disk(place: Path, reference: Reference, chance: random.Random) -> Iterator[None]:
    """Mount a disk that holds some part of what the run needs: the output, and its journal."""
    size = int(chance.uniform(0.3, 2.0) * reference.size) // 4096 * 4096
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    subprocess.run(mount, check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


def write_clip(path: Path) -> Path:
    """Write a clip of soft moving shapes, with a cut in it, and a tone."""
    silent = path.with_name("silent.mp4")
    info = StreamInfo(*SIZE, rate=RATE, time_base=1 / RATE, frames=FRAMES)
    with open_sink(silent, info) as sink:
        for index in range(FRAMES):
            sink.write(Frame(_picture(index), index / RATE, index))
    _add_tone(silent, path)
    return path


def _picture(index: int) -> Pixels:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]] / 8.0
    shot = 0 if index < FRAMES // 2 else 9
    planes = [
        np.sin(rows * (0.7 + 0.2 * channel) + index / 9 + shot)
        * np.cos(columns * (0.9 - 0.2 * channel) - index / 11 * (shot - 4))
        for channel in range(3)
    ]
    picture: Pixels = np.rint(127 + 110 * np.stack(planes, axis=-1)).astype(np.uint8)
    return picture


def _add_tone(silent: Path, path: Path) -> None:
    with av.open(str(silent)) as source, av.open(str(path), "w") as output:
        pictures = output.add_stream_from_template(source.streams.video[0])
        sound = output.add_stream("aac", rate=SOUND_RATE, layout="mono")
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = pictures
                output.mux_one(packet)
        clock = np.arange(int(FRAMES / RATE * SOUND_RATE)) / SOUND_RATE
        tone = (0.3 * np.sin(2 * np.pi * (300 + 200 * clock) * clock)).astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = SOUND_RATE, 0
        output.mux([*sound.encode(frame), *sound.encode(None)])


def print_table(tallies: dict[str, Tally]) -> None:
    """Print what came of every kind's runs, and every fault."""
    names = list(dict.fromkeys(name for tally in tallies.values() for name in tally.counts))
    print(f"{'':32}" + "".join(f"{kind:>7}" for kind in tallies) + f"{'all':>7}")
    for name in names:
        row = [tally.counts[name] for tally in tallies.values()]
        print(f"{name:32}" + "".join(f"{count:7}" for count in [*row, sum(row)]))
    row = [len(tally.faults) for tally in tallies.values()]
    print(f"{'faults':32}" + "".join(f"{count:7}" for count in [*row, sum(row)]))
    for tally in tallies.values():
        print(*tally.faults, sep="\n", end="\n" if tally.faults else "")


if __name__ == "__main__":
    sys.exit(main())
