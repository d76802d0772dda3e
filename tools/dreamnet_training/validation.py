"""What a student is worth, on photos that it was not trained on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dreamstream.frames import FloatImage

from .distillation import relative_errors
from .dreaming import PLAIN, Ascent, Manner, with_strength
from .gradients import compiled
from .teacher import Features

BATCH = 8
# Enough to show how the student fares on dreams without hours of dreaming.
VALIDATION_MANNER = replace(PLAIN, steps=6, octaves=2)


def batches(pictures: FloatImage) -> Iterator[Any]:
    """Split pictures into tensors of a few."""
    for start in range(0, len(pictures), BATCH):
        yield tf.constant(pictures[start : start + BATCH])


def layer_scales_of(features: Features, photos: FloatImage) -> NDArray[np.float32]:
    """Measure the factor that brings each layer's mean square to 1, mean over photos."""
    ascent = Ascent(features, np.ones(1, np.float32))
    measured = np.concatenate([ascent.energies(batch).numpy() for batch in batches(photos)])
    scales: NDArray[np.float32] = (1 / measured.mean(axis=0)).astype(np.float32)
    return scales


def held_out_errors(
    student: Features, teacher: Features, pictures: FloatImage
) -> NDArray[np.float32]:
    """Measure each layer's squared error over the teacher's square, mean over pictures."""

    @compiled
    def measure(batch: Any) -> Any:
        return relative_errors(student(batch), teacher(batch))

    weighted = [measure(batch).numpy() * len(batch) for batch in batches(pictures)]
    errors: NDArray[np.float32] = np.sum(weighted, axis=0) / len(pictures)
    return errors


def dream_photos(
    ascent: Ascent, photos: FloatImage, coefficients: FloatImage, manner: Manner
) -> FloatImage:
    """Dream photos a few at a time."""
    weights = tf.constant(coefficients, tf.float32)
    return np.concatenate(
        [ascent.dream(batch, weights, manner).numpy() for batch in batches(photos)]
    )


def dreamed_by(ascent: Ascent, photos: FloatImage, layers: int) -> FloatImage:
    """Dream photos toward one layer each, in turn: the pictures that a student must know too."""
    dreams = np.empty_like(photos)
    for layer in range(min(layers, len(photos))):
        turn = slice(layer, None, layers)
        one = np.eye(layers, dtype=np.float32)[layer]
        dreams[turn] = dream_photos(ascent, photos[turn], one, VALIDATION_MANNER)
    return dreams


@dataclass(frozen=True)
class Gains:
    """What dreams toward one layer did to the teacher's loss, photo by photo.

    Attributes:
        teacher: (photos,) log of its ratio after and before the teacher's own dream.
        student: (photos,) the same for the student's dream, at the same RMS residual.
    """

    teacher: NDArray[np.float32]
    student: NDArray[np.float32]

    @property
    def transfer(self) -> NDArray[np.float32]:
        """(photos,) the student's gain as a share of the teacher's own."""
        shares: NDArray[np.float32] = self.student / self.teacher
        return shares


def measure_gains(
    student: Ascent, teacher: Ascent, photos: FloatImage, layer: int, layers: int, manner: Manner
) -> Gains:
    """Dream photos toward one layer with student and teacher, and ask the teacher about both.

    Args:
        student: The student's ascent.
        teacher: The teacher's.
        photos: (photos, height, width, 3) float32 RGB in [-1, 1].
        layer: Which layer.
        layers: How many there are.
        manner: How both dream.

    Returns:
        The gains in the teacher's mean square at that layer.
    """
    one = tf.one_hot(layer, layers)
    gains = []
    for batch in batches(photos):
        own = teacher.dream(batch, one, manner)
        lent = with_strength(student.dream(batch, one, manner), batch, own)
        before, after, after_lent = (
            np.log(teacher.energies(pictures).numpy()[:, layer]) for pictures in (batch, own, lent)
        )
        gains.append((after - before, after_lent - before))
    return Gains(*(np.concatenate(parts) for parts in zip(*gains, strict=True)))
