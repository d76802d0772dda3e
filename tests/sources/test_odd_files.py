"""Odd files that cameras, phones and broken disks make: read right, and rendered right."""

import io
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import clips
import numpy as np
import numpy.typing as npt
import pytest

from dreamstream._libraries import av
from dreamstream.config import MediaConfig
from dreamstream.frames import Frame, Pixels, StreamInfo
from dreamstream.sinks import open_sink
from dreamstream.sources import open_source

SIDE = 32
"""Pixels of a patch: far larger than what chroma subsampling and scaling blur."""

PATCHES = np.array(
    [[200, 40, 60], [30, 180, 90], [40, 60, 200], [16, 16, 16], [235, 235, 235], [128, 120, 40]],
    np.uint8,
)
TOLERANCE = 2
_FLAGS = av.video.reformatter.Interpolation
ACCURATE = _FLAGS.BICUBIC | _FLAGS.ACCURATE_RND | _FLAGS.FULL_CHR_H_INT
TICKS = Fraction(1, 90000)


def patches(index: int = 0, rows: int = 2, side: int = SIDE) -> Pixels:
    """Make a picture of 2 by 3 patches, whose order depends on its index."""
    grid = np.roll(PATCHES, index, axis=0).reshape(rows, -1, 3)
    return grid.repeat(side, axis=0).repeat(side, axis=1)


def centres(pixels: Pixels, rows: int = 2, columns: int = 3) -> npt.NDArray[np.int_]:
    """Take the mean colours of the middles of the patches."""
    height, width = pixels.shape[0] // rows, pixels.shape[1] // columns
    boxes = [
        pixels[y * height + height // 3 : (y + 1) * height - height // 3][
            :, x * width + width // 3 : (x + 1) * width - width // 3
        ]
        for y in range(rows)
        for x in range(columns)
    ]
    return np.array([box.mean(axis=(0, 1)) for box in boxes])


@dataclass
class Coding:
    """How a file is encoded."""

    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    options: dict[str, str] = field(default_factory=lambda: {"crf": "1"})
    matrix: int = 1
    full: bool = False
    tags: dict[str, int] = field(
        default_factory=lambda: {"colorspace": 1, "color_primaries": 1, "color_trc": 1}
    )
    rotation: int = 0
    sound: bool = False
    size: tuple[int, int] | None = None


def write(
    target: Any,
    pictures: list[Pixels],
    times: list[Fraction] | None = None,
    coding: Coding | None = None,
    container: str | None = None,
) -> None:
    """Encode pictures at their times."""
    coding = coding or Coding()
    with av.open(str(target) if isinstance(target, Path) else target, "w", container) as output:
        stream: Any = output.add_stream(coding.codec, rate=25, options=coding.options)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt, context = coding.pixel_format, stream.codec_context
        context.time_base = TICKS
        for name, value in coding.tags.items():
            setattr(context, name, value)
        context.color_range = 1 + coding.full
        if coding.rotation:
            stream.set_display_rotation(coding.rotation)
        if coding.sound:
            output.add_stream("aac", rate=clips.SOUND_RATE, layout="mono")
        for time, pixels in zip(times or clips.regular(len(pictures)), pictures, strict=True):
            picture = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(
                format=coding.pixel_format,
                dst_colorspace=coding.matrix,
                dst_color_range=1 + coding.full,
                interpolation=ACCURATE,
            )
            picture.pts, picture.time_base = round(time / TICKS), TICKS
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))


def read(target: Path, **options: Any) -> tuple[StreamInfo, list[Frame], int]:
    with open_source(target, MediaConfig(**options)) as source:
        frames = list(source)
        return source.info, frames, source.damaged


def assert_patches(frames: list[Frame], first: int = 0) -> None:
    for frame in frames:
        expected = PATCHES if first < 0 else np.roll(PATCHES, first + frame.index, axis=0)
        assert np.abs(centres(frame.pixels) - expected).max() <= TOLERANCE, frame.index


# --- ten of them -----------------------------------------------------------------------------


