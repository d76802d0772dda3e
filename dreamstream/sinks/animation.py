"""GIF and APNG: the dream is kept in a lossless video until all its frames have come."""

import contextlib
import itertools
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import cast

from dreamstream._libraries import av, file_url
from dreamstream.config import MediaConfig
from dreamstream.file_names import SPILL_SUFFIX
from dreamstream.frames import Frame, Pixels, StreamInfo
from dreamstream.journal import EncodedLog, Journal
from dreamstream.sinks.base import (
    PartFile,
    Sink,
    no_frame_came,
    refuse_encoder_options,
    require_size,
    write_error,
)
from dreamstream.sinks.codecs import CODECS, STILL_RATE
from dreamstream.sinks.palette import Painter, PaletteMaker
from dreamstream.sinks.video import open_writer, reserve_part
from dreamstream.sinks.writer import Encoding, MovieWriter

_LOG = logging.getLogger(__name__)

_SPILL_CODEC = "ffv1"
"""How frames are kept until the palette is known: nothing is lost, and a player plays it."""

BROWSER_RATE = Fraction(50)
"""Frames per second that browsers show; of a GIF of more some are left out."""

_LONGEST = 0xFFFF
"""Ticks that a picture can be shown: 16 bits hold them."""

_FOR_EVER = "0"
"""How FFmpeg's muxers call an endless loop."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of animation.

    Attributes:
        pixel_format: FFmpeg's name of how its pictures are stored.
        tick: Unit of its times, in seconds.
        least: The shortest time that a picture may be shown, in ticks.
        loop: The muxer's option for the number of loops.
    """

    pixel_format: str
    tick: Fraction
    least: int
    loop: str

    @property
    def is_gif(self) -> bool:
        """Whether its pictures have a palette."""
        return self.pixel_format == "pal8"


_KINDS = MappingProxyType(
    {
        # Browsers show a picture of 10 ms or less for 100 ms
        ".gif": _Kind("pal8", Fraction(1, 100), 2, "loop"),
        ".apng": _Kind("rgb24", Fraction(1, 1000), 11, "plays"),
    }
)

ANIMATION_SUFFIXES = tuple(_KINDS)


