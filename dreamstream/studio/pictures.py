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
_EARLIER = (0.0, 0.2, 1.0, 5.0)
"""Seconds before a time at which a frame is looked for, where the file ends before it."""


def read_frame(path: Path, seconds: float) -> Pixels:
    """Read the (H, W, 3) uint8 frame at a time; past the end it is the last one.

    Raises:
        SourceError: The file can't be read.
    """
    for earlier in _EARLIER:
        start = max(0.0, seconds - earlier)
        try:
            with open_source(path, MediaConfig(start=Fraction(str(round(start, 6))))) as source:
                found = next(source).pixels
                if earlier:
                    for later in source:
                        found = later.pixels
                return found
        except (SourceError, StopIteration):
            if not start:
                raise
    with open_source(path) as source:
        return next(source).pixels


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
