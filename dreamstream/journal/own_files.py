"""Files of the journal's folder, read and written with distrust: never through a link."""

import os
import stat
from pathlib import Path

from dreamstream.errors import ResumeError

_NOT_THROUGH_LINKS = getattr(os, "O_NOFOLLOW", 0)
"""Windows alone lacks it; there links need a privilege to be made."""

_BINARY = getattr(os, "O_BINARY", 0)
"""Windows alone has it, and needs it."""


def is_own(path: Path) -> bool:
    """Return whether a path is a regular file under one name: no link of either kind, no folder."""
    try:
        return _is_plain(path.lstat())
    except OSError:
        return False


def open_own(path: Path, flags: int) -> int:
    """Open a file that must be regular and no link.

    Args:
        path: The file.
        flags: As of :func:`os.open`, without ``O_TRUNC``: nothing is changed before the check.

    Returns:
        The file descriptor.

    Raises:
        ResumeError: It is a link, has a second name, or is no regular file.
        OSError: The system refuses.
    """
    if path.is_symlink():
        raise _foreign(path)
    number = os.open(path, flags | _NOT_THROUGH_LINKS | _BINARY, 0o666)
    if _is_plain(os.fstat(number)):
        return number
    os.close(number)
    raise _foreign(path)


def read_own(path: Path, most: int) -> bytes:
    """Read a whole file.

    Args:
        path: The file.
        most: Bytes that it may have.

    Raises:
        ResumeError: It is no regular file, or larger.
        OSError: The system refuses.
    """
    with os.fdopen(open_own(path, os.O_RDONLY), "rb") as file:
        if os.fstat(file.fileno()).st_size > most:
            raise ResumeError(f"{path} is damaged: it is larger than any that dreamstream writes")
        return file.read()


def write_own(path: Path, data: bytes) -> None:
    """Write a file in place of an older one, and make sure that it is on the disk.

    Raises:
        ResumeError: There is something of its name that is no regular file.
        OSError: The system refuses.
    """
    with os.fdopen(open_own(path, os.O_CREAT | os.O_WRONLY), "wb") as file:
        file.truncate(0)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def replace_own(path: Path, data: bytes) -> None:
    """Write a file so that a kill, or power gone, leaves the old one or the new one.

    Raises:
        ResumeError: There is something of its name that is no regular file.
        OSError: The system refuses.
    """
    new = path.with_name(f"{path.name}.new")
    write_own(new, data)
    os.replace(new, path)


def _is_plain(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_nlink <= 1


def _foreign(path: Path) -> ResumeError:
    return ResumeError(f"{path} is no file of dreamstream's, but a link or a folder; move it away")
