"""One knob for how much of a dream a frame shows, whatever makes the frames."""

from dataclasses import fields
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from networks import small_extractor
from pictures import fractal_pixels

from dreamstream.clips.affine import AffineMotion
from dreamstream.clips.grow import Grower
from dreamstream.clips.zoom import Zoomer
from dreamstream.config import DreamConfig
from dreamstream.dream.dreamer import Dreamer
from dreamstream.dream.resampling import shrink
from dreamstream.frames import Pixels, to_model_range
from dreamstream.models.extractor import FeatureExtractor

SCENE = fractal_pixels(72, 160, seed=4)
PHOTO = np.ascontiguousarray(SCENE[:, :96])
QUICK: dict[str, Any] = {"layers": {"deep": 1.0}, "octaves": 2, "first_steps": 6, "steps": 1}
STRENGTHS = [0.0, 0.05, 0.5, 1.0, 1.3, 2.0]


def config(**settings: Any) -> DreamConfig:
    return DreamConfig(**{**QUICK, "max_loss": None, "dream_size": None, **settings})


@cache
def network() -> FeatureExtractor:
    return small_extractor()


@cache
def _dreamer(measures: bool) -> Dreamer:
    return Dreamer(config(), network(), measure_losses=measures)


def make_dreamer(*, measures: bool = True, fresh: bool = False, **settings: Any) -> Dreamer:
    """Make a dreamer; unless a fresh one is asked for, of those that are traced already."""
    if fresh:
        return Dreamer(config(**settings), network(), measure_losses=measures)
    dreamer = _dreamer(measures)
    wanted = config(**settings)
    dreamer.change(**{field.name: getattr(wanted, field.name) for field in fields(wanted)})
    dreamer.reset()
    return dreamer


def film(count: int) -> list[Pixels]:
    return [np.ascontiguousarray(SCENE[:, 2 * i : 2 * i + 96]) for i in range(count)]


def change(a: Pixels, b: Pixels) -> float:
    return float(np.sqrt(np.square(a.astype(float) - b).mean()))


def still(strength: float) -> tuple[Pixels, Pixels]:
    return make_dreamer(strength=strength).dream(PHOTO), PHOTO


def last_of_a_film(strength: float) -> tuple[Pixels, Pixels]:
    dreamer, frames = make_dreamer(strength=strength), film(5)
    return [dreamer.dream(frame) for frame in frames][-1], frames[-1]


def turn_of_a_loop(strength: float) -> tuple[Pixels, Pixels]:
    grower = Grower(config(strength=strength), network(), frames=6)
    return [grower.dream(PHOTO) for _ in range(4)][-1], PHOTO


def tunnel(strength: float) -> tuple[Pixels, Pixels]:
    motion = AffineMotion(drift=(1, 0))
    zoomer = Zoomer(config(strength=strength), network(), motion=motion, frames=12)
    last = [zoomer.dream(PHOTO) for _ in range(12)][-1]
    return last[:, 11:], np.ascontiguousarray(PHOTO[:, :-11])


every_maker = pytest.mark.parametrize("make", [still, last_of_a_film, turn_of_a_loop, tunnel])


@every_maker
def test_strength_0_is_the_source_to_the_pixel(make: Any) -> None:
    np.testing.assert_array_equal(*make(0.0))


@every_maker
def test_the_dream_grows_with_the_strength_and_nowhere_jumps(make: Any) -> None:
    amounts = [change(*make(strength)) for strength in STRENGTHS]
    assert amounts == sorted(amounts)
    whole = amounts[STRENGTHS.index(1.0)]
    assert amounts[-1] > 1.3 * whole
    for (less, more), (one, other) in zip(pairwise(STRENGTHS), pairwise(amounts), strict=True):
        assert other - one < 2 * whole * (more - less) + 0.5


@pytest.mark.parametrize("dream_size", [None, 64])
def test_a_part_of_a_dream_lies_between_source_and_dream(dream_size: int | None) -> None:
    whole = make_dreamer(dream_size=dream_size).dream(PHOTO)
    half = make_dreamer(dream_size=dream_size, strength=0.5).dream(PHOTO)
    inside = (whole > 0) & (whole < 255)  # elsewhere the dream goes beyond what can be shown
    mean = (whole.astype(float) + PHOTO) / 2
    assert np.abs(half - mean)[inside].max() <= 1


