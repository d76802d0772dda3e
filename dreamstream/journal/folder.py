"""The journal: a folder beside an output that is being made, from which the run can be resumed."""

import contextlib
import io
import json
import os
import shutil
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from dreamstream.errors import ResumeError, SinkError
from dreamstream.journal.encoded_log import Tape, TapeEnd
from dreamstream.journal.fingerprint import Terms, differences
from dreamstream.journal.lock import FolderLock

DreamerState: TypeAlias = Mapping[str, npt.NDArray[Any]]
"""What a dreamer remembers: named arrays, numbers among them."""

SAVE_SECONDS = 2.0
"""Least time between two savings of the state.  It is some megabytes; what was dreamed since is
dreamed again, to the same result."""

_FORMAT = "2"
"""Of the journal's files; another one can't be resumed."""

_TERMS, _STATE, _PARTS, _SEAL = "terms.json", "state.npz", "parts.txt", "whole.txt"
_POSITION = "position"
_OF_DREAMER = "dreamer/"


@dataclass(frozen=True, slots=True)
class _Point:
    """A moment at which sink and dreamer agree: after so many frames of the source."""

    frames: int
    tape: TapeEnd
    dreamer: DreamerState


class Journal:
    """Keeps what a run needs to go on after an interruption.

    Leaving a ``with`` normally removes it, since the output is whole; leaving it with an exception
    saves the last frame's state.  Its folder is made when the output is begun.

    What counts is decided by one renaming, of the state's file: it tells how many bytes of the
    other files belong to it.

    Args:
        folder: Where it lies.
        terms: What a run that resumes it must have in common with this one.
        overwrite: Whether this run may replace an existing output.
        lock: The folder's, where it is held already.

    Attributes:
        overwrite: As given, or as the interrupted run was allowed to.
        frames: Frames of the source that need not be dreamed again.
        dreamer: The dreamer's state after them; None at the beginning.
        tape: What has been written.
    """

    def __init__(
        self, folder: Path, terms: Terms, overwrite: bool, lock: FolderLock | None = None
    ) -> None:
        self._folder, self._terms, self.overwrite = folder, terms, overwrite
        self._lock = lock or FolderLock(folder)
        self._begun, self._saved_at = False, 0.0
        self._own: set[Path] = set()
        point = _read_point(folder)
        self.frames = 0 if point is None else point.frames
        self.dreamer = None if point is None else point.dreamer
        self.tape = Tape(folder, TapeEnd() if point is None else point.tape)
        self._replayed = self.tape.end.segment
        self._point = self._saved = point

    @property
    def resumes(self) -> bool:
        """Whether it holds what an interrupted run has dreamed."""
        return self.dreamer is not None

    @classmethod
    def resumed(cls, folder: Path, terms: Terms) -> Self:
        """Open an interrupted run's journal for a run that resumes it, and hold it.

        Raises:
            ResumeError: Another program holds it, it is damaged, or the terms differ; the message
                says in what.
        """
        held = _read_terms(folder)
        if held["format"] != _FORMAT:
            raise ResumeError("it was made by another version of dreamstream")
        changed = differences(held["terms"], terms)
        if changed:
            raise ResumeError(changed)
        lock = FolderLock(folder)
        if not lock.take():
            raise ResumeError("another program is writing it")
        try:
            return cls(folder, terms, held["overwrite"], lock)
        except BaseException:
            lock.release()
            raise

    def begin(self, part: Path | None = None) -> None:
        """Make the folder, at the first call; note a file in which the output is being made.

        Raises:
            SinkError: It can't be made.
        """
        try:
            if not self._begun:
                self._make()
            if part is not None and part not in self._own:
                self._own.add(part)
                with (self._folder / _PARTS).open("a", encoding="utf-8") as file:
                    file.write(f"{part.name}\n")
        except OSError as error:
            raise self._write_error(error) from error

    def note(self, frames: int, dreamer: DreamerState) -> None:
        """Note that a frame is dreamed and written; from time to time this reaches the disk.

        Args:
            frames: How many of the source are by now.
            dreamer: The dreamer's state after them; its arrays must stay as they are.

        Raises:
            SinkError: It can't be written.
        """
        self._point = _Point(frames, self.tape.end, dreamer)
        if self._saved is not None and time.monotonic() < self._saved_at + SAVE_SECONDS:
            return
        try:
            self._save()
        except OSError as error:
            raise self._write_error(error) from error
        if self.tape.end.segment > self._replayed + 1:
            self.drop_old_parts()

    def drop_old_parts(self) -> None:
        """Remove what earlier runs have left of the output: the present part holds as much."""
        for part in noted_parts(self._folder):
            if part not in self._own:
                with contextlib.suppress(OSError):
                    part.unlink(missing_ok=True)

    def seal(self, whole: Path) -> None:
        """Note that the output is whole, on the disk, and only has to be put into its place.

        A run that is killed after that can be told from one that has not come so far.

        Raises:
            SinkError: The system refuses.
        """
        try:
            with whole.open("rb+") as file:
                os.fsync(file.fileno())
            _write_whole(self._folder / _SEAL, _identity(whole).encode())
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
            self._leave()

    def remove(self) -> None:
        """Remove all of it, and earlier runs' parts of the output."""
        self.drop_old_parts()
        self.tape.close()
        if self._folder.exists():
            shutil.rmtree(self._folder, ignore_errors=True)
        self._lock.release()

    def _leave(self) -> None:
        """Save the last frame's state; a folder without any is of no use."""
        if self._begun and self._point is not None and self._point is not self._saved:
            with contextlib.suppress(OSError):  # the one before it still counts
                self._save()
        self.tape.close()
        if self._begun and self._saved is None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._lock.release()

    def _make(self) -> None:
        self._folder.mkdir(exist_ok=self.resumes)
        self._lock.take()
        self._begun = True
        if self.resumes:
            return
        held = {"format": _FORMAT, "overwrite": self.overwrite, "terms": dict(self._terms)}
        _write_whole(self._folder / _TERMS, json.dumps(held, indent=1).encode())

    def _save(self) -> None:
        """Write the state that belongs to what is on the tape."""
        point = self._point
        if point is None:
            return
        self.tape.sync()
        end = point.tape
        position = np.array([point.frames, end.pictures, end.segment, end.frames], np.int64)
        arrays = {f"{_OF_DREAMER}{name}": array for name, array in point.dreamer.items()}
        packed = io.BytesIO()
        np.savez(packed, allow_pickle=False, **{_POSITION: position}, **arrays)
        _write_whole(self._folder / _STATE, packed.getvalue())
        self._saved, self._saved_at = point, time.monotonic()
        if end.segment == self.tape.end.segment:
            self.tape.forget_closed()

    def _write_error(self, error: OSError) -> SinkError:
        return SinkError(
            f"writing {self._folder} failed ({error.strerror}); free some space, then go on with "
            "--resume"
        )


