"""The sound of the source, brought into the output packet by packet beside the pictures."""

import contextlib
import io
import logging
from collections.abc import Iterator
from fractions import Fraction
from typing import Protocol, cast

from dreamstream._libraries import av
from dreamstream.frames import SoundSpan

_LOG = logging.getLogger(__name__)

HOLDS_NEGATIVE_TIMES = (".mp4", ".mov")
"""Containers whose edit lists hide an encoder's lead-in before time 0.  In the others FFmpeg would
move all streams for its sake, so there the lead-in, which is never heard, is left out."""

SUBSTITUTE = {".webm": "libopus"}
"""Encoder for sound that a container can't hold, where it is not AAC."""

_FORMATS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""FFmpeg's names of the containers."""

_OPUS_RATE = 48000

_SEEK_MARGIN = Fraction(1, 2)
"""Seconds to seek before a span: a seek by one stream may lead past another's packets."""


class SoundTrack:
    """All audio streams of a span of a file, copied without loss into an open output.

    Make it before the output's header is written; then :meth:`advance` as pictures are written.
    What the container can't hold is encoded anew, with a warning.

    Args:
        span: The sound.
        output: The container to write to.
        suffix: Its suffix, such as ``.mp4``.
    """

    def __init__(
        self, span: SoundSpan, output: "av.container.OutputContainer", suffix: str
    ) -> None:
        self._span = span
        self._input = av.open(str(span.path), metadata_errors="replace")
        streams = self._input.streams.audio
        self._lanes = {
            stream.index: lane
            for stream in streams
            if (lane := _lane(stream, output, suffix, span)) is not None
        }
        self._packets = self._wanted(keep_lead_in=suffix in HOLDS_NEGATIVE_TIMES)
        self._waiting: av.Packet[av.AudioStream] | None = None

    def advance(self, until: Fraction | None) -> None:
        """Write the sound up to a time of the stream, in seconds; None is all that is left."""
        while self._waiting or (self._lanes and self._fetch()):
            packet = cast("av.Packet[av.AudioStream]", self._waiting)
            if until is not None and _time(packet) - self._span.begin >= until:
                return
            self._lanes[packet.stream.index].write(packet)
            self._waiting = None

    def finish(self, pictures_end: Fraction, whole: bool) -> None:
        """Write what is left of the sound.

        Args:
            pictures_end: Time in seconds at which the last picture ends.
            whole: Whether all pictures were written; else the sound ends with them.
        """
        self.advance(pictures_end if self._span.ends_with_pictures or not whole else None)
        for lane in self._lanes.values():
            lane.flush()

    def close(self) -> None:
        """Close the file that is read."""
        self._input.close()

    def _fetch(self) -> bool:
        self._waiting = next(self._packets, None)
        return self._waiting is not None

    def _wanted(self, keep_lead_in: bool) -> Iterator["av.Packet[av.AudioStream]"]:
        """Read the packets of the span; times that repeat or go back, as after damage, are out."""
        span = self._span
        latest: dict[int, Fraction] = {}
        ended: set[int] = set()
        for packet in self._timed():
            index, time = packet.stream.index, _time(packet)
            if span.end is not None and time >= span.end:
                ended.add(index)
                if len(ended) == len(self._lanes):
                    return
            elif packet.is_discard and not keep_lead_in:
                continue
            elif time > latest.get(index, time - 1) and not (span.cut_in and time < span.begin):
                latest[index] = time
                yield packet

    def _timed(self) -> Iterator["av.Packet[av.AudioStream]"]:
        """Read the packets of the streams that are written, if they hold sound and tell a time."""
        if self._span.cut_in:
            early = max(self._span.begin - _SEEK_MARGIN, Fraction(0))
            with contextlib.suppress(av.error.FFmpegError):  # else it is read from the beginning
                self._input.seek(int(early * av.time_base))
        for packet in self._demuxed():
            if packet.pts is None:  # AVI tells only the order
                packet.pts = packet.dts
            if packet.size and packet.pts is not None and packet.stream.index in self._lanes:
                yield packet

    def _demuxed(self) -> Iterator["av.Packet[av.AudioStream]"]:
        try:
            yield from self._input.demux(self._input.streams.audio)
        except av.error.FFmpegError as error:
            _LOG.warning("reading the sound of %s failed (%s)", self._span.path, error.strerror)


