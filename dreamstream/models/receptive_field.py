"""How far a network's activations see, and how much memory it takes (loads no Keras by itself)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dreamstream.errors import ModelError

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, slots=True)
class Reach:
    """What a cell of a layer sees: at index i the pixels i * stride + first to i * stride + last.

    It holds along both axes, as the wider of the two, and whatever the picture's size.

    Attributes:
        stride: Pixels from a cell to the next.
        first: Of the foremost pixel, seen from the cell's own.
        last: Of the hindmost.
    """

    stride: int = 1
    first: int = 0
    last: int = 0

    def through(self, window: int, stride: int, padding: str, dilation: int = 1) -> Reach:
        """Give the reach after a window has been moved over a layer.

        Args:
            window: Its length in cells.
            stride: Cells from one place to the next.
            padding: "same" or "valid".
            dilation: Cells from one cell of the window to the next.
        """
        span = (window - 1) * dilation
        # TensorFlow pads by the size's remainder: by all of the span at most, and half of it before
        least, most = (max(span + 1 - stride, 0) // 2, span // 2) if padding == "same" else (0, 0)
        return Reach(
            self.stride * stride,
            self.first - self.stride * most,
            self.last + self.stride * (span - least),
        )

    def moved(self, cells: int) -> Reach:
        """Give the reach after so many cells have been put in front."""
        pixels = self.stride * cells
        return Reach(self.stride, self.first - pixels, self.last - pixels)


@dataclass(frozen=True, slots=True)
class Sight:
    """What a network's layers see, and how large it is.

    Attributes:
        reaches: Of the chosen layers.
        floats: Numbers that it computes, of all its operations together, for each pixel.
    """

    reaches: tuple[Reach, ...]
    floats: float

    @property
    def stride(self) -> int:
        """Pixels by which a picture may be moved so that every layer's cells move along."""
        return math.lcm(*(reach.stride for reach in self.reaches))


def united(reaches: Iterable[Reach]) -> Reach:
    """Give the least reach that holds others, of layers laid together.

    Raises:
        ModelError: Their cells don't lie side by side.
    """
    reaches = list(reaches)
    strides = {reach.stride for reach in reaches}
    if len(strides) != 1:
        raise ModelError(f"telling what a cell sees failed: strides {strides} meet in one layer")
    first, last = min(reach.first for reach in reaches), max(reach.last for reach in reaches)
    return Reach(strides.pop(), first, last)


def sight_of(model: keras.Model) -> Sight:
    """Tell what the outputs of a functional model of one picture see.

    Raises:
        ModelError: Something in it sees all of the picture, or nobody knows what.
    """
    walks = [_Walk(axis) for axis in (0, 1)]
    axes = [walk.through(model, [Reach()]) for walk in walks]
    return Sight(tuple(map(united, zip(*axes, strict=True))), walks[0].floats)


class _Walk:
    """A way through a model along one axis of the picture: rows are 0, columns 1.

    Attributes:
        floats: Numbers computed on the way, for each pixel.
    """

    def __init__(self, axis: int) -> None:
        self._axis = axis
        self.floats = 0.0

    def through(self, model: keras.Model, inputs: Sequence[Reach]) -> list[Reach]:
        """Give the reaches of a model's outputs from those of its inputs."""
        known = dict(zip(map(id, model.inputs), inputs, strict=True))
        for depth in sorted(model._nodes_by_depth, reverse=True):
            for node in model._nodes_by_depth[depth]:
                if not node.is_input:
                    taken = [known[id(tensor)] for tensor in node.input_tensors]
                    given = self._past(node, taken)
                    known.update(zip(map(id, node.outputs), given, strict=True))
        return [known[id(tensor)] for tensor in model.outputs]

    def _past(self, node: Any, taken: Sequence[Reach]) -> list[Reach]:
        operation = node.operation
        if hasattr(operation, "_nodes_by_depth"):
            return self.through(operation, taken)
        kind = type(operation).__name__
        if kind not in _RULES:
            raise ModelError(f"{operation.name}, a {kind}, may see all of the picture")
        reach = _RULES[kind](operation, united(taken), self._axis)
        self.floats += sum(tensor.shape[-1] for tensor in node.outputs) / reach.stride**2
        return [reach] * len(node.outputs)


def _pointwise(operation: Any, reach: Reach, axis: int) -> Reach:
    return reach


def _convolved(layer: Any, reach: Reach, axis: int) -> Reach:
    window, stride = layer.kernel_size[axis], layer.strides[axis]
    return reach.through(window, stride, layer.padding, layer.dilation_rate[axis])


def _pooled(layer: Any, reach: Reach, axis: int) -> Reach:
    return reach.through(layer.pool_size[axis], layer.strides[axis], layer.padding)


def _padded(layer: Any, reach: Reach, axis: int) -> Reach:
    before, _ = layer.padding[axis]
    return reach.moved(before)


_POINTWISE = (
    *("Activation", "Add", "Average", "BatchNormalization", "Concatenate", "CustomScaleLayer"),
    *("Dropout", "ELU", "GetItem", "LeakyReLU", "Maximum", "Minimum", "Multiply", "PReLU", "ReLU"),
    *("Rescaling", "Subtract"),
)

_RULES: Mapping[str, Callable[[Any, Reach, int], Reach]] = {
    **dict.fromkeys(_POINTWISE, _pointwise),
    **dict.fromkeys(("Conv2D", "DepthwiseConv2D", "SeparableConv2D"), _convolved),
    **dict.fromkeys(("AveragePooling2D", "MaxPooling2D"), _pooled),
    "ZeroPadding2D": _padded,
}
