"""Sound of the source: copied where the container's players know it, else encoded anew."""

import io
import logging
from fractions import Fraction
from typing import Any, cast

from dreamstream._libraries import av
from dreamstream.sinks.lane import Lane
from dreamstream.sinks.tags import copy_stream_tags

_LOG = logging.getLogger(__name__)

_HOLDS = {
    # Browsers, phones or televisions play these; FFmpeg would write more, such as DTS or Vorbis
    ".mp4": ("aac", "mp3", "opus", "flac", "ac3", "eac3", "alac"),
    ".mov": ("aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s16be", "pcm_s24le"),
    ".webm": ("opus", "vorbis"),
}
"""What players find in a container; Matroska's take all that FFmpeg can write."""

_SUBSTITUTE = {".webm": "libopus"}
"""Encoder for sound that a container can't hold, where it is not AAC."""

_USUAL_RATE = 48000
"""Samples per second where an encoder does not take the source's."""

_USUAL_LAYOUTS = {1: ("mono",), 2: ("stereo",), 4: ("quad",), 6: ("5.1",), 8: ("7.1",)}
"""Numbers of channels to the arrangements that encoders take, for a source that tells none."""

_BITS_PER_CHANNEL = 96_000
"""Bits per second that an encoder gets for a channel: what listeners take for the original."""

_FORMATS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}


def sound_lane(
    stream: "av.AudioStream",
    output: "av.container.OutputContainer",
    suffix: str,
    begin: Fraction,
) -> Lane | None:
    """Choose how sound reaches the output.

    Args:
        stream: The source's.
        output: The container to write to, before its header.
        suffix: Its suffix.
        begin: Time in the source's own clock, in seconds, of the output's time 0.

    Returns:
        The lane; None, with a warning, where there is no way.
    """
    if stream.codec_context is None:
        _LOG.warning("sound stream %d is left out: its codec is unknown", stream.index)
        return None
    name = stream.codec_context.codec.canonical_name
    if _holds(name, stream, suffix):
        return _Copy(stream, output, suffix, begin)
    encoder = _SUBSTITUTE.get(suffix, "aac")
    _LOG.warning("%s can't hold %s sound: it is encoded anew with %s", suffix, name, encoder)
    return _Encode(stream, output, encoder, suffix, begin)


class _Copy(Lane):
    """Copies packets as they are, moved to the stream's time 0."""

    def __init__(
        self,
        stream: "av.AudioStream",
        output: "av.container.OutputContainer",
        suffix: str,
        begin: Fraction,
    ) -> None:
        self._output, self._begin = output, begin
        self._target = output.add_stream_from_template(stream)
        copy_stream_tags(stream, self._target, suffix)

    def begin(self) -> None:
        """Nothing comes first."""

    def write(self, packet: "av.Packet[Any]") -> None:
        shift = round(self._begin / packet.time_base)
        packet.pts = cast(int, packet.pts) - shift
        packet.dts = packet.pts  # sound is never reordered, and Matroska may leave dts out
        packet.stream = self._target
        self._output.mux_one(packet)

    def reach(self, time: Fraction) -> None:
        """Nothing falls due."""

    def flush(self, end: Fraction) -> None:
        """Nothing is held back."""


class _Encode(Lane):
    """Decodes sound and encodes it for a container that can't hold it as it is."""

    def __init__(
        self,
        stream: "av.AudioStream",
        output: "av.container.OutputContainer",
        encoder: str,
        suffix: str,
        begin: Fraction,
    ) -> None:
        self._output, self._begin, self._source = output, begin, stream
        rate, layout = _rate(stream, encoder), _layout(stream, encoder)
        target = output.add_stream(encoder, rate=rate, options=None, layout=layout)
        self._target = cast("av.AudioStream", target)
        context = self._target.codec_context
        context.bit_rate = _BITS_PER_CHANNEL * context.channels
        copy_stream_tags(stream, self._target, suffix)
        self._resampler = av.AudioResampler(format=context.format, layout=layout, rate=rate)

    def begin(self) -> None:
        """Nothing comes first."""

    def write(self, packet: "av.Packet[Any]") -> None:
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            return
        for frame in cast("list[av.AudioFrame]", frames):
            self._place(frame)

    def reach(self, time: Fraction) -> None:
        """Nothing falls due."""

    def flush(self, end: Fraction) -> None:
        """Encode what the decoder, the resampler and the encoder hold back."""
        for frame in self._source.codec_context.decode(None):
            self._place(frame)
        self._encode(None)
        self._output.mux(self._target.encode(None))

    def _place(self, frame: "av.AudioFrame") -> None:
        """Encode a frame at its place after the output's time 0."""
        if frame.pts is not None and frame.time_base:
            frame.pts -= round(self._begin / frame.time_base)
        self._encode(frame)

    def _encode(self, frame: "av.AudioFrame | None") -> None:
        for resampled in self._resampler.resample(frame):
            self._output.mux(self._target.encode(resampled))


def _holds(name: str, stream: "av.AudioStream", suffix: str) -> bool:
    """Tell whether a container's players find a stream in it."""
    if suffix in _HOLDS:
        return name in _HOLDS[suffix]
    try:
        with av.open(io.BytesIO(), "w", format=_FORMATS[suffix]) as trial:
            trial.add_stream_from_template(stream)
            trial.start_encoding()
    except (av.error.FFmpegError, ValueError):
        return False
    return True


def _rate(stream: "av.AudioStream", encoder: str) -> int:
    """Choose the samples per second: the source's, where the encoder takes them."""
    rate = stream.codec_context.sample_rate
    taken = av.Codec(encoder, "w").audio_rates
    return rate if taken is None or rate in taken else _USUAL_RATE


def _layout(stream: "av.AudioStream", encoder: str) -> str:
    """Choose the channels: the source's or as many, where the encoder takes them, else stereo."""
    context = stream.codec_context
    names: list[str] = [context.layout.name, *_USUAL_LAYOUTS.get(context.channels, ()), "stereo"]
    return next(name for name in names if _opens(encoder, name))


def _opens(encoder: str, layout: str) -> bool:
    """Try whether an encoder takes a layout."""
    context = cast("av.AudioCodecContext", av.CodecContext.create(encoder, "w"))
    formats = context.codec.audio_formats
    try:
        context.layout, context.sample_rate = layout, _USUAL_RATE
        context.format = formats[0] if formats else "s16"
        context.open()
    except (av.error.FFmpegError, ValueError):
        return False
    return True
