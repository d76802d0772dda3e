"""The journal: a folder beside an output that is being made, from which the run can be resumed."""

import contextlib
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from dreamstream.errors import ResumeError, SinkError
from dreamstream.file_names import journal_path
from dreamstream.journal import remains as files
from dreamstream.journal.encoded_log import EncodedLog
from dreamstream.journal.fingerprint import Fingerprint
from dreamstream.journal.lock import FolderLock
from dreamstream.journal.own_files import read_own, replace_own
from dreamstream.journal.picture_log import PictureLog
from dreamstream.journal.remains import Remains
from dreamstream.journal.state_file import pack_arrays, unpack_arrays

DreamerState: TypeAlias = Mapping[str, npt.NDArray[Any]]
"""What a dreamer remembers: named arrays, numbers among them."""

SAVE_SECONDS = 2.0
"""Least time between two savings of the state.  It is up to some megabytes; what was dreamed since
is dreamed again, to the same result."""

PAUSE = 20.0
"""Least time between two savings, in times that the last one took: of numbered pictures, every one
of which may be the last, saving then takes a twentieth at the most."""

_POSITION = "position"
_OF_DREAMER = "dreamer/"

_MOST_FRAMES = 1 << 40
"""More than any film has."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a journal knows of the run that keeps it.

    Attributes:
        fingerprint: What a run that resumes it must have in common with it.
        segment_frames: Most frames that the output's encoder makes as one segment, the open one of
            which is dreamed again.
        state_bytes: Most bytes that the dreamer's state takes.
        reads: What is read, which is never taken for a part of the output.
    """

    fingerprint: Fingerprint
    segment_frames: int = 50
    state_bytes: int = 1 << 30
    reads: frozenset[Path] = frozenset()


@dataclass(frozen=True, slots=True)
class _Point:
    """A moment at which output and dreamer agree: after so many frames of the source."""

    frames: int
    encoded: int
    dreamer: DreamerState


