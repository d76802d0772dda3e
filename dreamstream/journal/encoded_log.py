"""What has been written of a film: encoded pictures, and of the open segment the frames."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal, cast

from dreamstream._libraries import av
from dreamstream.errors import ResumeError
from dreamstream.frames import Frame, Pixels
from dreamstream.journal.records import RecordLog

_PICTURE = struct.Struct("<qq?")
"""Before an encoded picture's bytes: pts, dts, whether it is a key frame."""

_FRAME = struct.Struct("<qqqqqII")
"""Before a frame's bytes: index, numerators and denominators of its time and of its duration (0
over 0 where it has none), height, width."""

_LOSSLESS, _LOSSLESS_FORMAT = "magicyuv", "gbrp"
"""How frames are kept: a 1280x720 picture took 10 ms and 70 % of its bytes; PNG took 62 ms for 73 %
and FFV1 64 ms for 65 %."""

_TICK = Fraction(1, 1000)
"""The lossless coder wants a time base, and makes nothing of it."""


@dataclass(frozen=True, slots=True)
class EncodedPicture:
    """A picture as it left the encoder.

    Attributes:
        pts: Time at which it is shown, in the stream's ticks.
        dts: Time at which it is decoded.
        key: Whether decoding may begin here.
        data: What the encoder made of it.
    """

    pts: int
    dts: int
    key: bool
    data: bytes

    @classmethod
    def of(cls, packet: "av.Packet[av.VideoStream]") -> "EncodedPicture":
        """Take what counts from an encoder's packet."""
        pts = cast(int, packet.pts)
        dts = pts if packet.dts is None else packet.dts
        return cls(pts, dts, packet.is_keyframe, bytes(packet))

    def packet(self, stream: "av.VideoStream", time_base: Fraction) -> "av.Packet[av.VideoStream]":
        """Make a packet of it for a stream."""
        packet = cast("av.Packet[av.VideoStream]", av.Packet(self.data))
        packet.pts, packet.dts, packet.time_base = self.pts, self.dts, time_base
        packet.is_keyframe = self.key
        packet.stream = stream
        return packet


@dataclass(frozen=True, slots=True)
class TapeEnd:
    """Up to where a tape counts.

    Attributes:
        pictures: Bytes of the encoded pictures, all of closed segments.
        segment: Number of the open segment, from 0.
        frames: Bytes of the open segment's frames.
    """

    pictures: int = 0
    segment: int = 0
    frames: int = 0


class Tape:
    """Keeps what a film's writer needs to write it once more.

    Args:
        folder: Where its files lie; it must exist at the first writing.
        end: Up to where they count.
    """

    def __init__(self, folder: Path, end: TapeEnd) -> None:
        self._folder = folder
        self._pictures = RecordLog(folder / "pictures.log", end.pictures)
        self._closed, self._segment = end.pictures, end.segment
        self._frames = RecordLog(self._frames_path(end.segment), end.frames)
        self._coder = _LosslessCoder()

    @property
    def end(self) -> TapeEnd:
        """Up to where the tape counts: closed segments, and the open one's frames."""
        return TapeEnd(self._closed, self._segment, self._frames.end)

    def add_picture(self, picture: EncodedPicture) -> None:
        """Keep a picture that has left the encoder; it counts once its segment is closed."""
        head = _PICTURE.pack(picture.pts, picture.dts, picture.key)
        self._pictures.append(head + picture.data)

    def add_frame(self, frame: Frame) -> None:
        """Keep a frame of the open segment, without loss."""
        height, width = frame.pixels.shape[:2]
        head = _FRAME.pack(
            *(frame.index, *frame.time.as_integer_ratio()),
            *((0, 0) if frame.duration is None else frame.duration.as_integer_ratio()),
            *(height, width),
        )
        self._frames.append(head + self._coder.encode(frame.pixels))

    def close_segment(self) -> None:
        """Let the pictures so far count, and begin a segment without frames."""
        self._closed = self._pictures.end
        self._frames.close()
        self._segment += 1
        self._frames = RecordLog(self._frames_path(self._segment))

    def pictures(self) -> Iterator[EncodedPicture]:
        """Read the pictures of closed segments."""
        for record in RecordLog(self._pictures.path, self._closed).records():
            pts, dts, key = _PICTURE.unpack_from(record)
            yield EncodedPicture(pts, dts, key, record[_PICTURE.size :])

    def frames(self) -> Iterator[Frame]:
        """Read the frames of the open segment."""
        for record in self._frames.records():
            index, *ratios, height, width = _FRAME.unpack_from(record)
            time, length = Fraction(*ratios[:2]), Fraction(*ratios[2:]) if ratios[3] else None
            pixels = self._coder.decode(record[_FRAME.size :], height, width)
            yield Frame(pixels, time, index, length)

    def sync(self) -> None:
        """Make sure that what counts is on the disk."""
        self._pictures.sync()
        self._frames.sync()

    def forget_closed(self) -> None:
        """Remove the frames of closed segments; call it once nothing asks for them."""
        for path in self._folder.glob("frames-*.log"):
            if path != self._frames.path:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the files."""
        self._pictures.close()
        self._frames.close()

    def _frames_path(self, segment: int) -> Path:
        return self._folder / f"frames-{segment}.log"


class _LosslessCoder:
    """Turns single pictures into bytes and back."""

    def __init__(self) -> None:
        self._encoder: av.VideoCodecContext | None = None
        self._reformatter = av.video.reformatter.VideoReformatter()

    def encode(self, pixels: Pixels) -> bytes:
        """Encode a (H, W, 3) uint8 RGB picture; all of one coder have one size."""
        if self._encoder is None:
            self._encoder = _context("w", *pixels.shape[:2])
        picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        picture = self._reformatter.reformat(picture, format=_LOSSLESS_FORMAT)
        picture.pts, picture.time_base = 0, _TICK
        return b"".join(map(bytes, self._encoder.encode(picture)))

    def decode(self, data: bytes, height: int, width: int) -> Pixels:
        """Decode a picture.

        Raises:
            ResumeError: It is no picture.
        """
        try:
            # each with a decoder of its own, since the coder's threads would hold pictures back
            (picture,) = _context("r", height, width).decode(av.Packet(data))
        except (av.error.FFmpegError, ValueError) as error:
            raise ResumeError(
                "reading an interrupted run's frames failed: they are damaged; leave out --resume "
                "to begin anew"
            ) from error
        picture = self._reformatter.reformat(picture, format="rgb24")
        return cast(Pixels, picture.to_ndarray())


def _context(mode: Literal["r", "w"], height: int, width: int) -> "av.VideoCodecContext":
    context = cast("av.VideoCodecContext", av.CodecContext.create(_LOSSLESS, mode))
    context.height, context.width, context.pix_fmt = height, width, _LOSSLESS_FORMAT
    if mode == "w":
        context.time_base = _TICK
    return context
