"""Clips that are made from a picture, as the command makes them."""

import json
import subprocess
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import clips
import cv2
import numpy as np
import pytest
from pictures import fractal_pixels
from PIL import Image, ImageSequence
from requirements import require_browser

from dreamstream.cli.main import main
from dreamstream.config import DreamConfig, MediaConfig
from dreamstream.frames import Pixels
from dreamstream.rendering.still_clip import hold
from dreamstream.sources import ArraySource, HeldSource, open_source

QUICK = ["-q", "--layers", "textures", "--octaves", "1", "--first-steps", "2", "--steps", "1"]
PHOTO = fractal_pixels(64, 96, seed=2)

Run = Callable[..., int]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in a folder that holds photo.png."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    cv2.imwrite("photo.png", PHOTO[..., ::-1])
    return lambda *arguments: main([str(argument) for argument in (*arguments, *QUICK)])


def read(path: str) -> list[Pixels]:
    with open_source(path) as source:
        return [frame.pixels for frame in source]


def lightness_change(frame: Pixels) -> float:
    """Return how far a frame's lightness, which codecs keep best, is from PHOTO's."""
    return float(np.abs(frame.mean(axis=-1) - PHOTO.mean(axis=-1)).mean())


def held(media: MediaConfig, output: str | None, **dream: Any) -> HeldSource:
    source = hold(ArraySource([PHOTO], rate=None), media, DreamConfig(**dream), output)
    assert isinstance(source, HeldSource)
    return source


# --- the stream ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "options", "rate", "frames"),
    [
        ("out.mp4", {}, 25, 100),
        ("out.gif", {}, "25/2", 50),
        ("out.APNG", {}, "25/2", 50),
        ("-", {}, 25, 100),
        (None, {}, 25, 100),
        ("out.gif", {"fps": Fraction(20), "duration": Fraction(3)}, 20, 60),
        ("out.gif", {"fps": Fraction(60), "duration": Fraction(1)}, 50, 50),
        ("out.webm", {"fps": Fraction(60), "duration": Fraction(1, 2)}, 60, 30),
        ("out.mp4", {"duration": Fraction(1, 1000)}, 25, 2),
    ],
)
def test_a_clip_lasts_four_seconds_and_its_rate_is_its_outputs(
    output: str | None, options: dict[str, Any], rate: int | str, frames: int
) -> None:
    info = held(MediaConfig(**options), output).info
    assert (info.rate, info.frames) == (Fraction(rate), frames)
    assert (info.height, info.width) == (64, 96)


def test_a_held_still_gives_its_picture_at_every_time() -> None:
    with HeldSource(ArraySource([PHOTO], rate=None), Fraction(10), 3) as source:
        frames = list(source)
    assert [(frame.time, frame.index) for frame in frames] == [
        (0, 0),
        (Fraction(1, 10), 1),
        (Fraction(1, 5), 2),
    ]
    for frame in frames:
        np.testing.assert_array_equal(frame.pixels, PHOTO)


@pytest.mark.parametrize(
    ("width", "dream_size", "size"),
    [
        (0, 640, (64, 96)),
        (0, 48, (32, 48)),
        (0, 47, (30, 46)),
        (30, 640, (20, 30)),
        (192, 48, (128, 192)),
    ],
)
def test_a_tunnel_has_the_given_width_or_the_dreams_size_and_even_sides(
    width: int, dream_size: int, size: tuple[int, int]
) -> None:
    with held(MediaConfig(zoom=1.1, width=width), "o.mp4", dream_size=dream_size) as source:
        assert (source.info.height, source.info.width) == size
        assert next(source).pixels.shape == (*size, 3)


# --- files -----------------------------------------------------------------------------------


def test_a_gif_grows_from_the_photo_and_loops_for_ever_with_true_delays(run: Run) -> None:
    assert run("photo.png", "out.gif", "--duration", "0.8") == 0
    with Image.open("out.gif") as gif:
        assert gif.size == (96, 64)
        assert gif.info["loop"] == 0
        delays = [frame.info["duration"] for frame in ImageSequence.Iterator(gif)]
    assert delays == [80] * 10


@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out.mkv", "out.webm", "out.apng"])
def test_every_moving_container_takes_a_growth(run: Run, name: str) -> None:
    assert run("photo.png", name, "--duration", "0.4", "--fps", "10") == 0
    frames = read(name)
    assert len(frames) == 4
    grown = [lightness_change(frame) for frame in frames]
    assert grown[0] < 9  # noise costs more bits than the usual quality spends
    assert grown[2] > max(grown[1], grown[3])


def test_a_growth_has_the_rate_that_was_asked_for(run: Run) -> None:
    assert run("photo.png", "out.mp4", "--duration", "0.5", "--fps", "30000/1001") == 0
    times = clips.video_times(Path("out.mp4"))
    assert len(times) == 15
    assert times[-1] == pytest.approx(14 * 1001 / 30000, abs=1e-4)


def test_a_growth_beside_its_photo(run: Run) -> None:
    assert run("photo.png", "out.mkv", "--codec", "ffv1", "--compare", "--duration", ".2") == 0
    frames = read("out.mkv")
    assert [frame.shape for frame in frames] == [(64, 192, 3)] * 5
    assert lightness_change(frames[2][:, :96]) < 2
    assert lightness_change(frames[2][:, 96:]) > lightness_change(frames[0][:, 96:]) + 1


def test_a_loop_without_motion_is_a_growth_into_numbered_pictures(run: Run) -> None:
    Path("out").mkdir()
    assert run("photo.png", "out/%03d.png", "--loop", "--duration", "0.16") == 0
    frames = [read(f"out/{number:03d}.png")[0] for number in range(1, 5)]
    np.testing.assert_array_equal(frames[0], PHOTO)
    np.testing.assert_array_equal(frames[1], frames[3])
    assert np.any(frames[1] != frames[2])


