"""Encodes frames, and muxes what goes with them, so that the file plays at any moment."""

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import cast

from dreamstream._libraries import av
from dreamstream.frames import BT709, Frame, StreamInfo
from dreamstream.journal import EncodedLog, EncodedPicture
from dreamstream.sinks.base import MP4_SUFFIXES, require_size
from dreamstream.sinks.codecs import STILL_RATE, Codec, pixel_format
from dreamstream.sinks.segments import SegmentEncoder, segment_length
from dreamstream.sinks.side_streams import Companions
from dreamstream.sinks.sound import is_copied
from dreamstream.sinks.sound_survey import Sounding, survey_sound
from dreamstream.sinks.sound_trial import FORMATS, is_rewrapped
from dreamstream.sinks.span_reader import SpanReader

_LIMITED, _FULL = 1, 2
"""Ranges of values as FFmpeg numbers them: 16 to 235, and 0 to 255."""

_MUXER = {
    "flush_packets": "1",
    # where the sound ends before the pictures FFmpeg held back 10 s of them, which a kill lost
    "max_interleave_delta": "200000",
    # else Matroska's names of file and tracks are drawn by lot, and no two runs give the same file
    "fflags": "+bitexact",
}
"""Options of every file: what is encoded is on the disk, and equal runs give equal files."""

_FRAGMENTED = {
    "movflags": "hybrid_fragmented+frag_keyframe",
    # else one waits for the next key frame: a part had no picture before the 61st had come
    "frag_duration": "200000",
    # without an edit list fragments begin with the encoder's lead-in, and sound lags by it
    "use_editlist": "1",
    # an offset between sound and pictures is kept in these units; FFmpeg's 1000 moved it by 0.5 ms
    "movie_timescale": "1000000",
}
"""Options that keep an unfinished mp4 or mov playable; closing it makes it an ordinary one."""

_CLUSTERED = {"cluster_time_limit": "200"}
"""Options that keep an unfinished Matroska or WebM playable, and let a pipe flow (milliseconds):
FFmpeg writes clusters, by default of 5 s, when they are full."""

_CLUSTERED_SINGLY = {"cluster_time_limit": "1"}
"""The same up to the last picture, where a picture is so large that a cluster's head is nothing."""

_DELAYED = "+delay_moov"
"""Addition to ``movflags``: without it the sound of a killed file began seconds late.  But with it
FFmpeg no longer rewraps the AAC of transport streams, and fails."""

_APPLE_HEVC = "hvc1"
"""The tag of H.265 that Apple's players ask for."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How pictures are encoded: the codec and the encoder's options.

    Attributes:
        codec: The codec.
        options: The encoder's options.
        longest: Most frames that one encoder makes, before another one goes on; None is the usual.
    """

    codec: Codec
    options: dict[str, str]
    longest: int | None = None

    @property
    def segment(self) -> int:
        """Frames that one encoder makes."""
        return segment_length(int(self.options.get("g", 1)), self.longest)


