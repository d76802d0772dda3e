"""A dream that grows out of a picture and returns."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from networks import small_extractor
from pictures import fractal_pixels
from tracing import kept_bytes

from dreamstream.clips.grow import Grower, GrowthPath, grown_share
from dreamstream.config import DreamConfig
from dreamstream.dream.dreamer import Dreamer
from dreamstream.frames import Pixels

PHOTO = fractal_pixels(72, 96, seed=4)
QUICK: dict[str, Any] = {"layers": {"deep": 1.0}, "octaves": 2, "first_steps": 6}
FRAMES = 12


def make_grower(frames: int = FRAMES, **settings: Any) -> Grower:
    config = DreamConfig(**{**QUICK, "max_loss": None, **settings})
    return Grower(config, small_extractor(), frames=frames, measure_losses=True)


def unfold(grower: Grower, frames: int = FRAMES) -> tuple[list[Pixels], list[float]]:
    """Return the frames of a loop, and the strength of each."""
    dreams, strengths = [], []
    for _ in range(frames):
        dreams.append(grower.dream(PHOTO))
        strengths.append(grower.report.residual_rms)
    return dreams, strengths


def change(a: Pixels, b: Pixels) -> float:
    return float(np.sqrt(np.square(a.astype(float) - b).mean()))


@pytest.mark.parametrize("frames", [2, 7, 12])
def test_growth_begins_at_rest_is_whole_at_the_turn_and_the_same_both_ways(frames: int) -> None:
    shares = [grown_share(index, frames) for index in range(frames + 1)]
    assert shares[0] == shares[-1] == 0
    assert shares == shares[::-1]
    assert max(shares) == pytest.approx(1, abs=0.05)
    assert shares[: frames // 2 + 1] == sorted(shares[: frames // 2 + 1])


def test_growth_neither_jumps_at_the_start_nor_at_the_turn() -> None:
    ways = np.diff([grown_share(index, 100) for index in range(51)])
    assert max(ways[0], ways[-1]) < 0.05 * ways.max()
    assert np.abs(np.diff(ways)).max() < 0.1 * ways.max()


def test_equal_shares_of_a_path_are_equally_long() -> None:
    line = np.ones((4, 5, 3), np.float32)
    path = GrowthPath(0 * line)
    for place in (0.1, 0.5, 0.8):
        path.extend(np.float32(place) * line)
    for share in (0, 0.0625, 0.2, 0.75, 1):
        np.testing.assert_allclose(path.at(share), np.float32(0.8 * share) * line, rtol=1e-6)


def test_a_path_without_length_stays_where_it_is() -> None:
    start = np.full((4, 5, 3), 0.25, np.float32)
    path = GrowthPath(start)
    path.extend(start)
    np.testing.assert_array_equal(path.at(0.5), start)


def test_the_first_frame_is_the_picture_and_the_way_back_the_way_there() -> None:
    dreams, _ = unfold(make_grower())
    np.testing.assert_array_equal(dreams[0], PHOTO)
    for index in range(1, FRAMES):
        np.testing.assert_array_equal(dreams[index], dreams[FRAMES - index])


def test_a_dream_grows_at_every_frame_up_to_the_turn() -> None:
    _, strengths = unfold(make_grower())
    there = strengths[: FRAMES // 2 + 1]
    assert all(later > earlier for earlier, later in pairwise(there))
    assert there[-1] > 3


def test_the_last_frame_is_as_near_to_the_first_as_the_second_is() -> None:
    dreams, _ = unfold(make_grower())
    changes = [change(a, b) for a, b in zip(dreams, dreams[1:] + dreams[:1], strict=True)]
    assert changes[-1] == changes[0]
    assert changes[0] < max(changes) / 2


def test_the_turn_is_as_strong_as_a_still_and_raises_the_loss_as_much() -> None:
    grower = make_grower()
    for _ in range(FRAMES // 2 + 1):
        grower.dream(PHOTO)
    still = Dreamer(grower.config, small_extractor(), measure_losses=True)
    still.dream(PHOTO)
    assert grower.report.residual_rms == pytest.approx(still.report.residual_rms, rel=0.2)
    assert grower.report.loss == pytest.approx(still.report.loss, rel=0.2)


def test_growth_is_no_cross_fade() -> None:
    dreams, _ = unfold(make_grower())
    halfway = dreams[FRAMES // 4].astype(float) - PHOTO
    whole = dreams[FRAMES // 2].astype(float) - PHOTO
    alike = (halfway * whole).sum() / np.sqrt((halfway**2).sum() * (whole**2).sum())
    assert 0.3 < alike < 0.97


def test_the_steps_are_taken_once_and_as_many_as_a_still_gets() -> None:
    grower, steps = make_grower(), []
    for _ in range(FRAMES):
        grower.dream(PHOTO)
        steps.append(grower.report.steps)
    assert steps == [(0, 0), (6, 6), *[(0, 0)] * (FRAMES - 2)]


def test_no_frame_of_a_growth_leaves_above_the_ceiling() -> None:
    free = make_grower()
    unfold(free, FRAMES // 2 + 1)
    source_loss, loss = free.report.source_loss, free.report.loss
    assert source_loss is not None
    assert loss is not None
    ceiling = (source_loss + loss) / 2
    held, losses = make_grower(max_loss=ceiling), []
    for _ in range(FRAMES):
        held.dream(PHOTO)
        losses.append(held.report.loss or 0.0)
    assert max(losses) <= ceiling
    assert max(losses) > 0.9 * ceiling


def test_a_full_size_picture_gets_the_residual_of_dream_size() -> None:
    dreams, _ = unfold(make_grower(dream_size=64), FRAMES // 2 + 1)
    assert dreams[-1].shape == PHOTO.shape
    assert change(dreams[-1], PHOTO) > 2


def test_another_picture_begins_a_new_loop_after_a_reset() -> None:
    grower, other = make_grower(), fractal_pixels(72, 96, seed=9)
    unfold(grower, 3)
    grower.reset()
    np.testing.assert_array_equal(grower.dream(other), other)
    assert change(grower.dream(other), other) > 0


def test_without_steps_every_frame_is_the_picture() -> None:
    for dream in unfold(make_grower(first_steps=0))[0]:
        np.testing.assert_array_equal(dream, PHOTO)


def test_a_picture_too_small_for_the_network_is_enlarged_for_it() -> None:
    tiny = PHOTO[:8, :8].copy()
    grower = make_grower()
    dreams = [grower.dream(tiny) for _ in range(FRAMES // 2 + 1)]
    np.testing.assert_array_equal(dreams[0], tiny)
    assert {dream.shape for dream in dreams} == {tiny.shape}
    assert change(dreams[-1], tiny) > 1
    assert grower.report.loss is not None


def test_the_octaves_told_are_those_of_the_turn() -> None:
    grower = make_grower()
    dreams, _ = unfold(grower)
    whole = grower.octave_images[-1]
    turn = dreams[FRAMES // 2].astype(np.float32) / 127.5 - 1
    assert np.abs(np.clip(whole, -1, 1) - turn).max() < 0.01


def test_memory_does_not_grow_with_the_loop() -> None:
    grower = make_grower(400)
    for _ in range(3):
        grower.dream(PHOTO)
    grown = kept_bytes(lambda: grower.dream(PHOTO), 100)
    assert grown < 8 * PHOTO.nbytes  # the last report and picture, not the frames
