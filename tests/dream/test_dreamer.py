"""What a Dreamer does to frames, and what it remembers between them."""

import dataclasses
import logging
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flows import CountingFlow
from networks import SMALL_LOOK, small_extractor
from pictures import fractal_pixels

from dreamstream.config import DreamConfig
from dreamstream.dream.core import DreamCore, Schedule
from dreamstream.dream.dreamer import Dreamer
from dreamstream.dream.extra_steps import MORE
from dreamstream.dream.loss_controller import DEAD_BAND, LossController
from dreamstream.dream.octave_turns import LONGEST_ROUND, SHIFTS_IN_TURN
from dreamstream.dream.resampling import shrink
from dreamstream.frames import FloatImage, Pixels, to_model_range, to_pixels
from dreamstream.temporal.flow import SHARP, FlowEstimator, estimate_confidence, warp
from dreamstream.temporal.residual_warp import STILL as STILL_MOTION

SCENE = fractal_pixels(72, 160, seed=4)
FRAME = np.ascontiguousarray(SCENE[:, :96])
QUICK: dict[str, Any] = {
    "layers": {"deep": 1.0},
    "octaves": 2,
    "first_steps": 4,
    "steps": 1,
    "dream_size": None,
    **SMALL_LOOK,
}


def make_dreamer(extractor: Any = None, *, measures: bool = True, **settings: Any) -> Dreamer:
    config = DreamConfig(**{**QUICK, "max_loss": None, **settings})
    return Dreamer(config, extractor or small_extractor(), measure_losses=measures)


def _pan(count: int, step: int = 2) -> list[Pixels]:
    return [np.ascontiguousarray(SCENE[:, step * i : step * i + 96]) for i in range(count)]


def _loss_of_emitted(dreamer: Dreamer, dream: Pixels, size: tuple[int, int]) -> float:
    """Measure a dream as its reader would: the uint8 frame, by area at dream size, unshifted."""
    return float(dreamer._measure(shrink(to_model_range(dream), size)))


def test_zero_steps_from_cold_give_back_the_frame() -> None:
    dreamer = make_dreamer(first_steps=0)
    np.testing.assert_array_equal(dreamer.dream(FRAME), FRAME)


@pytest.mark.parametrize("dream_size", [None, 48])
def test_zero_steps_from_cold_give_back_the_frame_at_any_dream_size(dream_size: int | None) -> None:
    dreamer = make_dreamer(first_steps=0, dream_size=dream_size)
    np.testing.assert_array_equal(dreamer.dream(FRAME), FRAME)


def test_zero_steps_from_warm_give_exactly_frame_plus_warped_residual() -> None:
    dreamer = make_dreamer(steps=0, blend=0.8, octaves=3)
    first, second = _pan(2)
    dreamer.dream(first)
    residual = dreamer._warper.residual
    assert residual is not None
    now = to_model_range(second)
    backward = FlowEstimator().backward(second, first)
    confidence = estimate_confidence(backward, second, first)
    moves = np.square(backward).sum(axis=-1, keepdims=True) > STILL_MOTION**2
    warped = warp(residual, np.where(moves, backward, np.float32(0)), SHARP)
    carried = np.float32(0.8) * confidence[..., None] * warped
    np.testing.assert_array_equal(dreamer.dream(second), to_pixels(now + carried))
    assert np.abs(carried).mean() > 0.005


def test_a_dream_raises_the_loss_of_its_frame() -> None:
    dreamer = make_dreamer()
    dream = dreamer.dream(FRAME)
    report = dreamer.report
    assert report.loss is not None
    assert report.source_loss is not None
    assert report.loss > 1.2 * report.source_loss
    assert report.loss == pytest.approx(_loss_of_emitted(dreamer, dream, (72, 96)), rel=1e-5)
    assert report.residual_rms > 1


