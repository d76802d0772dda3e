"""Frames of a video file, with exact times and right colours, past damaged packets."""

import math
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import cast

import numpy as np

from dreamstream._libraries import av
from dreamstream.config import MediaConfig
from dreamstream.errors import SourceError
from dreamstream.frames import Frame, Pixels, SoundSpan, StreamInfo
from dreamstream.sources.base import Source, Trim, nothing_kept
from dreamstream.sources.torn import count_missing

HD_LINES = 720
"""Untagged pictures of so many lines are BT.709; smaller ones BT.601, as players assume."""

FALLBACK_RATE = Fraction(25)
"""Frames per second where a file tells none; FFmpeg's own default."""

_SWS_BT709, _SWS_BT601 = 1, 5
_SWS_MATRIX = {1: _SWS_BT709, 4: 4, 5: _SWS_BT601, 6: _SWS_BT601, 7: 7, 9: 9, 10: 9}
"""Colour matrix: H.273 number, which frames carry, to swscale's number, which it wants."""

_LOSES_TIMES = ("mpeg",)
"""FFmpeg's names of formats whose frames bear other frames' timestamps after a seek (seen)."""

_LIMITED, _FULL = 1, 2
"""Ranges of values as FFmpeg numbers them: 16 to 235, and 0 to 255."""


