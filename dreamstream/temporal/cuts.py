"""Scene cuts and flashes, told from the frames so far (causal; OpenCV and numpy)."""

from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

from dreamstream._libraries import cv2
from dreamstream.frames import FloatImage, Pixels

CONTENT_THRESHOLD = 27.0
"""PySceneDetect's default threshold of its content value."""

TIMES_RECENT = 2.0
"""A cut's content value stands out this much from the mean of the frames before it: a fast pan's
does not.  At 3 a cut out of a pan was missed (43.6 against a mean of 16.5)."""

DOUBT_THRESHOLD = 0.6
"""Least mean doubt at a cut: flow can't explain the new frame by the old one."""

FLASH_LUMA = 20.0
"""Least jump of the mean luma, of 255, at a flash."""

FLASH_CORRELATION = 0.6
"""Least correlation of a flash's detail with the frame's before it: light changed, not the scene.
Detail, because two shots with sky above and ground below correlate in their whole luma."""

LONGEST_FLASH = 3
"""Frames after which a flash counts as the new light."""

_LONGEST_SIDE = 160
_FINEST_SIGMA, _COARSEST_SIGMA = 1.0, 8.0
_RECENT = 5

Hsv = npt.NDArray[np.uint8]


class Change(Enum):
    """What happened between the previous frame and this one."""

    NONE = "none"
    CUT = "cut"
    FLASH = "flash"


class CutDetector:
    """Tells cuts and flashes apart from motion."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self._flashes = 0

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return all that is remembered, as named arrays."""
        return {"recent": np.array(self._recent, np.float64), "flashes": np.array(self._flashes)}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Remember what another detector's :meth:`state` told."""
        self._recent = deque(map(float, state["recent"]), maxlen=_RECENT)
        self._flashes = int(state["flashes"])

    def judge(self, current: Pixels, reference: Pixels, doubt: Callable[[], float]) -> Change:
        """Judge a frame against the last one that was no flash.

        Args:
            current: (H, W, 3) uint8 RGB.
            reference: (H, W, 3) uint8 RGB.
            doubt: Gives the mean doubt in the flow from current to reference, in [0, 1]; asked only
                where the contents of the two differ much.
        """
        now, before = _small_hsv(current), _small_hsv(reference)
        content = content_value(now, before)
        if self._is_flash(now, before):
            self._flashes += 1
            return Change.FLASH
        self._flashes = 0
        usual = float(np.mean(self._recent)) if self._recent else 0.0
        stands_out = content > CONTENT_THRESHOLD and content > TIMES_RECENT * usual
        if stands_out and doubt() > DOUBT_THRESHOLD:
            self._begin_shot(content)
            return Change.CUT
        self._recent.append(content)
        return Change.NONE

    def _begin_shot(self, content: float) -> None:
        """Make the next cut need more than this one's content: a shot may begin in fast motion."""
        self._recent.clear()
        self._recent.append(content / TIMES_RECENT)

    def _is_flash(self, now: Hsv, before: Hsv) -> bool:
        if self._flashes >= LONGEST_FLASH:
            return False
        luma_now, luma_before = now[..., 2].astype(np.float32), before[..., 2].astype(np.float32)
        if abs(float(luma_now.mean() - luma_before.mean())) <= FLASH_LUMA:
            return False
        return _correlation(_detail(luma_now), _detail(luma_before)) > FLASH_CORRELATION


def content_value(now: Hsv, before: Hsv) -> float:
    """Return the mean absolute difference of hue, saturation and value (as PySceneDetect)."""
    return float(cv2.absdiff(now, before).mean())


def _small_hsv(pixels: Pixels) -> Hsv:
    height, width = pixels.shape[:2]
    ratio = max(1.0, max(height, width) / _LONGEST_SIDE)
    size = (max(1, round(width / ratio)), max(1, round(height / ratio)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2HSV), np.uint8)


def _detail(luma: FloatImage) -> FloatImage:
    """Keep the band of luma between noise and lighting."""
    fine = cv2.GaussianBlur(luma, (0, 0), _FINEST_SIGMA)
    coarse = cv2.GaussianBlur(luma, (0, 0), _COARSEST_SIGMA)
    return np.subtract(fine, coarse, dtype=np.float32)


def _correlation(first: FloatImage, second: FloatImage) -> float:
    """Return Pearson's correlation; two flat pictures correlate fully, a flat one with none."""
    a, b = first - first.mean(), second - second.mean()
    energy = float(np.sqrt((a * a).sum() * (b * b).sum()))
    if energy == 0.0:
        return float(not a.any() and not b.any())
    return float((a * b).sum()) / energy
