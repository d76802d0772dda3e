"""Outputs of another size and sources of a lower rate."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import clips
import numpy as np
import pytest

from dreamstream.config import MediaConfig
from dreamstream.frames import Frame, StreamInfo
from dreamstream.sinks import ArraySink, ScaledSink, open_sink
from dreamstream.sinks.scaled import scaled_info
from dreamstream.sources import ArraySource, open_source
from dreamstream.sources.rate_limit import ThinnedSource

INFO = StreamInfo(48, 64, clips.RATE, Fraction(1, 25))


@pytest.mark.parametrize("name", ["o.mp4", "o.gif", "o.png"])
def test_width_scales_the_output_and_keeps_its_shape(tmp_path: Path, name: str) -> None:
    info = StreamInfo(48, 64, clips.RATE, Fraction(1, 25), frames=1)
    with open_sink(tmp_path / name, info, MediaConfig(width=32)) as sink:
        sink.write(Frame(clips.pictures(1)[0], Fraction(0), 0))
    with open_source(tmp_path / name) as source:
        assert next(source).pixels.shape == (24, 32, 3)


@pytest.mark.parametrize(("width", "height"), [(30, 22), (33, 24), (128, 96), (1, 2)])
def test_heights_are_even_and_nearest_to_the_shape(width: int, height: int) -> None:
    scaled = scaled_info(INFO, width)
    assert (scaled.width, scaled.height) == (width, height)
    assert (scaled.rate, scaled.time_base) == (INFO.rate, INFO.time_base)


def test_the_width_of_the_input_changes_nothing() -> None:
    assert scaled_info(INFO, 64) is INFO


@pytest.mark.parametrize("width", [32, 128])
def test_scaled_pictures_show_the_same(width: int) -> None:
    scaled = scaled_info(INFO, width)
    inner = ArraySink(scaled)
    flat = np.full((48, 64, 3), (200, 30, 90), np.uint8)
    with ScaledSink(inner, INFO, scaled) as sink:
        sink.write(Frame(flat, Fraction(1), 7))
    (frame,) = inner.frames
    assert (frame.time, frame.index) == (Fraction(1), 7)
    assert np.abs(frame.pixels.astype(int) - (200, 30, 90)).max() <= 1
    assert inner.closed


SHAPES = [(Fraction(64, 45), (116, 205)), (Fraction(3, 4), (155, 144)), (Fraction(1), (116, 144))]


@pytest.mark.parametrize("name", ["o.gif", "o.apng", "o.png", "o.jpg", "o%02d.png"])
@pytest.mark.parametrize(("aspect", "size"), SHAPES)
def test_what_viewers_show_in_square_pixels_is_written_in_them(
    tmp_path: Path, name: str, aspect: Fraction, size: tuple[int, int]
) -> None:
    info = StreamInfo(116, 144, clips.RATE, Fraction(1, 25), frames=1, sample_aspect=aspect)
    with open_sink(tmp_path / name, info) as sink:
        sink.write(Frame(clips.pictures(1, 116, 144)[0], Fraction(0), 0))
    with open_source(tmp_path / name.replace("%02d", "01")) as source:
        assert (source.info.height, source.info.width) == size
        assert source.info.sample_aspect == 1
        assert np.abs(next(source).pixels[3, 3].astype(int) - clips.pictures(1)[0][3, 3]).max() < 30


@pytest.mark.parametrize("name", ["o.mp4", "o.mkv"])
def test_films_keep_the_shape_of_their_pixels(tmp_path: Path, name: str) -> None:
    aspect = Fraction(64, 45)
    info = StreamInfo(116, 144, clips.RATE, Fraction(1, 25), frames=1, sample_aspect=aspect)
    with open_sink(tmp_path / name, info) as sink:
        sink.write(Frame(clips.pictures(1, 116, 144)[0], Fraction(0), 0))
    with open_source(tmp_path / name) as source:
        assert (source.info.height, source.info.width) == (116, 144)
        assert abs(source.info.sample_aspect - aspect) < Fraction(1, 100)


def test_a_width_is_that_of_the_square_pixels(tmp_path: Path) -> None:
    info = StreamInfo(48, 64, clips.RATE, frames=1, sample_aspect=Fraction(2))
    with open_sink(tmp_path / "o.png", info, MediaConfig(width=64)) as sink:
        sink.write(Frame(clips.pictures(1)[0], Fraction(0), 0))
    with open_source(tmp_path / "o.png") as source:
        assert (source.info.height, source.info.width) == (24, 64)


def test_giving_up_a_scaled_sink_gives_up_the_one_in_it(tmp_path: Path) -> None:
    sink = open_sink(tmp_path / "o.mp4", INFO, MediaConfig(width=32))
    with pytest.raises(KeyboardInterrupt), sink:  # noqa: PT012
        sink.write(Frame(clips.pictures(1)[0], Fraction(0), 0))
        raise KeyboardInterrupt
    assert sink.partial == tmp_path / "o.part.mp4"


# --- rate ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("most", "kept"), [("12.5", range(0, 25, 2)), ("5", range(0, 25, 5))])
def test_a_thinned_source_leaves_frames_out_and_keeps_the_times_of_the_others(
    most: str, kept: range
) -> None:
    with ThinnedSource(ArraySource(clips.pictures(25), clips.RATE), Fraction(most)) as source:
        assert source.info.frames == len(kept)
        assert source.info.rate == Fraction(most)
        frames = list(source)
    assert [frame.time for frame in frames] == [index / clips.RATE for index in kept]
    assert [frame.index for frame in frames] == list(range(len(kept)))


@pytest.mark.parametrize("most", [25, 60])
def test_a_source_that_is_slow_enough_passes_whole(most: int) -> None:
    with ThinnedSource(ArraySource(clips.pictures(25), clips.RATE), Fraction(most)) as source:
        assert source.info.rate == clips.RATE
        assert len(list(source)) == 25


@pytest.mark.parametrize(("most", "count"), [(24, 24), (7, 7)])
def test_no_second_has_more_frames_than_asked_for(most: int, count: int) -> None:
    with ThinnedSource(ArraySource(clips.pictures(25), clips.RATE), Fraction(most)) as source:
        assert len(list(source)) == count


def test_a_rate_of_0_is_misuse() -> None:
    with pytest.raises(ValueError, match="more than 0"):
        ThinnedSource(ArraySource(clips.pictures(1)), Fraction(0))


def test_a_rate_given_thins_what_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "in.mp4"
    clips.write_clip(path, clips.pictures(25))
    with open_source(path) as whole, open_source(path, MediaConfig(fps=Fraction(5))) as thinned:
        times = [frame.time for frame in whole]
        kept = [frame.time for frame in thinned]
    assert 0 < len(kept) < len(times)
    assert set(kept) <= set(times)
    assert all(late - early > Fraction(1, 10) for early, late in pairwise(kept))