class AnimationSink(Sink):
    """A GIF in one palette for the whole clip, or an APNG in full colour; both loop for ever.

    Frames are kept without loss in ``NAME.part.mkv`` beside the target, which plays even after a
    kill; closing makes the animation of them.  Frames that come faster than browsers show them are
    left out.

    Args:
        path: The file: .gif or .apng.
        info: The stream to be written; of its companions none fit.
        media: ``overwrite``.
        journal: Keeps what is written; what it holds already is written at once.

    Raises:
        SinkError: The file can't be created, or an option of video files is given.
        ResumeError: The journal is damaged.
    """

    def __init__(
        self,
        path: Path,
        info: StreamInfo,
        media: MediaConfig | None = None,
        journal: Journal | None = None,
    ) -> None:
        media = media or MediaConfig()
        refuse_encoder_options(path, media)
        self._kind = _KINDS[path.suffix.lower()]
        if info.alpha:
            self._kind = replace(self._kind, pixel_format="rgba")
        if info.sound is not None:
            _LOG.info("%s holds no sound and no subtitles: they are left out", path.suffix)
        self._info, self._overwrite, self._open = info, media.overwrite, True
        self._ticks: int | None = None
        self._palette = PaletteMaker(info.height, info.width) if self._kind.is_gif else None
        self._part = reserve_part(path, info, media, journal, SPILL_SUFFIX)
        self._partial: Path | None = None
        self._journal = journal
        try:
            self._spill = self._open_spill()
        except BaseException as error:
            self._part.remove()
            if isinstance(error, (av.error.FFmpegError, OSError, ValueError)):
                raise write_error(path, error) from error
            raise

    @property
    def partial(self) -> Path | None:
        """The video left by an abort or a kill; None before, or where nothing is in it."""
        return self._partial

    def write(self, frame: Frame) -> None:
        """Keep a frame, at the nearest time that the animation can tell.

        Raises:
            SinkError: It can't be written.
            ValueError: Its size is not the stream's.
        """
        require_size(frame, self._info)
        ticks = self._place(frame.time / self._kind.tick)
        if ticks is None:
            return
        if self._palette is not None:
            self._palette.add(frame.pixels)
        try:
            self._spill.write(replace(frame, time=ticks * self._kind.tick))
        except (av.error.FFmpegError, OSError) as error:
            raise write_error(self._part.target, error) from error
        self._ticks = ticks

    def close(self) -> None:
        """Make the animation and put it into place.

        Raises:
            SinkError: No frame was written, or the file can't be made; ``partial`` tells where the
                frames are.
        """
        if not self._open:
            return
        if self._ticks is None:
            self.abort()
            raise no_frame_came(self._part.target)
        try:
            self._spill.finish(whole=True)
            self._partial = self._part.path
            self._animate()
        except BaseException as error:
            self.abort()
            if isinstance(error, (av.error.FFmpegError, OSError)):
                raise write_error(self._part.target, error) from error
            raise
        self._open, self._partial = False, None
        self._part.remove()

    def abort(self) -> None:
        """Finish the video of the frames so far, and leave it; without frames it is removed."""
        if not self._open:
            return
        self._open = False
        if self._ticks is None:
            self._spill.drop()
            self._part.remove()
            return
        if self._partial is None:
            self._partial = self._part.path
            with contextlib.suppress(av.error.FFmpegError, OSError, ValueError):
                self._spill.finish(whole=False)
                if self._journal is not None:
                    self._partial = self._journal.keep_larger_part(self._part.path)
        self._spill.drop()

    def _open_spill(self) -> MovieWriter:
        """Open the video that keeps the frames."""
        info = replace(self._info, time_base=self._kind.tick, sound=None)
        codec = CODECS[_SPILL_CODEC]
        if info.alpha:
            codec = replace(codec, pixel_format="bgra", odd_pixel_format="bgra")
        encoding = Encoding(codec, dict(codec.options))
        writer = open_writer(self._part, SPILL_SUFFIX, info, encoding, self._journal)
        if self._journal is not None and writer.last_time is not None:
            try:
                self._recall(writer, self._journal.encoded)
            except BaseException:
                writer.drop()
                raise
        return writer

    def _recall(self, writer: MovieWriter, log: EncodedLog) -> None:
        """Gather from an interrupted run's frames what the next ones need."""
        self._ticks = round(cast(Fraction, writer.last_time) / self._kind.tick)
        if self._palette is not None:
            for pixels in _pixels_in(log, writer):
                self._palette.add(pixels)

    def _place(self, time: Fraction) -> int | None:
        """Choose a frame's time, in ticks; None where it comes too soon after the last one."""
        if self._ticks is None:
            return round(time)
        ticks = max(round(time), self._ticks + self._kind.least)
        return ticks if ticks <= time + 1 else None

    def _animate(self) -> None:
        """Write the animation beside its target, then put it into place."""
        part = PartFile(self._part.target, self._info, self._overwrite)
        try:
            if self._journal is not None:
                self._journal.begin(part.path)
            with av.open(file_url(self._part.path)) as spill:
                self._encode(spill, part.path)
            if self._journal is not None:
                self._journal.seal(part.path)
            part.place()
        except BaseException:
            part.remove()
            raise

    def _encode(self, spill: "av.container.InputContainer", path: Path) -> None:
        kind, info = self._kind, self._info
        name = path.suffix[1:].lower()
        options = {kind.loop: _FOR_EVER, "final_delay": self._final_delay()}
        with av.open(file_url(path), "w", format=name, options=options) as output:
            stream = cast("av.VideoStream", output.add_stream(name, rate=info.rate or STILL_RATE))
            stream.width, stream.height, stream.pix_fmt = info.width, info.height, kind.pixel_format
            context = stream.codec_context
            context.time_base = stream.time_base = kind.tick
            context.sample_aspect_ratio = info.sample_aspect
            for picture in self._painted(spill):
                output.mux(stream.encode(picture))
            output.mux(stream.encode(None))

    def _painted(self, spill: "av.container.InputContainer") -> Iterator["av.VideoFrame"]:
        """Read the frames back, in the animation's colours and times."""
        pictures = spill.decode(video=0)
        first = next(pictures)
        paint = self._painter(first)
        for picture in itertools.chain([first], pictures):
            seconds = cast(int, picture.pts) * cast(Fraction, picture.time_base)
            painted = paint(picture)
            painted.pts, painted.time_base = round(seconds / self._kind.tick), self._kind.tick
            yield painted

    def _painter(self, first: "av.VideoFrame") -> Callable[["av.VideoFrame"], "av.VideoFrame"]:
        if self._palette is not None:
            palette, info = self._palette.palette(), self._info
            return Painter(palette, info.height, info.width, first.format.name).paint
        reformatter = av.video.reformatter.VideoReformatter()
        return partial(reformatter.reformat, format=self._kind.pixel_format)

    def _final_delay(self) -> str:
        """Return how long the last picture is shown, as FFmpeg's muxers take it."""
        wanted = round(self._spill.last_duration / self._kind.tick)
        shown = min(max(wanted, self._kind.least), _LONGEST)
        return str(shown) if self._kind.is_gif else f"{shown * self._kind.tick}"


def _pixels_in(log: EncodedLog, writer: MovieWriter) -> Iterator[Pixels]:
    """Read all frames that a log holds, which are encoded without loss."""
    decoder = writer.decoder()
    reformatter = av.video.reformatter.VideoReformatter()
    for encoded in log.pictures():
        for picture in decoder.decode(av.Packet(encoded.data)):
            yield cast(Pixels, reformatter.reformat(picture, format="rgb24").to_ndarray())
