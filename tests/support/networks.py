"""Small seeded networks that dream in milliseconds."""

from functools import cache
from typing import Any

import keras

from dreamstream.models.extractor import FeatureExtractor

SMALL_LOOK: dict[str, Any] = {
    "step_size": 0.007,
    "jitter": 8,
    "smoothing": 1.9,
    "evenness": 0.8,
    "chroma": 0.35,
}
"""With what the small networks dream, whatever the presets have by now."""


def small_extractor(
    scales: dict[str, float] | None = None, *, seed: int = 0, layers: tuple[str, ...] = ("deep",)
) -> FeatureExtractor:
    """Return an extractor of two strided convolutions: "shallow" at 1/2, "deep" at 1/4.

    Its scales default to 1 for every layer, and then it is one for all tests; pass {} for a network
    that has to be calibrated.
    """
    return _one_for_all(seed, layers) if scales is None else make_small(scales, seed, layers)


@cache
def _one_for_all(seed: int, layers: tuple[str, ...]) -> FeatureExtractor:
    return make_small(None, seed, layers)


def make_small(
    scales: dict[str, float] | None = None, seed: int = 0, layers: tuple[str, ...] = ("deep",)
) -> FeatureExtractor:
    """Make an extractor that no other test has; see :func:`small_extractor`."""
    picture = keras.Input((None, None, 3))
    shallow = _convolve(picture, 8, "shallow", seed)
    deep = _convolve(shallow, 12, "deep", seed + 1)
    outputs = {"shallow": shallow, "deep": deep}
    model = keras.Model(picture, [outputs[name] for name in layers])
    given = dict.fromkeys(layers, 1.0) if scales is None else scales or None
    return FeatureExtractor("small", layers, model, given)


def _convolve(features: object, filters: int, name: str, seed: int) -> object:
    return keras.layers.Conv2D(
        filters,
        3,
        2,
        padding="same",
        activation="relu",
        kernel_initializer=keras.initializers.HeNormal(seed),
        bias_initializer=keras.initializers.Constant(0.05),
        name=name,
    )(features)


def stem_extractor() -> FeatureExtractor:
    """Make an extractor that begins like InceptionV3: windows without padding, strides, branches.

    Its layers "mixed" at 1/4 and "deep" at 1/8 have to be calibrated.
    """
    picture = keras.Input((None, None, 3))
    features = _layer(keras.layers.Conv2D, picture, 6, 3, 2, padding="valid", seed=3)
    features = _layer(keras.layers.Conv2D, features, 6, 3, padding="valid", seed=4)
    features = _layer(keras.layers.Conv2D, features, 8, 3, padding="same", seed=5)
    features = keras.layers.BatchNormalization()(keras.layers.MaxPooling2D(3, 2)(features))
    wide = _layer(keras.layers.Conv2D, features, 4, (1, 7), padding="same", seed=6)
    tall = _layer(keras.layers.DepthwiseConv2D, wide, (7, 1), padding="same", seed=7)
    pooled = keras.layers.AveragePooling2D(3, 1, padding="same")(features)
    mixed = keras.layers.Concatenate(name="mixed")([tall, pooled])
    padded = keras.layers.ZeroPadding2D(((0, 1), (1, 0)))(mixed)
    deep = _layer(keras.layers.SeparableConv2D, padded, 10, 3, 2, padding="valid", seed=8)
    model = keras.Model(picture, [mixed, deep])
    return FeatureExtractor("stem", ("mixed", "deep"), model, None)


def _layer(
    kind: type, features: object, *arguments: object, seed: int, **options: object
) -> object:
    kernels = ["kernel"] if kind is keras.layers.Conv2D else ["depthwise"]
    kernels += ["pointwise"] if kind is keras.layers.SeparableConv2D else []
    initial = {
        f"{name}_initializer": keras.initializers.HeNormal(seed + 100 * i)
        for i, name in enumerate(kernels)
    }
    return kind(*arguments, activation="relu", **initial, **options)(features)
