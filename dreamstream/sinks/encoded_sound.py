"""Sound that is decoded and encoded: one continuous stream, whatever the source's does."""

import logging
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, cast

from dreamstream._libraries import av
from dreamstream.sinks.lane import Lane
from dreamstream.sinks.sound_survey import Sounding
from dreamstream.sinks.tags import copy_stream_tags

_LOG = logging.getLogger(__name__)

_USUAL_RATE = 48000
"""Samples per second where an encoder does not take the source's."""

_USUAL_LAYOUTS = {1: ("mono",), 2: ("stereo",), 4: ("quad",), 6: ("5.1",), 8: ("7.1",)}
"""Numbers of channels to the arrangements that encoders take, for a source that tells none."""

_BITS_PER_CHANNEL = 96_000
"""Bits per second that an encoder gets for a channel: what listeners take for the original."""

_LONGEST_WAIT = 2
"""Seconds by which sound that has begun may lie behind the pictures before silence is written for
it: in the file it may lie behind other sound."""

_LONGEST_SILENCE = 4096
"""Samples of silence in a piece."""


class EncodedSound(Lane):
    """Decodes sound and encodes it from the output's time 0 on, without a gap.

    Where there is none yet, or none for a while, silence is written as the pictures go on; samples
    that overlap others are dropped, and a change of rate, channels or sample format midway is
    resampled into the first form.  What can't be decoded is left out: it never ends a film.

    Args:
        stream: The source's.
        sounding: How it begins.
        output: The container to write to, before its header.
        encoder: FFmpeg's name of the encoder.
        suffix: The container's suffix.
        begin: Time in the source's own clock, in seconds, of the output's time 0.
    """

    def __init__(
        self,
        stream: "av.AudioStream",
        sounding: Sounding,
        output: "av.container.OutputContainer",
        encoder: str,
        suffix: str,
        begin: Fraction,
    ) -> None:
        self._output, self._begin, self._source = output, begin, stream
        rate, layout = _rate(sounding, encoder), _layout(sounding, encoder)
        target = output.add_stream(encoder, rate=rate, options=None, layout=layout)
        self._target, self._rate = cast("av.AudioStream", target), rate
        context = self._target.codec_context
        context.bit_rate = _BITS_PER_CHANNEL * context.channels
        copy_stream_tags(stream, self._target, suffix)
        self._first, self._written = sounding.begin, 0
        self._resampler: _Resampler | None = None
        self._has_failed = False

    def begin(self) -> None:
        """Nothing comes first."""

    def write(self, packet: "av.Packet[Any]") -> None:
        """Encode what a packet holds; what is damaged is left out."""
        self._place_all(packet)

    def reach(self, time: Fraction) -> None:
        """Write silence up to where sound begins, and where it lies too far behind."""
        until = int(max(min(time, self._first), time - _LONGEST_WAIT) * self._rate)
        if until > self._written:
            self._drain()
            self._fill(until)

    def flush(self, end: Fraction) -> None:
        """Encode what decoder, resampler and encoder hold back; a track is never empty."""
        self._place_all(None)
        self._drain()
        if not self._written:
            self._fill(max(1, int(end * self._rate)))
        self._output.mux(self._target.encode(None))

    def _place_all(self, packet: "av.Packet[Any] | None") -> None:
        try:
            frames = self._source.codec_context.decode(packet)
        except av.error.FFmpegError:
            return
        for frame in frames:
            self._place(frame)

    def _place(self, frame: "av.AudioFrame") -> None:
        """Encode a frame at its place after the output's time 0; without a time it follows on."""
        time = Fraction(self._written, self._rate)
        if frame.pts is not None and frame.time_base:
            time = frame.pts * frame.time_base - self._begin
        try:
            if self._resampler is None or not self._resampler.takes(frame):
                self._drain()
                self._resampler = _Resampler(frame, self._target, self._written)
            samples = list(self._resampler.push(frame, time))
        except (av.error.FFmpegError, ValueError) as error:
            self._give_up(error)
            return
        for each in samples:
            self._encode(each)

    def _give_up(self, error: Exception) -> None:
        """Leave a frame out that can't be resampled."""
        self._resampler = None
        if not self._has_failed:
            self._has_failed = True
            _LOG.warning("sound stream %d: a part is left out (%s)", self._source.index, error)

    def _drain(self) -> None:
        """Encode what the resampler holds back; the next frame gets a new one."""
        resampler, self._resampler = self._resampler, None
        for samples in resampler.flush() if resampler is not None else ():
            self._encode(samples)

    def _fill(self, until: int) -> None:
        """Encode silence up to a sample."""
        context = self._target.codec_context
        while self._written < until:
            count = min(_LONGEST_SILENCE, until - self._written)
            silence = av.AudioFrame(context.format.name, context.layout.name, count)
            for plane in silence.planes:
                plane.update(bytes(plane.buffer_size))
            silence.sample_rate = self._rate
            self._encode(silence)

    def _encode(self, samples: "av.AudioFrame") -> None:
        samples.pts, samples.time_base = self._written, Fraction(1, self._rate)
        self._written += samples.samples
        self._output.mux(self._target.encode(samples))


