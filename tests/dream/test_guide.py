"""A guide: what of the loss it leaves, what a dream is matched to, its picture at each time."""

import logging
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import clips
import numpy as np
import pytest
import tensorflow as tf
from networks import SMALL_LOOK, small_extractor
from pictures import fractal_pixels

from dreamstream._libraries import cv2
from dreamstream.config import DreamConfig
from dreamstream.dream.core import DreamCore, Schedule
from dreamstream.dream.dreamer import Dreamer
from dreamstream.dream.guide_features import MOST_FEATURES, GuideFeatures, match, strongest
from dreamstream.dream.guide_film import GuideFilm, guide_pixels
from dreamstream.dream.objective import Objective
from dreamstream.dream.parameters import step_params
from dreamstream.errors import SourceError
from dreamstream.frames import FloatImage, Pixels, to_model_range

SIZE = (64, 80)
PHOTO = to_model_range(fractal_pixels(*SIZE, seed=5))
EVEN = np.ones(SIZE, np.float32)


def stripes(period: int, across: bool) -> Pixels:
    wave = np.sin(2 * np.pi * np.arange(96) / period) * 100 + 128
    plane = np.broadcast_to(wave[None] if across else wave[:, None], (96, 96))
    return np.repeat(plane[..., None], 3, axis=2).astype(np.uint8)


@pytest.fixture
def picture(tmp_path: Path) -> Callable[[str, Pixels], Path]:
    def write(name: str, pixels: Pixels) -> Path:
        cv2.imwrite(str(tmp_path / name), pixels[..., ::-1])
        return tmp_path / name

    return write


def guided(path: Path | None, **settings: object) -> tuple[DreamCore, DreamConfig]:
    config = DreamConfig(
        layers={"deep": 1.0}, guide=path, max_loss=None, **{**SMALL_LOOK, **settings}
    )
    return DreamCore(config, small_extractor()), config


def dreamed(core: DreamCore, config: DreamConfig, steps: int = 8) -> FloatImage:
    return core.run(PHOTO, EVEN, step_params(config), Schedule([SIZE], steps))[-1].image


def test_a_guide_of_no_weight_leaves_the_squares_as_they_are() -> None:
    features, cells = GuideFeatures([6]), tf.random.stateless_uniform([1, 3, 4, 6], [1, 2])
    features.take([np.random.default_rng(0).uniform(0, 1, (5, 5, 6)).astype(np.float32)])
    np.testing.assert_allclose(features.density(0, cells, 0.0), tf.square(cells), rtol=1e-6)


def test_in_full_what_counts_is_the_squared_part_along_the_match_and_its_slope() -> None:
    features, cells = GuideFeatures([6]), tf.random.stateless_uniform([1, 3, 4, 6], [1, 2])
    guide = np.random.default_rng(0).uniform(0, 1, (5, 5, 6)).astype(np.float32)
    features.take([guide])
    with tf.GradientTape() as tape:
        tape.watch(cells)
        value = tf.reduce_sum(features.density(0, cells, 1.0))
    vectors = cells.numpy().reshape(-1, 6)
    directions = match(tf.constant(vectors), tf.constant(guide.reshape(-1, 6))).numpy()
    along = (vectors * directions).sum(axis=1)
    assert float(value) == pytest.approx(float(np.square(along).sum()), rel=1e-5)
    slope = tape.gradient(value, cells).numpy().reshape(-1, 6)
    np.testing.assert_allclose(slope, 2 * along[:, None] * directions, rtol=1e-4, atol=1e-6)


def test_a_match_is_the_guides_vector_with_the_largest_product() -> None:
    guide = np.eye(4, dtype=np.float32) * [3, 1, 1, 1]
    vectors = tf.constant([[0, 5, 0, 0.1], [1, 0, 0, 0.9]], tf.float32)
    found = match(vectors, tf.constant(guide, tf.float32)).numpy()
    np.testing.assert_allclose(found, [[0, 1, 0, 0], [1, 0, 0, 0]], atol=0.01)


def test_a_match_of_nothing_is_finite() -> None:
    assert np.isfinite(match(tf.zeros([3, 4]), tf.zeros([2, 4]))).all()


