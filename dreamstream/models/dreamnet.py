"""dreamnet: the bundled network, small enough to dream live on a laptop.

Distilled from a classifier of ImageNet photos (see ``DREAMNET.md`` beside this file): modules of
branches as its teacher has them, their windows of low rank, no batch norm, halved by maxima, since
a dream follows gradients, and those of maxima are unlike those of strides. Each named layer is
trained to be a layer of the teacher. A file of weights carries the description of its network.

Reading the names, descriptions and scales loads no TensorFlow; building the model does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from dreamstream.frames import HALF_RANGE
from dreamstream.models.design import (
    CONTRAST,
    JOIN,
    MAXIMA,
    PICTURE,
    Design,
    Operation,
)

if TYPE_CHECKING:
    import keras

Weights = Mapping[str, NDArray[Any]]

WEIGHTS_PATH = Path(__file__).with_name("dreamnet.npz")

SCALES_KEY = "layer_scales"

LONGEST_DESIGN = 1_000_000
"""Most bytes of a network's description."""

DESIGN_KEY = "design"
WEIGHT_PARTS = ("kernel", "bias")

# ImageNet's mean colour, RGB out of 255: the level that the network sees as zero, as do
# the networks trained with caffe.
MEAN_RGB = (123.68, 116.779, 103.939)

#: What each layer tends to show, from the shallowest to the deepest.
LAYERS: Mapping[str, str] = MappingProxyType(
    {
        "conv2": "strokes and hatching along the picture's own edges",
        "3a": "scales, rings and fine ornaments",
        "3b": "eyes in whorls of fur, spirals, dark petals",
        "4a": "whole glossy animals, dogs above all, tentacles, many legs",
        "4b": "lizards, sea creatures, spines and coral",
        "4c": "temples and domes, cars, trees, houses and people",
        "4d": "birds and long-nosed animals, whole bodies",
    }
)


def read_weights(
    weights_path: Path | str | None = None, shapes: Mapping[str, tuple[int, ...]] | None = None
) -> Weights:
    """Read a file of weights as plain arrays.

    Args:
        weights_path: An .npz written by ``tools/train_dreamnet.py``; the bundled one if None.
        shapes: Names of the arrays that are wanted, and the shapes that their heads must tell
            before they are read; None reads all.

    Returns:
        Name to float16 array: "<name>/kernel" (height, width, in, out) and "<name>/bias" for
        each convolution, "layer_scales", and "design", which `design_of` reads.

    Raises:
        OSError: The file cannot be read.
        ValueError: An array has another shape.
    """
    with np.load(weights_path or WEIGHTS_PATH, allow_pickle=False) as archive:
        if shapes is None:
            return {name: archive[name] for name in archive.files}
        for name in shapes.keys() & set(archive.files):
            _require_shape(cast(ZipFile, archive.zip), name, shapes[name])
        return {name: archive[name] for name in shapes if name in archive.files}


def read_checked(weights_path: Path | str) -> Weights:
    """Read the arrays of the network that a file describes, and no others.

    Args:
        weights_path: An .npz written by ``tools/train_dreamnet.py``.

    Raises:
        OSError: The file cannot be read.
        ValueError: Its description is none, or an array has another shape than it says.
    """
    with np.load(weights_path, allow_pickle=False) as archive:
        described = archive.zip.getinfo(f"{DESIGN_KEY}.npy") if DESIGN_KEY in archive else None
        if described is not None and described.file_size > LONGEST_DESIGN:
            raise ValueError(f"its description has {described.file_size} bytes")
        design = design_of({DESIGN_KEY: archive[DESIGN_KEY]} if described else {})
    shapes = {**design.weight_shapes(), SCALES_KEY: (len(design.layers),)}
    weights = read_weights(weights_path, shapes)
    return {**weights, DESIGN_KEY: np.array(design.to_json())}


def _require_shape(archive: ZipFile, name: str, shape: tuple[int, ...]) -> None:
    """Raise a ValueError unless an archived array's head tells a shape, and plain numbers."""
    with archive.open(f"{name}.npy") as file:
        major, _ = np.lib.format.read_magic(file)
        short, long = np.lib.format.read_array_header_1_0, np.lib.format.read_array_header_2_0
        found, _, kind = (short if major == 1 else long)(file)
    if found != shape or kind.kind != "f":
        raise ValueError(f"dreamnet's {name} is {found} {kind} instead of {shape}")


