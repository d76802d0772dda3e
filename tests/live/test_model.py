"""What the network says to snapshots: it raises the loss, under the ceiling."""

import numpy as np
import pytest
from live_parts import textured
from networks import small_extractor

from dreamstream.config import DreamConfig
from dreamstream.dream.objective import Objective
from dreamstream.frames import FloatImage, Pixels, to_model_range
from dreamstream.live.controller import Rung
from dreamstream.live.model import LiveModel, target_strength
from dreamstream.live.residual import Snapshot, Update, add_residual, resample
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
    one = np.ones(1, np.float32)
    return float(Objective(extractor).measure(to_model_range(pixels)[None], one))


def looks(network: LiveModel, pixels: Pixels, count: int) -> list[Update]:
    """Look again and again at a picture that stands still."""
    residual = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    updates = []
    for _ in range(count):
        updates.append(network.look(snapshot(pixels, residual), RUNG, 1.0))
        change = resample(updates[-1].change, (HEIGHT, WIDTH))
        residual = np.float32(updates[-1].share) * residual + change
    return updates


def test_the_loss_is_that_of_the_frame_as_shown(extractor: FeatureExtractor) -> None:
    pixels = textured(0, HEIGHT, WIDTH)
    update = LiveModel(config(), extractor).look(snapshot(pixels), RUNG, 1.0)
    assert update.loss == pytest.approx(loss_of(extractor, pixels), rel=1e-4)
    assert (update.index, update.shot, update.steps) == (4, 1, 1)


def test_a_look_raises_the_loss(extractor: FeatureExtractor) -> None:
    losses = [update.loss for update in looks(LiveModel(config(), extractor), _soft(), 4)]
    assert losses == sorted(losses)  # type: ignore[type-var]
    assert losses[-1] > 1.2 * losses[0]  # type: ignore[operator]


def test_the_dream_never_passes_the_ceiling(extractor: FeatureExtractor) -> None:
    ceiling = 1.5 * loss_of(extractor, _soft())
    updates = looks(LiveModel(config(ceiling), extractor), _soft(), 12)
    assert max(update.loss or 0 for update in updates) <= ceiling
    assert updates[-1].steps == 0


def test_a_dream_over_the_ceiling_is_scaled_back(extractor: FeatureExtractor) -> None:
    noise = np.random.default_rng(0).normal(0, 0.5, (HEIGHT, WIDTH, 3)).astype(np.float32)
    shown = snapshot(_soft(), noise)
    ceiling = loss_of(extractor, shown.pixels) / 2
    update = LiveModel(config(ceiling), extractor).look(shown, RUNG, 1.0)
    assert (update.loss or 0) > ceiling
    assert 0 < update.share < 0.5
    assert update.steps == 0
    assert not update.change.any()


def test_every_third_look_is_at_the_coarse_octave(extractor: FeatureExtractor) -> None:
    updates = looks(LiveModel(config(octaves=2), extractor), _soft(), 6)
    coarse = [update.change.shape[1] < WIDTH for update in updates]
    assert coarse == [False, False, True, False, False, True]
    assert all(update.loss for update in updates)


def test_the_coarse_octave_dreams_up_to_the_edge(extractor: FeatureExtractor) -> None:
    change = looks(LiveModel(config(octaves=2), extractor), _soft(), 3)[2].change
    edge = np.abs(change[:2]).mean()
    assert edge > 0.2 * np.abs(change).mean()


def test_more_steps_change_more(extractor: FeatureExtractor) -> None:
    one = LiveModel(config(), extractor).look(snapshot(_soft()), RUNG, 1.0)
    three = LiveModel(config(), extractor).look(snapshot(_soft()), Rung(WIDTH, 3), 1.0)
    assert three.steps == 3
    assert np.abs(three.change).mean() > 2 * np.abs(one.change).mean()


def test_a_stronger_dream_takes_longer_steps_on_old_ground(extractor: FeatureExtractor) -> None:
    even = np.full((HEIGHT, WIDTH, 3), target_strength(config()), np.float32)
    network = LiveModel(config(), extractor)
    weak, strong = (
        np.abs(network.look(snapshot(_soft(), even), RUNG, strength).change).mean()
        for strength in (1.0, 1.5)
    )
    assert strong > 2 * weak


def test_a_dream_that_is_shown_in_part_is_made_in_full(extractor: FeatureExtractor) -> None:
    network, taken = LiveModel(config(), extractor), snapshot(_soft())
    changes = [network.look(taken, RUNG, strength).change for strength in (0.0, 0.5, 1.0)]
    np.testing.assert_array_equal(changes[0], changes[2])
    np.testing.assert_array_equal(changes[1], changes[2])


def test_a_network_without_scales_is_calibrated_by_the_first_picture() -> None:
    network = LiveModel(config(), small_extractor({}))
    update = network.look(snapshot(textured(0, HEIGHT, WIDTH)), RUNG, 1.0)
    assert update.loss == pytest.approx(1.0, abs=0.01)


def test_a_picture_too_small_for_the_layers_passes(extractor: FeatureExtractor) -> None:
    network = LiveModel(config(), extractor)
    assert not network.dreams_at((16, 16))
    tiny = Rung(16)
    update = network.look(snapshot(_soft()), tiny, 1.0)
    assert (update.steps, update.loss) == (0, None)
    assert not update.change.any()


def _soft() -> Pixels:
    """A picture with little contrast, so that nothing is clipped."""
    return np.asarray(96 + textured(0, HEIGHT, WIDTH) // 4, np.uint8)


def test_it_takes_other_settings_from_look_to_look() -> None:
    network = LiveModel(
        DreamConfig(layers={"shallow": 1.0, "deep": 1.0}, max_loss=None, octaves=1, steps=1),
        small_extractor(layers=("shallow", "deep")),
    )
    pixels = textured(0, HEIGHT, WIDTH)
    first = network.look(snapshot(pixels), RUNG, 1.0)
    network.retune({"layers": {"shallow": 1.0, "deep": 3.0}, "step_size": 0.02, "chroma": 0.0})
    second = network.look(snapshot(pixels), RUNG, 1.0)
    assert np.abs(second.change).mean() > 1.5 * np.abs(first.change).mean()
    assert np.ptp(second.change, axis=-1).max() < 1e-5, "lightness alone"
    assert (second.loss or 0) > (first.loss or 0)
    network.retune({"layers": {"others": 2.0}, "chroma": 1.0})
    assert network.config.chroma == 1.0
    assert network.config.layers == {"shallow": 1.0, "deep": 3.0}
