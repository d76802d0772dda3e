"""Subtitles of the source: copied where the container holds them, else written as text."""

import logging
import math
from fractions import Fraction
from typing import Any, cast

from dreamstream._libraries import av
from dreamstream.sinks.lane import Lane
from dreamstream.sinks.tags import copy_stream_tags

_LOG = logging.getLogger(__name__)

_TEXT = ("ass", "mov_text", "subrip", "text", "webvtt")
"""Subtitles that are text; the others are pictures."""

_HOLDS = {
    ".mp4": ("mov_text",),
    ".mov": ("mov_text",),
    ".mkv": ("ass", "subrip", "webvtt", "hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"),
    ".webm": ("webvtt",),
}
"""What players find in a container."""

_ENCODERS = {".mp4": "mov_text", ".mov": "mov_text", ".mkv": "subrip", ".webm": "webvtt"}
"""The text that a container gets where it can't hold the source's."""

_EMPTY_CUE = b"\0\0"
"""A mov_text sample that shows nothing: a text of length 0."""

_MILLISECOND = Fraction(1, 1000)

_TIME_BASE = Fraction(1, 1_000_000)
"""Of mov_text: FFmpeg compares its ticks with those of the pictures and the sound to see whether a
cue has ended, and with coarser ones than theirs it ends all of them at once."""


def subtitle_lane(
    stream: "av.subtitles.stream.SubtitleStream",
    output: "av.container.OutputContainer",
    suffix: str,
    begin: Fraction,
    length: Fraction | None,
) -> Lane | None:
    """Choose how subtitles reach the output.

    Args:
        stream: The source's.
        output: The container to write to, before its header.
        suffix: Its suffix.
        begin: Time in the source's own clock, in seconds, of the output's time 0.
        length: Seconds of the output; None where it is not trimmed.

    Returns:
        The lane; None, with a warning, where there is no way.
    """
    name = stream.codec_context.codec.canonical_name if stream.codec_context else "unknown"
    span = _Span(begin, length)
    if name in _HOLDS[suffix]:
        return _Copy(stream, output, suffix, span)
    if name in _TEXT:
        return _Encode(stream, output, suffix, span)
    _LOG.warning("%s can't hold %s subtitles: they are left out", suffix, name)
    return None


class _Span:
    """The times of cues, moved to the output's clock and cut to its length."""

    def __init__(self, begin: Fraction, length: Fraction | None) -> None:
        self._begin, self._length = begin, length

    def place(self, packet: "av.Packet[Any]") -> bool:
        """Move a packet's times; tell whether any of it is shown."""
        base = packet.time_base
        start = cast(int, packet.pts) * base - self._begin
        end = start + (packet.duration or 0) * base
        if self._length is not None:
            end = min(end, self._length)
        start = max(start, Fraction(0))
        packet.pts = packet.dts = round(start / base)
        if packet.duration:
            packet.duration = round(end / base) - packet.pts
            return packet.duration > 0
        return True


