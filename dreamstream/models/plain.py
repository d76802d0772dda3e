"""dreamnet as plain TensorFlow operations: building it with Keras would cost a second and a half.

The layers and their numbers are those of :func:`dreamstream.models.dreamnet.build_architecture`.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from dreamstream.frames import HALF_RANGE
from dreamstream.models.convolutions import Convolution
from dreamstream.models.design import CONTRAST, CONVOLUTION, JOIN, Design, Operation
from dreamstream.models.dreamnet import MEAN_RGB, Weights, design_of
from dreamstream.models.graph import Graph, Node, graph_of
from dreamstream.models.operations import (
    Concatenation,
    Contrast,
    Norm,
    Picture,
    Pool,
    Rectifier,
)


class PlainDreamnet:
    """dreamnet cut at the deepest of the chosen layers.

    Args:
        weights: As ``dreamnet.read_weights`` gives them.
        layers: Names of the layers to read, in the order in which they are wanted.

    Raises:
        ValueError: A layer or an array is missing, or an array has the wrong shape.
    """

    def __init__(self, weights: Weights, layers: Iterable[str]) -> None:
        layers = tuple(layers)
        whole = design_of(weights)
        _require_shapes(whole, weights)
        if unknown := [layer for layer in layers if layer not in whole.layers]:
            raise ValueError(
                f"it has no layer {', '.join(unknown)}; it has {', '.join(whole.layers)}"
            )
        self._design = whole.cut(layers)
        self._weights = {
            name: np.asarray(weights[name], np.float32) for name in self._design.weight_shapes()
        }

    def graph(self) -> Graph:
        """Return it as a graph of a (1, height, width, 3) float32 picture, RGB in [-1, 1].

        It has one output for each chosen layer.
        """
        shift = np.array([1 - mean / HALF_RANGE for mean in MEAN_RGB])
        centred = Node(Norm(np.ones_like(shift), shift), (Node(Picture()),))
        found = self._design.walk(centred, self._node)
        return graph_of(found[layer] for layer in self._design.layers)

    def get_weights(self) -> list[NDArray[np.float32]]:
        """Return the kernels and biases of what is left after the cut, in the graph's order."""
        return list(self._weights.values())

    def _node(self, operation: Operation, taken: Sequence[Node]) -> Node:
        inputs, sides, strides = tuple(taken), (operation.side,) * 2, (operation.strides,) * 2
        if operation.kind == JOIN:
            return Node(Concatenation(), inputs)
        if operation.kind == CONTRAST:
            kernel = self._weights[f"{operation.name}/kernel"].astype(float)
            return Node(Contrast(np.square(kernel[0, 0])), inputs)
        if operation.kind == CONVOLUTION:
            kernel, bias = (
                self._weights[f"{operation.name}/{part}"].astype(float)
                for part in ("kernel", "bias")
            )
            convolved = Node(Convolution(kernel, bias, strides), inputs)
            return convolved if operation.linear else Node(Rectifier(), (convolved,))
        return Node(Pool(False, sides, strides, "SAME"), inputs)


def _require_shapes(design: Design, weights: Weights) -> None:
    expected = design.weight_shapes()
    if missing := [name for name in expected if name not in weights]:
        raise ValueError(f"dreamnet's weights lack {', '.join(missing)}")
    for name, shape in expected.items():
        if weights[name].shape != shape:
            raise ValueError(f"dreamnet's {name} is {weights[name].shape} instead of {shape}")
