import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import clips
import numpy as np
import pytest

from dreamstream._libraries import av, cv2
from dreamstream.config import MediaConfig
from dreamstream.errors import SourceError
from dreamstream.frames import Frame, SoundSpan
from dreamstream.sources import CameraSource, ImageSource, VideoSource, open_source
from dreamstream.sources.base import Trim


def read(target: str | Path, **options: Any) -> list[Frame]:
    with open_source(target, MediaConfig(**options)) as source:
        return list(source)


def save(path: Path, pixels: Any) -> Path:
    cv2.imwrite(str(path), pixels)
    return path


def error_of(target: str | Path, **options: Any) -> str:
    with pytest.raises(SourceError) as caught:
        read(target, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# --- video -----------------------------------------------------------------------------------


def test_a_video_gives_its_frames_with_their_times_and_colours(clip: Path) -> None:
    frames = read(clip)
    assert [frame.time for frame in frames] == clips.regular(25)
    assert [frame.index for frame in frames] == list(range(25))
    for frame, pixels in zip(frames, clips.pictures(25), strict=True):
        assert np.abs(frame.pixels.astype(int) - pixels).max() <= 2


def test_a_videos_info_tells_size_rate_count_and_sound(clip: Path) -> None:
    with open_source(clip) as source:
        info = source.info
    assert (info.height, info.width) == (48, 64)
    assert (info.rate, info.frames) == (clips.RATE, 25)
    assert info.path == clip
    assert info.sound is not None
    assert info.sound == SoundSpan(clip, Fraction(0))


def test_a_variable_frame_rate_keeps_its_times(tmp_path: Path) -> None:
    times = [Fraction(ticks, 100) for ticks in (0, 4, 10, 11, 30, 64)]
    path = clips.write_clip(tmp_path / "v.mp4", clips.pictures(6), times)
    assert [frame.time for frame in read(path)] == times


def test_pictures_that_begin_after_the_sound_keep_their_offset(tmp_path: Path) -> None:
    times = [Fraction(1, 2) + index / clips.RATE for index in range(10)]
    path = clips.write_clip(tmp_path / "late.mp4", clips.pictures(10), times)
    assert [frame.time for frame in read(path)] == times


def test_a_stream_whose_clock_begins_at_five_seconds_begins_at_0(tmp_path: Path) -> None:
    times = [5 + index / clips.RATE for index in range(10)]
    path = clips.write_clip(tmp_path / "late.mkv", clips.pictures(10), times, sound=None)
    with open_source(path) as source:
        assert [frame.time for frame in source] == clips.regular(10)


def test_a_turned_video_stands_upright(tmp_path: Path) -> None:
    upright = clips.pictures(3)
    turned = [np.ascontiguousarray(np.rot90(pixels, k=-1)) for pixels in upright]
    path = clips.write_clip(tmp_path / "t.mp4", turned, rotation=90, sound=None)
    with open_source(path) as source:
        assert (source.info.height, source.info.width) == (48, 64)
        frames = list(source)
    assert np.abs(frames[0].pixels.astype(int) - upright[0]).max() <= 4


def test_the_sample_aspect_is_told(tmp_path: Path) -> None:
    path = clips.write_clip(
        tmp_path / "a.mp4", clips.pictures(2), sample_aspect_ratio=Fraction(4, 3), sound=None
    )
    with open_source(path) as source:
        assert source.info.sample_aspect == Fraction(4, 3)


def test_a_sample_aspect_that_can_not_be_is_not_believed(tmp_path: Path) -> None:
    path = clips.write_clip(
        tmp_path / "a.mp4", clips.pictures(2), sample_aspect_ratio=Fraction(900), sound=None
    )
    with open_source(path) as source:
        assert source.info.sample_aspect == 1


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 2), (21, 35)])
def test_tiny_and_odd_sizes_are_read(tmp_path: Path, height: int, width: int) -> None:
    path = clips.write_clip(tmp_path / "s.mp4", clips.pictures(3, height, width), sound=None)
    assert [frame.pixels.shape for frame in read(path)] == [(height, width, 3)] * 3


@pytest.mark.parametrize(("height", "matrix"), [(720, 1), (64, 5)])
def test_untagged_video_is_bt709_from_720_lines_and_bt601_below(
    tmp_path: Path, height: int, matrix: int
) -> None:
    red = np.zeros((height, 64, 3), np.uint8)
    red[...] = (200, 40, 60)
    path = tmp_path / "red.mkv"
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, height, "yuv444p"
        picture = av.VideoFrame.from_ndarray(red, format="rgb24").reformat(
            format="yuv444p", dst_colorspace=matrix, dst_color_range=1
        )
        picture.colorspace = 2
        output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    assert np.abs(read(path)[0].pixels.astype(int) - red).max() <= 2


def test_damaged_packets_cost_their_own_frames_only_and_are_counted(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "d.mp4", clips.pictures(75, 96, 128), sound=None)
    data = bytearray(path.read_bytes())
    begin = data.index(b"mdat") + 4 + len(data) // 3
    data[begin : begin + 400] = os.urandom(400)
    path.write_bytes(data)
    with open_source(path) as source:
        count = sum(1 for _ in source)
        assert source.damaged > 0
    assert count >= 60


