"""Dream pictures with any network, to compare what two networks make of the same photos."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from .gradients import Tensor, compiled, energies, normalised, smooth_gradients
from .teacher import Features

SMALLEST_SIDE = 48


@dataclass(frozen=True)
class Manner:
    """How to dream.

    Attributes:
        steps: Steps at each octave.
        octaves: How many scales.
        octave_scale: Ratio of one octave's size to the one before it.
        step_size: Mean length of a step over pixels, in the [-1, 1] range.
        smoothings: Standard deviation in pixels of the gradient's smoothing at an octave's first
            and last step; None for the raw gradient.
        jitter: Greatest shift in pixels before a step.
    """

    steps: int = 10
    octaves: int = 3
    octave_scale: float = 1.4
    step_size: float = 0.01
    smoothings: tuple[float, float] | None = None
    jitter: int = 0


PLAIN = Manner(jitter=8)
"""The original program's ascent, and the jitter of its successors: transfer is measured so."""

BEAUTIFUL = Manner(steps=12, octaves=5, step_size=1.8 / 127.5, smoothings=(0.6, 2.6), jitter=12)
"""The manner that makes whole, furry animals: what is looked at."""


class Ascent:
    """Gradient ascent on the mean square of a network's layers."""

    def __init__(self, features: Features, scales: Tensor) -> None:
        """Put a network and its scales together.

        Args:
            features: From (batch, height, width, 3) RGB in [-1, 1] to a list of maps.
            scales: (layers,) float32 factor of each layer's mean square.
        """
        self._features = features
        self._scales = tf.constant(scales, tf.float32)

    def dream(
        self, pictures: Tensor, coefficients: Tensor, manner: Manner, seed: int = 0
    ) -> Tensor:
        """Dream, from the smallest octave to the largest, re-injecting each one's lost detail.

        Args:
            pictures: (batch, height, width, 3) float32 RGB in [-1, 1].
            coefficients: (layers,) float32 weight of each layer in the loss.
            manner: How to.
            seed: Of the jitter.

        Returns:
            The dreams, same shape and range.
        """
        random = tf.random.Generator.from_seed(seed)
        residual = tf.zeros_like(pictures)
        for size in octave_sizes(pictures.shape[1:3], manner):
            source = tf.image.resize(pictures, size, antialias=True)
            residual = tf.image.resize(residual, size)
            for step in range(manner.steps):
                shift = random.uniform((2,), -manner.jitter, manner.jitter + 1, tf.int32)
                sigma = tf.constant(_smoothing(manner, step))
                residual = self._step(
                    source, residual, coefficients, sigma, tf.constant(manner.step_size), shift
                )
        return pictures + residual

    @compiled
    def _step(
        self,
        source: Tensor,
        residual: Tensor,
        coefficients: Tensor,
        sigma: Tensor,
        step_size: Tensor,
        shift: Tensor,
    ) -> Tensor:
        pictures = source + residual
        gradients = self.gradients(tf.roll(pictures, shift, (1, 2)), coefficients)
        gradients = tf.roll(gradients, -shift, (1, 2))
        if sigma > 0:
            gradients = smooth_gradients(gradients, sigma)
        return tf.clip_by_value(pictures + step_size * normalised(gradients), -1, 1) - source

    def gradients(self, pictures: Tensor, coefficients: Tensor) -> Tensor:
        """Take the gradient of the loss with respect to pictures."""
        with tf.GradientTape() as tape:
            tape.watch(pictures)
            maps = self._features(pictures)
            loss = tf.reduce_sum(coefficients * self._scales * energies(maps))
        return tape.gradient(loss, pictures)

    @compiled
    def energies(self, pictures: Tensor) -> Tensor:
        """Measure each layer's mean square: (batch, layers)."""
        return energies(self._features(pictures))


def octave_sizes(size: tuple[int, int], manner: Manner) -> list[tuple[int, int]]:
    """List octaves' (height, width), smallest first; those too small are left out."""
    height, width = size
    ratios = [manner.octave_scale**power for power in reversed(range(manner.octaves))]
    sizes = [(round(height / ratio), round(width / ratio)) for ratio in ratios]
    return [size for size in sizes if min(size) >= SMALLEST_SIDE]


def with_strength(dreams: Tensor, photos: Tensor, like: Tensor) -> Tensor:
    """Scale each dream's residual to the root mean square of another's, picture by picture."""
    residual, other = dreams - photos, like - photos
    axes = [1, 2, 3]
    squares = [tf.reduce_mean(tf.square(r), axes, keepdims=True) for r in (other, residual)]
    return photos + residual * tf.sqrt(squares[0] / (squares[1] + 1e-12))


def _smoothing(manner: Manner, step: int) -> float:
    if manner.smoothings is None:
        return 0.0
    first, last = manner.smoothings
    return first + (last - first) * step / max(manner.steps - 1, 1)
