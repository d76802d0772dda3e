"""The original program's own network, trained: `classic`, and the ceiling on a film."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import keras
import pytest
from calibrated import CLASSIC_LAYERS

from benchmarks.pace.original import OCTAVES, OriginalLoss, OriginalProgram
from dreamstream.config import DreamConfig, MediaConfig
from dreamstream.dream.dreamer import Dreamer
from dreamstream.frames import FloatImage, Pixels, to_model_range
from dreamstream.models.catalog import find_model
from dreamstream.sources import open_source

LONGEST = 400
PHOTOS = ("taj_mahal.jpg", "lion.jpg")
FRAMES, WIDTH, COLD_STEPS = 12, 224, 4


def _trained_loss(weights: Path, layers: Mapping[str, float]) -> OriginalLoss:
    model = keras.applications.InceptionV3(weights=None, include_top=False)
    model.load_weights(weights)
    outputs = [model.get_layer(name).output for name in layers]
    return OriginalLoss(keras.Model(model.inputs, outputs), list(layers.values()))


def _read(path: Path, longest: int) -> Pixels:
    with open_source(path, MediaConfig(width=longest)) as source:
        return next(iter(source)).pixels


@dataclass(frozen=True)
class Dreamed:
    """A photo, and what both programs made of it."""

    photo: Pixels
    original: OriginalProgram
    octaves: list[FloatImage]
    dreamer: Dreamer


@pytest.fixture(scope="module")
def dreamed(trained_weights: Path, real_clips: Path) -> dict[str, Dreamed]:
    """Both programs' dreams, with all of the original's 20 steps and its ceiling of 10."""
    original = OriginalProgram(_trained_loss(trained_weights, CLASSIC_LAYERS), 10.0)
    config = DreamConfig(preset="classic", weights=trained_weights)
    made = {}
    for name in PHOTOS:
        photo = _read(real_clips / name, LONGEST)
        dreamer = Dreamer(config, measure_losses=True)
        dreamer.dream(photo)
        made[name] = Dreamed(photo, original, original.dream_octaves(photo), dreamer)
    return made


@pytest.mark.parametrize("name", PHOTOS)
def test_classic_has_the_originals_loss_at_every_octave(
    name: str, dreamed: dict[str, Dreamed]
) -> None:
    one = dreamed[name]
    assert len(one.dreamer.octave_images) == OCTAVES
    for ours, theirs in zip(one.dreamer.octave_images, one.octaves, strict=True):
        assert ours.shape == theirs.shape
        assert one.original.measure(ours) == pytest.approx(one.original.measure(theirs), rel=0.05)


@pytest.mark.parametrize("name", PHOTOS)
def test_classic_takes_as_many_steps_as_the_original_before_the_ceiling(
    name: str, dreamed: dict[str, Dreamed]
) -> None:
    one = dreamed[name]
    assert abs(sum(one.dreamer.report.steps) - one.original.steps) <= 2
    assert max(one.dreamer.report.steps) < 20


def test_the_ceiling_stops_the_taj_mahal_as_it_stopped_the_originals_pictures(
    dreamed: dict[str, Dreamed],
) -> None:
    one = dreamed["taj_mahal.jpg"]
    report = one.dreamer.report
    assert one.original.measure(to_model_range(one.photo)) == pytest.approx(2.34, abs=0.1)
    assert all(abs(ours - told) <= 1 for ours, told in zip(report.steps, (13, 9, 9), strict=True))
    assert report.loss == pytest.approx(8.8, abs=0.4)


def _film(real_clips: Path) -> list[Pixels]:
    with open_source(real_clips / "bikes.mp4", MediaConfig(width=WIDTH)) as source:
        return [frame.pixels for frame, _ in zip(source, range(FRAMES), strict=False)]


def test_no_frame_of_a_film_passes_the_ceiling(trained_weights: Path, real_clips: Path) -> None:
    film = _film(real_clips)
    config = DreamConfig(model="inception_v3", weights=trained_weights, first_steps=COLD_STEPS)
    entry = find_model("inception_v3")
    layers = {entry.resolve(word): share for word, share in config.layers.items()}
    measure = _trained_loss(trained_weights, layers)
    dreamer = Dreamer(config, measure_losses=True)

    def losses() -> list[float]:
        dreamer.reset()
        dreams = [dreamer.dream(frame) for frame in film]
        return [float(measure(to_model_range(dream)[None])) for dream in dreams]

    free = losses()
    assert max(free) <= 10
    half = max(free) / 2
    dreamer.change(max_loss=half)
    held = losses()
    sources = [float(measure(to_model_range(frame)[None])) for frame in film]
    assert all(loss <= max(half, own) * 1.002 for loss, own in zip(held, sources, strict=True))
    assert max(held) > 0.8 * half
