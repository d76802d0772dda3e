"""Video files: encoded as frames come, playable at any moment, in place only when whole."""

import contextlib
import os
from fractions import Fraction
from pathlib import Path
from typing import cast

from dreamstream._libraries import av
from dreamstream.config import MediaConfig
from dreamstream.errors import SinkError
from dreamstream.frames import Frame, StreamInfo
from dreamstream.sinks.base import PartFile, Sink, require_size, write_error
from dreamstream.sinks.codecs import USUAL_CODEC, Codec, choose_codec, is_odd
from dreamstream.sinks.faststart import move_index_to_front
from dreamstream.sinks.sound import SoundTrack, is_rewrapped

MP4_SUFFIXES = (".mp4", ".mov")

VIDEO_SUFFIXES = tuple(USUAL_CODEC)

STILL_RATE = Fraction(25)
"""Frames per second of a video made from a still, which shows for one frame."""

KEY_FRAME_SECONDS = 2
"""Seconds between key frames: what a killed run loses at most of what it has encoded."""

_BT709, _LIMITED, _FULL = 1, 1, 2
"""H.273 number of BT.709, the same for matrix, primaries and transfer; FFmpeg's ranges."""

_MUXER = {
    "flush_packets": "1",
    # where the sound ends before the pictures FFmpeg held back 10 s of them, which a kill lost
    "max_interleave_delta": "1000000",
}
"""Options of every file: what is encoded is on the disk."""

_FRAGMENTED = {
    "movflags": "hybrid_fragmented+frag_keyframe",
    # without an edit list fragments begin with the encoder's lead-in, and sound lags by it
    "use_editlist": "1",
    # an offset between sound and pictures is kept in these units; FFmpeg's 1000 moved it by 0.5 ms
    "movie_timescale": "1000000",
}
"""Options that keep an unfinished mp4 or mov playable; closing it makes it an ordinary one."""

_DELAYED = "+delay_moov"
"""Addition to ``movflags``: without it the sound of a killed file began seconds late.  But with it
FFmpeg no longer rewraps the AAC of transport streams, and fails."""


