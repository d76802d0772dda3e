"""Where, and how far, a warm frame is dreamed on (pure; OpenCV and numpy).

A carried dream is strong on old ground and weak on what came into sight a moment ago.  Steps of
one size everywhere would let the old ground swallow the dream; these are longer where something
is new, moves by itself or is still faint, and shorter everywhere once the shot is as strong as its
first frame was.
"""

import numpy as np

from dreamstream._libraries import cv2
from dreamstream.frames import FloatImage
from dreamstream.temporal.flow import squared_lengths

MOST = 8.0
"""Longest step, in step sizes.  Steps of 18 left coloured specks behind what moves, and dreamed
less for the same change: a loss of 4.4 log units over the source's instead of 4.7."""

MOVER_GAIN = 3.0
"""How much longer steps are on what moves against its scene: its patterns agree less with those of
the frame before, and add up to less.  Found on three clips, so that movers dream as strongly as if
each frame were dreamed on its own."""

MOVING = 0.003
"""Speed against the scene, as a share of the longer side per frame, that counts in full."""

WEAKNESS_POWER, MOST_WEAKNESS = 0.6, 3.0
"""Steps grow with this power of how far a place is under the usual strength, at most so far."""

HELD_STEP, HOLDING_POWER, MOST_HELD = 0.5, 6.0, 2.5
"""Step on old ground that is as strong as the shot's first frame, in step sizes, and the power by
which it shrinks as the shot grows stronger; at most the last, where it is weaker."""

_LOCAL_SIGMA = 24.0
_MOTION_SIGMA = 6.0
_POOL = 4
_TINY = 1e-6


def step_weights(
    carried: FloatImage,
    confidence: FloatImage,
    backward_flow: FloatImage,
    blend: float,
    gain: float,
    area: float = 1.0,
) -> FloatImage:
    """Return the factor of the step at each pixel of a warm frame.

    Args:
        carried: (H, W, 3) float32, the residual that the frame starts from.
        confidence: (H, W) float32 in [0, 1], in it.
        backward_flow: (H, W, 2) float32 pixels: current frame to previous frame.
        blend: Share of a trusted residual that is carried.
        gain: Factor for old ground, of :func:`strength_gain`.
        area: Share of the frame on which the residual may lie.

    Returns:
        (H, W) float32 in [0, MOST].
    """
    height, width = confidence.shape
    local = (1 + MOVER_GAIN * motion(backward_flow)) * weakness(carried, area)
    factor = disocclusion_weight(confidence, blend) * cv2.resize(local, (width, height))
    return np.asarray(np.minimum(gain * factor, MOST), np.float32)


def strength_gain(strength: float, held: float | None) -> float:
    """Return the step on old ground, in step sizes, that keeps a shot at one strength.

    Args:
        strength: Root mean square of the previous residual.
        held: That of the shot's first frame; None lets the shot find its own.
    """
    if held is None:
        return 1.0
    return float(min(HELD_STEP * (held / max(strength, _TINY)) ** HOLDING_POWER, MOST_HELD))


def disocclusion_weight(confidence: FloatImage, blend: float) -> FloatImage:
    """Return 1 on old ground, and more where less could be carried.

    Ground in balance holds step / (1 - blend); where only a share of the residual came along, the
    step must be 1 + blend / (1 - blend) (1 - confidence) times as long to reach that at once; up to
    MOST, it is.

    Args:
        confidence: (H, W) float32 in [0, 1].
        blend: In [0, 1].
    """
    reach = min(blend / max(1 - blend, _TINY), MOST)
    return np.asarray(1 + reach * (1 - confidence), np.float32)


def motion(backward_flow: FloatImage) -> FloatImage:
    """Return how far each place moves against its scene, in [0, 1], soft at edges.

    Args:
        backward_flow: (H, W, 2) float32 pixels.

    Returns:
        (H / 4, W / 4) float32, rounded down, at least 1.
    """
    speed = MOVING * max(backward_flow.shape[:2])
    pooled = cv2.split(_pooled(backward_flow))
    x, y = (np.abs(part - np.float32(np.median(part))) for part in pooled)
    share = np.minimum(np.maximum(x, y) / np.float32(speed), np.float32(1))
    return np.asarray(cv2.GaussianBlur(share, (0, 0), _MOTION_SIGMA / _POOL), np.float32)


def weakness(residual: FloatImage, area: float = 1.0) -> FloatImage:
    """Return 1 where a residual has its usual strength or more, up to 3 where it has none.

    Args:
        residual: (H, W, 3) float32.
        area: Share of the frame on which it may lie.

    Returns:
        (H / 4, W / 4) float32, rounded down, at least 1.
    """
    squares = _pooled(squared_lengths(residual))
    usual = float(squares.mean()) / area + _TINY**2
    local = cv2.GaussianBlur(squares, (0, 0), _LOCAL_SIGMA / _POOL)
    excess = np.float32(usual) / np.maximum(local, np.float32(_TINY**2 * usual))
    factor = cv2.pow(excess, WEAKNESS_POWER / 2)  # of squares; numpy's power is far slower
    return np.asarray(np.clip(factor, 1, MOST_WEAKNESS), np.float32)


def _pooled(image: FloatImage) -> FloatImage:
    """Shrink an (H, W) or (H, W, C) image: what is blurred widely needs no more pixels."""
    height, width = image.shape[:2]
    size = (max(1, width // _POOL), max(1, height // _POOL))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.float32)