@pytest.mark.parametrize("strength", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("measures", [True, False])
def test_no_frame_passes_the_ceiling_at_any_strength(strength: float, measures: bool) -> None:
    free = make_dreamer(strength=2.0)
    for frame in film(4):
        free.dream(frame)
    limit = 0.6 * (free.report.loss or 0)
    dreamer = make_dreamer(measures=measures, strength=strength, max_loss=limit)
    for frame in film(8):
        dream = dreamer.dream(frame)
        assert dreamer._measure(to_model_range(dream)) <= limit * (1 + 1e-5)
    if strength == 2 and measures:
        assert (dreamer.report.loss or 0) > 0.7 * limit


def test_the_report_is_about_the_frame_that_is_shown() -> None:
    dreamer = make_dreamer(strength=0.4, dream_size=64)
    dream = dreamer.dream(PHOTO)
    shown = shrink(to_model_range(dream), (48, 64))
    source = shrink(to_model_range(PHOTO), (48, 64))
    assert dreamer.report.loss == pytest.approx(dreamer._measure(shown), rel=1e-5)
    assert dreamer.report.source_loss == pytest.approx(dreamer._measure(source), rel=1e-5)
    assert dreamer.report.residual_rms == pytest.approx(change(dream, PHOTO), rel=0.15)
    last = dreamer.octave_images[-1]
    assert np.abs(np.clip(last, -1, 1) - shown).mean() < 2 / 255


# --- between frames --------------------------------------------------------------------------


def test_a_dream_that_was_faded_out_is_back_at_once() -> None:
    straight, faded = make_dreamer(), make_dreamer(fresh=True)
    for index, frame in enumerate(film(8)):
        whole = straight.dream(frame)
        faded.change(strength=0.0 if index in (3, 4, 5) else 1.0)
        shown = faded.dream(frame)
        np.testing.assert_array_equal(shown, frame if index in (3, 4, 5) else whole)


def test_a_strength_over_1_that_changes_shows_at_once_and_leaves_nothing_behind() -> None:
    dreamer = make_dreamer(blend=0.95)
    for _ in range(4):
        one = dreamer.dream(PHOTO)
    dreamer.change(strength=1.6)
    more = dreamer.dream(PHOTO)
    assert 1.3 < change(more, PHOTO) / change(one, PHOTO) < 1.9
    dreamer.change(strength=1.0)
    assert 0.8 < change(dreamer.dream(PHOTO), PHOTO) / change(one, PHOTO) < 1.2


@pytest.mark.parametrize("strength", [0.02, 0.5, 2.0])
def test_a_steady_strength_flickers_no_more_than_its_share_of_the_dream(strength: float) -> None:
    flicker = {}
    for each in (1.0, strength):
        dreamer = make_dreamer(strength=each, blend=0.95)
        frames = [dreamer.dream(PHOTO) for _ in range(12)][4:]
        flicker[each] = float(np.mean([change(a, b) for a, b in pairwise(frames)]))
    assert flicker[strength] < 1.3 * strength * flicker[1.0] + 0.2


def test_a_strength_that_changes_is_traced_once() -> None:
    dreamer = make_dreamer(fresh=True)
    for strength, frame in zip([0.0, 0.7, 1.0, 1.4, 2.0], film(5), strict=True):
        dreamer.change(strength=strength)
        dreamer.dream(frame)
    assert dreamer.traces == 1


@pytest.mark.parametrize("strengths", [(1.5, 0.5, 2.0, 1.0), (0.0, 2.0, 1.2, 1.2)])
def test_a_saved_state_goes_on_through_changes_of_strength(strengths: tuple[float, ...]) -> None:
    dreamer, states, wanted = make_dreamer(), [], []
    for strength, frame in zip(strengths, film(4), strict=True):
        states.append(dreamer.state())
        dreamer.change(strength=strength)
        wanted.append(dreamer.dream(frame))
    for index in range(1, 4):
        dreamer.restore(states[index])
        for strength, frame, dream in [*zip(strengths, film(4), wanted, strict=True)][index:]:
            dreamer.change(strength=strength)
            np.testing.assert_array_equal(dreamer.dream(frame), dream)
