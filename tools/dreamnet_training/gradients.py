"""Losses, gradients and their smoothing, for a teacher and a student alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import tensorflow as tf

Tensor = Any
Function = TypeVar("Function", bound=Callable[..., Any])

TINY = 1e-8
# Of the recipe for whole animals rather than noise: the gradient is divided by the mean of its
# absolute value around each pixel (standard deviation in pixels), to this power.
EVENNESS_RADIUS = 24.0
EVENNESS = 0.7


def compiled(function: Function) -> Function:
    """Compile a function or method of tensors, once for all sizes, and keep its type."""
    return cast(Function, tf.function(function, reduce_retracing=True))


def energies(maps: Sequence[Tensor]) -> Tensor:
    """Take the mean square of each map.

    Args:
        maps: Layers' outputs, (batch, height, width, channels) each.

    Returns:
        (batch, layers) float32.
    """
    return tf.stack([tf.reduce_mean(tf.square(m), axis=[1, 2, 3]) for m in maps], axis=1)


def gaussian_blur(images: Tensor, sigma: Tensor) -> Tensor:
    """Blur by a Gaussian, its weights renormalised at the border.

    Two matrix products rather than a convolution: one cost for every sigma.

    Args:
        images: (batch, height, width, channels) float32.
        sigma: Standard deviation in pixels, a scalar or one for each image, above 0.

    Returns:
        Images of the same shape.
    """
    sigmas = tf.broadcast_to(tf.reshape(sigma, (-1,)), tf.shape(images)[:1])
    rows, columns = (_gaussian_matrices(tf.shape(images)[axis], sigmas) for axis in (1, 2))
    blurred_rows = tf.einsum("bij,bjkc->bikc", rows, images)
    return tf.einsum("blk,bikc->bilc", columns, blurred_rows)


def _gaussian_matrices(side: Tensor, sigmas: Tensor) -> Tensor:
    position = tf.range(tf.cast(side, tf.float32))
    squared = tf.square(position[:, None] - position[None, :])
    return tf.nn.softmax(-squared / (2 * tf.square(sigmas[:, None, None])), axis=-1)


def smooth_gradients(gradients: Tensor, sigma: Tensor) -> Tensor:
    """Smooth gradients over three scales and even out their strength over the picture.

    Args:
        gradients: (batch, height, width, 3) float32.
        sigma: The middle scale in pixels, a scalar or one for each picture, above 0.

    Returns:
        Gradients of the same shape, no longer to scale.
    """
    scales = (sigma, 2 * sigma, sigma / 2)
    smoothed = tf.add_n([normalised(gaussian_blur(gradients, scale)) for scale in scales])
    strength = tf.reduce_mean(tf.abs(smoothed), axis=-1, keepdims=True)
    local = gaussian_blur(strength, tf.constant(EVENNESS_RADIUS))
    return smoothed / tf.pow(local + TINY, EVENNESS)


def normalised(gradients: Tensor) -> Tensor:
    """Divide each picture's gradient by the mean of its absolute value."""
    size = tf.reduce_mean(tf.abs(gradients), axis=[1, 2, 3], keepdims=True)
    return gradients / (size + TINY)


def cosines(first: Tensor, second: Tensor) -> Tensor:
    """Take the cosine between two (batch, height, width, channels) tensors, picture by picture."""
    axes = [1, 2, 3]
    product = tf.reduce_sum(first * second, axis=axes)
    lengths = tf.reduce_sum(first**2, axis=axes) * tf.reduce_sum(second**2, axis=axes)
    return product * tf.math.rsqrt(lengths + 1e-30)