def test_the_first_frame_is_cold_and_the_next_one_warm() -> None:
    dreamer = make_dreamer()
    reports = []
    for frame in _pan(2):
        dreamer.dream(frame)
        reports.append(dreamer.report)
    assert [report.warm for report in reports] == [False, True]
    assert [report.steps for report in reports] == [(4, 4), (1, 1)]
    assert reports[0].confidence is None
    assert reports[1].confidence == pytest.approx(1, abs=0.2)


def test_without_blend_every_frame_is_dreamed_cold_with_first_steps() -> None:
    dreamer = make_dreamer(blend=0)
    dreams = [dreamer.dream(frame) for frame in (FRAME, FRAME)]
    assert dreamer.report.steps == (4, 4)
    assert not dreamer.report.warm
    np.testing.assert_array_equal(dreams[0], dreams[1])


def test_the_dream_sticks_to_what_moves() -> None:
    first, second = _pan(2, step=4)
    inner = np.s_[8:-8, 8:-12]

    def unsteadiness(**settings: Any) -> float:
        """Return the change of the residual along the scene's motion, over its energy."""
        dreamer = make_dreamer(jitter=4, **settings)
        residuals: list[FloatImage] = []
        for frame in (first, second):
            residuals.append(to_model_range(dreamer.dream(frame)) - to_model_range(frame))
        along = np.roll(residuals[0], -4, axis=1)
        change = np.square(residuals[1] - along)[inner].mean()
        return float(change / np.square(residuals[1])[inner].mean())

    assert unsteadiness(blend=1.0) < 0.5 * unsteadiness(blend=0.0)


def test_a_cut_is_dreamed_cold_and_carries_nothing() -> None:
    other = 255 - np.roll(fractal_pixels(72, 96, seed=11), 1, axis=2)
    dreamer = make_dreamer()
    for frame in [FRAME, FRAME, FRAME]:
        dreamer.dream(frame)
    dream = dreamer.dream(other)
    assert dreamer.report.cut
    assert dreamer.report.steps == (4, 4)
    np.testing.assert_array_equal(dream, make_dreamer().dream(other))


def test_a_flash_keeps_the_dream_and_takes_no_step() -> None:
    bright = np.clip(FRAME.astype(int) + 90, 0, 255).astype(np.uint8)
    dreamer = make_dreamer()
    dreamer.dream(FRAME)
    residual = dreamer._warper.residual
    assert residual is not None
    dream = dreamer.dream(bright)
    assert dreamer.report.flash
    assert dreamer.report.steps == (0, 0)
    np.testing.assert_array_equal(dream, to_pixels(to_model_range(bright) + residual))
    dreamer.dream(FRAME)
    assert dreamer.report.warm
    assert not dreamer.report.flash


def test_reset_makes_the_next_frame_cold() -> None:
    dreamer = make_dreamer()
    first = dreamer.dream(FRAME)
    dreamer.dream(FRAME)
    dreamer.reset()
    np.testing.assert_array_equal(dreamer.dream(FRAME), first)


def test_a_change_of_size_is_a_cold_start() -> None:
    dreamer = make_dreamer()
    dreamer.dream(FRAME)
    assert dreamer.dream(FRAME[:50]).shape == (50, 96, 3)
    assert not dreamer.report.warm


@pytest.mark.parametrize("dream_size", [None, 60])
@pytest.mark.parametrize("share", [1.0001, 1.05, 1.5])
def test_no_frame_leaves_above_the_ceiling(share: float, dream_size: int | None) -> None:
    source = make_dreamer(dream_size=dream_size)
    source.dream(FRAME)
    assert source.report.source_loss is not None
    ceiling = share * source.report.source_loss
    dreamer = make_dreamer(max_loss=ceiling, step_size=0.05, dream_size=dream_size)
    size = (45, 60) if dream_size else (72, 96)
    for frame in _pan(6):
        emitted = _loss_of_emitted(dreamer, dreamer.dream(frame), size)
        assert dreamer.report.source_loss is not None
        assert emitted <= max(1.01 * ceiling, 1.0001 * dreamer.report.source_loss)


