"""dreamnet: the bundled network, small enough to dream live on a laptop.

Distilled from a classifier of ImageNet photos (see ``DREAMNET.md`` beside this file). Eleven
regular 3x3 convolutions, no batch norm and no pooling: shallow ones at 1/2 and 1/4 of the
picture's size, the rest at 1/8 and 1/16, where arithmetic is cheap. Each named layer is a
1x1 convolution and ReLU on top of one of them, trained to be a layer of the teacher.

Reading the names, descriptions and scales loads no TensorFlow; building the model does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dreamstream.frames import HALF_RANGE

if TYPE_CHECKING:
    import keras

Weights = Mapping[str, NDArray[np.floating[Any]]]

WEIGHTS_PATH = Path(__file__).with_name("dreamnet.npz")

SCALES_KEY = "layer_scales"

# ImageNet's mean colour, RGB out of 255: the level that the network sees as zero, as do
# the networks trained with caffe.
MEAN_RGB = (123.68, 116.779, 103.939)

#: What each layer tends to show, from the shallowest to the deepest.
LAYERS: Mapping[str, str] = MappingProxyType(
    {
        "textures": "bold strokes and stained glass along the picture's own edges",
        "patterns": "rings, spirals and plumes in strong colours, repeated everywhere",
        "eyes": "eyes in whorls of fur, the beginnings of heads",
        "faces": "eyes, muzzles and fur joined into heads of dogs",
        "creatures": "whole furry animals, dogs above all, grown out of the picture",
    }
)


@dataclass(frozen=True)
class Convolution:
    """One 3x3 convolution of the trunk, and the layer read from it, if any.

    Attributes:
        name: Name of its weights.
        filters: Output channels.
        downsamples: Whether it halves the map; if not, its input is added to its output.
        head: The named layer on top of it, or "" for none.
        head_filters: Channels of that layer, as many as the teacher's.
    """

    name: str
    filters: int
    downsamples: bool = False
    head: str = ""
    head_filters: int = 0


TRUNK = (
    Convolution("conv1", 32, downsamples=True),
    Convolution("conv2", 64, downsamples=True),
    Convolution("conv3", 64, head="textures", head_filters=128),
    Convolution("conv4", 96, downsamples=True),
    Convolution("conv5", 96),
    Convolution("conv6", 96, head="patterns", head_filters=256),
    Convolution("conv7", 160, downsamples=True),
    Convolution("conv8", 160, head="eyes", head_filters=384),
    Convolution("conv9", 160, head="faces", head_filters=384),
    Convolution("conv10", 160),
    Convolution("conv11", 160, head="creatures", head_filters=512),
)


def read_weights(weights_path: Path | str | None = None) -> Weights:
    """Read a file of weights as plain arrays.

    Args:
        weights_path: An .npz written by ``tools/train_dreamnet.py``; the bundled one if None.

    Returns:
        Name to float16 array: "<name>/kernel" (height, width, in, out) and "<name>/bias" for
        each convolution and layer, and "layer_scales".

    Raises:
        OSError: The file cannot be read.
    """
    with np.load(weights_path or WEIGHTS_PATH, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def layer_scales(weights_path: Path | str | None = None) -> dict[str, float]:
    """Read the number that brings each layer's mean-square activation to 1 on photos.

    Args:
        weights_path: An .npz written by ``tools/train_dreamnet.py``; the bundled one if None.

    Returns:
        Layer name to the reciprocal of its mean-square activation, mean over held-out photos.
    """
    with np.load(weights_path or WEIGHTS_PATH, allow_pickle=False) as archive:
        return dict(zip(LAYERS, map(float, archive[SCALES_KEY]), strict=True))


def build_architecture(head_filters: Mapping[str, int] | None = None) -> keras.Model:
    """Build the network with fresh random weights.

    Args:
        head_filters: Layer name to its channels; as many as the bundled network's if None.

    Returns:
        A model from (batch, height, width, 3) float32 RGB in [-1, 1] to one map per layer of
        ``LAYERS``, in that order, at 1/4, 1/8, 1/16, 1/16 and 1/16 of the picture's size.
    """
    import keras

    shift = [1.0 - mean / HALF_RANGE for mean in MEAN_RGB]
    picture = keras.Input((None, None, 3), name="picture")
    features = keras.layers.Rescaling(1.0, offset=shift, name="centre")(picture)
    outputs = []
    for convolution in TRUNK:
        features = _convolve(features, convolution)
        if convolution.head:
            filters = (head_filters or {}).get(convolution.head, convolution.head_filters)
            outputs.append(_head(features, convolution.head, filters))
    return keras.Model(picture, outputs, name="dreamnet")


def build_dreamnet(weights_path: Path | str | None = None) -> keras.Model:
    """Build the network with trained weights.

    Args:
        weights_path: An .npz written by ``tools/train_dreamnet.py``; the bundled one if None.

    Returns:
        The model of `build_architecture`, holding those weights.

    Raises:
        OSError: The file cannot be read.
        ValueError: It holds other weights than this network's.
    """
    weights = read_weights(weights_path)
    biases = {name: weights.get(f"{name}/bias") for name in LAYERS}
    model = build_architecture({n: len(bias) for n, bias in biases.items() if bias is not None})
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
        names = [f"{layer.name}/kernel", f"{layer.name}/bias"]
        missing = [name for name in names if name not in weights]
        if missing:
            raise ValueError(f"dreamnet's weights lack {', '.join(missing)}")
        layer.set_weights([np.asarray(weights[name], np.float32) for name in names])


def weighted_layers(model: keras.Model) -> list[keras.Layer]:
    """List the layers of a model that have weights, in the order of the graph."""
    return [layer for layer in model.layers if layer.weights]


def _convolve(features: Any, convolution: Convolution) -> Any:
    import keras

    strides = 2 if convolution.downsamples else 1
    convolved = keras.layers.Conv2D(
        convolution.filters,
        3,
        strides,
        padding="same",
        activation="relu" if convolution.downsamples else None,
        kernel_initializer="he_normal",
        name=convolution.name,
    )(features)
    if convolution.downsamples:
        return convolved
    total = keras.layers.Add(name=f"{convolution.name}_sum")([features, convolved])
    return keras.layers.ReLU(name=f"{convolution.name}_relu")(total)


def _head(features: Any, name: str, filters: int) -> Any:
    import keras

    return keras.layers.Conv2D(
        filters, 1, activation="relu", kernel_initializer="he_normal", name=name
    )(features)