def test_a_photo_into_a_picture_stays_one_picture(run: Run) -> None:
    assert run("photo.png", "out.png", "--duration", "1") == 0
    assert len(read("out.png")) == 1


def test_a_preview_of_a_photo_is_one_picture(run: Run) -> None:
    assert run("photo.png", "--preview", "0") == 0
    assert len(read("photo-preview.png")) == 1


# --- refusals --------------------------------------------------------------------------------

MOTIONS = [["--zoom", "1.02"], ["--rotate", "2"], ["--drift", "-1,0"], ["--loop"]]


@pytest.mark.parametrize(
    ("source", "options"),
    [*(("clip", motion) for motion in MOTIONS[:3]), *(("photo", motion) for motion in MOTIONS)],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_motion_is_for_clips_from_pictures_and_a_loop_for_what_holds_many(
    run: Run, clip: Path, options: list[str], source: str, capfd: pytest.CaptureFixture[str]
) -> None:
    given, output = (clip, "out.mp4") if source == "clip" else ("photo.png", "out.png")
    assert run(given, output, *options) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"dreamstream: {options[0]}: ")
    assert not Path(output).exists()


@pytest.mark.parametrize(
    ("options", "flag"),
    [
        (["--frames", ":3"], "--frames"),
        (["--zoom", "0.4"], "--zoom"),
        (["--zoom", "2.5"], "--zoom"),
        (["--rotate", "181"], "--rotate"),
        (["--drift", "3"], "--drift"),
        (["--drift", "2000,0"], "--drift"),
        (["--zoom", "1.1", "--preview", "0"], "--zoom"),
    ],
)
def test_a_wrong_option_is_told_in_a_line(
    run: Run, options: list[str], flag: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("photo.png", "out.gif", *options) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert flag in line
    assert not Path("out.gif").exists()


def test_an_existing_clip_is_kept_without_y(run: Run) -> None:
    Path("out.gif").write_bytes(b"old")
    assert run("photo.png", "out.gif") == 2
    assert Path("out.gif").read_bytes() == b"old"


# --- the tunnel ------------------------------------------------------------------------------


def test_a_tunnel_begins_with_the_photo_and_falls(run: Run) -> None:
    options = ["--zoom", "1.05", "--duration", "0.2", "--codec", "ffv1"]
    assert run("photo.png", "out.mkv", *options) == 0
    frames = read("out.mkv")
    assert [frame.shape for frame in frames] == [(64, 96, 3)] * 5
    assert lightness_change(frames[0]) < 1.5
    assert np.abs(frames[4].astype(float) - frames[3]).mean() > 1


def test_a_loop_of_a_drift_into_a_gif_loops_for_ever(run: Run) -> None:
    options = ["--drift", "-2,1", "--loop", "--duration", "0.6", "--fps", "10", "--width", "48"]
    assert run("photo.png", "out.gif", *options) == 0
    with Image.open("out.gif") as gif:
        assert (gif.size, gif.info["loop"]) == ((48, 32), 0)
        frames = [np.asarray(frame.convert("RGB"), float) for frame in ImageSequence.Iterator(gif)]
    assert len(frames) == 6
    changes = [np.abs(a - b).mean() for a, b in pairwise([*frames, frames[0]])]
    assert changes[-1] < 1.3 * np.median(changes)


def test_photos_become_tunnels_in_a_folder_with_one_network(run: Run) -> None:
    cv2.imwrite("b.png", PHOTO[::-1, :, ::-1])
    assert run("photo.png", "b.png", "new/", "--zoom", "1.1", "--duration", "0.12") == 0
    assert sorted(path.name for path in Path("new").iterdir()) == ["b.mp4", "photo.mp4"]
    first, second = read("new/photo.mp4")[0], read("new/b.mp4")[0]
    assert np.abs(first.astype(float) - second[::-1]).mean() < 12


def test_a_tunnels_figures_are_kept(run: Run) -> None:
    options = ["--zoom", "1.1", "--duration", "0.12", "--stats", "s.jsonl"]
    assert run("photo.png", "out.mp4", *options) == 0
    lines = [json.loads(line) for line in Path("s.jsonl").read_text().splitlines()]
    assert [line["warm"] for line in lines] == [False, True, True]
    assert lines[0]["loss"] == lines[0]["source_loss"] > 0
    assert lines[0]["residual_rms"] == 0 < lines[1]["residual_rms"]


# --- a browser -------------------------------------------------------------------------------

BROWSER_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=300,200",
)


def screenshot(page: Path, folder: Path) -> Pixels:
    """Return what Chromium shows of a page, (H, W, 3) uint8 RGB."""
    picture = folder / "screen.png"
    own = [f"--user-data-dir={folder / 'profile'}", f"--screenshot={picture}"]
    command = [require_browser(), *BROWSER_FLAGS, *own, page.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return read(str(picture))[0]


@pytest.mark.parametrize("name", ["out.gif", "out.apng"])
def test_a_browser_shows_the_clip(run: Run, tmp_path: Path, name: str) -> None:
    assert run("photo.png", name, "--duration", "0.8") == 0
    page = Path("page.html").resolve()
    page.write_text(f'<body style="margin:0;background:#f0f"><img src="{name}" width=96></body>')
    screen = screenshot(page, tmp_path)
    shown, around = screen[:64, :96].astype(float), screen[80:, 110:]
    assert np.all(around == (255, 0, 255))
    assert np.corrcoef(shown.mean(axis=-1).ravel(), PHOTO.mean(axis=-1).ravel())[0, 1] > 0.8
    assert np.abs(shown.mean(axis=(0, 1)) - PHOTO.mean(axis=(0, 1))).max() < 25
