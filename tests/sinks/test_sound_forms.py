"""Sound that changes midway, begins late, is announced and silent, or can't be decoded."""

import subprocess
import sys
import textwrap
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import clips
import numpy as np
import pytest

from dreamstream._libraries import av
from dreamstream.config import MediaConfig
from dreamstream.errors import SinkError
from dreamstream.frames import Pixels
from dreamstream.sinks import open_sink, sound
from dreamstream.sources import open_source

PACKET = Fraction(1024, clips.SOUND_RATE)
CHANNELS = {"mono": 1, "stereo": 2, "5.1": 6}


def copy(source: Path, target: Path, **options: Any) -> Path:
    media = MediaConfig(**options)
    with open_source(source, media) as frames, open_sink(target, frames.info, media) as sink:
        for frame in frames:
            sink.write(frame)
    return target


def tone(seconds: float, rate: int, layout: str) -> "av.AudioFrame":
    clock = np.arange(round(seconds * rate)) / rate
    wave = (0.3 * np.sin(2 * np.pi * 440 * clock)).astype(np.float32)
    planes = np.ascontiguousarray(np.repeat(wave[None], CHANNELS[layout], axis=0))
    frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    return frame


def encoded(
    codec: str, seconds: float, rate: int = clips.SOUND_RATE, layout: str = "mono"
) -> list[tuple[bytes, Fraction]]:
    """Encode a tone: the packets, and their lengths in seconds."""
    context = cast("av.AudioCodecContext", av.CodecContext.create(codec, "w"))
    context.sample_rate, context.layout = rate, layout
    context.format = cast(Any, context.codec.audio_formats)[0].name
    context.time_base = Fraction(1, rate)
    frame = tone(seconds, rate, layout)
    resampler = av.AudioResampler(context.format, layout, rate)
    packets = [p for part in resampler.resample(frame) for p in context.encode(part)]
    packets += context.encode(None)
    return [(bytes(packet), Fraction(cast(int, packet.duration), rate)) for packet in packets]


def write_film(
    path: Path,
    pictures: list[Pixels],
    sounds: dict[str, list[tuple[bytes, Fraction]]],
    begin: Fraction = Fraction(0),
    layout: str = "mono",
) -> Path:
    """Write pictures and, for each codec, the packets of a sound from a time on."""
    with av.open(str(path), "w") as output:
        video = output.add_stream("libx264", rate=25, options={"bf": "0", "qp": "0"})
        video.height, video.width = pictures[0].shape[:2]
        video.pix_fmt = "yuv420p"
        streams = {
            codec: output.add_stream(codec.split()[0], rate=clips.SOUND_RATE, layout=layout)
            for codec in sounds
        }
        for index, pixels in enumerate(pictures):
            picture = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format="yuv420p")
            picture.pts, picture.time_base = index, 1 / clips.RATE
            output.mux(video.encode(picture))
        output.mux(video.encode(None))
        for codec, packets in sounds.items():
            time = begin
            for data, length in packets:
                packet = av.Packet(data)
                packet.time_base = Fraction(1, 90000)
                packet.pts = packet.dts = round(time * 90000)
                packet.duration = round(length * 90000)
                packet.stream = streams[codec]
                output.mux_one(packet)
                time += length
    return path


def heard(path: Path) -> tuple[list[Fraction], list[float]]:
    """Read the times and the loudness of the first sound's frames."""
    times, levels = [], []
    with av.open(str(path)) as file:
        for frame in file.decode(audio=0):
            times.append(cast(int, frame.pts) * cast(Fraction, frame.time_base))
            levels.append(float(np.abs(frame.to_ndarray().astype(float)).max()))
    return times, levels


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
@pytest.mark.parametrize(
    ("rate", "layout"), [(48000, "stereo"), (44100, "mono"), (32000, "stereo")]
)
def test_sound_that_changes_midway_is_encoded_to_its_end(
    tmp_path: Path, suffix: str, rate: int, layout: str
) -> None:
    sound = encoded("mp2", 1) + encoded("mp2", 1, rate, layout)
    film = write_film(tmp_path / "in.ts", clips.pictures(50), {"mp2": sound})
    out = copy(film, tmp_path / f"out{suffix}")
    assert len(clips.video_times(out)) == 50
    times, levels = heard(out)
    assert abs(times[-1] + PACKET - 2) < Fraction(1, 20)
    assert max(b - a for a, b in pairwise(times)) < Fraction(1, 30)
    assert min(levels[5:-5]) > 0.05


