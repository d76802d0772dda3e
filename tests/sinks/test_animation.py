"""GIF and APNG."""

import resource
import signal
import subprocess
import sys
import textwrap
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import clips
import films
import numpy as np
import pytest
from PIL import Image

from dreamstream.config import MediaConfig
from dreamstream.errors import SinkError
from dreamstream.frames import Frame, Pixels, StreamInfo
from dreamstream.sinks import AnimationSink, Sink, open_sink
from dreamstream.sources import open_source

INFO = StreamInfo(48, 64, clips.RATE, Fraction(1, 12800))
KINDS = (".gif", ".apng")


def write(target: Path, pictures: list[Pixels], times: list[Fraction], **known: Any) -> None:
    height, width = pictures[0].shape[:2]
    with open_sink(target, replace(INFO, height=height, width=width, **known)) as sink:
        for index, (pixels, time) in enumerate(zip(pictures, times, strict=True)):
            sink.write(Frame(pixels, time, index))


def read(path: Path) -> tuple[list[Pixels], list[int], int]:
    """Read frames, delays in milliseconds and the number of loops with Pillow."""
    with Image.open(path) as image:
        frames, delays = [], []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            delays.append(round(image.info["duration"]))
            frames.append(np.asarray(image.convert("RGB")))
        return frames, delays, image.info["loop"]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("kind", KINDS)
def test_an_animation_keeps_count_size_and_delays_and_loops_for_ever(
    tmp_path: Path, kind: str
) -> None:
    write(tmp_path / f"o{kind}", clips.pictures(10), clips.regular(10))
    frames, delays, loop = read(tmp_path / f"o{kind}")
    assert delays == [40] * 10
    assert loop == 0
    assert {frame.shape for frame in frames} == {(48, 64, 3)}
    assert names(tmp_path) == [f"o{kind}"]


@pytest.mark.parametrize("kind", KINDS)
def test_delays_follow_a_variable_rate(tmp_path: Path, kind: str) -> None:
    times = [Fraction(ticks, 100) for ticks in (0, 4, 10, 13, 30, 64)]
    write(tmp_path / f"o{kind}", clips.pictures(6), times)
    assert read(tmp_path / f"o{kind}")[1] == [40, 60, 30, 170, 340, 40]


def test_delays_of_a_gif_add_up_at_30_frames_a_second(tmp_path: Path) -> None:
    times = [Fraction(index, 30) for index in range(30)]
    write(tmp_path / "o.gif", clips.pictures(30), times, rate=Fraction(30))
    delays = read(tmp_path / "o.gif")[1]
    assert set(delays) == {30, 40}
    for index, time in enumerate(times):
        assert abs(sum(delays[:index]) - time * 1000) <= 5


@pytest.mark.parametrize("rate", [60, 100, 144])
def test_a_fast_gif_is_thinned_to_50_frames_a_second(tmp_path: Path, rate: int) -> None:
    times = [Fraction(index, rate) for index in range(rate)]
    write(tmp_path / "o.gif", clips.pictures(rate), times, rate=Fraction(rate))
    delays = read(tmp_path / "o.gif")[1]
    assert min(delays) == 20
    assert abs(len(delays) - 50) <= 1
    assert abs(sum(delays) - 1000) <= 20


def test_an_apng_of_60_frames_a_second_keeps_them_all(tmp_path: Path) -> None:
    times = [Fraction(index, 60) for index in range(60)]
    write(tmp_path / "o.apng", clips.pictures(60), times, rate=Fraction(60))
    frames, delays, _ = read(tmp_path / "o.apng")
    assert len(frames) == 60
    assert sum(delays) == pytest.approx(1000, abs=2)


def test_an_apng_loses_no_colour(tmp_path: Path) -> None:
    write(tmp_path / "o.apng", clips.pictures(3, 21, 35), clips.regular(3))
    for frame, pixels in zip(read(tmp_path / "o.apng")[0], clips.pictures(3, 21, 35), strict=True):
        np.testing.assert_array_equal(frame, pixels)


def test_the_flat_colours_of_a_gif_come_back_within_2_of_255(tmp_path: Path) -> None:
    write(tmp_path / "o.gif", [films.chart()] * 3, clips.regular(3))
    for frame in read(tmp_path / "o.gif")[0]:
        assert np.abs(films.patches(frame) - films.patches(films.chart())).max() <= 2


def test_a_gif_has_one_palette_of_the_whole_clip(tmp_path: Path) -> None:
    red, blue = np.zeros((48, 64, 3), np.uint8), np.zeros((48, 64, 3), np.uint8)
    red[..., 0], blue[..., 2] = 200, 200
    write(tmp_path / "o.gif", [red] * 5 + [blue], clips.regular(6))
    frames = read(tmp_path / "o.gif")[0]
    for frame, pixels in ((frames[0], red), (frames[-1], blue)):
        assert np.abs(frame.astype(int) - pixels).max() <= 2
    data = (tmp_path / "o.gif").read_bytes()
    assert data[10] & 0x80, "it is told for all frames"


def test_the_dithering_of_what_stands_still_does_not_crawl(tmp_path: Path) -> None:
    still = clips.pictures(1, 96, 128)[0]
    moving = [still.copy() for _ in range(10)]
    for index, picture in enumerate(moving):
        picture[40:56, 8 * index : 8 * index + 16] = (250, 20, 90)
    write(tmp_path / "o.gif", moving, clips.regular(10))
    frames = read(tmp_path / "o.gif")[0]
    for frame in frames[1:]:
        np.testing.assert_array_equal(frame[:32], frames[0][:32])
        np.testing.assert_array_equal(frame[64:], frames[0][64:])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("height", "width"), [(1, 1), (21, 35)])
