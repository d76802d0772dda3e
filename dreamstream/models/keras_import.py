"""A network's graph, read from a Keras model (loads Keras)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from dreamstream.models.convolutions import Convolution, DepthwiseConvolution
from dreamstream.models.graph import Graph, Node, graph_of
from dreamstream.models.operations import (
    RELU6,
    Array,
    Border,
    Concatenation,
    KerasCall,
    Norm,
    Operation,
    Pair,
    Part,
    Picture,
    Pool,
    Rectifier,
    Shape,
    Sum,
    Tensor,
)


def read_graph(model: keras.Model) -> Graph:
    """Read a functional model of one picture.

    Args:
        model: With its weights, which are copied; models nested in it are laid open.

    Returns:
        Its graph, an output for each of the model's.
    """
    return graph_of(_read_model(model, [Node(Picture())]))


def _read_model(model: keras.Model, inputs: Sequence[Node]) -> list[Node]:
    known = dict(zip(map(id, model.inputs), inputs, strict=True))
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for call in model._nodes_by_depth[depth]:
            if not call.is_input:
                taken = [known[id(tensor)] for tensor in call.input_tensors]
                known.update(zip(map(id, call.outputs), _read_call(call, taken), strict=True))
    return [known[id(tensor)] for tensor in model.outputs]


def _read_call(call: Any, inputs: Sequence[Node]) -> list[Node]:
    """Read a call of a layer; one of a kind unknown, or set up unusually, is left to Keras."""
    layer = call.operation
    if isinstance(layer, keras.Model) and hasattr(layer, "_nodes_by_depth"):
        return _read_model(layer, inputs)
    read = _READERS.get(type(layer), _read_nothing)
    operations = read(layer)
    if not operations:
        return _leave_to_keras(call, inputs)
    node = Node(operations[0], tuple(inputs))
    for operation in operations[1:]:
        node = Node(operation, (node,))
    return [node]


def _leave_to_keras(call: Any, inputs: Sequence[Node]) -> list[Node]:
    tensors = call.input_tensors

    def run(*values: Tensor) -> Tensor:
        known = dict(zip(map(id, tensors), values, strict=True))
        arguments, named = call.arguments.fill_in(known)
        return call.operation(*arguments, **named)

    def shapes(*given: Shape) -> Any:
        specs = [keras.KerasTensor((1, *shape)) for shape in given]
        known = dict(zip(map(id, tensors), specs, strict=True))
        arguments, named = call.arguments.fill_in(known)
        spec = call.operation.compute_output_spec(*arguments, **named)
        return keras.tree.map_structure(lambda each: tuple(each.shape[1:]), spec)

    kind = type(call.operation).__name__
    name = f"{call.operation.name}, a {kind},"
    node = Node(KerasCall(name, run, shapes, kind in _POINTWISE), tuple(inputs))
    if len(call.outputs) == 1:
        return [node]
    return [Node(Part(index), (node,)) for index in range(len(call.outputs))]


_POINTWISE = frozenset(
    (
        *("Activation", "Add", "Average", "BatchNormalization", "Concatenate"),
        *("CustomScaleLayer", "Dropout", "ELU", "GetItem", "LeakyReLU", "Maximum", "Minimum"),
        *("Multiply", "PReLU", "ReLU", "Rescaling", "Subtract"),
    )
)
"""Kinds of layers that Keras runs and that look at single cells; a GetItem takes channels."""


def _read_nothing(layer: keras.Layer) -> list[Operation]:
    return []


def _read_convolution(layer: keras.Layer) -> list[Operation]:
    activation = _read_activation(layer)
    if layer.groups != 1 or not _is_plain(layer) or activation is None:
        return []
    kernel = _array(layer.kernel)
    convolution = Convolution(kernel, _bias(layer, kernel.shape[-1]), *_windows(layer))
    return [convolution, *activation]


def _read_depthwise(layer: keras.Layer) -> list[Operation]:
    activation = _read_activation(layer)
    if not _is_plain(layer) or activation is None:
        return []
    kernel = _array(layer.kernel)
    channels = kernel.shape[2] * kernel.shape[3]
    return [DepthwiseConvolution(kernel, _bias(layer, channels), *_windows(layer)), *activation]


def _read_separable(layer: keras.Layer) -> list[Operation]:
    activation = _read_activation(layer)
    if not _is_plain(layer) or activation is None:
        return []
    kernel, pointwise = _array(layer.depthwise_kernel), _array(layer.pointwise_kernel)
    channels = kernel.shape[2] * kernel.shape[3]
    return [
        DepthwiseConvolution(kernel, np.zeros(channels), *_windows(layer)),
        Convolution(pointwise, _bias(layer, pointwise.shape[-1])),
        *activation,
    ]


def _is_plain(layer: keras.Layer) -> bool:
    plain = layer.data_format == "channels_last" and layer.padding in ("same", "valid")
    return plain and layer.compute_dtype == "float32"


def _windows(layer: keras.Layer) -> tuple[Pair, str, Pair]:
    return tuple(layer.strides), layer.padding.upper(), tuple(layer.dilation_rate)


def _bias(layer: keras.Layer, channels: int) -> Array:
    return _array(layer.bias) if layer.use_bias else np.zeros(channels)


def _read_activation(layer: keras.Layer) -> list[Operation] | None:
    """Read a layer's activation as operations, none where it is linear; None is another one."""
    name = keras.activations.serialize(layer.activation)
    return _ACTIVATIONS.get(name) if isinstance(name, str) else None


