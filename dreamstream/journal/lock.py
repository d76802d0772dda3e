"""Tells whether a running program holds a folder; its end, even by a kill, lets it go."""

import os
import sys
from pathlib import Path

from dreamstream.journal.own_files import open_own

if sys.platform != "win32":
    import fcntl

LOCK_NAME = "lock"


class FolderLock:
    """A lock on a folder.

    On Windows, which has no such locks, it is never held by anyone.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK_NAME
        self._number: int | None = None

    def take(self) -> bool:
        """Take the lock, unless another program holds it; return whether it is ours.

        Raises:
            ResumeError: The lock's file is a link.
            OSError: The folder can't be written.
        """
        if self._number is not None:
            return True
        number = open_own(self._path, os.O_CREAT | os.O_RDWR)
        if sys.platform != "win32":
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(number)
                return False
        self._number = number
        return True

    def release(self) -> None:
        """Let the lock go."""
        if self._number is not None:
            os.close(self._number)
            self._number = None
