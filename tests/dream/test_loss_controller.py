"""How warm frames come up to the ceiling, on a loss that is known: strength to the fourth power."""

import math

import numpy as np
import pytest

from dreamstream.dream.core import Headroom
from dreamstream.dream.loss_controller import DEAD_BAND, LossController
from dreamstream.frames import FloatImage

SOURCE = np.zeros((8, 8, 3), np.float32)
MAX_LOSS = 10.0


def loss_of(picture: FloatImage) -> float:
    """Reach the ceiling at a residual of 0.5 everywhere."""
    return float(MAX_LOSS * (np.abs(picture).mean() / 0.5) ** 4)


def residual_at(share: float) -> FloatImage:
    """Make a residual whose loss is a share of the ceiling."""
    return np.full_like(SOURCE, 0.5 * share**0.25)


@pytest.fixture
def control() -> LossController:
    made = LossController(MAX_LOSS, loss_of)
    made.learn(0.9 * MAX_LOSS)
    return made


def test_far_below_the_ceiling_nothing_is_measured() -> None:
    def measure(picture: FloatImage) -> float:
        raise AssertionError("measured")

    control = LossController(MAX_LOSS, measure)
    control.learn(0.5 * MAX_LOSS)
    approach = control.approach(SOURCE, residual_at(0.4), residual_at(0.5))
    assert (approach.kept, approach.settled, approach.step) == (0.0, False, None)


def test_without_a_ceiling_nothing_is_ever_near_it() -> None:
    control = LossController(math.inf, loss_of)
    control.learn(1e30)
    assert not control.is_near(1e30)
    assert control.approach(SOURCE, SOURCE, SOURCE).step is None


@pytest.mark.parametrize("share", [DEAD_BAND + 0.001, 0.98, 1.0])
def test_in_the_dead_band_a_dream_is_settled_without_decay(
    control: LossController, share: float
) -> None:
    approach = control.approach(SOURCE, residual_at(share * 0.7), residual_at(share))
    assert approach.settled
    assert approach.kept == 1


def test_over_the_ceiling_a_dream_decays_just_into_the_dead_band(control: LossController) -> None:
    decayed, undecayed = residual_at(0.8), residual_at(1.1)
    approach = control.approach(SOURCE, decayed, undecayed)
    assert approach.settled
    left = loss_of(decayed + np.float32(approach.kept) * (undecayed - decayed)) / MAX_LOSS
    assert DEAD_BAND <= left <= 1


def test_where_all_of_the_decay_is_too_little_it_decays_in_full(control: LossController) -> None:
    approach = control.approach(SOURCE, residual_at(1.2), residual_at(1.6))
    assert not approach.settled
    assert approach.kept == 0


def test_below_the_band_a_step_grows_with_what_is_missing(control: LossController) -> None:
    steps = [
        control.approach(SOURCE, residual_at(0.5), residual_at(share)).step or 0.0
        for share in (0.9, 0.8, 0.7)
    ]
    assert 0 < steps[0] < steps[1] < steps[2]


def test_steps_that_bring_much_make_the_next_ones_shorter(control: LossController) -> None:
    def step_after(gain: float) -> float:
        control.learn(0.8 * MAX_LOSS)
        begun = control.approach(SOURCE, residual_at(0.6), residual_at(0.8)).step or 0.0
        control.learn((0.8 + gain * begun) * MAX_LOSS)
        return control.approach(SOURCE, residual_at(0.6), residual_at(0.8)).step or 0.0

    assert step_after(0.8) < step_after(0.2)


def test_frames_that_fall_short_are_given_more_headroom(control: LossController) -> None:
    before = control.approach(SOURCE, residual_at(0.6), residual_at(0.8)).headroom.last
    control.learn(0.85 * MAX_LOSS)
    after = control.approach(SOURCE, residual_at(0.6), residual_at(0.8)).headroom.last
    assert after > before


def test_a_picture_that_left_too_low_is_told_how_far_it_should_have_climbed(
    control: LossController,
) -> None:
    headroom = Headroom(last=1.0)
    assert control.headroom_to_mend(headroom, DEAD_BAND * MAX_LOSS) is None
    assert control.headroom_to_mend(headroom, None) is None
    assert control.headroom_to_mend(headroom, 0.9 * MAX_LOSS) == pytest.approx(0.975 / 0.9)
    assert (control.headroom_to_mend(headroom, 0.1 * MAX_LOSS) or 9) < 1.3


def test_what_a_frame_gained_by_climbing_on_is_not_its_steps_doing(
    control: LossController,
) -> None:
    following = []
    for first_loss in (0.82, None):
        control.reset()
        control.learn(0.8 * MAX_LOSS)
        control.approach(SOURCE, residual_at(0.7), residual_at(0.8))
        control.learn(0.97 * MAX_LOSS, first_loss and first_loss * MAX_LOSS)
        following.append(control.approach(SOURCE, residual_at(0.7), residual_at(0.85)).step or 0)
    assert following[0] > 1.2 * following[1]


def test_a_reset_forgets_what_was_learned(control: LossController) -> None:
    control.reset()
    assert control.approach(SOURCE, residual_at(0.6), residual_at(0.9)).step is None


def test_what_is_out_of_range_does_not_count(control: LossController) -> None:
    wide = np.full_like(SOURCE, 3.0)
    fits = LossController(loss_of(np.ones_like(SOURCE)), loss_of)
    fits.learn(loss_of(np.ones_like(SOURCE)))
    assert fits.approach(SOURCE, wide, wide).settled
    assert math.isfinite(control.approach(SOURCE, wide, wide).kept)


def test_a_loss_below_nothing_does_not_end_the_film() -> None:
    """Negative coefficients make the loss a difference."""
    losses = iter([1.2 * MAX_LOSS, -0.03 * MAX_LOSS])
    control = LossController(MAX_LOSS, lambda _: next(losses))
    control.learn(0.9 * MAX_LOSS)
    assert 0 <= control.approach(SOURCE, residual_at(0.1), residual_at(1.0)).kept <= 1
