"""The two ways through the octaves: lost detail before the ascent, or after it."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dreamstream.dream.ascent import NEAR_CEILING, Ascent
from dreamstream.dream.resampling import Size, enlarge, resize_corner_aligned, shrink
from dreamstream.frames import FloatImage


@dataclass(frozen=True, slots=True)
class Octave:
    """What one octave gave.

    Attributes:
        image: (h, w, 3) float32 in [-1, 1], not clipped.
        loss: The loss before its last step; NaN where it took none.
        steps: Steps taken.
        foretold: As of :class:`dreamstream.dream.ascent.Ascended`.
    """

    image: FloatImage
    loss: float
    steps: int
    foretold: float = math.nan


@dataclass(frozen=True, slots=True)
class Headroom:
    """Shares of max_loss up to which octaves may climb.

    Attributes:
        smaller: Every octave but the last.
        last: The whole picture.
    """

    smaller: float = NEAR_CEILING
    last: float = NEAR_CEILING


COLD_HEADROOM = Headroom()

Climb = Callable[[FloatImage, FloatImage, Sequence[Size], Ascent, int, Headroom], Iterator[Octave]]


def climb_reinject(
    start: FloatImage,
    emphasis: FloatImage,
    sizes: Sequence[Size],
    ascent: Ascent,
    steps: int,
    headroom: Headroom = COLD_HEADROOM,
) -> Iterator[Octave]:
    """Re-inject each octave's own detail, then ascend: x_o = X_o + up(x_{o-1} - X_{o-1}).

    Up is linear, so this is up(x_{o-1}) plus the detail X_o - up(X_{o-1}) that the smaller octave
    lost; without steps the last octave is the start itself, bit by bit.

    Args:
        start: (H, W, 3) float32, the picture to begin from.
        emphasis: (H, W) float32, factor of the step at each pixel.
        sizes: Sizes of the octaves, smallest first, the last one (H, W).
        ascent: Raises the loss of one octave.
        steps: Steps in each octave.
        headroom: How far octaves may climb.
    """
    change = np.zeros((*sizes[0], 3), np.float32)
    for size in sizes:
        base = shrink(start, size)
        begin = base + enlarge(change, size)
        up_to = headroom.last if size == sizes[-1] else headroom.smaller
        octave = Octave(*ascent.climb(begin, shrink(emphasis, size), steps, up_to))
        change = octave.image - base
        yield octave


def climb_classic(
    start: FloatImage,
    emphasis: FloatImage,
    sizes: Sequence[Size],
    ascent: Ascent,
    steps: int,
    headroom: Headroom = COLD_HEADROOM,
) -> Iterator[Octave]:
    """Ascend, then add the lost detail, resizing corner-aligned, as the original program did.

    Its arguments are those of :func:`climb_reinject`.
    """
    image = smaller = resize_corner_aligned(start, sizes[0])
    for size in sizes:
        begin = resize_corner_aligned(image, size)
        weights = resize_corner_aligned(emphasis[..., None], size)[..., 0]
        up_to = headroom.last if size == sizes[-1] else headroom.smaller
        climbed = ascent.climb(begin, weights, steps, up_to)
        same_size = resize_corner_aligned(start, size)
        image = climbed.image + (same_size - resize_corner_aligned(smaller, size))
        smaller = same_size
        yield Octave(image, climbed.loss, climbed.steps)
