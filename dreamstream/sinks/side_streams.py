"""What goes with the pictures: the source's sound, subtitles, chapters and tags.

They are read packet by packet from the source's file and written beside the pictures.
"""

import contextlib
import logging
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, TypeAlias, cast

from dreamstream._libraries import av, file_url
from dreamstream.frames import SoundSpan
from dreamstream.sinks.lane import Lane
from dreamstream.sinks.sound import sound_lane
from dreamstream.sinks.subtitles import subtitle_lane
from dreamstream.sinks.tags import copy_chapters, copy_file_tags, copy_stream_tags

_LOG = logging.getLogger(__name__)

_Packet: TypeAlias = "av.Packet[Any]"

HOLDS_NEGATIVE_TIMES = (".mp4", ".mov")
"""Containers whose edit lists hide an encoder's lead-in before time 0.  In the others FFmpeg would
move all streams for its sake, so there the lead-in, which is never heard, is left out."""

_SEEK_MARGIN = Fraction(1, 2)
"""Seconds to seek before a span: a seek by one stream may lead past another's packets."""

_LONGEST_CUE = 10
"""Seconds to seek before a span with subtitles, one of which may have begun by then."""

_INTERLEAVING = 1
"""Seconds to read on behind a span's end, for subtitles that lie behind the sound."""


