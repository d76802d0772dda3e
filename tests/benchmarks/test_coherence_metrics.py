"""The figures of the benchmark of coherence: each is known for some made-up dreams."""

import cv2
import numpy as np
import pytest

from benchmarks.motion import metrics
from benchmarks.motion.films import Film, render_film
from benchmarks.motion.metrics import Link
from benchmarks.motion.synthetic import SYNTHETIC
from dreamstream.frames import FloatImage
from dreamstream.temporal.flow import warp

SIZE = (96, 160)


@pytest.fixture(scope="module")
def pan() -> Film:
    return render_film(SYNTHETIC["pan_fast"](SIZE, 12))


def _noise(seed: int, blur: int = 3, size: tuple[int, int] = SIZE) -> FloatImage:
    fine = np.random.default_rng(seed).normal(0, 0.1, (*size, 3)).astype(np.float32)
    return np.asarray(cv2.blur(fine, (2 * blur + 1, 2 * blur + 1)), np.float32)


def _carried(film: Film) -> list[FloatImage]:
    """Make residuals that stick to the film, made up again where nothing could be carried."""
    given = [_noise(0)]
    for link in film.links[1:]:
        assert link is not None
        given.append(np.where(link.trusted[..., None], warp(given[-1], link.backward), _noise(1)))
    return given


def test_a_residual_that_sticks_has_no_relative_error_at_any_lag(pan: Film) -> None:
    given = _carried(pan)
    assert metrics.relative_error(given, pan.links) < 1e-6
    assert metrics.relative_error(given, metrics.compose(pan.links, 4), 4) < 0.05


def test_residuals_that_share_nothing_have_a_relative_error_of_two(pan: Film) -> None:
    given = [_noise(seed) for seed in range(len(pan.frames))]
    assert metrics.relative_error(given, pan.links) == pytest.approx(2, abs=0.2)


def test_a_flipped_flow_direction_ruins_the_relative_error(pan: Film) -> None:
    flipped = [
        link and Link(-link.backward, link.trusted, link.revealed, link.moving)
        for link in pan.links
    ]
    assert metrics.relative_error(_carried(pan), flipped) > 0.5


def test_the_relative_error_does_not_know_strength_and_the_warp_error_does(pan: Film) -> None:
    given = [_noise(seed) for seed in range(len(pan.frames))]
    double = [2 * each for each in given]
    assert metrics.relative_error(double, pan.links) == pytest.approx(
        metrics.relative_error(given, pan.links)
    )
    assert metrics.warp_error(double, pan.links) == pytest.approx(
        4 * metrics.warp_error(given, pan.links)
    )


def test_scaling_reaches_the_wanted_strength() -> None:
    assert metrics.root_mean_square(metrics.scaled([_noise(0), _noise(1)], 0.3)) == pytest.approx(
        0.3
    )


def test_half_a_dream_covers_half(pan: Film) -> None:
    independent = [_noise(seed) for seed in range(4)]
    half = [each.copy() for each in independent]
    for each in half:
        each[:, SIZE[1] // 2 :] = 0
    assert metrics.coverage(independent, independent) == 1
    assert metrics.coverage(half, independent) == pytest.approx(0.5, abs=0.1)


def test_a_mover_that_is_left_bare_is_seen() -> None:
    size = (180, 320)
    film = render_film(SYNTHETIC["sprite_still"](size, 6))
    independent = [_noise(seed, size=size) for seed in range(6)]
    bare = [each.copy() for each in independent]
    for each, link in zip(bare, film.links, strict=True):
        if link is not None:
            each[link.moving] *= 0.2
    whole = metrics.movers(independent, independent, film.links)
    found = metrics.movers(bare, independent, film.links)
    assert whole == pytest.approx(1)
    assert found is not None
    assert found < 0.6


def test_blur_costs_sharpness() -> None:
    sharp = [_noise(0, blur=1)]
    blurred = metrics.scaled([_noise(0, blur=4)], metrics.root_mean_square(sharp))
    assert metrics.sharpness(sharp, sharp) == pytest.approx(1)
    assert metrics.sharpness(blurred, sharp) < 0.5


def test_a_residual_left_behind_a_sprite_is_a_ghost() -> None:
    film = render_film(SYNTHETIC["sprite_still"](SIZE, 6))
    left, fresh = [_noise(0)], [_noise(0)]
    for index, link in enumerate(film.links[1:], 1):
        assert link is not None
        left.append(warp(left[-1], link.backward))
        fresh.append(_noise(index))
    stays, gone = metrics.ghost(left, film.links), metrics.ghost(fresh, film.links)
    assert stays == pytest.approx(1, abs=1e-3)
    assert gone is not None
    assert abs(gone) < 0.6


def test_what_the_previous_frame_hid_is_found_where_the_flow_parts() -> None:
    forward = np.zeros((*SIZE, 2), np.float32)
    forward[:, 80:, 0] = 6
    holes = metrics.revealed_by(forward)
    assert holes[48, 82:84].all()
    assert not holes[:, :78].any()
    assert not holes[:, 90:150].any()


def test_drift_is_the_change_in_a_hundred_frames() -> None:
    values = [5.0] * 30 + [10 + 0.01 * index for index in range(100)]
    assert metrics.drift(values) == pytest.approx(1 / np.mean(values[30:]), rel=1e-6)


def test_opposite_residuals_correlate_negatively() -> None:
    assert metrics.correlation(_noise(0), _noise(0)) == pytest.approx(1)
    assert metrics.correlation(_noise(0), -_noise(0)) == pytest.approx(-1)
    assert abs(metrics.correlation(_noise(0), _noise(1))) < 0.1


def test_the_flow_of_an_undreamed_film_does_not_stray(pan: Film) -> None:
    own = metrics.own_flow(pan.frames, pan.links)
    assert metrics.flow_difference(pan.frames, own) == 0
    moved = [np.roll(frame, 3 * index, axis=0) for index, frame in enumerate(pan.frames)]
    assert metrics.flow_difference(moved, own) > 0.5
