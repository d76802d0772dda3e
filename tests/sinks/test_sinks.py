import logging
import os
import shutil
import signal
import struct
import subprocess
import sys
import textwrap
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import clips
import numpy as np
import pytest

from dreamstream._libraries import av, cv2
from dreamstream.config import MediaConfig
from dreamstream.errors import SinkClosed, SinkError
from dreamstream.frames import Frame, Pixels, StreamInfo
from dreamstream.sinks import (
    ArraySink,
    PictureSink,
    Sink,
    TeeSink,
    VideoSink,
    WindowSink,
    codecs,
    open_sink,
    video,
    window,
)
from dreamstream.sinks.faststart import move_index_to_front
from dreamstream.sources import open_source

INFO = StreamInfo(48, 64, clips.RATE, Fraction(1, 12800))
REPLACE = MediaConfig(overwrite=True)


def stream(pictures: list[Pixels], times: list[Fraction] | None = None) -> list[Frame]:
    return [
        Frame(pixels, time, index)
        for index, (pixels, time) in enumerate(
            zip(pictures, times or clips.regular(len(pictures)), strict=True)
        )
    ]


def write(target: Path, pictures: list[Pixels], **options: Any) -> None:
    height, width = pictures[0].shape[:2]
    info = replace(INFO, height=height, width=width)
    with open_sink(target, info, MediaConfig(**options)) as sink:
        for frame in stream(pictures):
            sink.write(frame)


def copy(source: Path, target: Path, **options: Any) -> None:
    media = MediaConfig(**options)
    with open_source(source, media) as frames, open_sink(target, frames.info, media) as sink:
        for frame in frames:
            sink.write(frame)


def error_of(target: str | Path, info: StreamInfo = INFO, **options: Any) -> str:
    with pytest.raises(SinkError) as caught:
        open_sink(target, info, MediaConfig(**options))
    message = str(caught.value)
    assert "\n" not in message
    return message


