"""Files whose timestamps restart or jump: one continuous film, with its sound."""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import clips
import pytest

from dreamstream._libraries import av
from dreamstream.config import MediaConfig
from dreamstream.sinks import open_sink
from dreamstream.sources import VideoSource, open_source

STEP = 1 / clips.RATE
COUNT = 25
HOUR = Fraction(3600)
MILLISECOND = Fraction(1, 1000)
_FLV_HEAD = 13


def shifted(source: Path, target: Path, seconds: Fraction) -> Path:
    """Copy a clip with later timestamps."""
    with av.open(str(source)) as file, av.open(str(target), "w") as output:
        streams = {one.index: output.add_stream_from_template(one) for one in file.streams}
        for packet in file.demux():
            if packet.dts is not None and packet.pts is not None:
                packet.pts += round(seconds / packet.time_base)
                packet.dts += round(seconds / packet.time_base)
                packet.stream = streams[packet.stream.index]
                output.mux(packet)
    return target


def part(folder: Path, suffix: str = ".ts") -> Path:
    return clips.write_clip(folder / f"part{suffix}", clips.pictures(COUNT))


def joined_ts(folder: Path) -> Path:
    """Two transport streams with the same times, one behind the other."""
    (folder / "in.ts").write_bytes(2 * part(folder).read_bytes())
    return folder / "in.ts"


def advert_ts(folder: Path) -> Path:
    """A transport stream with another in its midst, whose clock is an hour ahead."""
    first, other = part(folder), shifted(part(folder), folder / "other.ts", HOUR)
    last = shifted(first, folder / "last.ts", Fraction(1))
    (folder / "in.ts").write_bytes(b"".join(one.read_bytes() for one in (first, other, last)))
    return folder / "in.ts"


def joined_flv(folder: Path) -> Path:
    data = part(folder, ".flv").read_bytes()
    (folder / "in.flv").write_bytes(data + data[_FLV_HEAD:])
    return folder / "in.flv"


def hls(folder: Path) -> Path:
    """A playlist with a discontinuity."""
    first = part(folder)
    shifted(first, folder / "other.ts", HOUR)
    (folder / "in.m3u8").write_text(
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\npart.ts\n"
        "#EXT-X-DISCONTINUITY\n#EXTINF:1,\nother.ts\n#EXT-X-ENDLIST\n"
    )
    return folder / "in.m3u8"


MAKERS = [(joined_ts, 2), (advert_ts, 3), (joined_flv, 2), (hls, 2)]


def copy(source: Path, target: Path, **options: Any) -> Path:
    media = MediaConfig(**options)
    with open_source(source, media) as frames, open_sink(target, frames.info, media) as sink:
        for frame in frames:
            sink.write(frame)
    return target


def sound_times(path: Path) -> list[Fraction]:
    with av.open(str(path)) as file:
        return [
            cast(int, frame.pts) * cast(Fraction, frame.time_base) for frame in file.decode(audio=0)
        ]


@pytest.mark.parametrize(("make", "parts"), MAKERS)
def test_the_pictures_of_all_parts_follow_one_another(
    tmp_path: Path, make: Callable[[Path], Path], parts: int, caplog: pytest.LogCaptureFixture
) -> None:
    with open_source(make(tmp_path)) as source:
        times = [frame.time for frame in source]
    assert len(times) == parts * COUNT
    within = [
        step for step in (b - a for a, b in pairwise(times)) if abs(step - STEP) > MILLISECOND
    ]
    assert len(within) < parts  # at the seams sound may be longer than the pictures
    assert all(Fraction(0) < step < 3 * STEP for step in within)
    assert "moved on by a tick" not in caplog.text


@pytest.mark.parametrize(("make", "parts"), MAKERS)
def test_the_sound_of_all_parts_lies_beside_their_pictures(
    tmp_path: Path, make: Callable[[Path], Path], parts: int
) -> None:
    out = copy(make(tmp_path), tmp_path / "out.mp4")
    assert len(clips.video_times(out)) == parts * COUNT
    times = sound_times(out)
    packet = Fraction(1024, clips.SOUND_RATE)
    assert all(Fraction(0) < b - a < 3 * packet for a, b in pairwise(times))
    assert abs(times[-1] + packet - parts) < Fraction(1, 10)


