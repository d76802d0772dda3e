"""Times of a stream's frames: exact, beginning at its file's start, always growing."""

import logging
import math
from contextlib import suppress
from fractions import Fraction

from dreamstream._libraries import av
from dreamstream.sources.timeline import may_jump

_LOG = logging.getLogger(__name__)

FALLBACK_RATE = Fraction(25)
"""Frames per second where a file tells none; FFmpeg's own default."""

_MOST_RATE = 240
"""Frames per second above which a rate of one frame a tick tells the tick and not the frames: what
browsers record has ticks of a millisecond."""

_LOSES_TIMES = ("mpeg",)
"""FFmpeg's names of formats whose frames bear other frames' timestamps after a seek (seen)."""

_TELLS_ORDER_ONLY = ("avi",)
"""FFmpeg's names of formats that tell when packets are decoded, not when pictures are shown."""


class Clock:
    """Turns a stream's timestamps into times since the file's start.

    Args:
        container: The file.
        stream: Its video stream.
        name: What messages call the file.

    Attributes:
        base: Seconds in a tick of the video stream.
        origin: The earliest start of the file's sound and pictures, in its own clock, rounded down
            to a tick so that every frame's time is a whole number of them.
        rate: Nominal frames per second.
        ticks: Timestamp of the latest frame; None before the first.
    """

    def __init__(
        self, container: "av.container.InputContainer", stream: "av.VideoStream", name: str
    ) -> None:
        self.base = stream.time_base or 1 / FALLBACK_RATE
        self.rate = _nominal_rate(stream, self.base)
        self.ticks: int | None = None
        self._container, self._stream, self._name = container, stream, name
        self._mended = False
        self._lag: int | None = None
        self._first_packet: int | None = None
        starts = [
            one.start_time * one.time_base
            for one in (stream, *container.streams.audio)
            if one.start_time is not None and one.time_base
        ]
        self._tells_order_only = container.format.name in _TELLS_ORDER_ONLY
        self._origin_ticks = math.floor(min(starts, default=Fraction(0)) / self.base)
        self.origin = self._origin_ticks * self.base

    def time(self, picture: "av.VideoFrame") -> Fraction:
        """Return a picture's time, which always grows, in seconds since the origin.

        A missing timestamp continues at the nominal rate; one that lies before the origin is moved
        there; one that repeats or goes back, as in badly joined files, a tick behind its
        predecessor.
        """
        told, least = self._told(picture), 0 if self.ticks is None else self.ticks + 1
        self.ticks = max(told, least)
        if told < least and not self._mended:
            self._mended = True
            _LOG.warning("%s: timestamps that repeat or go back are moved on by a tick", self._name)
        return self.ticks * self.base

    @property
    def must_read_on(self) -> bool:
        """Whether a start can't be sought, for times jump, and packets before it are skipped."""
        return may_jump(self._container) and self._container.format.name not in _LOSES_TIMES

    def timestamp(self, time: Fraction) -> int:
        """Convert seconds since the origin to the stream's own ticks, rounded down."""
        return self._origin_ticks + math.floor(time / self.base)

    def begin_at(self, packet: "av.Packet[av.VideoStream]") -> None:
        """Note a packet before it is decoded."""
        if self._first_packet is None:
            self._first_packet = packet.dts

    def seek(self, time: Fraction) -> bool:
        """Go to the key frame at or before a time; False where the file can't be sought in."""
        self.ticks = self._lag = self._first_packet = None
        if time and (self.must_read_on or self._container.format.name in _LOSES_TIMES):
            return False
        with suppress(av.error.FFmpegError):
            self._container.seek(self.timestamp(time), stream=self._stream)
            return True
        return False

    def _told(self, picture: "av.VideoFrame") -> int:
        """Return the time that a picture itself tells, in ticks since the origin."""
        ticks = self._ordered(picture) if self._tells_order_only else picture.pts
        if ticks is not None:
            base = picture.time_base or self.base
            return round(ticks * base / self.base) - self._origin_ticks
        step = max(1, round(1 / (self.rate * self.base)))
        return 0 if self.ticks is None else self.ticks + step

    def _ordered(self, picture: "av.VideoFrame") -> int | None:
        """Return the decoding time of the packet with which a picture came, less the decoder's lag.

        A decoder gives pictures in the order of their display, one for a packet.
        """
        if picture.dts is None or self._first_packet is None:
            return None
        if self._lag is None:
            self._lag = picture.dts - self._first_packet
        return picture.dts - self._lag


def _nominal_rate(stream: "av.VideoStream", base: Fraction) -> Fraction:
    """Choose a stream's frames per second of what FFmpeg makes of its head and first packets."""
    told = [rate for rate in (stream.guessed_rate, stream.average_rate) if rate]
    likely = (rate for rate in told if rate <= _MOST_RATE or rate * base < 1)
    return next(likely, FALLBACK_RATE)