def boxes(path: Path) -> list[str]:
    """Read the names of an mp4's outermost boxes."""
    data, found, position = path.read_bytes(), [], 0
    while position < len(data):
        size, name = struct.unpack_from(">I4s", data, position)
        found.append(name.decode())
        position += size
    return found


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- pictures in a video file ----------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_a_clip_keeps_count_size_times_and_the_offset_of_its_sound(
    tmp_path: Path, clip: Path, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / f"out{suffix}"
    copy(clip, out)
    with open_source(out) as again:
        frames = list(again)
        assert (again.info.height, again.info.width) == (48, 64)
    assert [frame.time for frame in frames] == clips.regular(25)
    heard = [time for time, _ in clips.sound_packets(out) if time >= 0]
    assert abs(heard[0]) < Fraction(21, 1000)
    assert names(tmp_path) == [out.name]


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_sound_is_copied_byte_for_byte_at_its_own_times(
    tmp_path: Path, clip: Path, suffix: str
) -> None:
    out = tmp_path / f"out{suffix}"
    copy(clip, out)
    assert clips.sound_packets(out) == clips.sound_packets(clip)
    assert clips.sound_packets(out)[0][0] < 0  # with the encoder's lead-in, still hidden


def test_every_audio_stream_is_copied(tmp_path: Path, clip: Path) -> None:
    both = tmp_path / "both.mp4"
    with av.open(str(clip)) as source, av.open(str(both), "w") as output:
        streams = [source.streams.video[0], *[source.streams.audio[0]] * 2]
        targets = [output.add_stream_from_template(stream) for stream in streams]
        for packet in source.demux():
            if packet.size:
                data = bytes(packet)
                for target in targets:
                    if target.type == packet.stream.type:
                        twin = av.Packet(data)
                        twin.pts, twin.dts = packet.pts, packet.dts
                        twin.time_base, twin.stream = packet.time_base, target
                        twin.is_keyframe = packet.is_keyframe
                        output.mux(twin)
    copy(both, tmp_path / "o.mp4", start=Fraction("0.2"), duration=Fraction("0.4"))
    with av.open(str(tmp_path / "o.mp4")) as file:
        counts = [0, 0, 0]
        for packet in file.demux():
            counts[packet.stream.index] += packet.size > 0
    assert counts[0] == 10
    assert counts[1] == counts[2] > 15


def test_matroska_gets_the_sound_without_the_hidden_lead_in(tmp_path: Path, clip: Path) -> None:
    out = tmp_path / "out.mkv"
    copy(clip, out)
    heard = [packet for packet in clips.sound_packets(clip) if packet[0] >= 0]
    written = clips.sound_packets(out)
    assert [data for _, data in written] == [data for _, data in heard]
    for (time, _), (before, _) in zip(written, heard, strict=True):
        assert abs(time - before) <= Fraction(1, 1000)


def test_sound_that_a_container_cant_hold_is_encoded_anew_with_a_warning(
    tmp_path: Path, clip: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "out.webm"
    with caplog.at_level(logging.WARNING):
        copy(clip, out)
    assert "aac" in caplog.text
    with av.open(str(out)) as file:
        assert file.streams.audio[0].codec_context.name == "opus"
        samples = sum(frame.samples for frame in file.decode(audio=0))
    assert abs(samples / clips.SOUND_RATE - 1) < 0.05


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_the_aac_of_a_transport_stream_is_rewrapped(tmp_path: Path, suffix: str) -> None:
    source = clips.write_clip(tmp_path / "in.ts", clips.pictures(25))
    out = tmp_path / f"out{suffix}"
    copy(source, out)
    with av.open(str(out)) as file:
        samples = sum(frame.samples for frame in file.decode(audio=0))
    assert abs(samples / clips.SOUND_RATE - 1) < 0.05


def test_opus_goes_into_webm_and_mp4_as_it_is_and_into_mov_anew(
    tmp_path: Path, clip: Path, caplog: pytest.LogCaptureFixture
) -> None:
    webm = tmp_path / "in.webm"
    copy(clip, webm)
    for suffix in (".webm", ".mp4", ".mkv"):
        copy(webm, tmp_path / f"o{suffix}")
        assert clips.sound_packets(tmp_path / f"o{suffix}") == clips.sound_packets(webm)
        assert clips.video_times(tmp_path / f"o{suffix}") == clips.regular(25)
    copy(webm, tmp_path / "o.mov")
    assert ".mov can't hold opus" in caplog.text
    with av.open(str(tmp_path / "o.mov")) as file:
        assert file.streams.audio[0].codec_context.name == "aac"


def test_sound_begins_and_ends_with_a_trim(tmp_path: Path, clip: Path) -> None:
    out = tmp_path / "out.mp4"
    copy(clip, out, start=Fraction("0.4"), duration=Fraction("0.4"))
    before = dict((data, time) for time, data in clips.sound_packets(clip))
    written = clips.sound_packets(out)
    assert 0 <= written[0][0] < Fraction(1024, 48000)
    assert Fraction(2, 5) - Fraction(2 * 1024, 48000) < written[-1][0] < Fraction(2, 5)
    for time, data in written:
        assert abs(before[data] - time - Fraction(2, 5)) <= Fraction(1, 48000)


def test_sound_ends_with_a_range_of_frames(tmp_path: Path, clip: Path) -> None:
    out = tmp_path / "out.mp4"
    copy(clip, out, frames=(None, 10))
    last = clips.sound_packets(out)[-1][0]
    assert Fraction(2, 5) - Fraction(2 * 1024, 48000) < last < Fraction(2, 5)


def test_pictures_that_begin_after_the_sound_do_so_in_the_output(tmp_path: Path) -> None:
    times = [Fraction(1, 2) + index / clips.RATE for index in range(10)]
    late = clips.write_clip(tmp_path / "late.mp4", clips.pictures(10), times)
    copy(late, tmp_path / "out.mp4")
    assert clips.video_times(tmp_path / "out.mp4") == times
    assert clips.sound_packets(tmp_path / "out.mp4") == clips.sound_packets(late)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_variable_frame_rate_keeps_times_and_duration(tmp_path: Path, suffix: str) -> None:
    times = [Fraction(ticks, 100) for ticks in (0, 4, 10, 11, 30, 64)]
    out = tmp_path / f"v{suffix}"
    with open_sink(out, INFO) as sink:
        for frame in stream(clips.pictures(6), times):
            sink.write(frame)
    assert clips.video_times(out) == times
    with av.open(str(out)) as file:
        assert file.duration is not None
        assert abs(file.duration / av.time_base - 0.68) < 0.002


def test_a_rate_of_30000_1001_is_exact(tmp_path: Path) -> None:
    rate = Fraction(30000, 1001)
    times = [index / rate for index in range(40)]
    with open_sink(tmp_path / "n.mp4", replace(INFO, rate=rate, time_base=1 / rate)) as sink:
        for frame in stream(clips.pictures(40), times):
            sink.write(frame)
    assert clips.video_times(tmp_path / "n.mp4") == times


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_flat_colours_come_back_within_2_of_255(tmp_path: Path, suffix: str) -> None:
    colours = np.random.default_rng(7).integers(0, 256, (4, 5, 3), np.uint8)
    chart = np.kron(colours, np.ones((32, 32, 1), np.uint8))
    out = tmp_path / f"c{suffix}"
    write(out, [chart] * 3, crf=4)
    with open_source(out) as source:
        centres = next(source).pixels[16::32, 16::32]
    assert np.abs(centres.astype(int) - colours).max() <= 2


def test_a_video_is_tagged_bt709_and_plays_everywhere(tmp_path: Path) -> None:
    write(tmp_path / "o.mp4", clips.pictures(3))
    with av.open(str(tmp_path / "o.mp4")) as file:
        context = file.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        tags = (context.colorspace, context.color_primaries, context.color_trc)
        assert tags == (1, 1, 1)
        assert context.color_range == 1


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_a_closed_mp4_is_an_ordinary_one_with_its_index_in_front(
    tmp_path: Path, suffix: str
) -> None:
    out = tmp_path / f"o{suffix}"
    write(out, clips.pictures(3))
    assert [name for name in boxes(out) if name not in ("free", "wide")] == ["ftyp", "moov", "mdat"]
    assert out.stat().st_mode & 0o777 == 0o666 & ~umask()


def test_a_file_that_is_no_finished_mp4_keeps_its_index_where_it_is(tmp_path: Path) -> None:
    for data in (b"", b"words", b"\0\0\0\x08free\0\0\0\x08moov"):
        (tmp_path / "o.mp4").write_bytes(data)
        move_index_to_front(tmp_path / "o.mp4")
        assert (tmp_path / "o.mp4").read_bytes() == data
    assert names(tmp_path) == ["o.mp4"]


def test_without_space_for_a_copy_the_index_stays_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", refuse)
    write(tmp_path / "o.mp4", clips.pictures(3))
    assert boxes(tmp_path / "o.mp4")[-1] == "moov"
    assert names(tmp_path) == ["o.mp4"]


def test_the_sample_aspect_is_kept(tmp_path: Path) -> None:
    with open_sink(tmp_path / "o.mp4", replace(INFO, sample_aspect=Fraction(4, 3))) as sink:
        sink.write(stream(clips.pictures(1))[0])
    with open_source(tmp_path / "o.mp4") as source:
        assert source.info.sample_aspect == Fraction(4, 3)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 2), (21, 35), (34, 33)])
