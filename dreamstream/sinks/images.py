"""One picture, or numbered ones, as output."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dreamstream._libraries import cv2
from dreamstream.config import MediaConfig
from dreamstream.errors import ResumeError, SinkError, TargetError
from dreamstream.frames import NUMBER, Frame, Pixels, StreamInfo
from dreamstream.journal import Journal
from dreamstream.sinks.base import (
    PartFile,
    Sink,
    no_frame_came,
    refuse_encoder_options,
    require_free,
    require_size,
    write_error,
)

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")

FIRST_NUMBER = 1
"""Number of the first picture, as FFmpeg counts."""

_QUALITY = {
    ".jpg": (cv2.IMWRITE_JPEG_QUALITY, 95),
    ".jpeg": (cv2.IMWRITE_JPEG_QUALITY, 95),
    ".webp": (cv2.IMWRITE_WEBP_QUALITY, 95),
}

_LOSSLESS = {".webp": (cv2.IMWRITE_WEBP_QUALITY, 101)}
"""For pictures with transparency, which are worked on."""


class PictureSink(Sink):
    """A single picture; it comes to its place in one step.

    Args:
        path: The file: .png, .jpg, .jpeg or .webp.
        info: The stream to be written, of one frame.
        media: ``overwrite``.

    Raises:
        SinkError: The stream has more than one frame, or the file can't be created.
    """

    def __init__(self, path: Path, info: StreamInfo, media: MediaConfig | None = None) -> None:
        media = media or MediaConfig()
        refuse_encoder_options(path, media)
        if info.rate is not None and info.frames != 1:
            raise _too_many(path, info.frames)
        self._info = info
        self._part = PartFile(path, info, media.overwrite)
        self._open, self._written = True, False

    def write(self, frame: Frame) -> None:
        """Write the picture beside its target.

        Raises:
            SinkError: It can't be written, or there is one already.
            ValueError: Its size is not the stream's.
        """
        require_size(frame, self._info)
        if self._written:
            raise _too_many(self._part.target, None)
        _write_picture(self._part.path, self._part.target, frame.pixels)
        self._written = True

    def close(self) -> None:
        """Put the picture into place.

        Raises:
            SinkError: There is none, or the system refuses.
        """
        if not self._open:
            return
        if not self._written:
            self.abort()
            raise no_frame_came(self._part.target)
        self._open = False
        self._part.place()

    def abort(self) -> None:
        """Remove what was written: the picture that is there stays."""
        if self._open:
            self._open = False
            self._part.remove()


class PictureSeriesSink(Sink):
    """Numbered pictures; each comes to its place in one step and stays there.

    They keep the numbers of pictures that are read, else they count from 1.  The folder is made.

    With ``overwrite`` earlier pictures are replaced one by one, and those with higher numbers than
    the stream has frames stay.

    Args:
        pattern: The files, with one number: ``out/%05d.png``.
        info: The stream to be written.
        media: ``overwrite``.
        journal: Tells how many pictures there are; those behind them are an interrupted run's too,
            and are replaced.

    Raises:
        SinkError: There are such pictures already, they are what is read, or the folder is missing.
        ResumeError: Pictures that the journal tells of are gone.
    """

    def __init__(
        self,
        pattern: Path,
        info: StreamInfo,
        media: MediaConfig | None = None,
        journal: Journal | None = None,
    ) -> None:
        media = media or MediaConfig()
        refuse_encoder_options(pattern, media)
        if len(NUMBER.findall(pattern.name)) != 1 or "%" in NUMBER.sub("", pattern.name):
            raise TargetError(
                f"writing {pattern} failed: a pattern has one number, such as out/%05d.png"
            )
        self._pattern, self._info, self._journal = pattern, info, journal
        self._overwrite = media.overwrite
        self._written = 0
        _make_folder(pattern)
        for existing in numbered(pattern):
            require_free(existing, info, self._may_replace(existing))
        PartFile(self._path(), info, overwrite=True).remove()  # may we write there?
        if journal is not None:
            journal.begin()
            if journal.resumes:
                self._go_on(journal.frames)

    def write(self, frame: Frame) -> None:
        """Write the next picture.

        Raises:
            SinkError: It can't be written.
            ValueError: Its size is not the stream's.
        """
        require_size(frame, self._info)
        path = self._path()
        if self._journal is None:
            self._place(path, frame.pixels)
        else:
            require_free(path, self._info, self._may_replace(path))
            data = _encode_picture(path, frame.pixels)
            try:
                self._journal.pictures.place(path, data)
            except OSError as error:
                raise write_error(path, error) from error
        self._written += 1

    def close(self) -> None:
        """Do nothing: every picture is in its place already."""

    def abort(self) -> None:
        """Keep the pictures so far, which are whole."""

    def _go_on(self, written: int) -> None:
        """Go on behind pictures that an interrupted run has written."""
        for self._written in range(written):
            if not self._path().exists():
                raise ResumeError(
                    f"resuming {self._pattern} failed: {self._path()} is gone; leave out --resume "
                    "to restart"
                )
        self._written = written

    def _may_replace(self, path: Path) -> bool:
        """Return whether a picture that is there may be replaced: an interrupted run's own may."""
        own = self._journal is not None and self._journal.pictures.holds(path)
        return self._overwrite or own

    def _place(self, path: Path, pixels: Pixels) -> None:
        part = PartFile(path, self._info, self._overwrite)
        try:
            _write_picture(part.path, part.target, pixels)
        except BaseException:
            part.remove()
            raise
        part.place()

    def _path(self) -> Path:
        name = self._pattern.name
        number = NUMBER.search(name)
        width = int(number[1] or 0) if number else 0
        numbers = self._info.numbers or ()
        own = self._written < len(numbers)
        shown = numbers[self._written] if own else FIRST_NUMBER + self._written
        return self._pattern.with_name(NUMBER.sub(f"{shown:0{width}d}", name))


