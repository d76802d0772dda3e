"""What leaves under a ceiling, on losses that are known."""

import numpy as np
import pytest

from dreamstream.dream.loss_limiter import CLOSE, UNMEASURED_UP_TO, LossLimiter
from dreamstream.frames import FloatImage, to_model_range, to_pixels

FULL = to_model_range(np.full((24, 32, 3), 128, np.uint8))
# not all alike, so that rounding evens out
RESIDUAL = np.random.default_rng(0).uniform(0.3, 0.5, (24, 32, 3)).astype(np.float32)


def strength(picture: FloatImage) -> float:
    """Return the picture's distance from the source's mean, a loss that rises with the residual."""
    return abs(float(picture.mean() - FULL.mean()))


def test_below_the_ceiling_all_of_a_residual_leaves() -> None:
    composed = LossLimiter(1.0, strength).compose(FULL, RESIDUAL)
    np.testing.assert_array_equal(composed.pixels, to_pixels(FULL + RESIDUAL))
    assert composed.residual is RESIDUAL
    assert composed.source_loss is None


def test_the_loss_told_is_that_of_the_pixels_that_leave() -> None:
    composed = LossLimiter(np.inf, strength).compose(FULL, RESIDUAL)
    assert composed.loss == pytest.approx(strength(to_model_range(composed.pixels)))


@pytest.mark.parametrize("power", [1, 4, 12])
@pytest.mark.parametrize("over", [1.001, 1.3, 5.0])
def test_over_the_ceiling_a_part_leaves_that_comes_close_to_it(power: int, over: float) -> None:
    def measure(picture: FloatImage) -> float:
        return 0.01 + (strength(picture) / 0.4) ** power

    ceiling = measure(FULL + RESIDUAL) / over
    composed = LossLimiter(ceiling, measure).compose(FULL, RESIDUAL)
    assert composed.loss is not None
    assert (CLOSE - 0.04) * ceiling <= composed.loss <= ceiling
    assert 0 < composed.residual.mean() < RESIDUAL.mean()


def test_a_source_over_the_ceiling_passes_as_it_is() -> None:
    composed = LossLimiter(1.0, lambda picture: 2.0 + strength(picture)).compose(FULL, RESIDUAL)
    np.testing.assert_array_equal(composed.pixels, to_pixels(FULL))
    assert not composed.residual.any()
    assert composed.source_loss == composed.loss


def test_a_loss_that_jumps_never_leaves_over_the_ceiling() -> None:
    def cliff(picture: FloatImage) -> float:
        return 0.5 if strength(picture) < 0.05 else 2.0

    composed = LossLimiter(1.0, cliff).compose(FULL, RESIDUAL)
    assert composed.loss == 0.5


@pytest.mark.parametrize("ceiling", [1.0, np.inf])
def test_what_is_predicted_to_stay_far_below_the_ceiling_is_not_measured(
    ceiling: float,
) -> None:
    asked: list[FloatImage] = []

    def measure(picture: FloatImage) -> float:
        asked.append(picture)
        return strength(picture)

    limiter = LossLimiter(ceiling, measure)
    sure = limiter.compose(FULL, RESIDUAL, predicted_loss=UNMEASURED_UP_TO)
    assert not asked
    assert sure.loss is None
    unsure = limiter.compose(FULL, RESIDUAL)
    assert len(asked) == 1
    np.testing.assert_array_equal(sure.pixels, unsure.pixels)
    np.testing.assert_array_equal(sure.residual, unsure.residual)


@pytest.mark.parametrize("predicted_loss", [0.11, np.nan, None])
def test_what_is_predicted_to_come_near_the_ceiling_is_measured(
    predicted_loss: float | None,
) -> None:
    composed = LossLimiter(0.2, strength).compose(FULL, RESIDUAL, predicted_loss)
    assert composed.loss is not None
    assert composed.loss <= 0.2


def test_without_a_ceiling_only_what_is_asked_for_is_measured() -> None:
    limiter = LossLimiter(np.inf, strength)
    assert limiter.compose(FULL, RESIDUAL, np.nan).loss is None
    assert limiter.compose(FULL, RESIDUAL).loss is not None