@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_tiny_and_odd_sizes_are_kept(tmp_path: Path, height: int, width: int, suffix: str) -> None:
    out = tmp_path / f"odd{suffix}"
    write(out, clips.pictures(3, height, width))
    with open_source(out) as source:
        assert [frame.pixels.shape for frame in source] == [(height, width, 3)] * 3


@pytest.mark.parametrize(
    ("codec", "suffix", "name"),
    [
        ("h265", ".mp4", "hevc"),
        ("vp9", ".mp4", "vp9"),
        ("av1", ".mp4", "av1"),
        ("ffv1", ".mkv", "ffv1"),
        ("prores", ".mov", "prores"),
    ],
)
def test_every_codec_is_written_at_the_right_times(
    tmp_path: Path, codec: str, suffix: str, name: str
) -> None:
    out = tmp_path / f"o{suffix}"
    write(out, clips.pictures(10), codec=codec)
    with av.open(str(out)) as file:
        assert file.streams.video[0].codec_context.codec.canonical_name == name
    assert clips.video_times(out) == clips.regular(10)


def test_ffv1_loses_nothing(tmp_path: Path) -> None:
    write(tmp_path / "o.mkv", clips.pictures(3, 21, 35), codec="ffv1")
    with open_source(tmp_path / "o.mkv") as source:
        for frame, pixels in zip(source, clips.pictures(3, 21, 35), strict=True):
            np.testing.assert_array_equal(frame.pixels, pixels)