def is_rewrapped(span: SoundSpan) -> bool:
    """Tell whether FFmpeg must rewrap AAC, which in transport streams tells its form by packet."""
    with av.open(str(span.path), metadata_errors="replace") as file:
        contexts = [stream.codec_context for stream in file.streams.audio if stream.codec_context]
        return any(context.name == "aac" and not context.extradata for context in contexts)


class _Lane(Protocol):
    """Takes one audio stream from the input to the output."""

    def write(self, packet: "av.Packet[av.AudioStream]") -> None: ...

    def flush(self) -> None: ...


class _Copy:
    """Copies packets as they are, moved to the stream's time 0."""

    def __init__(
        self, stream: "av.AudioStream", output: "av.container.OutputContainer", begin: Fraction
    ) -> None:
        self._output, self._begin = output, begin
        self._target = output.add_stream_from_template(stream)
        self._target.metadata.update(stream.metadata)

    def write(self, packet: "av.Packet[av.AudioStream]") -> None:
        shift = round(self._begin / packet.time_base)
        packet.pts = cast(int, packet.pts) - shift
        packet.dts = packet.pts  # sound is never reordered, and Matroska may leave dts out
        packet.stream = self._target
        self._output.mux_one(packet)

    def flush(self) -> None:
        """Nothing is held back."""


class _Encode:
    """Decodes sound and encodes it for a container that can't hold it as it is."""

    def __init__(
        self,
        stream: "av.AudioStream",
        output: "av.container.OutputContainer",
        encoder: str,
        begin: Fraction,
    ) -> None:
        self._output, self._begin, self._source = output, begin, stream
        rate = _OPUS_RATE if encoder == "libopus" else stream.codec_context.sample_rate
        layout = "mono" if stream.codec_context.channels == 1 else "stereo"
        self._target = cast(
            "av.AudioStream", output.add_stream(encoder, rate=rate, options=None, layout=layout)
        )
        self._target.metadata.update(stream.metadata)
        self._resampler = av.AudioResampler(
            format=self._target.codec_context.format, layout=layout, rate=rate
        )

    def write(self, packet: "av.Packet[av.AudioStream]") -> None:
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            return
        for frame in frames:
            if frame.pts is not None and frame.time_base:
                frame.pts -= round(self._begin / frame.time_base)
            self._encode(frame)

    def flush(self) -> None:
        """Encode what the decoder, the resampler and the encoder hold back."""
        for frame in self._source.codec_context.decode(None):
            if frame.pts is not None and frame.time_base:
                frame.pts -= round(self._begin / frame.time_base)
            self._encode(frame)
        self._encode(None)
        self._output.mux(self._target.encode(None))

    def _encode(self, frame: "av.AudioFrame | None") -> None:
        for resampled in self._resampler.resample(frame):
            self._output.mux(self._target.encode(resampled))


def _lane(
    stream: "av.AudioStream", output: "av.container.OutputContainer", suffix: str, span: SoundSpan
) -> _Lane | None:
    """Choose how a stream reaches the output; None, with a warning, where it can't."""
    if stream.codec_context is None:
        _LOG.warning("sound stream %d of %s is left out: unknown codec", stream.index, span.path)
        return None
    name = stream.codec_context.codec.canonical_name
    if _holds(stream, suffix):
        return _Copy(stream, output, span.begin)
    encoder = SUBSTITUTE.get(suffix, "aac")
    _LOG.warning("%s can't hold %s sound: it is encoded anew with %s", suffix, name, encoder)
    return _Encode(stream, output, encoder, span.begin)


def _holds(stream: "av.AudioStream", suffix: str) -> bool:
    """Try whether a container takes a stream as it is: FFmpeg's list claims opus for .mov."""
    try:
        with av.open(io.BytesIO(), "w", format=_FORMATS[suffix]) as trial:
            trial.add_stream_from_template(stream)
            trial.start_encoding()
    except (av.error.FFmpegError, ValueError):
        return False
    return True


def _time(packet: "av.Packet[av.AudioStream]") -> Fraction:
    """Give a packet's time in its file's own clock, in seconds."""
    return cast(int, packet.pts) * packet.time_base
