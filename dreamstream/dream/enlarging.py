"""Pictures too small for the network, enlarged for it and reduced again (no TensorFlow)."""

import math
from bisect import bisect_left
from collections.abc import Callable
from typing import cast

import numpy as np

from dreamstream._libraries import cv2
from dreamstream.dream.resampling import Size, fit_size
from dreamstream.frames import Pixels

MOST_SIDE = 512
"""Pixels up to which it is tried how long the shortest side must be: a network that wants more is
none for pictures of this size."""

LONGEST_SIDE = 2048
"""Longest side of an enlarged picture: a narrow strip is stretched across beyond it, since the
whole of it at the network's scale could be larger than any memory."""


class Enlarger:
    """Enlarges pictures of which the network sees too little, and brings their dreams back.

    Args:
        is_dreamable: Whether the network can dream a picture of a (height, width).
        longest: Pixels of the longest side at which pictures are dreamed; None is their own.
    """

    def __init__(self, is_dreamable: Callable[[Size], bool], longest: int | None) -> None:
        self._is_dreamable, self._longest = is_dreamable, longest
        self._sizes: dict[Size, Size] = {}

    def enlarge(self, pixels: Pixels) -> Pixels:
        """Return a (H, W, 3) uint8 picture as the network can dream it.

        It is the picture itself where that is large enough, or where nothing would help.
        """
        return _resized(pixels, self._size_for((pixels.shape[0], pixels.shape[1])))

    def reduce(self, dream: Pixels, pixels: Pixels) -> Pixels:
        """Add to a picture what was dreamed into its enlargement.

        Args:
            dream: (H, W, 3) uint8, the dream of the enlarged picture.
            pixels: (h, w, 3) uint8, the picture.

        Returns:
            (h, w, 3) uint8; ``dream`` where the picture was not enlarged.
        """
        if dream.shape == pixels.shape:
            return dream
        change = dream.astype(np.float32) - self.enlarge(pixels)
        size = pixels.shape[1], pixels.shape[0]
        reduced = cv2.resize(change, size, interpolation=_kernel(dream.shape, pixels.shape))
        made: Pixels = np.clip(np.rint(pixels + reduced), 0, 255).astype(np.uint8)
        return made

    def _size_for(self, size: Size) -> Size:
        if size not in self._sizes:
            self._sizes[size] = self._find(size)
        return self._sizes[size]

    def _find(self, size: Size) -> Size:
        """Find the size to which a picture is enlarged, in its shape unless it is a strip."""
        if self._is_dreamable(fit_size(size, self._longest)):
            return size
        least = bisect_left(
            range(MOST_SIDE), True, lo=1, key=lambda side: self._is_dreamable((side, side))
        )
        if least >= MOST_SIDE or (self._longest is not None and least > self._longest):
            return size
        most = max(LONGEST_SIDE, max(size)) if self._longest is None else self._longest
        scale = least / min(size)
        height, width = (max(least, min(math.ceil(side * scale), most)) for side in size)
        return height, width


def _resized(pixels: Pixels, size: Size) -> Pixels:
    if pixels.shape[:2] == size:
        return pixels
    kernel = _kernel(pixels.shape, size)
    return cast(Pixels, cv2.resize(pixels, size[::-1], interpolation=kernel))


def _kernel(before: tuple[int, ...], after: tuple[int, ...]) -> int:
    """Choose how a picture is resampled: by area where both sides shrink, else smoothly."""
    shrinks = after[0] <= before[0] and after[1] <= before[1]
    return cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