def test_a_truncated_video_gives_what_there_is(tmp_path: Path, clip: Path) -> None:
    whole = tmp_path / "whole.mkv"
    clips.write_clip(whole, clips.pictures(50), sound=None)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    assert 5 < len(read(cut)) < 50


# --- trimming --------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".mpg", ".avi"])
def test_a_trim_keeps_exactly_its_frames_and_counts_from_0(tmp_path: Path, suffix: str) -> None:
    path = clips.write_clip(tmp_path / f"long{suffix}", clips.pictures(50), sound=None)
    late = [frame for frame in read(path) if frame.time >= Fraction("0.8")][3:9]
    frames = read(path, start=Fraction("0.8"), frames=(3, 9))
    assert [frame.time for frame in frames] == [frame.time - late[0].time for frame in late]
    for frame, other in zip(frames, late, strict=True):
        np.testing.assert_array_equal(frame.pixels, other.pixels)


def test_a_duration_ends_before_the_frame_that_lies_at_its_end(clip: Path) -> None:
    frames = read(clip, start=Fraction("0.2"), duration=Fraction("0.4"))
    assert [frame.time for frame in frames] == clips.regular(10)


def test_the_expected_count_follows_the_trim(clip: Path) -> None:
    media = MediaConfig(start=Fraction("0.2"), duration=Fraction("0.4"))
    with open_source(clip, media) as source:
        assert source.info.frames == 10 == len(list(source))


def test_the_sound_is_trimmed_with_the_pictures(clip: Path) -> None:
    with open_source(clip, MediaConfig(start=Fraction("0.21"), duration=Fraction("0.4"))) as source:
        sound = source.info.sound
    assert sound is not None
    assert (sound.begin, sound.end) == (Fraction(6, 25), Fraction(6, 25) + Fraction(2, 5))


def test_a_start_behind_the_end_is_an_error_that_names_the_flag(clip: Path) -> None:
    assert "--start" in error_of(clip, start=Fraction(60))


def test_a_trim_of_an_unknown_length_is_expected_from_its_own_bounds() -> None:
    trim = Trim.of(MediaConfig(duration=Fraction(2)))
    assert trim.expected(None, Fraction(25)) == 50
    assert Trim.of(MediaConfig()).expected(None, Fraction(25)) is None


# --- pictures --------------------------------------------------------------------------------


def test_a_still_is_one_rgb_frame_without_a_rate(tmp_path: Path) -> None:
    pixels = clips.pictures(1)[0]
    (frame,) = read(save(tmp_path / "a.png", pixels[..., ::-1]))
    np.testing.assert_array_equal(frame.pixels, pixels)
    with open_source(tmp_path / "a.png") as source:
        assert (source.info.rate, source.info.frames) == (None, 1)


def test_a_jpeg_stands_as_its_exif_says(tmp_path: Path) -> None:
    pixels = np.zeros((16, 32, 3), np.uint8)
    data = cv2.imencode(".jpg", pixels)[1].tobytes()
    orientation_6 = (
        b"\xff\xe1\x00\x22Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01"
        b"\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"
    )
    path = tmp_path / "turned.jpg"
    path.write_bytes(data[:2] + orientation_6 + data[2:])
    assert read(path)[0].pixels.shape == (32, 16, 3)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_what_is_transparent_lies_on_white(tmp_path: Path, depth: Any) -> None:
    pixels = np.full((4, 4, 4), 100, np.uint8)
    pixels[0, :, 3], pixels[1, :, 3], pixels[2:, :, 3] = 0, 51, 255
    raised = pixels if depth is np.uint8 else pixels * depth(257)
    frame = read(save(tmp_path / "a.png", raised))[0]
    np.testing.assert_array_equal(frame.pixels[:, 0, 0], [255, 224, 100, 100])


@pytest.mark.parametrize("form", ["{folder}/%05d.png", "{folder}"])
def test_numbered_images_come_in_numeric_order_from_any_first_number(
    tmp_path: Path, form: str
) -> None:
    for number in (101, 99998, 100000, 42):
        save(tmp_path / f"{number:05d}.png", np.full((4, 4, 3), number % 251, np.uint8))
    frames = read(form.format(folder=tmp_path))
    expected = [number % 251 for number in (42, 101, 99998, 100000)]
    assert [int(frame.pixels[0, 0, 0]) for frame in frames] == expected
    assert [frame.time for frame in frames] == clips.regular(4)


def test_unpadded_names_sort_by_number(tmp_path: Path) -> None:
    for number in (2, 10, 1):
        save(tmp_path / f"f{number}.png", np.full((4, 4, 3), number, np.uint8))
    assert [int(frame.pixels[0, 0, 0]) for frame in read(tmp_path)] == [1, 2, 10]


def test_numbered_images_can_be_trimmed(tmp_path: Path) -> None:
    for number in range(10):
        save(tmp_path / f"{number}.png", np.full((4, 4, 3), number, np.uint8))
    frames = read(tmp_path, start=Fraction(2, 25), frames=(1, 3))
    assert [int(frame.pixels[0, 0, 0]) for frame in frames] == [3, 4]


