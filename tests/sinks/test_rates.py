"""Frame rates that encoders don't take, or that are none."""

import random
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import clips
import pytest

from dreamstream._libraries import av
from dreamstream.config import MediaConfig
from dreamstream.frames import Frame, StreamInfo
from dreamstream.sinks import open_sink
from dreamstream.sources import open_source

MILLISECOND = Fraction(1, 1000)
INFO = StreamInfo(48, 64, rate=Fraction(300), time_base=Fraction(1, 19200))


@pytest.mark.parametrize("codec", ["h264", "h265", "vp9", "av1"])
@pytest.mark.parametrize("rate", [Fraction(300), Fraction(1000)])
def test_every_codec_takes_more_than_240_frames_a_second(
    tmp_path: Path, codec: str, rate: Fraction
) -> None:
    info, times = replace(INFO, rate=rate, time_base=1 / rate), [index / rate for index in range(9)]
    with open_sink(tmp_path / "o.mp4", info, MediaConfig(codec=codec)) as sink:
        for index, pixels in enumerate(clips.pictures(9)):
            sink.write(Frame(pixels, times[index], index))
    assert clips.video_times(tmp_path / "o.mp4") == times


def browser_recording(path: Path) -> list[Fraction]:
    """Write WebM as a browser records it: uneven milliseconds, no rate, no duration; its times."""
    gaps = random.Random(1)
    times = [Fraction(0)]
    with path.open("wb") as file, av.open(_Pipe(file), "w", format="webm") as output:
        video = output.add_stream("libvpx", rate=1000)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.codec_context.time_base = MILLISECOND
        for pixels in clips.pictures(40):
            picture = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format="yuv420p")
            picture.pts, picture.time_base = int(times[-1] * 1000), MILLISECOND
            output.mux(video.encode(picture))
            times.append(times[-1] + gaps.randint(26, 41) * MILLISECOND)
        output.mux(video.encode(None))
    return times[:-1]


class _Pipe:
    """A file that can't be sought in, so that no duration is written at its head."""

    def __init__(self, file: object) -> None:
        self.write = file.write  # type: ignore[attr-defined]


@pytest.mark.parametrize("codec", ["av1", "vp9"])
def test_what_a_browser_records_has_no_rate_of_1000(tmp_path: Path, codec: str) -> None:
    times = browser_recording(tmp_path / "in.webm")
    with av.open(str(tmp_path / "in.webm")) as file:
        assert file.streams.video[0].guessed_rate == 1000
    with (
        open_source(tmp_path / "in.webm") as source,
        open_sink(tmp_path / "o.webm", source.info, MediaConfig(codec=codec)) as sink,
    ):
        assert source.info.rate == 25
        for frame in source:
            sink.write(frame)
    assert clips.video_times(tmp_path / "o.webm") == times