def test_with_room_below_it_the_ceiling_is_approached() -> None:
    free = make_dreamer()
    free.dream(FRAME)
    assert free.report.loss is not None
    dreamer = make_dreamer(max_loss=0.7 * free.report.loss)
    for _ in range(4):
        dreamer.dream(FRAME)
    assert dreamer.report.loss is not None
    assert 0.85 < dreamer.report.loss / (0.7 * free.report.loss) <= 1.0


@pytest.mark.parametrize("octaves", [1, 2, 3, 4])
def test_smaller_octaves_take_turns_and_all_of_them_see_every_shift(
    monkeypatch: pytest.MonkeyPatch, octaves: int
) -> None:
    dreamer = make_dreamer(octaves=octaves)
    shifts: list[int] = []
    _record_shifts(monkeypatch, shifts)
    dreamer.dream(FRAME)
    count = len(dreamer.report.steps)
    assert dreamer.report.steps == (4,) * count
    seen: list[set[int]] = [set() for _ in range(count)]
    for _ in range(SHIFTS_IN_TURN * count):
        dreamer.dream(FRAME)
        steps = dreamer.report.steps
        assert sum(steps[:-1]) == min(count - 1, 1)
        assert steps[-1] == 1
        for octave in np.flatnonzero(steps):
            seen[octave].add(shifts[-1])
    assert seen == [set(range(SHIFTS_IN_TURN))] * count


def test_of_many_octaves_more_than_one_has_its_turn_and_the_report_tells_which() -> None:
    dreamer = make_dreamer(octaves=8, octave_scale=1.002)  # three sizes for eight octaves
    dreamer.dream(FRAME)
    seen = np.zeros(8, int)
    for _ in range(LONGEST_ROUND):
        dreamer.dream(FRAME)
        assert sum(dreamer.report.steps) == 1 + len(dreamer.octave_images[:-1])
        seen += dreamer.report.steps
    assert list(seen) == [1] * 7 + [LONGEST_ROUND]


def test_where_much_is_new_every_octave_is_dreamed() -> None:
    dreamer = make_dreamer(octaves=3, no_cuts=True)
    dreamer.dream(FRAME)
    dreamer.dream(255 - np.roll(fractal_pixels(72, 96, seed=11), 1, axis=2))
    assert dreamer.report.confidence is not None
    assert dreamer.report.confidence < 0.7
    assert dreamer.report.steps == (1, 1, 1 + MORE)


@pytest.mark.parametrize("share", [1.0, 1.2, 8.0])
@pytest.mark.parametrize("dream_size", [None, 60])
def test_losses_that_nobody_asks_for_are_measured_only_near_the_ceiling(
    share: float, dream_size: int | None
) -> None:
    """And the dream is the same whether they are or not."""
    frames = _pan(4)
    frames += [np.clip(frames[-1].astype(int) + 60, 0, 255).astype(np.uint8), frames[-1]]  # a flash
    frames += [frame[::-1, ::-1].copy() for frame in frames[:3]]  # and a cut
    free = make_dreamer(dream_size=dream_size)
    for frame in frames:
        free.dream(frame)
    assert free.report.loss is not None
    ceiling = share * free.report.loss
    asked, unasked = (
        make_dreamer(max_loss=ceiling, dream_size=dream_size, measures=each)
        for each in (True, False)
    )
    for frame in frames:
        np.testing.assert_array_equal(unasked.dream(frame), asked.dream(frame))
        usual = unasked.report.warm and not unasked.report.flash
        if share < 2 or not usual:
            assert unasked.report.loss == asked.report.loss
        else:
            assert unasked.report.loss is None


