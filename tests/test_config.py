"""Settings: what comes from where, and what is refused."""

import copy
import dataclasses
import math
import pickle
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from dreamstream.config import (
    OCTAVE_RULES,
    PRESETS,
    DreamConfig,
    LiveConfig,
    Look,
    MediaConfig,
)
from dreamstream.errors import FieldError
from dreamstream.models.catalog import MODELS

DREAM_FIELDS = [field.name for field in dataclasses.fields(DreamConfig)]
OWN_DEFAULTS = {
    "preset",
    "strength",
    "weights",
    "guide",
    "guide_weight",
    "mask",
    "mask_invert",
    "mask_blur",
    "seed",
    "tile",
    "flow",
    "no_cuts",
    "precision",
    "device",
    "threads",
}

OTHER: dict[str, Any] = {
    "model": "vgg16",
    "layers": {"textures": 0.5, "eyes": 2.0},
    "octaves": 7,
    "octave_scale": 1.9,
    "steps": 9,
    "first_steps": 33,
    "step_size": 0.5,
    "max_loss": 123.0,
    "jitter": 31,
    "smoothing": 0.7,
    "evenness": 0.11,
    "chroma": 0.22,
    "blend": 0.33,
    "dream_size": 222,
    "octave_rule": "classic",
}
"""Values that no preset has, of every field that presets set."""

SHAPING = ["jitter", "smoothing", "evenness", "chroma"]

every_preset = pytest.mark.parametrize("name", PRESETS)


def test_presets_set_every_field_but_those_with_a_default_of_their_own() -> None:
    of_a_look = {field.name for field in dataclasses.fields(Look)}
    assert set(DREAM_FIELDS) - OWN_DEFAULTS == of_a_look | {"model"} == set(OTHER)


@every_preset
@pytest.mark.parametrize("model", [None, *MODELS])
def test_every_field_that_is_not_given_comes_from_the_presets_look_for_the_model(
    name: str, model: str | None
) -> None:
    given: dict[str, Any] = {} if model is None else {"model": model}
    config = DreamConfig(preset=name, **given)
    assert config.model == (model or PRESETS[name].model)
    look = PRESETS[name].look(config.model)
    for field in set(OTHER) - {"model"}:
        assert getattr(config, field) == getattr(look, field)
    assert (config.seed, config.strength) == (0, 1)
    assert config.weights is None


@pytest.mark.parametrize(
    ("name", "field"),
    [
        (name, field)
        for name in PRESETS
        for field in sorted(set(OTHER) - {"octave_rule"})
        if name != "classic" or field not in SHAPING
    ],
)
def test_what_is_given_wins_over_the_preset_and_leaves_the_rest(name: str, field: str) -> None:
    config, plain = DreamConfig(preset=name, **{field: OTHER[field]}), DreamConfig(preset=name)
    assert getattr(config, field) == OTHER[field] != getattr(plain, field)
    if field != "model":  # which has a look of its own
        unchanged = set(OTHER) - {field}
        assert all(getattr(config, other) == getattr(plain, other) for other in unchanged)


@pytest.mark.parametrize("field", ["max_loss", "dream_size"])
def test_none_given_is_kept_and_not_taken_from_the_preset(field: str) -> None:
    given: dict[str, Any] = {field: None}
    assert getattr(DreamConfig(**given), field) is None
    assert getattr(DreamConfig(model="inception_v3", **given), field) is None


@every_preset
@pytest.mark.parametrize("model", MODELS)
def test_the_ceiling_is_at_most_10_in_the_original_programs_units_alone(
    name: str, model: str
) -> None:
    limit = DreamConfig(preset=name, model=model).loss_limit
    assert (limit <= 10) == (model == "inception_v3")


def test_another_model_takes_its_own_look_and_keeps_what_was_given() -> None:
    config = DreamConfig(preset="classic", octaves=2)
    other = dataclasses.replace(config, model="vgg16")
    assert other == DreamConfig(preset="classic", model="vgg16", octaves=2)
    assert other.max_loss != config.max_loss
    assert dataclasses.replace(other, model="inception_v3") == config