@pytest.mark.parametrize("make", [joined_ts, advert_ts])
def test_a_start_behind_a_jump_is_found(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path)
    with open_source(path) as source:
        whole = {frame.time: frame.pixels for frame in source}
    start = sorted(whole)[COUNT + 5]
    with open_source(path, MediaConfig(start=start)) as source:
        cut = list(source)
    assert [frame.time + start for frame in cut] == [time for time in whole if time >= start]
    assert all((frame.pixels == whole[frame.time + start]).all() for frame in cut)
    out = copy(path, tmp_path / "out.mp4", start=start)
    assert abs(sound_times(out)[-1] - (max(whole) - start)) < Fraction(1, 10)


def test_a_pipe_is_as_continuous_as_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = advert_ts(tmp_path)
    with open_source(path) as source:
        times = [frame.time for frame in source]
    out = copy(path, tmp_path / "file.mp4")
    with path.open("rb") as file, monkeypatch.context() as patched:
        patched.setattr("dreamstream.sources.opening._STDIN_NUMBER", file.fileno())
        patched.setattr("dreamstream.sources.opening._is_redirected_file", lambda: False)
        with VideoSource("-") as piped, open_sink(tmp_path / "pipe.mp4", piped.info) as sink:
            for frame, time in zip(piped, times, strict=True):
                assert frame.time == time
                sink.write(frame)
    assert sound_times(tmp_path / "pipe.mp4") == sound_times(out)


def test_a_pause_of_the_sound_is_no_jump(tmp_path: Path) -> None:
    """FFmpeg's command line takes it for one and brings sound and pictures apart."""
    seconds, pause = 16, (1, 14)
    whole = clips.write_clip(tmp_path / "whole.mp4", clips.pictures(seconds * 25))
    with av.open(str(whole)) as file, av.open(str(tmp_path / "in.ts"), "w") as output:
        streams = {one.index: output.add_stream_from_template(one) for one in file.streams}
        begin = file.start_time / Fraction(av.time_base)
        for packet in file.demux():
            if packet.dts is None:
                continue
            at = packet.dts * packet.time_base - begin
            if packet.stream.type == "video" or not pause[0] <= at < pause[1]:
                packet.stream = streams[packet.stream.index]
                output.mux(packet)
    times = sound_times(copy(tmp_path / "in.ts", tmp_path / "out.mp4"))
    (gap,) = [(a, b) for a, b in pairwise(times) if b - a > Fraction(1, 10)]
    assert [round(float(one)) for one in gap] == list(pause)
    assert clips.video_times(tmp_path / "out.mp4")[-1] > seconds - Fraction(1, 10)


def reordered_avi(path: Path) -> Path:
    """Write pictures that are stored in another order than they are shown in."""
    with av.open(str(path), "w") as output:
        options = {"bf": "2", "b-adapt": "0", "crf": "1"}
        video = output.add_stream("libx264", rate=25, options=options)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        packets = []
        for index, pixels in enumerate(clips.pictures(COUNT)):
            picture = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format="yuv420p")
            picture.pts, picture.time_base = index, STEP
            packets += video.encode(picture)
        for index, packet in enumerate([*packets, *video.encode(None)]):
            packet.pts = packet.dts = index
            packet.time_base = STEP
            output.mux_one(packet)
    return path


def test_an_avi_shows_reordered_pictures_in_even_steps(tmp_path: Path) -> None:
    """An AVI tells the times of packets, not those of pictures."""
    path = reordered_avi(tmp_path / "in.avi")
    with open_source(path) as source:
        frames = list(source)
    assert [frame.time for frame in frames] == clips.regular(COUNT)
    levels = [frame.pixels.mean() for frame in frames]
    assert levels == sorted(levels)  # each picture is lighter than the one before
    with open_source(path, MediaConfig(start=Fraction(2, 5))) as source:
        assert [frame.time for frame in source] == clips.regular(COUNT - 10)
