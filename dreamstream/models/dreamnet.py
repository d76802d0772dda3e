"""dreamnet: the bundled network, small enough to dream live on a laptop.

Distilled from a classifier of ImageNet photos (see ``DREAMNET.md`` beside this file). One chain of
convolutions with ReLUs, 1x1 ones to a few channels and 3x3 ones to many in turn, no batch norm and
no branches: at 1/2, 1/4, 1/8 and 1/16 of the picture's size, halved by maxima, since a dream
follows gradients, and those of maxima are unlike those of strides. Each named layer is one of the
chain, trained to be a layer of the teacher.

Reading the names, descriptions and scales loads no TensorFlow; building the model does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast
from zipfile import ZipFile

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
    """A convolution and a ReLU.

    Attributes:
        name: Name of its weights; one of ``LAYERS`` where a layer is read from it.
        filters: Output channels.
        side: Height and width of its kernel.
        strides: 2 halves the map.
        pooled: Whether the map is halved before it, by the greatest of each 3x3.
    """

    name: str
    filters: int
    side: int = 3
    strides: int = 1
    pooled: bool = False


#: Pairs of a 1x1 convolution to a few channels and a 3x3 one to many: the arithmetic of the
#: many is cheap where the few are looked at.
TRUNK = (
    Convolution("conv1", 64, strides=2),
    Convolution("squeeze2", 16, side=1, pooled=True),
    Convolution("expand2", 128),
    Convolution("squeeze3", 16, side=1),
    Convolution("textures", 128),
    Convolution("squeeze4", 32, side=1, pooled=True),
    Convolution("expand4", 256),
    Convolution("squeeze5", 32, side=1),
    Convolution("patterns", 256),
    Convolution("squeeze6", 48, side=1, pooled=True),
    Convolution("eyes", 384),
    Convolution("squeeze7", 48, side=1),
    Convolution("faces", 384),
    Convolution("squeeze8", 64, side=1),
    Convolution("creatures", 512),
)

POOL_SIDE, POOL_STRIDES = 3, 2


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
        each convolution and layer, and "layer_scales".

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


def _require_shape(archive: ZipFile, name: str, shape: tuple[int, ...]) -> None:
    """Raise a ValueError unless an archived array's head tells a shape, and plain numbers."""
    with archive.open(f"{name}.npy") as file:
        major, _ = np.lib.format.read_magic(file)
        short, long = np.lib.format.read_array_header_1_0, np.lib.format.read_array_header_2_0
        found, _, kind = (short if major == 1 else long)(file)
    if found != shape or kind.kind != "f":
        raise ValueError(f"dreamnet's {name} is {found} {kind} instead of {shape}")


def layer_scales(weights_path: Path | str | None = None) -> dict[str, float]:
    """Read the number that brings each layer's mean-square activation to 1 on photos.

    Args:
        weights_path: An .npz written by ``tools/train_dreamnet.py``; the bundled one if None.

    Returns:
        Layer name to the reciprocal of its mean-square activation, mean over held-out photos.
    """
    with np.load(weights_path or WEIGHTS_PATH, allow_pickle=False) as archive:
        return dict(zip(LAYERS, map(float, archive[SCALES_KEY]), strict=True))


def build_architecture(layer_filters: Mapping[str, int] | None = None) -> keras.Model:
    """Build the network with fresh random weights.

    Args:
        layer_filters: Layer name to its channels; as many as the bundled network's if None.

    Returns:
        A model from (batch, height, width, 3) float32 RGB in [-1, 1] to one map per layer of
        ``LAYERS``, in that order, at 1/4, 1/8, 1/16, 1/16 and 1/16 of the picture's size.
    """
    import keras

    shift = [1.0 - mean / HALF_RANGE for mean in MEAN_RGB]
    picture = keras.Input((None, None, 3), name="picture")
    features = keras.layers.Rescaling(1.0, offset=shift, name="centre")(picture)
    outputs = {}
    for convolution in TRUNK:
        filters = (layer_filters or {}).get(convolution.name, convolution.filters)
        features = outputs[convolution.name] = _convolve(features, convolution, filters)
    return keras.Model(picture, [outputs[layer] for layer in LAYERS], name="dreamnet")


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


def _convolve(features: Any, convolution: Convolution, filters: int) -> Any:
    import keras

    if convolution.pooled:
        pool = keras.layers.MaxPooling2D(
            POOL_SIDE, POOL_STRIDES, "same", name=f"{convolution.name}_pool"
        )
        features = pool(features)
    return keras.layers.Conv2D(
        filters,
        convolution.side,
        convolution.strides,
        padding="same",
        activation="relu",
        kernel_initializer="he_normal",
        name=convolution.name,
    )(features)