def _read_point(folder: Path) -> _Point | None:
    """Read the state; None where there is none.

    Raises:
        ResumeError: It is damaged.
    """
    path = folder / _STATE
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            frames, pictures, segment, kept = (int(number) for number in arrays[_POSITION])
            dreamer = {
                name.removeprefix(_OF_DREAMER): arrays[name]
                for name in arrays.files
                if name.startswith(_OF_DREAMER)
            }
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ResumeError(f"{path} is damaged") from error
    return _Point(frames, TapeEnd(pictures, segment, kept), dreamer)


def _read_terms(folder: Path) -> dict[str, Any]:
    """Read what a run was made with.

    Raises:
        ResumeError: It is damaged.
    """
    try:
        held = json.loads((folder / _TERMS).read_text(encoding="utf-8"))
        return {name: held[name] for name in ("format", "overwrite", "terms")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ResumeError(f"{folder / _TERMS} is damaged") from error


def is_placed(folder: Path, target: Path) -> bool:
    """Tell whether a run had come so far that its whole output took the target's place."""
    try:
        return (folder / _SEAL).read_text() == _identity(target)
    except OSError:
        return False


def _identity(path: Path) -> str:
    """Tell a file so that it is known again under another name."""
    status = path.stat()
    return f"{status.st_ino} {status.st_size} {status.st_mtime_ns}"


def noted_parts(folder: Path) -> list[Path]:
    """List the files, there or not, in which a journal's runs made their output."""
    try:
        names = (folder / _PARTS).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    # names only, whatever stands in the file: nothing outside the output's folder is removed
    return [folder.parent / Path(name).name for name in names if Path(name).name]


def has_state(folder: Path) -> float | None:
    """Give the time at which a journal's state was saved last; None where it has none."""
    try:
        return (folder / _STATE).stat().st_mtime
    except OSError:
        return None


def _write_whole(path: Path, data: bytes) -> None:
    """Write a file so that a kill, or power gone, leaves the old one or the new one."""
    new = path.with_name(f"{path.name}.new")
    with new.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