def test_a_larger_crf_makes_a_smaller_file(tmp_path: Path) -> None:
    for crf in (10, 40):
        write(tmp_path / f"{crf}.mp4", clips.pictures(10), crf=crf)
    assert (tmp_path / "40.mp4").stat().st_size < (tmp_path / "10.mp4").stat().st_size


# --- what is refused -------------------------------------------------------------------------


def test_a_codec_that_a_container_cant_hold_lists_those_that_fit(tmp_path: Path) -> None:
    message = error_of(tmp_path / "o.webm", codec="h264")
    assert "vp9, av1" in message
    assert "can't hold" in message


def test_an_unknown_codec_lists_those_that_there_are(tmp_path: Path) -> None:
    assert "h264, h265, vp9, av1" in error_of(tmp_path / "o.mp4", codec="divx")


def test_a_size_that_a_codec_cant_hold_names_others(tmp_path: Path) -> None:
    message = error_of(tmp_path / "o.mp4", replace(INFO, width=35), codec="h265")
    assert "--codec h264 or --codec vp9" in message
    assert names(tmp_path) == []


@pytest.mark.parametrize("codec", ["ffv1", "prores"])
def test_a_crf_for_a_codec_without_one_is_refused(tmp_path: Path, codec: str) -> None:
    assert "--crf" in error_of(tmp_path / "o.mkv", codec=codec, crf=20)


@pytest.mark.parametrize("option", [{"codec": "h264"}, {"crf": 20}])
def test_options_of_video_are_refused_for_pictures(tmp_path: Path, option: dict[str, Any]) -> None:
    assert "is for video" in error_of(tmp_path / "o.png", replace(INFO, rate=None), **option)


def test_an_unknown_suffix_lists_those_that_there_are(tmp_path: Path) -> None:
    message = error_of(tmp_path / "out.xyz")
    for known in (".mp4", ".webm", ".png", "%05d.png"):
        assert known in message


@pytest.mark.parametrize("name", ["none/o.mp4", "none/o.png"])
def test_a_missing_folder_is_named_with_the_command_that_makes_it(
    tmp_path: Path, name: str
) -> None:
    assert f"mkdir -p {tmp_path}/none" in error_of(tmp_path / name, replace(INFO, frames=1))


def test_a_folder_as_output_is_refused(tmp_path: Path) -> None:
    assert "folder" in error_of(tmp_path)
    (tmp_path / "a.mp4").mkdir()
    assert "%05d.png" in error_of(tmp_path / "a.mp4")


@pytest.mark.parametrize("name", ["o.mp4", "o.png", "%05d.png"])
def test_a_folder_in_which_one_may_not_write_is_an_error(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Any, *rest: Any) -> int:  # root may write anywhere, so play the system
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)
    message = error_of(tmp_path / name, replace(INFO, frames=1))
    assert "Permission denied" in message
    assert "may write" in message


