"""New ground gets a climb of its own: where, when, at what cost, and how it comes in."""

from typing import Any

import numpy as np
import pytest
from networks import SMALL_LOOK, small_extractor
from pictures import fractal_pixels

from dreamstream.config import DreamConfig
from dreamstream.dream import fresh_climb
from dreamstream.dream.core import DreamCore, Part, Schedule
from dreamstream.dream.dreamer import Dreamer
from dreamstream.dream.fresh_climb import FADE
from dreamstream.dream.new_ground import AWAKE, NewGround, window_at
from dreamstream.dream.parameters import step_params
from dreamstream.frames import Pixels, to_model_range

SIZE = (128, 192)
GROUND = fractal_pixels(*SIZE, seed=4)
SPRITE = 255 - fractal_pixels(96, 96, seed=7)
SETTINGS: dict[str, Any] = {
    "layers": {"deep": 1.0},
    "octaves": 4,
    "max_loss": None,
    "dream_size": None,
    **SMALL_LOOK,
}
STOPPED = 12
"""Frame from which the sprite stands still."""


def make_dreamer(**settings: Any) -> Dreamer:
    return Dreamer(DreamConfig(**{**SETTINGS, **settings}), small_extractor())


def _frame(number: int) -> Pixels:
    """Make a frame of a still ground, over which a sprite comes in from the right."""
    frame = GROUND.copy()
    shown = 8 * min(number, STOPPED)
    if shown:
        frame[16:112, SIZE[1] - shown :] = SPRITE[:, :shown]
    return frame


def _loss_on_sprite(dreamer: Dreamer, pixels: Pixels) -> float:
    return dreamer._core.measure(to_model_range(pixels)[16:112, -96:], dreamer._params)


def _gain_on_sprite(count: int) -> float:
    """Return the sprite's log gain once ``count`` frames are dreamed."""
    dreamer = make_dreamer()
    dreams = [dreamer.dream(_frame(number)) for number in range(count)]
    own = _loss_on_sprite(dreamer, _frame(count - 1))
    return float(np.log(_loss_on_sprite(dreamer, dreams[-1]) / own))


def test_what_comes_into_sight_is_soon_as_rich_as_dreamed_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    count = STOPPED + FADE + AWAKE
    alone = make_dreamer(blend=0.0)
    own = _loss_on_sprite(alone, _frame(count))
    wanted = float(np.log(_loss_on_sprite(alone, alone.dream(_frame(count))) / own))
    ours = _gain_on_sprite(count)
    monkeypatch.setattr(NewGround, "place", lambda self: None)
    without = _gain_on_sprite(count)
    assert ours > 0.8 * wanted
    assert ours > without


def test_a_climb_costs_steps_only_where_something_is_new() -> None:
    dreamer, taken = make_dreamer(), []
    for number in range(STOPPED + FADE + AWAKE):
        dreamer.dream(_frame(number))
        taken.append(dreamer.steps_taken)
    spent = np.diff(taken)
    climbs = spent - [sum(dreamer.report.steps)] * len(spent) > 5
    assert climbs[: STOPPED + 2].any()
    still = make_dreamer()
    still.dream(GROUND)
    for _ in range(6):
        before = still.steps_taken
        still.dream(GROUND)
        assert still.steps_taken - before == 2  # the last octave, and one that has its turn


def test_no_steps_are_no_climb() -> None:
    dreamer = make_dreamer(steps=0)
    dreamer.dream(_frame(0))
    before = dreamer.steps_taken
    for number in range(1, STOPPED):
        dreamer.dream(_frame(number))
    assert dreamer.steps_taken == before


def test_a_climb_comes_in_over_some_frames_and_goes_on_after_a_restart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fresh_climb, "RICHER", 0.0)
    dreamer = make_dreamer()
    resumed: list[Pixels] = []
    whole: list[Pixels] = []
    parts = 0
    for number in range(STOPPED + 4):
        state = {name: value.copy() for name, value in dreamer.state().items()}
        whole.append(dreamer.dream(_frame(number)))
        if "coming" not in state or parts == FADE - 1:
            continue
        parts += 1
        other = make_dreamer()
        other.restore(state)
        resumed.append(other.dream(_frame(number)))
        np.testing.assert_array_equal(resumed[-1], whole[-1])
    assert parts == FADE - 1


def test_near_the_ceiling_no_climb_is_begun_and_no_frame_passes_it() -> None:
    free = make_dreamer()
    free._measure_losses = True
    free.dream(_frame(0))
    assert free.report.loss is not None
    ceiling = 0.6 * free.report.loss
    dreamer = make_dreamer(max_loss=ceiling)
    for number in range(STOPPED):
        dreamer.dream(_frame(number))
        assert dreamer.report.loss is None or dreamer.report.loss <= ceiling
        assert "coming" not in dreamer.state()


def test_a_part_leaves_all_else_as_it_is() -> None:
    config = DreamConfig(**SETTINGS)
    core, params = DreamCore(config, small_extractor()), step_params(config)
    image, even = to_model_range(GROUND), np.ones(SIZE, np.float32)
    part = Part((0.25, 0.75), 64)
    octave = core.run(image, even, params, Schedule([SIZE], 2, part=part))[-1]
    changed = np.abs(octave.image - image).max(axis=-1) > 0
    window = window_at(part.centre, part.side, SIZE)
    assert changed[window.slices].mean() > 0.9
    changed[window.slices] = False
    assert not changed.any()
    assert core.traces == 1
