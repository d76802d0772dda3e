"""What a network's graph is made of, as plain TensorFlow operations with their weights as arrays.

Each operation is data, which ``folding`` rewrites, and makes its function when all is in place.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dreamstream.errors import ModelError
from dreamstream.models.receptive_field import ReceptiveField, Window, united

Tensor = Any
Function = Callable[..., Tensor]
Array = NDArray[np.float64]
Pair = tuple[int, int]
Shape = tuple[int, int, int]
"""(rows, columns, channels)."""

RELU6 = 6.0
"""The one ceiling of a rectifier that TensorFlow has operations for."""


class Operation(Protocol):
    """A step of a network from its inputs to one tensor, or to a list that :class:`Part` reads.

    It knows what it does to shapes and to receptive fields, so that a graph of it can be cut into
    tiles and measured without being run.
    """

    def output_shape(self, *shapes: Shape) -> Any:
        """Return the (rows, columns, channels) of what it makes of inputs of such shapes.

        Raises:
            ValueError: The inputs are too small.
        """
        ...

    def receptive_field(self, axis: int, *fields: ReceptiveField) -> ReceptiveField:
        """Return what a cell of its output sees along an axis, rows 0 and columns 1.

        Raises:
            ModelError: It sees all of the picture, or that is unknown.
        """
        ...

    def build(self, dtype: tf.DType) -> Function:
        """Make the function.

        Args:
            dtype: Type in which to compute; what comes before the first convolution keeps its own.
        """
        ...


class Pointwise:
    """Geometry of operations whose cells see the same cells of all inputs."""

    def output_shape(self, *shapes: Shape) -> Shape:
        """See :meth:`Operation.output_shape`."""
        return shapes[0]

    def receptive_field(self, axis: int, *fields: ReceptiveField) -> ReceptiveField:
        """See :meth:`Operation.receptive_field`."""
        return united(fields)


class Windowed(ABC):
    """Geometry of operations that move a window over one input.

    Attributes:
        strides: Of rows and columns.
        padding: "SAME" or "VALID".
    """

    strides: Pair
    padding: str

    @property
    @abstractmethod
    def window(self) -> tuple[Pair, Pair]:
        """The window's rows and columns, and its dilations along them."""

    def channels(self, taken: int) -> int:
        """Return the output's channels."""
        return taken

    def output_shape(self, *shapes: Shape) -> Shape:
        """See :meth:`Operation.output_shape`."""
        rows, columns, channels = shapes[0]
        places = self._along(0).places(rows), self._along(1).places(columns)
        return (*places, self.channels(channels))

    def receptive_field(self, axis: int, *fields: ReceptiveField) -> ReceptiveField:
        """See :meth:`Operation.receptive_field`."""
        return fields[0].through(self._along(axis))

    def _along(self, axis: int) -> Window:
        size, dilations = self.window
        return Window(size[axis], self.strides[axis], self.padding == "SAME", dilations[axis])


@dataclass(frozen=True, eq=False)
class Picture(Pointwise):
    """The graph's input."""

    def build(self, dtype: tf.DType) -> Function:
        """Make what gives the picture as it is."""
        return lambda picture: picture


@dataclass(frozen=True, eq=False)
class Norm(Pointwise):
    """A batch norm at rest: a multiple and a shift of each channel.

    Attributes:
        factor: (channels,).
        offset: (channels,).
    """

    factor: Array
    offset: Array

    def scaled(self, factor: Array, offset: Array) -> Self:
        """Return the operation whose output is ``factor`` times this one's, plus ``offset``."""
        return replace(self, factor=self.factor * factor, offset=self.offset * factor + offset)

    def build(self, dtype: tf.DType) -> Function:
        """See :meth:`Operation.build`."""
        factor, offset = tf.constant(self.factor, dtype), tf.constant(self.offset, dtype)
        if np.all(self.factor == 1):
            return lambda features: tf.cast(features, dtype) + offset
        return lambda features: tf.cast(features, dtype) * factor + offset


@dataclass(frozen=True, eq=False)
class Rectifier(Pointwise):
    """Lifts negative values to 0, and lowers those above 6 where ``capped``."""

    capped: bool = False

    def build(self, dtype: tf.DType) -> Function:
        """See :meth:`Operation.build`."""
        rectify: Function = tf.nn.relu6 if self.capped else tf.nn.relu
        return rectify