class _MovText:
    """Sees to what mov_text asks for beside its cues; does nothing in other containers.

    It begins with an empty cue, for FFmpeg writes the index of a fragmented file when all streams
    have begun: a film whose first words are late would be held in memory until then, and lost in a
    kill.  It ends with one, or FFmpeg shows nothing for as long as the last cue was shown, and the
    file is longer by that.

    An empty cue follows every other too, where nothing else does.  FFmpeg would write one of its
    own, of no duration; where a fragment ends with it, FFmpeg lets it last as long as the cue
    before it, moves what follows, and aborts the process where the next fragment begins earlier.

    Args:
        output: The container to write to.
        target: The subtitles in it; their time base is set.
        suffix: Its suffix.
    """

    def __init__(
        self, output: "av.container.OutputContainer", target: "av.stream.Stream", suffix: str
    ) -> None:
        self._output, self._target = output, target
        self._is_wanted = _ENCODERS[suffix] == "mov_text"
        if self._is_wanted:
            target.time_base = _TIME_BASE
        self._end = self._latest = Fraction(-1)

    def begin(self) -> None:
        """Write the first empty cue."""
        self._write(Fraction(0))

    def write(self, packet: "av.Packet[Any]") -> None:
        """Write a cue, behind an empty one where there is a gap before it."""
        base = packet.time_base
        start = cast(int, packet.pts) * base
        self.reach(start - _MILLISECOND)
        if self._is_wanted and start < self._latest:
            packet.pts = packet.dts = math.floor(self._latest / base) + 1
        self._latest = cast(int, packet.pts) * base
        self._end = max(self._end, start + (packet.duration or 0) * base)
        packet.stream = self._target
        self._output.mux_one(packet)

    def reach(self, time: Fraction) -> None:
        """End the latest cue if it has ended by a time, in seconds, and nothing follows before."""
        if self._latest < self._end <= time:
            self._write(self._end)

    def end(self, pictures_end: Fraction) -> None:
        """Write the last empty cue, with the last pictures: FFmpeg aborts where it is much older.

        It and the one that FFmpeg adds last a millisecond each.
        """
        self._write(max(self._end, self._latest + _MILLISECOND, pictures_end - 2 * _MILLISECOND))

    def _write(self, time: Fraction) -> None:
        if not self._is_wanted:
            return
        packet = av.Packet(_EMPTY_CUE)
        packet.pts = packet.dts = round(time / _TIME_BASE)
        packet.duration, packet.time_base = round(_MILLISECOND / _TIME_BASE), _TIME_BASE
        packet.stream = self._target
        self._latest = self._end = packet.pts * _TIME_BASE
        self._output.mux_one(packet)


class _Copy(Lane):
    """Copies cues as they are."""

    def __init__(
        self,
        stream: "av.subtitles.stream.SubtitleStream",
        output: "av.container.OutputContainer",
        suffix: str,
        span: _Span,
    ) -> None:
        self._span = span
        target = output.add_stream_from_template(stream)
        self._frame = _MovText(output, target, suffix)
        copy_stream_tags(stream, target, suffix)

    def begin(self) -> None:
        self._frame.begin()

    def write(self, packet: "av.Packet[Any]") -> None:
        if bytes(packet) != _EMPTY_CUE and self._span.place(packet):
            self._frame.write(packet)

    def reach(self, time: Fraction) -> None:
        self._frame.reach(time)

    def flush(self, end: Fraction) -> None:
        self._frame.end(end)


class _Encode(Lane):
    """Decodes cues and encodes their text for a container that can't hold them as they are."""

    def __init__(
        self,
        stream: "av.subtitles.stream.SubtitleStream",
        output: "av.container.OutputContainer",
        suffix: str,
        span: _Span,
    ) -> None:
        self._span = span
        self._decoder = stream.codec_context
        self._decoder.open(strict=False)  # tells its styles
        target = output.add_stream(_ENCODERS[suffix])
        target.time_base = _MILLISECOND
        self._target = cast("av.subtitles.stream.SubtitleStream", target)
        self._target.codec_context.subtitle_header = self._decoder.subtitle_header
        self._target.codec_context.time_base = _MILLISECOND
        self._latest = -1
        self._frame = _MovText(output, self._target, suffix)
        copy_stream_tags(stream, self._target, suffix)

    def begin(self) -> None:
        self._frame.begin()

    def write(self, packet: "av.Packet[Any]") -> None:
        try:
            cues = self._decoder.decode2(packet)
        except av.error.FFmpegError:  # a damaged cue
            return
        lines = [
            cue.ass for cue in cues or () if isinstance(cue, av.subtitles.subtitle.AssSubtitle)
        ]
        if lines and self._span.place(packet):
            self._mux(lines, packet)

    def reach(self, time: Fraction) -> None:
        self._frame.reach(time)

    def flush(self, end: Fraction) -> None:
        self._frame.end(end)

    def _mux(self, lines: list[bytes], packet: "av.Packet[Any]") -> None:
        base = packet.time_base / _MILLISECOND
        duration = round((packet.duration or 0) * base)
        text = b"\\N".join([lines[0], *(line.split(b",", 8)[-1] for line in lines[1:])])
        cue = av.subtitles.subtitle.SubtitleSet.create(text, 0, duration)
        made = self._target.codec_context.encode_subtitle(cue)
        # cues of one moment would fail in mp4, which shows one at a time
        self._latest = max(round(cast(int, packet.pts) * base), self._latest + 1)
        made.pts = made.dts = self._latest
        made.duration, made.time_base = duration, _MILLISECOND
        self._frame.write(made)
