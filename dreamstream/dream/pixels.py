"""What is done to a frame before it is dreamed."""

import logging

import numpy as np

from dreamstream._libraries import cv2
from dreamstream.dream.resampling import Size
from dreamstream.frames import Pixels

_LOG = logging.getLogger(__name__)


def check_pixels(pixels: Pixels) -> None:
    """Raise a ValueError unless an array is an (H, W, 3) uint8 frame."""
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise ValueError(
            f"dream takes a (H, W, 3) uint8 RGB array, not {pixels.shape} {pixels.dtype}"
        )


def log_dropped(size: Size, wanted: int, kept: int) -> None:
    """Warn where no octave of a picture is large enough to dream; note where some are not."""
    if not kept:
        _LOG.warning(
            "%dx%d is too small for the chosen layers to dream (frame or --dream-size): "
            "frames pass unchanged",
            size[1],
            size[0],
        )
    elif kept < wanted:
        _LOG.info("dropped %d octaves too small to dream", wanted - kept)


def shrunk_pixels(pixels: Pixels, size: Size) -> Pixels:
    """Return an (H, W, 3) frame at a size that is no larger, always in an array of its own."""
    if pixels.shape[:2] == size:
        return pixels.copy()  # the caller may use its array again
    return np.asarray(cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)
