"""Channels of layers in the loss."""

import dataclasses

import networks
import numpy as np
import pytest

from dreamstream.config import DreamConfig, LayerTerm
from dreamstream.dream.core import DreamCore, Schedule
from dreamstream.dream.objective import Objective
from dreamstream.dream.parameters import step_params
from dreamstream.dream.tiles import BORDER
from dreamstream.errors import UnknownNameError
from dreamstream.frames import FloatImage
from dreamstream.models.extractor import FeatureExtractor

SIZE = (64, 72)
SCALES = {"shallow": 0.5, "deep": 3.0}


def channels_of(*names: str, scales: dict[str, float] | None = None) -> FeatureExtractor:
    terms = tuple(map(LayerTerm.parse, names))
    layers = tuple(dict.fromkeys(term.layer for term in terms))
    given = {name: SCALES[name] for name in layers} if scales is None else scales
    return dataclasses.replace(networks.small_extractor(given, layers=layers), terms=terms)


@pytest.fixture
def picture() -> FloatImage:
    return np.random.default_rng(4).uniform(-1, 1, (*SIZE, 3)).astype(np.float32)


def by_hand(extractor: FeatureExtractor, image: FloatImage, coefficients: list[float]) -> float:
    """The loss by its definition: mean squares of the channels named, without the border."""
    activations = dict(zip(extractor.layers, extractor(image[None]), strict=True))
    loss = 0.0
    for term, coefficient in zip(extractor.terms, coefficients, strict=True):
        cells = activations[term.layer].numpy()[0]
        first, last = term.channels or (0, cells.shape[-1] - 1)
        inner = cells[BORDER:-BORDER, BORDER:-BORDER, first : last + 1].astype(float)
        mean = np.square(inner).sum() / (cells.shape[0] * cells.shape[1] * (last + 1 - first))
        loss += coefficient * SCALES[term.layer] * mean
    return loss


@pytest.mark.parametrize(
    "terms",
    [
        {"deep:3": 1.0},
        {"deep:0-11": 1.0},
        {"deep:3": 1.0, "deep:5": -1.0},
        {"deep:2-6": 0.5, "shallow": 2.0, "deep:4": -0.25, "shallow:7": 3.0},
        {"deep": 1.0, "deep:1": 1.0},
    ],
    ids=str,
)
def test_the_loss_is_of_the_channels_named(terms: dict[str, float], picture: FloatImage) -> None:
    extractor = channels_of(*terms)
    loss, coefficients = Objective(extractor), [*terms.values()]
    wanted = by_hand(extractor, picture, coefficients)
    assert loss.measure(picture[None], np.array(coefficients, np.float32)) == pytest.approx(
        wanted, rel=1e-4
    )


def test_a_layers_channels_all_together_are_the_layer(picture: FloatImage) -> None:
    one = np.ones(1, np.float32)
    whole = Objective(channels_of("deep")).measure(picture[None], one)
    every = Objective(channels_of("deep:0-11")).measure(picture[None], one)
    assert every == pytest.approx(whole, rel=1e-5)


def dream(names: dict[str, float], picture: FloatImage, **settings: object) -> FloatImage:
    config = DreamConfig(layers=names, max_loss=None, **settings)  # type: ignore[arg-type]
    core = DreamCore(config, channels_of(*names))
    even = np.ones(SIZE, np.float32)
    return core.run(picture, even, step_params(config), Schedule([SIZE], 6))[-1].image


def strength(channel: int, image: FloatImage) -> float:
    return Objective(channels_of(f"deep:{channel}")).measure(image[None], np.ones(1, np.float32))


def test_a_positive_coefficient_raises_a_channel_and_a_negative_one_lowers_it(
    picture: FloatImage,
) -> None:
    soft = picture * np.float32(0.3)
    raised, lowered = dream({"deep:3": 1.0}, soft), dream({"deep:3": -1.0}, soft)
    assert strength(3, raised) > 1.5 * strength(3, soft)
    assert strength(3, lowered) < 0.8 * strength(3, soft)


def test_channels_dream_otherwise_than_one_another(picture: FloatImage) -> None:
    soft = picture * np.float32(0.3)
    third, fifth = dream({"deep:3": 1.0}, soft), dream({"deep:5": 1.0}, soft)
    assert strength(3, third) > strength(3, fifth)
    assert strength(5, fifth) > strength(5, third)


def test_other_coefficients_are_not_traced_again(picture: FloatImage) -> None:
    config = DreamConfig(layers={"deep:3": 1.0, "deep:5-7": 1.0})
    core = DreamCore(config, channels_of(*config.layers))
    even = np.ones(SIZE, np.float32)
    for coefficients in ([1.0, 0.0], [-1.0, 0.3], [0.0, 2.0]):
        params = step_params(config)._replace(coefficients=np.array(coefficients, np.float32))
        core.run(picture, even, params, Schedule([SIZE], 2))
    assert core.traces == 1


def test_a_network_without_scales_measures_channels_in_units_of_their_layer(
    picture: FloatImage,
) -> None:
    one = np.ones(1, np.float32)
    losses = []
    for channel in range(12):
        loss = Objective(channels_of(f"deep:{channel}", scales={}))
        loss.calibrate(picture)
        losses.append(loss.measure(picture[None], one))
    whole = Objective(channels_of("deep", scales={}))
    whole.calibrate(picture)
    assert np.mean(losses) == pytest.approx(whole.measure(picture[None], one), rel=1e-4)
    assert np.std(losses) > 0.01


@pytest.mark.parametrize("name", ["deep:12", "deep:0-12", "deep:999999"])
def test_a_channel_that_the_layer_lacks_is_named(name: str) -> None:
    with pytest.raises(UnknownNameError, match=rf"no {name}: the channels of deep are 0 to 11"):
        channels_of(name)
