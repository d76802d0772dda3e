"""Makes a film with all that goes with pictures, and reads it back."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from dreamstream._libraries import av
from dreamstream.frames import Pixels

HEIGHT, WIDTH, PATCH = 64, 96, 16
ASPECT = Fraction(4, 3)
MILLISECOND = Fraction(1, 1000)
SECONDS = 2
SOUND_RATE = 48000

TIMES = [Fraction(ticks, 1000) for ticks in (*range(0, 1000, 40), *range(1000, 2000, 50))]
"""A variable rate: 25 frames a second, then 20."""

CUES = [(Fraction("0.2"), Fraction("0.6"), "first"), (Fraction("1.1"), Fraction("1.9"), "second")]
CHAPTERS = [(Fraction(0), Fraction(1), "Dusk"), (Fraction(1), Fraction(2), "Dawn")]
TAGS = {"title": "Meadow", "artist": "Nobody", "comment": "a test"}

_COLOURS = np.random.default_rng(7).integers(0, 256, (HEIGHT // PATCH, WIDTH // PATCH, 3), np.uint8)

_STYLES = b"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, \
Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, \
Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,0

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def chart() -> Pixels:
    """Make a picture of flat patches."""
    return np.kron(_COLOURS, np.ones((PATCH, PATCH, 1), np.uint8))


def patches(pixels: Pixels) -> npt.NDArray[np.int_]:
    """Read the patches' centres."""
    return pixels[PATCH // 2 :: PATCH, PATCH // 2 :: PATCH].astype(int)


def tone() -> npt.NDArray[np.float32]:
    """Make two seconds of clicks that are like nothing but themselves."""
    clock = np.arange(SECONDS * SOUND_RATE) / SOUND_RATE
    sound = np.zeros_like(clock)
    for at in (0.31, 0.9, 1.34, 1.7):
        sound += 0.5 * np.exp(-(((clock - at) / 0.004) ** 2)) * np.sin(2 * np.pi * 900 * clock)
    return sound.astype(np.float32)


def write_film(
    path: Path, *, sound: str | None = "aac", text: str | None = "mov_text", layout: str = "mono"
) -> Path:
    """Write a film: variable rate, oblong pixels, sound, subtitles, chapters, tags."""
    with av.open(str(path), "w") as output:
        output.metadata.update(TAGS)
        output.set_chapters([_chapter(number, *one) for number, one in enumerate(CHAPTERS, 1)])
        video = output.add_stream("libx264", rate=25, options={"qp": "0"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv444p"
        context = video.codec_context
        context.time_base, context.sample_aspect_ratio = MILLISECOND, ASPECT
        context.colorspace = context.color_primaries = context.color_trc = context.color_range = 1
        video.metadata.update({"language": "jpn", "title": "the view"})
        audio = output.add_stream(sound, rate=SOUND_RATE, layout=layout) if sound else None
        if audio is not None:
            audio.metadata.update({"language": "ita", "title": "the talk"})
        cues = output.add_stream(text) if text else None
        if cues is not None:
            _prepare_cues(cast(Any, cues))
        for time in TIMES:
            picture = av.VideoFrame.from_ndarray(chart(), format="rgb24")
            picture = picture.reformat(format="yuv444p", dst_colorspace=1, dst_color_range=1)
            picture.pts, picture.time_base = int(time / MILLISECOND), MILLISECOND
            output.mux(video.encode(picture))
        output.mux(video.encode(None))
        if cues is not None:
            for cue in CUES:
                output.mux_one(_cue(cast(Any, cues), *cue))
        if audio is not None:
            _write_sound(output, cast("av.AudioStream", audio))
    return path


def _chapter(number: int, start: Fraction, end: Fraction, title: str) -> Any:
    return {
        "id": number,
        "start": int(start / MILLISECOND),
        "end": int(end / MILLISECOND),
        "time_base": MILLISECOND,
        "metadata": {"title": title},
    }


def _prepare_cues(stream: Any) -> None:
    stream.codec_context.subtitle_header = _STYLES
    stream.time_base = stream.codec_context.time_base = MILLISECOND
    stream.metadata["language"] = "spa"
    stream.disposition = av.stream.Disposition.default


def _cue(stream: Any, start: Fraction, end: Fraction, text: str) -> Any:
    length = int((end - start) / MILLISECOND)
    line = b"0,0,Default,,0,0,0,," + text.encode()
    made = av.subtitles.subtitle.SubtitleSet.create(line, 0, length)
    packet = stream.codec_context.encode_subtitle(made)
    packet.pts = packet.dts = int(start / MILLISECOND)
    packet.duration, packet.time_base, packet.stream = length, MILLISECOND, stream
    return packet


def _write_sound(output: "av.container.OutputContainer", stream: "av.AudioStream") -> None:
    channels = stream.codec_context.channels
    samples = np.repeat(tone()[None], channels, axis=0)
    resampler = av.AudioResampler(stream.codec_context.format, stream.layout, SOUND_RATE)
    for begin in range(0, samples.shape[1], 1024):
        part = np.ascontiguousarray(samples[:, begin : begin + 1024])
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=stream.layout.name)
        frame.sample_rate, frame.pts = SOUND_RATE, begin
        for resampled in resampler.resample(frame):
            output.mux(stream.encode(resampled))
    output.mux(stream.encode(None))


# --- reading back --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cue:
    start: Fraction
    end: Fraction
    text: str


def cues_of(path: Path) -> list[Cue]:
    """Read the cues of the first subtitle stream that show anything."""
    found = []
    with av.open(str(path)) as file:
        for packet in file.demux(file.streams.subtitles[0]):
            decoded = cast("list[av.subtitles.subtitle.AssSubtitle]", packet.decode())
            lines = [cue.dialogue.decode() for cue in decoded] if packet.size else []
            if lines:
                start = cast(int, packet.pts) * packet.time_base
                end = start + cast(int, packet.duration) * packet.time_base
                found.append(Cue(start, end, "".join(lines)))
    return found


def chapters_of(path: Path) -> list[tuple[Fraction, Fraction, str]]:
    with av.open(str(path)) as file:
        return [
            (
                one["start"] * cast(Fraction, one["time_base"]),
                one["end"] * cast(Fraction, one["time_base"]),
                one["metadata"]["title"],
            )
            for one in file.chapters()
        ]


def sound_lag(path: Path, begin: Fraction = Fraction(0)) -> Fraction:
    """Measure in seconds how late the sound is, against ``tone()`` from ``begin`` on."""
    heard = _heard(path)
    wanted = np.zeros_like(heard)
    kept = tone()[round(begin * SOUND_RATE) :]
    wanted[: len(kept)] = kept
    spectrum = np.fft.rfft(heard) * np.conj(np.fft.rfft(wanted))
    lag = int(np.argmax(np.fft.irfft(spectrum, len(heard))))
    return Fraction(lag if lag < len(heard) // 2 else lag - len(heard), SOUND_RATE)


_JITTER = SOUND_RATE // 500
"""Samples by which a time may be off before it counts: Matroska rounds to milliseconds."""


def _heard(path: Path) -> npt.NDArray[np.float32]:
    """Play the first audio stream as players do: times tell of jumps, else sample follows sample.

    Returns:
        (samples,) float32 from the file's time 0 on.
    """
    heard, at = np.zeros((SECONDS + 1) * SOUND_RATE, np.float32), -2 * _JITTER
    with av.open(str(path)) as file:
        resampler = av.AudioResampler("fltp", "mono", SOUND_RATE)
        for frame in file.decode(audio=0):
            told = round(cast(int, frame.pts) * cast(Fraction, frame.time_base) * SOUND_RATE)
            at = told if abs(told - at) > _JITTER else at
            for part in resampler.resample(frame):
                samples = part.to_ndarray()[0][max(0, -at) :]
                heard[max(0, at) : max(0, at) + len(samples)] = samples
                at += part.samples
    return heard
