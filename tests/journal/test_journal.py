"""The journal's files: what counts in them, and what is told of differences."""

import contextlib
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import fractal_pixels

from dreamstream.config import DreamConfig, MediaConfig
from dreamstream.errors import ResumeError
from dreamstream.frames import Frame, StreamInfo
from dreamstream.journal import (
    EncodedPicture,
    Journal,
    Tape,
    find_journal,
    forget_journals,
    interrupted,
    new_journal,
    terms_of,
)
from dreamstream.journal.encoded_log import TapeEnd
from dreamstream.journal.fingerprint import differences
from dreamstream.journal.records import RecordLog

TERMS = {"--steps": "2"}
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


# --- tape ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (31, 33), (48, 64)])
def test_frames_come_back_as_they_were(size: tuple[int, int], tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    frames = [Frame(pixels ^ np.uint8(index), Fraction(index, 3), index) for index in range(3)]
    tape = Tape(tmp_path, TapeEnd())
    for frame in frames:
        tape.add_frame(frame)
    tape.close()
    for frame, wanted in zip(Tape(tmp_path, tape.end).frames(), frames, strict=True):
        np.testing.assert_array_equal(frame.pixels, wanted.pixels)
        assert (frame.time, frame.index) == (wanted.time, wanted.index)


def test_pictures_count_from_the_end_of_their_segment_on(tmp_path: Path) -> None:
    pictures = [EncodedPicture(index, index - 2, index == 0, b"%d" % index) for index in range(3)]
    frame = Frame(fractal_pixels(16, 16, seed=1), Fraction(0), 0)
    tape = Tape(tmp_path, TapeEnd())
    for picture in pictures[:2]:
        tape.add_picture(picture)
    tape.add_frame(frame)
    assert list(tape.pictures()) == []
    tape.close_segment()
    tape.add_picture(pictures[2])
    assert list(tape.pictures()) == pictures[:2]
    assert list(tape.frames()) == []
    tape.add_frame(frame)
    assert len(list(tmp_path.glob("frames-*.log"))) == 2
    tape.forget_closed()
    assert [path.name for path in tmp_path.glob("frames-*.log")] == ["frames-1.log"]
    tape.close()


# --- the folder ------------------------------------------------------------------------------


def leave_journal(target: Path, *frames: int, terms: dict[str, str] = TERMS) -> None:
    """Leave what a run leaves that is interrupted after it has noted some numbers of frames."""
    journal = new_journal(target, terms, overwrite=False)
    with contextlib.suppress(KeyboardInterrupt), journal:
        journal.begin()
        for number in frames:
            journal.note(number, STATE)
        raise KeyboardInterrupt


def test_the_state_comes_back_as_it_was_noted(tmp_path: Path) -> None:
    leave_journal(tmp_path / "out.mp4", 3)
    journal = find_journal(tmp_path / "out.mp4", TERMS)
    assert journal is not None
    assert journal.frames == 3
    assert journal.dreamer is not None
    assert journal.dreamer.keys() == STATE.keys()
    for name, array in STATE.items():
        assert journal.dreamer[name].dtype == array.dtype
        np.testing.assert_array_equal(journal.dreamer[name], array)
    journal.remove()


def test_the_last_noted_frame_is_saved_when_a_run_is_broken_off(tmp_path: Path) -> None:
    leave_journal(tmp_path / "out.mp4", 1, 2, 3)
    found = find_journal(tmp_path / "out.mp4", TERMS)
    assert found is not None
    assert found.frames == 3
    found.remove()


def test_a_run_that_ends_leaves_nothing(tmp_path: Path) -> None:
    with new_journal(tmp_path / "out.mp4", TERMS, overwrite=False) as journal:
        journal.begin()
        journal.note(1, STATE)
    assert list(tmp_path.iterdir()) == []


def test_the_latest_run_of_equal_terms_is_resumed(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    leave_journal(target, 3)
    leave_journal(target, 5)
    leave_journal(target, 7, terms={"--steps": "9"})
    assert len(interrupted(target)) == 3
    journal = find_journal(target, TERMS)
    assert journal is not None
    assert journal.frames == 5
    journal.remove()


def test_a_journal_that_is_held_is_neither_resumed_nor_removed(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    with new_journal(target, TERMS, overwrite=False) as journal:
        journal.begin()
        journal.note(1, STATE)
        forget_journals(target)
        assert len(interrupted(target)) == 1
        with pytest.raises(ResumeError, match="another program"):
            find_journal(target, TERMS)
    assert interrupted(target) == []


def test_a_run_killed_before_its_first_frame_leaves_its_place_to_the_next(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    killed = new_journal(target, TERMS, overwrite=False)
    (tmp_path / "out.part.mp4").write_bytes(b"")
    killed.begin(tmp_path / "out.part.mp4")
    killed._lock.release()  # as the system does
    new_journal(target, TERMS, overwrite=False)
    assert list(tmp_path.iterdir()) == []


def test_parts_are_removed_only_beside_the_output(tmp_path: Path) -> None:
    (tmp_path / "outside.mp4").write_bytes(b"mine")
    (tmp_path / "films").mkdir()
    journal = new_journal(tmp_path / "films" / "out.mp4", TERMS, overwrite=False)
    journal.begin()
    notes = tmp_path / "films" / "out.mp4.resume" / "parts.txt"
    notes.write_text(f"../outside.mp4\n{tmp_path}/outside.mp4\n\n")
    journal.drop_old_parts()
    journal.remove()
    assert (tmp_path / "outside.mp4").read_bytes() == b"mine"


def test_a_journal_of_another_form_is_refused(tmp_path: Path) -> None:
    leave_journal(tmp_path / "out.mp4", 3)
    terms = tmp_path / "out.mp4.resume" / "terms.json"
    terms.write_text(re.sub(r'"format": "\d+"', '"format": "0"', terms.read_text()))
    with pytest.raises(ResumeError, match="another version"):
        find_journal(tmp_path / "out.mp4", TERMS)


def test_a_journal_without_its_terms_is_refused(tmp_path: Path) -> None:
    leave_journal(tmp_path / "out.mp4", 3)
    (tmp_path / "out.mp4.resume" / "terms.json").unlink()
    with pytest.raises(ResumeError, match=r"terms\.json is damaged"):
        Journal.resumed(tmp_path / "out.mp4.resume", TERMS)


# --- terms -----------------------------------------------------------------------------------


@pytest.fixture
def info(tmp_path: Path) -> StreamInfo:
    (tmp_path / "in.mp4").write_bytes(bytes(range(256)) * 1000)
    return StreamInfo(48, 64, rate=Fraction(25), path=tmp_path / "in.mp4")


def test_equal_runs_have_equal_terms(info: StreamInfo) -> None:
    terms = terms_of(DreamConfig(), MediaConfig(), info)
    assert differences(terms, terms_of(DreamConfig(), MediaConfig(), info)) == ""


def test_what_changes_nothing_in_the_output_is_no_difference(info: StreamInfo) -> None:
    media = MediaConfig(overwrite=True, resume=True, show=True, stats=Path("x.jsonl"))
    before = terms_of(DreamConfig(), MediaConfig(), info)
    assert differences(before, terms_of(DreamConfig(), media, info)) == ""


def test_differences_are_named_three_at_the_most(info: StreamInfo) -> None:
    before = terms_of(DreamConfig(), MediaConfig(), info)
    one = terms_of(DreamConfig(), MediaConfig(crf=20), info)
    assert differences(before, one) == "--crf was None and is 20"
    many = terms_of(DreamConfig(preset="brush", steps=9), MediaConfig(crf=20), info)
    text = differences(before, many)
    assert text.startswith("--preset was menagerie and is brush, --layers was faces=1.0 and is ")
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
    before = terms_of(DreamConfig(), MediaConfig(), info)
    assert differences(before, terms_of(DreamConfig(**setting), MediaConfig(), info)) == told


@pytest.mark.parametrize("place", [0, -1])
def test_an_input_is_told_by_its_content(place: int, info: StreamInfo) -> None:
    assert info.path is not None
    before = terms_of(DreamConfig(), MediaConfig(), info)
    data = bytearray(info.path.read_bytes())
    data[place] ^= 1
    info.path.write_bytes(data)
    assert differences(before, terms_of(DreamConfig(), MediaConfig(), info)) == (
        "the input has changed"
    )


def test_numbered_pictures_are_told_by_all_of_them(info: StreamInfo, tmp_path: Path) -> None:
    (tmp_path / "2.png").write_bytes(b"two")
    assert info.path is not None
    series = replace(info, reads=frozenset([info.path, tmp_path / "2.png"]))
    before = terms_of(DreamConfig(), MediaConfig(), series)
    (tmp_path / "2.png").write_bytes(b"twice")
    assert differences(before, terms_of(DreamConfig(), MediaConfig(), series))


def test_weights_are_told_by_their_content(info: StreamInfo, tmp_path: Path) -> None:
    weights = tmp_path / "w.npz"
    weights.write_bytes(b"one")
    config = DreamConfig(weights=weights)
    before = terms_of(config, MediaConfig(), info)
    weights.write_bytes(b"two")
    assert "--weights" in differences(before, terms_of(config, MediaConfig(), info))