def test_an_image_of_another_size_is_an_error_that_names_it(tmp_path: Path) -> None:
    save(tmp_path / "1.png", np.zeros((4, 4, 3), np.uint8))
    save(tmp_path / "2.png", np.zeros((4, 6, 3), np.uint8))
    assert "2.png" in error_of(tmp_path)


# --- bad input -------------------------------------------------------------------------------


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "no such file" in error_of(tmp_path / "none.mp4")


def test_a_folder_without_pictures_says_so(tmp_path: Path) -> None:
    assert "no such pictures" in error_of(tmp_path)


def test_a_pattern_without_files_says_so(tmp_path: Path) -> None:
    assert "no such pictures" in error_of(f"{tmp_path}/none/%05d.png")


@pytest.mark.parametrize("name", ["a.mp4", "a.png"])
def test_an_empty_file_says_so(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert "empty" in error_of(tmp_path / name)


@pytest.mark.parametrize("name", ["a.mp4", "a.png", "a.jpg"])
def test_a_text_by_a_media_name_says_that_it_is_none(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("These are words and no pictures.\n" * 20)
    assert "it is no " in error_of(tmp_path / name)


def test_a_file_of_sound_only_says_so(tmp_path: Path) -> None:
    path = tmp_path / "tone.m4a"
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream("aac", rate=clips.SOUND_RATE, layout="mono")
        clips.write_tone(output, stream, Fraction(1, 2))
    assert "only sound" in error_of(path)


def test_a_video_without_a_whole_picture_says_so(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "d.mp4", clips.pictures(5), sound=None)
    data = bytearray(path.read_bytes())
    begin = data.index(b"mdat") + 4
    end = data.index(b"moov") - 4
    data[begin:end] = bytes(end - begin)
    path.write_bytes(data)
    assert "no picture" in error_of(path)


def test_a_camera_that_is_not_there_is_one_clear_error(capfd: pytest.CaptureFixture[str]) -> None:
    assert "camera 97" in error_of("camera:97")
    assert capfd.readouterr().err == ""


def test_a_file_called_camera_is_read_by_its_path(
    tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "camera").write_bytes(clip.read_bytes())
    monkeypatch.chdir(tmp_path)
    with open_source("./camera") as source:
        assert isinstance(source, VideoSource)
    with pytest.raises(SourceError, match="camera 0"):
        open_source("camera")


class FakeCapture:
    """Returns five pictures, then is unplugged."""

    def __init__(self, number: int) -> None:
        self.left = 5

    def isOpened(self) -> bool:  # noqa: N802
        return True

    def get(self, key: int) -> float:
        return {cv2.CAP_PROP_FPS: 30.0, cv2.CAP_PROP_FRAME_HEIGHT: 4.0}.get(key, 6.0)

    def grab(self) -> bool:
        return self.read()[0]

    def read(self) -> tuple[bool, Any]:
        self.left -= 1
        return self.left >= 0, np.full((4, 6, 3), (1, 2, 3), np.uint8)

    def release(self) -> None:
        self.left = 0


def test_a_camera_gives_rgb_frames_at_growing_times_until_it_is_unplugged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cv2, "VideoCapture", FakeCapture)
    with CameraSource(0) as source:
        frames = list(source)
    assert len(frames) == 5
    assert frames[0].pixels[0, 0].tolist() == [3, 2, 1]
    times = [frame.time for frame in frames]
    assert times == sorted(set(times))


def test_a_range_of_frames_trims_a_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "VideoCapture", FakeCapture)
    with CameraSource(0, MediaConfig(frames=(1, 3))) as source:
        assert source.info.frames == 2 == len(list(source))


# --- the modules -----------------------------------------------------------------------------


def test_opencv_is_loaded_before_pyav() -> None:
    code = (
        "import sys; from dreamstream.sources import open_source; "
        "names = list(sys.modules); print(names.index('cv2') < names.index('av'))"
    )
    assert run_python(code) == "True"


def test_sources_do_not_load_tensorflow() -> None:
    code = "import sys, dreamstream.sources; print('tensorflow' in sys.modules)"
    assert run_python(code) == "False"


# --- real clips ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "count", "size"),
    [
        ("bikes.mp4", 250, (272, 640)),
        ("big_buck_bunny_432_433.webm", 24, (720, 1280)),
        ("one_second_clip.mp4", 24, (720, 1280)),
    ],
)
def test_real_clips_are_read_whole(
    real_clips: Path, name: str, count: int, size: tuple[int, int]
) -> None:
    with open_source(real_clips / name) as source:
        assert (source.info.height, source.info.width) == size
        assert source.info.frames == count == sum(1 for _ in source)
        assert source.damaged == 0


def test_a_real_photo_is_read(real_clips: Path) -> None:
    with open_source(real_clips / "lion.jpg") as source:
        assert isinstance(source, ImageSource)
        assert next(source).pixels.shape == (1000, 1000, 3)
