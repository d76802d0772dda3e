"""The preset classic against a straightforward port of the original Keras program."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf
from calibrated import CLASSIC_LAYERS, natural_pictures

from dreamstream.config import DreamConfig
from dreamstream.dreamer import Dreamer
from dreamstream.frames import FloatImage, Pixels, to_model_range, to_pixels

STEPS = 2
"""Fewer than the program's 20: on weights that learned nothing ascent is chaotic, and float noise
of 1e-7 in one octave is a per cent of the loss two octaves later."""

STEP, OCTAVES, OCTAVE_SCALE = 0.01, 3, 1.4


class OriginalProgram:
    """The program as published, its helpers inlined, its picture's size and steps given."""

    def __init__(self, weights: Path, steps: int, max_loss: float) -> None:
        self.model = keras.applications.InceptionV3(weights=None, include_top=False)
        self.model.load_weights(weights)
        outputs = [self.model.get_layer(name).output for name in CLASSIC_LAYERS]
        self.features = keras.Model(self.model.inputs, outputs)
        self.steps, self.max_loss = steps, max_loss
        self.loss_and_gradient = tf.function(self._loss_and_gradient, reduce_retracing=True)

    def loss(self, image: FloatImage) -> float:
        return float(self.loss_and_gradient(tf.constant(image[None]))[0])

    def _loss_and_gradient(self, image: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            tape.watch(image)
            loss = tf.constant(0.0)
            activations = self.features(image)
            for coefficient, activation in zip(CLASSIC_LAYERS.values(), activations, strict=True):
                scaling = tf.cast(tf.reduce_prod(tf.shape(activation)), tf.float32)
                inner = activation[:, 2:-2, 2:-2, :]
                loss += coefficient * tf.reduce_sum(tf.square(inner)) / scaling
        gradient = tape.gradient(loss, image)
        return loss, gradient / tf.maximum(tf.reduce_mean(tf.abs(gradient)), 1e-7)

    def ascend(self, image: FloatImage) -> FloatImage:
        for _ in range(self.steps):
            loss, gradient = self.loss_and_gradient(tf.constant(image[None], tf.float32))
            if float(loss) > self.max_loss:
                break
            image = image + STEP * gradient[0].numpy()
        return image

    def dream(self, pixels: Pixels) -> list[FloatImage]:
        """Give the picture at each octave."""
        original = pixels.astype(np.float32) / 127.5 - 1.0
        shape = original.shape[:2]
        shapes = [shape]
        for i in range(1, OCTAVES):
            shapes.append((int(shape[0] / OCTAVE_SCALE**i), int(shape[1] / OCTAVE_SCALE**i)))
        shapes = shapes[::-1]
        image, shrunk = original.copy(), resize(original, shapes[0])
        pictures = []
        for size in shapes:
            image = self.ascend(resize(image, size))
            lost_detail = resize(original, size) - resize(shrunk, size)
            image = image + lost_detail
            shrunk = resize(original, size)
            pictures.append(image)
        return pictures


def resize(image: FloatImage, size: tuple[int, ...]) -> FloatImage:
    factors = (float(size[0]) / image.shape[0], float(size[1]) / image.shape[1], 1)
    zoomed: FloatImage = scipy.ndimage.zoom(image, factors, order=1)
    return zoomed


@pytest.fixture(scope="module")
def photo() -> Pixels:
    return to_pixels(0.5 * natural_pictures(1, 290)[0, :262])  # clipped areas tie max pools


def _ours(weights: Path, steps: int, max_loss: float) -> Dreamer:
    config = DreamConfig(preset="classic", weights=weights, first_steps=steps, max_loss=max_loss)
    return Dreamer(config)


@pytest.mark.parametrize("max_loss", [10.0, 1.6], ids=["below the ceiling", "stopped by it"])
def test_classic_reaches_the_original_programs_loss_at_every_octave(
    max_loss: float, inception_v3_weights: Path, photo: Pixels
) -> None:
    original = OriginalProgram(inception_v3_weights, STEPS, max_loss)
    dreamer = _ours(inception_v3_weights, STEPS, max_loss)
    dreamer.dream(photo)
    expected = original.dream(photo)
    assert len(dreamer.octave_images) == OCTAVES
    for ours, theirs in zip(dreamer.octave_images, expected, strict=True):
        assert ours.shape == theirs.shape
        assert original.loss(ours) == pytest.approx(original.loss(theirs), rel=0.02)
    stopped = min(dreamer.report.steps) < STEPS
    assert stopped == (max_loss < 10)


def test_the_tested_photo_has_a_loss_like_a_real_ones_and_dreaming_raises_it(
    inception_v3_weights: Path, photo: Pixels
) -> None:
    dreamer = _ours(inception_v3_weights, STEPS, 10.0)
    dreamer.dream(photo)
    start = OriginalProgram(inception_v3_weights, STEPS, 10.0).loss(to_model_range(photo))
    assert 1 < start < 4
    assert dreamer.report.loss is not None
    assert dreamer.report.loss > 1.1 * start


def test_classic_is_the_original_program_to_the_pixel_before_float_noise_grows(
    inception_v3_weights: Path, photo: Pixels
) -> None:
    dreamer = _ours(inception_v3_weights, 1, 10.0)
    dream = to_model_range(dreamer.dream(photo))
    expected = OriginalProgram(inception_v3_weights, 1, 10.0).dream(photo)
    for ours, theirs in zip(dreamer.octave_images, expected, strict=True):
        assert np.abs(ours - theirs).mean() < 0.05 * STEP
    assert np.abs(dream - np.clip(expected[-1], -1, 1)).mean() < 0.02 * STEP + 0.5 / 127.5
