"""Names and places of inputs and outputs: whatever a file system allows is read and written."""

import os
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import clips
import cv2
import numpy as np
import pytest
from pictures import fractal_pixels

from dreamstream._libraries import av
from dreamstream.cli import main as cli
from dreamstream.dream.dreamer import Dreamer
from dreamstream.frames import Frame, StreamInfo
from dreamstream.rendering.dreamers import Dreamers
from dreamstream.rendering.job import Job
from dreamstream.rendering.output_names import output_in, preview_name, untaken
from dreamstream.sinks import open_sink

QUICK = ["--layers", "textures", "--octaves", "1", "--first-steps", "2", "--steps", "1"]
DREAMERS: list[Dreamer] = []

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the command quickly in an empty folder; it gives the exit code and the messages."""

    def lend(_: Dreamers, job: Job, source: object) -> Dreamer:
        if not DREAMERS:
            DREAMERS.append(Dreamer(job.dream))
        DREAMERS[0].reset()
        return DREAMERS[0]

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.setattr(Dreamers, "lend", lend)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def run_command(*arguments: str | Path) -> tuple[int, str]:
        capfd.readouterr()
        code = cli.main([*QUICK, *map(str, arguments)])
        return code, capfd.readouterr().err

    return run_command


@pytest.fixture
def short(tmp_path: Path) -> Path:
    """A film of three frames, with sound."""
    return clips.write_clip(tmp_path / "short.mp4", clips.pictures(3))


def names(folder: str = ".") -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def frames_in(path: str | Path) -> int:
    with av.open(str(Path(path).absolute())) as container:
        return sum(1 for _ in container.decode(video=0))


def write_pictures(folder: str, *pictures: str) -> None:
    Path(folder).mkdir()
    for seed, name in enumerate(pictures):
        cv2.imwrite(f"{folder}/{name}", fractal_pixels(48, 64, seed=seed))


# --- names -----------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".gif", ".apng"])
def test_a_colon_in_a_name_is_no_protocol(suffix: str, run: Run, short: Path) -> None:
    Path("Episode: one.mp4").write_bytes(short.read_bytes())
    code, told = run("Episode: one.mp4", f"Title: x{suffix}")
    assert (code, frames_in(f"Title: x{suffix}")) == (0, 3), told
    assert names() == ["Episode: one.mp4", f"Title: x{suffix}"]


def test_behind_two_dashes_names_may_begin_with_a_dash(run: Run, short: Path) -> None:
    Path("-dash.mp4").write_bytes(short.read_bytes())
    code, told = run("--frames", "0:2", "--", "-dash.mp4", "-out.mp4")
    assert (code, frames_in("-out.mp4")) == (0, 2), told


@pytest.mark.parametrize("stem", ["x" * 245, "x" * 251, "\u00e9" * 125])
@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_a_name_as_long_as_may_be_is_written(stem: str, suffix: str, run: Run, short: Path) -> None:
    code, told = run(short, f"{stem}{suffix}"[-255:])
    assert code == 0, told
    assert names() == [f"{stem}{suffix}"[-255:]]


def test_a_name_that_gets_too_long_on_the_way_into_a_folder_is_cut(run: Run, short: Path) -> None:
    long = "x" * 252 + ".ts"
    with open_sink("in.mkv", StreamInfo(48, 64, rate=Fraction(25))) as sink:
        sink.write(Frame(clips.pictures(1)[0], Fraction(0), 0))
    os.rename("in.mkv", long)
    code, told = run(long, "out/")
    (name,) = names("out")
    assert (code, len(name), name[:242]) == (0, 255, "x" * 242), told


def test_names_made_of_inputs_never_get_too_long() -> None:
    long = "x" * 250 + ".mov"
    named = output_in("out", long, False, ())
    numbered = untaken(named, long, {named: "another"})
    for name in (named.name, numbered.name, preview_name(long)):
        assert len(name) <= 255
    assert numbered.name.endswith("-2.mp4")
    assert preview_name("short.mp4") == "short-preview.png"


# --- links and pipes -------------------------------------------------------------------------


def test_an_output_that_is_a_link_is_written_through(run: Run, short: Path) -> None:
    Path("disk").mkdir()
    Path("disk/real.mp4").write_bytes(b"earlier")
    Path("link.mp4").symlink_to("disk/real.mp4")
    assert run(short, "link.mp4")[0] == 2
    code, told = run(short, "link.mp4", "-y")
    assert code == 0, told
    assert Path("link.mp4").is_symlink()
    assert frames_in("disk/real.mp4") == 3
    assert (names(), names("disk")) == (["disk", "link.mp4"], ["real.mp4"])


def test_an_output_that_links_to_nothing_yet_makes_what_it_links_to(short: Path) -> None:
    with open_sink("x.mp4", StreamInfo(48, 64, rate=Fraction(25))) as sink:
        sink.abort()
    link = short.with_name("link.png")
    link.symlink_to("real.png")
    with open_sink(link, StreamInfo(48, 64)) as sink:
        sink.write(Frame(clips.pictures(1)[0], Fraction(0), 0))
    assert link.is_symlink()
    assert cv2.imread(str(short.with_name("real.png"))) is not None


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".gif"])
def test_an_output_that_is_a_pipe_gets_the_file(suffix: str, run: Run, short: Path) -> None:
    assert run(short, f"file{suffix}")[0] == 0
    os.mkfifo(f"pipe{suffix}")
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(Path(f"pipe{suffix}").read_bytes()))
    reader.start()
    code, told = run(short, f"pipe{suffix}")
    reader.join(20)
    assert code == 0, told
    assert got == [Path(f"file{suffix}").read_bytes()]
    assert Path(f"pipe{suffix}").is_fifo()
    assert names() == [f"file{suffix}", f"pipe{suffix}"]


# --- folders of pictures ---------------------------------------------------------------------


def test_hidden_files_and_folders_named_like_pictures_are_passed_over(run: Run) -> None:
    write_pictures("in", "f_1.png", "f_2.png", "f_3.png")
    Path("in/._f_1.png").write_bytes(b"\0\5\x16\7 Mac OS X")
    Path("in/f_4.png").mkdir()
    code, told = run("in", "out.mp4")
    assert (code, frames_in("out.mp4")) == (0, 3), told
    code, told = run("in/f_%d.png", "again.mp4")
    assert (code, frames_in("again.mp4")) == (0, 3), told


def test_the_folder_of_numbered_pictures_is_made(run: Run) -> None:
    write_pictures("in", "00001.png", "00002.png")
    code, told = run("in/%05d.png", "out/deep/%05d.png")
    assert code == 0, told
    assert names("out/deep") == ["00001.png", "00002.png"]


@pytest.mark.parametrize(
    ("pictures", "source", "options", "wanted"),
    [
        (["0007.png", "0008.png"], "in/%04d.png", [], ["0007.png", "0008.png"]),
        (["0007.png", "0008.png"], "in", [], ["0007.png", "0008.png"]),
        (["a3_v2.png", "a12_v2.png"], "in", [], ["0003.png", "0012.png"]),
        (["0007.png"], "in", [], ["0007.png"]),
        (["0000.png", "0004.png", "0009.png"], "in", ["--frames", "1:"], ["0004.png", "0009.png"]),
        (
            [f"{n:03}.png" for n in range(5, 10)],
            "in",
            ["--fps", "12.5"],
            ["0005.png", "0007.png", "0009.png"],
        ),
        (["cat.png", "dog.png"], "in", [], ["0001.png", "0002.png"]),
        (["a1b1.png", "a2b2.png"], "in", [], ["0001.png", "0002.png"]),
    ],
)
def test_numbered_pictures_keep_their_numbers(
    pictures: list[str], source: str, options: list[str], wanted: list[str], run: Run
) -> None:
    write_pictures("in", *pictures)
    code, told = run(source, "out/%04d.png", *options)
    assert code == 0, told
    assert names("out") == wanted


def test_a_film_s_pictures_are_counted_from_one(run: Run, short: Path) -> None:
    assert run(short, "out/%02d.png")[0] == 0
    assert names("out") == ["01.png", "02.png", "03.png"]


def test_each_number_keeps_its_own_picture(tmp_path: Path) -> None:
    pictures = clips.pictures(2)
    info = StreamInfo(48, 64, rate=Fraction(25), numbers=(4, 20))
    with open_sink(tmp_path / "%d.png", info) as sink:
        for index, pixels in enumerate(pictures):
            sink.write(Frame(pixels, Fraction(index, 25), index))
    for number, pixels in zip((4, 20), pictures, strict=True):
        written = cv2.imread(str(tmp_path / f"{number}.png"))
        np.testing.assert_array_equal(np.asarray(written)[..., ::-1], pixels)
