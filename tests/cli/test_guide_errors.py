"""Wrong guides, channels and sheets, as they are typed: one clear line each, nothing lost."""

from collections.abc import Callable
from pathlib import Path

import clips
import numpy as np
import pytest
from pictures import fractal_pixels

from dreamstream._libraries import cv2
from dreamstream.cli import main as cli

CHANNELS = {
    "eyes:": "'eyes:'",
    "eyes:x": "'eyes:x'",
    "eyes:-1": "'eyes:-1'",
    "eyes:1.5": "'eyes:1.5'",
    "eyes:3-": "'eyes:3-'",
    "eyes:-3": "'eyes:-3'",
    "eyes:9-4": "eyes:4-9",
    "eyes:1:2": "'eyes:1:2'",
    "eyes:1-2-3": "'eyes:1-2-3'",
    ":5": "':5'",
    ":": "':'",
    "=1": "''",
    "eyes: 5": "'eyes: 5'",
    "eyes:1234567": "'eyes:1234567'",
    "eyes:+5": "'eyes:+5'",
    "eyes:all": "'eyes:all'",
    "eyes:5=0": "other than 0",
    "eyes:5=nan": "other than 0",
    "eyes:5=inf": "at most",
    "eyes:5=-2e6": "at most",
    "eyes:5=much": "layers",
    "eyes:5=1=2": "layers",
    "eyes:99999": "0 to",
    "eyes:0-99999": "0 to",
    "wings:5": "no layer wings",
}
SHEETS = {
    (): "--list-channels",
    ("eyes",): "--list-channels eyes channels.png",
    ("eyes", "a.png", "b.png"): "--list-channels eyes channels.png",
    ("eyes", "sheet.mp4"): "one picture",
    ("eyes", "sheet"): "one picture",
    ("eyes", "%03d.png"): "one picture",
    ("eyes", "-"): "one picture",
    ("eyes:x", "sheet.png"): "'eyes:x'",
    ("", "sheet.png"): "''",
    ("wings", "sheet.png"): "no layer wings",
    ("eyes:99999", "sheet.png"): "0 to",
    ("eyes:0-1", "there.png"): "there.png",
    ("eyes:0-1", "missing/sheet.png"): "missing",
}


def _bytes(content: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(content)

    return write


def _picture(height: int, width: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        cv2.imwrite(str(path), fractal_pixels(height, width))

    return write


def _torn(path: Path) -> None:
    cv2.imwrite(str(path), fractal_pixels(64, 64))
    path.write_bytes(path.read_bytes()[:40])


def _sound(path: Path) -> None:
    clips.write_clip(path.with_suffix(".mov"), clips.pictures(5))
    from dreamstream._libraries import av

    with av.open(str(path.with_suffix(".mov"))) as film, av.open(str(path), "w") as output:
        stream = output.add_stream_from_template(film.streams.audio[0])
        for packet in film.demux(film.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)


def _huge(path: Path) -> None:
    """The head of a PNG of 400 million pixels a side."""
    cv2.imwrite(str(path), np.zeros((4, 4, 3), np.uint8))
    data = bytearray(path.read_bytes())
    data[16:24] = (400_000_000).to_bytes(4, "big") * 2
    path.write_bytes(bytes(data))


GUIDES: dict[str, tuple[Callable[[Path], None] | None, str]] = {
    "missing.png": (None, "no such file"),
    "missing/guide.png": (None, "no such file"),
    "missing.mp4": (None, "no such file"),
    "empty.png": (_bytes(b""), "empty"),
    "empty.mp4": (_bytes(b""), "empty"),
    "text.png": (_bytes(b"no picture at all\n" * 20), "text.png"),
    "text.mp4": (_bytes(b"no film at all\n" * 20), "text.mp4"),
    "noise.jpg": (_bytes(bytes(range(256)) * 8), "noise.jpg"),
    "torn.png": (_torn, "torn.png"),
    "1x1.png": (_picture(1, 1), "1x1, too small"),
    "15x40.png": (_picture(40, 15), "15x40, too small"),
    "narrow.png": (_picture(16, 200), "200x16, too narrow"),
    "tall.png": (_picture(300, 20), "20x300, too narrow"),
    "huge.png": (_huge, "huge.png"),
    "sound.m4a": (_sound, "only sound"),
    "folder": (lambda path: path.mkdir(), "is a folder"),
    "camera": (None, "no such file"),
    "-": (None, "no such file"),
    "http://127.0.0.1:9/guide.png": (None, "no such file"),
    "%03d.png": (None, "%03d.png"),
    "x" * 300: (None, "x" * 40),
    "nul\0.png": (None, "nul"),
}


@pytest.fixture
def refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Return the one line with which the command refuses; what is there stays as it is."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    cv2.imwrite("in.png", fractal_pixels(96, 96))
    cv2.imwrite("there.png", fractal_pixels(32, 32))

    def run(*arguments: str, codes: tuple[int, ...] = (2,)) -> str:
        before = {path: path.read_bytes() for path in Path().iterdir() if path.is_file()}
        capfd.readouterr()
        assert cli.main(list(arguments)) in codes
        out, err = capfd.readouterr()
        (line,) = err.splitlines()
        assert out == ""
        assert line.startswith("dreamstream: ")
        assert before == {path: path.read_bytes() for path in Path().iterdir() if path.is_file()}
        return line

    return run


@pytest.mark.parametrize("layers", CHANNELS)
def test_wrong_channels_are_refused(layers: str, refused: Callable[..., str]) -> None:
    assert CHANNELS[layers] in refused("in.png", "there.png", "-y", "--layers", layers)


@pytest.mark.parametrize("arguments", SHEETS, ids=" ".join)
def test_wrong_sheets_are_refused(arguments: tuple[str, ...], refused: Callable[..., str]) -> None:
    assert SHEETS[arguments] in refused("-q", "--list-channels", *arguments)


@pytest.mark.parametrize("name", GUIDES)
def test_wrong_guides_are_refused(name: str, refused: Callable[..., str]) -> None:
    make, reason = GUIDES[name]
    if make is not None:
        make(Path(name))
    line = refused("in.png", "there.png", "-y", "--guide", name, codes=(2, 3))
    assert reason in line
    assert "guide" in line


@pytest.mark.parametrize("weight", ["-0.1", "1.1", "nan", "much", ""])
def test_wrong_weights_of_guides_are_refused(weight: str, refused: Callable[..., str]) -> None:
    line = refused("in.png", "there.png", "-y", "--guide", "in.png", f"--guide-weight={weight}")
    assert "guide-weight" in line


def test_a_guide_is_not_replaced_by_the_dream(refused: Callable[..., str]) -> None:
    line = refused("in.png", "there.png", "-y", "--guide", "there.png")
    assert "there.png is the output" in line


def test_statistics_do_not_replace_the_guide(refused: Callable[..., str]) -> None:
    arguments = ("--guide", "there.png", "--stats", "there.png")
    assert "--stats" in refused("in.png", "out.png", "-y", *arguments)


def test_a_live_view_refuses_a_wrong_guide_before_it_opens(refused: Callable[..., str]) -> None:
    clips.write_clip(Path("in.mp4"), clips.pictures(3))
    options = ("--live", "--no-window", "-y", "--guide", "missing.png")
    assert "guide: " in refused("in.mp4", "there.mp4", *options, codes=(3,))
