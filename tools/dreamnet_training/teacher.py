"""The networks that dreamnet can be distilled from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from .googlenet import GoogLeNet, shared_scale

Tensor = Any
Features = Callable[[Tensor], Sequence[Tensor]]

STRIDES = (4, 8, 16, 16, 16)

GOOGLENET_KEY = "inception_4d/1x1/w"

# What Caffe's networks, SqueezeNet among them, take: BGR levels less ImageNet's mean colour.
MEAN_BGR = (103.939, 116.779, 123.68)
FIRES_AT_QUARTER = ("fire2", "fire3")
FIRES_AT_EIGHTH = ("fire4", "fire5")
FIRES_AT_SIXTEENTH = ("fire6", "fire7", "fire8", "fire9")
SQUEEZENET_LAYERS = ("fire3", "fire5", "fire6", "fire7", "fire8")


@dataclass(frozen=True)
class Application:
    """A Keras application as a teacher.

    Attributes:
        layers: Name or number of the layer for each of dreamnet's, shallow to deep, with strides
            of about 4, 8, 16, 16 and 16.
        caffe_levels: Whether it takes BGR levels less the mean colour, rather than [-1, 1].
    """

    layers: tuple[str | int, ...]
    caffe_levels: bool


APPLICATIONS: Mapping[str, Application] = {
    # The 14th layer follows the first 1x1 convolution; Keras numbers its name anew each time.
    "InceptionV3": Application((13, "mixed0", "mixed3", "mixed4", "mixed5"), False),
    "ResNet50": Application(
        (
            "conv2_block3_out",
            "conv3_block4_out",
            "conv4_block2_out",
            "conv4_block4_out",
            "conv4_block6_out",
        ),
        True,
    ),
}


def load_teacher(name: str, precision: str = "float32") -> Features:
    """Make the function from pictures to the teacher's layers.

    Args:
        name: Path of an .npz of GoogLeNet or of SqueezeNet v1.1, or the name of a Keras
            application, which Keras downloads.
        precision: "float32" or "bfloat16", in which GoogLeNet and SqueezeNet compute.

    Returns:
        A function of (batch, height, width, 3) float32 RGB in [-1, 1]. It gives GoogLeNet's seven
        maps, or five at 1/4, 1/8, 1/16, 1/16 and 1/16 of the size.

    Raises:
        ValueError: The teacher is neither a file nor a known application.
    """
    if name.endswith(".npz"):
        with np.load(name, allow_pickle=False) as archive:
            known = GOOGLENET_KEY in archive
        return GoogLeNet(name, precision=precision) if known else SqueezeNet(name, precision)
    if name in APPLICATIONS:
        return KerasTeacher(name, APPLICATIONS[name])
    raise ValueError(f"no teacher {name!r}: give a file .npz or one of {', '.join(APPLICATIONS)}")


class KerasTeacher:
    """A Keras application, its maps resized to those of dreamnet where they differ."""

    def __init__(self, name: str, application: Application) -> None:
        """Load ImageNet weights, which Keras downloads, and cut the network at its layers."""
        whole = getattr(keras.applications, name)(include_top=False, weights="imagenet")
        outputs = [
            whole.layers[layer].output if isinstance(layer, int) else whole.get_layer(layer).output
            for layer in application.layers
        ]
        self._model = keras.Model(whole.input, outputs)
        self._caffe_levels = application.caffe_levels

    def __call__(self, pictures: Tensor) -> list[Tensor]:
        """Give the layers' maps for (batch, height, width, 3) RGB in [-1, 1]."""
        maps = self._model(_caffe_levels(pictures) if self._caffe_levels else pictures)
        size = tf.shape(pictures)[1:3]
        return [
            tf.image.resize(given, -(-size // stride))
            for given, stride in zip(maps, STRIDES, strict=True)
        ]


class SqueezeNet:
    """SqueezeNet v1.1 (Iandola et al. 2016, arXiv:1602.07360) to its eighth fire module.

    Differs from the original in padding: every convolution and pool is "same", so that maps
    line up with a student's.
    """

    def __init__(self, weights_path: str | Path, precision: str = "float32") -> None:
        """Read the weights.

        Args:
            weights_path: .npz of "<layer>/kernel:0" (height, width, in, out) and
                "<layer>/bias:0" for conv1 and "fireN/{squeeze1x1,expand1x1,expand3x3}".
            precision: "float32" or "bfloat16", in which it computes.
        """
        with np.load(weights_path, allow_pickle=False) as archive:
            self._weights = {key: tf.cast(archive[key], precision) for key in archive.files}
        self._precision = precision

    def __call__(self, pictures: Tensor) -> list[Tensor]:
        """Give fire3, 5, 6, 7 and 8 for (batch, height, width, 3) RGB in [-1, 1]."""
        levels = tf.cast(_caffe_levels(pictures), self._precision)
        features = _pool(self._convolve(levels, "conv1", strides=2))
        maps = {}
        for fires in (FIRES_AT_QUARTER, FIRES_AT_EIGHTH, FIRES_AT_SIXTEENTH):
            for fire in fires:
                if fire > SQUEEZENET_LAYERS[-1]:
                    break
                maps[fire] = features = self._fire(features, fire)
            features = _pool(features)
        return [maps[fire] for fire in SQUEEZENET_LAYERS]

    def _fire(self, features: Tensor, name: str) -> Tensor:
        squeezed = self._convolve(features, f"{name}/squeeze1x1")
        expanded = [self._convolve(squeezed, f"{name}/expand{k}") for k in ("1x1", "3x3")]
        return tf.concat(expanded, axis=-1)

    def _convolve(self, features: Tensor, name: str, strides: int = 1) -> Tensor:
        kernel, bias = (self._weights[f"{name}/{part}:0"] for part in ("kernel", "bias"))
        return tf.nn.relu(tf.nn.conv2d(features, kernel, strides, "SAME") + bias)


def _pool(features: Tensor) -> Tensor:
    return tf.nn.max_pool2d(features, 3, 2, "SAME")


def _caffe_levels(pictures: Tensor) -> Tensor:
    return (pictures[..., ::-1] + 1.0) * 127.5 - tf.constant(MEAN_BGR)


class Scaled:
    """A network whose maps are multiplied each by a number of its own."""

    def __init__(self, features: Features, factors: Iterable[float]) -> None:
        """Remember both.

        Args:
            features: The network.
            factors: One for each of its maps.
        """
        self._features, self._factors = features, tuple(map(float, factors))

    def __call__(self, pictures: Tensor) -> list[Tensor]:
        """Give the maps for (batch, height, width, 3) RGB in [-1, 1]."""
        maps = self._features(pictures)
        return [given * factor for given, factor in zip(maps, self._factors, strict=True)]


class InnerMaps:
    """All that a teacher lets its students know of itself, each map of mean square 1 on photos."""

    def __init__(self, teacher: Features, layers: Sequence[str], photos: Any) -> None:
        """Measure the maps.

        Args:
            teacher: GoogLeNet's inner maps are known; of any other its layers alone.
            layers: Names of what it gives, as the student has them.
            photos: (photos, height, width, 3) RGB in [-1, 1].
        """
        self._teacher, self._layers = teacher, tuple(layers)
        inner = isinstance(teacher, GoogLeNet)
        group = shared_scale if inner else str
        squares = {
            name: np.mean([float(tf.reduce_mean(tf.square(given))) for given in each])
            for name, each in self._measured(photos).items()
        }
        self._factors = {name: float(squares[group(name)] ** -0.5) for name in squares}

    def _measured(self, photos: Any) -> dict[str, list[Tensor]]:
        found: dict[str, list[Tensor]] = {}
        for photo in photos:
            for name, given in self._maps(photo[None]).items():
                found.setdefault(name, []).append(given)
        return found

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the maps."""
        return tuple(self._factors)

    def __call__(self, pictures: Tensor) -> dict[str, Tensor]:
        """Give the maps for (batch, height, width, 3) RGB in [-1, 1]."""
        return {name: given * self._factors[name] for name, given in self._maps(pictures).items()}

    def _maps(self, pictures: Tensor) -> dict[str, Tensor]:
        if isinstance(self._teacher, GoogLeNet):
            return self._teacher.maps(pictures)
        return dict(zip(self._layers, self._teacher(pictures), strict=True))
