"""The parts of the benchmark of speed that could be wrong without anyone's noticing."""

import time
from fractions import Fraction

import keras
import numpy as np
import pytest
import tensorflow as tf
from calibrated import natural_pictures
from networks import small_extractor

from benchmarks.dreamnet import count_operations as dreamnet_operations
from benchmarks.pace.frames import weigh
from benchmarks.pace.original import OriginalLoss, OriginalProgram
from benchmarks.pace.precision import distance
from benchmarks.pace.renders import Render
from benchmarks.pace.stages import Stopwatch
from benchmarks.pace.steps import count_operations
from dreamstream.config import DreamConfig
from dreamstream.dream.dreamer import Dreamer
from dreamstream.dream.report import DreamReport, FrameRecord
from dreamstream.frames import FloatImage, Pixels, to_model_range, to_pixels
from dreamstream.models.dreamnet import build_dreamnet, bundled_design

STEPS = 3


@pytest.fixture(scope="module")
def photo() -> Pixels:
    return to_pixels(0.5 * natural_pictures(1, 120)[0, :100])


def test_the_distance_of_dreams_is_in_shares_of_the_first_ones_strength() -> None:
    one = [np.full((4, 4, 3), 0.2, np.float32)]
    assert distance(one, one) == 0
    assert distance([3 * each for each in one], one) == pytest.approx(2)


def test_operations_are_two_for_each_product_and_sum_of_convolutions_and_matrices() -> None:
    picture = keras.Input((None, None, 3))
    strided = keras.layers.Conv2D(8, 3, 2, padding="same")(picture)
    apart = keras.layers.DepthwiseConv2D(5, padding="valid", depth_multiplier=2)(strided)
    features = keras.Model(picture, apart)
    matrix = tf.zeros((16, 10))

    def network(image: object) -> list[object]:
        return [tf.matmul(tf.reshape(features(image), (-1, 16)), matrix)]

    rows, columns = 20 - 4, 30 - 4
    convolutions = 20 * 30 * 9 * 3 * 8 + rows * columns * 25 * 8 * 2
    products = rows * columns * 16 * 10
    assert count_operations(network, (40, 60)) == 2 * (convolutions + products)


def test_operations_of_dreamnet_are_those_counted_from_its_plan() -> None:
    whole = build_dreamnet()
    animals = keras.Model(whole.input, whole.get_layer("4a").output)
    counted = count_operations(lambda image: [animals(image)], (128, 192))
    assert counted / (128 * 192) == pytest.approx(
        1000 * dreamnet_operations(bundled_design())["4a"]
    )


@pytest.mark.parametrize("max_loss", [None, 0.5], ids=["no ceiling", "stopped by it"])
def test_the_original_program_dreams_what_the_preset_classic_does(
    max_loss: float | None, photo: Pixels
) -> None:
    extractor = small_extractor()
    config = DreamConfig(
        preset="classic", layers={"deep": 2.0}, first_steps=STEPS, max_loss=max_loss
    )
    dreamer = Dreamer(config, extractor)
    dreamer.dream(photo)
    program = OriginalProgram(OriginalLoss(extractor, [2.0]), max_loss, STEPS)
    for ours, theirs in zip(dreamer.octave_images, program.dream_octaves(photo), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)
    assert program.steps == sum(dreamer.report.steps)


def test_dreams_are_weighed_at_the_strength_of_the_weakest() -> None:
    noise = np.random.default_rng(0)
    sources = [np.full((40, 60, 3), 128, np.uint8)] * 2
    weak = [noise.integers(118, 139, (40, 60, 3), np.uint8) for _ in sources]
    strong = [(128 + 3 * (dream.astype(int) - 128)).astype(np.uint8) for dream in weak]
    found = weigh(sources, {"weak": weak, "strong": strong}, _brightness)
    assert found["strong"]["rms"] == pytest.approx(3 * found["weak"]["rms"])
    assert found["strong"]["equal_rms"] == pytest.approx(found["weak"]["rms"], rel=0.01)
    assert found["weak"]["equal_gain"] == found["weak"]["gain"]
    assert found["strong"]["equal_gain"] == pytest.approx(found["weak"]["gain"], rel=0.01)


def _brightness(image: FloatImage) -> float:
    return float(np.exp(10 * np.square(image).mean()))


def test_an_undreamed_film_has_no_gain(photo: Pixels) -> None:
    found = weigh([photo], {"one": [photo]}, lambda image: float(np.square(image).mean()))
    assert found["one"]["gain"] == found["one"]["equal_gain"] == found["one"]["rms"] == 0


def test_a_stage_is_counted_without_the_stages_that_it_calls() -> None:
    watch = Stopwatch()
    inner = watch.timed("inner", lambda: time.sleep(0.05))

    def call_twice() -> None:
        inner()
        inner()
        time.sleep(0.02)

    outer, begun = watch.timed("outer", call_twice), time.perf_counter()
    outer()
    lasted = time.perf_counter() - begun
    assert watch.seconds["inner"] >= 0.1
    assert watch.seconds["outer"] >= 0.02
    assert sum(watch.seconds.values()) == pytest.approx(lasted, abs=0.02)


def test_cold_frames_and_those_that_trace_do_not_count_and_closing_does() -> None:
    walls = [9.0, 8.0, 1.0, 1.0, 1.0, 7.0, 1.0, 2.0]
    warm = [False, True, True, True, True, False, True, True]
    made = Render([_record(*each) for each in zip(walls, warm, strict=True)], 0.8, [])
    assert made.seconds == pytest.approx((1 + 1 + 2) / 3 + 0.1)


def _record(wall: float, warm: bool) -> FrameRecord:
    return FrameRecord(0, Fraction(0), DreamReport(warm=warm), 0.0, 0.0, wall)


def test_the_original_program_truncates(photo: Pixels) -> None:
    program = OriginalProgram(OriginalLoss(small_extractor(), [1.0]), 0.0)
    dream = program.dream(photo)
    assert program.steps == 0
    exact = (to_model_range(photo) / 2 + np.float32(0.5)) * np.float32(255)
    difference = exact - dream
    assert difference.min() > -1e-3
    assert difference.max() < 1 + 1e-3
