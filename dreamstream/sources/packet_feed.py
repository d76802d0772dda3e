"""The packets of a stream, for the pictures' reader and for who writes what goes with them."""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, TypeAlias

from dreamstream._libraries import av

_HELD_SECONDS = 10
"""How far sound may lie behind the pictures before it is dropped where nobody has asked for it:
FFmpeg's own muxers interleave no farther apart."""

_Packet: TypeAlias = "av.Packet[Any]"


class Feed:
    """Reads a container's packets in their order and hands them to two readers.

    What goes with the pictures of a file, sound and subtitles, is read by whoever writes it, from
    the file opened anew.  A pipe or a URL is read once, so there it is held here, a few seconds of
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
        beside = (*container.streams.audio, *container.streams.subtitles) if shared else ()
        self._wanted: list[av.stream.Stream] = [video, *beside]
        self._asked = False
        self.rewind()

    def rewind(self) -> None:
        """Forget what is held, after the container was sought in."""
        self._pictures: deque[_Packet] = deque()
        self._beside: deque[_Packet] = deque()
        self._fault: av.error.FFmpegError | None = None
        self._demuxed = self._container.demux(self._wanted)

    def pictures(self) -> Iterator["av.Packet[av.VideoStream]"]:
        """Give the packets of the pictures; after an error one may ask for more of them.

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
        """Give the container's chapters."""
        return self._container.chapters()

    def ask(self) -> "Feed":
        """Ask for what goes with the pictures: it is all held until it is read."""
        self._asked = True
        return self

    def demux(self, _streams: object) -> Iterator[_Packet]:
        """Give the packets beside the pictures; where it must, it reads on and holds pictures."""
        while self._beside or self._read_safely():
            if self._beside:
                yield self._beside.popleft()

    def seek(self, _offset: int) -> None:
        """Stay: the stream is where its pictures are."""

    def close(self) -> None:
        """Drop what goes with the pictures; the container stays open for them."""
        self._asked = False
        self._beside.clear()

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
        if packet.stream is self._video or packet.stream.index == self._video.index:
            self._pictures.append(packet)
        else:
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


def _time(packet: _Packet) -> Fraction | None:
    ticks = packet.dts if packet.dts is not None else packet.pts
    return None if ticks is None or packet.time_base is None else ticks * packet.time_base
