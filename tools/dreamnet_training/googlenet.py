"""GoogLeNet as a teacher: the network of the first DeepDream pictures."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

Tensor = Any

#: What its training took from the BGR levels, out of 255.
MEAN_BGR = (104.0, 117.0, 123.0)

#: The maps that it gives: the second convolution's, normalised and halved, then the modules'.
GOOGLENET_LAYERS = ("conv2", "3a", "3b", "4a", "4b", "4c", "4d", "4e")
BRANCHES = (("1x1",), ("3x3_reduce", "3x3"), ("5x5_reduce", "5x5"), ("pool", "pool_proj"))

FIRST_PADDING = [[0, 0], [3, 3], [3, 3], [0, 0]]
NORM_RADIUS, NORM_ALPHA, NORM_BETA = 2, 1e-4 / 5, 0.75


class GoogLeNet:
    """GoogLeNet (Szegedy et al. 2014, arXiv:1409.4842) to one of its modules at 1/16.

    Its pools' windows begin at the first pixel and reach beyond the last, as Caffe has them. Maps
    of even sizes, all of a crop whose side is a multiple of 16, then line up with a student's.
    """

    def __init__(
        self,
        weights_path: str | Path,
        layers: Iterable[str] = GOOGLENET_LAYERS[:-1],
        precision: str = "float32",
    ) -> None:
        """Read the weights.

        Args:
            weights_path: .npz of "conv1/7x7_s2", "conv2/3x3_reduce", "conv2/3x3" and
                "inception_<module>/<convolution>", each with "/w" (height, width, in, out), and
                "/b".
            layers: Which maps to give, of ``GOOGLENET_LAYERS`` and in that order.
            precision: "float32" or "bfloat16", in which it computes.
        """
        with np.load(weights_path, allow_pickle=False) as archive:
            self._weights = {key: tf.cast(archive[key], precision) for key in archive.files}
        self._layers = tuple(layers)
        self._precision = precision
        channels = (len(self._weights[f"{name}/b"]) for name in ("conv1/7x7_s2", "conv2/3x3"))
        self._bands = {size: tf.cast(_band(size), precision) for size in channels}

    def __call__(self, pictures: Tensor) -> list[Tensor]:
        """Give the layers' maps for (batch, height, width, 3) RGB in [-1, 1]."""
        maps = self.maps(pictures)
        return [maps[layer] for layer in self._layers]

    def maps(self, pictures: Tensor) -> dict[str, Tensor]:
        """Give the maps of all its convolutions and normalisations, rectified.

        Args:
            pictures: (batch, height, width, 3) RGB in [-1, 1].

        Returns:
            By the names that `_thinned` in ``students.py`` has for its operations.
        """
        levels = tf.cast((pictures[..., ::-1] + 1.0) * 127.5 - tf.constant(MEAN_BGR), tf.float32)
        padded = tf.pad(tf.cast(levels, self._precision), FIRST_PADDING)
        maps = {"conv1": self._convolve(padded, "conv1/7x7_s2", 2, "VALID")}
        maps["norm1"] = self._normalise(_pool(maps["conv1"]))
        maps["conv2_reduce"] = self._convolve(maps["norm1"], "conv2/3x3_reduce")
        maps["conv2_3x3"] = self._convolve(maps["conv2_reduce"], "conv2/3x3")
        features = maps["conv2"] = _pool(self._normalise(maps["conv2_3x3"]))
        for module in GOOGLENET_LAYERS[1 : 1 + GOOGLENET_LAYERS.index(self._layers[-1])]:
            if module == "4a":
                features = _pool(features)
            maps.update(self._inception(features, module))
            features = maps[module]
        return maps

    def _inception(self, features: Tensor, module: str) -> dict[str, Tensor]:
        maps = {}
        for branch in BRANCHES:
            end = features
            for step in branch:
                if step == "pool":
                    end = _pool(end, 1)
                else:
                    end = self._convolve(end, f"inception_{module}/{step}")
                    maps[f"{module}_{step}"] = end
        ends = [maps[f"{module}_{branch[-1]}"] for branch in BRANCHES]
        return {**maps, module: tf.concat(ends, axis=-1)}

    def _convolve(
        self, features: Tensor, name: str, strides: int = 1, padding: str = "SAME"
    ) -> Tensor:
        kernel, bias = (self._weights[f"{name}/{part}"] for part in "wb")
        return tf.nn.relu(tf.nn.conv2d(features, kernel, strides, padding) + bias)

    def _normalise(self, features: Tensor) -> Tensor:
        """Divide each channel by what it and its four neighbours hold together.

        The sum is a product with a matrix of bands: TensorFlow's own operation has a slow gradient.
        """
        sums = tf.matmul(tf.square(features), self._bands[features.shape[-1]])
        return features * tf.pow(1 + NORM_ALPHA * sums, -NORM_BETA)


def _band(channels: int) -> Any:
    distance = np.abs(np.subtract.outer(np.arange(channels), np.arange(channels)))
    return (distance <= NORM_RADIUS).astype(np.float32)


def _pool(features: Tensor, strides: int = 2) -> Tensor:
    """Take the greatest of each 3x3.

    With strides, windows begin at the first pixel; the last may reach beyond the map by one, as
    "same" has it where the side is even.
    """
    if strides == 1:
        return tf.nn.max_pool2d(features, 3, 1, "SAME")
    size = tf.shape(features)[1:3]
    after = (size + 1) % 2
    padding = [[0, 0], [0, after[0]], [0, after[1]], [0, 0]]
    # all maps are rectified, or quotients of such: a zero is never greater than what is there
    return tf.nn.max_pool2d(tf.pad(features, padding), 3, 2, "VALID")


def shared_scale(name: str) -> str:
    """Return the name of the map in whose unit a map is best told to a student.

    What is divided by what neighbours hold keeps its unit, and a module's branches become one map.

    Args:
        name: Of one of `GoogLeNet.maps`.
    """
    module, _, branch = name.partition("_")
    if branch in {steps[-1] for steps in BRANCHES}:  # of a module, or conv2_3x3
        return module
    return {"conv1": "norm1"}.get(name, name)
