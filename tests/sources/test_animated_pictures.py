"""GIF, animated PNG and animated WebP as streams with their own times."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dreamstream._libraries import av
from dreamstream.config import MediaConfig
from dreamstream.errors import SourceError
from dreamstream.frames import Frame, Pixels
from dreamstream.sinks import open_sink
from dreamstream.sources import AnimatedWebpSource, ImageSource, VideoSource, open_source

DELAYS = [100, 40, 250, 60]
"""Milliseconds for which each picture is shown."""

TIMES = [Fraction(time, 1000) for time in (0, 100, 140, 390)]
RED, HOLE = (200, 40, 60, 255), (0, 0, 0, 0)

KINDS = ["a.gif", "a.png", "a.apng", "a.webp"]


def drawings(count: int = 4) -> list[Pixels]:
    """Draw a red area with a hole that moves."""
    made = []
    for index in range(count):
        pixels = np.full((24, 32, 4), RED, np.uint8)
        pixels[4:12, 5 * index : 5 * index + 8] = HOLE
        made.append(pixels)
    return made


def save(path: Path, pictures: list[Pixels], delays: list[int]) -> Path:
    images = [Image.fromarray(pixels) for pixels in pictures]
    options: dict[str, Any] = {"disposal": 2} if path.suffix == ".gif" else {}
    if path.suffix == ".webp":
        options = {"lossless": True, "exact": True}
    form = "png" if path.suffix == ".apng" else None
    images[0].save(
        path, form, save_all=True, append_images=images[1:], duration=delays, loop=0, **options
    )
    return path


def read(path: Path, **options: Any) -> list[Frame]:
    with open_source(path, MediaConfig(**options)) as source:
        frames = list(source)
        assert source.damaged == 0
    return frames


def on_white(pixels: Pixels) -> Pixels:
    return np.where(pixels[..., 3:] == 0, 255, pixels[..., :3]).astype(np.uint8)


@pytest.mark.parametrize("name", KINDS)
def test_an_animation_is_a_stream_with_its_own_times_its_holes_white(
    tmp_path: Path, name: str
) -> None:
    frames = read(save(tmp_path / name, drawings(), DELAYS))
    assert [frame.time for frame in frames] == TIMES
    for frame, drawing in zip(frames, drawings(), strict=True):
        np.testing.assert_array_equal(frame.pixels, on_white(drawing))
        assert frame.pixels.flags.c_contiguous


@pytest.mark.parametrize("name", KINDS)
def test_an_animations_info_tells_size_and_where_it_is_known_its_number_of_frames(
    tmp_path: Path, name: str
) -> None:
    with open_source(save(tmp_path / name, drawings(), DELAYS)) as source:
        info = source.info
        assert (info.height, info.width, info.path) == (24, 32, tmp_path / name)
        assert info.rate is not None
        assert info.frames in (4, None)
        assert all((frame.time / info.time_base).denominator == 1 for frame in source)


@pytest.mark.parametrize("name", KINDS)
def test_an_animation_can_be_trimmed(tmp_path: Path, name: str) -> None:
    path = save(tmp_path / name, drawings(), DELAYS)
    frames = read(path, start=Fraction("0.05"), frames=(0, 2))
    assert [frame.time for frame in frames] == [0, Fraction(4, 100)]
    np.testing.assert_array_equal(frames[0].pixels, on_white(drawings()[1]))
    assert len(read(path, duration=Fraction("0.39"))) == 3


@pytest.mark.parametrize("name", KINDS)
def test_a_start_behind_an_animations_end_is_an_error(tmp_path: Path, name: str) -> None:
    path = save(tmp_path / name, drawings(), DELAYS)
    with pytest.raises(SourceError, match="no frame is left"):
        open_source(path, MediaConfig(start=Fraction(9)))


@pytest.mark.parametrize("name", KINDS)
def test_an_animation_of_one_picture_is_a_still(tmp_path: Path, name: str) -> None:
    with open_source(save(tmp_path / name, drawings(1), [100])) as source:
        assert (source.info.rate, source.info.frames) == (None, 1)
        (frame,) = source
    np.testing.assert_array_equal(frame.pixels, on_white(drawings(1)[0]))


def test_a_picture_of_a_gif_is_not_taken_for_a_still(tmp_path: Path) -> None:
    path = save(tmp_path / "a.gif", drawings(), DELAYS)
    with open_source(path, MediaConfig(frames=(1, 2))) as source:
        assert source.info.rate is not None
        assert len(list(source)) == 1


def test_half_transparent_is_half_white(tmp_path: Path) -> None:
    pictures = [np.full((8, 8, 4), (100, 0, 200, alpha), np.uint8) for alpha in (51, 102)]
    for name in ("a.png", "a.webp"):
        frames = read(save(tmp_path / name, pictures, [100, 100]))
        assert [frame.pixels[0, 0].tolist() for frame in frames] == [
            [224, 204, 244],
            [193, 153, 233],
        ]


def test_each_file_is_read_by_what_can_read_it(tmp_path: Path) -> None:
    expected: dict[str, type] = {
        "a.gif": VideoSource,
        "a.png": VideoSource,
        "a.webp": AnimatedWebpSource,
    }
    for name, kind in expected.items():
        assert isinstance(open_source(save(tmp_path / name, drawings(), DELAYS)), kind)
    for name in ("a.png", "a.webp"):
        Image.fromarray(drawings()[0]).save(tmp_path / name)
        assert isinstance(open_source(tmp_path / name), ImageSource)


# --- WebP, block by block --------------------------------------------------------------------


def test_a_webp_longer_than_a_block_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "a.webp", drawings(4) * 5, DELAYS * 5)
    at_once = read(path)
    monkeypatch.setattr("dreamstream.sources.animation._BLOCK_BYTES", 3 * 24 * 32 * 4)
    in_blocks = read(path)
    assert len(in_blocks) == 20
    assert [frame.time for frame in in_blocks] == [frame.time for frame in at_once]
    for frame, other in zip(in_blocks, at_once, strict=True):
        np.testing.assert_array_equal(frame.pixels, other.pixels)


def test_a_webps_delay_of_nothing_is_a_tenth_of_a_second_as_in_browsers(tmp_path: Path) -> None:
    frames = read(save(tmp_path / "a.webp", drawings(), [0, 10, 11, 20]))
    assert [frame.time * 1000 for frame in frames] == [0, 100, 200, 211]


def write_noise(path: Path) -> Path:
    noise = np.random.default_rng(1).integers(0, 256, (10, 48, 48, 4), np.uint8)
    noise[..., 3] = 255
    return save(path, list(noise), [100] * 10)


def test_a_damaged_webp_gives_the_pictures_before_the_damage_and_counts_the_others(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write_noise(tmp_path / "a.webp")
    data = bytearray(path.read_bytes())
    begin = data.index(b"ANMF", len(data) // 2)
    data[begin + 100 : begin + 4000] = bytes(3900)
    path.write_bytes(data)
    with open_source(path) as source:
        count = sum(1 for _ in source)
        assert 0 < count < 10
        assert source.damaged == 10 - count
    assert capfd.readouterr().err == ""


def test_a_torn_webp_says_that_it_is_broken(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write_noise(tmp_path / "a.webp")
    path.write_bytes(path.read_bytes()[:-9000])
    with pytest.raises(SourceError, match="no picture of it can be decoded"):
        open_source(path)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", ["a.gif", "a.png"])
def test_a_torn_animation_gives_what_there_is_and_is_damaged(tmp_path: Path, name: str) -> None:
    path = write_noise(tmp_path / name)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with open_source(path) as source:
        assert 0 < len(list(source)) < 10
        assert source.damaged > 0


# --- how long the last picture is shown ------------------------------------------------------

HELD = [100, 100, 3000]


@pytest.mark.parametrize("name", KINDS)
def test_each_picture_tells_how_long_it_is_shown(tmp_path: Path, name: str) -> None:
    frames = read(save(tmp_path / name, drawings(3), HELD))
    assert [frame.duration for frame in frames] == [Fraction(delay, 1000) for delay in HELD]


@pytest.mark.parametrize("name", KINDS)
def test_a_trim_ends_the_last_picture_too(tmp_path: Path, name: str) -> None:
    frames = read(save(tmp_path / name, drawings(3), HELD), duration=Fraction(1))
    assert frames[-1].duration == Fraction(8, 10)


def render(path: Path, target: Path) -> Path:
    with open_source(path) as source, open_sink(target, source.info) as sink:
        for frame in source:
            sink.write(frame)
    return target


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("suffix", [".gif", ".apng", ".mp4", ".mkv"])
def test_the_last_picture_is_held_in_the_output_as_in_the_input(
    tmp_path: Path, name: str, suffix: str
) -> None:
    made = render(save(tmp_path / name, drawings(3), HELD), tmp_path / f"out{suffix}")
    with open_source(made) as source:
        frames = list(source)
    assert [frame.time for frame in frames] == [0, Fraction(1, 10), Fraction(2, 10)]
    if suffix != ".mkv":  # Matroska tells the length of the file alone
        assert frames[-1].duration == 3
    with av.open(str(made)) as file:
        length = 0 if file.duration is None else file.duration
    assert suffix == ".apng" or length == 3_200_000


def test_a_picture_of_a_film_that_is_thinned_is_shown_until_the_next_would_be(
    tmp_path: Path,
) -> None:
    path = save(tmp_path / "a.gif", drawings(4), [40, 40, 40, 40])
    assert [frame.duration for frame in read(path, fps=Fraction(10))] == [Fraction(1, 10)] * 2