class MovieWriter:
    """Writes frames, and the sound, subtitles, chapters and tags of their source.

    It knows nothing of where its file comes to lie; what FFmpeg or the system refuse it passes on
    as it is.

    Args:
        url: The file, or ``pipe:N``.
        suffix: The container's, such as ``.mp4``.
        info: The stream to be written.
        encoding: The codec and its options.
        log: Keeps what is written, so that :meth:`replay` can write it once more.

    Attributes:
        last_time: Time of the latest frame, in seconds; None before the first.
        last_duration: Seconds for which it is shown; the usual ones where it does not say.
        is_closed: Whether the files are closed, be it that closing them failed.
    """

    def __init__(
        self,
        url: str,
        suffix: str,
        info: StreamInfo,
        encoding: Encoding,
        log: EncodedLog | None = None,
    ) -> None:
        self._info, self._suffix, self._log = info, suffix, log
        self.is_closed = False
        self.last_time: Fraction | None = None
        self._rate = info.rate or STILL_RATE
        self.last_duration = 1 / self._rate
        self._held: EncodedPicture | None = None
        self._companions: Companions | None = None
        # SVT-AV1 writes its banner to the terminal unless told not to
        os.environ.setdefault("SVT_LOG", "1")
        reader = None if info.sound is None else SpanReader(info.sound)
        sounds = {} if info.sound is None or reader is None else survey_sound(reader, info.sound)
        options = _muxer_options(suffix, reader, sounds)
        if encoding.codec.rgb:
            options |= _CLUSTERED_SINGLY
        # The first packet brings the header with it: FFmpeg crashed closing a fragmented file that
        # had a header and no packet.
        self._output = av.open(url, "w", format=FORMATS[suffix], options=options)
        try:
            self._add_pictures(encoding)
            if info.sound is not None and reader is not None:
                self._companions = Companions(*(reader, sounds, info.sound, self._output, suffix))
                self._companions.describe(self._stream)
            self._encoder = SegmentEncoder(
                self._stream, partial(self._configure, encoding), encoding.segment
            )
        except BaseException:
            self.drop()
            raise

    def write(self, frame: Frame) -> None:
        """Encode a frame; sound follows the pictures that leave the encoder.

        Raises:
            ValueError: Its size is not the stream's, or its time is not later than the last one's.
        """
        require_size(frame, self._info)
        if self.last_time is not None and frame.time <= self.last_time:
            raise ValueError(f"frame {frame.index}: time {frame.time} is not after the last one's")
        if self._log is not None:
            self._log.open_segment()
        self._keep(self._encoder.encode(self._picture(frame)))
        self.last_time = frame.time
        self.last_duration = frame.duration or 1 / self._rate
        if self._encoder.is_full:
            self._keep(self._encoder.end())
            if self._log is not None:
                self._log.close_segment()

    def replay(self) -> int:
        """Write what the log holds, as it was encoded.

        Returns:
            The number of its pictures.

        Raises:
            ResumeError: The log is damaged.
        """
        count = 0
        for picture in () if self._log is None else self._log.pictures():
            self._mux(picture)
            self.last_time = picture.pts * self._info.time_base
            count += 1
        return count

    def decoder(self) -> "av.VideoCodecContext":
        """Make a decoder of the pictures that are written."""
        made = self._stream.codec_context
        name = made.codec.canonical_name
        decoder = cast("av.VideoCodecContext", av.CodecContext.create(name, "r"))
        decoder.extradata = made.extradata
        decoder.width, decoder.height, decoder.pix_fmt = made.width, made.height, made.pix_fmt
        return decoder

    def finish(self, whole: bool) -> None:
        """Write what is held back, the rest of the sound and the end of the file.

        Args:
            whole: Whether all frames came; else the sound ends with them.
        """
        length = max(1, round(self.last_duration / self._info.time_base))
        self._keep(self._encoder.end())
        if self._held is not None:
            self._put(self._held, length)
            self._held = None
        if self._companions is not None:
            end = cast(Fraction, self.last_time) + length * self._info.time_base
            self._companions.finish(end, whole)
        self._close_files()

    def drop(self) -> None:
        """Close the files, whatever their state."""
        with contextlib.suppress(av.error.FFmpegError, OSError, ValueError):
            self._close_files()

    def _add_pictures(self, encoding: Encoding) -> None:
        info, codec = self._info, encoding.codec
        stream = self._output.add_stream(codec.encoder, rate=self._rate, options=encoding.options)
        self._stream = stream = cast("av.VideoStream", stream)
        stream.time_base = info.time_base
        self._convert = FromRgb(pixel_format(codec, info), codec.rgb)

    def _configure(self, encoding: Encoding, context: "av.VideoCodecContext") -> None:
        """Set an encoder up: that of the stream, or one that goes on after it."""
        info, codec = self._info, encoding.codec
        context.width, context.height = info.width, info.height
        context.pix_fmt = pixel_format(codec, info)
        context.time_base = info.time_base
        context.framerate = min(self._rate, Fraction(codec.most_rate or self._rate))
        context.sample_aspect_ratio = info.sample_aspect
        context.color_primaries, context.color_trc = info.primaries, info.transfer
        if not codec.rgb:
            context.color_range, context.colorspace = _LIMITED, BT709
        if codec.encoder.startswith(("libx265", "hevc_")) and self._suffix in MP4_SUFFIXES:
            context.codec_tag = _APPLE_HEVC
        context.bit_rate = 0  # else FFmpeg's own 200 kbit/s bound the quality
        context.options = dict(encoding.options)

    def _picture(self, frame: Frame) -> "av.VideoFrame":
        picture = self._convert(frame)
        picture.pts = round(frame.time / self._info.time_base)
        picture.time_base = self._info.time_base
        return picture

    def _keep(self, packets: list["av.Packet[av.VideoStream]"]) -> None:
        """Write what leaves the encoder, to the file and to the log."""
        for packet in packets:
            picture = EncodedPicture.of(packet)
            if self._log is not None:
                self._log.add(picture)
            self._mux(picture)

    def _mux(self, picture: EncodedPicture) -> None:
        """Write a picture once its successor tells its duration, and sound up to it."""
        if self._held is not None:
            self._put(self._held, picture.pts - self._held.pts)
        self._held = picture
        if self._companions is not None:
            self._companions.advance(picture.pts * self._info.time_base)

    def _put(self, picture: EncodedPicture, duration: int) -> None:
        packet = picture.packet(self._stream, self._info.time_base)
        packet.duration = duration
        self._output.mux_one(packet)

    def _close_files(self) -> None:
        self.is_closed = True
        if self._companions is not None:
            self._companions.close()
        self._output.close()