def adts(packets: list[tuple[bytes, Fraction]], channels: int) -> list[tuple[bytes, Fraction]]:
    """Return AAC of 48 kHz the heads that it has in transport streams."""
    wrapped = []
    for data, length in packets:
        size = len(data) + 7
        head = [
            0xFF,
            0xF1,
            0x4C,
            channels << 6 | size >> 11,
            size >> 3 & 0xFF,
            (size & 7) << 5 | 31,
        ]
        wrapped.append((bytes([*head, 0xFC]) + data, length))
    return wrapped


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_aac_whose_channels_change_midway_is_not_copied(
    tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    sound = adts(encoded("aac", 1), 1) + adts(encoded("aac", 1, layout="stereo"), 2)
    film = write_film(tmp_path / "in.ts", clips.pictures(50), {"aac": sound})
    times, levels = heard(copy(film, tmp_path / f"out{suffix}"))
    assert "changes its form midway" in caplog.text
    assert abs(times[-1] + PACKET - 2) < Fraction(1, 10)
    assert min(levels[2:40] + levels[55:85]) > 0.05


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_a_sound_that_is_announced_and_silent_is_left_out_with_a_warning(
    tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    film = write_film(
        tmp_path / "in.ts", clips.pictures(25), {"ac3": encoded("ac3", 1), "ac3 2": []}
    )
    with av.open(str(film)) as file:
        assert len(file.streams.audio) == 2
    out = copy(film, tmp_path / f"out{suffix}")
    assert len(clips.video_times(out)) == 25
    with av.open(str(out)) as file:
        assert len(file.streams.audio) == 1
    assert abs(heard(out)[0][-1] - 1) < Fraction(1, 10)
    assert "sound stream 2 is left out" in caplog.text


@pytest.mark.parametrize("codec", ["eac3", "aac"])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
class TestLateSound:
    def film(self, folder: Path, codec: str) -> Path:
        return write_film(
            folder / "in.mkv", clips.pictures(75), {codec: encoded(codec, 1)}, Fraction(2)
        )

    def test_comes_at_its_time(self, tmp_path: Path, codec: str, suffix: str) -> None:
        out = copy(self.film(tmp_path, codec), tmp_path / f"out{suffix}")
        assert clips.video_times(out) == clips.regular(75)
        times, levels = heard(out)
        loud = [time for time, level in zip(times, levels, strict=True) if level > 0.1]
        assert abs(loud[0] - 2) < Fraction(1, 15)
        assert abs(loud[-1] - 3) < Fraction(1, 15)

    @pytest.mark.parametrize("options", [{"duration": Fraction(1)}, {"frames": (0, 25)}])
    def test_behind_the_range_costs_nothing(
        self, tmp_path: Path, codec: str, suffix: str, options: dict[str, Any]
    ) -> None:
        out = copy(self.film(tmp_path, codec), tmp_path / f"out{suffix}", **options)
        assert clips.video_times(out) == clips.regular(25)

    def test_does_not_hold_a_killed_part_back(
        self, tmp_path: Path, codec: str, suffix: str
    ) -> None:
        film = self.film(tmp_path, codec)
        code = f"""
            import os
            from dreamstream.sinks import open_sink
            from dreamstream.sources import open_source
            with open_source({str(film)!r}) as source:
                with open_sink({str(tmp_path / f"out{suffix}")!r}, source.info) as sink:
                    for frame in source:
                        sink.write(frame)
                        if frame.index == 48:
                            os._exit(9)
        """
        command = [sys.executable, "-c", textwrap.dedent(code)]
        assert subprocess.run(command, check=False).returncode == 9
        assert len(clips.video_times(tmp_path / f"out.part{suffix}")) >= 25


def test_late_sound_of_a_transport_stream_whose_form_is_not_told_at_its_head_is_kept(
    tmp_path: Path,
) -> None:
    """FFmpeg looks at 5 MB of it."""
    noise = np.random.default_rng(3).integers(0, 256, (90, 240, 320, 3), np.uint8)
    film = write_film(tmp_path / "in.ts", list(noise), {"mp2": encoded("mp2", 1)}, Fraction(13, 5))
    with av.open(str(film)) as file:
        assert file.streams.audio[0].codec_context.sample_rate == 0
    times, levels = heard(copy(film, tmp_path / "out.mp4"))
    loud = [time for time, level in zip(times, levels, strict=True) if level > 0.1]
    assert abs(loud[0] - Fraction(13, 5)) < Fraction(1, 15)


@pytest.mark.parametrize("codec", ["mp2", "flac", "aac", "ac3"])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_a_sound_of_rubbish_never_costs_the_film(tmp_path: Path, codec: str, suffix: str) -> None:
    packets = [
        (np.random.default_rng(number).bytes(len(data)), length)
        for number, (data, length) in enumerate(encoded(codec, 1))
    ]
    film = write_film(tmp_path / "in.mkv", clips.pictures(25), {codec: packets})
    out = copy(film, tmp_path / f"out{suffix}")
    assert clips.video_times(out) == clips.regular(25)


def test_a_sound_whose_last_packet_is_damaged_keeps_the_others(tmp_path: Path) -> None:
    packets = encoded("mp2", 1)
    packets[-1] = (b"\xff" * 40, packets[-1][1])
    film = write_film(tmp_path / "in.mkv", clips.pictures(25), {"mp2": packets})
    times, _ = heard(copy(film, tmp_path / "out.mp4"))
    assert abs(times[-1] - 1) < Fraction(1, 10)


@pytest.mark.parametrize("damaged", [16, -1])
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_a_damaged_packet_of_copied_ac3_costs_no_more_than_itself(
    tmp_path: Path, suffix: str, damaged: int
) -> None:
    """FFmpeg refuses it only when it writes a picture, or closes the file."""
    packets = encoded("ac3", 1)
    good = [data for data, _ in packets]
    bad = packets[damaged] = (b"\xff" * len(good[damaged]), packets[damaged][1])
    film = write_film(tmp_path / "in.mkv", clips.pictures(25), {"ac3": packets})
    out = copy(film, tmp_path / f"out{suffix}")
    assert clips.video_times(out) == clips.regular(25)
    kept = [data for _, data in clips.sound_packets(out)]
    assert [data for data in kept if data != bad[0]] == [d for d in good if d != good[damaged]]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_a_packet_that_ffmpeg_can_not_rewrap_is_left_out(
    tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    packets = adts(encoded("aac", 1), 1)
    data = bytearray(packets[20][0])
    data[1] &= 0b11111110  # a checksum,
    data[6] |= 1  # and two frames of sound in one
    packets[20] = (bytes(data), packets[20][1])
    out = copy(
        write_film(tmp_path / "in.ts", clips.pictures(25), {"aac": packets}),
        tmp_path / f"out{suffix}",
    )
    assert clips.video_times(out) == clips.regular(25)
    assert abs(heard(out)[0][-1] - 1) < Fraction(1, 10)
    assert "sound stream 1 is damaged: what is faulty is left out" in caplog.text


def without_sound_head(film: Path) -> Path:
    """Make a Matroska film's last track tell nothing of its codec's form."""
    data = film.read_bytes()
    codec_private, first_cluster = b"\x63\xa2", data.index(b"\x1f\x43\xb6\x75")
    at = data.rindex(codec_private, 0, first_cluster)
    film.write_bytes(data[:at] + b"\x63\xfe" + data[at + 2 :])
    with av.open(str(film)) as file:
        assert not file.streams.audio[0].codec_context.extradata
    return film


def headless_opus(folder: Path) -> Path:
    sounds = {"libopus": encoded("libopus", 1)}
    return without_sound_head(write_film(folder / "in.mkv", clips.pictures(25), sounds))


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_opus_without_its_head_is_heard_and_never_costs_the_film(
    tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    """FFmpeg takes its packets for an mp4, and refuses to write the index at the end."""
    out = copy(headless_opus(tmp_path), tmp_path / f"out{suffix}")
    assert clips.video_times(out) == clips.regular(25)
    times, levels = heard(out)
    assert abs(times[-1] - 1) < Fraction(1, 10)
    assert min(levels[5:-5]) > 0.05
    assert "options were not used" not in caplog.text, "the muxer's word on the trial"


def test_ac3_whose_form_an_mp4_can_not_tell_is_not_copied(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rubbish = [(b"\x01" * len(data), length) for data, length in encoded("ac3", 1)]
    film = write_film(tmp_path / "in.mkv", clips.pictures(25), {"ac3": rubbish})
    out = copy(film, tmp_path / "out.mp4")
    assert clips.video_times(out) == clips.regular(25)
    assert ".mp4 can't hold sound stream 1 (ac3) as it is" in caplog.text


def test_a_file_that_can_not_be_closed_is_an_error_of_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = headless_opus(tmp_path)
    monkeypatch.setattr(sound, "can_mux", lambda *_: True)
    with pytest.raises(SinkError, match=r"out\.mp4 failed \(Invalid data .*\); check .*"):
        copy(film, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()
    assert (tmp_path / "out.part.mp4").exists()
