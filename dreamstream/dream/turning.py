"""How a residual turns into another one, place by place."""

import numpy as np

from dreamstream.frames import FloatImage

Met = tuple[FloatImage, FloatImage]
"""The other residual, (h, w, 3), and the (h, w) shares of the way to it; at 1 it is there."""


def turned(residual: FloatImage, met: Met | None) -> FloatImage:
    """Return an (h, w, 3) residual on its way to another one, if there is one of its size."""
    if met is None or met[0].shape != residual.shape:
        return residual
    wanted, share = met[0], met[1][..., None]
    return np.where(share < 1, residual + share * (wanted - residual), wanted)
