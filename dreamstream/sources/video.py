"""Frames of a video, with exact times and right colours, past damaged packets."""

import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from dreamstream._libraries import av
from dreamstream.config import MediaConfig
from dreamstream.errors import SourceError
from dreamstream.frames import Frame, Pixels, SoundSpan, StreamInfo
from dreamstream.sources.base import Source, Trim, nothing_kept
from dreamstream.sources.captions import CaptionWatch
from dreamstream.sources.clock import Clock
from dreamstream.sources.colour import ToRgb, tags_of
from dreamstream.sources.cropping import Crop, crop_of, cropped
from dreamstream.sources.deinterlace import Timed, deinterlaced
from dreamstream.sources.fit import fit
from dreamstream.sources.opening import locate, open_container, reason_of, video_stream
from dreamstream.sources.packet_feed import Feed, from_key_frame
from dreamstream.sources.truncation import count_missing

_LOG = logging.getLogger(__name__)

_PICTURE_FORMATS = ("gif", "apng", "_pipe")
"""Ends of FFmpeg's names of the formats that hold a still as often as a stream."""


class VideoSource(Source):
    """The pictures of the first real video stream of what FFmpeg can read.

    A frame's time is its timestamp less the earliest start of the stream's sound and pictures, so
    they keep their offset.  After a trimmed start it counts from the first frame kept.  Interlaced
    pictures are deinterlaced, HDR is mapped to SDR, and pictures that change size midway are fitted
    into the first one's.

    Args:
        target: A file, a URL, or ``-`` for standard input.
        media: ``start``, ``duration`` and ``frames`` choose what is read.

    Attributes:
        info: What is known of the stream; the number of frames may be an estimate.

    Raises:
        SourceError: It can't be opened, is no video, or holds no frame in the range asked for.
    """

    def __init__(self, target: str | Path, media: MediaConfig | None = None) -> None:
        self._location = locate(target)
        self._name = self._location.name
        self._trim = Trim.of(media or MediaConfig())
        self._damaged = 0
        self._index = 0
        self._resized = False
        self._to_rgb = ToRgb(self._name)
        self._captions = CaptionWatch(self._name)
        self._container, self._pipe = open_container(self._location)
        try:
            self._stream = video_stream(self._container, self._name)
            self._stream.thread_type = "AUTO"
            self._clock = Clock(self._container, self._stream, self._name)
            self._feed = Feed(self._container, self._stream, self._location.path is None)
            pictures = self._trim.kept(deinterlaced(self._timed(), self._name))
            self._pictures = cropped(pictures, self._crop())
            self._next = self._first()
            self._begin = self._next[0][0] if self._trim.moves_begin else Fraction(0)
            self.info = self._describe(self._next[0][1])
        except BaseException:
            self._container.close()
            raise

    @property
    def damaged(self) -> int:
        """Pictures met so far that could not be decoded, or not without faults, or are missing."""
        return self._damaged

    def __next__(self) -> Frame:
        time, picture = self._next.pop(0) if self._next else next(self._pictures)
        self._captions.look(picture)
        if picture.is_corrupt:
            self._damaged += 1
        frame = Frame(self._fitted(self._to_rgb(picture)), time - self._begin, self._index)
        self._index += 1
        return frame

    def close(self) -> None:
        """Close the stream; it has ended."""
        self._next = []
        self._pictures = iter(())
        self._container.close()

    def _crop(self) -> Crop:
        """Read what the file asks to have cut off its pictures; of a pipe or a URL nothing is."""
        path = self._location.path
        if path is None or not self._container.format.name.startswith("matroska"):
            return Crop()
        return crop_of(path, self._stream.index)

    def _first(self) -> list[Timed]:
        """Decode up to the first kept frame: it tells the turn of the picture and the time 0.

        Returns:
            That frame, and of a format that holds stills the second one, if there is one.
        """
        first = next(self._pictures, None)
        if first is None and self._clock.ticks is None:
            raise SourceError(
                f"reading {self._name} failed: no picture of it can be decoded; check that it is a "
                "whole video that FFmpeg can play"
            )
        if first is None:
            raise nothing_kept(self._name)
        if not self._container.format.name.endswith(_PICTURE_FORMATS):
            return [first]
        second = next(self._pictures, None)
        return [first] if second is None else [first, second]

    def _timed(self) -> Iterator[Timed]:
        """Decode from the key frame before the trim's start, or from the stream's beginning.

        Only a file is sought in: a pipe loses what it skips, and a server without ranges breaks.
        """
        is_file = self._location.path is not None
        if self._trim.start > 0 and is_file and self._seek(self._trim.start):
            pictures = self._decoded()
            first = next(pictures, None)
            if first is not None and first[0] <= self._trim.start:
                yield first
                yield from pictures
                return
            self._seek(Fraction(0))  # a poor index led past the start
        yield from self._decoded()

    def _seek(self, time: Fraction) -> bool:
        sought = self._clock.seek(time)
        self._feed.rewind()
        return sought

    def _decoded(self) -> Iterator[Timed]:
        """Decode packet by packet: a damaged one costs its own frame and not all that follow."""
        packets = self._packets()
        if self._trim.start > 0 and self._clock.must_read_on:
            packets = from_key_frame(packets, self._clock.timestamp(self._trim.start))
        for packet in packets:
            self._clock.begin_at(packet)
            try:
                pictures = packet.decode()
            except av.error.InvalidDataError:
                self._damaged += 1
                continue
            yield from ((self._clock.time(picture), picture) for picture in pictures)

    def _packets(self) -> Iterator["av.Packet[av.VideoStream]"]:
        """Read packets, going on after damage unless nothing comes between two faults."""
        while True:
            advanced = False
            try:
                for packet in self._feed.pictures():
                    advanced = True
                    yield packet
                break
            except av.error.InvalidDataError:
                self._damaged += 1
                if not advanced:
                    return
            except av.error.FFmpegError as error:
                raise self._broken_off(error) from error
        if self._pipe is not None:
            self._pipe.check()
        if self._location.path is not None:
            self._damaged += count_missing(self._stream, self._location.path)

    def _broken_off(self, error: "av.error.FFmpegError") -> SourceError:
        return SourceError(
            f"reading {self._name} failed after {self._index} frames ({reason_of(error)}); check "
            "the disk or the connection"
        )

    def _describe(self, picture: "av.VideoFrame") -> StreamInfo:
        turned = picture.rotation % 180 != 0
        height, width = picture.height, picture.width
        aspect = self._stream.sample_aspect_ratio or Fraction(1)
        primaries, transfer = tags_of(picture)
        still = self._is_still()
        rate = self._clock.rate
        return StreamInfo(
            height=width if turned else height,
            width=height if turned else width,
            rate=None if still else rate,
            time_base=self._clock.base,
            frames=1 if still else self._trim.expected(self._count(rate), rate),
            sample_aspect=1 / aspect if turned else aspect,
            primaries=primaries,
            transfer=transfer,
            sound=self._sound(),
            path=self._location.path,
        )

    def _is_still(self) -> bool:
        """Tell whether this is but one picture, and not a film of one frame or a part of it."""
        of_pictures = self._container.format.name.endswith(_PICTURE_FORMATS)
        return of_pictures and len(self._next) == 1 and self._stream.frames <= 1

    def _count(self, rate: Fraction) -> int | None:
        """Count the stream's frames from its header, else from its duration, else not at all."""
        if self._stream.frames:
            return self._stream.frames
        if self._container.duration:
            return max(1, round(Fraction(self._container.duration, av.time_base) * rate))
        return None

    def _sound(self) -> SoundSpan:
        begin = self._clock.origin + self._begin
        duration = self._trim.duration
        return SoundSpan(
            path=self._location.path or Path(self._name),
            begin=begin,
            end=None if duration is None else begin + duration,
            cut_in=self._trim.moves_begin,
            ends_with_pictures=self._trim.last is not None,
            feed=None if self._location.path is not None else self._feed.ask,
        )

    def _fitted(self, pixels: Pixels) -> Pixels:
        """Fit a picture into the stream's size, with a warning at the first that has another."""
        height, width = pixels.shape[:2]
        if (height, width) == (self.info.height, self.info.width):
            return pixels
        if not self._resized:
            self._resized = True
            _LOG.warning(
                "%s changes at frame %d from %dx%d to %dx%d: it is fitted into the first size",
                *(self._name, self._index, self.info.width, self.info.height, width, height),
            )
        return fit(pixels, self.info.height, self.info.width)