def test_the_strongest_of_a_guides_places_are_kept_and_no_more() -> None:
    vectors = np.arange(1, 2 * MOST_FEATURES + 1, dtype=np.float32)[:, None]
    kept = strongest(vectors)
    assert kept.shape == (MOST_FEATURES, 1)
    assert kept.min() == MOST_FEATURES + 1


def test_a_guided_loss_is_at_most_the_unguided_one(
    picture: Callable[[str, Pixels], Path],
) -> None:
    core, config = guided(picture("guide.png", stripes(8, across=True)))
    image = dreamed(core, config)
    losses = [
        core.measure(image, step_params(config.changed(guide_weight=weight)))
        for weight in (0.0, 0.5, 1.0)
    ]
    assert losses == sorted(losses, reverse=True)
    assert losses[2] > 0
    free, unguided = guided(None)
    assert losses[0] == pytest.approx(free.measure(image, step_params(unguided)), rel=1e-5)


def in_colour(channel: int) -> Pixels:
    grain = np.zeros((96, 96, 3), np.uint8)
    grain[..., channel] = fractal_pixels(96, 96, seed=channel)[..., 0]
    return grain


def test_a_dream_takes_after_its_own_guide_more_than_after_another(
    picture: Callable[[str, Pixels], Path],
) -> None:
    guides = [guided(picture(f"{channel}.png", in_colour(channel))) for channel in (0, 2)]
    dreams = [dreamed(core, config) for core, config in guides]

    def agreement(number: int, image: FloatImage) -> float:
        """The share of the squares that agrees with a guide."""
        core, config = guides[number]
        params = step_params(config), step_params(config.changed(guide_weight=0.0))
        return core.measure(image, params[0]) / core.measure(image, params[1])

    for number in (0, 1):
        own, other = (agreement(number, dreams[each]) for each in (number, 1 - number))
        assert own > other
        assert own > agreement(number, PHOTO)


def test_a_step_gains_what_it_predicts(picture: Callable[[str, Pixels], Path]) -> None:
    path = picture("guide.png", stripes(8, across=True))
    core, config = guided(path, step_size=0.001, jitter=0)
    (octave,) = core.run(PHOTO, EVEN, step_params(config), Schedule([SIZE], 1))
    before = core.measure(PHOTO, step_params(config))
    assert octave.loss == pytest.approx(before, rel=1e-5)
    gain = core.measure(octave.image, step_params(config)) - before
    assert gain == pytest.approx(octave.predicted_loss - before, rel=0.2)


def test_weights_and_guides_may_change_without_a_trace(
    tmp_path: Path, picture: Callable[[str, Pixels], Path]
) -> None:
    film = [stripes(8, across=True)] * 3 + [stripes(8, across=False)] * 3
    path = clips.write_clip(tmp_path / "guide.mp4", film)
    core, config = guided(path)
    first = dreamed(core, config)
    half = dreamed(core, config.changed(guide_weight=0.5))
    core.go_to(Fraction(4, 25))
    second = dreamed(core, config)
    assert core.traces == 1
    assert np.abs(first - half).max() > 0.01
    assert np.abs(first - second).max() > 0.01
    core.go_to(Fraction(0))
    np.testing.assert_array_equal(dreamed(core, config), first)


@pytest.mark.parametrize("weight", [0.4, 1.0])
def test_tiles_change_nothing_but_the_last_digits(weight: float) -> None:
    extractor = small_extractor(layers=("shallow", "deep"))
    features = GuideFeatures([8, 12])
    generator = np.random.default_rng(2)
    features.take([generator.uniform(0, 1, (9, 9, n)).astype(np.float32) for n in (8, 12)])
    image, coefficients = tf.constant(PHOTO[None]), np.array([1.0, 0.4], np.float32)
    results = []
    for tile in ("off", 16):
        loss = Objective(extractor, tile, features)
        tiling = loss.tiling(SIZE)
        assert (tile == "off") == (len(tiling.tiles) == 1)
        results.append(loss.value_and_gradient(image, tiling, coefficients, tf.constant(weight)))
        assert loss.measure(PHOTO[None], coefficients, weight) == pytest.approx(
            float(results[-1][0]), rel=1e-5
        )
    (whole, slope), (tiled, parts) = results
    assert float(tiled) == pytest.approx(float(whole), rel=1e-5)
    np.testing.assert_allclose(parts, slope, rtol=1e-3, atol=1e-7)


