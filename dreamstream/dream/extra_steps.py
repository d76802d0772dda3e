"""Where a warm frame takes more than one step: what moves by itself or can't be trusted.

What stands still has been dreamed in all frames before, and one step keeps it.  What moves loses
some of its dream in each frame; three small steps there brought 0.9 of what a frame dreamed alone
has, one long one 0.64, and the picture was steadier.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dreamstream._libraries import cv2
from dreamstream.dream.core import Part
from dreamstream.dream.resampling import Size
from dreamstream.dream.step_weights import motion
from dreamstream.frames import FloatImage

MORE = 2
"""How many times as many steps as usual a restless place takes besides."""

SHORTER = 0.7
"""Length of each where there are so many."""

RESTLESS = 0.3
"""Doubt, or motion against the scene, from which a place wants more steps."""

FEWEST = 0.004
"""Share of the picture that must be restless for it."""

MARGIN, GRID = 40, 64
"""Pixels of surroundings that the network sees, and multiples to which a window's side is rounded:
few shapes, each prepared once."""

MOST_PART = 0.7
"""Share of the picture from which a window saves too little: all of it is dreamed."""

_SOFTNESS = 4.0


def _nothing() -> FloatImage:
    return np.zeros((0, 0), np.float32)


@dataclass(frozen=True, slots=True)
class ExtraSteps:
    """Steps that a warm frame takes before its usual ones, on its last octave.

    Attributes:
        steps: How many.
        part: Where; None is the whole picture.
        share: (H, W) float32 in [0, 1], how much of them each pixel takes; empty without steps.
    """

    steps: int = 0
    part: Part | None = None
    share: FloatImage = field(default_factory=_nothing)

    def shortened(self, weights: FloatImage) -> FloatImage:
        """Shorten the steps where there are more of them: small ones are steadier.

        Args:
            weights: (H, W) float32, factor of the step at each pixel.
        """
        if not self.steps:
            return weights
        return np.asarray(weights * (1 - np.float32(1 - SHORTER) * self.share), np.float32)


def extra_steps(usual: int, confidence: FloatImage, backward_flow: FloatImage) -> ExtraSteps:
    """Choose where a frame takes more than one step.

    Args:
        usual: Steps that every place takes.
        confidence: (H, W) float32 in [0, 1], in what was carried.
        backward_flow: (H, W, 2) float32 pixels: current frame to previous frame.
    """
    if not usual:
        return ExtraSteps()
    moves = motion(backward_flow)
    doubt = cv2.resize(1 - confidence, moves.shape[::-1], interpolation=cv2.INTER_AREA)
    restless = cv2.GaussianBlur(np.maximum(doubt, moves), (0, 0), _SOFTNESS)
    if float(np.mean(restless > RESTLESS)) < FEWEST:
        return ExtraSteps()
    soft = np.clip(2 * restless / RESTLESS - 1, 0, 1)
    height, width = confidence.shape
    share = np.asarray(cv2.resize(soft, (width, height)), np.float32)
    return ExtraSteps(MORE * usual, _part_around(share > 0, (height, width)), share)


def _part_around(places: npt.NDArray[np.bool_], size: Size) -> Part | None:
    left, top, width, height = cv2.boundingRect(places.astype(np.uint8))
    side = GRID * -(-(max(width, height) + 2 * MARGIN) // GRID)
    if min(side, size[0]) * min(side, size[1]) > MOST_PART * size[0] * size[1]:
        return None
    return Part(((top + height / 2) / size[0], (left + width / 2) / size[1]), side)
