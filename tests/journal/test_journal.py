"""The journal's files: what counts in them, and what is told of differences."""

import contextlib
import hashlib
import json
import os
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from dreamstream.config import DreamConfig, MediaConfig
from dreamstream.errors import ResumeError
from dreamstream.file_names import is_part_of, journal_path, part_path
from dreamstream.frames import StreamInfo
from dreamstream.journal import (
    EncodedLog,
    EncodedPicture,
    Run,
    find_journal,
    fingerprint_of,
    new_journal,
    was_interrupted,
)
from dreamstream.journal.fingerprint import differences
from dreamstream.journal.picture_log import PictureLog
from dreamstream.journal.records import RecordLog
from dreamstream.journal.state_file import pack_arrays, unpack_arrays

FINGERPRINT = {"--steps": "2"}
RUN = Run(FINGERPRINT)
STATE = {"residual": np.arange(6, dtype=np.float32).reshape(1, 2, 3), "strength": np.array(0.5)}
RECORDS = [b"one", b"", b"three" * 1000]

# --- records ---------------------------------------------------------------------------------


def write_log(path: Path) -> RecordLog:
    log = RecordLog(path)
    for record in RECORDS:
        log.append(record)
    log.sync()
    log.close()
    return log


def test_records_come_back_in_their_order(tmp_path: Path) -> None:
    end = write_log(tmp_path / "x.log").end
    assert list(RecordLog(tmp_path / "x.log", end).records()) == RECORDS