class Journal:
    """Keeps what a run needs to go on after an interruption: its state at the ends of segments.

    Leaving a ``with`` normally removes it, since the output is whole; leaving it with an exception
    saves the latest state.  Its folder is made when the output is begun.

    What counts is decided by one renaming, of the state's file: it tells how many bytes of the
    encoded log belong to it.

    Args:
        target: The output.
        run: The run that keeps it.
        remains: What an interrupted run has left; None where it has left nothing.
        lock: That of the remains where they are resumed; otherwise they are replaced.

    Attributes:
        run: As given.
        follows: Whether an interrupted run was before, be it resumed or replaced.
        frames: Frames of the source that need not be dreamed again.
        dreamer: The dreamer's state after them; None at the beginning.
        encoded: What has been written of a film.
        pictures: What has been written of numbered pictures.
    """

    def __init__(
        self, target: Path, run: Run, remains: Remains | None = None, lock: FolderLock | None = None
    ) -> None:
        folder = journal_path(target)
        self.run = run
        self._own = Remains(folder, target, dict(run.fingerprint))
        self.follows, self._old = remains is not None, remains
        self._lock = lock or FolderLock(folder)
        self._begun, self._save_next = False, 0.0
        self._parts: list[Path] = []
        point = None if lock is None else _read_point(folder, run.state_bytes)
        self.frames = 0 if point is None else point.frames
        self.dreamer = None if point is None else point.dreamer
        self.encoded = EncodedLog(folder / files.ENCODED, 0 if point is None else point.encoded)
        self.pictures = PictureLog(folder, resumes=lock is not None, follows=remains is not None)
        self._point = self._saved = point

    @property
    def resumes(self) -> bool:
        """Whether it holds what an interrupted run has dreamed."""
        return self.dreamer is not None

    @property
    def replaces(self) -> bool:
        """Whether what an interrupted run has left is removed when this one begins."""
        return self._old is not None and not self.resumes

    def begin(self, part: Path | None = None) -> None:
        """Make the folder, at the first call; note a file in which the output is being made.

        Raises:
            SinkError: It can't be made.
        """
        try:
            if not self._begun:
                self._make()
            if part is not None and part not in self._parts:
                self._parts.append(part)
                noted = [path.name for path in (*self._own.parts(), part)]
                text = "".join(f"{name}\n" for name in dict.fromkeys(noted))
                replace_own(self._own.folder / files.PARTS, text.encode())
        except OSError as error:
            raise self._write_error(error) from error

    @property
    def size(self) -> int:
        """Bytes of its folder; 0 where there is none."""
        return self._own.size

    @property
    def folder(self) -> Path:
        """The folder, there or not."""
        return self._own.folder

    @property
    def saved_frames(self) -> int:
        """Frames after which a run that resumes this one goes on."""
        return 0 if self._saved is None else self._saved.frames

    def clear_place(self) -> None:
        """Remove what an interrupted run has left, where this one does not resume it.

        Raises:
            ResumeError: Another program has begun to write the output meanwhile.
        """
        if self._old is not None and self.replaces:
            if self._old.is_held:
                raise _written_by_another(self._own.target)
            self._old.remove(self.run.reads)
            self._old = None

    def note(self, frames: int, dreamer: DreamerState) -> None:
        """Note that a frame is dreamed and written; ends of segments reach the disk in time.

        Args:
            frames: How many of the source are by now.
            dreamer: The dreamer's state after them; its arrays must stay as they are.

        Raises:
            SinkError: It can't be written.
        """
        if not self.encoded.is_closed:
            return
        self._point = _Point(frames, self.encoded.end, dreamer)
        if self._saved is not None and time.monotonic() < self._save_next:
            return
        try:
            self._save()
        except OSError as error:
            raise self._write_error(error) from error
        self._drop_outgrown_parts()

    def keep_larger_part(self, part: Path) -> Path:
        """Keep, of this run's part and those of earlier ones, the one that holds most.

        Args:
            part: This run's, finished.

        Returns:
            The part that is left.
        """
        old = self._old_parts()
        largest = max([part, *(path for path in old if path.suffix == part.suffix)], key=_size)
        for path in (part, *old):
            if path != largest:
                path.unlink(missing_ok=True)
        return largest

    def seal(self, whole: Path) -> None:
        """Note that the output is whole, on the disk, and only has to be put into its place.

        A run that is killed after that can be told from one that has not come so far.

        Raises:
            SinkError: The system refuses.
        """
        try:
            with whole.open("rb+") as file:
                os.fsync(file.fileno())
            replace_own(self._own.folder / files.SEAL, _identity(whole).encode())
        except OSError as error:
            raise self._write_error(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.remove()
        else:
            self.leave()

    def remove(self) -> None:
        """Remove all of it, and earlier runs' parts of the output."""
        self._close_files()
        if self._begun or self.resumes:
            self._own.remove(self.run.reads)
        self._lock.release()

    def leave(self) -> None:
        """Save the latest state; a folder without any, a part or a picture is of no use."""
        if self._begun and self._point is not None and self._point is not self._saved:
            with contextlib.suppress(OSError):  # the one before it still counts
                self._save()
        self._close_files()
        left = self._own.parts(self.run.reads) or not self.pictures.is_empty
        if self._begun and self._saved is None and not left:
            self._own.remove_folder()
        self._lock.release()

    def _close_files(self) -> None:
        self.encoded.close()
        self.pictures.close()

    def _make(self) -> None:
        if not self.resumes:
            self.clear_place()
            self._make_folder()
            if not self._lock.take():
                raise _written_by_another(self._own.target)
            proof = files.fingerprint_bytes(self._own.target, self._own.run)
            replace_own(self._own.folder / files.FINGERPRINT, proof)
        self._begun = True

    def _make_folder(self) -> None:
        try:
            self._own.folder.mkdir()
        except FileExistsError as error:
            raise _written_by_another(self._own.target) from error

    def _drop_outgrown_parts(self) -> None:
        """Remove earlier runs' parts once this one's holds as much."""
        for path in self._old_parts():
            if self._parts and _size(path) <= _size(self._parts[0]):
                path.unlink(missing_ok=True)

    def _old_parts(self) -> list[Path]:
        return [path for path in self._own.parts(self.run.reads) if path not in self._parts]

    def _save(self) -> None:
        """Write the state that belongs to what is in the logs."""
        point = self._point
        if point is None:
            return
        begun = time.monotonic()
        self.encoded.sync()
        position = np.array([point.frames, point.encoded], np.int64)
        arrays = {f"{_OF_DREAMER}{name}": array for name, array in point.dreamer.items()}
        packed = pack_arrays({_POSITION: position, **arrays})
        replace_own(self._own.folder / files.STATE, packed)
        self._saved, now = point, time.monotonic()
        self._save_next = now + max(SAVE_SECONDS, PAUSE * (now - begun))

    def _write_error(self, error: OSError) -> SinkError:
        return SinkError(
            f"writing {self._own.folder} failed ({error.strerror}); free some space, then go on "
            "with --resume"
        )


def _written_by_another(target: Path) -> ResumeError:
    return ResumeError(f"writing {target} failed: another program is writing it")


def _read_point(folder: Path, most: int) -> _Point | None:
    """Read the state, of at most so many bytes; None where there is none.

    Raises:
        ResumeError: It is damaged, or tells of what can't be.
    """
    path = folder / files.STATE
    if not path.exists():
        return None
    try:
        arrays = unpack_arrays(read_own(path, most), most)
        frames, encoded = map(int, arrays.pop(_POSITION))
    except (OSError, ValueError, KeyError, TypeError, ResumeError) as error:
        raise ResumeError(f"{path} is damaged") from error
    log = folder / files.ENCODED
    if not 0 < frames < _MOST_FRAMES or not 0 <= encoded <= _size(log):
        raise ResumeError(f"{path} is damaged: it counts more than {log.name} holds")
    state = {name.removeprefix(_OF_DREAMER): array for name, array in arrays.items()}
    return _Point(frames, encoded, state)


def is_placed(remains: Remains) -> bool:
    """Return whether a run had come so far that its whole output took the target's place."""
    try:
        return remains.text(files.SEAL) == _identity(remains.target)
    except OSError:
        return False


def _identity(path: Path) -> str:
    """Tell a file so that it is known again under another name."""
    status = path.stat()
    return f"{status.st_ino} {status.st_size} {status.st_mtime_ns}"


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