@pytest.mark.parametrize(
    "settings", [{"step_size": 0.1}, {"layers": {"deep": 1.0, "shallow": -0.1}}]
)
def test_losses_of_which_a_step_tells_little_are_measured(settings: dict[str, Any]) -> None:
    extractor = small_extractor(layers=tuple(settings.get("layers", ["deep"])))
    dreamer = make_dreamer(extractor, max_loss=1e6, measures=False, **settings)
    for frame in _pan(3):
        dream = dreamer.dream(frame)
        expected = _loss_of_emitted(dreamer, dream, (72, 96))
        assert dreamer.report.loss == pytest.approx(expected, rel=1e-5)


def test_the_way_back_is_looked_at_only_where_a_cut_is_suspected() -> None:
    flow = CountingFlow(FlowEstimator())
    dreamer = Dreamer(DreamConfig(**{**QUICK, "first_steps": 0}), small_extractor(), flow=flow)
    for _ in range(4):
        dreamer.dream(FRAME)
    assert flow.asked == 3
    dreamer.dream(255 - np.roll(fractal_pixels(72, 96, seed=11), 1, axis=2))
    assert dreamer.report.cut
    assert flow.asked == 5


def test_a_frame_that_leaves_short_of_its_ceiling_climbs_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ceiling = _ceiling_for(0.7)
    shares = []
    for mends in (False, True):
        dreamer = make_dreamer(max_loss=ceiling)
        measure = dreamer._measure
        with monkeypatch.context() as patch:  # as if rounding cost so much of it
            patch.setattr(dreamer._limiter, "_measure", lambda image: 0.75 * measure(image))  # noqa: B023
            if not mends:
                patch.setattr(LossController, "headroom_to_mend", lambda *_: None)
            dreamer.dream(FRAME)
        assert dreamer.report.loss is not None
        shares.append(dreamer.report.loss / ceiling)
    assert shares[0] < 0.87
    assert 0.9 <= shares[1] <= 1


def test_a_cold_frame_of_no_steps_climbs_nowhere_even_near_its_ceiling() -> None:
    source = make_dreamer(first_steps=0)
    source.dream(FRAME)
    assert source.report.loss is not None
    dreamer = make_dreamer(first_steps=0, max_loss=1.2 * source.report.loss)
    dreamer.dream(FRAME)
    assert dreamer.report.steps == (0, 0)
    assert dreamer.report.residual_rms == 0


def test_a_source_above_the_ceiling_passes_and_the_report_says_so() -> None:
    dreamer = make_dreamer(max_loss=1e-6)
    np.testing.assert_array_equal(dreamer.dream(FRAME), FRAME)
    assert dreamer.report.source_loss is not None
    assert dreamer.report.source_loss > 1e-6
    assert dreamer.report.loss == dreamer.report.source_loss
    assert dreamer.report.residual_rms == 0


def test_octaves_too_small_to_dream_are_dropped_and_reported() -> None:
    dreamer = make_dreamer(octaves=8)
    dreamer.dream(FRAME)
    assert len(dreamer.report.steps) == 8 - dreamer.report.dropped_octaves
    smallest = dreamer.octave_images[0].shape
    assert min(smallest[:2]) // 4 >= 4
    assert dreamer.report.dropped_octaves == 8 - len(dreamer.octave_images) > 0


@pytest.mark.parametrize("size", [(3, 3), (12, 16), (5, 80), (90, 4)])
def test_frames_too_small_for_the_network_are_enlarged_for_it(size: tuple[int, int]) -> None:
    dreamer, pixels = make_dreamer(), fractal_pixels(*size)
    dream = dreamer.dream(pixels)
    assert dream.shape == pixels.shape
    assert np.any(dream != pixels)
    assert sum(dreamer.report.steps) > 0


def test_a_small_frame_without_steps_stays_as_it_is() -> None:
    dreamer, pixels = make_dreamer(first_steps=0), fractal_pixels(9, 12)
    np.testing.assert_array_equal(dreamer.dream(pixels), pixels)


def test_frames_too_small_at_the_wanted_dream_size_pass_with_one_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    dreamer, pixels = make_dreamer(dream_size=4), fractal_pixels(30, 40)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            np.testing.assert_array_equal(dreamer.dream(pixels), pixels)
    assert len(caplog.records) == 1
    assert dreamer.report.loss is None
    assert dreamer.report.steps == ()


