"""Sounds of which is known what is to be heard when."""

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from dreamstream._libraries import av
from dreamstream.frames import Pixels

RATE = 48000

Samples = npt.NDArray[np.float32]


def clicks(moments: Iterable[float], seconds: float, level: float = 0.6) -> Samples:
    """Make a short tick at each moment, over a faint hiss."""
    clock = np.arange(round(seconds * RATE)) / RATE
    sound = 0.001 * np.random.default_rng(5).standard_normal(len(clock))
    for moment in moments:
        begin = math.ceil(moment * RATE)
        since = clock[begin : begin + RATE // 10] - moment
        tick = np.exp(-since / 0.006) * np.sin(2 * np.pi * 1500 * since)
        sound[begin : begin + RATE // 10] += level * tick
    return sound.astype(np.float32)


def tone(hertz: float, seconds: float, level: float = 0.5) -> Samples:
    """Make a steady tone."""
    clock = np.arange(round(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * hertz * clock)).astype(np.float32)


def write_sound(path: Path, samples: Samples, codec: str = "pcm_s16le") -> Path:
    """Write a file of sound alone."""
    with av.open(str(path), "w") as output:
        stream = cast("av.AudioStream", output.add_stream(codec, rate=RATE, layout="mono"))
        _encode(output, stream, samples)
    return path


def write_music_clip(
    path: Path,
    frames: Sequence[Pixels],
    times: Sequence[Fraction],
    samples: Samples,
    rate: Fraction,
    codec: str = "pcm_s16le",
) -> Path:
    """Write a film with sound, at any times."""
    tick = Fraction(1, 90000)
    with av.open(str(path), "w") as output:
        video = output.add_stream("libx264", rate=rate, options={"qp": "0"})
        video.height, video.width = frames[0].shape[:2]
        video.pix_fmt, video.codec_context.time_base = "yuv444p", tick
        audio = cast("av.AudioStream", output.add_stream(codec, rate=RATE, layout="mono"))
        for time, pixels in zip(times, frames, strict=True):
            picture = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv444p")
            picture.pts, picture.time_base = round(time / tick), tick
            output.mux(video.encode(picture))
        output.mux(video.encode(None))
        _encode(output, audio, samples)
    return path


def _encode(
    output: "av.container.OutputContainer", stream: "av.AudioStream", samples: Samples
) -> None:
    resampler = av.AudioResampler(stream.codec_context.format, "mono", RATE)
    for begin in range(0, len(samples), 1024):
        part = np.ascontiguousarray(samples[None, begin : begin + 1024])
        frame = av.AudioFrame.from_ndarray(part, format="flt", layout="mono")
        frame.sample_rate, frame.pts = RATE, begin
        for resampled in resampler.resample(frame):
            output.mux(stream.encode(resampled))
    output.mux(stream.encode(None))