def _make_folder(pattern: Path) -> None:
    try:
        pattern.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(pattern, error) from error


def numbered(pattern: Path) -> Iterator[Path]:
    """Find the pictures that a pattern names.

    Args:
        pattern: The files, with one number.
    """
    before, after = NUMBER.split(pattern.stem)[0], NUMBER.split(pattern.stem)[-1]
    stem = re.escape(before) + r"\d+" + re.escape(after)
    expected = re.compile(stem + re.escape(pattern.suffix))
    if pattern.parent.is_dir():
        yield from (path for path in pattern.parent.iterdir() if expected.fullmatch(path.name))


def _write_picture(path: Path, target: Path, pixels: Pixels) -> None:
    """Encode a picture and write it to ``path``; errors speak of ``target``."""
    data = _encode_picture(target, pixels)
    try:
        path.write_bytes(data)
    except OSError as error:
        raise write_error(target, error) from error


def _encode_picture(target: Path, pixels: Pixels) -> bytes:
    """Encode a (H, W, 3 or 4) uint8 RGB or RGBA picture as a target's suffix says."""
    suffix = target.suffix.lower()
    stored = np.ascontiguousarray(pixels[..., [2, 1, 0, 3][: pixels.shape[2]]])
    try:
        quality = _LOSSLESS if pixels.shape[2] == 4 else _QUALITY
        done, data = cv2.imencode(suffix, stored, quality.get(suffix, ()))
    except cv2.error:
        done = False
    if not done:
        raise SinkError(
            f"writing {target} failed: {target.suffix} can't hold {pixels.shape[1]}x"
            f"{pixels.shape[0]} pixels; choose .png"
        )
    return data.tobytes()


def _too_many(path: Path, frames: int | None) -> TargetError:
    numbered = path.with_name(f"{path.stem}-%05d{path.suffix}")
    held = f"{frames} frames" if frames else "more than one frame"
    return TargetError(
        f"writing {path} failed: it holds one picture and the input has {held}; give {numbered} "
        "for all, or --preview TIME for one"
    )
