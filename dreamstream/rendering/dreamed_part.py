"""The dreamed part of a frame alone, with transparency, to be laid over the source or another."""

import numpy as np

from dreamstream.frames import FloatImage, Pixels

_ROWS = 256
"""Rows that are worked on at a time, so that wider numbers take no memory to speak of."""


def dreamed_part(source: Pixels, dream: Pixels, mask: FloatImage | None = None) -> Pixels:
    """Return what makes of a source its dream when it is laid over it, to within a level.

    With a mask the opacity is the mask's, and the colours are the whole dream's.  Without one it is
    the least that there are colours for, Porter and Duff's "over" solved as for a difference key:
    none where nothing has changed.  Colours are straight, not multiplied by the opacity; where
    that is 0 they are the source's, so that nothing bleeds in where a picture is resampled.

    Args:
        source: (H, W, 3) uint8 RGB.
        dream: (H, W, 3) uint8 RGB.
        mask: (H, W) float32 in [0, 1].

    Returns:
        (H, W, 4) uint8 RGBA.
    """
    made = np.empty((*source.shape[:2], 4), np.uint8)
    for row in range(0, len(made), _ROWS):
        rows = slice(row, row + _ROWS)
        part = None if mask is None else mask[rows]
        made[rows] = _part(source[rows], dream[rows], part)
    return made


def _part(source: Pixels, dream: Pixels, mask: FloatImage | None) -> Pixels:
    below = source.astype(np.float32)
    change = dream.astype(np.float32) - below
    if mask is None:
        room = np.where(change > 0, 255 - below, below)
        alpha = np.ceil(255 * (np.abs(change) / np.maximum(room, 1)).max(axis=-1))
    else:
        alpha = np.rint(255 * mask)
    share = np.maximum(alpha, 1)[..., None] / np.float32(255)
    colours = np.where(alpha[..., None] > 0, below + change / share, below)
    rounded = np.clip(np.rint(np.dstack([colours, alpha])), 0, 255)
    return np.asarray(rounded, np.uint8)
