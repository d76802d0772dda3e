"""Moves the index of an mp4 or mov to its front, so that players on the web begin at once.

FFmpeg's ``faststart`` refuses files that are fragmented while they are written, as ours are.
"""

import contextlib
import os
import shutil
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_PARENTS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
"""The boxes on the way to the chunk offsets."""

_OFFSETS = {b"stco": ">I", b"co64": ">Q"}
"""The tables of chunk offsets and the form of an entry."""

_TABLE_HEAD = 8
"""Bytes of version, flags and count before a table's entries."""


def move_index_to_front(path: Path) -> None:
    """Rewrite a finished mp4 or mov with its ``moov`` box right behind ``ftyp``.

    A file that is laid out otherwise, or whose offsets don't fit their table, stays as it is: it
    is whole, and only begins later over a network.

    Args:
        path: The file.

    Raises:
        OSError: It can't be written; it stays as it is.
    """
    with path.open("rb") as file:
        boxes = list(_boxes(file, 0, path.stat().st_size))
        names = [name for name, *_ in boxes]
        if names[:1] != [b"ftyp"] or names[-1] != b"moov":
            return
        (_, _, head), (_, begin, end) = boxes[0], boxes[-1]
        file.seek(begin)
        index = bytearray(file.read(end - begin))
        try:
            _shift(index, file, begin)
        except struct.error:  # past 4 GiB in a table of 32 bits
            return
        _rewrite(path, file, head, index, begin)


def _rewrite(path: Path, file: BinaryIO, head: int, index: bytearray, end: int) -> None:
    """Write head, index and the rest up to ``end`` to a new file that takes the old one's place."""
    number, name = tempfile.mkstemp(suffix=path.suffix, prefix=".front-", dir=path.parent)
    try:
        with os.fdopen(number, "wb") as front:
            file.seek(0)
            front.write(file.read(head))
            front.write(index)
            shutil.copyfileobj(file, front)
            front.truncate(end + len(index))  # without the index at the end
        shutil.copymode(path, name)
        os.replace(name, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)


def _shift(index: bytearray, file: BinaryIO, begin: int) -> None:
    """Add the index's own length to every chunk offset in it."""
    for name, start in _tables(file, begin, begin + len(index)):
        form = _OFFSETS[name]
        table = start - begin
        (count,) = struct.unpack_from(">I", index, table + _TABLE_HEAD - 4)
        for entry in range(count):
            place = table + _TABLE_HEAD + entry * struct.calcsize(form)
            (offset,) = struct.unpack_from(form, index, place)
            struct.pack_into(form, index, place, offset + len(index))


def _tables(file: BinaryIO, begin: int, end: int) -> Iterator[tuple[bytes, int]]:
    """Find the chunk offset tables between two positions; each with the start of its content."""
    for name, start, stop in _boxes(file, begin, end):
        head = _head_size(file, start)
        if name in _PARENTS:
            yield from _tables(file, start + head, stop)
        elif name in _OFFSETS:
            yield name, start + head


def _boxes(file: BinaryIO, position: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Read the boxes between two positions: name, begin and end of each."""
    while position + 8 <= end:
        file.seek(position)
        size, name = struct.unpack(">I4s", file.read(8))
        if size == 1:  # the size follows in 64 bits
            (size,) = struct.unpack(">Q", file.read(8))
        size = size or end - position
        if size < 8:
            return
        yield name, position, position + size
        position += size


def _head_size(file: BinaryIO, position: int) -> int:
    """Return the length of a box's head: its size is in 32 bits, or in 64."""
    file.seek(position)
    return 16 if file.read(4) == b"\0\0\0\1" else 8