@pytest.mark.parametrize("name", ["o.mp4", "o.png"])
def test_an_existing_output_is_refused_without_y_and_stays(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("precious")
    assert "-y" in error_of(tmp_path / name, replace(INFO, frames=1))
    assert (tmp_path / name).read_text() == "precious"
    assert names(tmp_path) == [name]


def test_existing_numbered_pictures_are_refused_without_y(tmp_path: Path) -> None:
    (tmp_path / "00007.png").write_text("precious")
    assert "00007.png" in error_of(tmp_path / "%05d.png")


def test_the_input_is_never_the_output(tmp_path: Path, clip: Path) -> None:
    (tmp_path / "link.mp4").symlink_to(clip)
    with open_source(clip) as source:
        for name in (clip, tmp_path / "link.mp4"):
            assert "is the input" in error_of(name, source.info, overwrite=True)


def test_numbered_input_is_never_the_output(tmp_path: Path) -> None:
    for number in (3, 4):
        cv2.imwrite(str(tmp_path / f"{number:05d}.png"), clips.pictures(1)[0])
    with open_source(tmp_path) as source:
        assert "is the input" in error_of(tmp_path / "%05d.png", source.info, overwrite=True)


def test_many_frames_do_not_go_into_one_picture(tmp_path: Path) -> None:
    message = error_of(tmp_path / "out.png", replace(INFO, frames=250))
    assert "out-%05d.png" in message
    assert "--preview" in message


# --- whole or not at all ---------------------------------------------------------------------


def test_the_output_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "o.mp4"
    out.write_text("old")
    with open_sink(out, INFO, REPLACE) as sink:
        for frame in stream(clips.pictures(3)):
            sink.write(frame)
        assert out.read_text() == "old"
        assert names(tmp_path) == ["o.mp4", "o.part.mp4"]
    assert names(tmp_path) == ["o.mp4"]
    assert len(clips.video_times(out)) == 3
    assert sink.partial is None


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_interrupted_video_plays_and_the_old_output_stays(
    tmp_path: Path, clip: Path, suffix: str, error: type[BaseException]
) -> None:
    out = tmp_path / f"o{suffix}"
    out.write_text("old")
    with open_source(clip) as source:
        sink = open_sink(out, source.info, REPLACE)
        with pytest.raises(error), sink:  # noqa: PT012
            for frame in source:
                if frame.index == 10:
                    raise error
                sink.write(frame)
    assert out.read_text() == "old"
    assert sink.partial == tmp_path / f"o.part{suffix}"
    assert clips.video_times(sink.partial) == clips.regular(10)
    assert clips.sound_packets(sink.partial)[-1][0] < Fraction(2, 5)


def test_an_interrupt_while_the_file_is_finished_keeps_the_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: Path) -> None:
        raise KeyboardInterrupt

    sink = VideoSink(tmp_path / "o.mp4", INFO)
    for frame in stream(clips.pictures(5)):
        sink.write(frame)
    monkeypatch.setattr(video, "move_index_to_front", interrupt)
    with pytest.raises(KeyboardInterrupt):
        sink.close()
    assert sink.partial == tmp_path / "o.part.mp4"
    assert len(clips.video_times(sink.partial)) == 5


def test_nothing_is_left_where_no_frame_was_written(tmp_path: Path) -> None:
    sink = open_sink(tmp_path / "o.mp4", INFO)
    with pytest.raises(KeyboardInterrupt), sink:
        raise KeyboardInterrupt
    assert sink.partial is None
    with pytest.raises(SinkError, match="no frame came"), open_sink(tmp_path / "o.mp4", INFO):
        pass
    assert names(tmp_path) == []


