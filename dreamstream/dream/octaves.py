"""The two ways through the octaves: lost detail before the ascent, or after it."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dreamstream.dream.ascent import Ascended
from dreamstream.dream.resampling import Size, enlarge, resize_corner_aligned, shrink
from dreamstream.frames import FloatImage


@dataclass(frozen=True, slots=True)
class Octave:
    """The result of one octave.

    Attributes:
        image: (h, w, 3) float32 in [-1, 1], not clipped.
        loss: The loss before its last step; NaN where it took none.
        steps: Steps taken.
        predicted_loss: As of :class:`dreamstream.dream.ascent.Ascended`.
    """

    image: FloatImage
    loss: float
    steps: int
    predicted_loss: float = math.nan


Ascend = Callable[[FloatImage, FloatImage, bool], Ascended]
"""Raises the loss of an octave's (h, w, 3) picture, with the (h, w) weights of its steps; is told
whether it is the last octave."""

OctaveRule = Callable[[FloatImage, FloatImage, Sequence[Size], Ascend], Iterator[Octave]]


def reinject_octaves(
    start: FloatImage, weights: FloatImage, sizes: Sequence[Size], ascend: Ascend
) -> Iterator[Octave]:
    """Re-inject each octave's own detail, then ascend: x_o = X_o + up(x_{o-1} - X_{o-1}).

    Up is linear, so this is up(x_{o-1}) plus the detail X_o - up(X_{o-1}) that the smaller octave
    lost; without steps the last octave is the start itself, bit by bit.

    Args:
        start: (H, W, 3) float32, the picture to begin from.
        weights: (H, W) float32, factor of the step at each pixel.
        sizes: Sizes of the octaves, smallest first, the last one (H, W).
        ascend: Raises the loss of one octave.
    """
    change = np.zeros((*sizes[0], 3), np.float32)
    for size in sizes:
        base = shrink(start, size)
        begin = base + enlarge(change, size)
        ascended = ascend(begin, shrink(weights, size), size == sizes[-1])
        change = ascended.image - base
        yield Octave(*ascended)


def classic_octaves(
    start: FloatImage, weights: FloatImage, sizes: Sequence[Size], ascend: Ascend
) -> Iterator[Octave]:
    """Ascend, then add the lost detail, resizing corner-aligned, as the original program did.

    Its arguments are those of :func:`reinject_octaves`.
    """
    image = smaller = resize_corner_aligned(start, sizes[0])
    for size in sizes:
        begin = resize_corner_aligned(image, size)
        factor = resize_corner_aligned(weights[..., None], size)[..., 0]
        ascended = ascend(begin, factor, size == sizes[-1])
        same_size = resize_corner_aligned(start, size)
        image = ascended.image + (same_size - resize_corner_aligned(smaller, size))
        smaller = same_size
        yield Octave(image, ascended.loss, ascended.steps)
