"""A port of the original Keras program to TensorFlow 2, which dreams every frame on its own.

Source: Chollet, "Deep Learning with Python", listing 8.8 onwards (Keras 2).  What the program did
stays as it did it: octaves 1.4 apart, lost detail added after the ascent, corner-aligned linear
resizing by scipy, a trip to numpy for each step, truncation to uint8.  ``K.function`` has become
``tf.function``, which is what it compiled to; printing each loss and saving each octave are gone.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.ndimage
import tensorflow as tf

from dreamstream.frames import FloatImage, Pixels

ITERATIONS = 20
STEP = 0.01
OCTAVES = 3
OCTAVE_SCALE = 1.4
BORDER = 2
LEAST_DIVISOR = 1e-7

Tensor = Any
Features = Callable[[Tensor], Sequence[Tensor]]

_PICTURE = tf.TensorSpec([1, None, None, 3], tf.float32)


class OriginalLoss:
    """The program's loss: coefficient times mean square of each activation, less its border.

    Args:
        features: From a (1, H, W, 3) float32 picture in [-1, 1] to activations.
        coefficients: One for each activation.
    """

    def __init__(self, features: Features, coefficients: Sequence[float]) -> None:
        self._features, self._coefficients = features, coefficients

    def __call__(self, image: Tensor) -> Tensor:
        """Compute the loss of a (1, H, W, 3) float32 picture as a scalar."""
        loss = tf.constant(0.0)
        activations = self._features(image)
        for coefficient, activation in zip(self._coefficients, activations, strict=True):
            scaling = tf.cast(tf.size(activation), tf.float32)
            inner = activation[:, BORDER:-BORDER, BORDER:-BORDER, :]
            loss += coefficient * tf.reduce_sum(tf.square(inner)) / scaling
        return loss


class OriginalProgram:
    """Dreams one picture after another, and remembers nothing between them.

    Args:
        loss: What to ascend.
        max_loss: Loss above which an octave's ascent ends; None is never.
        iterations: Steps in each octave.

    Attributes:
        steps: Steps that the last picture took, over all octaves.
    """

    def __init__(
        self, loss: OriginalLoss, max_loss: float | None, iterations: int = ITERATIONS
    ) -> None:
        self._loss, self._max_loss, self._iterations = loss, max_loss, iterations
        self.steps = 0
        self._measure = tf.function(loss, input_signature=[_PICTURE])
        self._fetch = tf.function(self._loss_and_gradient, input_signature=[_PICTURE])

    def measure(self, image: FloatImage) -> float:
        """Return the loss of a (H, W, 3) float32 picture in [-1, 1]."""
        return float(self._measure(image[None]))

    def dream(self, pixels: Pixels) -> Pixels:
        """Dream a frame, (H, W, 3) uint8 RGB."""
        return deprocess(self.dream_octaves(pixels)[-1])

    def dream_octaves(self, pixels: Pixels) -> list[FloatImage]:
        """Dream a frame; return the (h, w, 3) float32 picture of each octave, smallest first."""
        original = image = pixels[None].astype(np.float32) / np.float32(127.5) - np.float32(1)
        shapes = octave_shapes((pixels.shape[0], pixels.shape[1]))
        shrunk = resize(original, shapes[0])
        pictures, self.steps = [], 0
        for shape in shapes:
            image = self._ascend(resize(image, shape))
            same_size = resize(original, shape)
            image = image + (same_size - resize(shrunk, shape))
            shrunk = same_size
            pictures.append(image[0])
        return pictures

    def _ascend(self, image: FloatImage) -> FloatImage:
        for _ in range(self._iterations):
            loss, gradient = (each.numpy() for each in self._fetch(image))
            if self._max_loss is not None and loss > self._max_loss:
                break
            image = image + np.float32(STEP) * gradient
            self.steps += 1
        return image

    def _loss_and_gradient(self, image: Tensor) -> tuple[Tensor, Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(image)
            loss = self._loss(image)
        gradient = tape.gradient(loss, image)
        return loss, gradient / tf.maximum(tf.reduce_mean(tf.abs(gradient)), LEAST_DIVISOR)


def octave_shapes(shape: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the (height, width) of each octave, smallest first."""
    height, width = shape
    factors = [OCTAVE_SCALE**octave for octave in reversed(range(OCTAVES))]
    return [(int(height / factor), int(width / factor)) for factor in factors]


def resize(images: FloatImage, shape: tuple[int, int]) -> FloatImage:
    """Resample (1, H, W, 3) float32 pictures to a (height, width), corners on corners."""
    factors = (1, shape[0] / images.shape[1], shape[1] / images.shape[2], 1)
    zoomed: FloatImage = scipy.ndimage.zoom(images, factors, order=1)
    return zoomed


def deprocess(image: FloatImage) -> Pixels:
    """Map a float32 picture in [-1, 1] to uint8, truncating as the program did."""
    return np.clip((image / 2 + np.float32(0.5)) * 255, 0, 255).astype(np.uint8)