def test_what_lies_behind_the_end_is_cut_off_by_the_next_record(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    end = write_log(path).end
    with path.open("ab") as file:
        file.write(b"torn")
    log = RecordLog(path, end)
    assert list(log.records()) == RECORDS
    log.append(b"four")
    log.close()
    assert list(RecordLog(path, log.end).records()) == [*RECORDS, b"four"]
    assert path.stat().st_size == log.end


@pytest.mark.parametrize("position", [0, 5, 9, -1])
def test_a_changed_byte_is_recognised(position: int, tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    end = write_log(path).end
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)
    with pytest.raises(ResumeError, match="is damaged"):
        list(RecordLog(path, end).records())


def test_a_file_that_is_shorter_than_it_was_is_recognised(tmp_path: Path) -> None:
    end = write_log(tmp_path / "x.log").end
    (tmp_path / "x.log").write_bytes(b"\3")
    with pytest.raises(ResumeError, match="is damaged"):
        list(RecordLog(tmp_path / "x.log", end).records())


# --- the encoded log -------------------------------------------------------------------------


def picture(index: int) -> EncodedPicture:
    return EncodedPicture(index, index - 2, index == 0, b"%d" % index)


def test_pictures_count_from_the_end_of_their_segment_on(tmp_path: Path) -> None:
    log = EncodedLog(tmp_path / "encoded.log")
    log.open_segment()
    log.add(picture(0))
    log.add(picture(1))
    assert (list(log.pictures()), log.is_closed) == ([], False)
    log.close_segment()
    assert log.is_closed
    log.open_segment()
    log.add(picture(2))
    assert list(log.pictures()) == [picture(0), picture(1)]
    log.close()
    assert list(EncodedLog(tmp_path / "encoded.log", log.end).pictures()) == [
        picture(0),
        picture(1),
    ]


def test_pictures_in_disorder_are_refused(tmp_path: Path) -> None:
    log = EncodedLog(tmp_path / "encoded.log")
    log.add(picture(5))
    log.add(picture(3))
    log.close_segment()
    log.close()
    with pytest.raises(ResumeError, match="out of order"):
        list(log.pictures())


# --- arrays ----------------------------------------------------------------------------------

ARRAYS: dict[str, npt.NDArray[Any]] = {
    "residual": np.random.default_rng(0).normal(0, 0.1, (48, 64, 3)).astype(np.float32),
    "small": np.arange(60, dtype=np.uint8).reshape(4, 5, 3),
    "double": np.array([1e-300, -0.0, np.inf, np.nan]),
    "one": np.array(0.5),
    "empty": np.zeros((0, 3), np.float32),
    "flag": np.array(True),
    "count": np.array(7, np.int64),
}
LIMIT = 1 << 20


def test_arrays_come_back_to_the_bit_and_take_less_room() -> None:
    packed = pack_arrays(ARRAYS)
    unpacked = unpack_arrays(packed, LIMIT)
    assert unpacked.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert (unpacked[name].dtype, unpacked[name].shape) == (array.dtype, array.shape)
        assert unpacked[name].tobytes() == array.tobytes()
    residual = ARRAYS["residual"]
    assert len(pack_arrays({"residual": residual})) < 0.9 * residual.nbytes


@pytest.mark.parametrize("place", [3, 25, 60, -1])
def test_a_changed_byte_of_the_arrays_is_recognised(place: int) -> None:
    packed = bytearray(pack_arrays(ARRAYS))
    packed[place] ^= 1
    with pytest.raises(ResumeError, match="is damaged"):
        unpack_arrays(bytes(packed), LIMIT)


def forged(table: list[Any], blob: bytes = b"") -> bytes:
    """Make a state with a checksum that is right and a table that is not."""
    index = json.dumps(table).encode()
    body = index + blob
    head = hashlib.sha256(body).digest() + len(index).to_bytes(4, "little")
    return b"dreamstream state 3\n" + head + body


@pytest.mark.parametrize(
    "table",
    [
        [["x", "<f4", [1 << 40, 1 << 40], 0]],
        [["x", "<f4", [-4], 0]],
        [["x", "|O", [1], 0]],
        [["x", "<f4", [1], 99]],
        [["x", "<f4", [True], 0]],
        [["x"]],
        {"x": 1},
        [["x", "nonsense", [1], 0]],
    ],
)
def test_sizes_and_kinds_that_a_state_tells_are_not_believed(table: list[Any]) -> None:
    with pytest.raises(ResumeError, match="is damaged"):
        unpack_arrays(forged(table), LIMIT)


def test_a_state_that_unpacks_to_more_than_it_tells_is_stopped_there() -> None:
    bomb = zlib.compress(bytes(1 << 26))
    tracemalloc.start()
    with pytest.raises(ResumeError, match="is damaged"):
        unpack_arrays(forged([["x", "|u1", [10], len(bomb)]], bomb), LIMIT)
    assert tracemalloc.get_traced_memory()[1] < 1 << 23
    tracemalloc.stop()


# --- the folder ------------------------------------------------------------------------------


def leave_journal(target: Path, *frames: int, run: Run = RUN) -> None:
    """Leave what a run leaves that is interrupted after it has noted some numbers of frames."""
    journal = new_journal(target, run)
    with contextlib.suppress(KeyboardInterrupt), journal:
        journal.begin()
        for number in frames:
            journal.note(number, STATE)
        raise KeyboardInterrupt


def resumed_frames(target: Path, run: Run = RUN) -> int | None:
    journal = find_journal(target, run)
    if journal is None:
        return None
    with contextlib.suppress(KeyboardInterrupt), journal:
        raise KeyboardInterrupt
    return journal.frames


def test_the_state_comes_back_as_it_was_noted(tmp_path: Path) -> None:
    leave_journal(tmp_path / "out.mp4", 3)
    journal = find_journal(tmp_path / "out.mp4", RUN)
    assert journal is not None
    assert journal.frames == 3
    assert journal.dreamer is not None
    assert journal.dreamer.keys() == STATE.keys()
    for name, array in STATE.items():
        assert journal.dreamer[name].dtype == array.dtype
        np.testing.assert_array_equal(journal.dreamer[name], array)
    journal.remove()
    assert list(tmp_path.iterdir()) == []


def test_the_last_noted_frame_is_saved_when_a_run_is_broken_off(tmp_path: Path) -> None:
    leave_journal(tmp_path / "out.mp4", 1, 2, 3)
    assert resumed_frames(tmp_path / "out.mp4") == 3


def test_frames_of_an_open_segment_are_not_saved(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    journal = new_journal(target, RUN)
    with contextlib.suppress(KeyboardInterrupt), journal:
        journal.begin()
        journal.encoded.add(picture(0))
        journal.encoded.close_segment()
        journal.note(1, STATE)
        journal.encoded.open_segment()
        journal.encoded.add(picture(1))
        journal.note(2, STATE)
        raise KeyboardInterrupt
    found = find_journal(target, RUN)
    assert found is not None
    assert (found.frames, list(found.encoded.pictures())) == (1, [picture(0)])
    found.remove()


def test_a_run_that_ends_leaves_nothing(tmp_path: Path) -> None:
    with new_journal(tmp_path / "out.mp4", RUN) as journal:
        journal.begin()
        journal.note(1, STATE)
    assert list(tmp_path.iterdir()) == []


def test_a_new_run_replaces_what_an_interrupted_one_has_left(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    (tmp_path / "out.part.mp4").write_bytes(b"part")
    for frames in (3, 5):
        journal = new_journal(target, RUN)
        with contextlib.suppress(KeyboardInterrupt), journal:
            journal.begin(tmp_path / "out.part.mp4")
            (tmp_path / "out.part.mp4").write_bytes(b"part")
            journal.note(frames, STATE)
            raise KeyboardInterrupt
        names = sorted(path.name for path in tmp_path.iterdir())
        assert names == ["out.mp4.resume", "out.part.mp4"]
        assert resumed_frames(target) == frames


def test_a_journal_that_is_held_is_neither_resumed_nor_replaced(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    with new_journal(target, RUN) as journal:
        journal.begin()
        journal.note(1, STATE)
        with pytest.raises(ResumeError, match="another program"):
            find_journal(target, RUN)
        with pytest.raises(ResumeError, match="another program"):
            new_journal(target, RUN)
    assert not was_interrupted(target)


def test_a_run_killed_before_its_first_segment_leaves_its_place_to_the_next(
    tmp_path: Path,
) -> None:
    target = tmp_path / "out.mp4"
    killed = new_journal(target, RUN)
    (tmp_path / "out.part.mp4").write_bytes(b"torn")
    killed.begin(tmp_path / "out.part.mp4")
    killed._lock.release()  # as the system does
    assert find_journal(target, RUN) is None
    new_journal(target, RUN).clear_place()
    assert list(tmp_path.iterdir()) == []


def test_what_has_another_fingerprint_is_named(tmp_path: Path) -> None:
    leave_journal(tmp_path / "out.mp4", 3)
    with pytest.raises(ResumeError, match="--steps was 2 and is 9"):
        find_journal(tmp_path / "out.mp4", Run({"--steps": "9"}))


# --- what is another's -----------------------------------------------------------------------


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def by_chance(folder: Path) -> None:
    (folder / "notes").mkdir(parents=True)
    (folder / "notes" / "mine.txt").write_text("mine")
    (folder / "parts.txt").write_text("in.mp4\nout.part.mp4\n")


def with_another_file(folder: Path) -> None:
    leave_journal(folder.with_name("out.mp4"), 3)
    (folder / "mine.txt").write_text("mine")


def without_its_fingerprint(folder: Path) -> None:
    leave_journal(folder.with_name("out.mp4"), 3)
    (folder / "fingerprint.json").unlink()


def of_another_version(folder: Path) -> None:
    leave_journal(folder.with_name("out.mp4"), 3)
    text = (folder / "fingerprint.json").read_text()
    (folder / "fingerprint.json").write_text(text.replace('"format": "3"', '"format": "2"'))


def of_another_output(folder: Path) -> None:
    leave_journal(folder.with_name("other.mp4"), 3)
    folder.with_name("other.mp4.resume").rename(folder)


def no_folder(folder: Path) -> None:
    folder.write_text("mine")


def a_link_to_a_folder(folder: Path) -> None:
    leave_journal(folder.with_name("out.mp4"), 3)
    folder.rename(folder.with_name("elsewhere"))
    folder.symlink_to("elsewhere")


def with_a_link(name: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        leave_journal(folder.with_name("out.mp4"), 3)
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to("../mine.txt")

    make.__name__ = f"with_a_link_{name}"
    return make


def with_a_second_name(folder: Path) -> None:
    leave_journal(folder.with_name("out.mp4"), 3)
    (folder / "encoded.log").hardlink_to(folder.with_name("mine.txt"))


FOREIGN = [
    by_chance,
    with_another_file,
    without_its_fingerprint,
    of_another_version,
    of_another_output,
    no_folder,
    a_link_to_a_folder,
    *map(
        with_a_link, ["lock", "state", "state.new", "encoded.log", "parts.txt", "fingerprint.json"]
    ),
    with_a_second_name,
]


@pytest.mark.parametrize("make", FOREIGN, ids=lambda make: make.__name__)
def test_what_is_not_provably_a_journal_is_refused_and_stays_as_it_is(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    target = tmp_path / "out.mp4"
    for name in ("in.mp4", "out.part.mp4", "mine.txt"):
        (tmp_path / name).write_text(name)
    make(tmp_path / "out.mp4.resume")
    before = contents(tmp_path)
    for act in (new_journal, find_journal):
        with pytest.raises(ResumeError, match=r"out\.mp4\.resume can't be used as a journal"):
            act(target, RUN)
    with pytest.raises(ResumeError, match="move it away"):
        was_interrupted(target)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("noted", "is_part"),
    [
        ("out.part.mp4", True),
        ("out.part2.mp4", True),
        ("out.part.mkv", True),
        ("in.mp4", False),
        ("out.mp4", False),
        ("out.partner.mp4", False),
        ("other.part.mp4", False),
        ("out.part.txt", False),
        ("../outside/out.part.mp4", False),
    ],
)
def test_only_files_named_like_parts_of_the_output_are_removed(
    noted: str, is_part: bool, tmp_path: Path
) -> None:
    (tmp_path / "films").mkdir()
    (tmp_path / "outside").mkdir()
    target = tmp_path / "films" / "out.mp4"
    leave_journal(target, 3)
    (target.with_name("out.mp4.resume") / "parts.txt").write_text(f"{noted}\n\n{tmp_path}/x\n")
    (target.parent / noted).write_bytes(b"mine")
    new_journal(target, RUN).clear_place()
    assert (target.parent / noted).exists() is not is_part
    assert not target.with_name("out.mp4.resume").exists()


def test_a_part_that_is_a_link_or_the_input_stays(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    (tmp_path / "mine.mp4").write_bytes(b"mine")
    (tmp_path / "out.part.mp4").symlink_to("mine.mp4")
    (tmp_path / "out.part2.mp4").hardlink_to(tmp_path / "mine.mp4")
    (tmp_path / "out.part3.mp4").write_bytes(b"input")
    leave_journal(target, 3)
    noted = "out.part.mp4\nout.part2.mp4\nout.part3.mp4\n"
    (tmp_path / "out.mp4.resume" / "parts.txt").write_text(noted)
    run = Run(FINGERPRINT, reads=frozenset([tmp_path / "out.part3.mp4"]))
    new_journal(target, run).clear_place()
    assert set(contents(tmp_path)) == {
        "mine.mp4",
        "out.part.mp4",
        "out.part2.mp4",
        "out.part3.mp4",
    }


def test_nothing_is_written_through_a_link_that_is_made_meanwhile(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    journal = new_journal(tmp_path / "out.mp4", RUN)
    with contextlib.suppress(ResumeError), journal:
        journal.begin()
        (tmp_path / "out.mp4.resume" / "encoded.log").symlink_to("../mine.txt")
        (tmp_path / "out.mp4.resume" / "state.new").symlink_to("../mine.txt")
        with pytest.raises(ResumeError, match="no file of dreamstream's"):
            journal.note(1, STATE)
        journal.encoded.add(picture(0))
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("position", [[-1, 0], [0, 0], [1 << 50, 0], [3, -1], [3, 10**9], [3]])
def test_a_position_that_can_not_be_is_refused(position: list[int], tmp_path: Path) -> None:
    leave_journal(tmp_path / "out.mp4", 3)
    arrays = {"position": np.array(position, np.int64), "dreamer/residual": STATE["residual"]}
    (tmp_path / "out.mp4.resume" / "state").write_bytes(pack_arrays(arrays))
    with pytest.raises(ResumeError, match=r"state is damaged.*leave out --resume"):
        find_journal(tmp_path / "out.mp4", RUN)


def test_a_state_that_is_larger_than_the_frames_allow_is_refused(tmp_path: Path) -> None:
    leave_journal(tmp_path / "out.mp4", 3)
    with pytest.raises(ResumeError, match="state is damaged"):
        find_journal(tmp_path / "out.mp4", Run(FINGERPRINT, state_bytes=20))


# --- numbered pictures -----------------------------------------------------------------------


def test_a_run_knows_its_own_pictures_again(tmp_path: Path) -> None:
    (tmp_path / "j").mkdir()
    log = PictureLog(tmp_path / "j", resumes=False)
    for name in ("1.png", "2.png", "3.png"):
        log.place(tmp_path / name, name.encode())
    log.close()
    (tmp_path / "2.png").write_bytes(b"mine!")
    (tmp_path / "3.png").unlink()
    (tmp_path / "3.png").symlink_to("1.png")
    (tmp_path / "4.png").write_bytes(b"mine too")
    with (tmp_path / "j" / "pictures.log").open("ab") as file:
        file.write(b"torn")
    log = PictureLog(tmp_path / "j", resumes=True)
    held = [number for number in range(1, 5) if log.holds(tmp_path / f"{number}.png")]
    assert held == [1]


# --- names -----------------------------------------------------------------------------------


@pytest.mark.parametrize("stem", ["x" * 251, "\u00e9" * 125 + "x", "x" * 100])
def test_names_beside_an_output_are_never_too_long(stem: str, tmp_path: Path) -> None:
    target = tmp_path / f"{stem}.mp4"
    part = part_path(target, 2, ".mp4")
    for path in (target, part, journal_path(target)):
        assert len(os.fsencode(path.name)) <= 255
        path.write_bytes(b"")
    assert is_part_of(part.name, target)
    assert not is_part_of(part.name, target.with_name("y" + target.name[1:]))


# --- the fingerprint -------------------------------------------------------------------------


@pytest.fixture
def info(tmp_path: Path) -> StreamInfo:
    (tmp_path / "in.mp4").write_bytes(bytes(range(256)) * 1000)
    return StreamInfo(48, 64, rate=Fraction(25), path=tmp_path / "in.mp4")


def test_equal_runs_have_equal_fingerprints(info: StreamInfo) -> None:
    fingerprint = fingerprint_of(DreamConfig(), MediaConfig(), info)
    assert differences(fingerprint, fingerprint_of(DreamConfig(), MediaConfig(), info)) == ""


def test_what_changes_nothing_in_the_output_is_no_difference(info: StreamInfo) -> None:
    media = MediaConfig(overwrite=True, resume=True, show=True, stats=Path("x.jsonl"))
    before = fingerprint_of(DreamConfig(), MediaConfig(), info)
    assert differences(before, fingerprint_of(DreamConfig(), media, info)) == ""


def test_differences_are_named_three_at_the_most(info: StreamInfo) -> None:
    before = fingerprint_of(DreamConfig(), MediaConfig(), info)
    one = fingerprint_of(DreamConfig(), MediaConfig(crf=20), info)
    assert differences(before, one) == "--crf was None and is 20"
    many = fingerprint_of(DreamConfig(preset="brush", steps=9), MediaConfig(crf=20), info)
    text = differences(before, many)
    assert text.startswith(
        "--preset was menagerie and is brush, --layers was animals=1.0,places=1.0 and is "
    )
    assert text.endswith(" more")


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"precision": "bfloat16"}, "--precision was auto and is bfloat16"),
        ({"device": "cpu"}, "--device was auto and is cpu"),
        ({"threads": 3}, "--threads was 0 and is 3"),
    ],
)
def test_what_the_network_runs_on_is_a_difference(
    setting: dict[str, Any], told: str, info: StreamInfo
) -> None:
    before = fingerprint_of(DreamConfig(), MediaConfig(), info)
    assert differences(before, fingerprint_of(DreamConfig(**setting), MediaConfig(), info)) == told


@pytest.mark.parametrize("place", [0, 128_000, -1])
def test_an_input_is_told_by_its_content(place: int, info: StreamInfo) -> None:
    assert info.path is not None
    before = fingerprint_of(DreamConfig(), MediaConfig(), info)
    data = bytearray(info.path.read_bytes())
    data[place] ^= 1
    info.path.write_bytes(data)
    assert differences(before, fingerprint_of(DreamConfig(), MediaConfig(), info)) == (
        "the input has changed"
    )


def test_a_copy_or_a_touched_input_is_the_same(info: StreamInfo, tmp_path: Path) -> None:
    assert info.path is not None
    before = fingerprint_of(DreamConfig(), MediaConfig(), info)
    os.utime(info.path, (1, 1))
    assert differences(before, fingerprint_of(DreamConfig(), MediaConfig(), info)) == ""
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(info.path.read_bytes())
    copied = replace(info, path=copy)
    assert differences(before, fingerprint_of(DreamConfig(), MediaConfig(), copied)) == ""


def test_numbered_pictures_are_told_by_all_of_them(info: StreamInfo, tmp_path: Path) -> None:
    (tmp_path / "2.png").write_bytes(b"two")
    assert info.path is not None
    series = replace(info, reads=frozenset([info.path, tmp_path / "2.png"]))
    before = fingerprint_of(DreamConfig(), MediaConfig(), series)
    (tmp_path / "2.png").write_bytes(b"twice")
    assert differences(before, fingerprint_of(DreamConfig(), MediaConfig(), series))


def test_weights_are_told_by_their_content(info: StreamInfo, tmp_path: Path) -> None:
    weights = tmp_path / "w.npz"
    weights.write_bytes(b"one")
    config = DreamConfig(weights=weights)
    before = fingerprint_of(config, MediaConfig(), info)
    weights.write_bytes(b"two")
    assert "--weights" in differences(before, fingerprint_of(config, MediaConfig(), info))