@dataclass(frozen=True, eq=False)
class Pool(Windowed):
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

    @property
    def window(self) -> tuple[Pair, Pair]:
        """See :attr:`Windowed.window`."""
        return self.size, (1, 1)

    def build(self, dtype: tf.DType) -> Function:
        """See :meth:`Operation.build`."""
        pool = tf.nn.avg_pool2d if self.mean else tf.nn.max_pool2d
        return lambda features: pool(features, self.size, self.strides, self.padding)


@dataclass(frozen=True, eq=False)
class Border:
    """Adds rows and columns of zeros: (before, after) of each."""

    rows: Pair
    columns: Pair

    def output_shape(self, *shapes: Shape) -> Shape:
        """See :meth:`Operation.output_shape`."""
        rows, columns, channels = shapes[0]
        return rows + sum(self.rows), columns + sum(self.columns), channels

    def receptive_field(self, axis: int, *fields: ReceptiveField) -> ReceptiveField:
        """See :meth:`Operation.receptive_field`."""
        return fields[0].moved((self.rows, self.columns)[axis][0])

    def build(self, dtype: tf.DType) -> Function:
        """See :meth:`Operation.build`."""
        return lambda features: tf.pad(features, [[0, 0], self.rows, self.columns, [0, 0]])


@dataclass(frozen=True, eq=False)
class Sum(Pointwise):
    """Adds its inputs."""

    def build(self, dtype: tf.DType) -> Function:
        """See :meth:`Operation.build`."""
        return lambda *inputs: tf.add_n([tf.cast(features, dtype) for features in inputs])


@dataclass(frozen=True, eq=False)
class Concatenation(Pointwise):
    """Lays its inputs' channels one behind another."""

    def output_shape(self, *shapes: Shape) -> Shape:
        """See :meth:`Operation.output_shape`."""
        rows, columns, _ = shapes[0]
        return rows, columns, sum(channels for *_, channels in shapes)

    def build(self, dtype: tf.DType) -> Function:
        """See :meth:`Operation.build`."""
        return lambda *inputs: tf.concat([tf.cast(each, dtype) for each in inputs], axis=-1)


@dataclass(frozen=True, eq=False)
class Contrast(Pointwise):
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
    """Return 1 / divisor to the powers 1/2 and 3/4."""
    root = tf.math.rsqrt(1 + tf.nn.conv2d(tf.square(features), weights, 1, "SAME"))
    return root, root * tf.sqrt(root)


@dataclass(frozen=True, eq=False)
class Part(Pointwise):
    """Returns one of several tensors."""

    index: int

    def output_shape(self, *shapes: Any) -> Shape:
        """See :meth:`Operation.output_shape`."""
        shape: Shape = shapes[0][self.index]
        return shape

    def build(self, dtype: tf.DType) -> Function:
        """See :meth:`Operation.build`."""
        return lambda parts: parts[self.index]


@dataclass(frozen=True, eq=False)
class KerasCall:
    """A layer that Keras itself runs, in float32.

    Attributes:
        name: The layer's.
        call: From the tensors that the layer takes to those that it gives.
        shapes: From the shapes of the former to those of the latter.
        pointwise: Whether its cells see the same cells of its inputs alone.
    """

    name: str
    call: Function
    shapes: Callable[..., Any]
    pointwise: bool = False

    def output_shape(self, *shapes: Shape) -> Any:
        """See :meth:`Operation.output_shape`."""
        return self.shapes(*shapes)

    def receptive_field(self, axis: int, *fields: ReceptiveField) -> ReceptiveField:
        """See :meth:`Operation.receptive_field`."""
        if not self.pointwise:
            raise ModelError(f"{self.name} may see all of the picture")
        return united(fields)

    def build(self, dtype: tf.DType) -> Function:
        """See :meth:`Operation.build`."""

        def run(*inputs: Tensor) -> Tensor:
            outputs = self.call(*[tf.cast(features, tf.float32) for features in inputs])
            kind = inputs[0].dtype
            return tf.nest.map_structure(lambda output: tf.cast(output, kind), outputs)

        return run
