"""What a schedule does to a dream: strength follows, layers fade, nothing flashes or is cut."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from networks import small_extractor
from pictures import fractal_pixels

from benchmarks.motion import metrics
from benchmarks.motion.metrics import Link
from dreamstream.clips.affine import AffineMotion
from dreamstream.clips.zoom import Zoomer
from dreamstream.config import DreamConfig
from dreamstream.controls.planning import lay_out
from dreamstream.controls.program import read_schedules, with_scheduled_layers
from dreamstream.controls.timeline import Timeline
from dreamstream.dream.dreamer import Dreamer
from dreamstream.dream.report import DreamReport
from dreamstream.frames import FloatImage, Pixels

COUNT, HEIGHT, WIDTH = 60, 64, 96
SCENE = fractal_pixels(HEIGHT, WIDTH + COUNT, seed=4)
PAN = [np.ascontiguousarray(SCENE[:, index : index + WIDTH]) for index in range(COUNT)]
LINE = Timeline(Fraction(25), COUNT)
QUICK: dict[str, Any] = {
    "layers": {"shallow": 1.0},
    "octaves": 2,
    "first_steps": 4,
    "dream_size": None,
    "max_loss": None,
}
LAYERS = ("shallow", "deep")


def steady_links() -> list[Link | None]:
    """The motion of PAN, which is known: a pixel to the left in each frame."""
    backward = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    backward[..., 0] = 1
    trusted = np.ones((HEIGHT, WIDTH), bool)
    trusted[:, -2:] = False
    none = np.zeros((HEIGHT, WIDTH), bool)
    return [None, *[Link(backward, trusted, none, none)] * (COUNT - 1)]


def dreamed(texts: dict[str, str], **settings: Any) -> Iterator[tuple[Pixels, DreamReport]]:
    config = with_scheduled_layers(DreamConfig(**{**QUICK, **settings}), texts)
    names = tuple(config.layers)
    dreamer = Dreamer(config, small_extractor(layers=names), measure_losses=True)
    program = lay_out(read_schedules(texts), LINE, config, None)
    for index, frame in enumerate(PAN):
        dreamer.change(**program.settings(index / 25))
        yield dreamer.dream(frame), dreamer.report
    assert dreamer.traces == 1, "nothing is traced again"


def residuals(texts: dict[str, str], **settings: Any) -> tuple[list[FloatImage], list[DreamReport]]:
    pairs = [*dreamed(texts, **settings)]
    return metrics.residuals(PAN, [dream for dream, _ in pairs]), [report for _, report in pairs]


def amounts(given: list[FloatImage]) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.array([metrics.root_mean_square([each]) for each in given])


@pytest.fixture(scope="module")
def fixed() -> list[FloatImage]:
    return residuals({})[0]


@pytest.mark.parametrize(
    "text",
    [
        "0:(0), 59:(1)",
        "0:(0.2), 20:(2), 40:(0.2)",
        "0:(1+0.8*sin(2*pi*t/20))",
        "0:(where(t%12<6,0,1))",
        "0:(0.1+1.2*exp(0-(t%10)/3))",
    ],
)
def test_the_strength_of_a_dream_follows_its_schedule(text: str) -> None:
    given, reports = residuals({"strength": text})
    program = lay_out(read_schedules({"strength": text}), LINE, DreamConfig(), None)
    wanted = program.values(np.arange(COUNT, dtype=np.float64))["strength"]
    assert np.corrcoef(amounts(given), wanted)[0, 1] >= 0.9
    told = np.array([report.residual_rms for report in reports])
    assert np.corrcoef(told, wanted)[0, 1] >= 0.9
    assert not any(report.cut or report.flash for report in reports)


@pytest.mark.parametrize(
    "texts",
    [
        {"strength": "0:(0.75+0.25*sin(2*pi*t/50))"},
        {"strength": "0:(1), 59:(1.6)"},
        {"layers.shallow": "0:(1), 59:(0)", "layers.deep": "0:(0), 59:(1)"},
        {"chroma": "0:(0), 59:(1)"},
    ],
    ids=lambda texts: "-".join(texts),
)
def test_a_slow_schedule_sticks_as_well_as_a_fixed_value(
    texts: dict[str, str], fixed: list[FloatImage]
) -> None:
    links = steady_links()
    usual = metrics.relative_error(fixed, links)
    given, reports = residuals(texts)
    assert metrics.relative_error(given, links) <= 1.3 * usual
    assert not any(report.cut or report.flash for report in reports)
    assert all(report.warm for report in reports[1:])


def test_a_jump_from_layer_to_layer_fades_without_a_flash() -> None:
    texts = {"layers.shallow": "0:(where(t<30,1,0))", "layers.deep": "0:(where(t<30,0,1))"}
    given, reports = residuals(texts)
    strengths = amounts(given)[10:]
    assert strengths.max() / strengths.min() < 1.6
    changes = [
        float(np.abs(now[:, :-1] - before[:, 1:]).mean()) for before, now in pairwise(given[10:])
    ]
    assert max(changes[15:35]) < 1.6 * max(changes[:12]), "no frame changes more than before"
    assert not any(report.cut or report.flash for report in reports)
    alone = residuals({})[0]
    alike = [
        float(np.corrcoef(one.ravel(), other.ravel())[0, 1])
        for one, other in zip(given, alone, strict=True)
    ]
    assert alike[15] > 0.9, "the dream of the first layer, at first"
    assert alike[-1] < 0.8 * alike[15], "and of the other in the end"


def test_the_ceiling_holds_where_it_is_scheduled() -> None:
    _, free = residuals({})
    top = free[10].loss or 0
    texts = {"max_loss": f"0:({1.2 * top}), 40:({0.5 * top})"}
    program = lay_out(read_schedules(texts), LINE, DreamConfig(), None)
    _, reports = residuals(texts, max_loss=1.2 * top)
    for index, report in enumerate(reports):
        ceiling = max(program.settings(index / 25)["max_loss"], report.source_loss or 0)
        assert (report.loss or 0) <= ceiling * 1.0001


def test_a_dreamer_goes_on_with_a_schedule_to_the_bit() -> None:
    texts = {"strength": "0:(0.5), 20:(1.8)", "layers.deep": "0:(0), 20:(1)", "chroma": "t/30"}
    config = with_scheduled_layers(DreamConfig(**QUICK), texts)
    program = lay_out(read_schedules(texts), LINE, config, None)

    def go_on(dreamer: Dreamer, begin: int, end: int) -> list[Pixels]:
        made = []
        for index in range(begin, end):
            dreamer.change(**program.settings(index / 25))
            made.append(dreamer.dream(PAN[index]))
        return made

    whole = go_on(Dreamer(config, small_extractor(layers=LAYERS)), 0, 12)
    broken = Dreamer(config, small_extractor(layers=LAYERS))
    go_on(broken, 0, 7)
    state, other = broken.state(), Dreamer(config, small_extractor(layers=LAYERS))
    other.restore(state)
    other.change(**program.settings(0.0))  # as a pilot does before the first frame
    for one, same in zip(go_on(other, 7, 12), whole[7:], strict=True):
        np.testing.assert_array_equal(one, same)


def test_a_tunnel_takes_its_motion_and_its_dream_from_each_frame() -> None:
    config = DreamConfig(layers={"shallow": 1.0}, octaves=1, steps=0, first_steps=2)
    zoomer = Zoomer(config, small_extractor(layers=("shallow",)), motion=AffineMotion(), frames=9)
    photo = fractal_pixels(48, 64)
    for index in range(5):
        zoomer.change(drift_x=float(index), drift_y=0.0)
        frame = zoomer.dream(photo)
    np.testing.assert_array_equal(frame[:, 10:], photo[:, :-10])
    zoomer.change(strength=0.5, chroma=0.1, layers={"shallow": 0.5})
    assert zoomer.dream(photo).shape == photo.shape
    zoomer.reset()
    zoomer.dream(photo)
    np.testing.assert_array_equal(zoomer.dream(photo), photo)
    with pytest.raises(ValueError, match="seed"):
        zoomer.change(seed=4)
