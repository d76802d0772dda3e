"""What goes with the pictures: the source's sound, subtitles, chapters and tags.

They are read packet by packet from the source's file and written beside the pictures.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import cast

from dreamstream._libraries import av
from dreamstream.frames import SoundSpan
from dreamstream.sinks.lane import Lane
from dreamstream.sinks.sound import sound_lane
from dreamstream.sinks.sound_survey import Sounding
from dreamstream.sinks.span_reader import Packet, SpanReader, is_before, is_text, time_of
from dreamstream.sinks.subtitles import subtitle_lane
from dreamstream.sinks.tags import copy_chapters, copy_file_tags, copy_stream_tags

HOLDS_NEGATIVE_TIMES = (".mp4", ".mov")
"""Containers whose edit lists hide an encoder's lead-in before time 0.  In the others FFmpeg would
move all streams for its sake, so there the lead-in, which is never heard, is left out."""

_INTERLEAVING = 1
"""Seconds to read on behind a span's end, for subtitles that lie behind the sound."""


class Companions:
    """All that goes with the pictures of a span of a file, brought into an open output.

    Make it before the output's header is written; then :meth:`advance` as pictures are written.
    What the container can't hold is encoded again or left out, with a warning.

    Args:
        reader: Reads it; it is closed with the companions.
        sounds: How its sound begins; what is missing is left out.
        span: Where it lies.
        output: The container to write to.
        suffix: Its suffix, such as ``.mp4``.
    """

    def __init__(
        self,
        reader: SpanReader,
        sounds: Mapping[int, Sounding],
        span: SoundSpan,
        output: "av.container.OutputContainer",
        suffix: str,
    ) -> None:
        self._span, self._output, self._suffix = span, output, suffix
        self._length = None if span.end is None else span.end - span.begin
        self._reader, self._input = reader, reader.container
        sound = {
            one.index: sound_lane(one, sounds.get(one.index), output, suffix, span.begin)
            for one in self._input.streams.audio
        }
        text = {one.index: self._text_lane(one) for one in self._input.streams.subtitles}
        self._lanes = {index: lane for index, lane in (sound | text).items() if lane is not None}
        self._sounding = {index for index in sound if index in self._lanes}
        self._packets = self._wanted(keep_lead_in=suffix in HOLDS_NEGATIVE_TIMES)
        self._waiting: Packet | None = None
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
            packet = cast(Packet, self._waiting)
            if until is not None and time_of(packet) - self._span.begin >= until:
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
            packet = cast(Packet, self._waiting)
            time = time_of(packet) - self._span.begin
            if time >= end + _INTERLEAVING:
                return
            if time < end:
                self._lanes[packet.stream.index].write(packet)
            self._waiting = None

    def close(self) -> None:
        """Close the file that is read."""
        self._reader.close()

    def _text_lane(self, stream: "av.subtitles.stream.SubtitleStream") -> Lane | None:
        return subtitle_lane(stream, self._output, self._suffix, self._span.begin, self._length)

    def _fetch(self) -> bool:
        self._waiting = next(self._packets, None)
        return self._waiting is not None

    def _wanted(self, keep_lead_in: bool) -> Iterator[Packet]:
        """Read the packets of the span; times that repeat or go back, as after damage, are out."""
        span = self._span
        latest: dict[int, Fraction] = {}
        ended: set[int] = set()
        for packet in self._reader.packets(self._lanes):
            index, time = packet.stream.index, time_of(packet)
            if span.end is not None and time >= span.end:
                ended.add(index)
                if ended >= self._sounding and time >= span.end + _INTERLEAVING:
                    return
            elif packet.is_discard and not keep_lead_in:
                continue
            elif not is_before(span, packet) and self._follows(packet, latest.get(index)):
                latest[index] = time
                yield packet

    @staticmethod
    def _follows(packet: Packet, latest: Fraction | None) -> bool:
        """Return whether a packet comes after the one before it; cues may come at one time."""
        time = time_of(packet)
        return latest is None or time > latest or (time == latest and is_text(packet))
