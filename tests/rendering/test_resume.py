"""Runs that are broken off at any moment, and resumed to the result of an unbroken one."""

import json
import logging
import os
import random
import resource
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import clips
import numpy as np
import pytest

from dreamstream._libraries import av
from dreamstream.cli import main as cli
from dreamstream.cli.signals import Stopped
from dreamstream.config import DreamConfig
from dreamstream.dream.dreamer import Dreamer
from dreamstream.dream.report import FrameRecord
from dreamstream.frames import StreamInfo
from dreamstream.journal import folder as journal_folder
from dreamstream.journal.remains import Remains
from dreamstream.journal.state_file import pack_arrays, unpack_arrays
from dreamstream.rendering import pipeline
from dreamstream.rendering import run as rendering
from dreamstream.rendering.dreamers import Dreamers
from dreamstream.rendering.job import Job
from dreamstream.rendering.resume import segment_frames
from dreamstream.sinks import segments

QUICK = ["--layers", "textures", "--octaves", "1", "--first-steps", "2", "--steps", "1"]
OUTPUTS = {
    "out.mp4": [],
    "out.mov": ["--codec", "prores"],
    "out.mkv": ["--codec", "h265"],
    "out.webm": ["--codec", "av1"],
    "vp9.webm": [],
    "ffv1.mkv": ["--codec", "ffv1", "--width", "48", "--compare"],
    "out.gif": ["--fps", "20"],
    "out.apng": [],
    "%03d.png": [],
}

SEGMENT = 8
"""Frames of a segment here; of numbered pictures every one stands for itself."""

every_output = pytest.mark.parametrize("name", OUTPUTS)


@dataclass(frozen=True)
class Outcome:
    """What a command answered."""

    code: int
    err: str


Run = Callable[..., Outcome]


_DREAMERS: dict[tuple[object, ...], Dreamer] = {}
"""One for all runs of equal settings: that another one may go on is a law of the dreamer's own."""


def lend(_: Dreamers, job: Job, source: object) -> Dreamer:
    key = (*map(str, vars(job.dream).values()), job.media.stats is not None)
    if key not in _DREAMERS:
        _DREAMERS[key] = Dreamer(job.dream, measure_losses=key[-1] is True)
    _DREAMERS[key].reset()
    return _DREAMERS[key]


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """Run the command in an empty folder, with short segments and a saving at every frame."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.setattr(Dreamers, "lend", lend)
    monkeypatch.setattr(segments, "LONGEST_SEGMENT", SEGMENT)
    monkeypatch.setattr(journal_folder, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(journal_folder, "PAUSE", 0.0)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def run_command(*arguments: str | Path) -> Outcome:
        capfd.readouterr()
        code = cli.main([str(argument) for argument in arguments])
        return Outcome(code, capfd.readouterr().err)

    yield run_command
    assert logging.getLogger("dreamstream").handlers == []


At = Callable[[int], None]


@contextmanager
def watched(monkeypatch: pytest.MonkeyPatch, act: At) -> Iterator[None]:
    """Do something whenever a frame is written, with the frame's index."""
    dream_frames = pipeline.dream_frames

    def watching(*arguments: Any, **options: Any) -> Iterator[FrameRecord]:
        for record in dream_frames(*arguments, **options):
            act(record.index)
            yield record

    with monkeypatch.context() as patch:
        patch.setattr(rendering, "dream_frames", watching)
        yield


@contextmanager
def stopped_at(monkeypatch: pytest.MonkeyPatch, index: int) -> Iterator[None]:
    """Stop the run, as Ctrl-C does, once a frame is written."""

    def stop(at: int) -> None:
        if at == index:
            raise Stopped(signal.SIGINT)

    with watched(monkeypatch, stop):
        yield


@contextmanager
def copied_at(monkeypatch: pytest.MonkeyPatch, indices: list[int], to: Path) -> Iterator[None]:
    """Copy the folder whenever one of these frames is written: what a kill would leave there."""

    def copy(at: int) -> None:
        if at in indices:
            shutil.copytree(Path(), to / str(at))

    with watched(monkeypatch, copy):
        yield


