"""Matroska to stdout, for another program to read."""

import contextlib
import logging
import os
import sys
from pathlib import Path

from dreamstream._libraries import av
from dreamstream.config import MediaConfig
from dreamstream.errors import SinkError, TargetError
from dreamstream.frames import Frame, StreamInfo
from dreamstream.sinks.base import Sink, no_frame_came, write_error
from dreamstream.sinks.codecs import choose_codec, encoder_options
from dreamstream.sinks.writer import Encoding, MovieWriter

_LOG = logging.getLogger(__name__)

STDOUT = "-"
"""The target that is stdout."""

_CONTAINER = ".mkv"
"""What can be read without seeking in it, and holds every codec and sound."""

_NAME = Path("stdout")
"""How errors name it."""

_STDOUT, _STDERR = 1, 2
"""File descriptors."""


class PipeSink(Sink):
    """Writes Matroska to stdout, with the source's sound, subtitles, chapters and tags.

    From opening to closing whatever else prints to stdout, libraries included, goes to stderr.

    Args:
        info: The stream to be written.
        media: ``codec`` and ``crf``.

    Raises:
        SinkError: Stdout is a terminal or closed, or the codec does not fit.
    """

    def __init__(self, info: StreamInfo, media: MediaConfig | None = None) -> None:
        media = media or MediaConfig()
        codec = choose_codec(media.codec, _CONTAINER, info)
        encoding = Encoding(codec, encoder_options(codec, media, info))
        if os.isatty(_STDOUT):
            raise TargetError(
                "writing to stdout failed: it is a terminal; send it to a program or a file, as in "
                "'dreamstream in.mp4 - | ffplay -'"
            )
        if info.sample_aspect != 1 and not codec.tells_aspect:
            _LOG.warning(
                "stdout can't tell the pixels' shape (%s) of codec %s: pictures may be shown "
                "squeezed; choose h264 or h265, or write a file",
                *(info.sample_aspect, codec.encoder),
            )
        self._open = True
        self._pipe = _take_stdout()
        try:
            self._writer = MovieWriter(f"pipe:{self._pipe}", _CONTAINER, info, encoding)
        except BaseException as error:
            self._give_back()
            if isinstance(error, (av.error.FFmpegError, OSError, ValueError)):
                raise _pipe_error(error) from error
            raise

    def write(self, frame: Frame) -> None:
        """Encode a frame and send what is ready.

        Raises:
            SinkError: It can't be written: the reader has gone, or the disk is full.
            ValueError: Its size is not the stream's, or its time is not later than the last one's.
        """
        try:
            self._writer.write(frame)
        except (av.error.FFmpegError, OSError) as error:
            raise _pipe_error(error) from error

    def close(self) -> None:
        """Send the rest of the stream.

        Raises:
            SinkError: No frame was written, or the rest can't be sent.
        """
        if not self._open:
            return
        if self._writer.last_time is None:
            self.abort()
            raise no_frame_came(_NAME)
        try:
            self._finish(whole=True)
        except (av.error.FFmpegError, OSError) as error:
            raise _pipe_error(error) from error

    def abort(self) -> None:
        """End the stream with the frames so far, so that its reader has a whole one."""
        if self._open:
            with contextlib.suppress(av.error.FFmpegError, OSError, ValueError):
                self._finish(whole=False)

    def _finish(self, whole: bool) -> None:
        self._open = False
        try:
            if self._writer.last_time is not None:
                self._writer.finish(whole)
        finally:
            self._writer.drop()
            self._give_back()

    def _give_back(self) -> None:
        """Let stdout be stdout again."""
        sys.stdout.flush()
        os.dup2(self._pipe, _STDOUT)
        os.close(self._pipe)


def _pipe_error(error: Exception) -> SinkError:
    """Make the error for what can't be sent."""
    if isinstance(error, BrokenPipeError):
        return SinkError(
            "writing to stdout failed: the program that read it has ended; see what it says"
        )
    return write_error(_NAME, error)


def _take_stdout() -> int:
    """Make a descriptor of our own for stdout, and turn the old one to stderr.

    Raises:
        SinkError: Stdout is closed.
    """
    try:
        sys.stdout.flush()
        own = os.dup(_STDOUT)
        os.dup2(_STDERR, _STDOUT)
    except (OSError, AttributeError) as error:
        raise _pipe_error(error) from error
    return own
