"""Files of records that only grow, in which a torn end or a fault is recognised."""

import contextlib
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from dreamstream.errors import ResumeError
from dreamstream.journal.own_files import open_own

_HEAD = struct.Struct("<II")
"""Before each record: its length in bytes and its CRC-32."""


class RecordLog:
    """A file of records, appended one by one.

    What lies behind ``end`` counts for nothing: it is what a kill may have torn.

    Args:
        path: The file; it is made with the first record.
        end: Bytes of it that count.

    Attributes:
        path: As given.
        end: Bytes that count; it grows with every record.
    """

    def __init__(self, path: Path, end: int = 0) -> None:
        self.path, self.end = path, end
        self._file: BinaryIO | None = None

    @classmethod
    def surviving(cls, path: Path) -> "RecordLog":
        """Open a file of which all whole records count, up to the first that is torn."""
        log = cls(path)
        with contextlib.suppress(OSError, ResumeError):
            log.end = path.lstat().st_size
            whole = 0
            with contextlib.suppress(ResumeError):
                for record in log.records():
                    whole += _HEAD.size + len(record)
            log.end = whole
        return log

    def append(self, record: bytes) -> None:
        """Add a record.

        Raises:
            OSError: The system refuses; the records before it stay.
            ResumeError: The file is a link.
        """
        file = self._opened()
        written = memoryview(_HEAD.pack(len(record), zlib.crc32(record)) + record)
        size = len(written)
        while written:
            written = written[file.write(written) :]
        self.end += size

    def sync(self) -> None:
        """Make sure that the records are on the disk."""
        if self._file is not None:
            os.fsync(self._file.fileno())

    def records(self) -> Iterator[bytes]:
        """Read the records that count.

        Raises:
            ResumeError: The file is shorter than it was, or damaged.
        """
        if not self.end:
            return
        end = self.end
        try:
            with os.fdopen(open_own(self.path, os.O_RDONLY), "rb") as file:
                if end > os.fstat(file.fileno()).st_size:
                    raise self._damaged()
                while file.tell() < end:
                    yield self._read(file, end)
        except OSError as error:
            raise self._damaged() from error

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    def _opened(self) -> BinaryIO:
        """Open the file behind its last record; unbuffered, so that ``end`` is what is written."""
        if self._file is None:
            number = open_own(self.path, os.O_CREAT | os.O_WRONLY)
            self._file = os.fdopen(number, "wb", buffering=0)
            self._file.truncate(self.end)
            self._file.seek(self.end)
        return self._file

    def _read(self, file: BinaryIO, end: int) -> bytes:
        """Read a record; the length that it tells is held against what there is first."""
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            raise self._damaged()
        size, checksum = _HEAD.unpack(head)
        if size > end - file.tell():
            raise self._damaged()
        record = file.read(size)
        if len(record) < size or zlib.crc32(record) != checksum:
            raise self._damaged()
        return record

    def _damaged(self) -> ResumeError:
        return ResumeError(
            f"reading {self.path} failed: it is damaged, so the run can't be resumed; leave out "
            "--resume to restart"
        )