def contents(folder: Path = Path()) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def names(folder: Path = Path()) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def frames_in(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


# --- the same result -------------------------------------------------------------------------


@every_output
def test_a_run_that_is_killed_at_any_moment_resumes_to_the_unbroken_result(
    name: str, run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [clip, name, *QUICK, *OUTPUTS[name]]
    moments = [random.Random(name).randrange(1, SEGMENT), SEGMENT, 15]  # of 20 at the least
    with copied_at(monkeypatch, moments, tmp_path):
        assert run(*command).code == 0
    whole = contents()
    assert not any(Path().glob("*.resume"))
    for moment in moments:
        monkeypatch.chdir(tmp_path / str(moment))
        outcome = run(*command, "--resume")
        assert (outcome.code, contents()) == (0, whole), moment
        saved = moment if name == "%03d.png" else moment // SEGMENT * SEGMENT
        assert (f"goes on after {saved} frames" if saved else "it restarts") in outcome.err
        assert names() == sorted(whole)


@pytest.mark.parametrize("name", ["out.mp4", "out.gif", "%03d.png"])
def test_an_interrupted_run_is_resumed_as_often_as_it_is_interrupted(
    name: str, run: Run, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(clip, name, *QUICK).code == 0
    whole = contents()
    for path in Path().iterdir():
        path.unlink()
    for resume, moment in (([], 4), (["--resume"], 9), (["--resume"], 19)):
        with stopped_at(monkeypatch, moment):
            assert run(clip, name, *QUICK, *resume).code == 130
    assert run(clip, name, *QUICK, "--resume").code == 0
    assert contents() == whole
    assert names() == sorted(whole)


def test_frames_since_the_last_saving_are_dreamed_again(
    run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_folder, "SAVE_SECONDS", 1e9)
    with copied_at(monkeypatch, [20], tmp_path):
        run(clip, "out.mp4", *QUICK)
    whole = contents()
    monkeypatch.chdir(tmp_path / "20")
    assert f"goes on after {SEGMENT} frames" in run(clip, "out.mp4", *QUICK, "--resume").err
    assert contents() == whole


def test_a_torn_end_of_the_journal_counts_for_nothing(
    run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with copied_at(monkeypatch, [12], tmp_path):
        run(clip, "out.mp4", *QUICK)
    whole = contents()
    monkeypatch.chdir(tmp_path / "12")
    logs = [*Path().glob("out.mp4.resume/*.log")]
    assert [log.name for log in logs] == ["encoded.log"]
    for log in logs:
        with log.open("ab") as file:
            file.write(b"torn" * 99)
    Path("out.mp4.resume/state.new").write_bytes(b"torn")
    assert run(clip, "out.mp4", *QUICK, "--resume").code == 0
    assert contents() == whole


def test_a_full_disk_leaves_what_can_be_resumed(
    run: Run, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(clip, "out.mp4", *QUICK).code == 0
    whole = contents()
    Path("out.mp4").write_bytes(b"old")

    def fill(at: int) -> None:
        if at == 10:  # no file may grow from now on
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with watched(monkeypatch, fill):
            outcome = run(clip, "out.mp4", *QUICK, "-y")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert outcome.code == 1
    assert "failed" in outcome.err
    assert Path("out.mp4").read_bytes() == b"old"
    outcome = run(clip, "out.mp4", *QUICK, "--resume")
    assert outcome.code == 2, "that it may be replaced is for this command to say"
    assert "it exists" in outcome.err
    assert run(clip, "out.mp4", *QUICK, "--resume", "-y").code == 0
    assert contents() == whole
    assert names() == ["out.mp4"]


def test_until_the_resumed_run_holds_as_much_the_interrupted_part_stays(
    run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stopped_at(monkeypatch, 14):
        outcome = run(clip, "out.mp4", *QUICK)
    assert outcome.code == 130, outcome.err
    assert frames_in(Path("out.part.mp4")) == 15, outcome.err
    with copied_at(monkeypatch, [12, 24], tmp_path):
        run(clip, "out.mp4", *QUICK, "--resume")
    assert frames_in(tmp_path / "12" / "out.part.mp4") == 15
    assert not (tmp_path / "24" / "out.part.mp4").exists()
    assert names() == ["out.mp4"]


def test_statistics_go_on_where_the_frames_do(
    run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [clip, "out.mp4", *QUICK, "--stats", "run.jsonl"]
    with copied_at(monkeypatch, [12], tmp_path):
        run(*command)
    monkeypatch.chdir(tmp_path / "12")
    with Path("run.jsonl").open("a") as file:
        file.write('{"index": 12, "cut": false}\n{"index": 13, "time"')
    assert run(*command, "--resume").code == 0
    lines = [json.loads(line) for line in Path("run.jsonl").read_text().splitlines()]
    assert [line["index"] for line in lines] == list(range(25))


def test_a_foreign_file_is_not_taken_for_statistics(
    run: Run, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stopped_at(monkeypatch, 5):
        run(clip, "out.mp4", *QUICK)
    Path("mine.txt").write_text("mine\n")
    outcome = run(clip, "out.mp4", *QUICK, "--resume", "--stats", "mine.txt")
    assert outcome.code == 2
    assert "it exists" in outcome.err
    assert Path("mine.txt").read_text() == "mine\n"


def test_a_damaged_input_is_partial_after_resuming_too(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = clips.write_clip(tmp_path / "in.mkv", clips.pictures(25), sound=None)
    clip.write_bytes(clip.read_bytes()[: int(clip.stat().st_size * 0.8)])
    with stopped_at(monkeypatch, 5):
        run(clip, "out.mp4", *QUICK)
    outcome = run(clip, "out.mp4", *QUICK, "--resume")
    assert outcome.code == 4
    assert "is damaged" in outcome.err


def test_the_journal_holds_no_frames_but_the_encoded_ones_and_a_state(
    run: Run, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[dict[str, int]] = []
    folder = Path("out.mkv.resume")
    with watched(
        monkeypatch,
        lambda at: sizes.append({path.name: path.stat().st_size for path in folder.iterdir()}),
    ):
        assert run(clip, "out.mkv", *QUICK).code == 0
    largest = {name: max(size.get(name, 0) for size in sizes) for name in sizes[-1]}
    assert set(largest) == {"encoded.log", "fingerprint.json", "lock", "parts.txt", "state"}
    assert largest["encoded.log"] < Path("out.mkv").stat().st_size
    floats = 48 * 64 * (3 + 2) * 4  # residual and flow
    assert 0 < largest["state"] < floats + 48 * 64 * 3 + 4096
    assert largest["fingerprint.json"] + largest["parts.txt"] < 4096


# --- what can't be resumed -------------------------------------------------------------------


@pytest.fixture
def interrupted(run: Run, clip: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Interrupt a run of a copy of the clip that writes ``out.mp4``; return the copy's path."""
    copy = Path(shutil.copy2(clip, "in.mp4"))
    with stopped_at(monkeypatch, 9):
        run(copy, "out.mp4", *QUICK)
    return copy


def test_changed_settings_are_refused_and_named(run: Run, interrupted: Path) -> None:
    before = names()
    outcome = run(interrupted, "out.mp4", *QUICK, "--seed", "7", "--crf", "30", "--resume")
    assert outcome.code == 2
    assert outcome.err == (
        "dreamstream: resuming out.mp4 failed: --seed was 0 and is 7, --crf was None and is 30; "
        "leave out --resume to restart\n"
    )
    assert names() == before


def test_a_changed_input_is_refused(run: Run, interrupted: Path) -> None:
    clips.write_clip(interrupted, clips.pictures(25)[::-1])
    outcome = run(interrupted, "out.mp4", *QUICK, "--resume")
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
    assert "the input has changed" in outcome.err
    assert run(interrupted, "out.mp4", *QUICK).code == 0


def test_a_damaged_journal_is_refused(run: Run, interrupted: Path) -> None:
    log = Path("out.mp4.resume/encoded.log")
    data = bytearray(log.read_bytes())
    data[50] ^= 1
    log.write_bytes(data)
    outcome = run(interrupted, "out.mp4", *QUICK, "--resume")
    assert outcome.code == 2
    assert outcome.err.splitlines()[-1].startswith("dreamstream: reading ")
    assert "out.part2.mp4" not in names()


def test_a_state_that_is_damaged_is_refused(run: Run, interrupted: Path) -> None:
    Path("out.mp4.resume/state").write_bytes(b"torn")
    outcome = run(interrupted, "out.mp4", *QUICK, "--resume")
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
    assert "is damaged" in outcome.err


def test_pictures_that_are_gone_are_named(
    run: Run, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stopped_at(monkeypatch, 5):
        run(clip, "%d.png", *QUICK)
    Path("3.png").unlink()
    outcome = run(clip, "%d.png", *QUICK, "--resume")
    assert outcome.code == 2
    assert "3.png is gone" in outcome.err


def test_a_run_that_is_still_going_on_is_not_resumed(
    run: Run, clip: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = []

    def meddle(at: int) -> None:
        if at == 5:
            codes.append(cli.main([str(clip), "out.mp4", *QUICK, "--resume"]))

    with watched(monkeypatch, meddle):
        outcome = run(clip, "out.mp4", *QUICK)
    assert (outcome.code, codes) == (0, [2])
    assert "another program is writing it" in outcome.err


@pytest.mark.parametrize(
    ("names", "problem"),
    [(["in.mp4"], "is for an OUTPUT file"), (["in.mp4", "-"], "is for an OUTPUT file")],
)
def test_what_leaves_nothing_can_not_be_resumed(
    names: list[str], problem: str, run: Run, interrupted: Path
) -> None:
    outcome = run(*names, "--resume")
    assert outcome.code == 2
    assert problem in outcome.err


# --- nothing to resume -----------------------------------------------------------------------


def test_where_nothing_was_interrupted_it_restarts_and_says_so(run: Run, clip: Path) -> None:
    outcome = run(clip, "out.mp4", *QUICK, "--resume")
    assert outcome.code == 0
    assert "nothing of out.mp4 to resume: it restarts" in outcome.err
    assert names() == ["out.mp4"]


def test_what_is_whole_is_left_alone(run: Run, clip: Path) -> None:
    Path("out.mp4").write_bytes(b"whole")
    outcome = run(clip, "out.mp4", *QUICK, "--resume")
    assert (outcome.code, contents()) == (0, {"out.mp4": b"whole"})
    assert "out.mp4 is there already: nothing to resume" in outcome.err


def test_of_several_inputs_those_that_are_not_whole_are_dreamed(
    run: Run, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = [shutil.copy2(clip, f"{name}.mp4") for name in "abc"]
    assert run(*inputs, "whole/", *QUICK).code == 0
    count = 0

    def stop(at: int) -> None:
        nonlocal count
        count += 1
        if count == 35:
            raise Stopped(signal.SIGINT)

    with watched(monkeypatch, stop):
        assert run(*inputs, "out/", *QUICK).code == 130
    Path("out/a.mp4").write_bytes(b"mine")
    outcome = run(*inputs, "out/", *QUICK, "--resume")
    assert outcome.code == 0
    assert f"out/b.mp4 goes on after {SEGMENT} frames" in outcome.err
    assert contents(Path("out")) == {**contents(Path("whole")), "a.mp4": b"mine"}


def test_a_run_that_was_killed_after_its_output_came_into_place_is_whole(
    run: Run, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Remains, "remove", lambda *arguments: None)
        run(clip, "out.mp4", *QUICK)
    assert names() == ["out.mp4", "out.mp4.resume"]
    whole = contents()
    outcome = run(clip, "out.mp4", *QUICK, "--resume")
    assert "is there already" in outcome.err
    assert (outcome.code, contents(), names()) == (0, whole, ["out.mp4"])


def test_a_new_run_replaces_what_the_interrupted_one_has_left_and_says_so(
    run: Run, interrupted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = ["in.mp4", "out.mp4.resume", "out.part.mp4"]
    assert names() == left
    with stopped_at(monkeypatch, 12):
        outcome = run(interrupted, "out.mp4", *QUICK)
    assert "what an interrupted run of out.mp4 has left is replaced" in outcome.err
    assert names() == left
    assert frames_in(Path("out.part.mp4")) == 13
    assert run(interrupted, "out.mp4", *QUICK).code == 0
    assert names() == ["in.mp4", "out.mp4"]


def test_a_new_run_that_can_not_dream_removes_nothing(run: Run, interrupted: Path) -> None:
    before = contents(), contents(Path("out.mp4.resume"))
    assert run(interrupted, "out.mp4", "--layers", "nothing").code == 2
    assert (contents(), contents(Path("out.mp4.resume"))) == before


def test_a_part_that_is_dreamed_itself_is_not_removed(run: Run, interrupted: Path) -> None:
    part = Path("out.part.mp4").read_bytes()
    assert run("out.part.mp4", "out.mp4", *QUICK).code == 0
    assert Path("out.part.mp4").read_bytes() == part
    assert names() == ["in.mp4", "out.mp4", "out.part.mp4"]


def test_of_a_part_and_a_shorter_one_the_longer_is_kept(
    run: Run, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stopped_at(monkeypatch, 14):
        run(clip, "out.mp4", *QUICK)
    with stopped_at(monkeypatch, 9):
        outcome = run(clip, "out.mp4", *QUICK, "--resume")
    assert "what was dreamed is in out.part.mp4 (" in outcome.err
    assert names() == ["out.mp4.resume", "out.part.mp4"]
    assert frames_in(Path("out.part.mp4")) == 15


def test_what_an_interrupted_run_has_left_is_told_whole(
    run: Run, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stopped_at(monkeypatch, 14):
        told = run(clip, "out.mp4", *QUICK).err.splitlines()[-1]
    folder = Path("out.mp4.resume")
    part, size = Path("out.part.mp4").stat().st_size, sum(map(len, contents(folder).values()))
    shown = f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{-(-size // 1000)} kB"
    assert told == (
        f"dreamstream: what was dreamed is in out.part.mp4 ({-(-part // 1000)} kB); "
        f"out.mp4.resume ({shown}) keeps what the same command with --resume needs to go on after "
        "8 frames; without it both are replaced"
    )


def test_a_run_that_is_interrupted_in_its_first_segment_is_followed_by_one_from_the_start(
    run: Run, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(clip, "whole.mp4", *QUICK).code == 0
    with stopped_at(monkeypatch, 3):
        told = run(clip, "out.mp4", *QUICK, "--stats", "s.jsonl").err
    assert "notes it for the next run, which restarts and replaces it" in told
    outcome = run(clip, "out.mp4", *QUICK, "--stats", "s.jsonl", "--resume")
    assert (outcome.code, names()) == (0, ["out.mp4", "s.jsonl", "whole.mp4"])
    assert Path("out.mp4").read_bytes() == Path("whole.mp4").read_bytes()
    assert len(Path("s.jsonl").read_text().splitlines()) == 25


# --- what is another's -----------------------------------------------------------------------


@pytest.mark.parametrize("resume", [[], ["--resume"]])
def test_a_folder_of_the_journals_name_that_is_another_s_is_refused(
    resume: list[str], run: Run, clip: Path
) -> None:
    shutil.copy2(clip, "in.mp4")
    Path("out.mp4.resume/notes").mkdir(parents=True)
    Path("out.mp4.resume/notes/mine.txt").write_text("mine")
    Path("out.mp4.resume/parts.txt").write_text("in.mp4\n")
    before = contents()
    outcome = run("in.mp4", "out.mp4", *QUICK, *resume)
    assert outcome.code == 2
    assert outcome.err == (
        "dreamstream: out.mp4.resume can't be used as a journal (it holds notes): move it away, or "
        "give another OUTPUT\n"
    )
    assert contents() == before
    assert Path("out.mp4.resume/notes/mine.txt").read_text() == "mine"
    assert Path("out.mp4.resume/parts.txt").read_text() == "in.mp4\n"


def test_a_journal_that_names_the_input_as_its_part_does_not_remove_it(
    run: Run, interrupted: Path
) -> None:
    Path("out.mp4.resume/parts.txt").write_text("in.mp4\nout.mp4.resume/state\n../in.mp4\n")
    assert run(interrupted, "out.mp4", *QUICK).code == 0
    assert "in.mp4" in names()


def test_pictures_that_the_interrupted_run_has_not_made_are_not_replaced(
    run: Run, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stopped_at(monkeypatch, 5):
        run(clip, "%d.png", *QUICK)
    Path("9.png").write_bytes(b"mine")
    outcome = run(clip, "%d.png", *QUICK, "--resume")
    assert "9.png failed: it exists" in outcome.err
    assert Path("9.png").read_bytes() == b"mine"


def test_a_touched_copy_of_the_input_is_the_same(run: Run, interrupted: Path) -> None:
    copy = Path(shutil.copy(interrupted, "copy.mp4"))
    os.utime(copy, (1, 1))
    interrupted.unlink()
    outcome = run(copy, "out.mp4", *QUICK, "--resume")
    assert outcome.code == 0
    assert "goes on after 8 frames" in outcome.err


def tamper(**changes: Any) -> None:
    """Change the saved state's arrays; None removes one."""
    path = Path("out.mp4.resume/state")
    arrays = {**unpack_arrays(path.read_bytes(), 1 << 30), **changes}
    path.write_bytes(pack_arrays({name: one for name, one in arrays.items() if one is not None}))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"dreamer/strength": None}, "the saved state is damaged; leave out --resume to restart"),
        ({"dreamer/scales": np.zeros(77)}, "the saved state is damaged"),
        ({"position": np.array([5, 0])}, "as it holds 0 pictures of 5 frames"),
        ({"position": np.array([1 << 50, 0])}, "state is damaged"),
    ],
)
def test_a_state_that_tells_what_can_not_be_is_refused(
    changes: dict[str, Any], problem: str, run: Run, interrupted: Path
) -> None:
    part = Path("out.part.mp4").read_bytes()
    tamper(**changes)
    outcome = run(interrupted, "out.mp4", *QUICK, "--resume")
    assert outcome.code == 2
    assert outcome.err.splitlines()[-1].startswith("dreamstream: resuming out.mp4 failed: ")
    assert problem in outcome.err.splitlines()[-1]
    assert Path("out.part.mp4").read_bytes() == part


# --- segments --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "settings", "frames"),
    [
        ((270, 480), {}, 50),
        ((720, 1280), {}, 50),
        ((2160, 3840), {"dream_size": None}, 5),
        ((720, 1280), {"dream_size": None, "octaves": 1, "steps": 2}, 24),
    ],
)
def test_a_segment_is_as_long_as_half_a_minute_s_work_within_bounds(
    size: tuple[int, int], settings: dict[str, Any], frames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = StreamInfo(*size, rate=Fraction(25))
    assert segment_frames(DreamConfig(**settings), info) == frames


def test_a_run_that_fails_before_its_first_frame_leaves_no_journal(
    run: Run, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = run(clip, "out.mp4", "--layers", "nothing")
    assert outcome.code == 2
    assert names() == []


def test_stills_and_previews_keep_no_journal(
    run: Run, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    with watched(monkeypatch, lambda at: seen.extend(names())):
        run(clip, "look.png", *QUICK, "--preview", "0.2")
    assert seen == ["look.part.png"]


def test_an_input_that_is_resumed_may_have_been_moved(
    run: Run, interrupted: Path, tmp_path: Path
) -> None:
    moved = interrupted.rename(tmp_path / "moved.mp4")
    assert run(moved, "out.mp4", *QUICK, "--resume").code == 0
    assert names() == ["out.mp4"]