class VideoSource(Source):
    """The pictures of the first real video stream of a file that FFmpeg can read.

    A frame's time is its timestamp less the earliest start of the file's streams, so pictures and
    sound keep their offset.  After a trimmed start it counts from the first frame kept.

    Args:
        path: The file.
        media: ``start``, ``duration`` and ``frames`` choose what is read.

    Attributes:
        info: What is known of the stream; the number of frames may be an estimate.

    Raises:
        SourceError: The file is missing, is no video, or holds no frame in the range asked for.
    """

    def __init__(self, path: Path, media: MediaConfig | None = None) -> None:
        self._path = path
        self._trim = Trim.of(media or MediaConfig())
        self._damaged = 0
        self._index = 0
        self._to_rgb = _ToRgb()
        self._container = _open(path)
        try:
            self._stream = _video_stream(self._container, path)
            self._stream.thread_type = "AUTO"
            self._clock = _Clock(self._container, self._stream)
            self._pictures = self._kept()
            first = self._first()
            self._next: tuple[Fraction, av.VideoFrame] | None = first
            self.info = self._describe(first[1])
        except BaseException:
            self._container.close()
            raise

    @property
    def damaged(self) -> int:
        """Pictures met so far that could not be decoded, or not without faults, or are missing."""
        return self._damaged

    def __next__(self) -> Frame:
        time, picture = self._next or next(self._pictures)
        self._next = None
        if picture.is_corrupt:
            self._damaged += 1
        pixels = self._to_rgb(picture)
        self._require_size(pixels)
        frame = Frame(pixels, time - self._begin, self._index)
        self._index += 1
        return frame

    def close(self) -> None:
        """Close the file; the stream has ended."""
        self._next = None
        self._pictures = iter(())
        self._container.close()

    def _first(self) -> tuple[Fraction, "av.VideoFrame"]:
        """Decode up to the first kept frame: it tells the turn of the picture and the time 0."""
        first = next(self._pictures, None)
        if first is None and self._clock.ticks is None:
            raise SourceError(
                f"reading {self._path} failed: no picture of it can be decoded; check that it is a "
                "whole video that FFmpeg can play"
            )
        if first is None:
            raise nothing_kept(str(self._path))
        return first

    def _kept(self) -> Iterator[tuple[Fraction, "av.VideoFrame"]]:
        """Decode the stream and keep what the trim wants; times are since the file's start."""
        trim, position = self._trim, 0
        self._begin = Fraction(0)
        for time, picture in self._timed():
            if time < trim.start:
                continue
            if trim.last is not None and position >= trim.last:
                return
            position += 1
            if position <= trim.first:
                continue
            if position == trim.first + 1 and trim.moves_begin:
                self._begin = time
            if trim.duration is not None and time - self._begin >= trim.duration:
                return
            yield time, picture

    def _timed(self) -> Iterator[tuple[Fraction, "av.VideoFrame"]]:
        """Decode from the key frame before the trim's start, or from the file's beginning."""
        if self._trim.start > 0 and self._clock.seek(self._trim.start):
            pictures = ((self._clock.time(picture), picture) for picture in self._decoded())
            first = next(pictures, None)
            if first is not None and first[0] <= self._trim.start:
                yield first
                yield from pictures
                return
            self._clock.seek(Fraction(0))  # a poor index led past the start
        yield from ((self._clock.time(picture), picture) for picture in self._decoded())

    def _decoded(self) -> Iterator["av.VideoFrame"]:
        """Decode packet by packet: a damaged one costs its own frame and not all that follow."""
        for packet in self._packets():
            try:
                pictures = packet.decode()
            except av.error.InvalidDataError:
                self._damaged += 1
                continue
            yield from pictures

    def _packets(self) -> Iterator["av.Packet[av.VideoStream]"]:
        """Read packets, going on after damage unless nothing comes between two faults."""
        while True:
            advanced = False
            try:
                for packet in self._container.demux(self._stream):
                    advanced = True
                    yield packet
                self._damaged += count_missing(self._stream, self._path)
                return
            except av.error.InvalidDataError:
                self._damaged += 1
                if not advanced:
                    return
            except av.error.FFmpegError as error:
                raise SourceError(
                    f"reading {self._path} failed after {self._index} frames "
                    f"({error.strerror}); check the disk or the connection"
                ) from error

    def _describe(self, picture: "av.VideoFrame") -> StreamInfo:
        turned = picture.rotation % 180 != 0
        height, width = picture.height, picture.width
        aspect = self._stream.codec_context.sample_aspect_ratio or Fraction(1)
        rate = self._clock.rate
        return StreamInfo(
            height=width if turned else height,
            width=height if turned else width,
            rate=rate,
            time_base=self._clock.base,
            frames=self._trim.expected(self._count(rate), rate),
            sample_aspect=1 / aspect if turned else aspect,
            sound=self._sound(),
            path=self._path,
        )

    def _count(self, rate: Fraction) -> int | None:
        """Count the file's frames from its header, else from its duration, else not at all."""
        if self._stream.frames:
            return self._stream.frames
        if self._container.duration:
            return max(1, round(Fraction(self._container.duration, av.time_base) * rate))
        return None

    def _sound(self) -> SoundSpan | None:
        if not self._container.streams.audio:
            return None
        begin = self._clock.origin + self._begin
        duration = self._trim.duration
        return SoundSpan(
            path=self._path,
            begin=begin,
            end=None if duration is None else begin + duration,
            cut_in=self._trim.moves_begin,
            ends_with_pictures=self._trim.last is not None,
        )

    def _require_size(self, pixels: Pixels) -> None:
        if pixels.shape[:2] != (self.info.height, self.info.width):
            height, width = pixels.shape[:2]
            raise SourceError(
                f"reading {self._path} failed at frame {self._index}: the picture changes from "
                f"{self.info.width}x{self.info.height} to {width}x{height}; end before it with "
                f"--frames :{self._index}, or scale the file to one size first"
            )


