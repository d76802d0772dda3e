"""How much each layer, or each channel of it, counts in the loss (TensorFlow)."""

import numpy as np
import tensorflow as tf

from dreamstream.config import LayerTerm
from dreamstream.dream.gradient_shaping import Tensor
from dreamstream.frames import FloatImage
from dreamstream.models.extractor import FeatureExtractor


class LayerWeights:
    """Turns the coefficients of the terms into weights of the layers' channels.

    A term's coefficient times its layer's scale is what the mean square of its channels counts.
    Any number of terms of a layer is one sum over it, and coefficients stay arguments: whatever
    they are, nothing is traced again.

    Args:
        extractor: The network, its layers and its terms.

    Attributes:
        terms: How many coefficients there are.
    """

    def __init__(self, extractor: FeatureExtractor) -> None:
        self.terms = len(extractor.terms)
        self._has_channels = extractor.terms != tuple(map(LayerTerm, extractor.layers))
        self._shares = _shares(extractor) if self._has_channels else []

    def of(self, scales: Tensor, coefficients: Tensor) -> list[Tensor]:
        """Return what the mean square of each layer, or those of its channels, count.

        Args:
            scales: (layers,) float32.
            coefficients: (terms,) float32.

        Returns:
            For each layer a scalar, or where there are terms of channels (channels,) float32,
            which sum up to what it would be.
        """
        if not self._has_channels:
            return list(tf.unstack(scales * coefficients))
        rows = [tf.linalg.matvec(share, coefficients, transpose_a=True) for share in self._shares]
        return [scale * row for scale, row in zip(tf.unstack(scales), rows, strict=True)]


def weighted_sum(density: Tensor, weight: Tensor, cells: Tensor) -> Tensor:
    """Sum up what a layer adds to the loss.

    Args:
        density: (1, h, w, channels) float32, of the cells that count.
        weight: As of :meth:`LayerWeights.of`.
        cells: Scalar float32, of the whole picture's layer.
    """
    if weight.shape.rank == 0:
        channels = tf.cast(tf.shape(density)[-1], tf.float32)
        return weight * (tf.reduce_sum(density) / (cells * channels))
    return tf.reduce_sum(density * weight) / cells


def _shares(extractor: FeatureExtractor) -> list[FloatImage]:
    """Return for each layer, (terms, channels), the share of each channel in a term's mean."""
    shares = []
    for layer, count in extractor.channels().items():
        share = np.zeros((len(extractor.terms), count), np.float32)
        for row, term in zip(share, extractor.terms, strict=True):
            first, last = term.channels or (0, count - 1)
            if term.layer == layer:
                row[first : last + 1] = 1 / (last + 1 - first)
        shares.append(share)
    return shares