class FromRgb:
    """Turns frames into pictures for the encoder, in BT.709 unless it takes RGB.

    One converter is shared by all frames; see the source's for why it rounds so carefully.

    Args:
        pixel_format: FFmpeg's name of what the encoder takes.
        rgb: Whether that is RGB, unconverted.
    """

    def __init__(self, pixel_format: str, rgb: bool) -> None:
        self._format, self._rgb = pixel_format, rgb
        self._reformatter = av.video.reformatter.VideoReformatter()

    def __call__(self, frame: Frame) -> "av.VideoFrame":
        """Convert a frame's pixels."""
        form = "rgba" if frame.pixels.shape[2] == 4 else "rgb24"
        picture = av.VideoFrame.from_ndarray(frame.pixels, format=form)
        if self._rgb:
            return self._reformatter.reformat(picture, format=self._format)
        flags = av.video.reformatter.Interpolation
        return self._reformatter.reformat(
            picture,
            format=self._format,
            dst_colorspace=BT709,
            src_color_range=_FULL,
            dst_color_range=_LIMITED,
            interpolation=flags.BICUBIC | flags.ACCURATE_RND | flags.FULL_CHR_H_INT,
        )


def _muxer_options(
    suffix: str, reader: SpanReader | None, sounds: Mapping[int, Sounding]
) -> dict[str, str]:
    if suffix not in MP4_SUFFIXES:
        return _MUXER | _CLUSTERED
    options = _MUXER | _FRAGMENTED
    if reader is None or not _is_rewrapped(reader, sounds, suffix):
        options["movflags"] += _DELAYED
    return options


def _is_rewrapped(reader: SpanReader, sounds: Mapping[int, Sounding], suffix: str) -> bool:
    """Whether FFmpeg must rewrap AAC, which in transport streams tells its form by packet."""
    return any(
        stream.index in sounds
        and is_rewrapped(stream)
        and is_copied(stream, sounds[stream.index], suffix)
        for stream in reader.streams.audio
    )
