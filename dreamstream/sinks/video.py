"""Video files: playable at any moment, in place only when whole."""

import contextlib
from dataclasses import replace
from pathlib import Path

from dreamstream._libraries import av, file_url
from dreamstream.config import MediaConfig
from dreamstream.errors import ResumeError
from dreamstream.frames import Frame, StreamInfo
from dreamstream.journal import Journal
from dreamstream.sinks.alpha import alpha_codec
from dreamstream.sinks.base import (
    MP4_SUFFIXES,
    PartFile,
    Sink,
    no_frame_came,
    require_free,
    write_error,
)
from dreamstream.sinks.codecs import USUAL_CODEC, choose_codec, encoder_options
from dreamstream.sinks.display import tell_shape
from dreamstream.sinks.faststart import move_index_to_front
from dreamstream.sinks.writer import Encoding, MovieWriter

VIDEO_SUFFIXES = tuple(USUAL_CODEC)


class VideoSink(Sink):
    """A video file with the source's sound, subtitles, chapters and tags.

    While it is written it lies beside its target as ``NAME.part.SUFFIX``, playable even after a
    kill; closing puts it into place, aborting leaves it there.  Sizes are kept: h264 stores odd
    ones in 4:4:4, which computers play and some phones don't; vp9 and av1 have no such limit.

    Args:
        path: The file: .mp4, .mov, .mkv or .webm.
        info: The stream to be written.
        media: ``codec``, ``crf`` and ``overwrite``.
        journal: Keeps what is written; what it holds already is written at once.

    Raises:
        SinkError: The codec does not fit, or the file can't be created.
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
        suffix = path.suffix.lower()
        if info.alpha:
            codec = alpha_codec(media.codec, suffix)
        else:
            codec = choose_codec(media.codec, suffix, info)
        encoding = Encoding(codec, encoder_options(codec, media, info))
        self._info, self._open, self._journal = info, True, journal
        self._part = reserve_part(path, info, media, journal)
        self._partial: Path | None = None
        try:
            self._writer = open_writer(self._part, suffix, info, encoding, journal)
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
        try:
            self._writer.write(frame)
        except (av.error.FFmpegError, OSError) as error:
            raise write_error(self._part.target, error) from error

    def close(self) -> None:
        """Finish the file and put it into place.

        Raises:
            SinkError: No frame was written, or the file can't be finished; ``partial`` tells what
                is left.
        """
        if not self._open:
            return
        if self._writer.last_time is None:
            self.abort()
            raise no_frame_came(self._part.target)
        try:
            self._writer.finish(whole=True)
        except BaseException as error:
            self.abort()
            if isinstance(error, (av.error.FFmpegError, OSError)):
                raise write_error(self._part.target, error) from error
            raise
        self._open = False
        self._partial = self._part.path
        with contextlib.suppress(OSError):  # no space for a second copy: the file is whole
            self._tell_shape()
            if self._part.target.suffix.lower() in MP4_SUFFIXES:
                move_index_to_front(self._part.path)
        if self._journal is not None:
            self._journal.seal(self._part.path)
        self._part.place()
        self._partial = None

    def abort(self) -> None:
        """Finish the file where it lies, with the frames so far; without any it is removed."""
        if not self._open:
            return
        self._open = False
        if self._writer.last_time is None:
            self._writer.drop()
            self._part.remove()
            return
        self._partial = self._part.path
        with contextlib.suppress(av.error.FFmpegError, OSError, ValueError):
            if not self._writer.is_closed:  # else closing it has failed
                self._writer.finish(whole=False)
            self._tell_shape()
            if self._journal is not None:
                self._partial = self._journal.keep_larger_part(self._part.path)
        self._writer.drop()

    def _tell_shape(self) -> None:
        if self._part.target.suffix.lower() not in MP4_SUFFIXES:
            tell_shape(self._part.path, self._info)


def reserve_part(
    path: Path,
    info: StreamInfo,
    media: MediaConfig,
    journal: Journal | None,
    suffix: str | None = None,
) -> PartFile:
    """Reserve the file to write to, in the place of what an interrupted run has left.

    Args:
        path: The output.
        info: The stream to be written.
        media: ``overwrite``.
        journal: That of the run; None where it keeps none.
        suffix: The new file's suffix, where it is not the output's.

    Raises:
        SinkError: The output may not be written.
        ResumeError: Another program is writing it.
    """
    require_free(path, info, media.overwrite)  # before anything is removed for its sake
    if journal is not None:
        journal.clear_place()
    return PartFile(path, info, media.overwrite, suffix)


def open_writer(
    part: PartFile,
    suffix: str,
    info: StreamInfo,
    encoding: Encoding,
    journal: Journal | None,
) -> MovieWriter:
    """Open the writer of a film, and let it write what a journal holds.

    Args:
        part: The file to write to.
        suffix: The container's.
        info: The stream to be written.
        encoding: The codec and its options.
        journal: That of the run; None where it keeps none.

    Raises:
        ResumeError: The journal is damaged.
    """
    if journal is None:
        return MovieWriter(file_url(part.path), suffix, info, encoding)
    journal.begin(part.path)
    encoding = replace(encoding, longest=journal.run.segment_frames)
    writer = MovieWriter(file_url(part.path), suffix, info, encoding, journal.encoded)
    try:
        count = writer.replay()
        is_thinned = suffix != part.target.suffix.lower()  # an animation leaves frames out
        if not (count == journal.frames or (is_thinned and count < journal.frames)):
            raise ResumeError(
                f"resuming {part.target} failed: {journal.folder} is damaged, as it holds {count} "
                f"pictures of {journal.frames} frames; leave out --resume to restart"
            )
    except BaseException:
        writer.drop()
        raise
    return writer
