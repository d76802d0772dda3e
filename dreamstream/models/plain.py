"""dreamnet as plain TensorFlow operations: building it with Keras would cost a second and a half.

The layers and their numbers are those of :func:`dreamstream.models.dreamnet.build_architecture`.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from dreamstream.frames import HALF_RANGE
from dreamstream.models import convolutions
from dreamstream.models.dreamnet import (
    MEAN_RGB,
    POOL_SIDE,
    POOL_STRIDES,
    TRUNK,
    Convolution,
    Weights,
)
from dreamstream.models.graph import Graph, Node, graph_of
from dreamstream.models.operations import Norm, Picture, Pool, Rectifier


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
        names = [convolution.name for convolution in TRUNK]
        self._trunk = TRUNK[: 1 + max(map(names.index, self._layers))]
        self._weights = {
            f"{convolution.name}/{part}": np.asarray(
                weights[f"{convolution.name}/{part}"], np.float32
            )
            for convolution in self._trunk
            for part in ("kernel", "bias")
        }

    def graph(self) -> Graph:
        """Return it as a graph of a (1, height, width, 3) float32 picture, RGB in [-1, 1].

        It has one output for each chosen layer.
        """
        shift = np.array([1 - mean / HALF_RANGE for mean in MEAN_RGB])
        features = Node(Norm(np.ones_like(shift), shift), (Node(Picture()),))
        found = {}
        for convolution in self._trunk:
            features = found[convolution.name] = self._convolved(features, convolution)
        return graph_of(found[layer] for layer in self._layers)

    def get_weights(self) -> list[NDArray[np.float32]]:
        """Return the kernels and biases of what is left after the cut, in the graph's order."""
        return list(self._weights.values())

    def _convolved(self, features: Node, convolution: Convolution) -> Node:
        if convolution.pooled:
            sides, strides = (POOL_SIDE, POOL_SIDE), (POOL_STRIDES, POOL_STRIDES)
            features = Node(Pool(False, sides, strides, "SAME"), (features,))
        kernel, bias = (
            self._weights[f"{convolution.name}/{part}"].astype(float) for part in ("kernel", "bias")
        )
        operation = convolutions.Convolution(kernel, bias, (convolution.strides,) * 2)
        return Node(Rectifier(), (Node(operation, (features,)),))


def _require_shapes(weights: Weights) -> None:
    expected = expected_shapes()
    if missing := [name for name in expected if name not in weights]:
        raise ValueError(f"dreamnet's weights lack {', '.join(missing)}")
    for name, shape in expected.items():
        if weights[name].shape != shape:
            raise ValueError(f"dreamnet's {name} is {weights[name].shape} instead of {shape}")


def expected_shapes() -> dict[str, tuple[int, ...]]:
    """Return the shapes of the network's arrays, by their names."""
    shapes: dict[str, tuple[int, ...]] = {}
    channels = len(MEAN_RGB)
    for convolution in TRUNK:
        sides = (convolution.side, convolution.side)
        shapes[f"{convolution.name}/kernel"] = (*sides, channels, convolution.filters)
        shapes[f"{convolution.name}/bias"] = (convolution.filters,)
        channels = convolution.filters
    return shapes
