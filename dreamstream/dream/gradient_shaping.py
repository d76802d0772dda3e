"""The shape of an ascent direction: blurred, evened out, normalised (TensorFlow, any size).

The original program divides the gradient by its mean absolute value and no more.  Blurring it over
three widths favours large forms over noise; dividing it by its local mean lets weak regions dream
beside strong ones.
"""

from typing import Any

import tensorflow as tf

Tensor = Any

CLASSIC_FLOOR = 1e-7
"""The original program's least divisor: an absolute one, which suits its units alone."""

LOCAL_SIGMA = 24.0
"""Standard deviation, in pixels, of the window over which the local mean is taken."""

_LOCAL_POOL = 8
_TAPS = 4
_RELATIVE_FLOOR = 1e-3
_TINY = 1e-30


def mean_magnitude(gradient: Tensor) -> Tensor:
    """Return the mean absolute value as a scalar."""
    return tf.reduce_mean(tf.abs(gradient))


def unit(gradient: Tensor) -> Tensor:
    """Return the factor that makes a gradient's mean absolute value 1; for all zeros any."""
    return 1 / tf.maximum(mean_magnitude(gradient), _TINY)


def smooth(gradient: Tensor, sigma: Tensor) -> Tensor:
    """Average three blurs of a gradient, about ``sigma`` / 2, ``sigma`` and 2 ``sigma`` wide.

    The wider two are taken at a half and a quarter of the size, which costs a fifth of the exact
    blur; pooling makes them a little wider than asked when ``sigma`` is under a pixel.  The
    quarter comes back by way of the half, since it is the last step that costs.

    Args:
        gradient: (1, H, W, 3) float32.
        sigma: Scalar float32, pixels, > 0.
    """
    half = _pool(gradient, 2)
    quarter = _blur(_pool(half, 2), sigma / 2)
    wider = _blur(half, sigma / 2) + _resize_like(quarter, half)
    return (_blur(gradient, sigma / 2) + _resize_like(wider, gradient)) / 3


def mix_colours(gradient: Tensor, matrix: Tensor) -> Tensor:
    """Multiply each pixel's change by a matrix, as of :func:`dream.parameters.colour_mix`.

    Args:
        gradient: (1, H, W, 3) float32.
        matrix: (3, 3) float32.
    """
    rows = tf.reshape(gradient, [-1, 3])  # a mean over so short an axis takes thrice as long
    return tf.reshape(tf.matmul(rows, matrix), tf.shape(gradient))


def even_out(gradient: Tensor, power: Tensor) -> Tensor:
    """Divide a gradient by the local mean of its absolute value, to a power.

    Args:
        gradient: (1, H, W, 3) float32.
        power: Scalar in [0, 1]; 0 changes nothing, 1 gives every region the same mean.
    """
    colours = gradient.shape[-1]
    pooled = tf.reduce_mean(_pool(tf.abs(gradient), _LOCAL_POOL), axis=-1, keepdims=True)
    local = _wide_blur(pooled, LOCAL_SIGMA / _LOCAL_POOL)
    floor = _RELATIVE_FLOOR * tf.reduce_mean(pooled) + _TINY
    factor = tf.tile(tf.pow(local + floor, -power), [1, 1, 1, colours])
    return gradient * _resize_like(factor, gradient)


def _pool(image: Tensor, size: int) -> Tensor:
    return tf.nn.avg_pool2d(image, size, size, "SAME")


def _resize_like(image: Tensor, other: Tensor) -> Tensor:
    return tf.image.resize(image, tf.shape(other)[1:3])


def _blur(image: Tensor, sigma: Tensor) -> Tensor:
    """Blur both axes by a Gaussian of at most ``_TAPS`` pixels to each side."""
    distance = tf.range(-_TAPS, _TAPS + 1, dtype=tf.float32)
    weights = tf.exp(-tf.square(distance / sigma) / 2)
    kernel = weights / tf.reduce_sum(weights)
    return _transpose(_blur_rows(_transpose(_blur_rows(image, kernel)), kernel))


def _blur_rows(image: Tensor, kernel: Tensor) -> Tensor:
    """Convolve axis 1, with width and colours as channels: far faster than three channels."""
    shape = tf.shape(image)
    channels = shape[2] * shape[3]
    columns = tf.reshape(image, [1, shape[1], 1, channels])
    taps = tf.tile(kernel[:, None, None, None], [1, 1, channels, 1])
    blurred = tf.nn.depthwise_conv2d(columns, taps, [1, 1, 1, 1], "SAME")
    return tf.reshape(blurred, shape)


def _wide_blur(image: Tensor, sigma: float) -> Tensor:
    """Blur a small (1, h, w, 1) image by a Gaussian of any width, renormalised at the borders."""
    rows = _gaussian_matrix(tf.shape(image)[1], sigma)
    columns = _gaussian_matrix(tf.shape(image)[2], sigma)
    blurred = tf.matmul(tf.matmul(rows, image[0, :, :, 0]), columns, transpose_b=True)
    return blurred[None, :, :, None]


def _gaussian_matrix(size: Tensor, sigma: float) -> Tensor:
    """Make the (size, size) matrix whose rows are Gaussian weights that sum to 1."""
    position = tf.cast(tf.range(size), tf.float32)
    weights = tf.exp(-tf.square((position[:, None] - position[None]) / sigma) / 2)
    return weights / tf.reduce_sum(weights, axis=1, keepdims=True)


def _transpose(image: Tensor) -> Tensor:
    return tf.transpose(image, [0, 2, 1, 3])