def test_an_earlier_partial_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "o.part.mp4").write_text("hours of work")
    write(tmp_path / "o.mp4", clips.pictures(3))
    assert names(tmp_path) == ["o.mp4", "o.part.mp4"]
    assert (tmp_path / "o.part.mp4").read_text() == "hours of work"


def test_an_output_made_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    sink = open_sink(tmp_path / "o.mp4", INFO)
    sink.write(stream(clips.pictures(1))[0])
    (tmp_path / "o.mp4").write_text("another's")
    with pytest.raises(SinkError, match=r"o\.part\.mp4"):
        sink.close()
    assert (tmp_path / "o.mp4").read_text() == "another's"
    assert sink.partial == tmp_path / "o.part.mp4"


def start_endless(clip: Path, out: Path, limit: str = "") -> "subprocess.Popen[str]":
    """Start a process that writes a clip over and over and says so."""
    code = f"""
        import itertools
        from fractions import Fraction
        from pathlib import Path
        from dreamstream.config import MediaConfig
        from dreamstream.frames import Frame
        from dreamstream.sinks import open_sink
        from dreamstream.sources import open_source
        {limit}
        with open_source({str(clip)!r}) as source:
            info, frames = source.info, list(source)
        with open_sink({str(out)!r}, info, MediaConfig(overwrite=True)) as sink:
            for index in itertools.count():
                sink.write(Frame(frames[index % 25].pixels, Fraction(index, 25), index))
                if index == 350:
                    print("written", flush=True)
    """
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_killed_run_leaves_a_playable_part_and_the_old_output(
    tmp_path: Path, clip: Path, suffix: str
) -> None:
    out = tmp_path / f"o{suffix}"
    out.write_text("old")
    with start_endless(clip, out) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        process.send_signal(signal.SIGKILL)
    assert out.read_text() == "old"
    with open_source(tmp_path / f"o.part{suffix}") as source:
        assert sum(1 for _ in source) >= 250


@pytest.mark.parametrize(("suffix", "held"), [(".mp4", 20), (".mkv", 20), (".webm", 8)])
def test_a_part_plays_from_its_first_second_up_to_what_the_encoder_holds(
    tmp_path: Path, suffix: str, held: int
) -> None:
    info, pictures = INFO, clips.pictures(60)
    with open_sink(tmp_path / f"o{suffix}", info) as sink:
        for index, frame in enumerate(stream(pictures)):
            sink.write(frame)
            if index + 1 > held and index % 10 == 9:
                playing = len(clips.video_times(tmp_path / f"o.part{suffix}"))
                assert playing >= index + 1 - held
    assert len(clips.video_times(tmp_path / f"o{suffix}")) == 60