@dataclass
class Expected:
    """What an odd file holds."""

    times: list[Fraction]
    size: tuple[int, int] = (2 * SIDE, 3 * SIDE)
    damaged: bool = False


PICTURES = [patches(index) for index in range(12)]
VARIABLE = [Fraction(ticks, 100) for ticks in (0, 4, 10, 11, 30, 64, 66, 68, 90, 91, 92, 130)]


def variable_with_b_frames(path: Path) -> Expected:
    options = {"crf": "1", "bf": "3", "x264-params": "b-adapt=0:scenecut=0"}
    write(path, PICTURES, VARIABLE, Coding(options=options))
    with av.open(str(path)) as file:
        kinds = {int(picture.pict_type) for picture in file.decode(video=0)}
    assert 3 in kinds, "there are B-frames"
    return Expected(VARIABLE)


def begins_at_five_seconds(path: Path) -> Expected:
    write(path, PICTURES, [5 + time for time in clips.regular(12)])
    return Expected(clips.regular(12))


def turned(degrees: int) -> Callable[[Path], Expected]:
    def make(path: Path) -> Expected:
        lying = [np.ascontiguousarray(np.rot90(pixels, k=-degrees // 90)) for pixels in PICTURES]
        write(path, lying, coding=Coding(rotation=degrees))
        return Expected(clips.regular(12))

    return make


def bt601(path: Path) -> Expected:
    tags = {"colorspace": 6, "color_primaries": 6, "color_trc": 6}
    write(path, PICTURES, coding=Coding(matrix=5, tags=tags))
    return Expected(clips.regular(12))


def full_range(path: Path) -> Expected:
    write(path, PICTURES, coding=Coding(full=True))
    return Expected(clips.regular(12))


def ten_bits(path: Path) -> Expected:
    coding = Coding("libx265", "yuv420p10le", {"crf": "1", "x265-params": "log-level=none"})
    write(path, PICTURES, coding=coding)
    return Expected(clips.regular(12))


def interlaced(path: Path) -> Expected:
    options = {"crf": "1", "flags": "+ildct+ilme"}
    write(path, PICTURES, coding=Coding(options=options))
    return Expected(clips.regular(12))


def odd_size(path: Path) -> Expected:
    wide = [np.pad(pixels, ((0, 1), (0, 1), (0, 0)), "edge") for pixels in PICTURES]
    write(path, wide, coding=Coding(pixel_format="yuv444p"))
    return Expected(clips.regular(12), (2 * SIDE + 1, 3 * SIDE + 1))


def changes_size(path: Path) -> Expected:
    parts = [path.with_suffix(f".{number}.ts") for number in range(2)]
    for part, side, (begin, end) in zip(parts, (SIDE, 2 * SIDE), ((0, 6), (6, 12)), strict=True):
        pictures = [patches(index, side=side) for index in range(begin, end)]
        times = [index / clips.RATE for index in range(begin, end)]
        write(part, pictures, times, Coding(options={"crf": "1", "bf": "0"}))
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return Expected(clips.regular(12))


def torn(path: Path) -> Expected:
    write(path, PICTURES, coding=Coding(codec="ffv1", pixel_format="yuv444p", options={}))
    data = path.read_bytes()
    path.write_bytes(_cut(data))
    return Expected(clips.regular(8), damaged=True)


def _cut(data: bytes) -> bytes:
    """Cut a file in its ninth packet."""
    with av.open(io.BytesIO(data), "r") as file:
        packets = [packet for packet in file.demux(video=0) if packet.size]
        ninth = packets[8]
        return data[: data.index(bytes(ninth)) + ninth.size // 2]


def without_a_duration(path: Path) -> Expected:
    class Pipe:
        """A file that can't be sought in, so that its writer never comes back to its head."""

        def __init__(self) -> None:
            self.data = b""

        def write(self, data: bytes) -> int:
            self.data += data
            return len(data)

    pipe = Pipe()
    write(pipe, PICTURES, container="matroska")
    path.write_bytes(pipe.data)
    with av.open(str(path)) as file:
        assert file.duration is None
    return Expected(clips.regular(12))


ODD: dict[str, tuple[str, Callable[[Path], Expected]]] = {
    "variable rate, B-frames": (".mp4", variable_with_b_frames),
    "begins at 5 s": (".mkv", begins_at_five_seconds),
    "turned by 90": (".mp4", turned(90)),
    "turned by 180": (".mp4", turned(180)),
    "turned by 270": (".mp4", turned(270)),
    "601": (".mp4", bt601),
    "full range": (".mp4", full_range),
    "10 bits": (".mp4", ten_bits),
    "interlaced": (".mkv", interlaced),
    "odd size": (".mp4", odd_size),
    "changes size": (".ts", changes_size),
    "torn": (".mkv", torn),
    "no duration": (".mkv", without_a_duration),
}


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_file_gives_its_colours_times_and_size(tmp_path: Path, kind: str) -> None:
    suffix, make = ODD[kind]
    expected = make(tmp_path / f"odd{suffix}")
    info, frames, damaged = read(tmp_path / f"odd{suffix}")
    assert [frame.time for frame in frames] == expected.times
    assert (info.height, info.width) == expected.size
    assert (damaged > 0) == expected.damaged
    assert_patches(frames)


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_file_is_rendered_with_its_colours_times_and_size(tmp_path: Path, kind: str) -> None:
    suffix, make = ODD[kind]
    expected = make(tmp_path / f"odd{suffix}")
    with (
        open_source(tmp_path / f"odd{suffix}") as source,
        open_sink(tmp_path / "out.mp4", source.info, MediaConfig(crf=1)) as sink,
    ):
        for frame in source:
            sink.write(frame)
    info, frames, damaged = read(tmp_path / "out.mp4")
    assert [frame.time for frame in frames] == expected.times
    assert (info.height, info.width, damaged) == (*expected.size, 0)
    assert_patches(frames)


# --- what is mended, and said ----------------------------------------------------------------


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name.startswith("dream")]


def test_a_film_that_is_in_order_is_read_without_a_notice(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    variable_with_b_frames(tmp_path / "a.mp4")
    read(tmp_path / "a.mp4")
    assert messages(caplog) == []


def test_a_smaller_size_is_scaled_and_another_shape_gets_bars_with_one_notice(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = {2: patches(0, 2, 32), 3: patches(0, 2, 16), 5: patches(0, 3, 32)}
    parts = []
    for number, (begin, pixels) in enumerate(zip((0, 2, 4), rows.values(), strict=True)):
        part = tmp_path / f"{number}.ts"
        times = [index / clips.RATE for index in range(begin, begin + 2)]
        write(part, [pixels] * 2, times, Coding(options={"crf": "1", "bf": "0"}))
        parts.append(part.read_bytes())
    (tmp_path / "a.ts").write_bytes(b"".join(parts))
    info, frames, damaged = read(tmp_path / "a.ts")
    assert (info.height, info.width, len(frames), damaged) == (64, 96, 6, 0)
    for frame in frames[:4]:
        assert np.abs(centres(frame.pixels) - PATCHES).max() <= TOLERANCE
    for frame in frames[4:]:  # 96 rows by 64 columns become 64 by 43
        assert frame.pixels[:, :26].max() == frame.pixels[:, -27:].max() == 0
        middle = centres(frame.pixels[:, 26:69], rows=3, columns=2)
        assert np.abs(middle - PATCHES).max() <= TOLERANCE
    (notice,) = messages(caplog)
    assert "at frame 2 from 96x64 to 48x32" in notice


def test_repeated_times_grow_by_a_tick_with_one_notice(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    milliseconds = [0, 40, 40, 40, 120, 120]
    times = [Fraction(time, 1000) for time in milliseconds]
    write(tmp_path / "a.mkv", PICTURES[:6], times, Coding("ffv1", "yuv444p", {}))
    _, frames, damaged = read(tmp_path / "a.mkv")
    grown = [Fraction(time, 1000) for time in (0, 40, 41, 42, 120, 121)]
    assert ([frame.time for frame in frames], damaged) == (grown, 0)
    assert_patches(frames)
    (notice,) = messages(caplog)
    assert "moved on by a tick" in notice


def test_times_that_go_back_before_the_begin_of_a_transport_stream_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    parts = []
    for number, begin in enumerate((20, 0)):
        times = [begin + index / clips.RATE for index in range(3)]
        part = tmp_path / f"{number}.ts"
        write(part, PICTURES[:3], times, Coding(options={"crf": "1", "bf": "0"}))
        parts.append(part.read_bytes())
    (tmp_path / "a.ts").write_bytes(b"".join(parts))
    _, frames, _ = read(tmp_path / "a.ts")
    assert [frame.time for frame in frames] == clips.regular(6)
    assert messages(caplog) == []


class Picture:
    """A decoded picture as far as a clock asks."""

    def __init__(self, pts: int | None) -> None:
        self.pts, self.time_base = pts, None


def test_negative_times_begin_at_0_and_missing_ones_go_on_at_the_rate(tmp_path: Path) -> None:
    from dreamstream.sources.clock import Clock

    write(tmp_path / "a.mkv", PICTURES[:3])
    with av.open(str(tmp_path / "a.mkv")) as file:
        clock = Clock(file, file.streams.video[0], "a.mkv")
    pictures: list[Any] = [Picture(pts) for pts in (-90, -50, 80, None, None)]
    assert [clock.time(picture) * 1000 for picture in pictures] == [0, 1, 80, 120, 160]


def test_sound_that_is_promised_and_missing_costs_nothing(tmp_path: Path) -> None:
    write(tmp_path / "a.mkv", PICTURES, coding=Coding(sound=True))
    with (
        open_source(tmp_path / "a.mkv") as source,
        open_sink(tmp_path / "out.mp4", source.info) as sink,
    ):
        for frame in source:
            sink.write(frame)
    assert clips.video_times(tmp_path / "out.mp4") == clips.regular(12)


def test_a_file_without_a_duration_has_no_expected_count(tmp_path: Path) -> None:
    without_a_duration(tmp_path / "a.mkv")
    info, frames, _ = read(tmp_path / "a.mkv")
    assert (info.frames, len(frames)) == (None, 12)


def test_packets_that_can_not_be_decoded_are_counted_and_the_others_kept(tmp_path: Path) -> None:
    write(tmp_path / "a.mkv", PICTURES, coding=Coding("mjpeg", "yuvj420p", {"q": "1"}, full=True))
    data = tmp_path.joinpath("a.mkv").read_bytes()
    with av.open(io.BytesIO(data), "r") as file:
        packets = [bytes(packet) for packet in file.demux(video=0) if packet.size]
    for packet in packets[3:5]:
        data = data.replace(packet, bytes(len(packet)))
    tmp_path.joinpath("a.mkv").write_bytes(data)
    _, frames, damaged = read(tmp_path / "a.mkv")
    assert (len(frames), damaged) == (10, 2)
    assert [frame.time * 25 for frame in frames] == [0, 1, 2, 5, 6, 7, 8, 9, 10, 11]


@pytest.mark.parametrize("suffix", [".avi", ".mkv"])
def test_a_torn_file_is_damaged_and_a_whole_one_is_not(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write(path, PICTURES * 4, coding=Coding("mjpeg", "yuvj420p", {"q": "1"}, full=True))
    _, frames, damaged = read(path)
    assert (len(frames), damaged) == (48, 0)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    _, frames, damaged = read(path)
    assert 10 < len(frames) < 48
    assert damaged > 0


# --- interlaced ------------------------------------------------------------------------------


def moving_fields(index: int) -> Pixels:
    """Make an interlaced picture of a bar, lower field first as x264 tells unless it is told."""
    pixels = np.full((64, 96, 3), 60, np.uint8)
    for field_number, parity in enumerate((1, 0)):
        begin = 8 * (2 * index + field_number)
        pixels[parity::2, begin : begin + 16] = 200
    return pixels


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p10le"])
def test_interlaced_pictures_lose_their_combs_and_keep_their_number_and_times(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, pixel_format: str
) -> None:
    caplog.set_level(logging.INFO)
    options = {"crf": "1", "flags": "+ildct+ilme"}
    coding = Coding(pixel_format=pixel_format, options=options)
    combed = [moving_fields(index) for index in range(5)]
    times = [Fraction(time, 1000) for time in (0, 40, 90, 120, 200)]
    write(tmp_path / "a.mkv", combed, times, coding)
    _, frames, damaged = read(tmp_path / "a.mkv")
    assert ([frame.time for frame in frames], damaged) == (times, 0)
    for frame, before in zip(frames, combed, strict=True):
        assert _combs(frame.pixels) < _combs(before) / 5
        inside = frame.pixels[5:-4:2, 16 * frame.index + 2 : 16 * frame.index + 14]
        assert np.abs(inside.astype(int) - 200).max() <= 3, "the first field stays"
    (notice,) = messages(caplog)
    assert "interlaced" in notice


def _combs(pixels: Pixels) -> float:
    """Measure how far rows differ from their neighbours on both sides."""
    rows = pixels[..., 1].astype(int)
    return float(np.abs(2 * rows[1:-1] - rows[:-2] - rows[2:]).mean())


def test_a_single_interlaced_picture_comes_out(tmp_path: Path) -> None:
    options = {"crf": "1", "flags": "+ildct+ilme"}
    write(tmp_path / "a.mkv", [patches()], coding=Coding(options=options))
    _, frames, _ = read(tmp_path / "a.mkv")
    assert len(frames) == 1
    assert_patches(frames)


def test_an_interlaced_film_that_is_turned_stands_upright(tmp_path: Path) -> None:
    options = {"crf": "1", "flags": "+ildct+ilme"}
    lying = [np.ascontiguousarray(np.rot90(pixels, k=-1)) for pixels in PICTURES]
    write(tmp_path / "a.mp4", lying, coding=Coding(options=options, rotation=90))
    info, frames, _ = read(tmp_path / "a.mp4")
    assert (info.height, info.width, len(frames)) == (64, 96, 12)
    assert_patches(frames)


def test_an_interlaced_film_is_trimmed_as_any_other(tmp_path: Path) -> None:
    interlaced(tmp_path / "a.mkv")
    _, frames, _ = read(tmp_path / "a.mkv", start=Fraction("0.12"), frames=(1, 4))
    assert [frame.time for frame in frames] == clips.regular(3)
    assert_patches(frames, first=4)


# --- depth -----------------------------------------------------------------------------------


def write_grey(path: Path, codes: list[int], **tags: int) -> None:
    """Write three frames of columns of grey, by their 10-bit codes."""
    form = "yuv420p10le"
    planes = np.full((48, 16 * len(codes)), 512, np.uint16)
    planes[:32] = np.repeat(codes, 16)
    with av.open(str(path), "w") as output:
        params = "lossless=1:log-level=none"
        stream: Any = output.add_stream("libx265", rate=25, options={"x265-params": params})
        stream.height, stream.width, stream.pix_fmt = 32, planes.shape[1], form
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        for _ in range(3):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(planes, form)))
        output.mux(stream.encode(None))


@pytest.mark.parametrize(("full", "black", "white"), [(0, 64, 940), (1, 0, 1023)])
def test_10_bits_are_dithered_to_their_mean_always_alike(
    tmp_path: Path, full: int, black: int, white: int
) -> None:
    codes = [black, white, *range(white // 2, white // 2 + 6)]
    write_grey(tmp_path / "a.mp4", codes, colorspace=1, color_range=1 + full)
    _, frames, _ = read(tmp_path / "a.mp4")
    for number, code in enumerate(codes):
        column = frames[0].pixels[:, 16 * number : 16 * number + 16]
        value = (code - black) / (white - black) * 255
        assert set(np.unique(column)) <= {int(value), int(np.ceil(value))}
        assert abs(column.mean() - value) < 0.02
    for frame in frames[1:]:
        np.testing.assert_array_equal(frame.pixels, frames[0].pixels)


def test_limited_grey_becomes_full(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as output:
        stream: Any = output.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = 32, 64, "gray"
        stream.codec_context.color_range = 1
        grey = np.repeat(np.array([16, 235, 125, 126], np.uint8), 16)[None].repeat(32, axis=0)
        output.mux(stream.encode(av.VideoFrame.from_ndarray(grey, "gray")))
        output.mux(stream.encode(None))
    _, (frame,), _ = read(tmp_path / "a.mkv")
    assert frame.pixels[0, ::16, 0].tolist() == [0, 255, 127, 128]


# --- HDR -------------------------------------------------------------------------------------

NITS = [0, 1, 10, 50, 100, 203, 400, 1000, 4000]


def pq(nits: Any) -> Any:
    """Encode brightness by SMPTE ST 2084."""
    power = (np.asarray(nits) / 10000) ** (2610 / 16384)
    above, below = 3424 / 4096 + 2413 / 128 * power, 1 + 2392 / 128 * power
    return (above / below) ** (2523 / 32)


def hlg(scene: Any) -> Any:
    """Encode a scene's light, of [0, 1], by ARIB STD-B67."""
    light = np.asarray(scene)
    bright = 0.17883277 * np.log(np.maximum(12 * light - 0.28466892, 1e-9)) + 0.55991073
    return np.where(light <= 1 / 12, np.sqrt(3 * light), bright)


SEEN_PQ = [0, 20, 53, 101, 127, 154, 178, 206, 237]
"""What FFmpeg 8's perceptual mapping made of NITS where the file names no brightest one."""


def write_hdr(path: Path, codes: Any, transfer: int) -> Path:
    limited = [round(64 + 876 * float(code)) for code in codes]
    write_grey(path, limited, colorspace=9, color_primaries=9, color_trc=transfer, color_range=1)
    return path


def greys(pixels: Pixels) -> npt.NDArray[np.float64]:
    """Take the means of the columns, which are still grey."""
    columns = pixels.reshape(32, -1, 16, 3)[:, :, 4:12].mean(axis=(0, 2))
    assert np.ptp(columns, axis=1).max() <= 1
    means: npt.NDArray[np.float64] = columns.mean(axis=1)
    return means


def test_pq_is_mapped_to_sdr_with_one_notice_and_rendered_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_hdr(tmp_path / "a.mp4", pq(NITS), 16)
    with (
        open_source(path) as source,
        open_sink(tmp_path / "out.mp4", source.info, MediaConfig(crf=1)) as sink,
    ):
        for frame in source:
            sink.write(frame)
            assert np.abs(greys(frame.pixels) - SEEN_PQ).max() <= TOLERANCE
    assert (source.info.primaries, source.info.transfer) == (1, 1)
    (notice,) = messages(caplog)
    assert "HDR (PQ)" in notice
    _, frames, _ = read(tmp_path / "out.mp4")
    assert np.abs(greys(frames[1].pixels) - SEEN_PQ).max() <= TOLERANCE


@pytest.mark.slow
def test_hlg_is_mapped_to_sdr_brighter_stays_brighter(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_hdr(tmp_path / "a.mp4", hlg([0, 0.01, 0.05, 0.1, 0.2, 0.265, 0.5, 1]), 18)
    _, frames, _ = read(path)
    seen = greys(frames[1].pixels)
    assert seen.tolist() == sorted(set(seen.tolist()))
    assert seen[0] < 0.5
    assert seen[-1] >= 252
    assert "HDR (HLG)" in messages(caplog)[0]


def test_sdr_of_wide_primaries_says_so_to_the_output(tmp_path: Path) -> None:
    tags = {"colorspace": 9, "color_primaries": 9, "color_trc": 14, "color_range": 1}
    write_grey(tmp_path / "a.mp4", [64, 940], **tags)
    info, _, _ = read(tmp_path / "a.mp4")
    assert (info.primaries, info.transfer) == (9, 14)
