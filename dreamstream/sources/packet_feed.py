"""The packets of a stream, for the pictures' reader and for who writes what goes with them."""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, TypeAlias

from dreamstream._libraries import av
from dreamstream.sources.timeline import Timeline, may_jump

_HELD_SECONDS = 10
"""How far sound may lie behind the pictures before it is dropped where nobody has asked for it:
FFmpeg's own muxers interleave no farther apart."""

_LONGEST_GROUP = 2000
"""Packets of pictures that are held while the key frame before a start is looked for."""

_Packet: TypeAlias = "av.Packet[Any]"


class Feed:
    """Reads a container's packets in their order, on one continuous clock, for two readers.

    What goes with the pictures of a file, sound and subtitles, is read by whoever writes it, from
    the file opened again.  A pipe or a URL is read once, so there it is held here, a few seconds of
    it until it is asked for and then all that is not written yet.  For its writer this is the
    container.

    Args:
        container: What is read.
        video: Its video stream.
        shared: Whether sound and subtitles are wanted from here.
    """

    def __init__(
        self, container: "av.container.InputContainer", video: "av.VideoStream", shared: bool
    ) -> None:
        self._container, self._video = container, video
        streams = container.streams
        beside = (*streams.audio, *streams.subtitles) if shared else ()
        self._kept = {video.index, *(one.index for one in beside)}
        # where times may jump, all streams tell that they do
        timed = (*streams.video, *streams.audio) if may_jump(container) else ()
        wanted = {one.index: one for one in (video, *beside, *timed)}
        self._wanted: list[av.stream.Stream] = list(wanted.values())
        self._asked = False
        self.rewind()

    def rewind(self) -> None:
        """Forget what is held, after the container was sought in."""
        self._pictures: deque[_Packet] = deque()
        self._beside: deque[_Packet] = deque()
        self._fault: av.error.FFmpegError | None = None
        self._timeline = Timeline(self._container)
        self._demuxed = self._container.demux(self._wanted)

    def pictures(self) -> Iterator["av.Packet[av.VideoStream]"]:
        """Return the packets of the pictures; after an error one may ask for more of them.

        Raises:
            av.error.FFmpegError: The stream can't be read, or is damaged here.
        """
        while self._pictures or self._read():
            if self._pictures:
                yield self._pictures.popleft()

    @property
    def streams(self) -> "av.container.streams.StreamContainer":
        """The container's streams."""
        return self._container.streams

    @property
    def metadata(self) -> dict[str, str]:
        """The container's tags."""
        return self._container.metadata

    def chapters(self) -> "list[av.container.core.Chapter]":
        """Return the container's chapters."""
        return self._container.chapters()

    def ask(self) -> "Feed":
        """Ask for what goes with the pictures: it is all held until it is read."""
        self._asked = True
        return self

    def preview(self, indices: set[int], seconds: int) -> tuple[_Packet, ...]:
        """Read on until some streams have begun, or so many seconds of pictures are held.

        Args:
            indices: The streams' indices.
            seconds: At most.

        Returns:
            What is held beside the pictures; it stays to be read.
        """
        while not indices <= {packet.stream.index for packet in self._beside}:
            if self._held_seconds() >= seconds or not self._read_safely():
                break
        return tuple(self._beside)

    def demux(self, _streams: object) -> Iterator[_Packet]:
        """Return the packets beside the pictures; where it must, it reads on and holds pictures."""
        while self._beside or self._read_safely():
            if self._beside:
                yield self._beside.popleft()

    def seek(self, _offset: int) -> None:
        """Stay: the stream is where its pictures are."""

    def close(self) -> None:
        """Drop what goes with the pictures; the container stays open for them."""
        self._asked = False
        self._beside.clear()

    def _held_seconds(self) -> Fraction:
        times = [_time(packet) for packet in self._pictures]
        told = [time for time in times if time is not None]
        return max(told) - min(told) if told else Fraction(0)

    def _read(self) -> bool:
        """Read a packet; False at the stream's end."""
        if self._fault is not None:
            fault, self._fault = self._fault, None
            raise fault
        try:
            packet = next(self._demuxed, None)
        except av.error.FFmpegError:
            self._demuxed = self._container.demux(self._wanted)
            raise
        if packet is None:
            return False
        self._timeline.place(packet)
        if packet.stream.index == self._video.index:
            self._pictures.append(packet)
        elif packet.stream.index in self._kept:
            self._beside.append(packet)
        self._drop_old()
        return True

    def _read_safely(self) -> bool:
        """Read for what goes with the pictures; an error waits for their own reader."""
        if self._fault is not None:
            return False
        try:
            return self._read()
        except av.error.FFmpegError as error:
            self._fault = error
            return False

    def _drop_old(self) -> None:
        if self._asked or not self._pictures:
            return
        now = _time(self._pictures[-1])
        while self._beside and now is not None and self._is_old(self._beside[0], now):
            self._beside.popleft()

    @staticmethod
    def _is_old(packet: _Packet, now: Fraction) -> bool:
        time = _time(packet)
        return time is None or now - time > _HELD_SECONDS


def from_key_frame(
    packets: "Iterator[av.Packet[av.VideoStream]]", start: int
) -> "Iterator[av.Packet[av.VideoStream]]":
    """Leave out the packets before the last key frame that lies at or before a start.

    Args:
        packets: Those of the pictures, in their order.
        start: In ticks of their own clock.
    """
    held: deque[av.Packet[av.VideoStream]] = deque()
    for packet in packets:
        ticks = packet.dts if packet.dts is not None else packet.pts
        if packet.is_keyframe and packet.pts is not None and packet.pts <= start:
            held.clear()
        held.append(packet)
        if (ticks is not None and ticks > start) or len(held) >= _LONGEST_GROUP:
            break
    while held:
        yield held.popleft()
    yield from packets


def _time(packet: _Packet) -> Fraction | None:
    ticks = packet.dts if packet.dts is not None else packet.pts
    return None if ticks is None or packet.time_base is None else ticks * packet.time_base
