"""A network's graph: rewritten node by node, measured, and run."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from dreamstream.models.operations import Operation, Shape, Tensor
from dreamstream.models.receptive_field import Footprint, ReceptiveField, united

_LARGE: Shape = (1024, 1024, 3)
"""A picture that no network is too large for."""


@dataclass(frozen=True, eq=False)
class Node:
    """An operation, and the nodes whose outputs it takes."""

    operation: Operation
    inputs: tuple["Node", ...] = ()


Rule = Callable[[Node, tuple[Node, ...]], Node]
"""From a node, and its inputs as rewritten, to what takes its place."""


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes that lead from a picture to some outputs.

    Attributes:
        nodes: All that the outputs depend on, inputs before what takes them.
        outputs: One for each wanted tensor, in that order.
    """

    nodes: tuple[Node, ...]
    outputs: tuple[Node, ...]

    @property
    def uses(self) -> Mapping[Node, int]:
        """How often each node is taken by another or given out."""
        inputs = [taken for node in self.nodes for taken in node.inputs]
        return Counter([*inputs, *self.outputs])

    def rewritten(self, rule: Rule) -> "Graph":
        """Return the graph in which a rule has replaced every node."""
        placed: dict[Node, Node] = {}
        for node in self.nodes:
            placed[node] = rule(node, tuple(placed[taken] for taken in node.inputs))
        return graph_of(placed[output] for output in self.outputs)

    def output_shapes(self, picture: Shape) -> list[Any]:
        """Return the (rows, columns, channels) of the outputs of a picture of such a shape.

        Raises:
            ValueError: The picture is too small.
        """
        shapes = self._walk(picture, lambda node, taken: node.operation.output_shape(*taken))
        return [shapes[output] for output in self.outputs]

    def footprint(self) -> Footprint:
        """Return what the outputs see of a picture, and how much is computed for them.

        Raises:
            ModelError: Something sees all of the picture, or that is unknown.
        """
        rows, columns = (self._fields(axis) for axis in (0, 1))
        shapes = self._walk(_LARGE, lambda node, taken: node.operation.output_shape(*taken))
        floats = 0.0
        for node in self.nodes:
            made = shapes[node] if isinstance(shapes[node], list) else [shapes[node]]
            cells = rows[node].stride * columns[node].stride
            floats += sum(shape[2] for shape in made) / cells if node.inputs else 0
        fields = (united([rows[output], columns[output]]) for output in self.outputs)
        return Footprint(tuple(fields), floats)

    def _fields(self, axis: int) -> Mapping[Node, ReceptiveField]:
        return self._walk(
            ReceptiveField(), lambda node, taken: node.operation.receptive_field(axis, *taken)
        )

    def _walk(self, start: Any, step: Callable[[Node, list[Any]], Any]) -> dict[Node, Any]:
        """Find a value for every node from those of its inputs; the picture's is ``start``."""
        values: dict[Node, Any] = {}
        for node in self.nodes:
            values[node] = step(node, [values[taken] for taken in node.inputs] or [start])
        return values

    def build(self, dtype: tf.DType) -> Callable[[Tensor], list[Tensor]]:
        """Make the function from a (1, H, W, 3) float32 picture to the outputs' tensors."""
        functions = {node: node.operation.build(dtype) for node in self.nodes}

        def run(picture: Tensor) -> list[Tensor]:
            values: dict[Node, Tensor] = {}
            for node, function in functions.items():
                values[node] = function(*[values[taken] for taken in node.inputs] or [picture])
            return [values[output] for output in self.outputs]

        return run


def graph_of(outputs: Iterable[Node]) -> Graph:
    """Gather what some outputs depend on, without recursion: networks are hundreds deep."""
    outputs = tuple(outputs)
    ordered: dict[Node, None] = {}
    waiting = list(reversed(outputs))
    while waiting:
        node = waiting[-1]
        missing = [taken for taken in node.inputs if taken not in ordered]
        waiting.extend(reversed(missing))
        if not missing:
            ordered[waiting.pop()] = None
    return Graph(tuple(ordered), outputs)
