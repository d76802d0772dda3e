"""How the end of a loop turns into the frames that led to its start, place by place (pure)."""

from typing import Any

import numpy as np

from dreamstream._libraries import cv2
from dreamstream.dream.resampling import Size
from dreamstream.frames import FloatImage

SOFTNESS = 0.5
"""Share of the closing that a single place takes: some turn earlier than others, so that nowhere
two pictures are seen through one another for long."""

PATCHES = 6
"""Places along each side that turn at a time of their own."""

_TINY = np.float32(1e-6)


def turning(position: int, count: int, size: Size) -> FloatImage:
    """Return the share of the way that is left by which each pixel turns into another frame.

    Args:
        position: Which of the frames that turn, from 0; in the last one everything has turned.
        count: How many they are.
        size: (height, width).

    Returns:
        (H, W) float32 in [0, 1].
    """
    before, now = (turned_share(number, count, size) for number in (position - 1, position))
    return np.where(now < 1, (now - before) / np.maximum(1 - before, _TINY), np.float32(1))


def turned_share(position: int, count: int, size: Size) -> FloatImage:
    """Return the share of each pixel that has turned after a frame; see :func:`turning`."""
    begins = _patches(size) * (1 - SOFTNESS)
    return np.asarray(eased(((position + 1) / count - begins) / SOFTNESS), np.float32)


def _patches(size: Size) -> FloatImage:
    """Return a smooth (H, W) pattern that runs from 0 to 1, always the same."""
    grid = np.random.default_rng(0).standard_normal((PATCHES, PATCHES)).astype(np.float32)
    patches = cv2.resize(grid, size[::-1], interpolation=cv2.INTER_CUBIC)
    span = patches.max() - patches.min()
    return np.asarray((patches - patches.min()) / span, np.float32)


def eased(progress: Any) -> Any:
    """Return 0 to 1 for progress from 0 to 1, at rest at both ends; numbers or arrays."""
    return (1 - np.cos(np.pi * np.clip(progress, 0, 1))) / 2