def test_a_ceiling_that_is_given_holds_for_inception_v3_too() -> None:
    assert DreamConfig(model="inception_v3", max_loss=3).max_loss == 3


def test_the_classic_preset_has_the_original_programs_numbers() -> None:
    config = DreamConfig(preset="classic")
    assert config.model == "inception_v3"
    assert dict(config.layers) == {"mixed2": 0.2, "mixed3": 3.0, "mixed4": 2.0, "mixed5": 1.5}
    assert (config.octaves, config.octave_scale) == (3, 1.4)
    assert (config.steps, config.first_steps, config.step_size) == (20, 20, 0.01)
    assert (config.max_loss, config.octave_rule) == (10, "classic")
    assert (config.jitter, config.blend, config.dream_size) == (0, 0, None)
    assert (config.smoothing, config.evenness, config.chroma) == (0, 0, 1)


def test_there_are_classic_and_at_least_eight_presets_for_video() -> None:
    video = [name for name in PRESETS if DreamConfig(preset=name).octave_rule == "reinject"]
    assert set(PRESETS) == {"classic", *video}
    assert len(video) >= 8
    assert all(PRESETS[name].about for name in PRESETS)


@every_preset
def test_every_preset_is_within_the_ranges(name: str) -> None:
    DreamConfig(preset=name)


@pytest.mark.parametrize("config", [DreamConfig(), MediaConfig()], ids=["dream", "media"])
def test_settings_are_frozen(config: Any) -> None:
    for field in dataclasses.fields(config):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(config, field.name, None)


def test_the_layers_can_not_be_changed_from_outside() -> None:
    layers = {"eyes": 1.0}
    config = DreamConfig(layers=layers)
    layers["animals"] = 2.0
    assert dict(config.layers) == {"eyes": 1.0}


def test_a_configuration_can_be_copied_and_pickled() -> None:
    config = DreamConfig(layers={"eyes": 1.0})
    assert pickle.loads(pickle.dumps(config)) == copy.deepcopy(config) == config


@pytest.mark.parametrize("field", SHAPING)
def test_classic_refuses_what_the_original_program_had_not(field: str) -> None:
    with pytest.raises(ValueError, match=rf"^{field}: .*original program"):
        DreamConfig(preset="classic", **{field: OTHER[field]})


NUMBERS = sorted(set(OTHER) - {"model", "layers", "octave_rule"} | {"seed", "threads"})


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1, -0.001, 10**400])
@pytest.mark.parametrize("field", NUMBERS)
def test_a_number_that_is_negative_not_finite_or_huge_is_refused_by_name(
    field: str, value: Any
) -> None:
    with pytest.raises(ValueError, match=f"^{field}: .* must be"):
        DreamConfig(**{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("octaves", 0),
        ("octaves", 65),
        ("octave_scale", 1),
        ("octave_scale", 17),
        ("steps", 100_001),
        ("first_steps", 100_001),
        ("step_size", 0),
        ("max_loss", 0),
        ("jitter", 1001),
        ("smoothing", 1001),
        ("evenness", 1.01),
        ("chroma", 1.01),
        ("strength", 2.01),
        ("strength", -0.01),
        ("blend", 1.01),
        ("dream_size", 0),
        ("octave_rule", "none"),
        ("precision", "int8"),
        ("device", "tpu"),
        ("device", "gpu:"),
        ("device", "gpu:-1"),
        ("threads", 1025),
        ("preset", "none"),
        ("layers", {}),
        ("layers", {"eyes": 0}),
        ("layers", {"eyes": math.nan}),
        ("layers", {"eyes": math.inf}),
    ],
)
def test_a_value_just_outside_its_range_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{field}: ") as refusal:
        DreamConfig(**{field: value})
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("octaves", 1),
        ("octave_scale", 1.001),
        ("steps", 0),
        ("first_steps", 0),
        ("jitter", 0),
        ("smoothing", 0),
        ("evenness", 0),
        ("evenness", 1),
        ("chroma", 0),
        ("chroma", 1),
        ("blend", 0),
        ("blend", 1),
        ("dream_size", 1),
        ("layers", {"eyes": -1}),
    ],
)
def test_a_value_at_the_edge_of_its_range_is_taken(field: str, value: Any) -> None:
    assert getattr(DreamConfig(**{field: value}), field) == value


