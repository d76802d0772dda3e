"""What is seen of transparent pictures: what they lie on, or how opaque they are."""

from enum import Enum, auto

import numpy as np
import numpy.typing as npt

from dreamstream.errors import SourceError
from dreamstream.frames import Pixels

_ROWS = 256
"""Rows that are laid on a ground at a time."""


class Ground(Enum):
    """What shows where a picture is transparent."""

    WHITE = auto()
    """It lies on white, as browsers show it."""
    BLACK = auto()
    """It lies on black."""
    ALPHA = auto()
    """Its colours don't show at all: it is white where it is opaque, black where it is not."""


def laid(pixels: Pixels, alpha: npt.NDArray[np.uint8], ground: Ground) -> Pixels:
    """Lay a picture on a ground.

    Args:
        pixels: (H, W, 3) uint8; the order of the colours does not matter.
        alpha: (H, W) uint8.
        ground: What it lies on.

    Returns:
        (H, W, 3) uint8.
    """
    if ground is Ground.ALPHA:
        return np.repeat(alpha[..., None], 3, axis=2)
    behind = 255 if ground is Ground.WHITE else 0
    made = np.empty(pixels.shape, np.uint8)
    for row in range(0, len(made), _ROWS):  # so that wider numbers take no memory to speak of
        share = alpha[row : row + _ROWS, :, None].astype(np.uint16)
        blended = pixels[row : row + _ROWS] * share + behind * (255 - share)
        made[row : row + _ROWS] = (blended + 127) // 255
    return made


def require_transparency(ground: Ground, name: str) -> None:
    """Raise a SourceError where the transparency is wanted of a picture that has none."""
    if ground is Ground.ALPHA:
        raise SourceError(
            f"reading the transparency of {name} failed: it has none; give another --mask"
        )
