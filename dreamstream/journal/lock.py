"""Tells whether a running program holds a folder; its end, even by a kill, lets it go."""

import os
import sys
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_NAME = "lock"


class FolderLock:
    """A lock on a folder.

    On Windows, which has no such locks, it is never held by anyone.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _NAME
        self._number: int | None = None

    def take(self) -> bool:
        """Take the lock, unless another program holds it; tell whether it is ours.

        Raises:
            OSError: The folder can't be written.
        """
        if self._number is not None:
            return True
        number = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o666)
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