class VideoSink(Sink):
    """A video file with the source's sound.

    While it is written it lies beside its target as ``NAME.part.SUFFIX``, playable even after a
    kill; closing puts it into place, aborting leaves it there.  Sizes are kept: h264 stores odd
    ones in 4:4:4, which computers play and some phones don't; vp9 and av1 have no such limit.

    Args:
        path: The file: .mp4, .mov, .mkv or .webm.
        info: The stream to be written.
        media: ``codec``, ``crf`` and ``overwrite``.

    Raises:
        SinkError: The codec does not fit, or the file can't be created.
    """

    def __init__(self, path: Path, info: StreamInfo, media: MediaConfig | None = None) -> None:
        media = media or MediaConfig()
        suffix = path.suffix.lower()
        codec = choose_codec(media.codec, suffix, info)
        options = _encoder_options(codec, media, info)
        self._info, self._open = info, True
        self._last_time: Fraction | None = None
        self._rate = info.rate or STILL_RATE
        self._held: av.Packet[av.VideoStream] | None = None
        self._part = PartFile(path, info, media.overwrite)
        self._partial: Path | None = None
        self._sound: SoundTrack | None = None
        try:
            self._create(codec, options, suffix)
        except BaseException as error:
            self._part.remove()
            if isinstance(error, (av.error.FFmpegError, OSError, ValueError)):
                raise write_error(path, error) from error
            raise

    @property
    def partial(self) -> Path | None:
        """The playable file left by an abort or a kill; None before, or where nothing is in it."""
        return self._partial

    def write(self, frame: Frame) -> None:
        """Encode a frame; sound follows the pictures that leave the encoder.

        Raises:
            SinkError: It can't be written.
            ValueError: Its size is not the stream's, or its time is not later than the last one's.
        """
        require_size(frame, self._info)
        if self._last_time is not None and frame.time <= self._last_time:
            raise ValueError(f"frame {frame.index}: time {frame.time} is not after the last one's")
        try:
            self._mux(self._stream.encode(self._picture(frame)))
        except (av.error.FFmpegError, OSError) as error:
            raise write_error(self._part.target, error) from error
        self._last_time = frame.time

    def close(self) -> None:
        """Finish the file and put it into place.

        Raises:
            SinkError: No frame was written, or the file can't be finished; ``partial`` tells what
                is left.
        """
        if not self._open:
            return
        if self._last_time is None:
            self.abort()
            raise SinkError(f"writing {self._part.target} failed: no frame came; check the input")
        try:
            self._finish(whole=True)
        except BaseException as error:
            self.abort()
            if isinstance(error, (av.error.FFmpegError, OSError)):
                raise write_error(self._part.target, error) from error
            raise
        self._open = False
        self._partial = self._part.path
        if self._part.target.suffix.lower() in MP4_SUFFIXES:
            with contextlib.suppress(OSError):  # no space for a second copy: the file is whole
                move_index_to_front(self._part.path)
        self._part.place()
        self._partial = None

    def abort(self) -> None:
        """Finish the file where it lies, with the frames so far; without any it is removed."""
        if not self._open:
            return
        self._open = False
        if self._last_time is not None:
            self._partial = self._part.path
            with contextlib.suppress(av.error.FFmpegError, OSError, ValueError):
                self._finish(whole=False)
        with contextlib.suppress(av.error.FFmpegError, OSError, ValueError):
            self._close_files()
        if self._last_time is None:
            self._part.remove()

    def _create(self, codec: Codec, options: dict[str, str], suffix: str) -> None:
        """Open the file and describe its streams.

        The first packet brings the header with it: FFmpeg crashed closing a fragmented file that
        had a header and no packet.
        """
        muxer = dict(_MUXER)
        if suffix in MP4_SUFFIXES:
            muxer |= _FRAGMENTED
            if self._info.sound is None or not is_rewrapped(self._info.sound):
                muxer["movflags"] += _DELAYED
        # SVT-AV1 writes its banner to the terminal unless told not to
        os.environ.setdefault("SVT_LOG", "1")
        self._output = av.open(str(self._part.path), "w", options=muxer)
        try:
            self._add_pictures(codec, options)
            if self._info.sound is not None:
                self._sound = SoundTrack(self._info.sound, self._output, suffix)
            self._stream.codec_context.open()
        except BaseException:
            with contextlib.suppress(av.error.FFmpegError, OSError, ValueError):
                self._close_files()
            raise

    def _add_pictures(self, codec: Codec, options: dict[str, str]) -> None:
        info = self._info
        stream = self._output.add_stream(codec.encoder, rate=self._rate, options=options)
        self._stream = stream = cast("av.VideoStream", stream)
        stream.width, stream.height = info.width, info.height
        stream.pix_fmt = _pixel_format(codec, info)
        context = stream.codec_context
        context.time_base = info.time_base
        stream.time_base = info.time_base
        context.sample_aspect_ratio = info.sample_aspect
        if not codec.rgb:
            context.color_range, context.colorspace = _LIMITED, _BT709
            context.color_primaries = context.color_trc = _BT709
        if codec.encoder == "libx265" and self._part.target.suffix.lower() != ".mkv":
            context.codec_tag = "hvc1"  # what Apple's players ask for
        self._convert = _FromRgb(_pixel_format(codec, info), codec.rgb)

    def _picture(self, frame: Frame) -> "av.VideoFrame":
        picture = self._convert(frame)
        picture.pts = round(frame.time / self._info.time_base)
        picture.time_base = self._info.time_base
        return picture

    def _mux(self, packets: list["av.Packet[av.VideoStream]"]) -> None:
        """Write packets, each with the duration that its successor tells, and sound up to them."""
        for packet in packets:
            if self._held is not None:
                self._held.duration = _ticks(packet) - _ticks(self._held)
                self._output.mux_one(self._held)
            self._held = packet
            if self._sound is not None:
                self._sound.advance(_ticks(packet) * self._info.time_base)

    def _finish(self, whole: bool) -> None:
        """Write what is held back, the rest of the sound and the end of the file."""
        length = max(1, round(1 / (self._rate * self._info.time_base)))
        self._mux(self._stream.encode(None))
        if self._held is not None:
            self._held.duration = length
            self._output.mux_one(self._held)
            self._held = None
        if self._sound is not None:
            end = cast(Fraction, self._last_time) + length * self._info.time_base
            self._sound.finish(end, whole)
        self._close_files()

    def _close_files(self) -> None:
        if self._sound is not None:
            self._sound.close()
        self._output.close()


class _FromRgb:
    """Turns frames into pictures for the encoder, in BT.709 unless it takes RGB.

    One converter is shared by all frames; see the source's for why it rounds so carefully.
    """

    def __init__(self, pixel_format: str, rgb: bool) -> None:
        self._format, self._rgb = pixel_format, rgb
        self._reformatter = av.video.reformatter.VideoReformatter()

    def __call__(self, frame: Frame) -> "av.VideoFrame":
        picture = av.VideoFrame.from_ndarray(frame.pixels, format="rgb24")
        if self._rgb:
            return self._reformatter.reformat(picture, format=self._format)
        flags = av.video.reformatter.Interpolation
        return self._reformatter.reformat(
            picture,
            format=self._format,
            dst_colorspace=_BT709,
            src_color_range=_FULL,
            dst_color_range=_LIMITED,
            interpolation=flags.BICUBIC | flags.ACCURATE_RND | flags.FULL_CHR_H_INT,
        )


def _ticks(packet: "av.Packet[av.VideoStream]") -> int:
    return cast(int, packet.pts)


def _pixel_format(codec: Codec, info: StreamInfo) -> str:
    return cast(str, codec.odd_pixel_format) if is_odd(info) else codec.pixel_format


def _encoder_options(codec: Codec, media: MediaConfig, info: StreamInfo) -> dict[str, str]:
    """Gather an encoder's options.

    Raises:
        SinkError: A CRF is given and the codec has none.
    """
    interval = max(1, round((info.rate or STILL_RATE) * KEY_FRAME_SECONDS))
    options = {**codec.options, "g": str(interval)}
    if codec.crf is not None:
        options["crf"] = str(codec.crf if media.crf is None else media.crf)
    elif media.crf is not None:
        raise SinkError(
            f"writing with codec {media.codec} failed: it has no --crf; leave that out or choose "
            "h264, h265, vp9 or av1"
        )
    return options
