"""Richness: how much a network finds in a dream, against what it finds in the independent one's.

Strength tells how far pixels changed, not what they came to: a murky knot of lines is as strong as
a face.  The network itself knows: the energy of a cell of the deepest chosen layer is its mean
square over the channels.  Over some of a frame's cells

    richness = log(dream / source) / log(independent / source),

each of the three the mean energy of these cells; all dreams as they are, not scaled to one
strength.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from benchmarks.motion.metrics import MOVING, Links, Mask
from dreamstream._libraries import cv2
from dreamstream.dream.objective import IMAGE, compiled
from dreamstream.frames import FloatImage, Pixels, to_model_range
from dreamstream.models.extractor import FeatureExtractor

REFERENCE_WIDTH = 480
"""Width of the picture, in pixels, at which what moves by more than ``MOVING`` is a mover."""

FEWEST_CELLS = 6
"""A frame with fewer cells of a kind tells nothing of it."""

LEAST_GAIN = 0.05
"""Log gain of the independent dream under which a frame's cells tell nothing: nothing to match."""


@dataclass(frozen=True, slots=True)
class Richness:
    """What a dream holds of the independent one's; None where no frame tells.

    Attributes:
        moving: Mean over the frames of what moves against its scene.
        moving_worst: The least of them.
        still: Mean over the frames of all else.
        still_worst: The least of them.
    """

    moving: float | None
    moving_worst: float | None
    still: float | None
    still_worst: float | None


class RichnessMeter:
    """Measures dreams of one film.

    Args:
        extractor: The network.
        frames: (H, W, 3) uint8 RGB each, the film.
        links: As many, the way from each frame to the next.
    """

    def __init__(self, extractor: FeatureExtractor, frames: Sequence[Pixels], links: Links) -> None:
        self._energies = compiled(
            lambda image: tf.reduce_mean(tf.square(extractor(image)[-1][0]), axis=-1), IMAGE
        )
        self._source = self.energies(frames)
        shapes = zip(links, self._source, strict=True)
        self._moving = [
            None if link is None else moving_cells(link.backward, energy.shape)
            for link, energy in shapes
        ]

    def energies(self, pictures: Sequence[Pixels]) -> list[FloatImage]:
        """Return each cell's energy in each (H, W, 3) uint8 picture: (rows, columns) float32."""
        return [self._energies(to_model_range(each)[None]).numpy() for each in pictures]

    def measure(self, dreams: Sequence[Pixels], independent: Sequence[FloatImage]) -> Richness:
        """Compare a dream with the independent one.

        Args:
            dreams: (H, W, 3) uint8 RGB each.
            independent: As of :meth:`energies`, of the independent dream.
        """
        energies = self.energies(dreams)
        moving, still = (
            [
                share
                for dream, own, other, cells in zip(
                    energies, self._source, independent, self._moving, strict=True
                )
                if cells is not None
                and (share := richness_of(dream, own, other, cells == kind)) is not None
            ]
            for kind in (True, False)
        )
        return Richness(*_mean_and_worst(moving), *_mean_and_worst(still))


def moving_cells(backward: FloatImage, shape: tuple[int, ...]) -> Mask:
    """Return the cells of which more than half moves against the median of the flow.

    Args:
        backward: (H, W, 2) float32 pixels.
        shape: (rows, columns) of the cells.
    """
    against = np.abs(backward - np.median(backward, axis=(0, 1))).max(axis=-1)
    moves = against > MOVING * backward.shape[1] / REFERENCE_WIDTH
    share = cv2.resize(moves.astype(np.float32), shape[1::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(share > 0.5, np.bool_)


def richness_of(
    dream: FloatImage, source: FloatImage, independent: FloatImage, cells: Mask
) -> float | None:
    """Compare three pictures' energies over some of their cells; None where they tell nothing.

    Args:
        dream: (rows, columns) float32 energies.
        source: The same, of the frame.
        independent: The same, of the independent dream.
        cells: Which of them count.
    """
    if int(cells.sum()) < FEWEST_CELLS:
        return None
    own = max(float(source[cells].mean()), 1e-12)
    wanted = float(np.log(max(float(independent[cells].mean()), 1e-12) / own))
    if wanted < LEAST_GAIN:
        return None
    return float(np.log(max(float(dream[cells].mean()), 1e-12) / own)) / wanted


def _mean_and_worst(values: Sequence[float]) -> tuple[float | None, float | None]:
    return (float(np.mean(values)), min(values)) if values else (None, None)
