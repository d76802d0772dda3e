"""The loss and the steps that raise it."""

import numpy as np
import pytest
import tensorflow as tf
from ascents import climb, make_ascent
from networks import small_extractor
from pictures import fractal_pixels

from dreamstream.config import DreamConfig
from dreamstream.dream.ascent import StepPlan, StepRule, classic_step, guarded_step, shift_sequence
from dreamstream.dream.objective import Objective
from dreamstream.dream.parameters import step_params
from dreamstream.frames import FloatImage, to_model_range

IMAGE = to_model_range(fractal_pixels(48, 64))
EVERYWHERE = np.ones((48, 64), np.float32)
FREE = DreamConfig(layers={"deep": 1.0}, max_loss=None)


def _measure(loss: Objective, image: FloatImage, *coefficients: float) -> float:
    return float(loss.measure(image[None], np.array(coefficients or [1.0], np.float32)))


@pytest.fixture(scope="module")
def loss() -> Objective:
    return Objective(small_extractor())


def test_the_loss_is_the_originals_sum_of_squares_within_the_border_over_all_elements() -> None:
    extractor = small_extractor({"shallow": 1.0, "deep": 2.5}, layers=("shallow", "deep"))
    shallow, deep = (activation.numpy() for activation in extractor(tf.constant(IMAGE[None])))
    expected = 0.3 * (shallow[:, 2:-2, 2:-2] ** 2).sum() / shallow.size
    expected += 2.5 * 4 * (deep[:, 2:-2, 2:-2] ** 2).sum() / deep.size
    loss = Objective(extractor)
    assert _measure(loss, IMAGE, 0.3, 4.0) == pytest.approx(expected, rel=1e-5)


def test_calibration_makes_every_layers_mean_square_one() -> None:
    loss = Objective(small_extractor({}, layers=("shallow", "deep")))
    assert not loss.calibrated
    loss.calibrate(IMAGE)
    assert loss.calibrated
    assert _measure(loss, IMAGE, 0.5, 2.0) == pytest.approx(2.5, rel=1e-5)


@pytest.mark.parametrize("rule", [classic_step, guarded_step])
def test_ascent_raises_the_loss(loss: Objective, rule: StepRule) -> None:
    image, _, taken, *_ = climb(rule, loss, FREE, IMAGE, EVERYWHERE, 5)
    assert taken == 5
    assert _measure(loss, image) > 1.2 * _measure(loss, IMAGE)


@pytest.mark.parametrize("rule", [classic_step, guarded_step])
def test_zero_steps_change_nothing(loss: Objective, rule: StepRule) -> None:
    image, value, taken, predicted_loss, *_ = climb(rule, loss, FREE, IMAGE, EVERYWHERE, 0)
    np.testing.assert_array_equal(image, IMAGE)
    assert np.isnan(value)
    assert np.isnan(predicted_loss)
    assert taken == 0


def test_a_classic_step_is_the_gradient_over_its_mean_magnitude(loss: Objective) -> None:
    start = tf.constant(IMAGE[None])
    with tf.GradientTape() as tape:
        tape.watch(start)
        (deep,) = small_extractor()(start)
        value = tf.reduce_sum(deep[:, 2:-2, 2:-2] ** 2) / deep.numpy().size
    gradient = tape.gradient(value, start)[0].numpy()
    expected = IMAGE + 0.01 * gradient / np.abs(gradient).mean()
    config = DreamConfig(layers={"deep": 1.0}, step_size=0.01, max_loss=None)
    image, reported, _, *_ = climb(classic_step, loss, config, IMAGE, EVERYWHERE, 1)
    np.testing.assert_allclose(image, expected, atol=1e-5)
    assert reported == pytest.approx(float(value), rel=1e-5)


def test_classic_ascent_stops_before_the_step_that_follows_a_loss_over_the_ceiling(
    loss: Objective,
) -> None:
    _, free_loss, _, *_ = climb(classic_step, loss, FREE, IMAGE, EVERYWHERE, 6)
    config = DreamConfig(layers={"deep": 1.0}, max_loss=0.97 * free_loss)
    image, last, taken, *_ = climb(classic_step, loss, config, IMAGE, EVERYWHERE, 20)
    assert 0 < taken < 20
    assert last > 0.97 * free_loss
    assert _measure(loss, image) == pytest.approx(last, rel=1e-4)


def test_a_guarded_step_that_would_cross_the_ceiling_is_taken_in_part(loss: Objective) -> None:
    start = _measure(loss, IMAGE)
    config = DreamConfig(layers={"deep": 1.0}, max_loss=1.1 * start, jitter=0)
    image, _, taken, *_ = climb(guarded_step, loss, config, IMAGE, EVERYWHERE, 20)
    assert taken > 0
    assert 1.05 * start < _measure(loss, image) < 1.12 * start