class Companions:
    """All that goes with the pictures of a span of a file, brought into an open output.

    Make it before the output's header is written; then :meth:`advance` as pictures are written.
    What the container can't hold is encoded anew or left out, with a warning.

    Args:
        reader: Gives it; it is closed with the companions.
        span: Where it lies.
        output: The container to write to.
        suffix: Its suffix, such as ``.mp4``.
    """

    def __init__(
        self,
        reader: "av.container.InputContainer",
        span: SoundSpan,
        output: "av.container.OutputContainer",
        suffix: str,
    ) -> None:
        self._span, self._output, self._suffix = span, output, suffix
        self._length = None if span.end is None else span.end - span.begin
        self._input = reader
        sound = {one.index: self._sound_lane(one) for one in self._input.streams.audio}
        text = {one.index: self._text_lane(one) for one in self._input.streams.subtitles}
        self._lanes = {index: lane for index, lane in (sound | text).items() if lane is not None}
        self._sounding = {index for index in sound if index in self._lanes}
        self._packets = self._wanted(keep_lead_in=suffix in HOLDS_NEGATIVE_TIMES)
        self._waiting: _Packet | None = None
        self._begun = False

    def describe(self, pictures: "av.VideoStream") -> None:
        """Write the file's tags and chapters, and the tags of its pictures to their stream."""
        copy_file_tags(self._input, self._output)
        if not self._span.ends_with_pictures:  # else the end is not known yet
            copy_chapters(self._input, self._output, self._span.begin, self._length)
        cover = av.stream.Disposition.attached_pic
        for stream in self._input.streams.video:
            if not stream.disposition & cover:
                copy_stream_tags(stream, pictures, self._suffix)
                return

    def advance(self, until: Fraction | None) -> None:
        """Write all up to a time of the stream, in seconds; None is all that is left."""
        if not self._begun:
            self._begun = True
            for lane in self._lanes.values():
                lane.begin()
        while self._waiting or (self._lanes and self._fetch()):
            packet = cast(_Packet, self._waiting)
            if until is not None and _time(packet) - self._span.begin >= until:
                break
            self._lanes[packet.stream.index].write(packet)
            self._waiting = None
        if until is not None:
            for lane in self._lanes.values():
                lane.reach(until)

    def finish(self, pictures_end: Fraction, whole: bool) -> None:
        """Write what is left.

        Args:
            pictures_end: Time in seconds at which the last picture ends.
            whole: Whether all pictures were written; else all ends with them.
        """
        if self._span.ends_with_pictures or not whole:
            self._finish_at(pictures_end)
            copy_chapters(self._input, self._output, self._span.begin, pictures_end)
        else:
            self.advance(None)
        for lane in self._lanes.values():
            lane.flush(pictures_end)

    def _finish_at(self, end: Fraction) -> None:
        """Write what lies before a time, with subtitles that the file has a little behind it."""
        self.advance(end)
        while self._waiting or (self._lanes and self._fetch()):
            packet = cast(_Packet, self._waiting)
            time = _time(packet) - self._span.begin
            if time >= end + _INTERLEAVING:
                return
            if time < end:
                self._lanes[packet.stream.index].write(packet)
            self._waiting = None

    def close(self) -> None:
        """Close the file that is read."""
        self._input.close()

    def _sound_lane(self, stream: "av.AudioStream") -> Lane | None:
        return sound_lane(stream, self._output, self._suffix, self._span.begin)

    def _text_lane(self, stream: "av.subtitles.stream.SubtitleStream") -> Lane | None:
        return subtitle_lane(stream, self._output, self._suffix, self._span.begin, self._length)

    def _fetch(self) -> bool:
        self._waiting = next(self._packets, None)
        return self._waiting is not None

    def _wanted(self, keep_lead_in: bool) -> Iterator[_Packet]:
        """Read the packets of the span; times that repeat or go back, as after damage, are out."""
        span = self._span
        latest: dict[int, Fraction] = {}
        ended: set[int] = set()
        for packet in self._timed():
            index, time = packet.stream.index, _time(packet)
            if span.end is not None and time >= span.end:
                ended.add(index)
                if ended >= self._sounding and time >= span.end + _INTERLEAVING:
                    return
            elif packet.is_discard and not keep_lead_in:
                continue
            elif not self._is_before(packet) and self._follows(packet, latest.get(index)):
                latest[index] = time
                yield packet

    @staticmethod
    def _follows(packet: _Packet, latest: Fraction | None) -> bool:
        """Tell whether a packet comes after the one before it; cues may come at one time."""
        time = _time(packet)
        return latest is None or time > latest or (time == latest and _is_text(packet))

    def _is_before(self, packet: _Packet) -> bool:
        """Tell whether a packet lies before a trimmed start; a subtitle may reach into it."""
        begin, time = self._span.begin, _time(packet)
        if not self._span.cut_in or time >= begin:
            return False
        reach = (packet.duration or 0) * packet.time_base
        return not _is_text(packet) or time + reach <= begin

    def _timed(self) -> Iterator[_Packet]:
        """Read the packets of the streams that are written, if they hold data and tell a time."""
        if self._span.cut_in:
            has_text = len(self._lanes) > len(self._sounding)
            margin = _LONGEST_CUE if has_text else _SEEK_MARGIN
            early = max(self._span.begin - margin, Fraction(0))
            with contextlib.suppress(av.error.FFmpegError):  # else it is read from the beginning
                self._input.seek(int(early * av.time_base))
        for packet in self._demuxed():
            if packet.pts is None:  # AVI tells only the order
                packet.pts = packet.dts
            if packet.size and packet.pts is not None and packet.stream.index in self._lanes:
                yield packet

    def _demuxed(self) -> Iterator[_Packet]:
        try:
            yield from self._input.demux([self._input.streams[index] for index in self._lanes])
        except av.error.FFmpegError as error:
            _LOG.warning("reading the sound of %s failed (%s)", self._span.path, error.strerror)


def open_reader(span: SoundSpan) -> "av.container.InputContainer":
    """Open what gives the packets of a span: its file, or what stands in for it."""
    if span.feed is not None:
        return cast("av.container.InputContainer", span.feed())
    return av.open(file_url(span.path), metadata_errors="replace")


def is_rewrapped(reader: "av.container.InputContainer") -> bool:
    """Tell whether FFmpeg must rewrap AAC, which in transport streams tells its form by packet."""
    contexts = [stream.codec_context for stream in reader.streams.audio if stream.codec_context]
    return any(context.name == "aac" and not context.extradata for context in contexts)


def _is_text(packet: _Packet) -> bool:
    return bool(packet.stream.type == "subtitle")


def _time(packet: _Packet) -> Fraction:
    """Give a packet's time in its file's own clock, in seconds."""
    return cast(int, packet.pts) * packet.time_base
