"""What is shown of a rendering while it is made."""

import time
from collections.abc import Iterator
from fractions import Fraction

import pytest

from dreamstream.cli import progress
from dreamstream.cli.progress import Pace, Progress, announce
from dreamstream.dream.report import DreamReport, FrameRecord


class Rendering:
    """Frames that take their time."""

    def __init__(self, seconds: list[float], frames: int | None, first_frame: int = 0) -> None:
        self._seconds, self.frames, self.first_frame = seconds, frames, first_frame
        self.steps_taken = 0
        self.lead_frames = 0

    def __iter__(self) -> Iterator[FrameRecord]:
        for index, seconds in enumerate(self._seconds, self.first_frame):
            for _ in range(4):
                time.sleep(seconds / 4)
                self.steps_taken += 1
            report = DreamReport(loss=1.5)
            yield FrameRecord(index, Fraction(index, 25), report, 0.0, 0.0, seconds)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.1)


def follow(rendering: Rendering, quiet: bool = False) -> int:
    with Progress("in.mp4", quiet=quiet, most_steps=4) as shown:
        return shown.follow(rendering)


@pytest.mark.usefixtures("often")
def test_where_stderr_is_no_terminal_lines_tell_frames_rate_and_time_left(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert follow(Rendering([0.5, 0.3, *[0.05] * 12], 28, first_frame=14)) == 14
    *_, last = capsys.readouterr().err.splitlines()
    words = last.split(", ")
    assert words[0].startswith("dreamstream: in.mp4: frame 2")
    assert words[0].endswith("of 28")
    assert 10 < float(words[1].removesuffix(" a second")) < 21
    assert words[2] in ("0:00:00 left", "0:00:01 left")


@pytest.mark.usefixtures("often")
def test_within_the_first_frame_its_steps_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    follow(Rendering([0.8], 1))
    lines = capsys.readouterr().err.splitlines()
    assert "dreamstream: in.mp4: step 2 of at most 4 of the first frame" in lines


@pytest.mark.usefixtures("often")
def test_a_stream_of_unknown_length_has_no_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    follow(Rendering([0.04] * 15, None))
    *_, last = capsys.readouterr().err.splitlines()
    assert last.endswith("a second")


@pytest.mark.usefixtures("often")
def test_an_estimate_that_was_too_small_is_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    follow(Rendering([0.04] * 15, 2))
    *_, last = capsys.readouterr().err.splitlines()
    assert " of " not in last
    assert last.endswith("a second")


@pytest.mark.usefixtures("often")
def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    assert follow(Rendering([0.3], 1), quiet=True) == 1
    assert capsys.readouterr().err == ""


def test_the_first_frames_do_not_count_for_the_time_left() -> None:
    pace, now = Pace(), 0.0
    for seconds in (30.0, 10.0, *[0.2] * 5):
        assert pace.seconds_left(100) in (None, pytest.approx(20))
        now += seconds
        pace.note(now)
    assert pace.seconds_left(100) == pytest.approx(20)


def test_a_terminal_shows_at_once_that_work_has_begun(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    announce("in.mp4")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    announce("in.mp4")
    assert capsys.readouterr().err == "dreamstream: in.mp4: loading\r"


def test_the_bar_of_a_terminal_tells_steps_then_frames(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_BAR_SECONDS", 0.05)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    begun = time.monotonic()
    follow(Rendering([1.0, 0.6, *[0.05] * 10], 12))
    of_all = 12 / (time.monotonic() - begun)
    shown = capsys.readouterr().err.split("\r")
    assert any("step 1 of at most 4" in line for line in shown)
    assert "12/12" in shown[-1]
    rate = float(shown[-1].partition("frame/s")[0].rpartition(" ")[2])
    assert rate > 1.3 * of_all  # of the last ten frames, however busy the machine is
