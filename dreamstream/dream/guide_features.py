"""What a guide asks of the layers: their activations of it, and how a dream's are matched to them.

google/deepdream climbs, at each position of a layer, along the guide's activation with the largest
dot product.  Here the best matches are mixed, which keeps the choice from jumping between frames,
and what rises is the square of the activation's part along that mixture.  That is a part of the
activation's own square, in the same units: a guided dream's loss is at most the unguided loss of
the same picture, and the ceiling holds for both alike.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from dreamstream.dream.gradient_shaping import Tensor

MOST_FEATURES = 512
"""Positions of a guide that are kept of each layer, the strongest ones: they are what matches."""

SHARPNESS = 40.0
"""How much better matches count for more; without end it is google/deepdream's, the best alone."""

MATCHED_FLOATS = 3 * MOST_FEATURES
"""Numbers that matching takes for each cell of a layer: scores, shares and their slope."""

_TINY = 1e-6


class GuideFeatures:
    """A guide's activations, which may change between steps without another trace.

    Args:
        channels: Of each layer.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        self._features = [
            tf.Variable(tf.zeros([1, count]), shape=tf.TensorShape([None, count]), trainable=False)
            for count in channels
        ]

    def take(self, activations: Sequence[npt.NDArray[np.float32]]) -> None:
        """Take a guide's activations.

        Args:
            activations: (h, w, channels) of each layer.
        """
        for variable, each in zip(self._features, activations, strict=True):
            variable.assign(strongest(each.reshape(-1, each.shape[-1])))

    def density(self, layer: int, cells: Tensor, weight: Tensor) -> Tensor:
        """Return what of a layer's squares counts.

        Args:
            layer: Its position.
            cells: (1, h, w, channels) float32 activations.
            weight: Scalar in [0, 1], how much the guide decides; 0 are the squares as they are.

        Returns:
            The shape of the cells.
        """
        vectors = tf.reshape(cells, [-1, cells.shape[-1]])
        direction = tf.stop_gradient(match(vectors, self._features[layer]))
        along = tf.reduce_sum(vectors * direction, axis=1, keepdims=True)
        part = vectors * direction * tf.stop_gradient(along)
        part = 2 * part - tf.stop_gradient(part)  # its slope is that of the square
        mixed = (1 - weight) * tf.square(vectors) + weight * part
        return tf.reshape(mixed, tf.shape(cells))


def match(vectors: Tensor, features: Tensor) -> Tensor:
    """Return the direction, of length 1, in which a guide's best matches lie.

    Args:
        vectors: (n, channels) float32.
        features: (m, channels) float32, the guide's.

    Returns:
        (n, channels) float32.
    """
    longest = tf.reduce_max(tf.norm(features, axis=1))
    scores = tf.matmul(tf.math.l2_normalize(vectors, 1), features, transpose_b=True)
    shares = tf.nn.softmax(SHARPNESS / tf.maximum(longest, _TINY) * scores)
    return tf.math.l2_normalize(tf.matmul(shares, features), 1)


def strongest(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the longest of (n, channels) vectors, at most MOST_FEATURES."""
    order = np.argsort(-np.linalg.norm(vectors, axis=1), kind="stable")
    return vectors[order[:MOST_FEATURES]]