class _Clock:
    """Turns a stream's timestamps into times since the file's start.

    Attributes:
        base: Seconds in a tick of the video stream.
        origin: The earliest start of the file's sound and pictures, in its own clock, rounded down
            to a tick so that every frame's time is a whole number of them.
        rate: Nominal frames per second.
        ticks: Timestamp of the latest frame; None before the first.
    """

    def __init__(self, container: "av.container.InputContainer", stream: "av.VideoStream") -> None:
        self.base = stream.time_base or 1 / FALLBACK_RATE
        self.rate = stream.guessed_rate or stream.average_rate or FALLBACK_RATE
        self.ticks: int | None = None
        self._container, self._stream = container, stream
        starts = [
            one.start_time * one.time_base
            for one in (stream, *container.streams.audio)
            if one.start_time is not None and one.time_base
        ]
        self._origin_ticks = math.floor(min(starts, default=Fraction(0)) / self.base)
        self.origin = self._origin_ticks * self.base

    def time(self, picture: "av.VideoFrame") -> Fraction:
        """Give a picture's time, which always grows, in seconds since the origin.

        A missing timestamp continues at the nominal rate; one that repeats or goes back, as in
        badly joined files, is moved just behind its predecessor.
        """
        step = max(1, round(1 / (self.rate * self.base)))
        if picture.pts is not None:
            base = picture.time_base or self.base
            ticks = round(picture.pts * base / self.base) - self._origin_ticks
        else:
            ticks = 0 if self.ticks is None else self.ticks + step
        if self.ticks is not None:
            ticks = max(ticks, self.ticks + 1)
        self.ticks = ticks
        return ticks * self.base

    def seek(self, time: Fraction) -> bool:
        """Go to the key frame at or before a time; False where the file can't be sought in."""
        self.ticks = None
        if time and self._container.format.name in _LOSES_TIMES:
            return False
        with suppress(av.error.FFmpegError):
            self._container.seek(
                self._origin_ticks + math.floor(time / self.base), stream=self._stream
            )
            return True
        return False


class _ToRgb:
    """Turns decoded pictures into upright RGB arrays.

    One converter is shared by all frames: making one for each grew memory.  Without full chroma
    interpolation and accurate rounding colours came out up to 4 of 255 too dark.
    """

    def __init__(self) -> None:
        self._reformatter = av.video.reformatter.VideoReformatter()

    def __call__(self, picture: "av.VideoFrame") -> Pixels:
        flags = av.video.reformatter.Interpolation
        rgb = self._reformatter.reformat(
            picture,
            format="rgb24",
            src_colorspace=_matrix(picture),
            src_color_range=_range(picture),
            dst_color_range=_FULL,
            interpolation=flags.BICUBIC | flags.ACCURATE_RND | flags.FULL_CHR_H_INT,
        )
        upright = np.rot90(rgb.to_ndarray(), k=picture.rotation // 90)
        return cast(Pixels, np.ascontiguousarray(upright))


def _matrix(picture: "av.VideoFrame") -> int:
    untagged = _SWS_BT709 if picture.height >= HD_LINES else _SWS_BT601
    return _SWS_MATRIX.get(picture.colorspace, untagged)


def _range(picture: "av.VideoFrame") -> int:
    if picture.color_range in (_LIMITED, _FULL):
        return picture.color_range
    return _FULL if picture.format.is_rgb or picture.format.name.startswith("yuvj") else _LIMITED


def _open(path: Path) -> "av.container.InputContainer":
    """Open a file for reading.

    Raises:
        SourceError: FFmpeg can't read it.
    """
    if not path.stat().st_size:
        raise SourceError(f"reading {path} failed: the file is empty; give a video or a picture")
    try:
        return av.open(str(path), metadata_errors="replace")
    except av.error.InvalidDataError as error:
        raise SourceError(
            f"reading {path} failed: it is no video or picture that FFmpeg can read, or its head "
            "is damaged; convert or repair it first"
        ) from error
    except (av.error.FFmpegError, OSError) as error:
        raise SourceError(
            f"opening {path} failed ({error.strerror or error}); check that it may be read"
        ) from error


def _video_stream(container: "av.container.InputContainer", path: Path) -> "av.VideoStream":
    """Choose the first video stream that is not a cover picture.

    Raises:
        SourceError: There is none, or nothing here decodes it.
    """
    for stream in container.streams.video:
        if stream.disposition & av.stream.Disposition.attached_pic:
            continue
        if stream.codec_context is None:
            raise SourceError(
                f"reading {path} failed: its video codec can't be decoded here; convert it to "
                "H.264 first"
            )
        return stream
    held = "only sound" if container.streams.audio else "no pictures"
    raise SourceError(f"reading {path} failed: it holds {held}; give a file with a video stream")