def test_the_sound_of_a_killed_run_lies_where_it_belongs(tmp_path: Path) -> None:
    clip = clips.write_clip(tmp_path / "in.mp4", clips.pictures(200))
    code = f"""
        import time
        from dreamstream.sinks import open_sink
        from dreamstream.sources import open_source
        with open_source({str(clip)!r}) as source:
            with open_sink({str(tmp_path / "o.mp4")!r}, source.info) as sink:
                for frame in source:
                    sink.write(frame)
                print("written", flush=True)
                time.sleep(60)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        process.kill()
    kept = clips.sound_packets(tmp_path / "o.part.mp4")
    assert len(kept) > 100
    assert kept == clips.sound_packets(clip)[: len(kept)]


def test_a_full_disk_is_a_sink_error_and_leaves_a_playable_part(tmp_path: Path, clip: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))"
    with start_endless(clip, tmp_path / "o.mp4", limit) as process:
        _, errors = process.communicate(timeout=60)
    assert "dreamstream.errors.SinkError: writing" in errors
    assert names(tmp_path) == ["o.part.mp4"]
    with open_source(tmp_path / "o.part.mp4") as source:
        assert sum(1 for _ in source) > 50


# --- pictures --------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".webp"])
def test_a_still_is_written(tmp_path: Path, suffix: str) -> None:
    pixels = clips.pictures(1)[0]
    with open_sink(tmp_path / f"o{suffix}", StreamInfo(48, 64)) as sink:
        sink.write(Frame(pixels, Fraction(0), 0))
    with open_source(tmp_path / f"o{suffix}") as source:
        difference = np.abs(next(source).pixels.astype(int) - pixels)
    assert difference.max() <= (0 if suffix == ".png" else 16)


def test_one_frame_of_a_video_goes_into_a_picture(tmp_path: Path, clip: Path) -> None:
    copy(clip, tmp_path / "o.png", start=Fraction("0.4"), frames=(0, 1))
    with open_source(tmp_path / "o.png") as source:
        assert np.abs(next(source).pixels.astype(int) - clips.pictures(11)[10]).max() <= 2


def test_a_second_frame_does_not_go_into_a_picture(tmp_path: Path) -> None:
    with PictureSink(tmp_path / "o.png", StreamInfo(48, 64)) as sink:
        first, second = stream(clips.pictures(2))
        sink.write(first)
        with pytest.raises(SinkError, match=r"o-%05d\.png"):
            sink.write(second)


def test_an_interrupted_picture_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "o.png").write_text("old")
    with pytest.raises(ValueError, match="stop"):  # noqa: PT012, SIM117
        with open_sink(tmp_path / "o.png", StreamInfo(48, 64), REPLACE) as sink:
            sink.write(stream(clips.pictures(1))[0])
            raise ValueError("stop")
    assert (tmp_path / "o.png").read_text() == "old"
    assert names(tmp_path) == ["o.png"]


def test_numbered_pictures_count_from_1(tmp_path: Path) -> None:
    write(tmp_path / "f-%03d.png", clips.pictures(3))
    assert names(tmp_path) == ["f-001.png", "f-002.png", "f-003.png"]


def test_numbered_pictures_go_through_unchanged(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    write(tmp_path / "in/%05d.png", clips.pictures(4))
    copy(tmp_path / "in", tmp_path / "out/%05d.png")
    for name in names(tmp_path / "in"):
        assert (tmp_path / "in" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


def test_a_still_goes_into_a_video(tmp_path: Path) -> None:
    with open_sink(tmp_path / "o.mp4", StreamInfo(48, 64, time_base=Fraction(1))) as sink:
        sink.write(stream(clips.pictures(1))[0])
    assert clips.video_times(tmp_path / "o.mp4") == [0]


# --- window and tee --------------------------------------------------------------------------


def test_a_window_without_a_display_is_an_error_and_no_crash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SinkError, match="give an OUTPUT"):
        WindowSink(INFO)


class FakeScreen:
    """Stands in for OpenCV's windows."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.key, self.visible = -1, 1.0
        self.shown: list[Any] = []
        monkeypatch.setattr(window, "require_display", lambda: None)
        monkeypatch.setattr(cv2, "namedWindow", lambda *_: None)
        monkeypatch.setattr(cv2, "resizeWindow", lambda *_: None)
        monkeypatch.setattr(cv2, "destroyWindow", lambda *_: None)
        monkeypatch.setattr(cv2, "imshow", lambda _, bgr: self.shown.append(bgr))
        monkeypatch.setattr(cv2, "waitKey", lambda _: self.key)
        monkeypatch.setattr(cv2, "getWindowProperty", lambda *_: self.visible)


