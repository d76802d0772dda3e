"""What the network says to snapshots: it raises the loss, under the ceiling."""

import numpy as np
import pytest
from live_parts import textured
from networks import small_extractor

from dreamstream.config import DreamConfig
from dreamstream.dream.objective import Loss
from dreamstream.frames import FloatImage, Pixels, to_model_range
from dreamstream.live.carried import Snapshot, Thought, add_residual, resample
from dreamstream.live.controller import Rung
from dreamstream.live.network import Network, target_strength
from dreamstream.models.extractor import FeatureExtractor

HEIGHT, WIDTH = 72, 128
RUNG = Rung(WIDTH)


@pytest.fixture(scope="module")
def extractor() -> FeatureExtractor:
    return small_extractor()


def config(max_loss: float | None = None, octaves: int = 1) -> DreamConfig:
    return DreamConfig(layers={"deep": 1.0}, max_loss=max_loss, octaves=octaves)


def snapshot(pixels: Pixels, residual: FloatImage | None = None) -> Snapshot:
    if residual is None:
        residual = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    still = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    shown = add_residual(pixels, residual)
    return Snapshot(4, 1, shown, pixels, residual, np.ones((HEIGHT, WIDTH), np.float32), still)


def loss_of(extractor: FeatureExtractor, pixels: Pixels) -> float:
    return float(Loss(extractor, {"deep": 1.0}).measure(to_model_range(pixels)[None]))


def looks(network: Network, pixels: Pixels, count: int) -> list[Thought]:
    """Look again and again at a picture that stands still."""
    residual = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    thoughts = []
    for _ in range(count):
        thoughts.append(network.look(snapshot(pixels, residual), RUNG, 1.0))
        change = resample(thoughts[-1].change, (HEIGHT, WIDTH))
        residual = np.float32(thoughts[-1].share) * residual + change
    return thoughts


def test_the_loss_is_that_of_the_frame_as_shown(extractor: FeatureExtractor) -> None:
    pixels = textured(0, HEIGHT, WIDTH)
    thought = Network(config(), extractor).look(snapshot(pixels), RUNG, 1.0)
    assert thought.loss == pytest.approx(loss_of(extractor, pixels), rel=1e-4)
    assert (thought.index, thought.shot, thought.steps) == (4, 1, 1)


def test_a_look_raises_the_loss(extractor: FeatureExtractor) -> None:
    losses = [thought.loss for thought in looks(Network(config(), extractor), _soft(), 4)]
    assert losses == sorted(losses)  # type: ignore[type-var]
    assert losses[-1] > 1.2 * losses[0]  # type: ignore[operator]


def test_the_dream_never_passes_the_ceiling(extractor: FeatureExtractor) -> None:
    ceiling = 1.5 * loss_of(extractor, _soft())
    thoughts = looks(Network(config(ceiling), extractor), _soft(), 12)
    assert max(thought.loss or 0 for thought in thoughts) <= ceiling
    assert thoughts[-1].steps == 0


def test_a_dream_over_the_ceiling_is_scaled_back(extractor: FeatureExtractor) -> None:
    noise = np.random.default_rng(0).normal(0, 0.5, (HEIGHT, WIDTH, 3)).astype(np.float32)
    shown = snapshot(_soft(), noise)
    ceiling = loss_of(extractor, shown.pixels) / 2
    thought = Network(config(ceiling), extractor).look(shown, RUNG, 1.0)
    assert (thought.loss or 0) > ceiling
    assert 0 < thought.share < 0.5
    assert thought.steps == 0
    assert not thought.change.any()


def test_every_third_look_is_at_the_coarse_octave(extractor: FeatureExtractor) -> None:
    thoughts = looks(Network(config(octaves=2), extractor), _soft(), 6)
    coarse = [thought.change.shape[1] < WIDTH for thought in thoughts]
    assert coarse == [False, False, True, False, False, True]
    assert all(thought.loss for thought in thoughts)


def test_the_coarse_octave_dreams_up_to_the_edge(extractor: FeatureExtractor) -> None:
    change = looks(Network(config(octaves=2), extractor), _soft(), 3)[2].change
    edge = np.abs(change[:2]).mean()
    assert edge > 0.2 * np.abs(change).mean()


def test_more_steps_change_more(extractor: FeatureExtractor) -> None:
    one = Network(config(), extractor).look(snapshot(_soft()), RUNG, 1.0)
    three = Network(config(), extractor).look(snapshot(_soft()), Rung(WIDTH, 3), 1.0)
    assert three.steps == 3
    assert np.abs(three.change).mean() > 2 * np.abs(one.change).mean()


def test_a_stronger_dream_takes_longer_steps_on_old_ground(extractor: FeatureExtractor) -> None:
    even = np.full((HEIGHT, WIDTH, 3), target_strength(config()), np.float32)
    network = Network(config(), extractor)
    weak, strong = (
        np.abs(network.look(snapshot(_soft(), even), RUNG, strength).change).mean()
        for strength in (0.8, 1.25)
    )
    assert strong > 2 * weak


def test_a_network_without_scales_is_calibrated_by_the_first_picture() -> None:
    network = Network(config(), small_extractor({}))
    thought = network.look(snapshot(textured(0, HEIGHT, WIDTH)), RUNG, 1.0)
    assert thought.loss == pytest.approx(1.0, abs=0.01)


def test_a_picture_too_small_for_the_layers_passes(extractor: FeatureExtractor) -> None:
    network = Network(config(), extractor)
    assert not network.dreams_at((16, 16))
    tiny = Rung(16)
    thought = network.look(snapshot(_soft()), tiny, 1.0)
    assert (thought.steps, thought.loss) == (0, None)
    assert not thought.change.any()


def _soft() -> Pixels:
    """A picture with little contrast, so that nothing is clipped."""
    return np.asarray(96 + textured(0, HEIGHT, WIDTH) // 4, np.uint8)
