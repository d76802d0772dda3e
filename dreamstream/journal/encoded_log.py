"""What has been written of a film: the encoded pictures of its closed segments."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal, cast, get_args

from dreamstream._libraries import av
from dreamstream.errors import ResumeError
from dreamstream.journal.records import RecordLog

_PICTURE, _SIZE = struct.Struct("<qqB"), struct.Struct("<I")
"""Before an encoded picture's bytes: pts, dts, and the bits below; of one that has a companion,
that one's size and bytes come next."""

_KEY, _WITH_COMPANION = 1, 2

_COMPANION: Literal["matroska_block_additional"] = "matroska_block_additional"
"""Side data of packets in which VP9's transparency travels."""


@dataclass(frozen=True, slots=True)
class EncodedPicture:
    """A picture as it left the encoder.

    Attributes:
        pts: Time at which it is shown, in the stream's ticks.
        dts: Time at which it is decoded.
        key: Whether decoding may begin here.
        data: What the encoder made of it.
        companion: What it made of its transparency, apart from it; empty where there is none.
    """

    pts: int
    dts: int
    key: bool
    data: bytes
    companion: bytes = b""

    @classmethod
    def of(cls, packet: "av.Packet[av.VideoStream]") -> "EncodedPicture":
        """Take what counts from an encoder's packet."""
        pts = cast(int, packet.pts)
        dts = pts if packet.dts is None else packet.dts
        has = packet.has_sidedata(_COMPANION)
        companion = bytes(packet.get_sidedata(_COMPANION)) if has else b""
        return cls(pts, dts, packet.is_keyframe, bytes(packet), companion)

    def packet(self, stream: "av.VideoStream", time_base: Fraction) -> "av.Packet[av.VideoStream]":
        """Make a packet of it for a stream."""
        packet = cast("av.Packet[av.VideoStream]", av.Packet(self.data))
        packet.pts, packet.dts, packet.time_base = self.pts, self.dts, time_base
        packet.is_keyframe = self.key
        if self.companion:
            number = get_args(av.packet.PktSideDataT).index(_COMPANION)
            side = av.packet.PacketSideData(number, len(self.companion))  # type: ignore[call-arg]
            side.update(self.companion)
            packet.set_sidedata(side)
        packet.stream = stream
        return packet


class EncodedLog:
    """Keeps the encoded pictures of a film, from which a resumed run writes it once more.

    A segment is what one encoder makes.  Only whole ones count: the frames of the open one are
    dreamed again.

    Args:
        path: Its file; the folder must exist at the first writing.
        end: Bytes of it that count, all of closed segments.
    """

    def __init__(self, path: Path, end: int = 0) -> None:
        self._log = RecordLog(path, end)
        self._closed = end
        self._is_open = False

    @property
    def end(self) -> int:
        """Bytes of the pictures of closed segments."""
        return self._closed

    @property
    def is_closed(self) -> bool:
        """Whether all frames that were written belong to closed segments."""
        return not self._is_open

    def open_segment(self) -> None:
        """Note that frames have gone into an encoder whose segment is not closed."""
        self._is_open = True

    def add(self, picture: EncodedPicture) -> None:
        """Keep a picture that has left the encoder; it counts once its segment is closed.

        Raises:
            OSError: The system refuses.
        """
        companion = picture.companion
        bits = picture.key * _KEY + bool(companion) * _WITH_COMPANION
        told = _SIZE.pack(len(companion)) + companion if companion else b""
        self._log.append(_PICTURE.pack(picture.pts, picture.dts, bits) + told + picture.data)

    def close_segment(self) -> None:
        """Let the pictures so far count."""
        self._closed, self._is_open = self._log.end, False

    def pictures(self) -> Iterator[EncodedPicture]:
        """Read the pictures of closed segments.

        Raises:
            ResumeError: They are damaged.
        """
        latest: int | None = None
        for record in RecordLog(self._log.path, self._closed).records():
            if len(record) <= _PICTURE.size:
                raise self._damaged()
            pts, dts, bits = _PICTURE.unpack_from(record)
            if latest is not None and dts <= latest:
                raise self._damaged()
            latest = dts
            data, companion = record[_PICTURE.size :], b""
            if bits & _WITH_COMPANION:
                (size,) = _SIZE.unpack_from(data.ljust(_SIZE.size, b"\0"))
                companion, data = data[_SIZE.size :][:size], data[_SIZE.size + size :]
            yield EncodedPicture(pts, dts, bool(bits & _KEY), data, companion)

    def sync(self) -> None:
        """Make sure that what counts is on the disk."""
        self._log.sync()

    def close(self) -> None:
        """Close the file."""
        self._log.close()

    def _damaged(self) -> ResumeError:
        return ResumeError(
            f"reading {self._log.path} failed: its pictures are out of order, so the run can't be "
            "resumed; leave out --resume to restart"
        )
