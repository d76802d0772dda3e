"""Octave sizes, resampling between them, and what an octave adds (pure; no TensorFlow)."""

import numpy as np

from dreamstream._libraries import cv2
from dreamstream.frames import FloatImage

Size = tuple[int, int]
"""(height, width) in pixels."""


def octave_sizes(size: Size, octaves: int, scale: float) -> list[Size]:
    """Return the sizes of the octaves, smallest first.

    Args:
        size: (height, width) of the finest octave.
        octaves: How many.
        scale: Ratio of neighbouring sizes, > 1.

    Returns:
        Sizes truncated to whole pixels, as the original program truncated them.
    """
    height, width = size
    return [(int(height / scale**i), int(width / scale**i)) for i in reversed(range(octaves))]


def fit_size(size: Size, longest: int | None) -> Size:
    """Shrink a size so that its longest side is at most ``longest``; never enlarge it."""
    if longest is None or max(size) <= longest:
        return size
    ratio = longest / max(size)
    return max(1, round(size[0] * ratio)), max(1, round(size[1] * ratio))


def shrink(image: FloatImage, size: Size) -> FloatImage:
    """Resample to a smaller size by area, so that nothing aliases.

    Args:
        image: (H, W) or (H, W, C) float32.
        size: Wanted (height, width), at most (H, W).
    """
    if image.shape[:2] == size:
        return image
    return _resize(image, size, cv2.INTER_AREA)


def enlarge(image: FloatImage, size: Size) -> FloatImage:
    """Resample to a larger size by cubic interpolation (linear where a side is under 4 pixels)."""
    if image.shape[:2] == size:
        return image
    small = min(image.shape[:2]) < 4
    return _resize(image, size, cv2.INTER_LINEAR if small else cv2.INTER_CUBIC)


def _resize(image: FloatImage, size: Size, interpolation: int) -> FloatImage:
    return np.asarray(cv2.resize(image, size[::-1], interpolation=interpolation), np.float32)


def resize_corner_aligned(image: FloatImage, size: Size) -> FloatImage:
    """Resample linearly so that corner pixels stay on corner pixels, without any low-pass.

    This is ``scipy.ndimage.zoom(image, factors, order=1)``, the original program's resizing; it
    aliases when it shrinks, and ``classic`` keeps that.

    Args:
        image: (H, W, C) float32.
        size: Wanted (height, width).
    """
    return _interpolate_rows(_interpolate_rows(image, size[0]).swapaxes(0, 1), size[1]).swapaxes(
        0, 1
    )


def _interpolate_rows(image: FloatImage, rows: int) -> FloatImage:
    """Resample axis 0 linearly to ``rows`` positions from its first to its last row."""
    position = np.linspace(0, len(image) - 1, rows, dtype=np.float64)
    below = np.minimum(position.astype(int), max(len(image) - 2, 0))
    above = np.minimum(below + 1, len(image) - 1)
    share = (position - below).astype(np.float32)[:, None, None]
    rows_between: FloatImage = image[below] * (1 - share) + image[above] * share
    return rows_between