def test_a_guided_film_keeps_below_its_ceiling_and_shows_its_guide(
    picture: Callable[[str, Pixels], Path],
) -> None:
    path = picture("guide.png", stripes(8, across=True))
    scene = fractal_pixels(80, 110, seed=3)
    config = DreamConfig(layers={"deep": 1.0}, guide=path, max_loss=1.5, octaves=2)
    dreamer = Dreamer(config, small_extractor({}), measure_losses=True)
    unguided = Dreamer(config.changed(guide=None), small_extractor({}))
    for shift in range(4):
        pixels = np.ascontiguousarray(scene[:, shift * 2 : shift * 2 + 96])
        dream, other = dreamer.dream(pixels), unguided.dream(pixels)
        assert dreamer.report.loss is not None
        assert dreamer.report.loss <= 1.5
        assert np.abs(dream.astype(int) - other).mean() > 0.5
    dreamer.change(guide_weight=0.2)
    with pytest.raises(ValueError, match="guide"):
        dreamer.change(guide=None)


# --- the guide's picture at each time ------------------------------------------------------------


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Six frames at 25 a second, each of its own grey."""
    frames = [np.full((32, 32, 3), 40 + 30 * number, np.uint8) for number in range(6)]
    frames = [
        np.ascontiguousarray(f + (np.indices((32, 32)).sum(0) % 2)[..., None]) for f in frames
    ]
    return clips.write_clip(tmp_path / "guide.mp4", [f.astype(np.uint8) for f in frames])


def greys(film: GuideFilm, times: list[float]) -> list[int | None]:
    """The numbers of the frames that are given; None where nothing has changed."""
    given = [film.at(Fraction(time).limit_denominator(1000)) for time in times]
    return [None if each is None else round((float(each.mean()) - 40) / 30) for each in given]


def test_a_film_guides_by_its_frame_at_the_time(film: Path) -> None:
    reader = GuideFilm(film)
    assert greys(reader, [0, 0.01, 0.04, 0.05, 0.16, 0.16]) == [0, None, 1, None, 4, None]
    reader.close()


def test_an_earlier_time_begins_the_film_again(film: Path) -> None:
    reader = GuideFilm(film)
    assert greys(reader, [0.2, 0.0, 0.08]) == [5, 0, 2]
    reader.close()


def test_a_film_that_is_shorter_stays_at_its_end_and_says_so_once(
    film: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reader = GuideFilm(film)
    with caplog.at_level(logging.WARNING, "dreamstream"):
        assert greys(reader, [0.2, 0.23]) == [5, None]
        assert not caplog.messages
        assert greys(reader, [0.28, 0.32, 9]) == [None, None, None]
    assert caplog.messages == [
        f"guide: {film} ends after 0.24 s: its last frame guides what is left"
    ]


def test_a_film_that_comes_again_does_so_at_its_own_pace(film: Path) -> None:
    reader = GuideFilm(film, again=True)
    assert greys(reader, [0, 0.2, 0.24, 0.28, 0.4, 0.48, 2.44]) == [0, 5, 0, 1, 4, 0, 1]
    reader.close()


def test_a_still_is_given_once_whatever_the_time(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "still.png"), stripes(8, across=True))
    reader = GuideFilm(tmp_path / "still.png", again=True)
    given = [reader.at(Fraction(time)) for time in (0, 5, 900)]
    assert given[0] is not None
    assert given[1:] == [None, None]


@pytest.mark.parametrize("size", [(16, 16), (100, 700), (1200, 900)], ids=str)
def test_guides_of_all_sizes_are_looked_at_at_one_size(size: tuple[int, int]) -> None:
    shape = guide_pixels(np.zeros((*size, 3), np.uint8)).shape
    assert shape[0] * shape[1] == pytest.approx(224**2, rel=0.02)
    assert shape[0] / shape[1] == pytest.approx(size[0] / size[1], rel=0.02)


def test_a_guide_without_a_cell_inside_the_border_is_refused(
    picture: Callable[[str, Pixels], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dreamstream.dream.guide_film.PIXELS", 16**2)
    with pytest.raises(SourceError, match=r"^guide: .*too narrow for the chosen layers"):
        guided(picture("guide.png", stripes(8, across=True)))
