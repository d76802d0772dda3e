"""What a network's graph is made of, as plain TensorFlow operations with their weights as arrays.

Each operation is data, which ``folding`` rewrites, and makes its function when all is in place.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol, Self

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

Tensor = Any
Function = Callable[..., Tensor]
Array = NDArray[np.float64]
Pair = tuple[int, int]

RELU6 = 6.0
"""The one ceiling of a rectifier that TensorFlow has operations for."""

_NARROW = 4
"""Channels up to which an input's gradient through strides is found faster by phases."""


class Operation(Protocol):
    """A step of a network from its inputs to one tensor, or to a list that :class:`Part` reads."""

    def build(self, dtype: tf.DType) -> Function:
        """Make the function.

        Args:
            dtype: Type in which to compute; what comes before the first convolution keeps its own.
        """
        ...


@dataclass(frozen=True, eq=False)
class Picture:
    """The graph's input."""

    def build(self, dtype: tf.DType) -> Function:
        """Make what gives the picture as it is."""
        return lambda picture: picture


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution over all channels, with bias, and a rectifier behind it if wanted.

    Attributes:
        kernel: (rows, columns, in, out).
        bias: (out,).
        strides: Of rows and columns.
        padding: "SAME" or "VALID".
        dilations: Of rows and columns.
        rectified: Whether negative outputs become 0.
    """

    kernel: Array
    bias: Array
    strides: Pair = (1, 1)
    padding: str = "SAME"
    dilations: Pair = (1, 1)
    rectified: bool = False

    def scaled(self, factor: Array, offset: Array) -> Self:
        """Give the operation whose output is ``factor`` times this one's, plus ``offset``."""
        return replace(self, kernel=self.kernel * factor, bias=self.bias * factor + offset)

    def as_rectified(self) -> Self:
        """Give the same convolution with a rectifier behind it."""
        return replace(self, rectified=True)

    def build(self, dtype: tf.DType) -> Function:
        """See :meth:`Operation.build`."""
        forward, backward = self._forward(dtype), self._backward(dtype)
        if backward is None:
            return forward

        @tf.custom_gradient  # type: ignore[untyped-decorator]
        def convolve(features: Tensor) -> tuple[Tensor, Function]:
            output = forward(features)

            def gradient(upstream: Tensor) -> Tensor:
                if self.rectified:
                    upstream = tf.raw_ops.ReluGrad(gradients=upstream, features=output)
                return backward(upstream, features)

            return output, gradient

        return lambda features: convolve(tf.cast(features, dtype))

    def _backward(self, dtype: tf.DType) -> Function | None:
        """Make the function from a gradient and the input to the input's, where ours is faster.

        oneDNN convolves a tenth to a third faster than it runs its own input gradient.
        """
        if self.strides == (1, 1):
            mirrored, padding = tf.constant(mirror(self.kernel), dtype), self._mirrored_padding()
            return lambda upstream, features: tf.nn.conv2d(
                upstream, mirrored, 1, padding, dilations=self.dilations
            )
        rows, columns = self.strides
        narrow = self.kernel.shape[2] <= _NARROW
        if not narrow or rows != columns or self.dilations != (1, 1):
            return None
        return partial(
            self._backward_by_phases, rows, tf.constant(phases(self.kernel, rows), dtype)
        )

    def _backward_by_phases(
        self, stride: int, kernel: Tensor, upstream: Tensor, features: Tensor
    ) -> Tensor:
        """Convolve to all of a stride's phases at once, as so many channels, and lay them out."""
        taps = kernel.shape[:2]
        border = [[0, 0], *([side - 1, side - 1] for side in taps), [0, 0]]
        found = tf.nn.depth_to_space(tf.nn.conv2d(upstream, kernel, 1, border), stride)
        size = tf.shape(features)[1:3]
        reach = (tf.shape(upstream)[1:3] - 1) * stride + self.kernel.shape[:2]
        padded = tf.maximum(reach - size, 0) // 2 if self.padding == "SAME" else tf.zeros_like(size)
        found = tf.pad(found, [[0, 0], [0, stride], [0, stride], [0, 0]])
        return tf.slice(found, [0, *tf.unstack(padded), 0], tf.shape(features))

    def _forward(self, dtype: tf.DType) -> Function:
        kernel, bias = tf.constant(self.kernel, dtype), tf.constant(self.bias, dtype)

        def forward(features: Tensor) -> Tensor:
            convolved = tf.nn.conv2d(
                tf.cast(features, dtype),
                kernel,
                self.strides,
                self.padding,
                dilations=self.dilations,
            )
            output = tf.nn.bias_add(convolved, bias)
            return tf.nn.relu(output) if self.rectified else output

        return forward

    def _mirrored_padding(self) -> str | list[list[int]]:
        """Give the padding with which the mirrored kernel leads back to the input's size."""
        reach = [
            (side - 1) * dilation
            for side, dilation in zip(self.kernel.shape, self.dilations, strict=False)
        ]
        if self.padding == "SAME" and not any(pixels % 2 for pixels in reach):
            return "SAME"
        before = [pixels // 2 if self.padding == "SAME" else 0 for pixels in reach]
        after = [r - b if self.padding == "SAME" else 0 for r, b in zip(reach, before, strict=True)]
        sides = [[r - b, r - a] for r, b, a in zip(reach, before, after, strict=True)]
        return [[0, 0], *sides, [0, 0]]


def mirror(kernel: Array) -> Array:
    """Give the kernel that convolves a gradient back to a convolution's input, of stride 1.

    Args:
        kernel: (rows, columns, in, out).

    Returns:
        (rows, columns, out, in), turned by half a turn.
    """
    return np.ascontiguousarray(kernel[::-1, ::-1].transpose(0, 1, 3, 2))


def phases(kernel: Array, stride: int) -> Array:
    """Give the kernel that convolves a gradient back to an input of which it is 1 / stride.

    Args:
        kernel: (rows, columns, in, out).
        stride: Of rows and of columns.

    Returns:
        (taps, taps, out, stride * stride * in), for an upstream with taps - 1 zeros around it;
        ``depth_to_space`` makes the input's gradient of what it gives, from its first pixel on.
    """
    rows, columns, inputs, outputs = kernel.shape
    taps = [-(-side // stride) for side in (rows, columns)]
    padded = np.zeros((taps[0] * stride, taps[1] * stride, inputs, outputs), kernel.dtype)
    padded[:rows, :columns] = kernel
    split = padded.reshape(taps[0], stride, taps[1], stride, inputs, outputs)[::-1, :, ::-1]
    turned = split.transpose(0, 2, 5, 1, 3, 4)
    return np.ascontiguousarray(turned.reshape(*taps, outputs, stride * stride * inputs))


@dataclass(frozen=True, eq=False)
class DepthwiseConvolution:
    """A convolution of each channel on its own, with bias.

    Attributes:
        kernel: (rows, columns, in, multiplier); input i goes to outputs from i * multiplier on.
        bias: (in * multiplier,).
        strides: Of rows and columns.
        padding: "SAME" or "VALID".
        dilations: Of rows and columns.
    """

    kernel: Array
    bias: Array
    strides: Pair = (1, 1)
    padding: str = "SAME"
    dilations: Pair = (1, 1)

    def scaled(self, factor: Array, offset: Array) -> Self:
        """Give the operation whose output is ``factor`` times this one's, plus ``offset``."""
        kernel = self.kernel * np.reshape(factor, self.kernel.shape[2:])
        return replace(self, kernel=kernel, bias=self.bias * factor + offset)

    def build(self, dtype: tf.DType) -> Function:
        """See :meth:`Operation.build`."""
        kernel, bias = tf.constant(self.kernel, dtype), tf.constant(self.bias, dtype)
        strides = [1, *self.strides, 1]

        def convolve(features: Tensor) -> Tensor:
            convolved = tf.nn.depthwise_conv2d(
                tf.cast(features, dtype), kernel, strides, self.padding, dilations=self.dilations
            )
            return tf.nn.bias_add(convolved, bias)

        return convolve


@dataclass(frozen=True, eq=False)
class Norm:
    """A batch norm at rest: a multiple and a shift of each channel.

    Attributes:
        factor: (channels,).
        offset: (channels,).
    """

    factor: Array
    offset: Array

    def scaled(self, factor: Array, offset: Array) -> Self:
        """Give the operation whose output is ``factor`` times this one's, plus ``offset``."""
        return replace(self, factor=self.factor * factor, offset=self.offset * factor + offset)

    def build(self, dtype: tf.DType) -> Function:
        """See :meth:`Operation.build`."""
        factor, offset = tf.constant(self.factor, dtype), tf.constant(self.offset, dtype)
        if np.all(self.factor == 1):
            return lambda features: tf.cast(features, dtype) + offset
        return lambda features: tf.cast(features, dtype) * factor + offset


@dataclass(frozen=True, eq=False)
class Rectifier:
    """Lifts negative values to 0, and lowers those above 6 where ``capped``."""

    capped: bool = False

    def build(self, dtype: tf.DType) -> Function:
        """See :meth:`Operation.build`."""
        rectify: Function = tf.nn.relu6 if self.capped else tf.nn.relu
        return rectify


@dataclass(frozen=True, eq=False)
class Pool:
    """The mean, or else the greatest, of each window.

    Attributes:
        mean: Which of the two.
        size: Rows and columns of a window.
        strides: Of rows and columns.
        padding: "SAME" or "VALID"; what is padded counts for neither.
    """

    mean: bool
    size: Pair
    strides: Pair
    padding: str

    def build(self, dtype: tf.DType) -> Function:
        """See :meth:`Operation.build`."""
        pool = tf.nn.avg_pool2d if self.mean else tf.nn.max_pool2d
        return lambda features: pool(features, self.size, self.strides, self.padding)


@dataclass(frozen=True, eq=False)
class Border:
    """Adds rows and columns of zeros: (before, after) of each."""

    rows: Pair
    columns: Pair

    def build(self, dtype: tf.DType) -> Function:
        """See :meth:`Operation.build`."""
        return lambda features: tf.pad(features, [[0, 0], self.rows, self.columns, [0, 0]])


@dataclass(frozen=True, eq=False)
class Sum:
    """Adds its inputs."""

    def build(self, dtype: tf.DType) -> Function:
        """See :meth:`Operation.build`."""
        return lambda *inputs: tf.add_n([tf.cast(features, dtype) for features in inputs])


@dataclass(frozen=True, eq=False)
class Concatenation:
    """Lays its inputs' channels one behind another."""

    def build(self, dtype: tf.DType) -> Function:
        """See :meth:`Operation.build`."""
        return lambda *inputs: tf.concat([tf.cast(each, dtype) for each in inputs], axis=-1)


@dataclass(frozen=True, eq=False)
class Contrast:
    """Divides each channel by the root of what all hold at its place, weighted, to the power 3/2.

    It stands in for the local response normalisation of networks of GoogLeNet's time (Krizhevsky
    et al. 2012), which holds strong edges down; its weights are trained (Balle et al. 2016, arXiv
    1511.06281). It computes in float32: squares are too large for float16.

    Attributes:
        weights: (in, out), none negative.
    """

    weights: Array

    def build(self, dtype: tf.DType) -> Function:
        """See :meth:`Operation.build`."""
        weights = tf.constant(self.weights[None, None], tf.float32)
        back = tf.constant(-1.5 * self.weights.T[None, None], tf.float32)

        @tf.custom_gradient  # type: ignore[untyped-decorator]
        def divide(features: Tensor) -> tuple[Tensor, Function]:
            """Divide; the gradient takes half of the operations that TensorFlow's own would."""
            root, factor = _divisors(features, weights)
            output = features * factor

            def gradient(upstream: Tensor) -> Tensor:
                held = upstream * output * tf.square(root)
                return upstream * factor + features * tf.nn.conv2d(held, back, 1, "SAME")

            return output, gradient

        return lambda features: tf.cast(divide(tf.cast(features, tf.float32)), dtype)


def divided(features: Tensor, weights: Tensor) -> Tensor:
    """Divide each channel by (1 + the weighted sum of all squares) ** 0.75.

    Args:
        features: (batch, height, width, channels) float32.
        weights: (1, 1, channels, channels) float32, from the channels that weigh to those divided.

    Returns:
        Features of the same shape.
    """
    return features * _divisors(features, weights)[1]


def _divisors(features: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Give 1 / divisor to the powers 1/2 and 3/4."""
    root = tf.math.rsqrt(1 + tf.nn.conv2d(tf.square(features), weights, 1, "SAME"))
    return root, root * tf.sqrt(root)


@dataclass(frozen=True, eq=False)
class Part:
    """Gives one of several tensors."""

    index: int

    def build(self, dtype: tf.DType) -> Function:
        """See :meth:`Operation.build`."""
        return lambda parts: parts[self.index]


@dataclass(frozen=True, eq=False)
class KerasCall:
    """A layer that Keras itself runs, in float32.

    Attributes:
        call: From the tensors that the layer takes to those that it gives.
    """

    call: Function

    def build(self, dtype: tf.DType) -> Function:
        """See :meth:`Operation.build`."""

        def run(*inputs: Tensor) -> Tensor:
            outputs = self.call(*[tf.cast(features, tf.float32) for features in inputs])
            kind = inputs[0].dtype
            return tf.nest.map_structure(lambda output: tf.cast(output, kind), outputs)

        return run
