"""Films whose encoder restarts every few frames."""

from fractions import Fraction
from pathlib import Path

import clips
import numpy as np
import pytest

from dreamstream._libraries import av
from dreamstream.config import MediaConfig
from dreamstream.frames import Frame, StreamInfo
from dreamstream.sinks import CODECS, open_sink, segments
from dreamstream.sources import open_source

TICK = Fraction(1, 1000)
TIMES = [TICK * ticks for ticks in (*range(0, 400, 40), *range(415, 700, 23), 900, 1700, 1733)]
FRAMES = clips.pictures(len(TIMES))
INFO = StreamInfo(48, 64, rate=Fraction(25), time_base=TICK, frames=len(TIMES))
HELD = [(name, suffix) for name, codec in CODECS.items() for suffix in codec.containers]


def write(path: Path, codec: str) -> Path:
    with open_sink(path, INFO, MediaConfig(codec=codec)) as sink:
        for index, (time, pixels) in enumerate(zip(TIMES, FRAMES, strict=True)):
            sink.write(Frame(pixels, time, index))
    return path


@pytest.mark.parametrize(("codec", "suffix"), HELD)
def test_across_the_seams_every_picture_and_its_time_are_kept(
    codec: str, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = write(tmp_path / f"whole{suffix}", codec)
    monkeypatch.setattr(segments, "LONGEST_SEGMENT", 7)
    parted = write(tmp_path / f"parted{suffix}", codec)
    with open_source(whole) as one, open_source(parted) as other:
        pairs = list(zip(one, other, strict=True))
    for index, (_, frame) in enumerate(pairs):
        assert abs(frame.time - TIMES[index]) <= TICK
        off = np.abs(frame.pixels.astype(int) - FRAMES[index]).mean()
        assert off < 4, index
    with av.open(str(parted)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    decoded_at = [packet.dts for packet in packets if packet.dts is not None]
    assert len(decoded_at) == len(TIMES)
    assert decoded_at == sorted(set(decoded_at))
    assert all(packets[seam].is_keyframe for seam in range(0, len(packets), 7))


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_equal_runs_give_equal_files(suffix: str, tmp_path: Path) -> None:
    one, other = (write(tmp_path / f"{name}{suffix}", "h264") for name in ("one", "other"))
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize(
    ("interval", "length"), [(25, 50), (20, 40), (48, 48), (50, 50), (120, 50), (1, 50)]
)
def test_a_segment_is_whole_intervals_between_key_frames(interval: int, length: int) -> None:
    assert segments.segment_length(interval) == length
