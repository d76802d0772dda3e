"""Single frames of files, and pictures as a browser takes them."""

from fractions import Fraction
from pathlib import Path

import numpy as np

from dreamstream._libraries import cv2
from dreamstream.config import MediaConfig
from dreamstream.errors import SourceError
from dreamstream.frames import Pixels
from dreamstream.sources import open_source

_QUALITY = 88
_EARLIER = (0.1, 1.0, 5.0)
"""Seconds before its end from which on a film is searched for its last frame."""


def read_frame(path: Path, seconds: float) -> Pixels:
    """Read the (H, W, 3) uint8 frame at a time; past the end it is the last one.

    Raises:
        SourceError: The file can't be read.
    """
    try:
        return _frames_from(path, seconds, first=True)
    except (SourceError, StopIteration):
        end = _length(path)
    for earlier in _EARLIER:
        try:
            return _frames_from(path, min(seconds, end) - earlier, first=False)
        except (SourceError, StopIteration):
            continue
    return _frames_from(path, 0.0, first=True)


def _frames_from(path: Path, seconds: float, *, first: bool) -> Pixels:
    """Return the first or the last frame from a time on."""
    start = Fraction(str(round(max(0.0, seconds), 6)))
    with open_source(path, MediaConfig(start=start)) as source:
        found = next(source).pixels
        if not first:
            for later in source:
                found = later.pixels
        return found


def _length(path: Path) -> float:
    """Return a film's length in seconds, as far as it is known; 0 of a photo."""
    with open_source(path) as source:
        info = source.info
        return float((info.frames or 0) / (info.rate or 1))


def jpeg(pixels: Pixels, width: int = 0, quality: int = _QUALITY) -> bytes:
    """Encode an (H, W, 3) uint8 RGB picture.

    Args:
        pixels: The picture.
        width: Most pixels in a row; 0 is all.
        quality: From 1 to 100.
    """
    shown = shrunk_to_width(pixels, width) if width else pixels
    done, data = cv2.imencode(".jpg", shown[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise SourceError(f"encoding a picture of {shown.shape[1]}x{shown.shape[0]} failed")
    return bytes(data)


def shrunk_to_width(pixels: Pixels, width: int) -> Pixels:
    """Shrink a picture that has more pixels in a row."""
    if width >= pixels.shape[1]:
        return pixels
    size = width, max(1, round(pixels.shape[0] * width / pixels.shape[1]))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
