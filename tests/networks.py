"""Small seeded networks that dream in milliseconds."""

import keras

from dreamstream.models.extractor import FeatureExtractor


def small_extractor(
    scales: dict[str, float] | None = None, *, seed: int = 0, layers: tuple[str, ...] = ("deep",)
) -> FeatureExtractor:
    """Make an extractor of two strided convolutions: "shallow" at 1/2, "deep" at 1/4.

    Its scales default to 1 for every layer; pass {} for a network that has to be calibrated.
    """
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