class _Resampler:
    """FFmpeg's resampler, which also fills gaps with silence and drops what overlaps.

    Args:
        frame: The first of the frames, which all have one form.
        target: The stream whose form they get.
        begin: Sample of the target at which they go on.
    """

    def __init__(self, frame: "av.AudioFrame", target: "av.AudioStream", begin: int) -> None:
        context = target.codec_context
        self._form = _form(frame)
        self._graph = av.filter.Graph()
        source = self._graph.add_abuffer(
            format=frame.format.name,
            sample_rate=frame.sample_rate,
            layout=frame.layout.name,
            time_base=Fraction(1, frame.sample_rate),
        )
        first = begin * frame.sample_rate // context.sample_rate  # FFmpeg counts in the source's
        resample = f"{context.sample_rate}:async=1:min_hard_comp=0.1:first_pts={first}"
        form = f"sample_fmts={context.format.name}:channel_layouts={context.layout.name}"
        self._graph.link_nodes(
            source,
            self._graph.add("aresample", resample),
            self._graph.add("aformat", form),
            self._graph.add("abuffersink"),
        ).configure()

    def takes(self, frame: "av.AudioFrame") -> bool:
        """Whether a frame has the form of the first."""
        return _form(frame) == self._form

    def push(self, frame: "av.AudioFrame", time: Fraction) -> Iterator["av.AudioFrame"]:
        """Resample a frame that begins at a time of the output, in seconds."""
        frame.pts, frame.time_base = (
            round(time * frame.sample_rate),
            1 / Fraction(frame.sample_rate),
        )
        self._graph.push(frame)
        yield from self._pulled()

    def flush(self) -> Iterator["av.AudioFrame"]:
        """Return what is held back."""
        self._graph.push(None)
        yield from self._pulled()

    def _pulled(self) -> Iterator["av.AudioFrame"]:
        while True:
            try:
                yield cast("av.AudioFrame", self._graph.pull())
            except (av.error.BlockingIOError, av.error.EOFError):
                return


def _form(frame: "av.AudioFrame") -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _rate(sounding: Sounding, encoder: str) -> int:
    """Choose the samples per second: the source's, where the encoder takes them."""
    taken = av.Codec(encoder, "w").audio_rates
    return sounding.rate if taken is None or sounding.rate in taken else _USUAL_RATE


def _layout(sounding: Sounding, encoder: str) -> str:
    """Choose the channels: the source's or as many, where the encoder takes them, else stereo."""
    count = av.AudioLayout(sounding.layout).nb_channels
    names: list[str] = [sounding.layout, *_USUAL_LAYOUTS.get(count, ()), "stereo"]
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
