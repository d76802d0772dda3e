"""Graphs made cheaper, to the same activations within rounding, for each output that they give.

Batch norms go into the convolutions before them, computed in float64, and maxima are taken before
what they read is rectified.  An operation whose output is wanted for itself, or taken by another
node too, stays as it is.

On two AVX2 cores, InceptionV3 up to mixed5, this and the convolutions' own gradient make a step
1.11 to 1.16 times (320x180) and 1.24 times (640x360) as fast as Keras's model.  Tried, and worth
nothing measurable there: one convolution of all pointwise ones of the same features, means taken
after a pointwise convolution and not before, the max pools' gradient written as slices, strided
convolutions forward as ones of blocks of pixels (slower by half).
"""

from dreamstream.models.convolutions import Convolution, DepthwiseConvolution
from dreamstream.models.graph import Graph, Node, Rule
from dreamstream.models.operations import Norm, Pool, Rectifier


def fold(graph: Graph) -> Graph:
    """Make a graph cheaper.

    Args:
        graph: As it was read.

    Returns:
        One with the same outputs, within float32's rounding.
    """
    for rule in (_fold_norm, _pool_first, _rectify_within):
        graph = graph.rewritten(_where_private(graph, rule))
    return graph


def _where_private(graph: Graph, rule: Rule) -> Rule:
    """Apply a rule to the nodes that alone take their one input."""
    uses = graph.uses

    def apply(node: Node, inputs: tuple[Node, ...]) -> Node:
        if len(inputs) == 1 and uses[node.inputs[0]] == 1:
            return rule(node, inputs)
        return Node(node.operation, inputs)

    return apply


def _fold_norm(node: Node, inputs: tuple[Node, ...]) -> Node:
    """Put a batch norm into the convolution before it."""
    norm, before = node.operation, inputs[0].operation
    rectified = isinstance(before, Convolution) and before.rectified
    if not isinstance(norm, Norm) or rectified:
        return Node(norm, inputs)
    if isinstance(before, Convolution | DepthwiseConvolution | Norm):
        return Node(before.scaled(norm.factor, norm.offset), inputs[0].inputs)
    return Node(norm, inputs)


def _pool_first(node: Node, inputs: tuple[Node, ...]) -> Node:
    """Take the greatest of each window before it is rectified: it is the same, of fewer values."""
    pool, before = node.operation, inputs[0]
    if isinstance(pool, Pool) and not pool.mean and isinstance(before.operation, Rectifier):
        return Node(before.operation, (Node(pool, before.inputs),))
    return Node(pool, inputs)


def _rectify_within(node: Node, inputs: tuple[Node, ...]) -> Node:
    """Let a convolution rectify its own output."""
    rectifier, before = node.operation, inputs[0].operation
    if (
        isinstance(rectifier, Rectifier)
        and not rectifier.capped
        and isinstance(before, Convolution)
        and not before.rectified
    ):
        return Node(before.as_rectified(), inputs[0].inputs)
    return Node(rectifier, inputs)