def test_a_window_shows_bgr(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = FakeScreen(monkeypatch)
    frame = stream(clips.pictures(1))[0]
    with WindowSink(INFO) as sink:
        sink.write(frame)
    np.testing.assert_array_equal(screen.shown[0][..., ::-1], frame.pixels)


@pytest.mark.parametrize(("key", "visible"), [(ord("q"), 1.0), (27, 1.0), (-1, 0.0)])
def test_q_escape_and_the_close_button_end_the_stream(
    monkeypatch: pytest.MonkeyPatch, key: int, visible: float
) -> None:
    screen = FakeScreen(monkeypatch)
    screen.key, screen.visible = key, visible
    with WindowSink(INFO) as sink, pytest.raises(SinkClosed):
        sink.write(stream(clips.pictures(1))[0])


class ClosedSink(ArraySink):
    """A window that its viewer has closed."""

    def write(self, frame: Frame) -> None:
        raise SinkClosed("closed")


def test_a_tee_still_writes_the_file_when_the_window_is_closed() -> None:
    kept = ArraySink(INFO)
    with TeeSink([ClosedSink(INFO), kept]) as sink, pytest.raises(SinkClosed):
        sink.write(stream(clips.pictures(1))[0])
    assert len(kept.frames) == 1
    assert kept.closed


class FailingSink(ArraySink):
    """A sink that can't be finished."""

    def close(self) -> None:
        raise SinkError("no")


def test_a_tee_closes_all_sinks_where_one_fails() -> None:
    kept = ArraySink(INFO)
    with pytest.raises(SinkError, match="no"):
        TeeSink([FailingSink(INFO), kept]).close()
    assert kept.closed


def test_a_tee_tells_the_partial_file_of_its_sinks(tmp_path: Path) -> None:
    sink = TeeSink([ArraySink(INFO), VideoSink(tmp_path / "o.mp4", INFO)])
    with pytest.raises(KeyboardInterrupt), sink:  # noqa: PT012
        sink.write(stream(clips.pictures(1))[0])
        raise KeyboardInterrupt
    assert sink.partial == tmp_path / "o.part.mp4"


def test_a_tee_of_nothing_is_misuse() -> None:
    with pytest.raises(ValueError, match="sinks"):
        TeeSink([])


def test_sinks_do_not_load_tensorflow() -> None:
    code = "import sys, dreamstream.sinks; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# --- real clips ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bigbuckbunny.mp4", "cockatoo.mp4", "bikes.mp4"])
def test_real_clips_keep_times_and_sound(real_clips: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / "o.mp4"
    with open_source(real_clips / name, MediaConfig()) as source:
        sink: Sink = open_sink(out, replace(source.info, height=24, width=32))
        with sink:
            for frame in source:
                small = np.ascontiguousarray(cv2.resize(frame.pixels, (32, 24)))
                sink.write(Frame(small.astype(np.uint8), frame.time, frame.index))
    assert clips.video_times(out) == clips.video_times(real_clips / name)
    assert clips.sound_packets(out) == clips.sound_packets(real_clips / name)


def test_no_numbered_output_replaces_a_picture_that_is_still_to_be_read(tmp_path: Path) -> None:
    for name in ("A.png", "00001.png"):
        cv2.imwrite(str(tmp_path / name), np.full((8, 8, 3), len(name), np.uint8))
    before = (tmp_path / "00001.png").read_bytes()

    def copy_numbered() -> None:
        with open_source(tmp_path) as source:
            media = MediaConfig(overwrite=True)
            with open_sink(tmp_path / "%05d.png", source.info, media) as sink:
                for frame in source:
                    sink.write(frame)

    with pytest.raises(SinkError, match="it is the input"):
        copy_numbered()
    assert (tmp_path / "00001.png").read_bytes() == before


def test_an_output_name_too_long_for_the_system_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="too long"):
        open_sink(tmp_path / ("x" * 300 + ".mp4"), INFO)


@pytest.mark.parametrize(
    ("flags", "name", "asm"),
    [
        ({"avx2", "avx512f"}, "h264", "asm=avx2"),
        ({"avx2"}, "h264", None),  # a processor is never asked for what it may lack
        ({"avx2", "avx512f"}, "vp9", None),
    ],
)
def test_x264_leaves_its_avx512_code_alone(
    flags: set[str], name: str, asm: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codecs, "processor_flags", lambda: frozenset(flags))
    options = codecs.encoder_options(codecs.CODECS[name], MediaConfig(), INFO)
    assert options.get("x264-params") == asm
