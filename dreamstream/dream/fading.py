"""How a strength under 1 shows: the dream is made in full, and laid over its source in part.

What is carried from frame to frame stays whole.  So a share that changes from one frame to the
next, even from 0, shows at once, and a steady one flickers no more than the dream itself.
"""

from collections.abc import Sequence

import numpy as np

from dreamstream.dream.resampling import shrink
from dreamstream.frames import FloatImage


def faded(residual: FloatImage, opacity: float) -> FloatImage:
    """Return the share of a residual that is shown; at 1 the same array."""
    return residual if opacity == 1 else np.float32(opacity) * residual


def laid_over(source: FloatImage, dream: FloatImage, opacity: float) -> FloatImage:
    """Return a dream as it is shown over its source; at 1 the dream, at 0 the source, exactly."""
    return dream if opacity == 1 else source + faded(dream - source, opacity)


def faded_octaves(
    images: Sequence[FloatImage], source: FloatImage, opacity: float
) -> list[FloatImage]:
    """Return the pictures of octaves as they are shown.

    Args:
        images: (h', w', 3) float32 each, smallest first.
        source: (h, w, 3) float32, the frame at dream size.
        opacity: Share of the dream, in [0, 1].
    """
    sizes = [(image.shape[0], image.shape[1]) for image in images]
    pairs = zip(images, sizes, strict=True)
    return [laid_over(shrink(source, size), image, opacity) for image, size in pairs]