def test_a_large_frame_keeps_its_own_detail_at_a_small_dream_size() -> None:
    fine = FRAME.copy()
    fine[::2] = np.clip(fine[::2].astype(int) + 20, 0, 255)
    dreamer = make_dreamer(dream_size=48)
    residual = dreamer.dream(fine).astype(int) - fine
    rows = np.abs(np.diff(residual, axis=0)).mean()
    assert 0 < rows < 4
    assert dreamer.octave_images[-1].shape == (36, 48, 3)


def test_an_uncalibrated_model_is_calibrated_on_the_first_frame_alone() -> None:
    dreamer = make_dreamer(small_extractor({}), first_steps=0)
    dreamer.dream(FRAME)
    assert dreamer.report.source_loss == pytest.approx(1, rel=1e-3)
    dreamer.dream(fractal_pixels(72, 96, seed=20) // 2)
    assert dreamer.report.source_loss != pytest.approx(1, rel=1e-2)


def test_the_same_frames_and_seed_give_the_same_dreams() -> None:
    runs = [[make.dream(frame) for frame in _pan(3)] for make in (make_dreamer(), make_dreamer())]
    for first, second in zip(*runs, strict=True):
        np.testing.assert_array_equal(first, second)


def test_another_seed_gives_another_dream() -> None:
    dreams = [make_dreamer(seed=seed).dream(FRAME) for seed in (0, 1)]
    assert np.any(dreams[0] != dreams[1])


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_what_is_no_rgb_frame_is_refused(pixels: Any) -> None:
    with pytest.raises(ValueError, match=r"\(H, W, 3\) uint8 RGB"):
        make_dreamer().dream(pixels)


def test_the_source_loss_is_measured_only_where_asked_or_needed() -> None:
    config = DreamConfig(**QUICK, max_loss=None)
    dreamer = Dreamer(config, small_extractor())
    dreamer.dream(FRAME)
    assert dreamer.report.source_loss is None
    over = Dreamer(dataclasses.replace(config, max_loss=1e-6), small_extractor())
    over.dream(FRAME)
    assert over.report.source_loss is not None


def test_a_flat_first_frame_does_not_set_the_units_of_the_stream() -> None:
    title = np.full_like(FRAME, 30)
    dreamer = make_dreamer(small_extractor({}), first_steps=0, steps=0)
    for frame in (title, FRAME, fractal_pixels(72, 96, seed=20) // 2):
        dreamer.dream(frame)
        if frame is FRAME:
            assert dreamer.report.source_loss == pytest.approx(1, rel=1e-3)
    assert dreamer.report.source_loss != pytest.approx(1, rel=1e-2)


def test_reset_lets_the_next_stream_set_its_own_units() -> None:
    dreamer = make_dreamer(small_extractor({}), first_steps=0)
    dreamer.dream(FRAME)
    dreamer.reset()
    dreamer.dream(fractal_pixels(72, 96, seed=20))
    assert dreamer.report.source_loss == pytest.approx(1, rel=1e-3)


def test_the_callers_array_may_be_used_again() -> None:
    frames = _pan(2, step=6)
    expected = [*map(make_dreamer().dream, frames)]
    dreamer, buffer, dreams = make_dreamer(), np.empty_like(FRAME), []
    for frame in frames:
        buffer[:] = frame
        dreams.append(dreamer.dream(buffer).copy())
    np.testing.assert_array_equal(dreams, expected)
    tiny = fractal_pixels(3, 3)
    assert dreamer.dream(tiny) is not tiny


def test_the_ceiling_holds_under_the_classic_octave_rule_of_other_presets() -> None:
    dreamer = make_dreamer(octave_rule="classic")
    dreamer.dream(FRAME)
    assert dreamer.report.source_loss is not None
    ceiling = 1.2 * dreamer.report.source_loss
    held = make_dreamer(octave_rule="classic", max_loss=ceiling, step_size=0.05)
    held.dream(FRAME)
    assert held.report.loss is not None
    assert held.report.loss <= ceiling


def _ceiling_for(share: float) -> float:
    """Return a ceiling at a share of the way from the frame's own loss to its free dream's."""
    free = make_dreamer()
    free.dream(FRAME)
    assert free.report.loss is not None
    assert free.report.source_loss is not None
    return free.report.source_loss + share * (free.report.loss - free.report.source_loss)


def test_at_the_ceiling_a_still_scene_is_left_alone() -> None:
    ceiling = _ceiling_for(0.7)
    dreamer = make_dreamer(max_loss=ceiling)
    dreams = [dreamer.dream(FRAME) for _ in range(8)]
    assert dreamer.report.steps == (0, 0)
    assert dreamer.report.loss is not None
    assert DEAD_BAND <= dreamer.report.loss / ceiling <= 1
    np.testing.assert_array_equal(dreams[-1], dreams[-2])


def test_at_the_ceiling_what_is_new_is_dreamed_all_the_same() -> None:
    ceiling = _ceiling_for(0.7)
    dreamer = make_dreamer(max_loss=ceiling)
    for _ in range(6):
        dreamer.dream(FRAME)
    other = FRAME.copy()
    other[:, 60:] = fractal_pixels(72, 36, seed=31)
    dreamer.dream(other)
    assert not dreamer.report.cut
    assert sum(dreamer.report.steps) > 0


def test_near_the_ceiling_a_warm_frame_takes_two_steps_and_far_from_it_one() -> None:
    near, far = make_dreamer(max_loss=_ceiling_for(1.1)), make_dreamer(max_loss=1e6)
    none = make_dreamer(max_loss=_ceiling_for(1.1), steps=0)
    for dreamer in (near, far, none):
        for frame in _pan(2):
            dreamer.dream(frame)
    assert near.report.steps[0] == 2
    assert near.report.steps[1] >= 2  # more where it leaves short of the ceiling
    assert far.report.steps == (1, 1)
    assert none.report.steps == (0, 0)


def _record_shifts(monkeypatch: pytest.MonkeyPatch, taken: list[int]) -> None:
    """Note where in the sequence of shifts each frame begins."""
    run = DreamCore.run

    def recorded(self: DreamCore, *given: Any) -> Any:
        schedule = given[-1]
        assert isinstance(schedule, Schedule)
        taken.append(schedule.jitter_index)
        return run(self, *given)

    monkeypatch.setattr(DreamCore, "run", recorded)


def _begun_shifts(monkeypatch: pytest.MonkeyPatch, dreamer: Dreamer, frames: list[Pixels]) -> Any:
    taken: list[int] = []
    with monkeypatch.context() as patch:
        _record_shifts(patch, taken)
        for frame in frames:
            dreamer.dream(frame)
    return taken


@pytest.mark.parametrize(("steps", "shifts"), [(1, [0, 0, 1, 0]), (2, [0] * 4), (3, [0] * 4)])
def test_warm_frames_take_two_shifts_in_turn(
    steps: int, shifts: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    dreamer = make_dreamer(steps=steps, first_steps=1)
    assert _begun_shifts(monkeypatch, dreamer, _pan(4)) == shifts
    dreamer.reset()
    assert _begun_shifts(monkeypatch, dreamer, _pan(2)) == shifts[:2]


def test_a_shot_keeps_the_strength_of_its_first_frame() -> None:
    dreamer = make_dreamer(blend=0.95)
    strengths = []
    for _ in range(25):
        dreamer.dream(FRAME)
        strengths.append(dreamer.report.residual_rms)
    loose = make_dreamer(blend=0.95, first_steps=2)  # too few to be a measure
    for _ in range(25):
        loose.dream(FRAME)
    assert strengths[-1] == pytest.approx(strengths[0], rel=0.3)
    assert loose.report.residual_rms > 1.3 * strengths[-1]


def test_without_cuts_looked_for_a_cut_is_warm() -> None:
    other = 255 - np.roll(fractal_pixels(72, 96, seed=11), 1, axis=2)
    dreamer = make_dreamer(no_cuts=True)
    for frame in [FRAME, FRAME, other]:
        dreamer.dream(frame)
    assert dreamer.report.warm
    assert not dreamer.report.cut


def test_without_flow_the_dream_stays_where_it_is() -> None:
    first, second = _pan(2, step=6)
    dreamer = make_dreamer(flow="off", steps=0, blend=1.0)
    dreamer.dream(first)
    residual = dreamer._warper.residual
    assert residual is not None
    confidence = estimate_confidence(np.zeros((72, 96, 2), np.float32), second, first)
    expected = to_pixels(to_model_range(second) + confidence[..., None] * residual)
    np.testing.assert_array_equal(dreamer.dream(second), expected)


# --- state -----------------------------------------------------------------------------------


@cache
def _one_of_three(which: int, scaled: bool, measures: bool) -> Dreamer:
    return make_dreamer(small_extractor(None if scaled else {}), measures=measures)


def _changed(dreamer: Dreamer, settings: dict[str, Any]) -> Dreamer:
    """Give a dreamer other settings, and let it forget all: to make another takes a second."""
    usual = DreamConfig(**{**QUICK, "max_loss": None})
    given = {name: getattr(usual, name) for name in (*QUICK, "max_loss", "blend")}
    dreamer.change(**given | settings)
    dreamer.reset()
    return dreamer


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"max_loss": 4.0},  # a ceiling that is reached, and what is remembered of it
        {"octaves": 3, "first_steps": 8, "dream_size": 64, "blend": 0.9},
        {"blend": 0.0},
    ],
)
@pytest.mark.parametrize("scales", [None, {}])
@pytest.mark.parametrize("measures", [(True, True), (False, False), (True, False)])
def test_a_dreamer_that_goes_on_from_a_saved_state_dreams_the_same(
    settings: dict[str, Any],
    scales: dict[str, float] | None,
    measures: tuple[bool, bool],
    tmp_path: Path,
) -> None:
    frames = _pan(7)
    frames[3] = np.clip(frames[2].astype(int) + 60, 0, 255).astype(np.uint8)  # a flash
    frames[5:] = [frame[::-1, ::-1].copy() for frame in frames[5:]]  # a cut
    straight, first, second = (
        _changed(_one_of_three(which, scales is None, measures[which != 1]), settings)
        for which in range(3)
    )
    wanted = [straight.dream(frame) for frame in frames]
    for pause, frame in enumerate(frames[:-1], 1):
        first.dream(frame)
        if pause == 3:
            continue
        np.savez(tmp_path / "state.npz", allow_pickle=False, **first.state())
        second.dream(FRAME[:, ::-1].copy())  # what it remembers of that is gone
        with np.load(tmp_path / "state.npz") as state:
            second.restore(state)
        for index in range(pause, len(frames)):
            np.testing.assert_array_equal(second.dream(frames[index]), wanted[index])
        assert second.report.loss == straight.report.loss


def test_a_state_stays_as_it_is_while_the_dreamer_goes_on() -> None:
    dreamer = make_dreamer()
    dreamer.dream(FRAME)
    state = dreamer.state()
    before = {name: array.copy() for name, array in state.items()}
    for frame in _pan(3)[1:]:
        dreamer.dream(frame)
    assert all(np.array_equal(state[name], before[name]) for name in before)


def test_the_state_before_the_first_frame_is_a_cold_start() -> None:
    dreamer, other = make_dreamer(), make_dreamer()
    state = dreamer.state()
    first = dreamer.dream(FRAME)
    dreamer.restore(state)
    np.testing.assert_array_equal(dreamer.dream(FRAME), first)
    np.testing.assert_array_equal(other.dream(FRAME), first)