def test_tiny_and_odd_sizes_are_kept(tmp_path: Path, kind: str, height: int, width: int) -> None:
    write(tmp_path / f"o{kind}", clips.pictures(3, height, width), clips.regular(3))
    assert read(tmp_path / f"o{kind}")[0][0].shape == (height, width, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_still_becomes_an_animation_of_one_frame(tmp_path: Path, kind: str) -> None:
    with open_sink(tmp_path / f"o{kind}", StreamInfo(48, 64)) as sink:
        sink.write(Frame(clips.pictures(1)[0], Fraction(0), 0))
    with Image.open(tmp_path / f"o{kind}") as image:
        assert getattr(image, "n_frames", 1) == 1


@pytest.mark.parametrize("option", [{"codec": "h264"}, {"crf": 20}])
def test_options_of_video_files_are_refused(tmp_path: Path, option: dict[str, Any]) -> None:
    with pytest.raises(SinkError, match="is for video files"):
        open_sink(tmp_path / "o.gif", INFO, MediaConfig(**option))
    assert names(tmp_path) == []


# --- whole or not at all -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_an_interrupted_animation_leaves_a_video_and_the_old_output(
    tmp_path: Path, kind: str
) -> None:
    out = tmp_path / f"o{kind}"
    out.write_text("old")
    sink = open_sink(out, INFO, MediaConfig(overwrite=True))
    with pytest.raises(KeyboardInterrupt), sink:  # noqa: PT012
        for index, pixels in enumerate(clips.pictures(7)):
            sink.write(Frame(pixels, index / clips.RATE, index))
        raise KeyboardInterrupt
    assert out.read_text() == "old"
    assert sink.partial == tmp_path / "o.part.mkv"
    with open_source(sink.partial) as part:
        for frame, pixels in zip(part, clips.pictures(7), strict=True):
            np.testing.assert_array_equal(frame.pixels, pixels)


def test_nothing_is_left_where_no_frame_was_written(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), open_sink(tmp_path / "o.gif", INFO):
        raise KeyboardInterrupt
    with pytest.raises(SinkError, match="no frame came"), open_sink(tmp_path / "o.gif", INFO):
        pass
    assert names(tmp_path) == []


def test_an_animation_that_cant_be_made_leaves_the_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Iterator[Any]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(AnimationSink, "_painted", fail)
    sink = open_sink(tmp_path / "o.gif", INFO)
    sink.write(Frame(clips.pictures(1)[0], Fraction(0), 0))
    with pytest.raises(SinkError, match="No space left"):
        sink.close()
    assert sink.partial == tmp_path / "o.part.mkv"
    assert names(tmp_path) == ["o.part.mkv"]
    assert clips.video_times(sink.partial) == [0]


ENDLESS = """
    import itertools, sys
    from fractions import Fraction
    import clips
    from dreamstream.config import MediaConfig
    from dreamstream.frames import Frame, StreamInfo
    from dreamstream.sinks import open_sink
    {limit}
    frames = clips.pictures(25)
    info = StreamInfo(48, 64, Fraction(25), Fraction(1, 25))
    with open_sink(sys.argv[1], info, MediaConfig(overwrite=True)) as sink:
        for index in itertools.count():
            sink.write(Frame(frames[index % 25], Fraction(index, 25), index))
            if index == 100:
                print("written", flush=True)
"""


def start_endless(out: Path, limit: str = "") -> "subprocess.Popen[str]":
    code = textwrap.dedent(ENDLESS).format(limit=limit)
    return subprocess.Popen(
        [sys.executable, "-c", code, str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(clips.__file__).parent,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_run_leaves_a_video_and_the_old_output(tmp_path: Path, kind: str) -> None:
    out = tmp_path / f"o{kind}"
    out.write_text("old")
    with start_endless(out) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        process.send_signal(signal.SIGKILL)
    assert out.read_text() == "old"
    assert len(clips.video_times(tmp_path / "o.part.mkv")) >= 90


def test_a_full_disk_is_one_line_and_leaves_a_video_and_the_old_output(tmp_path: Path) -> None:
    (tmp_path / "o.gif").write_text("old")
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))"
    with start_endless(tmp_path / "o.gif", limit) as process:
        _, errors = process.communicate(timeout=60)
    assert "dreamstream.errors.SinkError: writing" in errors
    assert (tmp_path / "o.gif").read_text() == "old"
    assert names(tmp_path) == ["o.gif", "o.part.mkv"]
    assert len(clips.video_times(tmp_path / "o.part.mkv")) > 20


# --- memory --------------------------------------------------------------------------------------


def test_memory_does_not_grow_with_the_clip(tmp_path: Path) -> None:
    """The first frames hold all colours that a palette tells apart, the others all others."""
    steps = np.arange(0, 256, 3).astype(np.uint8)
    red, green = np.meshgrid(steps, steps)

    def write(sink: Sink, first: int, last: int) -> None:
        for index in range(first, last):
            blue = np.full_like(red, index * 3 % 258)
            shift = np.uint8(index >= len(steps))
            pixels = np.stack([red, green, blue], axis=-1) | shift
            sink.write(Frame(pixels, index / clips.RATE, index))

    info = StreamInfo(len(steps), len(steps), clips.RATE, Fraction(1, 25))
    with open_sink(tmp_path / "o.gif", info) as sink:
        write(sink, 0, 100)
        tracemalloc.start()
        before, peak = tracemalloc.get_traced_memory()[0], peak_memory()
        write(sink, 100, 500)
        grown, risen = tracemalloc.get_traced_memory()[0] - before, peak_memory() - peak
        tracemalloc.stop()
    assert grown < 2**20
    assert risen < 4 * 2**20, "400 frames kept would be 8 MiB"


def peak_memory() -> int:
    """Read the most memory, in bytes, that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
