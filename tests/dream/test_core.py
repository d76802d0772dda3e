"""The dream core: one call for all octaves and steps, one trace for all numbers."""

from typing import Any

import numpy as np
import pytest
from networks import small_extractor
from pictures import fractal_pixels

from dreamstream.config import DreamConfig
from dreamstream.dream.ascent import Ascent, StepPlan
from dreamstream.dream.core import DreamCore, Headroom, Schedule
from dreamstream.dream.dreamer import Dreamer
from dreamstream.dream.parameters import StepParams, step_params
from dreamstream.frames import FloatImage, Pixels, to_model_range, to_pixels

FRAME = fractal_pixels(72, 96, seed=4)
IMAGE = to_model_range(FRAME)
EVEN = np.ones((72, 96), np.float32)
SIZES = [(36, 48), (51, 68), (72, 96)]
LAYERS = {"shallow": 0.5, "deep": 1.0}


def make_config(**settings: Any) -> DreamConfig:
    return DreamConfig(**{"layers": LAYERS, "max_loss": None, **settings})


def make_core(config: DreamConfig) -> DreamCore:
    return DreamCore(config, small_extractor(layers=("shallow", "deep")))


def test_smaller_octaves_have_a_headroom_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[float] = []
    climb = Ascent.climb

    def recorded(
        self: Ascent, image: FloatImage, weights: FloatImage, params: StepParams, plan: StepPlan
    ) -> Any:
        told.append(plan.headroom)
        return climb(self, image, weights, params, plan)

    monkeypatch.setattr(Ascent, "climb", recorded)
    config = make_config()
    schedule = Schedule(SIZES, 1, Headroom(smaller=1.5, last=1.1))
    make_core(config).run(IMAGE, EVEN, step_params(config), schedule)
    assert told == [1.5, 1.5, 1.1]


def test_without_steps_a_picture_stays_as_it_is_bit_by_bit() -> None:
    config = make_config()
    octaves = make_core(config).run(IMAGE, EVEN, step_params(config), Schedule(SIZES, 0))
    np.testing.assert_array_equal(octaves[-1].image, IMAGE)


def test_parts_of_an_ascent_see_the_shifts_and_the_blur_of_the_whole() -> None:
    config = make_config(jitter=8)
    core, params, size = make_core(config), step_params(config), [(72, 96)]
    whole = core.run(IMAGE, EVEN, params, Schedule(size, 3))[-1].image
    image = IMAGE
    for step in range(3):
        image = core.run(image, EVEN, params, Schedule(size, 1, first_step=step, of_steps=3))[
            0
        ].image
    np.testing.assert_allclose(image, whole, atol=1e-5)


VALUES: dict[str, Any] = {
    "step_size": lambda number: 0.004 + 0.001 * (number % 7),
    "smoothing": lambda number: (0.0, 0.4, 1.2, 3.0)[number % 4],
    "chroma": lambda number: (1.0, 0.0, 0.35)[number % 3],
    "evenness": lambda number: (0.0, 0.5, 1.0)[number % 3],
    "max_loss": lambda number: (None, 5.0, 2.0)[number % 3],
    "layers": lambda number: {"shallow": 0.1 + number / 30, "deep": 1.0 - number / 40},
    "blend": lambda number: (0.97, 0.0, 0.5)[number % 3],
    "steps": lambda number: 1 + number % 2,
    "octaves": lambda number: 1 + number % 3,
}
"""Every number of a step, and of a frame, as it is in one frame after another."""


def test_all_numbers_change_in_every_frame_and_nothing_is_traced_again() -> None:
    config = make_config(octaves=2, first_steps=2, dream_size=None)
    dreamer = Dreamer(config, small_extractor(layers=("shallow", "deep")), measure_losses=True)
    dreams: list[Pixels] = []
    for number in range(30):
        dreamer.change(**{name: value(number) for name, value in VALUES.items()})
        dreams.append(dreamer.dream(np.roll(FRAME, number, axis=1)))
    assert dreamer.traces == 1
    assert all(np.any(dream != np.roll(FRAME, i, axis=1)) for i, dream in enumerate(dreams))


@pytest.mark.parametrize("name", ["step_size", "smoothing", "chroma", "evenness", "layers"])
def test_each_number_of_a_step_changes_what_it_does(name: str) -> None:
    config = make_config()
    core = make_core(config)

    def dreamed(value: Any) -> FloatImage:
        params = step_params(make_config(**{name: value}))
        return core.run(IMAGE, EVEN, params, Schedule([(72, 96)], 1))[-1].image

    values = VALUES[name](1), VALUES[name](2)
    assert np.abs(dreamed(values[0]) - dreamed(values[1])).max() > 1e-4


def test_a_changed_dreamer_dreams_like_one_that_was_made_so() -> None:
    before, after = make_config(dream_size=None), make_config(dream_size=None, chroma=1.0, steps=3)
    extractor = small_extractor(layers=("shallow", "deep"))
    changed, made = Dreamer(before, extractor), Dreamer(after, extractor)
    changed.change(chroma=1.0, steps=3)
    np.testing.assert_array_equal(changed.dream(FRAME), made.dream(FRAME))
    np.testing.assert_array_equal(changed.dream(FRAME), made.dream(FRAME))


def test_a_value_that_is_given_counts_even_where_it_is_the_presets() -> None:
    dreamer = Dreamer(make_config(), small_extractor(layers=("shallow", "deep")))
    dreamer.change(preset="tapestry", octaves=4, layers=LAYERS)
    assert (dreamer.config.preset, dreamer.config.octaves) == ("tapestry", 4)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"jitter": 3}, "jitter"),
        ({"layers": {"deep": 1.0}}, "layers"),
        ({"model": "vgg16"}, "model"),
        ({"chroma": 7}, "chroma"),
    ],
)
def test_what_a_dreamer_keeps_for_its_life_is_refused(settings: Any, field: str) -> None:
    dreamer = Dreamer(make_config(), small_extractor(layers=("shallow", "deep")))
    with pytest.raises(ValueError, match=f"^{field}: "):
        dreamer.change(**settings)
    assert dreamer.config == make_config()


def test_a_policy_needs_the_core_alone() -> None:
    """One made up here: it dreams the left half twice as far, and each frame from the last."""
    config = make_config(jitter=0)
    core, params = make_core(config), step_params(config)
    weights = EVEN.copy()
    weights[:, :48] = 2
    image = IMAGE
    losses = [core.measure(image, params)]
    for number in range(3):
        schedule = Schedule(core.dreamable_sizes((72, 96), 2, 1.4), 2, jitter_index=number)
        image = np.clip(core.run(image, weights, params, schedule)[-1].image, -1, 1)
        losses.append(core.measure(image, params))
    assert losses == sorted(losses)
    change = np.abs(to_pixels(image).astype(int) - FRAME).mean(axis=(0, 2))
    assert change[:48].mean() > 1.3 * change[48:].mean()
