"""Matroska to stdout."""

import os
import subprocess
import sys
import textwrap
from fractions import Fraction
from pathlib import Path

import clips
import films
import pytest

from dreamstream._libraries import av
from dreamstream.config import MediaConfig
from dreamstream.errors import SinkError
from dreamstream.frames import StreamInfo
from dreamstream.sinks import PipeSink, open_sink

INFO = StreamInfo(48, 64, clips.RATE, Fraction(1, 25))

PROGRAM = """
    import os, sys
    from dreamstream.config import MediaConfig
    from dreamstream.errors import SinkError
    from dreamstream.sinks import open_sink
    from dreamstream.sources import open_source
    try:
        with open_source(sys.argv[1]) as source:
            with open_sink("-", source.info, MediaConfig(codec=sys.argv[2] or None)) as sink:
                for frame in source:
                    print("a print")
                    os.write(1, b"a write")
                    sink.write(frame)
                    {then}
    except SinkError as error:
        print(error, file=sys.stderr)
"""


def start(film: Path, codec: str = "", then: str = "pass") -> "subprocess.Popen[bytes]":
    code = textwrap.dedent(PROGRAM).format(then=then)
    return subprocess.Popen(
        [sys.executable, "-c", code, str(film), codec],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return films.write_film(tmp_path_factory.mktemp("film") / "in.mp4")


@pytest.mark.parametrize("codec", ["", "vp9", "ffv1"])
def test_a_pipe_carries_the_film_and_nothing_else(film: Path, tmp_path: Path, codec: str) -> None:
    with start(film, codec) as process:
        data, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert b"a print" in errors
    assert b"a write" in errors
    (tmp_path / "out.mkv").write_bytes(data)
    out = tmp_path / "out.mkv"
    assert data.startswith(b"\x1a\x45\xdf\xa3")
    assert b"a write" not in data
    assert clips.video_times(out) == films.TIMES
    assert abs(films.sound_lag(out)) <= films.MILLISECOND
    assert [cue.text for cue in films.cues_of(out)] == ["first", "second"]
    assert films.chapters_of(out) == films.CHAPTERS
    with av.open(str(out)) as file:
        assert file.metadata["title"] == films.TAGS["title"]
        assert file.streams.audio[0].metadata["language"] == "ita"


def test_pictures_leave_within_seconds(tmp_path: Path) -> None:
    source = clips.write_clip(tmp_path / "in.mp4", clips.pictures(100))
    waits = "import time; time.sleep(60 if frame.index == 99 else 0)"
    with start(source, then=waits) as process:
        assert process.stdout is not None
        data = process.stdout.read(5000)
        process.kill()
    assert len(data) == 5000


def test_a_reader_that_goes_is_one_clear_line(film: Path) -> None:
    with start(film, "ffv1", then="import time; time.sleep(0.05)") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(100)
        process.stdout.close()
        errors = process.stderr.read().decode()
    lines = [line for line in errors.splitlines() if "a print" not in line]
    assert any("writing to stdout failed" in line and "has ended" in line for line in lines)
    assert "Traceback" not in errors
    assert "Exception ignored" not in errors


def test_stdout_is_stdout_again_after_the_film(capfd: pytest.CaptureFixture[str]) -> None:
    with PipeSink(INFO) as sink, pytest.raises(SinkError, match="no frame came"):
        sink.close()
    print("again")  # noqa: T201
    os.write(1, b"and again")
    assert "again" in capfd.readouterr().out


def test_a_terminal_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "isatty", lambda _: True)
    with pytest.raises(SinkError, match="is a terminal"):
        open_sink("-", INFO)


def test_a_codec_that_matroska_cant_hold_is_refused() -> None:
    with pytest.raises(SinkError, match="no such codec"):
        open_sink("-", INFO, MediaConfig(codec="divx"))
