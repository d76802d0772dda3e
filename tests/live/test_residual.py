"""The dream that a live picture carries, and the changes that come late."""

import numpy as np
import pytest
from flows import CountingFlow
from live_parts import textured
from pictures import fractal_pixels

from dreamstream.config import DreamConfig
from dreamstream.frames import FloatImage, Pixels
from dreamstream.live.flow import LiveFlow
from dreamstream.live.residual import (
    BLEND_PER_LOOK,
    LiveResidual,
    ShownFrame,
    Update,
    add_residual,
    resample,
)
from dreamstream.temporal.cuts import Change
from dreamstream.temporal.flow import NoFlow

SIDE = 128
HEIGHT, WIDTH = 72, 128


def picture(shift: int = 0) -> Pixels:
    return textured(shift, HEIGHT, WIDTH)


def update(dreamed: ShownFrame, change: FloatImage | float, share: float = 1.0) -> Update:
    snapshot = dreamed.snapshot
    array = np.zeros((HEIGHT, WIDTH, 3), np.float32) + np.float32(change)
    return Update(snapshot.index, snapshot.shot, array, 1.0, share, 1, SIDE)


def carried(blend: float = 1.0) -> LiveResidual:
    return LiveResidual(DreamConfig(blend=blend, no_cuts=True), NoFlow())


