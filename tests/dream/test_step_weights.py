"""How far a warm frame is dreamed on, and where."""

import numpy as np
import pytest

from dreamstream.dream.step_weights import (
    HELD_STEP,
    MOST,
    MOST_HELD,
    WEAKNESS_POWER,
    disocclusion_weight,
    motion,
    step_weights,
    strength_gain,
    weakness,
)
from dreamstream.frames import FloatImage

SIZE = (96, 160)


def _residual(strength: float = 0.1) -> FloatImage:
    noise = np.random.default_rng(5).normal(0, strength, (*SIZE, 3))
    return noise.astype(np.float32)


def _still() -> FloatImage:
    return np.zeros((*SIZE, 2), np.float32)


def test_old_even_ground_that_stands_still_takes_the_held_step() -> None:
    factor = step_weights(_residual(), np.ones(SIZE, np.float32), _still(), 0.9, 0.7)
    np.testing.assert_allclose(factor, 0.7, rtol=0.1)


@pytest.mark.parametrize("confidence", [0.0, 0.3, 1.0])
def test_new_ground_comes_into_balance_at_once(confidence: float) -> None:
    blend, step = 0.8, 1.0
    balance = step / (1 - blend)
    factor = disocclusion_weight(np.full((2, 2), confidence, np.float32), blend)
    np.testing.assert_allclose(blend * confidence * balance + factor * step, balance, rtol=1e-5)


def test_a_blend_of_one_asks_for_no_endless_step() -> None:
    assert np.isfinite(disocclusion_weight(np.zeros((2, 2), np.float32), 1.0)).all()
    factor = step_weights(_residual(), np.zeros(SIZE, np.float32), _still(), 1.0, 1.5)
    assert factor.max() <= MOST


def test_what_moves_against_its_scene_takes_longer_steps_and_a_pan_does_not() -> None:
    pan = _still()
    pan[..., 0] = 7
    assert motion(pan).max() == 0
    pan[30:66, 50:110, 0] = 12
    share = motion(pan)
    assert share[12, 20] == pytest.approx(1, abs=0.05)
    assert share[1, 1] == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("size", [(97, 131), (3, 5), (1, 1)])
def test_frames_of_any_size_are_emphasised(size: tuple[int, int]) -> None:
    residual, still = np.full((*size, 3), 0.1, np.float32), np.zeros((*size, 2), np.float32)
    factor = step_weights(residual, np.ones(size, np.float32), still, 0.9, 0.7)
    assert factor.shape == size
    np.testing.assert_allclose(factor, 0.7, rtol=1e-4)


def test_faint_places_take_longer_steps_and_strong_ones_no_shorter() -> None:
    residual = _residual()
    residual[:, 80:] *= 0.3
    factor = weakness(residual)
    usual, local = (1 + 0.3**2) / 2, 0.3**2  # squares, in those of the strong half
    assert factor[12, 37] == pytest.approx((usual / local) ** (WEAKNESS_POWER / 2), rel=0.05)
    assert factor[12, 2] == pytest.approx(1)
    assert factor.min() >= 1


def test_no_residual_at_all_gives_finite_factors() -> None:
    assert np.isfinite(weakness(np.zeros((*SIZE, 3), np.float32))).all()


def test_a_shot_stronger_than_its_first_frame_is_held_back_and_a_weaker_one_pushed() -> None:
    assert strength_gain(0.1, 0.1) == pytest.approx(HELD_STEP)
    assert strength_gain(0.13, 0.1) < HELD_STEP / 3
    assert strength_gain(0.05, 0.1) == MOST_HELD
    assert strength_gain(0.0, 0.1) == MOST_HELD
    assert strength_gain(0.3, None) == 1
