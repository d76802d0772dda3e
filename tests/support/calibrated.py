"""InceptionV3 weights that behave like trained ones, in the file format that Keras publishes.

Keras's random initialisation gives a photo a loss of 3e-4 and gradients at the floor of their
normalisation: it tests nothing.  Here kernels are He's, each batch norm's statistics are those of
pictures made to resemble photos, and one gain brings a photo's loss to about 2.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

Array = npt.NDArray[np.float32]

# The original program's layers and coefficients.
CLASSIC_LAYERS = {"mixed2": 0.2, "mixed3": 3.0, "mixed4": 2.0, "mixed5": 1.5}
BORDER = 2
TARGET_LOSS = 2.0
INTERIOR = 0.7  # share of a 400 x 600 photo's cells that lie within the border
# Mean and deviation before each ReLU. With a mean of 0 and a deviation of 1 a random network is
# chaotic: a photo a little unlike the calibration's pictures has a loss of 100.
SHIFT = 0.3
SPREAD = 0.6
SEED = 20150617
PICTURE_SIDE = 128
PICTURES = 8
DISCS = 40
SMALLEST_DISC = 0.04  # of the side


def classic_loss(activations: Iterable[Any]) -> tf.Tensor:
    """The original program's loss, of the activations of CLASSIC_LAYERS."""
    return tf.add_n(
        [
            coefficient
            * tf.reduce_sum(tf.square(activation[:, BORDER:-BORDER, BORDER:-BORDER, :]))
            / tf.cast(tf.size(activation), tf.float32)
            for coefficient, activation in zip(CLASSIC_LAYERS.values(), activations, strict=True)
        ]
    )


def natural_pictures(count: int, side: int, seed: int = SEED) -> Array:
    """Pictures with the two marks of photos: a 1/f spectrum and things that hide each other.

    Returns:
        (count, side, side, 3) float32 in [-1, 1].
    """
    rng = np.random.default_rng(seed)
    return np.stack([_natural_picture(rng, side) for _ in range(count)])


def _natural_picture(rng: np.random.Generator, side: int) -> Array:
    rows, columns = np.mgrid[:side, :side]
    textures = [_fractal(rng, side) for _ in range(4)]
    contrast = rng.uniform(0.2, 0.6)
    picture = contrast * textures[0]
    for _ in range(DISCS):
        # Sizes with a density of radius^-3 look alike at every scale, as photos do.
        radius = side * SMALLEST_DISC / np.sqrt(rng.uniform(0.005, 1))
        row, column = rng.uniform(0, side, 2)
        disc = (rows - row) ** 2 + (columns - column) ** 2 < radius**2
        colour = rng.normal(0, 1) + rng.normal(0, 0.25, 3)
        picture[disc] = contrast * (colour + 0.3 * textures[rng.integers(4)][disc])
    return np.clip(picture + rng.normal(0, 0.3) + rng.normal(0, 0.05, 3), -1, 1).astype(np.float32)


def _fractal(rng: np.random.Generator, side: int) -> npt.NDArray[np.float64]:
    """Noise of unit variance whose amplitude falls as 1/f, mostly grey."""
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :])
    frequency[0, 0] = np.inf
    grey, *colours = (
        np.fft.irfft2(np.fft.rfft2(rng.standard_normal((side, side))) / frequency, s=(side, side))
        for _ in range(4)
    )
    channels = np.stack([grey + 0.2 * colour for colour in colours], axis=-1)
    return channels * (1 / float(channels.std()))


def calibrate(model: keras.Model, seed: int = SEED) -> None:
    """Set the weights of a whole InceptionV3 to calibrated ones in place."""
    rng = np.random.default_rng(seed)
    values: dict[int, Any] = {}
    pictures = tf.constant(natural_pictures(PICTURES, PICTURE_SIDE))
    for layer in model.layers:
        inputs = keras.tree.map_structure(lambda tensor: values[id(tensor)], _inputs(layer))
        if isinstance(layer, keras.layers.InputLayer):
            values[id(layer.output)] = pictures
            continue
        _initialise(layer, inputs, rng)
        values[id(layer.output)] = layer(inputs, training=False)
    activations = [values[id(model.get_layer(name).output)] for name in CLASSIC_LAYERS]
    # Without the border, which is most of so small a picture's cells.
    squares = [float(tf.reduce_mean(tf.square(activation))) for activation in activations]
    loss = INTERIOR * float(np.dot(list(CLASSIC_LAYERS.values()), squares))
    _divide(model, float(np.sqrt(loss / TARGET_LOSS)))


def _inputs(layer: keras.Layer) -> Any:
    return [] if isinstance(layer, keras.layers.InputLayer) else layer.input


def _initialise(layer: keras.Layer, inputs: Any, rng: np.random.Generator) -> None:
    if isinstance(layer, keras.layers.BatchNormalization):
        mean, variance = tf.nn.moments(inputs, [0, 1, 2])
        shift = rng.normal(SHIFT, SHIFT, mean.shape)
        layer.set_weights([shift, mean, variance / SPREAD**2 - layer.epsilon])
    elif layer.weights:
        layer.set_weights([_he(rng, weight.shape) for weight in layer.weights])


def _he(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    fan_in = int(np.prod(shape[:-1]))
    return rng.standard_normal(shape, np.float32) * np.float32(np.sqrt(2 / fan_in))


def _divide(model: keras.Model, divisor: float) -> None:
    """Divide every activation by a number.

    From the first batch norm on the network is homogeneous: its output divided, each later
    convolution's is too, and so must be the means subtracted from them and the shifts added.
    """
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for place, norm in enumerate(norms):
        shift, mean, variance = norm.get_weights()
        if place == 0:
            variance = (variance + norm.epsilon) * divisor**2 - norm.epsilon
        else:
            mean = mean / divisor
        norm.set_weights([shift / divisor, mean, variance])


def write_legacy(model: keras.Model, path: Path) -> None:
    """Write a model's weights as Keras 1 and 2 did, and as Keras still publishes them.

    Attributes list the layers and each layer's weights; layers without weights are listed too.
    """
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        file.attrs["backend"] = b"tensorflow"
        file.attrs["keras_version"] = b"2.0.1"
        for layer in model.layers:
            weights = {f"{layer.name}/{w.name}:0": w.numpy() for w in _legacy_order(layer)}
            _write_layer(file.create_group(layer.name), weights)


def _legacy_order(layer: keras.Layer) -> list[Any]:
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def _write_layer(group: h5py.Group, weights: Mapping[str, Array]) -> None:
    group.attrs["weight_names"] = [name.encode() for name in weights]
    for name, value in weights.items():
        group.create_dataset(name, data=value)


def write_inception_v3(path: Path) -> None:
    """Write calibrated InceptionV3 weights, without the top, as a legacy .h5."""
    model = keras.applications.InceptionV3(
        weights=None, include_top=False, input_shape=(None, None, 3)
    )
    calibrate(model)
    write_legacy(model, path)


def real_photos() -> list[Path]:
    """The pictures in the folder of real clips; none where that is not given."""
    folder = os.environ.get("DREAMSTREAM_CLIPS")
    return sorted(Path(folder).glob("*.jpg")) if folder else []
