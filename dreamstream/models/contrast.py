"""Contrast normalisation as a Keras layer: each channel divided by what others hold at its place.

Only networks that are built with Keras, to be trained or measured, need it.
"""

from typing import Any

import keras
import tensorflow as tf

from dreamstream.models.operations import divided

NEIGHBOURS = 5
"""Channels that hold each other down at first."""

NEIGHBOURS_WEIGHT = 0.5
"""Of the square of each, at first."""


WEIGHTS_NAME = "neighbours"
"""Of the variable that holds the roots of the weights."""


class ContrastLayer(keras.layers.Layer):  # type: ignore[misc]
    """See :class:`dreamstream.models.operations.Contrast`; its kernel is trained."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the kernel, each channel held down by its neighbours."""
        channels = input_shape[-1]
        self.kernel = self.add_weight(
            shape=(1, 1, channels, channels), initializer=_bands, name=WEIGHTS_NAME
        )

    def call(self, features: Any) -> Any:
        """Divide."""
        return divided(features, tf.square(self.kernel))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Give the shape, which stays."""
        return input_shape


def _bands(shape: tuple[int, ...], dtype: Any = None) -> Any:
    """Make a kernel of neighbours; the others weigh little, but enough to have a gradient."""
    channels = tf.range(shape[-1])
    near = tf.abs(channels[:, None] - channels[None, :]) <= NEIGHBOURS // 2
    weights = tf.sqrt(tf.where(near, NEIGHBOURS_WEIGHT, NEIGHBOURS_WEIGHT / 100))
    return tf.cast(tf.reshape(weights, shape), dtype or tf.float32)
