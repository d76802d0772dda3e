"""Looks ahead at a file's sound: which streams hold any in a span, and how each begins."""

import contextlib
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

from dreamstream._libraries import av
from dreamstream.frames import SoundSpan
from dreamstream.sinks.span_reader import READ_AHEAD, Packet, SpanReader, is_before, time_of

_MOST_TRIALS = 100
"""Packets that are decoded of a sound whose form the file does not tell, before it is given up."""

_ADTS_HEAD = 7
"""Bytes of the head of an AAC packet in transport streams."""


@dataclass(frozen=True, slots=True)
class Sounding:
    """How a sound begins.

    Attributes:
        begin: Seconds from the span's begin to its first packet.
        rate: Samples per second.
        layout: FFmpeg's name of its channels.
        told: Whether the file tells rate and layout; else they are those of its first samples.
        changes: Whether it changes them midway in packets that a copy could not tell of.
        first: The first packet's data; none where it was not read.
    """

    begin: Fraction
    rate: int
    layout: str
    told: bool
    changes: bool = False
    first: bytes = b""


def survey_sound(reader: SpanReader, span: SoundSpan) -> dict[int, Sounding]:
    """Find the sound that there is in a span.

    Args:
        reader: Reads the span's file; it stays where it is.
        span: The span.

    Returns:
        By the stream's index how it begins.  One that has no packet in the span, or none that can
        be decoded where the file does not tell its form, is not in it; of a pipe neither is one
        that does not tell its form and does not begin in the next seconds.
    """
    known = [one for one in reader.streams.audio if one.codec_context is not None]
    listeners = {one.index: _Listener(one, span) for one in known}
    waiting = set(listeners)
    for packet in reader.early_packets() if waiting else ():
        index = packet.stream.index
        if span.end is not None and time_of(packet) >= span.end:
            waiting.discard(index)
            if packet.stream.type == "video":
                break
        elif index in waiting and not is_before(span, packet) and listeners[index].hear(packet):
            waiting.discard(index)
        if not waiting:
            break
    found = {index: one.sounding() for index, one in listeners.items()}
    return {index: sounding for index, sounding in found.items() if sounding is not None}


class _Listener:
    """Waits for the first packet of a sound; it decodes where the file does not tell the form."""

    def __init__(self, stream: "av.AudioStream", span: SoundSpan) -> None:
        context = stream.codec_context
        self._told = bool(context.sample_rate and context.channels)
        self._form = (context.sample_rate, context.layout.name) if self._told else None
        self._span, self._trials = span, 0
        self._begin: Fraction | None = None
        self._first = b""
        self._head: tuple[int, int] | None = None
        self._changes = False
        self._decoder = cast("av.AudioCodecContext", av.CodecContext.create(context.name, "r"))
        self._decoder.extradata = context.extradata

    def hear(self, packet: Packet) -> bool:
        """Take a packet of the stream; return whether no other is needed."""
        if self._begin is None:
            self._begin, self._first = time_of(packet) - self._span.begin, bytes(packet)
        self._trials += 1
        known = self._form is not None or self._learn(packet) or self._trials >= _MOST_TRIALS
        head = _adts_form(bytes(packet))
        if head is None:
            return known
        self._head = self._head or head  # each packet tells its own form, and a copy the first's
        self._changes = head != self._head
        return known and self._changes

    def sounding(self) -> Sounding | None:
        """Return what was heard; None for nothing that can be used."""
        # what stands in for a file is read but once, and its sound may begin later
        begin = READ_AHEAD if self._begin is None and self._span.feed is not None else self._begin
        if self._form is None or begin is None:
            return None
        form, first = self._form, self._first
        return Sounding(Fraction(begin), *form, self._told, self._changes, first)

    def _learn(self, packet: Packet) -> bool:
        with contextlib.suppress(av.error.FFmpegError):
            for frame in self._decoder.decode(packet):
                self._form = (frame.sample_rate, frame.layout.name)
        return self._form is not None


def _adts_form(data: bytes) -> tuple[int, int] | None:
    """Return the bits that tell profile, rate and channels of AAC in ADTS; None of other sound."""
    if len(data) < _ADTS_HEAD or data[0] != 0xFF or data[1] & 0xF6 != 0xF0:
        return None
    return data[2] & 0b11111101, data[3] & 0b11000000
