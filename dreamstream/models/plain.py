"""dreamnet as plain TensorFlow operations: building it with Keras would cost a second and a half.

The layers and their numbers are those of :func:`dreamstream.models.dreamnet.build_architecture`.
"""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from dreamstream.frames import HALF_RANGE
from dreamstream.models import operations
from dreamstream.models.dreamnet import MEAN_RGB, TRUNK, Convolution, Weights
from dreamstream.models.graph import Graph, Node, graph_of
from dreamstream.models.operations import Norm, Pair, Picture, Rectifier, Sum
from dreamstream.models.reach import Reach, Sight

_SIDE = 3
"""Height and width of the trunk's kernels."""


class PlainDreamnet:
    """dreamnet cut at the deepest of the chosen layers.

    Args:
        weights: As ``dreamnet.read_weights`` gives them.
        layers: Names of the layers to read, in the order in which they are wanted.

    Raises:
        ValueError: A name is missing, or an array has the wrong shape.
    """

    def __init__(self, weights: Weights, layers: Iterable[str]) -> None:
        self._layers = tuple(layers)
        _require_shapes(weights)
        heads = [convolution.head for convolution in TRUNK]
        self._trunk = TRUNK[: 1 + max(map(heads.index, self._layers))]
        names = [*(convolution.name for convolution in self._trunk), *self._layers]
        self._weights = {
            f"{name}/{part}": np.asarray(weights[f"{name}/{part}"], np.float32)
            for name in names
            for part in ("kernel", "bias")
        }

    def graph(self) -> Graph:
        """Give it as a graph of a (1, height, width, 3) float32 picture, RGB in [-1, 1].

        It has one output for each chosen layer.
        """
        shift = np.array([1 - mean / HALF_RANGE for mean in MEAN_RGB])
        features = Node(Norm(np.ones_like(shift), shift), (Node(Picture()),))
        found = {}
        for convolution in self._trunk:
            features = self._continue(features, convolution)
            if convolution.head in self._layers:
                found[convolution.head] = _rectified(self._convolved(features, convolution.head))
        return graph_of(found[layer] for layer in self._layers)

    def compute_output_shape(self, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Tell the shapes of the activations of a picture of a (batch, height, width, 3) shape."""
        batch, height, width, _ = shape
        return [
            (batch, -(-height // stride), -(-width // stride), channels)
            for stride, channels in map(_scales_of_heads().__getitem__, self._layers)
        ]

    def sight(self) -> Sight:
        """Tell what the chosen layers see, and how much is computed for them."""
        reach, found, floats = Reach(), {}, 0.0
        for convolution in self._trunk:
            reach = reach.through(_SIDE, 2 if convolution.downsamples else 1, "same")
            steps = 2 if convolution.downsamples else 3  # the convolution, a sum, the ReLU
            floats += steps * convolution.filters / reach.stride**2
            if convolution.head in self._layers:
                found[convolution.head] = reach
                floats += 2 * convolution.head_filters / reach.stride**2
        return Sight(tuple(found[layer] for layer in self._layers), floats)

    def get_weights(self) -> list[NDArray[np.float32]]:
        """Give the kernels and biases of what is left after the cut, in the order of the graph."""
        return list(self._weights.values())

    def _continue(self, features: Node, convolution: Convolution) -> Node:
        if convolution.downsamples:
            return _rectified(self._convolved(features, convolution.name, (2, 2)))
        added = self._convolved(features, convolution.name)
        return _rectified(Node(Sum(), (features, added)))

    def _convolved(self, features: Node, name: str, strides: Pair = (1, 1)) -> Node:
        kernel, bias = self._weights[f"{name}/kernel"], self._weights[f"{name}/bias"]
        operation = operations.Convolution(kernel.astype(float), bias.astype(float), strides)
        return Node(operation, (features,))


def _rectified(features: Node) -> Node:
    return Node(Rectifier(), (features,))


def _scales_of_heads() -> Mapping[str, tuple[int, int]]:
    """Give each layer's stride, in pixels of the picture, and its channels."""
    stride, scales = 1, {}
    for convolution in TRUNK:
        stride *= 2 if convolution.downsamples else 1
        if convolution.head:
            scales[convolution.head] = stride, convolution.head_filters
    return scales


def _require_shapes(weights: Weights) -> None:
    expected = _expected_shapes()
    if missing := [name for name in expected if name not in weights]:
        raise ValueError(f"dreamnet's weights lack {', '.join(missing)}")
    for name, shape in expected.items():
        if weights[name].shape != shape:
            raise ValueError(f"dreamnet's {name} is {weights[name].shape} instead of {shape}")


def _expected_shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    channels = len(MEAN_RGB)
    for convolution in TRUNK:
        shapes[f"{convolution.name}/kernel"] = (_SIDE, _SIDE, channels, convolution.filters)
        shapes[f"{convolution.name}/bias"] = (convolution.filters,)
        channels = convolution.filters
        if convolution.head:
            shapes[f"{convolution.head}/kernel"] = (1, 1, channels, convolution.head_filters)
            shapes[f"{convolution.head}/bias"] = (convolution.head_filters,)
    return shapes
