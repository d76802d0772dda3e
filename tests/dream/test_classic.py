"""The preset classic against a port of the original Keras program."""

from pathlib import Path

import keras
import numpy as np
import pytest
from calibrated import CLASSIC_LAYERS, natural_pictures

from benchmarks.pace.original import OCTAVES, STEP, OriginalLoss, OriginalProgram
from dreamstream.config import DreamConfig
from dreamstream.dream.dreamer import Dreamer
from dreamstream.frames import Pixels, to_model_range, to_pixels

STEPS = 2
"""Fewer than the program's 20: on weights that learned nothing ascent is chaotic, and float noise
of 1e-7 in one octave is a per cent of the loss two octaves later."""


def _original(weights: Path, steps: int, max_loss: float) -> OriginalProgram:
    model = keras.applications.InceptionV3(weights=None, include_top=False)
    model.load_weights(weights)
    outputs = [model.get_layer(name).output for name in CLASSIC_LAYERS]
    loss = OriginalLoss(keras.Model(model.inputs, outputs), list(CLASSIC_LAYERS.values()))
    return OriginalProgram(loss, max_loss, steps)


@pytest.fixture(scope="module")
def photo() -> Pixels:
    return to_pixels(0.5 * natural_pictures(1, 290)[0, :262])  # clipped areas tie max pools


def _ours(weights: Path, steps: int, max_loss: float) -> Dreamer:
    config = DreamConfig(preset="classic", weights=weights, first_steps=steps, max_loss=max_loss)
    return Dreamer(config, measure_losses=True)


@pytest.mark.parametrize("max_loss", [10.0, 1.6], ids=["below the ceiling", "stopped by it"])
def test_classic_reaches_the_original_programs_loss_at_every_octave(
    max_loss: float, inception_v3_weights: Path, photo: Pixels
) -> None:
    original = _original(inception_v3_weights, STEPS, max_loss)
    dreamer = _ours(inception_v3_weights, STEPS, max_loss)
    dreamer.dream(photo)
    expected = original.dream_octaves(photo)
    assert len(dreamer.octave_images) == OCTAVES
    for ours, theirs in zip(dreamer.octave_images, expected, strict=True):
        assert ours.shape == theirs.shape
        assert original.measure(ours) == pytest.approx(original.measure(theirs), rel=0.02)
    stopped = min(dreamer.report.steps) < STEPS
    assert stopped == (max_loss < 10)


def test_the_tested_photo_has_a_loss_like_a_real_ones_and_dreaming_raises_it(
    inception_v3_weights: Path, photo: Pixels
) -> None:
    dreamer = _ours(inception_v3_weights, STEPS, 10.0)
    dreamer.dream(photo)
    start = _original(inception_v3_weights, STEPS, 10.0).measure(to_model_range(photo))
    assert 1 < start < 4
    assert dreamer.report.loss is not None
    assert dreamer.report.loss > 1.1 * start


def test_classic_is_the_original_program_to_the_pixel_before_float_noise_grows(
    inception_v3_weights: Path, photo: Pixels
) -> None:
    dreamer = _ours(inception_v3_weights, 1, 10.0)
    dream = to_model_range(dreamer.dream(photo))
    expected = _original(inception_v3_weights, 1, 10.0).dream_octaves(photo)
    for ours, theirs in zip(dreamer.octave_images, expected, strict=True):
        # processors round differently: 0.05 of a step with AVX2, 0.11 with AVX-512
        assert np.abs(ours - theirs).mean() < 0.2 * STEP
    assert np.abs(dream - np.clip(expected[-1], -1, 1)).mean() < 0.2 * STEP + 0.5 / 127.5
