"""Pictures brought to the size that a stream began with."""

import numpy as np

from dreamstream._libraries import cv2
from dreamstream.frames import Pixels

_SLACK = 1
"""Pixels by which a scaled picture may miss the size without bars: a rounding of the encoder."""


def fit(pixels: Pixels, height: int, width: int) -> Pixels:
    """Scale a picture into a size, whole and in its shape; black bars fill the rest.

    Args:
        pixels: (h, w, 3) uint8.
        height: Rows that are wanted.
        width: Columns that are wanted.

    Returns:
        (height, width, 3) uint8.
    """
    scale = min(height / pixels.shape[0], width / pixels.shape[1])
    rows, columns = (max(1, round(side * scale)) for side in pixels.shape[:2])
    if height - rows <= _SLACK and width - columns <= _SLACK:
        rows, columns = height, width
    rule = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    top, left = (height - rows) // 2, (width - columns) // 2
    fitted = np.zeros((height, width, 3), np.uint8)
    fitted[top : top + rows, left : left + columns] = cv2.resize(
        pixels, (columns, rows), interpolation=rule
    )
    return fitted
