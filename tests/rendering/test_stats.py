"""Figures of every frame, a line of JSON each."""

import errno
import io
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from dreamstream.dream.report import DreamReport, FrameRecord
from dreamstream.errors import SinkError
from dreamstream.rendering.stats import StatsFile, stats_of

REPORT = DreamReport(
    cut=True,
    flash=False,
    warm=True,
    steps=(3, 2),
    dropped_octaves=1,
    source_loss=1.5,
    loss=2.5,
    confidence=0.75,
    residual_rms=12.5,
    flow_seconds=0.25,
    dream_seconds=0.5,
)


class _Full(io.StringIO):
    def write(self, _text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def record(report: DreamReport = REPORT, index: int = 3) -> FrameRecord:
    return FrameRecord(index, Fraction(3, 25), report, 0.125, 0.0625, 1.0)


def read(path: Path) -> list[dict[str, Any]]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return [json.loads(line, parse_constant=refuse) for line in path.read_text().splitlines()]


def test_a_line_has_exactly_these_figures(tmp_path: Path) -> None:
    with StatsFile(tmp_path / "s.jsonl", 60.0) as stats:
        stats.write(record())
    assert read(tmp_path / "s.jsonl") == [
        {
            "index": 3,
            "time": 0.12,
            "cut": True,
            "flash": False,
            "warm": True,
            "steps": [3, 2],
            "dropped_octaves": 1,
            "source_loss": 1.5,
            "loss": 2.5,
            "max_loss": 60.0,
            "confidence": 0.75,
            "residual_rms": 12.5,
            "latency": None,
            "dream_size": None,
            "seconds": {"read": 0.125, "flow": 0.25, "dream": 0.5, "write": 0.0625},
            "wall": 1.0,
        }
    ]


def test_the_loss_is_null_where_no_network_ran() -> None:
    figures = stats_of(record(DreamReport()), None)
    assert figures["loss"] is figures["source_loss"] is figures["confidence"] is None
    assert figures["max_loss"] is None
    assert figures["steps"] == []


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_a_loss_that_json_can_not_write_is_null(tmp_path: Path, value: float) -> None:
    with StatsFile(tmp_path / "s.jsonl", None) as stats:
        stats.write(record(DreamReport(loss=value, source_loss=value)))
    assert read(tmp_path / "s.jsonl")[0]["loss"] is None


def test_a_line_can_be_read_as_soon_as_it_is_written(tmp_path: Path) -> None:
    with StatsFile(tmp_path / "s.jsonl", None) as stats:
        for count in (1, 2):
            stats.write(record(index=count))
            assert [line["index"] for line in read(tmp_path / "s.jsonl")][-1] == count


def test_an_existing_file_is_refused_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text("earlier")
    with pytest.raises(SinkError, match=r"it exists.*-y") as refusal:
        StatsFile(path, None)
    assert str(path) in str(refusal.value)
    assert path.read_text() == "earlier"


def test_an_existing_file_is_replaced_where_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text("earlier")
    with StatsFile(path, None, overwrite=True) as stats:
        stats.write(record())
    assert len(read(path)) == 1


@pytest.mark.parametrize("place", ["none/s.jsonl", "."])
def test_a_file_that_can_not_be_made_is_named(tmp_path: Path, place: str) -> None:
    with pytest.raises(SinkError, match="--stats") as refusal:
        StatsFile(tmp_path / place, None, overwrite=True)
    assert str(tmp_path) in str(refusal.value)


def test_a_full_disk_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    stats = StatsFile(tmp_path / "s.jsonl", None)
    stats._file = _Full()
    with pytest.raises(SinkError, match=r"s\.jsonl failed \(No space left"), stats:
        stats.write(record())


def test_a_run_that_fails_before_its_first_frame_leaves_no_empty_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), StatsFile(tmp_path / "s.jsonl", None):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_fails_removes_no_file_that_was_there_before(tmp_path: Path) -> None:
    (tmp_path / "s.jsonl").touch()
    with pytest.raises(RuntimeError), StatsFile(tmp_path / "s.jsonl", None, overwrite=True):
        raise RuntimeError
    assert (tmp_path / "s.jsonl").exists()


def test_a_run_that_fails_later_keeps_what_was_written(tmp_path: Path) -> None:
    def run() -> None:
        with StatsFile(tmp_path / "s.jsonl", None) as stats:
            stats.write(record())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        run()
    assert len(read(tmp_path / "s.jsonl")) == 1
