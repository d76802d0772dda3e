"""A network's graph: rewritten node by node, and run."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import tensorflow as tf

from dreamstream.models.operations import Operation, Tensor


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
        """Give the graph in which a rule has replaced every node."""
        placed: dict[Node, Node] = {}
        for node in self.nodes:
            placed[node] = rule(node, tuple(placed[taken] for taken in node.inputs))
        return graph_of(placed[output] for output in self.outputs)

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
