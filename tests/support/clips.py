"""Makes short clips with sound, and tells what is in a file."""

import os
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import numpy as np

from dreamstream._libraries import av
from dreamstream.frames import Pixels

RATE = Fraction(25)
TICKS = Fraction(1, 12800)
SOUND_RATE = 48000

REAL = os.environ.get("DREAMSTREAM_CLIPS")
NO_REAL = "DREAMSTREAM_CLIPS names no folder of real clips"


def pictures(count: int, height: int = 48, width: int = 64) -> list[Pixels]:
    """Make smooth pictures that differ from one another."""
    rows, columns = np.mgrid[:height, :width]
    made = []
    for index in range(count):
        planes = [rows * 3 + index * 4, columns * 2 + 40, (rows + columns) + index * 2]
        made.append(np.stack(planes, axis=-1).clip(16, 235).astype(np.uint8))
    return made


def regular(count: int) -> list[Fraction]:
    return [index / RATE for index in range(count)]


def write_clip(
    path: Path,
    frames: list[Pixels],
    times: list[Fraction] | None = None,
    sound: str | None = "aac",
    tags: bool = True,
    **stream: Any,
) -> Path:
    """Write a clip, with a second of a tone for every 25 frames; ``stream`` sets its fields."""
    height, width = frames[0].shape[:2]
    with av.open(str(path), "w") as output:
        video = output.add_stream("libx264", rate=25, options={"qp": "0"})
        video.width, video.height, video.pix_fmt = width, height, "yuv444p"
        context = video.codec_context
        context.time_base = TICKS
        if tags:
            context.colorspace = context.color_primaries = context.color_trc = 1
            context.color_range = 1
        for name, value in stream.items():
            if name == "rotation":
                video.set_display_rotation(value)
            else:
                setattr(context, name, value)
        audio = output.add_stream(sound, rate=SOUND_RATE, layout="mono") if sound else None
        matrix = 1 if tags else 5
        for time, pixels in zip(times or regular(len(frames)), frames, strict=True):
            picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            picture = picture.reformat(format="yuv444p", dst_colorspace=matrix, dst_color_range=1)
            picture.pts, picture.time_base = round(time / TICKS), TICKS
            output.mux(video.encode(picture))
        output.mux(video.encode(None))
        if audio is not None:
            write_tone(output, cast("av.AudioStream", audio), len(frames) / RATE)
    return path


def write_tone(
    output: "av.container.OutputContainer", stream: "av.AudioStream", seconds: Fraction
) -> None:
    clock = np.arange(int(seconds * SOUND_RATE)) / SOUND_RATE
    tone = (np.sin(2 * np.pi * (440 + 200 * clock) * clock) * 0.3).astype(np.float32)[None]
    for begin in range(0, tone.shape[1], 1024):
        part = np.ascontiguousarray(tone[:, begin : begin + 1024])
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = SOUND_RATE, begin
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


def sound_packets(path: Path) -> list[tuple[Fraction, bytes]]:
    """Read time and bytes of the first audio stream's packets."""
    with av.open(str(path)) as file:
        if not file.streams.audio:
            return []
        return [
            (cast(int, packet.pts) * packet.time_base, bytes(packet))
            for packet in file.demux(file.streams.audio[0])
            if packet.size
        ]


def video_times(path: Path) -> list[Fraction]:
    """Read the times of the pictures in the file's own clock."""
    with av.open(str(path)) as file:
        return [
            cast(int, picture.pts) * cast(Fraction, picture.time_base)
            for picture in file.decode(video=0)
        ]