def design_of(weights: Weights) -> Design:
    """Return the network that weights are for.

    Args:
        weights: As `read_weights` gives them.

    Raises:
        ValueError: They describe none.
    """
    if DESIGN_KEY not in weights:
        raise ValueError("it doesn't describe its network: train it again with the tools of today")
    return Design.from_json(str(weights[DESIGN_KEY]))


def bundled_design() -> Design:
    """Return what the bundled network is built of."""
    with np.load(WEIGHTS_PATH, allow_pickle=False) as archive:
        return design_of(archive)


def layer_scales(weights_path: Path | str | None = None) -> dict[str, float]:
    """Read the number that brings each layer's mean-square activation to 1 on photos.

    Args:
        weights_path: An .npz written by ``tools/train_dreamnet.py``; the bundled one if None.

    Returns:
        Layer name to the reciprocal of its mean-square activation, mean over held-out photos.
    """
    with np.load(weights_path or WEIGHTS_PATH, allow_pickle=False) as archive:
        scales = map(float, archive[SCALES_KEY])
        return dict(zip(design_of(archive).layers, scales, strict=True))


def build_architecture(design: Design) -> keras.Model:
    """Build a network with fresh random weights.

    Args:
        design: Which.

    Returns:
        A model from (batch, height, width, 3) float32 RGB in [-1, 1] to one map for each of the
        design's layers, in that order.
    """
    import keras

    shift = [1.0 - mean / HALF_RANGE for mean in MEAN_RGB]
    picture = keras.Input((None, None, 3), name=PICTURE)
    centred = keras.layers.Rescaling(1.0, offset=shift, name="centre")(picture)
    outputs = design.walk(centred, lambda operation, taken: _keras_layer(operation)(*taken))
    return keras.Model(picture, [outputs[layer] for layer in design.layers], name="dreamnet")


def build_dreamnet(weights_path: Path | str | None = None) -> keras.Model:
    """Build a network with trained weights.

    Args:
        weights_path: An .npz written by ``tools/train_dreamnet.py``; the bundled one if None.

    Returns:
        The model of `build_architecture`, holding those weights.

    Raises:
        OSError: The file cannot be read.
        ValueError: It holds other weights than its network's.
    """
    weights = read_weights(weights_path)
    model = build_architecture(design_of(weights))
    set_weights(model, weights)
    return model


def set_weights(model: keras.Model, weights: Weights) -> None:
    """Put weights into a model of `build_architecture`.

    Args:
        model: The model to change.
        weights: As `read_weights` gives them.

    Raises:
        ValueError: A name is missing, or an array has the wrong shape.
    """
    for layer in weighted_layers(model):
        names = [f"{layer.name}/{part}" for part in WEIGHT_PARTS[: len(layer.weights)]]
        missing = [name for name in names if name not in weights]
        if missing:
            raise ValueError(f"dreamnet's weights lack {', '.join(missing)}")
        layer.set_weights([np.asarray(weights[name], np.float32) for name in names])


def weighted_layers(model: keras.Model) -> list[keras.Layer]:
    """List the layers of a model that have weights, in the order of the graph."""
    return [layer for layer in model.layers if layer.weights]


def _keras_layer(operation: Operation) -> Callable[..., Any]:
    """Make the Keras layer of an operation."""
    import keras

    from dreamstream.models.contrast import ContrastLayer

    name, side, strides = operation.name, operation.side, operation.strides
    if operation.kind == MAXIMA:
        pool: Callable[..., Any] = keras.layers.MaxPooling2D(side, strides, "same", name=name)
        return pool
    if operation.kind == JOIN:
        concatenation = keras.layers.Concatenate(name=name)
        return lambda *taken: concatenation(list(taken))
    if operation.kind == CONTRAST:
        return ContrastLayer(name=name)
    convolve: Callable[..., Any] = keras.layers.Conv2D(
        operation.filters,
        side,
        strides,
        padding="same",
        activation=None if operation.linear else "relu",
        kernel_initializer="he_normal",
        name=name,
    )
    return convolve
