"""Tells whether a file ends before its own tables say it does, as a torn download or copy does.

FFmpeg takes the missing end for the end of the stream, and the run would look whole.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from dreamstream._libraries import av

_EBML_HEAD, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
"""Matroska's two outermost elements; the second holds all the rest."""

_HEAD_BYTES = 4096

_TRAILERS = {"gif": b";", "apng": b"IEND\xaeB`\x82"}
"""What animated pictures end with, by FFmpeg's names of their formats."""

_UNKNOWN_RIFF = 0xFFFFFFFF
"""Size in the head of an AVI that was written to a pipe."""


def count_missing(stream: "av.VideoStream", path: Path) -> int:
    """Count the pictures that lie beyond the end of a file.

    Args:
        stream: The file's video stream.
        path: The file.

    Returns:
        Their number; 1 for a torn Matroska, WebM, AVI, GIF or APNG, which do not tell; 0 for a
        whole file and for formats that don't say how long they are.
    """
    kind, size = stream.container.format.name, path.stat().st_size
    if "mp4" in kind:
        return sum(entry.pos + entry.size > size for entry in stream.index_entries)
    if kind in _TRAILERS:
        return int(not _tail(path).endswith(_TRAILERS[kind]))
    end = _ENDS.get(kind.partition(",")[0])
    return int(end is not None and end(path) > size)


def _tail(path: Path) -> bytes:
    """Read the end of a file without the zeros that some programs pad it with."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _HEAD_BYTES))
        return file.read().rstrip(b"\0")


def _riff_end(path: Path) -> int:
    """Return where an AVI's first part ends by its head; 0 where it does not say."""
    with path.open("rb") as file:
        head = file.read(8)
    size = int.from_bytes(head[4:], "little")
    return size + 8 if head.startswith(b"RIFF") and size < _UNKNOWN_RIFF else 0


def _segment_end(path: Path) -> int:
    """Return where a Matroska file ends by its head; 0 where it does not say."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head.startswith(_EBML_HEAD):
        return 0
    size, begin = _read_size(head, len(_EBML_HEAD))
    begin += size or 0
    if size is None or head[begin : begin + len(_SEGMENT)] != _SEGMENT:
        return 0
    size, begin = _read_size(head, begin + len(_SEGMENT))
    return 0 if size is None else begin + size


def _read_size(head: bytes, position: int) -> tuple[int | None, int]:
    """Read an element's size: the leading zeros of its first byte tell its length.

    Returns:
        The size, None where it is unknown (all ones); the position behind it.
    """
    length = 9 - head[position].bit_length() if position < len(head) else 9
    if length > 8:
        return None, position
    most = (1 << 7 * length) - 1
    size = int.from_bytes(head[position : position + length], "big") & most
    return None if size == most else size, position + length


_ENDS: Mapping[str, Callable[[Path], int]] = {"matroska": _segment_end, "avi": _riff_end}
"""How a format's end is found in its head, by the first of FFmpeg's names for it."""