_ACTIVATIONS: Mapping[str, list[Operation]] = {
    "linear": [],
    "relu": [Rectifier()],
    "relu6": [Rectifier(capped=True)],
}


def _read_rectifier(layer: keras.Layer) -> list[Operation]:
    bare = not layer.negative_slope and not layer.threshold and layer.max_value in (None, RELU6)
    return [Rectifier(capped=layer.max_value is not None)] if bare else []


def _read_norm(layer: keras.Layer) -> list[Operation]:
    if layer.axis not in (-1, 3):
        return []
    factor = 1 / np.sqrt(_array(layer.moving_variance) + layer.epsilon)
    if layer.gamma is not None:
        factor *= _array(layer.gamma)
    offset = -_array(layer.moving_mean) * factor
    return [Norm(factor, offset if layer.beta is None else offset + _array(layer.beta))]


def _read_pool(layer: keras.Layer) -> list[Operation]:
    if not _is_plain(layer):
        return []
    mean = isinstance(layer, keras.layers.AveragePooling2D)
    return [Pool(mean, tuple(layer.pool_size), tuple(layer.strides), layer.padding.upper())]


def _read_border(layer: keras.Layer) -> list[Operation]:
    return [Border(*layer.padding)] if layer.data_format == "channels_last" else []


def _read_concatenation(layer: keras.Layer) -> list[Operation]:
    return [Concatenation()] if layer.axis in (-1, 3) else []


def _array(weight: Any) -> Array:
    return np.asarray(weight, np.float64)


_READERS: Mapping[type, Callable[[keras.Layer], list[Operation]]] = {
    keras.layers.Activation: lambda layer: _read_activation(layer) or [],
    keras.layers.Add: lambda layer: [Sum()],
    keras.layers.AveragePooling2D: _read_pool,
    keras.layers.BatchNormalization: _read_norm,
    keras.layers.Concatenate: _read_concatenation,
    keras.layers.Conv2D: _read_convolution,
    keras.layers.DepthwiseConv2D: _read_depthwise,
    keras.layers.MaxPooling2D: _read_pool,
    keras.layers.ReLU: _read_rectifier,
    keras.layers.SeparableConv2D: _read_separable,
    keras.layers.ZeroPadding2D: _read_border,
}
"""By a layer's very class: one derived from it may compute something else."""
