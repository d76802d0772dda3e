"""What an interrupted run has left: proof that it is this program's own, and its removal.

Nothing is removed on the word of a file alone: the folder holds a fingerprint of this program for
this very output and nothing but files of the program's names, and of the files beside it only such
are touched as are named like parts of this output, regular, and no links.
"""

import contextlib
import json
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dreamstream.errors import ResumeError
from dreamstream.file_names import is_part_of, journal_path
from dreamstream.journal.lock import LOCK_NAME, FolderLock
from dreamstream.journal.own_files import is_own, read_own

FORMAT = "3"
"""Of the journal's files; another one can't be resumed."""

PROGRAM = "dreamstream"

FINGERPRINT, STATE, PARTS, SEAL = "fingerprint.json", "state", "parts.txt", "whole.txt"
ENCODED, PICTURES, PICTURE = "encoded.log", "pictures.log", "picture"

_REPLACED = (FINGERPRINT, STATE, PARTS, SEAL)
"""Files that are replaced by a renaming; a kill may leave the new one's first half."""

_NAMES = {LOCK_NAME, *_REPLACED, ENCODED, PICTURES, PICTURE, *(f"{one}.new" for one in _REPLACED)}

_UNBORN = {LOCK_NAME, f"{FINGERPRINT}.new"}
"""Files that lie in the folder before its fingerprint does."""

_TEXT_LIMIT = 1 << 20
"""Bytes of the largest text file in the folder."""


@dataclass(frozen=True)
class Remains:
    """A journal's folder that has been proved to be this program's own.

    Attributes:
        folder: Where it is.
        target: The output whose journal it is.
        run: The run's fingerprint; empty where the run was killed before it was written.
    """

    folder: Path
    target: Path
    run: dict[str, str]

    @property
    def saved_at(self) -> float | None:
        """Time of the latest saved state, in seconds of the epoch; None where there is none."""
        try:
            return (self.folder / STATE).lstat().st_mtime
        except OSError:
            return None

    @property
    def is_held(self) -> bool:
        """Whether a running program holds it."""
        lock = FolderLock(self.folder)
        try:
            return not lock.take()
        except OSError:
            return True
        finally:
            lock.release()

    @property
    def size(self) -> int:
        """Bytes of all its files; 0 where there is none."""
        try:
            return sum(path.lstat().st_size for path in self.folder.iterdir())
        except OSError:
            return 0

    def text(self, name: str) -> str:
        """Return a text file's content; nothing where it is missing or unreadable."""
        try:
            return read_own(self.folder / name, _TEXT_LIMIT).decode()
        except (OSError, ResumeError, UnicodeDecodeError):
            return ""

    def parts(self, kept: Iterable[Path] = ()) -> list[Path]:
        """List the files in which its runs made the output, as far as they can be proved.

        Args:
            kept: Files that are none, whatever is noted: the input may be an earlier part.
        """
        others = [path.resolve() for path in kept]
        names = dict.fromkeys(self.text(PARTS).splitlines())
        found = [self.target.with_name(name) for name in names if is_part_of(name, self.target)]
        return [path for path in found if is_own(path) and path.resolve() not in others]

    def remove(self, kept: Iterable[Path] = ()) -> None:
        """Remove the parts, then the folder."""
        for part in self.parts(kept):
            with contextlib.suppress(OSError):
                part.unlink()
        self.remove_folder()

    def remove_folder(self) -> None:
        """Remove the folder and the files of the program's names in it; another one stays."""
        with contextlib.suppress(OSError):
            for path in sorted(self.folder.iterdir()):
                if path.name in _NAMES and is_own(path):
                    path.unlink()
            self.folder.rmdir()


def find_remains(target: Path) -> Remains | None:
    """Find what an interrupted run of an output has left.

    Returns:
        The folder, proved; None where there is none.

    Raises:
        ResumeError: Something of the folder's name is there and can't be proved.
    """
    folder = journal_path(target)
    try:
        mode = folder.lstat().st_mode
    except OSError:
        return None
    if not stat.S_ISDIR(mode):
        raise _foreign(folder, "it is no folder")
    try:
        entries = list(folder.iterdir())
    except OSError as error:
        raise _foreign(folder, str(error.strerror)) from error
    for path in entries:
        if path.name not in _NAMES or not is_own(path):
            raise _foreign(folder, f"it holds {path.name}")
    if {path.name for path in entries} <= _UNBORN:
        return Remains(folder, target, {})
    return Remains(folder, target, _read_run(folder, target))


def fingerprint_bytes(target: Path, run: dict[str, str]) -> bytes:
    """Return what the fingerprint's file holds."""
    held = {"program": PROGRAM, "format": FORMAT, "output": target.name, "run": run}
    return json.dumps(held, indent=1).encode()


def _read_run(folder: Path, target: Path) -> dict[str, str]:
    """Read the fingerprint of the run that made a folder, and check that it is this output's."""
    try:
        held: Any = json.loads(read_own(folder / FINGERPRINT, _TEXT_LIMIT))
        made = (held["program"], held["format"], held["output"])
        run = {str(name): str(value) for name, value in held["run"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _foreign(folder, f"its {FINGERPRINT} is missing or damaged") from error
    if made[:2] != (PROGRAM, FORMAT):
        raise _foreign(folder, "it was made by another version")
    if made[2] != target.name:
        raise _foreign(folder, f"it was made for {made[2]}")
    return run


def _foreign(folder: Path, reason: str) -> ResumeError:
    return ResumeError(
        f"{folder} can't be used as a journal ({reason}): move it away, or give another OUTPUT"
    )
