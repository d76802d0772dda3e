"""What a file holds, told by its content: names are often wrong."""

from collections.abc import Iterator
from enum import Enum, auto
from pathlib import Path
from typing import BinaryIO

_PNG_HEAD = b"\x89PNG\r\n\x1a\n"

_WEBP_ANIMATION = 0x02
"""The bit of a WebP's feature flags that says it moves."""

_TIFF_HEADS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""TIFF and BigTIFF in either byte order."""

_TIFF_SUFFIXES = (".tif", ".tiff")
"""Of other names, raw files of cameras begin as TIFF too, with a thumbnail in front."""

_JPEG_HEAD = b"\xff\xd8\xff"

_JPEG_FILMS = (".mjpg", ".mjpeg")
"""A film of JPEGs begins as a picture does: here its name must tell."""

_HEAD_BYTES = 32

_MOST_BOXES = 64
"""Boxes of an ISO file that are looked at."""


class Kind(Enum):
    """What a file holds, as far as it decides what reads it."""

    PNG = auto()
    APNG = auto()
    GIF = auto()
    JPEG = auto()
    WEBP = auto()
    ANIMATED_WEBP = auto()
    BMP = auto()
    TIFF = auto()
    HEIF = auto()
    """A single HEIC or AVIF."""
    OTHER = auto()
    """A film, or what is unknown here."""


STILLS = frozenset({Kind.PNG, Kind.JPEG, Kind.WEBP, Kind.BMP, Kind.TIFF, Kind.HEIF})
"""Kinds that hold a single picture."""


def kind_of(path: Path) -> Kind:
    """Look at a file's beginning.

    Raises:
        OSError: It can't be read.
    """
    suffix = path.suffix.lower()
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        if head.startswith(_PNG_HEAD):
            return Kind.APNG if _moves(file) else Kind.PNG
        if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            return Kind.ANIMATED_WEBP if _is_animated_webp(head) else Kind.WEBP
        if head.startswith(_JPEG_HEAD) and suffix not in _JPEG_FILMS:
            return Kind.JPEG
        if head.startswith(_TIFF_HEADS) and suffix in _TIFF_SUFFIXES:
            return Kind.TIFF
        if head[4:8] == b"ftyp" and _is_heif(file):
            return Kind.HEIF
    if head.startswith((b"GIF87a", b"GIF89a")):
        return Kind.GIF
    return Kind.BMP if head.startswith(b"BM") and suffix == ".bmp" else Kind.OTHER


def _moves(file: BinaryIO) -> bool:
    """Return whether a PNG is animated: its control chunk lies before the picture's data."""
    file.seek(len(_PNG_HEAD))
    while len(head := file.read(8)) == 8 and head[4:] != b"IDAT":
        if head[4:] == b"acTL":
            return True
        file.seek(int.from_bytes(head[:4], "big") + 4, 1)
    return False


def _is_animated_webp(head: bytes) -> bool:
    return head[12:16] == b"VP8X" and len(head) > 20 and bool(head[20] & _WEBP_ANIMATION)


def _is_heif(file: BinaryIO) -> bool:
    """Return whether an ISO file holds pictures and no film."""
    names = set(_box_names(file))
    return b"meta" in names and not names & {b"moov", b"moof"}


def _box_names(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    for _ in range(_MOST_BOXES):
        head = file.read(8)
        if len(head) < 8:
            return
        yield head[4:]
        size = int.from_bytes(head[:4], "big")
        if size == 1:
            size = int.from_bytes(file.read(8), "big") - 8
        if size < 8:
            return
        file.seek(size - 8, 1)
