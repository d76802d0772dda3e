"""How large a picture is, read from its head before any of it is decoded."""

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from dreamstream.sources.kinds import Kind

Size: TypeAlias = tuple[int, int]
"""(height, width) in pixels."""

_ORDERS = {b"II": "<", b"MM": ">"}
"""Byte orders of TIFF, by the bytes that it begins with."""

_SHORT, _LONG = 3, 4
"""TIFF's numbers of the types of integers."""

_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_PROFILE, ORIENTATION_TAG = 256, 257, 34675, 274

_NOT_OF_A_FRAME = (0xC4, 0xC8, 0xCC)
"""Markers of JPEG among those of frames that are none: tables, and one that is reserved."""


def picture_size(data: bytes, kind: Kind) -> Size | None:
    """Read a picture's size.

    Args:
        data: The file, or as much of it as its head takes.
        kind: What it holds.

    Returns:
        (height, width) as it is stored; None where the head does not say, or is damaged.
    """
    read = _SIZES.get(kind)
    try:
        return None if read is None else read(data)
    except (struct.error, IndexError, KeyError, ZeroDivisionError):
        return None


def tiff_entries(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Walk over a TIFF's first directory: tag, type, count, and the value or where it lies."""
    order = _ORDERS[data[:2]]
    (begin,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, begin)
    for position in range(begin + 2, begin + 2 + 12 * count, 12):
        tag, kind, number = struct.unpack_from(f"{order}HHI", data, position)
        form = "H" if kind == _SHORT and number == 1 else "I"
        yield tag, kind, number, struct.unpack_from(f"{order}{form}", data, position + 8)[0]


def tiff_profile(data: bytes) -> bytes | None:
    """Read a TIFF's ICC profile; None where it has none."""
    try:
        for tag, _, count, begin in tiff_entries(data):
            if tag == _TIFF_PROFILE:
                return data[begin : begin + count]
    except (struct.error, KeyError):
        pass
    return None


def _png_size(data: bytes) -> Size:
    width, height = struct.unpack_from(">II", data, 16)
    return height, width


def _gif_size(data: bytes) -> Size:
    width, height = struct.unpack_from("<HH", data, 6)
    return height, width


def _bmp_size(data: bytes) -> Size:
    width, height = struct.unpack_from("<ii", data, 18)
    return abs(height), abs(width)


def _webp_size(data: bytes) -> Size | None:
    chunk = data[12:16]
    if chunk == b"VP8X":
        return 1 + int.from_bytes(data[27:30], "little"), 1 + int.from_bytes(data[24:27], "little")
    if chunk == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return 1 + (bits >> 14 & 0x3FFF), 1 + (bits & 0x3FFF)
    width, height = struct.unpack_from("<HH", data, 26)
    return height & 0x3FFF, width & 0x3FFF


def _jpeg_size(data: bytes) -> Size | None:
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in _NOT_OF_A_FRAME:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return height, width
        filler = marker in (0xFF, 0x01) or 0xD0 <= marker <= 0xD7
        at += 1 if marker == 0xFF else 2 if filler else 2 + int.from_bytes(data[at + 2 : at + 4])
    return None


def _tiff_size(data: bytes) -> Size:
    found = {tag: value for tag, _, _, value in tiff_entries(data)}
    return found[_TIFF_HEIGHT], found[_TIFF_WIDTH]


_SIZES: Mapping[Kind, Callable[[bytes], Size | None]] = {
    Kind.PNG: _png_size,
    Kind.APNG: _png_size,
    Kind.GIF: _gif_size,
    Kind.BMP: _bmp_size,
    Kind.WEBP: _webp_size,
    Kind.ANIMATED_WEBP: _webp_size,
    Kind.JPEG: _jpeg_size,
    Kind.TIFF: _tiff_size,
}
"""How a size is read, by what a file holds."""
