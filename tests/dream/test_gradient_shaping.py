"""The shape of an ascent direction."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import gaussian_filter

from dreamstream.dream.gradient_shaping import even_out, mix_colours, smooth, unit
from dreamstream.dream.parameters import colour_mix

NOISE = tf.constant(np.random.default_rng(0).standard_normal((1, 64, 80, 3)), tf.float32)


def test_the_unit_of_a_gradient_makes_its_mean_magnitude_one_whatever_its_scale() -> None:
    for scale in (1e-12, 1.0, 1e6):
        gradient = scale * NOISE
        assert np.abs(unit(gradient) * gradient).mean() == pytest.approx(1, rel=1e-4)
    assert not np.any(unit(0 * NOISE) * 0 * NOISE)


def test_smoothing_keeps_large_forms_and_weakens_noise() -> None:
    x = np.linspace(0, 2 * np.pi, 80, dtype=np.float32)
    large = tf.constant(np.tile(np.sin(x)[None, None, :, None], (1, 64, 1, 3)))
    inner = np.s_[:, 16:-16, 16:-16]
    kept = np.std(smooth(large, tf.constant(2.0))[inner]) / np.std(large[inner])
    noise = np.std(smooth(NOISE, tf.constant(2.0))[inner]) / np.std(NOISE[inner])
    wide = [gaussian_filter(NOISE[0], (sigma, sigma, 0)) for sigma in (1.0, 2.0, 4.0)]
    assert kept > 0.9
    assert noise == pytest.approx(np.std(np.mean(wide, axis=0)[inner[1:]]), rel=0.15)


def test_smoothing_does_not_mix_rows_with_columns_or_colours() -> None:
    point = np.zeros((1, 33, 49, 3), np.float32)
    point[0, 10, 30, 1] = 1
    spread = smooth(tf.constant(point), tf.constant(1.0)).numpy()
    assert not spread[..., [0, 2]].any()
    row, column = np.unravel_index(spread[0, :, :, 1].argmax(), (33, 49))
    assert abs(row - 10) <= 1
    assert abs(column - 30) <= 1


def test_evening_out_brings_weak_regions_up_to_strong_ones() -> None:
    lopsided = NOISE.numpy()
    lopsided[:, :, :40] *= 0.01
    lopsided = np.pad(lopsided, ((0, 0), (0, 0), (80, 80), (0, 0)), mode="edge")
    left, right = np.s_[:, :, 80:100], np.s_[:, :, 140:160]

    def ratio(image: np.ndarray) -> float:
        return float(np.abs(image[left]).mean() / np.abs(image[right]).mean())

    evened = even_out(tf.constant(lopsided), 1.0).numpy()
    assert ratio(evened) > 5 * ratio(lopsided)
    np.testing.assert_allclose(even_out(tf.constant(lopsided), 0.0), lopsided, rtol=1e-5)


def test_muting_scales_colour_and_keeps_lightness() -> None:
    muted = mix_colours(NOISE, tf.constant(colour_mix(0.25))).numpy()
    np.testing.assert_allclose(muted.mean(-1), NOISE.numpy().mean(-1), atol=1e-6)
    np.testing.assert_allclose(np.ptp(muted, axis=-1), 0.25 * np.ptp(NOISE, axis=-1), atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (13, 7)])
def test_gradients_of_any_size_can_be_shaped(size: tuple[int, int]) -> None:
    gradient = tf.ones((1, *size, 3))
    shaped = even_out(smooth(gradient, tf.constant(2.6)), 0.7)
    shaped *= unit(shaped)
    assert shaped.shape == gradient.shape
    assert np.all(np.isfinite(shaped))