def spot(column: int) -> FloatImage:
    """A bright, soft spot at a column of the middle row."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    bell = np.exp(-((rows - 36) ** 2 + (columns - column) ** 2) / (2 * 5.0**2))
    return np.asarray(0.5 * bell[..., None] * np.ones(3), np.float32)


def place_of(residual: FloatImage) -> float:
    """The column at which a residual lies."""
    weights = np.square(residual).sum(axis=(0, 2))
    scale = WIDTH / residual.shape[1]
    return float((weights * np.arange(len(weights))).sum() / weights.sum() * scale)


def test_without_a_change_the_picture_passes_as_it_is() -> None:
    frame = picture()
    assert np.array_equal(carried().advance(0, frame, SIDE, None).snapshot.pixels, frame)


def test_a_change_shows_in_the_frame_that_takes_it_in() -> None:
    dream = carried()
    first = dream.advance(0, picture(), SIDE, None)
    second = dream.advance(1, picture(), SIDE, update(first, 0.1))
    assert second.steps == 1
    assert np.allclose(second.snapshot.residual, 0.1, atol=1e-5)
    brighter = second.snapshot.pixels.astype(int) - picture()
    assert np.median(brighter) == round(0.1 * 127.5)


def test_a_dream_stays_where_no_change_comes() -> None:
    dream = carried(blend=0.5)
    first = dream.advance(0, picture(), SIDE, None)
    dream.advance(1, picture(), SIDE, update(first, 0.1))
    for index in range(2, 30):
        last = dream.advance(index, picture(), SIDE, None)
    assert np.allclose(last.snapshot.residual, 0.1, atol=1e-4)
    assert last.steps == 0


def test_a_dream_decays_by_each_change_that_it_takes_in() -> None:
    dream = carried(blend=0.5)
    first = dream.advance(0, picture(), SIDE, None)
    second = dream.advance(1, picture(), SIDE, update(first, 0.1))
    third = dream.advance(2, picture(), SIDE, update(second, 0.0))
    assert float(third.snapshot.residual.mean()) == pytest.approx(0.1 * 0.5**BLEND_PER_LOOK)


def test_a_late_change_follows_what_has_moved_meanwhile() -> None:
    dream = LiveResidual(DreamConfig(no_cuts=True))
    first = dream.advance(0, picture(), SIDE, None)
    for index in range(1, 5):
        dream.advance(index, picture(2 * index), SIDE, None)
    last = dream.advance(5, picture(10), SIDE, update(first, spot(80)))
    assert place_of(last.snapshot.residual) == pytest.approx(70, abs=1)


def test_a_carried_dream_follows_the_picture() -> None:
    dream = LiveResidual(DreamConfig(no_cuts=True))
    first = dream.advance(0, picture(), SIDE, None)
    dream.advance(1, picture(), SIDE, update(first, spot(80)))
    for index in range(2, 7):
        last = dream.advance(index, picture(2 * (index - 1)), SIDE, None)
    assert place_of(last.snapshot.residual) == pytest.approx(70, abs=1)


def test_a_cut_leaves_the_old_dream_behind_and_all_changes_to_it() -> None:
    dream = LiveResidual(DreamConfig())
    first = dream.advance(0, picture(), SIDE, None)
    second = dream.advance(1, picture(), SIDE, update(first, 0.2))
    other = np.asarray(255 - picture()[:, ::-1], np.uint8)
    other[..., 0] = 250
    cut = dream.advance(2, np.ascontiguousarray(other), SIDE, update(second, 0.2))
    assert cut.change is Change.CUT
    assert cut.steps == 0
    assert not cut.snapshot.residual.any()


def test_a_change_to_a_frame_long_gone_is_left_out() -> None:
    dream = carried()
    first = dream.advance(0, picture(), SIDE, None)
    for index in range(1, 60):
        dream.advance(index, picture(), SIDE, None)
    assert dream.advance(60, picture(), SIDE, update(first, 0.2)).steps == 0


def test_a_share_scales_the_dream_back() -> None:
    dream = carried()
    first = dream.advance(0, picture(), SIDE, None)
    second = dream.advance(1, picture(), SIDE, update(first, 0.2))
    third = dream.advance(2, picture(), SIDE, update(second, 0.0, share=0.5))
    assert np.allclose(third.snapshot.residual, 0.1, atol=0.01)


def test_another_dream_size_hardly_shows() -> None:
    dream = carried()
    frame = textured(0, 360, 640)
    first = dream.advance(0, frame, 192, None)
    change = resample(spot(60), (108, 192))
    grown = Update(0, first.snapshot.shot, change, 1.0, 1.0, 1, 192)
    before = dream.advance(1, frame, 192, grown).snapshot
    after = dream.advance(2, frame, 640, None).snapshot
    assert before.residual.shape != after.residual.shape
    difference = before.pixels.astype(int) - after.pixels
    assert np.abs(difference).max() <= 2


def test_a_frame_of_another_shape_begins_anew() -> None:
    dream = carried()
    first = dream.advance(0, picture(), SIDE, None)
    wide = dream.advance(1, textured(0, 72, 192), SIDE, update(first, 0.2))
    assert (wide.steps, wide.confidence) == (0, None)


def test_the_dream_is_as_crisp_as_the_frame_at_any_dream_size() -> None:
    frame = textured(0, 360, 640)
    dreamed = add_residual(frame, np.full((20, 36, 3), 0.1, np.float32))
    inside = (frame > 20) & (frame < 235)
    assert np.array_equal(dreamed[inside], (frame.astype(int) + 13)[inside])


def test_the_way_back_is_looked_at_only_where_a_cut_is_suspected() -> None:
    flow = CountingFlow(NoFlow())
    dream = LiveResidual(DreamConfig(), flow)
    for index in range(4):
        dream.advance(index, picture(index), SIDE, None)
    assert flow.asked == 3
    other = 255 - np.roll(fractal_pixels(HEIGHT, WIDTH, seed=9), 1, axis=2)
    assert dream.advance(4, other, SIDE, None).change is Change.CUT
    assert flow.asked == 5


def test_the_flow_points_from_a_frame_to_the_one_before() -> None:
    backward = LiveFlow().backward(picture(3), picture(0))
    assert np.median(backward[..., 0]) == pytest.approx(3, abs=0.1)
    assert np.median(backward[..., 1]) == pytest.approx(0, abs=0.1)


# --- strength --------------------------------------------------------------------------------


def test_a_live_strength_fades_what_is_shown_and_not_what_is_carried() -> None:
    dream, plain = carried(), picture()
    first = dream.advance(0, plain, SIDE, None, 0.0)
    second = dream.advance(1, plain, SIDE, update(first, 0.1), 0.0)
    np.testing.assert_array_equal(second.pixels, plain)
    half = dream.advance(2, plain, SIDE, None, 0.5)
    whole = dream.advance(3, plain, SIDE, None, 1.0)
    assert np.array_equal(whole.pixels, whole.snapshot.pixels)
    brighter = whole.pixels.astype(int) - plain
    assert np.abs(half.pixels.astype(int) - plain - brighter / 2).max() <= 1
    assert brighter.mean() > 8


def test_a_live_strength_over_1_shows_at_once_both_ways() -> None:
    dream = carried()
    first = dream.advance(0, picture(), SIDE, None)
    one = dream.advance(1, picture(), SIDE, update(first, 0.1)).snapshot.residual
    two = dream.advance(2, picture(), SIDE, None, 2.0).snapshot.residual
    np.testing.assert_allclose(two, 2 * one, rtol=1e-5)
    back = dream.advance(3, picture(), SIDE, None, 1.0).snapshot.residual
    np.testing.assert_allclose(back, one, rtol=1e-5)
