"""Reads what goes with the pictures of a span of a file: its packets, on one continuous clock."""

import contextlib
import logging
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any, Self, TypeAlias, cast

from dreamstream._libraries import av, file_url
from dreamstream.frames import SoundSpan
from dreamstream.sources.timeline import Timeline, may_jump

_LOG = logging.getLogger(__name__)

READ_AHEAD = 2
"""Seconds of a pipe that are read ahead to see which sound has begun."""

_SEEK_MARGIN = Fraction(1, 2)
"""Seconds to seek before a span: a seek by one stream may lead past another's packets."""

_LONGEST_CUE = 10
"""Seconds to seek before a span with subtitles, one of which may have begun by then."""

Packet: TypeAlias = "av.Packet[Any]"


class SpanReader:
    """The file of a span, opened again, or what stands in for it where it is read but once.

    Args:
        span: The span.
    """

    def __init__(self, span: SoundSpan) -> None:
        self._span = span
        self._feed = None if span.feed is None else span.feed()
        self.container = cast(
            "av.container.InputContainer",
            self._feed or av.open(file_url(span.path), metadata_errors="replace"),
        )

    @property
    def streams(self) -> "av.container.streams.StreamContainer":
        """The file's streams."""
        return self.container.streams

    def close(self) -> None:
        """Close the file."""
        self.container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def packets(self, indices: Iterable[int]) -> Iterator[Packet]:
        """Read the packets of some streams from shortly before the span on, in the file's order.

        Those without data or without a time are left out.  A fault ends them, with a warning.

        Args:
            indices: The streams' indices in the file.
        """
        wanted = set(indices)
        streams = [self.streams[index] for index in sorted(wanted)]
        jumps = self._feed is None and may_jump(self.container)
        if self._span.cut_in and not jumps:
            self._seek(has_text=any(one.type == "subtitle" for one in streams))
        if jumps:  # all streams together tell where
            timed = (*self.streams.video, *self.streams.audio)
            streams = list({one.index: one for one in (*streams, *timed)}.values())
        timeline = Timeline(self.container) if jumps else None
        for packet in self._demuxed(streams):
            if timeline is not None:
                timeline.place(packet)
            if packet.pts is None:  # AVI tells only the order
                packet.pts = packet.dts
            if packet.size and packet.pts is not None and packet.stream.index in wanted:
                yield packet

    def early_packets(self) -> Iterator[Packet]:
        """Read the packets of sound as far as it takes to see where each begins; all stay unread.

        Of a file that may be all of them, of a pipe those of its next seconds.
        """
        sound = [stream.index for stream in self.streams.audio]
        if self._feed is not None:
            yield from self._feed.preview(set(sound), READ_AHEAD)
            return
        video = [stream.index for stream in self.streams.video]
        with SpanReader(self._span) as other:
            yield from other.packets([*sound, *video])

    def _seek(self, has_text: bool) -> None:
        early = max(self._span.begin - (_LONGEST_CUE if has_text else _SEEK_MARGIN), Fraction(0))
        with contextlib.suppress(av.error.FFmpegError):  # else it is read from the beginning
            self.container.seek(int(early * av.time_base))

    def _demuxed(self, streams: list["av.stream.Stream"]) -> Iterator[Packet]:
        try:
            yield from self.container.demux(streams)
        except av.error.FFmpegError as error:
            _LOG.warning("reading the sound of %s failed (%s)", self._span.path, error.strerror)


def is_before(span: SoundSpan, packet: Packet) -> bool:
    """Whether a packet lies before a span that cuts it off; a subtitle may reach into it."""
    time = time_of(packet)
    if not span.cut_in or time >= span.begin:
        return False
    reach = (packet.duration or 0) * packet.time_base
    return not is_text(packet) or time + reach <= span.begin


def is_text(packet: Packet) -> bool:
    """Whether a packet holds a subtitle."""
    return bool(packet.stream.type == "subtitle")


def time_of(packet: Packet) -> Fraction:
    """Return a packet's time in its file's own clock, in seconds."""
    return cast(int, packet.pts) * packet.time_base