def test_an_unknown_preset_or_rule_lists_what_there_is() -> None:
    with pytest.raises(ValueError, match="presets are") as refusal:
        DreamConfig(preset="none")
    assert all(name in str(refusal.value) for name in PRESETS)
    with pytest.raises(ValueError, match="octave_rule") as refusal:
        DreamConfig(octave_rule="none")
    assert all(rule in str(refusal.value) for rule in OCTAVE_RULES)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("start", Fraction(-1)),
        ("start", math.nan),
        ("start", Fraction(10**400)),
        ("duration", Fraction(0)),
        ("duration", Fraction(-1)),
        ("duration", math.nan),
        ("crf", -1),
        ("crf", 64),
        ("crf", math.nan),
        ("frames", (-1, None)),
        ("frames", (None, 0)),
        ("frames", (3, 3)),
        ("frames", (5, 3)),
        ("frames", (None, -2)),
    ],
)
def test_a_trim_or_quality_outside_its_range_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        MediaConfig(**{field: value})


@pytest.mark.parametrize("frames", [(None, None), (0, 1), (3, None), (None, 2)])
def test_a_range_of_frames_may_be_open_on_either_side(
    frames: tuple[int | None, int | None],
) -> None:
    assert MediaConfig(frames=frames).frames == frames


def test_an_unknown_flow_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"flow: 'slow' is none of .*fast.*medium.*off"):
        DreamConfig(flow="slow")


# --- from Python ---------------------------------------------------------------------------------


def test_replacing_the_preset_takes_its_look_and_keeps_what_was_given() -> None:
    config = DreamConfig(octaves=2, chroma=0.9)
    eyes = dataclasses.replace(config, preset="eyes")
    assert eyes == DreamConfig(preset="eyes", octaves=2, chroma=0.9)
    assert dataclasses.replace(eyes, preset=config.preset) == config


def test_replacing_the_model_takes_the_ceiling_of_its_units() -> None:
    config = DreamConfig()
    assert dataclasses.replace(config, model="inception_v3").max_loss == 10
    assert config.changed(model="inception_v3").max_loss == 10
    assert dataclasses.replace(DreamConfig(max_loss=7.0), model="inception_v3").max_loss == 7


def test_replacing_something_else_changes_nothing_more() -> None:
    config = DreamConfig(preset="brush", steps=2)
    assert dataclasses.replace(config, seed=4) == DreamConfig(preset="brush", steps=2, seed=4)


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (DreamConfig, "octaves", "3"),
        (DreamConfig, "octaves", 3.0),
        (DreamConfig, "octaves", True),
        (DreamConfig, "step_size", "0.01"),
        (DreamConfig, "step_size", None),
        (DreamConfig, "layers", ["animals"]),
        (DreamConfig, "layers", {"animals": "1"}),
        (DreamConfig, "preset", 3),
        (DreamConfig, "no_cuts", "yes"),
        (DreamConfig, "tile", 2.5),
        (DreamConfig, "weights", 5),
        (MediaConfig, "start", "5"),
        (MediaConfig, "frames", 3),
        (MediaConfig, "frames", (0, 1.5)),
        (MediaConfig, "drift", (1, 2, 3)),
        (MediaConfig, "overwrite", 1),
        (LiveConfig, "live", None),
    ],
)
def test_a_value_of_another_type_is_refused_by_its_field(kind: Any, field: str, value: Any) -> None:
    with pytest.raises(FieldError, match=f"^{field}: ") as raised:
        kind(**{field: value})
    assert raised.value.field == field
    assert "\n" not in str(raised.value)


def test_whole_numbers_floats_and_texts_stand_for_fractions_and_paths() -> None:
    media = MediaConfig(start=5, duration=2.5, stats="run.jsonl", drift=[1, 2])  # type: ignore[arg-type]
    assert (media.start, media.duration) == (Fraction(5), Fraction(5, 2))
    assert (media.stats, media.drift) == (Path("run.jsonl"), (1, 2))
    assert isinstance(media.start, Fraction)
