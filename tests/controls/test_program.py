"""All schedules together: settings, ranges, names, fades."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from dreamstream.config import ControlConfig, DreamConfig
from dreamstream.controls.names import CONTROLS, FADE_SECONDS, find_control
from dreamstream.controls.planning import lay_out
from dreamstream.controls.program import Program, read_schedules, with_scheduled_layers
from dreamstream.controls.timeline import Timeline
from dreamstream.errors import FieldError, UsageError

LINE = Timeline(Fraction(25), 250)
CONFIG = DreamConfig()


def program(texts: dict[str, str], config: DreamConfig = CONFIG, line: Timeline = LINE) -> Program:
    known = with_scheduled_layers(config, texts)
    return lay_out(read_schedules(texts), line, known, None)


def test_settings_are_those_of_the_moment() -> None:
    found = program({"strength": "0:(0.5), 4s:(1.5)", "chroma": "0:(t/100)"}).settings(2.0)
    assert found == pytest.approx({"strength": 1.0, "chroma": 0.5})


def test_a_layer_that_the_look_lacks_is_added_to_it() -> None:
    texts = {"layers.eyes": "0:(0), 4s:(1)"}
    config = with_scheduled_layers(CONFIG, texts)
    assert list(config.layers) == ["animals", "eyes"]
    at = program(texts).settings
    assert at(0)["layers"] == pytest.approx({"animals": 1.0, "eyes": 1e-6}, abs=0.05)
    assert at(2)["layers"] == pytest.approx({"animals": 1.0, "eyes": 0.5}, abs=0.01)
    assert config.changed(**at(0)).layers["eyes"] > 0, "a coefficient of 0 is none"


def test_a_layer_may_be_pushed_away() -> None:
    assert program({"layers.animals": "-1"}).settings(0)["layers"]["animals"] == -1


def test_a_jump_between_layers_fades_over_a_half_second() -> None:
    jump = program({"layers.animals": "0:(where(t<100,1,0))", "layers.eyes": "where(t<100,0,1)"})
    moments = np.arange(80, 120) / 25
    animals = np.array([jump.settings(moment)["layers"]["animals"] for moment in moments])
    assert animals[0] == pytest.approx(1)
    assert animals[-1] == pytest.approx(0, abs=1e-5)
    assert np.all(np.diff(animals) <= 1e-9)
    assert np.abs(np.diff(animals)).max() < 1.5 / (FADE_SECONDS * 25)
    halfway = jump.settings(4.0)["layers"]
    assert halfway["animals"] == pytest.approx(halfway["eyes"], abs=0.1)


def test_what_leaves_its_range_is_held_to_it_and_told() -> None:
    wild = program({"chroma": "0:(t/100 - 0.5)"})
    assert wild.settings(0) == {"chroma": 0.0}
    assert wild.settings(9.9) == {"chroma": 1.0}
    assert wild.check()["chroma"] == pytest.approx(1 - 101 / 250, abs=0.01)
    assert program({"chroma": "0:(t/1000)"}).check() == {}


@pytest.mark.parametrize(
    "text", ["0:(0.5/(t-100))", "0:(log(100-t)/9)", "0:(0.1), 10:(sqrt(99.9-t)/9)"]
)
def test_what_is_no_number_somewhere_is_refused_before_anything_is_dreamed(text: str) -> None:
    with pytest.raises(UsageError, match=r"--schedule: chroma: .* frame 100 \(4.00 s\): .*>>>"):
        program({"chroma": text}).check()


def test_a_time_of_its_own_without_a_number_is_refused_when_it_comes() -> None:
    odd = program({"chroma": "0:(0.5/(t-100.5))"})
    assert odd.check() == {"chroma": pytest.approx(0.41, abs=0.02)}
    with pytest.raises(UsageError, match=r"frame 100.50 \(4.02 s\)"):
        odd.settings(4.02)


def test_every_range_is_one_that_the_configuration_takes() -> None:
    for name, control in CONTROLS.items():
        if name.startswith("layers.") or control.moves or not hasattr(CONFIG, name):
            continue
        for value in (control.range.least, control.range.most):
            settings: dict[str, float] = {}
            control.put(settings, name, value, CONFIG)
            CONFIG.changed(**settings)


def test_a_guide_decides_as_much_as_is_scheduled_and_must_be_there() -> None:
    guided, texts = DreamConfig(guide=Path("guide.png")), {"guide": "0:(0), 4s:(1)"}
    assert program(texts, guided).settings(1) == pytest.approx({"guide_weight": 0.25})
    assert program(texts, guided).originals() == {"guide_weight": 1.0}
    with pytest.raises(UsageError, match=r"^--schedule guide: .*--guide FILE"):
        with_scheduled_layers(CONFIG, texts)


def test_what_was_before_can_be_told() -> None:
    config = DreamConfig(chroma=0.7, layers={"animals": 1.0, "eyes": 0.2})
    texts = {"chroma": "1", "layers.eyes": "0:(t)", "zoom": "1.02"}
    assert program(texts, config).originals() == {"chroma": 0.7, "layers": config.layers}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("chrome", "did you mean chroma?"),
        ("layers", "can be scheduled"),
        ("layers.", "can be scheduled"),
        ("seed", "there are layers.NAME, strength"),
        ("", "can be scheduled"),
    ],
)
def test_an_unknown_name_is_refused(name: str, said: str) -> None:
    with pytest.raises(FieldError) as raised:
        find_control(name)
    assert said in str(raised.value)


def test_sound_that_is_asked_for_is_named() -> None:
    (curve,) = read_schedules({"strength": "0:(1), 40:(0.4+0.6*bass)"})
    assert curve.uses_sound
    assert "40:(0.4+0.6*>>>bass<<<)" in str(curve.refuse_sound("in.mp4 has none"))


@pytest.mark.parametrize(
    "wrong", [{"schedule": {"zoom": 1}}, {"schedule": "1"}, {"bpm": 0}, {"sound": 3}]
)
def test_a_configuration_checks_its_types(wrong: dict[str, object]) -> None:
    with pytest.raises(FieldError):
        ControlConfig(**wrong)  # type: ignore[arg-type]
