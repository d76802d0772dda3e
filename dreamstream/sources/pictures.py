"""How a file of a single picture is read, whatever its name."""

import struct
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from dreamstream._libraries import cv2
from dreamstream.errors import SourceError
from dreamstream.frames import Pixels
from dreamstream.sources.headers import picture_size, tiff_profile
from dreamstream.sources.heif import heif_size, read_heif
from dreamstream.sources.kinds import Kind, kind_of
from dreamstream.sources.limits import width_to_read
from dreamstream.sources.orientation import UPRIGHT, exif_orientation
from dreamstream.sources.quiet import quiet_opencv
from dreamstream.sources.raw import RawPicture
from dreamstream.sources.transparency import Ground

_PNG_GREY = 0
"""PNG's number of grey without alpha, of which OpenCV leaves out what one value makes
transparent."""


def read_image(path: Path, width: int | None = None, ground: Ground = Ground.WHITE) -> Pixels:
    """Read a picture file, upright as it says, in sRGB; what is transparent lies on white.

    Args:
        path: The file.
        width: Columns to which a picture is reduced that memory does not hold otherwise.
        ground: What is seen where it is transparent.

    Returns:
        (H, W, 3) uint8 RGB; deeper pictures are reduced to 8 bits, grey ones repeated.

    Raises:
        SourceError: The file is missing, no picture, or more than memory holds.
    """
    try:
        kind = kind_of(path)
        data = b"" if kind is Kind.HEIF else path.read_bytes()
        size = heif_size(path) if kind is Kind.HEIF else picture_size(data, kind)
        reduced = None if size is None else width_to_read(str(path), size, width)
        raw = read_heif(path) if kind is Kind.HEIF else _decode(path, kind, data)
    except OSError as error:
        raise SourceError(
            f"opening {path} failed ({error.strerror}); check that it may be read"
        ) from error
    return _reduce(raw.finish(str(path), ground), reduced)


def _reduce(pixels: Pixels, width: int | None) -> Pixels:
    """Reduce a picture to a width, in its shape, to an even height."""
    if width is None or width >= pixels.shape[1]:
        return pixels
    height = max(2, round(width * pixels.shape[0] / (pixels.shape[1] * 2)) * 2)
    return cast(Pixels, cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA))


def _decode(path: Path, kind: Kind, data: bytes) -> RawPicture:
    buffer = np.frombuffer(data, np.uint8)
    beside: dict[int, bytes] = {}
    stored = None
    try:
        with quiet_opencv():
            stored, kinds, parts = cv2.imdecodeWithMetadata(buffer, flags=cv2.IMREAD_UNCHANGED)
            beside = {number: bytes(part) for number, part in zip(kinds, parts, strict=True)}
            if stored is not None and not _is_plain(stored):
                stored = cv2.imdecode(buffer, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        stored = None
    if stored is None:
        what = "it is no picture that OpenCV can read" if data else "the file is empty"
        raise SourceError(f"reading {path} failed: {what}; give a PNG, JPEG or WebP")
    alpha = _grey_holes(data, stored) if kind is Kind.PNG and stored.ndim == 2 else None
    exif = beside.get(cv2.IMAGE_METADATA_EXIF)
    profile = tiff_profile(data) if kind is Kind.TIFF else beside.get(cv2.IMAGE_METADATA_ICCP)
    raw = _to_rgb(_to_8_bits(stored), profile or None)
    raw.alpha = raw.alpha if alpha is None else alpha
    raw.orientation = UPRIGHT if exif is None else exif_orientation(exif)
    return raw


def _is_plain(stored: npt.NDArray[Any]) -> bool:
    """Return whether a decoded picture is grey, BGR or BGRA of 8 or 16 bits."""
    channels = 1 if stored.ndim == 2 else stored.shape[2]
    return stored.dtype in (np.uint8, np.uint16) and channels in (1, 3, 4)


def _to_8_bits(stored: npt.NDArray[Any]) -> Pixels:
    return stored if stored.dtype == np.uint8 else (stored >> 8).astype(np.uint8)


def _to_rgb(stored: Pixels, profile: bytes | None) -> RawPicture:
    if stored.ndim == 2 or stored.shape[2] == 1:
        return RawPicture(cast(Pixels, cv2.cvtColor(stored, cv2.COLOR_GRAY2RGB)), profile=profile)
    alpha = np.ascontiguousarray(stored[..., 3]) if stored.shape[2] == 4 else None
    way = cv2.COLOR_BGR2RGB if alpha is None else cv2.COLOR_BGRA2RGB
    return RawPicture(cast(Pixels, cv2.cvtColor(stored, way)), alpha, profile=profile)


def _grey_holes(data: bytes, stored: npt.NDArray[Any]) -> npt.NDArray[np.uint8] | None:
    """Find in a grey PNG what its chunk tRNS makes transparent.

    Returns:
        (H, W) uint8, 0 in the holes; None where there is no such chunk.
    """
    bits, colour, at = data[24], data[25], 8
    while colour == _PNG_GREY and at + 12 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        if name == b"IDAT":
            return None
        if name == b"tRNS" and size == 2:
            (value,) = struct.unpack_from(">H", data, at + 8)
            value = value * 255 // ((1 << bits) - 1) if bits < 8 else value
            return np.where(stored == value, 0, 255).astype(np.uint8)
        at += 12 + size
    return None
