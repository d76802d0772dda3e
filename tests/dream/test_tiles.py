"""Pictures in tiles: the same loss, gradient and dream as of the whole, in less memory."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from ascents import make_ascent
from networks import small_extractor, stem_extractor
from pictures import fractal_pixels

from dreamstream.config import DreamConfig
from dreamstream.dream.ascent import StepPlan, guarded_step
from dreamstream.dream.dreamer import Dreamer
from dreamstream.dream.objective import Objective
from dreamstream.dream.parameters import step_params
from dreamstream.dream.resampling import Size
from dreamstream.dream.tiles import (
    BYTES_PER_FLOAT,
    LARGEST_SHARE,
    LARGEST_TILE,
    automatic_side,
    step_bytes,
    tiled_spans,
)
from dreamstream.errors import ModelError
from dreamstream.frames import FloatImage, to_model_range
from dreamstream.machine import machine_memory
from dreamstream.models.extractor import FeatureExtractor, load_model
from dreamstream.models.receptive_field import Footprint, ReceptiveField

Maker = Callable[[], FeatureExtractor]

MAKERS: dict[str, Maker] = {
    "same": lambda: small_extractor(layers=("shallow", "deep")),
    "stem": stem_extractor,
    "dreamnet": lambda: load_model("dreamnet", ["textures", "eyes"]),
}
SIZES = [(96, 128), (97, 131), (110, 75)]

networks = pytest.mark.parametrize("name", MAKERS)
sizes = pytest.mark.parametrize("size", SIZES, ids=str)


@pytest.fixture(scope="module")
def extractors() -> dict[str, FeatureExtractor]:
    return {name: make() for name, make in MAKERS.items()}


def losses(extractor: FeatureExtractor, side: int) -> tuple[Objective, Objective]:
    """Make the loss of whole pictures and that of pictures in tiles."""
    return Objective(extractor, "off"), Objective(extractor, side)


def coefficients_of(loss: Objective) -> FloatImage:
    return np.array([1.0, 0.4][: len(loss.layers)], np.float32)


def picture_of(size: Size) -> FloatImage:
    return to_model_range(fractal_pixels(*size, seed=5))


def loss_and_gradient(loss: Objective, picture: FloatImage) -> tuple[float, FloatImage]:
    tiling = loss.tiling((picture.shape[0], picture.shape[1]))
    value, gradient = loss.value_and_gradient(
        tf.constant(picture[None]), tiling, coefficients_of(loss)
    )
    return float(value), gradient.numpy()[0]


def tiles_of(loss: Objective, size: Size) -> int:
    return len(loss.tiling(size).tiles)


# --- equality --------------------------------------------------------------------------------


@networks
@sizes
def test_tiles_give_the_loss_and_gradient_of_the_whole_picture(
    name: str, size: Size, extractors: dict[str, FeatureExtractor]
) -> None:
    whole, tiled = losses(extractors[name], 40)
    picture = picture_of(size)
    assert tiles_of(whole, size) == 1
    assert tiles_of(tiled, size) >= 4
    value, gradient = loss_and_gradient(whole, picture)
    in_tiles, gradient_in_tiles = loss_and_gradient(tiled, picture)
    assert in_tiles == pytest.approx(value, rel=1e-5)
    np.testing.assert_allclose(
        gradient_in_tiles, gradient, rtol=1e-4, atol=1e-5 * np.abs(gradient).max()
    )
    measured = [each.measure(picture[None], coefficients_of(each)) for each in (tiled, whole)]
    assert measured[0] == pytest.approx(measured[1], rel=1e-5)


def test_tiles_calibrate_to_the_scales_of_the_whole_picture() -> None:
    whole, tiled = losses(stem_extractor(), 24)
    for loss in (whole, tiled):
        loss.calibrate(picture_of((97, 131)))
    np.testing.assert_allclose(tiled.state()["scales"], whole.state()["scales"], rtol=1e-5)


def test_a_dream_in_tiles_is_that_of_the_whole_picture() -> None:
    frame = fractal_pixels(97, 131, seed=5)

    def dream(tile: int | str) -> Any:
        config = DreamConfig(
            layers={"deep": 1.0}, octaves=2, first_steps=6, dream_size=None, max_loss=2.0, tile=tile
        )
        return Dreamer(config, small_extractor()).dream(frame).astype(int)

    off = np.abs(dream(32) - dream("off"))
    assert np.abs(dream("off") - frame).mean() > 2
    assert off.max() <= 1
    assert off.mean() < 1e-3


def test_the_step_is_traced_once_for_tiles_and_whole_pictures_of_any_size() -> None:
    loss = Objective(small_extractor(), 32)
    config = DreamConfig(layers={"deep": 1.0}, max_loss=None)
    ascent = make_ascent(guarded_step, loss, config)
    for size in ((24, 24), (48, 64), (97, 131)):
        ascent.climb(picture_of(size), np.ones(size, np.float32), step_params(config), StepPlan(1))
    assert [tiles_of(loss, size) for size in ((24, 24), (48, 64))] == [1, 4]
    assert ascent.traces == 1


# --- where tiles lie -------------------------------------------------------------------------


@networks
@sizes
def test_no_tile_is_larger_than_its_core_and_what_is_seen_around_it(
    name: str, size: Size, extractors: dict[str, FeatureExtractor]
) -> None:
    footprint = extractors[name].footprint()
    around = max(field.last - field.first for field in footprint.fields)
    counts = [size[0] // field.stride for field in footprint.fields]
    for span in tiled_spans(size[0], counts, footprint, 32):
        assert span.end - span.begin <= 32 + around + 3 * footprint.stride
        assert span.begin % footprint.stride == 0
        assert (size[0] - span.end + span.begin) % footprint.stride == 0


@networks
def test_a_cell_depends_on_no_pixel_beyond_what_is_said_to_be_seen(
    name: str, extractors: dict[str, FeatureExtractor]
) -> None:
    extractor, size, row = extractors[name], (256, 257), 7
    picture = tf.constant(picture_of(size)[None])
    for index, field in enumerate(extractor.footprint().fields):
        with tf.GradientTape() as tape:
            tape.watch(picture)
            seen = tf.reduce_sum(extractor(picture)[index][:, row])
        rows = np.flatnonzero(np.abs(tape.gradient(seen, picture)[0]).sum(axis=(1, 2)))
        assert rows.min() >= row * field.stride + field.first
        assert rows.max() <= row * field.stride + field.last
        assert rows.max() - rows.min() > (field.last - field.first) // 2


# --- networks and values ---------------------------------------------------------------------


def _with_a_mean_of_all() -> FeatureExtractor:
    picture = keras.Input((None, None, 3))
    mean = keras.layers.GlobalAveragePooling2D(keepdims=True, name="mean")(picture)
    scaled = keras.layers.Multiply()([picture, mean])
    return FeatureExtractor("global", ("deep",), keras.Model(picture, [scaled]), None)


def test_a_network_that_sees_all_of_a_picture_refuses_tiles_in_a_line() -> None:
    with pytest.raises(ModelError, match=r"global.*mean, a GlobalAveragePooling2D.*--tile off"):
        Objective(_with_a_mean_of_all(), 64)


@pytest.mark.parametrize("tile", ["auto", "off"])
def test_a_network_that_sees_all_of_a_picture_dreams_it_whole(tile: str) -> None:
    assert tiles_of(Objective(_with_a_mean_of_all(), tile), (4000, 6000)) == 1


@pytest.mark.parametrize("tile", [0, -5, "many", 10**9])
def test_other_values_are_refused_by_name(tile: int | str) -> None:
    with pytest.raises(ValueError, match=r"^tile: "):
        DreamConfig(tile=tile)


# --- automatic -------------------------------------------------------------------------------

FOOTPRINT = Footprint((ReceptiveField(16, -100, 115),), floats=200.0)


def test_a_picture_that_fits_memory_stays_whole() -> None:
    size = (1080, 1920)
    memory = step_bytes(size, FOOTPRINT.floats) / LARGEST_SHARE
    assert automatic_side(size, FOOTPRINT, 1.01 * memory) is None
    assert automatic_side(size, FOOTPRINT, 0.99 * memory) is not None


@pytest.mark.parametrize("memory", [5.5 * 2**30, 2**33])
def test_a_picture_that_does_not_fit_is_cut_into_tiles_that_do(memory: float) -> None:
    size = (2160, 3840)
    side = automatic_side(size, FOOTPRINT, memory)
    assert side is not None
    assert side % FOOTPRINT.stride == 0
    tile = (side + 215) ** 2 * FOOTPRINT.floats * BYTES_PER_FLOAT
    assert tile <= LARGEST_TILE
    assert tile + step_bytes(size, 0) <= LARGEST_SHARE * memory


def test_where_memory_is_very_short_tiles_are_one_stride_large() -> None:
    assert automatic_side((20000, 20000), FOOTPRINT, 2**20) == 16


def test_the_machine_has_memory() -> None:
    assert 2**27 < machine_memory() < math.inf