def test_a_guarded_climb_predicts_more_than_its_last_step_brings(loss: Objective) -> None:
    config = DreamConfig(layers={"deep": 1.0}, max_loss=None, jitter=0)
    for steps in (1, 5):
        climbed = climb(guarded_step, loss, config, 0.5 * IMAGE, EVERYWHERE, steps)
        after = _measure(loss, climbed.image)
        assert climbed.loss < after < 1.01 * climbed.predicted_loss < 3 * after


def test_a_classic_climb_predicts_nothing(loss: Objective) -> None:
    assert np.isnan(climb(classic_step, loss, FREE, IMAGE, EVERYWHERE, 2).predicted_loss)


def test_no_step_is_taken_above_the_ceiling(loss: Objective) -> None:
    config = DreamConfig(layers={"deep": 1.0}, max_loss=0.5 * _measure(loss, IMAGE), jitter=0)
    image, _, taken, *_ = climb(guarded_step, loss, config, IMAGE, EVERYWHERE, 5)
    assert taken == 0
    np.testing.assert_array_equal(image, IMAGE)


def test_guarded_steps_keep_values_in_range_and_push_none_further_out(loss: Objective) -> None:
    wide = 1.3 * IMAGE / np.abs(IMAGE).max()
    config = DreamConfig(layers={"deep": 1.0}, step_size=0.2, max_loss=None)
    image, _, _, *_ = climb(guarded_step, loss, config, wide, EVERYWHERE, 5)
    outside = np.abs(image) > 1
    assert np.all(np.abs(image[outside]) <= np.abs(wide[outside]) + 1e-6)


def test_weights_scale_the_step_of_each_pixel(loss: Objective) -> None:
    half = EVERYWHERE.copy()
    half[:, :32] = 0
    image, _, _, *_ = climb(guarded_step, loss, FREE, 0.5 * IMAGE, half, 1)
    np.testing.assert_array_equal(image[:, :32], 0.5 * IMAGE[:, :32])
    assert np.abs(image - 0.5 * IMAGE)[:, 32:].max() > 0


def test_a_guarded_step_changes_pixels_by_step_size_on_average(loss: Objective) -> None:
    config = DreamConfig(layers={"deep": 1.0}, step_size=0.005, max_loss=None)
    image, _, _, *_ = climb(guarded_step, loss, config, 0.5 * IMAGE, EVERYWHERE, 1)
    assert np.abs(image - 0.5 * IMAGE).mean() == pytest.approx(0.005, rel=1e-3)


def test_shifts_repeat_for_a_seed_stay_within_jitter_and_differ_between_seeds() -> None:
    shifts = shift_sequence(3, 8)
    np.testing.assert_array_equal(shifts, shift_sequence(3, 8))
    assert np.abs(shifts).max() == 8
    assert np.any(shifts != shift_sequence(4, 8))
    assert not shift_sequence(3, 0).any()


def test_the_step_is_traced_once_for_pictures_of_any_size(loss: Objective) -> None:
    ascent = make_ascent(guarded_step, loss, FREE)
    for size in (48, 33, 60):
        square = np.ascontiguousarray(to_model_range(fractal_pixels(size, size)))
        ascent.climb(square, np.ones((size, size), np.float32), step_params(FREE), StepPlan(1))
    assert ascent.traces == 1


def test_smoothing_has_an_effect_even_on_a_single_step(loss: Objective) -> None:
    def step(smoothing: float) -> FloatImage:
        config = DreamConfig(layers={"deep": 1.0}, smoothing=smoothing, max_loss=None)
        return climb(guarded_step, loss, config, 0.5 * IMAGE, EVERYWHERE, 1)[0]

    assert np.abs(step(4.0) - step(1.0)).max() > 1e-3


def test_a_shifted_gradient_returns_to_its_own_pixels(loss: Objective) -> None:
    """The network sees the picture shifted; what it asks for must come back to where it was."""
    here, config = 0.5 * IMAGE, DreamConfig(layers={"deep": 1.0}, max_loss=None, smoothing=0.0)
    spot = EVERYWHERE.copy()
    spot[16:32, 24:40] = 4
    still = make_ascent(guarded_step, loss, config)
    still._shifts[:] = 0
    plain = still.climb(here, spot, step_params(config), StepPlan(1)).image - here
    for shift in ((4, 8), (-4, 4), (8, -8), (-8, -4)):  # by whole cells: the network sees the same
        ascent = make_ascent(guarded_step, loss, config)
        ascent._shifts[:] = shift
        change = ascent.climb(here, spot, step_params(config), StepPlan(1)).image - here
        inner = np.s_[14:-14, 14:-14]
        norms = np.linalg.norm(change[inner]) * np.linalg.norm(plain[inner])
        assert float(np.vdot(change[inner], plain[inner])) > 0.95 * norms, shift
