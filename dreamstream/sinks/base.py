"""What every sink can do, and how a file comes to its place only when it is whole."""

import contextlib
import errno
import os
import shutil
import stat
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from dreamstream.config import MediaConfig
from dreamstream.errors import SinkError, TargetError
from dreamstream.file_names import part_path
from dreamstream.frames import Frame, StreamInfo

MP4_SUFFIXES = (".mp4", ".mov")
"""Suffixes of the containers that are fragmented while they are written."""


class Sink(Protocol):
    """Keeps a stream of frames.

    Leaving a ``with`` normally closes the sink: the whole output comes to its place.  Leaving it
    with an exception, a Ctrl-C included, aborts it: the old output stays as it was.
    """

    @property
    def partial(self) -> Path | None:
        """The file that holds what was written before an abort; None where there is none."""
        return None

    @property
    def keeps_to_its_thread(self) -> bool:
        """Whether it must be written to in the thread that opened it, as windows must."""
        return False

    def write(self, frame: Frame) -> None:
        """Keep a frame.

        Args:
            frame: Its time is later than the one before it; its size is the stream's.

        Raises:
            SinkError: It can't be written.
            SinkClosed: Whoever watches has closed the output.
            ValueError: Its size is not the stream's.
        """
        ...

    def close(self) -> None:
        """Finish the output; closing twice, or after an abort, does nothing.

        Raises:
            SinkError: It can't be finished; what there is of it is kept as ``partial``.
        """

    def abort(self) -> None:
        """Give up: keep what was written as ``partial`` where it is of use; raise nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()


class PartFile:
    """A new file beside its target, which it replaces when it is whole.

    Its name is the target's with ``.part`` before the suffix, or ``.part2`` and so on where an
    earlier one lies there: nothing is ever lost.

    Args:
        target: The file to be.
        info: The stream to be written; its own file is refused as target.
        overwrite: Whether an existing target is replaced.
        suffix: The new file's suffix, where it is not its target's.

    Attributes:
        path: The file to write to; it exists, empty.

    Raises:
        SinkError: The target exists, is what is read, or its folder is missing or unwritable.
    """

    def __init__(
        self, target: Path, info: StreamInfo, overwrite: bool, suffix: str | None = None
    ) -> None:
        require_free(target, info, overwrite)
        self.target, self._overwrite = target, overwrite
        self.path = self._reserve(suffix or target.suffix)

    def place(self) -> None:
        """Put the file into its target's place.

        Raises:
            SinkError: The system refuses, or another program has made the target meanwhile.
        """
        if is_pipe(self.target):
            self._pour()
            return
        if self.target.exists() and not self._overwrite:
            raise SinkError(
                f"writing {self.target} failed: it has been made meanwhile; the output is "
                f"{self.path}"
            )
        try:
            os.replace(self.path, self.target)
        except OSError as error:
            raise SinkError(
                f"writing {self.target} failed ({error.strerror}); the output is {self.path}"
            ) from error

    def _pour(self) -> None:
        """Write the file into the pipe that is its target; this waits for who reads it."""
        try:
            with self.path.open("rb") as whole, self.target.open("wb") as pipe:
                shutil.copyfileobj(whole, pipe)
        except OSError as error:
            raise SinkError(
                f"writing {self.target} failed ({error.strerror}); the output is {self.path}"
            ) from error
        self.remove()

    def remove(self) -> None:
        """Remove the file."""
        with contextlib.suppress(OSError):
            self.path.unlink()

    def _reserve(self, suffix: str) -> Path:
        """Create the file under the first free name."""
        number = 1
        while True:
            path = part_path(self.target, number, suffix)
            try:
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
                return path
            except FileExistsError:
                number += 1
            except OSError as error:
                raise write_error(self.target, error) from error


def require_free(target: Path, info: StreamInfo, overwrite: bool) -> None:
    """Refuse a target that must not be written.

    Raises:
        TargetError: It exists and ``overwrite`` is off, it is what is read, it is a folder, or its
            own folder is missing.
    """
    try:
        problem = _find_obstacle(target, info, overwrite)
    except OSError as error:  # a name too long, a folder that may not be searched
        raise write_error(target, error) from error
    if problem:
        raise TargetError(f"writing {target} failed: {problem}")


def _find_obstacle(target: Path, info: StreamInfo, overwrite: bool) -> str | None:
    """Return what stands against a target, and the remedy."""
    if not target.parent.is_dir():
        return f"there is no folder {target.parent}; make it with 'mkdir -p {target.parent}'"
    if target.is_dir():
        return f"it is a folder; give a file in it, or numbered pictures as {target}/%05d.png"
    if not target.exists() or is_pipe(target):
        return None
    if target.resolve() in info.reads or any(target.samefile(path) for path in _first(info)):
        return "it is the input; give another output"
    return None if overwrite else "it exists; give another output, or -y to replace it"


def written_through(target: str) -> str:
    """Return where a target comes to lie: it, or the file that it is a link to, there or not."""
    return os.path.realpath(target) if os.path.islink(target) else target


def is_pipe(target: Path) -> bool:
    """Return whether a target is a named pipe, which is written through, not replaced."""
    try:
        return stat.S_ISFIFO(target.stat().st_mode)
    except OSError:
        return False


def _first(info: StreamInfo) -> list[Path]:
    return [info.path] if info.path is not None and info.path.exists() else []


def write_error(target: Path, error: Exception) -> SinkError:
    """Make the error for a write that the system or the encoder refuses."""
    number = getattr(error, "errno", None)
    reason = getattr(error, "strerror", None) or str(error)
    remedies = {
        errno.ENOSPC: "free some space or write to another disk",
        errno.EDQUOT: "free some space or write to another disk",
        errno.EACCES: "choose a folder in which you may write",
        errno.EROFS: "choose a folder in which you may write",
    }
    remedy = remedies.get(number or 0, "check the disk, or choose another output or --codec")
    return SinkError(f"writing {target} failed ({reason}); {remedy}")


def no_frame_came(target: Path) -> SinkError:
    """Make the error for an output that is finished without a frame."""
    return SinkError(f"writing {target} failed: no frame came; check the input")


def refuse_encoder_options(target: Path, media: MediaConfig) -> None:
    """Raise a TargetError where an option of video files is given for another output."""
    given = [name for name in ("codec", "crf") if getattr(media, name) is not None]
    if given:
        raise TargetError(
            f"writing {target} failed: --{given[0]} is for video files; leave it out, or give an "
            ".mp4"
        )


def require_size(frame: Frame, info: StreamInfo) -> None:
    """Raise a ValueError unless a frame has the size of its stream."""
    wanted = (info.height, info.width, 4 if info.alpha else 3)
    if frame.pixels.shape != wanted:
        raise ValueError(
            f"frame {frame.index}: shape {frame.pixels.shape} is not the stream's {wanted}"
        )
