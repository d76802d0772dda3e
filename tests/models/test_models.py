import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import calibrated
import keras
import numpy as np
import pytest
import tensorflow as tf

from dreamstream._libraries import cv2
from dreamstream.config import LayerTerm
from dreamstream.errors import ModelError
from dreamstream.frames import to_model_range
from dreamstream.models import dreamnet
from dreamstream.models.applications import (
    build_headless,
    caffe_preprocessing,
    canonical_layers,
)
from dreamstream.models.catalog import DEPTHS, MODELS, ModelEntry, find_model
from dreamstream.models.extractor import FeatureExtractor, list_layers_text, load_model

APPLICATIONS = [entry for entry in MODELS.values() if entry.application]
ORIGINAL_FLOOR = 1e-7  # below it the original program's normalisation gives in

every_application = pytest.mark.parametrize(
    "entry", APPLICATIONS, ids=[entry.name for entry in APPLICATIONS]
)


@pytest.fixture(scope="module")
def inception(inception_v3_weights: Path) -> FeatureExtractor:
    return load_model("inception_v3", calibrated.CLASSIC_LAYERS, inception_v3_weights)


@pytest.fixture
def picture() -> tf.Tensor:
    return tf.constant(calibrated.natural_pictures(1, 96, seed=1))


@every_application
def test_every_described_layer_exists_from_shallow_to_deep(entry: ModelEntry) -> None:
    model = build_headless(entry)
    assert round(model.count_params() / 1e6, 1) == entry.parameters
    names = list(canonical_layers(model))
    assert set(entry.layers) <= set(names)
    deep = [canonical_layers(model)[entry.resolve(word)].output for word in DEPTHS]
    shapes = keras.Model(model.input, deep).compute_output_shape((1, 512, 512, 3))
    sides = [shape[1] for shape in shapes]
    assert sides == sorted(sides, reverse=True)


@every_application
def test_urls_and_hashes_are_those_that_keras_publishes(entry: ModelEntry) -> None:
    published = entry.published
    assert published
    module = sys.modules[getattr(keras.applications, entry.application).__module__]
    source = inspect.getsource(module)
    assert published.url.rpartition("/")[0].rpartition("/")[2] in source
    assert "storage.googleapis.com/tensorflow/" in source
    if published.md5:
        assert published.md5 in source
    else:
        assert "file_hash" not in source


def test_the_bundled_network_has_the_stated_size() -> None:
    parameters = dreamnet.build_architecture(dreamnet.bundled_design()).count_params()
    assert round(parameters / 1e6, 1) == find_model("dreamnet").parameters


def test_layer_names_do_not_depend_on_what_was_built_before() -> None:
    entry = find_model("xception")
    first = canonical_layers(build_headless(entry))
    second = canonical_layers(build_headless(entry))
    assert list(first) == list(second)
    assert {"conv2d", "conv2d_1", "conv2d_3", "add", "add_11"} <= set(first)
    assert "conv2d_4" not in first
    assert first["add_3"].output.shape == second["add_3"].output.shape


def test_the_calibrated_network_gives_a_photo_a_loss_of_about_two(
    inception: FeatureExtractor,
) -> None:
    for photo in _photos():
        loss, gradient = _loss_and_gradient(inception, photo)
        assert 1 < loss < 4
        assert gradient > 100 * ORIGINAL_FLOOR


def _photos() -> Iterator[tf.Tensor]:
    yield tf.constant(calibrated.natural_pictures(1, 400, seed=2))
    for path in calibrated.real_photos():
        photo = cv2.imread(str(path))
        assert photo is not None
        pixels = cv2.resize(photo, (600, 400), interpolation=cv2.INTER_AREA)[..., ::-1]
        yield tf.constant(to_model_range(pixels.astype(np.uint8))[None])


def _loss_and_gradient(extractor: FeatureExtractor, picture: tf.Tensor) -> tuple[float, float]:
    with tf.GradientTape() as tape:
        tape.watch(picture)
        loss = calibrated.classic_loss(extractor(picture))
    return float(loss), float(tf.reduce_mean(tf.abs(tape.gradient(loss, picture))))


def test_calibrated_weights_are_the_same_every_time() -> None:
    first, second = (calibrated.natural_pictures(2, 32) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_activations_are_those_of_the_uncut_network(
    inception: FeatureExtractor, inception_v3_weights: Path, picture: tf.Tensor
) -> None:
    whole = keras.applications.InceptionV3(
        weights=str(inception_v3_weights), include_top=False, input_shape=(None, None, 3)
    )
    layers = [whole.get_layer(name).output for name in calibrated.CLASSIC_LAYERS]
    expected = keras.Model(whole.input, layers)(picture, training=False)
    for ours, theirs in zip(inception(picture), expected, strict=True):
        largest = np.abs(theirs).max()  # float32 is off by 1e-6 of it, another layer by much of it
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-3 * largest)


def test_the_network_is_cut_at_the_deepest_chosen_layer_and_frozen(
    inception: FeatureExtractor,
) -> None:
    assert isinstance(inception.model, keras.Model)
    assert inception.model.count_params() < 5.2e6
    assert not inception.model.trainable_weights


def test_inception_v3_keeps_its_raw_units(inception: FeatureExtractor) -> None:
    assert inception.layer_scales == dict.fromkeys(calibrated.CLASSIC_LAYERS, 1.0)


def test_activations_come_in_the_order_asked_for_words_resolved(picture: tf.Tensor) -> None:
    extractor = load_model("dreamnet", ["creatures", "textures"])
    assert extractor.layers == ("4b", "conv2")
    creatures, textures = extractor(picture)
    assert creatures.shape == (1, 6, 6, 512)
    assert textures.shape == (1, 12, 12, 192)
    every = dreamnet.build_dreamnet()(picture)
    np.testing.assert_allclose(creatures, every[4], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(textures, every[0], rtol=1e-4, atol=1e-5)


def test_a_layer_asked_for_twice_is_computed_once(inception_v3_weights: Path) -> None:
    extractor = load_model("inception_v3", ["animals", "mixed4"], inception_v3_weights)
    assert extractor.layers == ("mixed4",)
    assert extractor.terms == (LayerTerm("mixed4"), LayerTerm("mixed4"))
    assert len(extractor(tf.zeros((1, 96, 96, 3)))) == 1


def test_a_single_layer_comes_as_one_activation(picture: tf.Tensor) -> None:
    (activation,) = load_model("dreamnet", ["eyes"])(picture)
    assert activation.shape == (1, 12, 12, 480)


def test_the_bundled_network_ships_its_layers_scales() -> None:
    extractor = load_model("dreamnet", ["eyes"])
    assert extractor.layer_scales == {"3b": dreamnet.layer_scales()["3b"]}


@pytest.mark.parametrize("size", [(45, 81), (64, 64), (203, 100)])
def test_feature_sizes_are_those_of_the_activations(
    inception: FeatureExtractor, size: tuple[int, int]
) -> None:
    activations = inception(tf.zeros((1, *size, 3)))
    actual = [tuple(activation.shape[1:3]) for activation in activations]
    assert list(inception.feature_sizes(*size).values()) == actual


def test_a_picture_too_small_for_the_network_has_no_features(inception: FeatureExtractor) -> None:
    assert set(inception.feature_sizes(4, 9).values()) == {(0, 0)}


def test_caffe_preprocessing_is_that_of_keras() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (1, 8, 9, 3)).astype(np.uint8)
    picture = keras.Input((None, None, 3))
    ours = keras.Model(picture, caffe_preprocessing(picture))(to_model_range(pixels))
    theirs = keras.applications.vgg16.preprocess_input(pixels.astype(np.float32))
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_preprocessing_is_inside_a_caffe_networks_graph(tmp_path: Path, picture: tf.Tensor) -> None:
    whole = build_headless(find_model("vgg16"))
    calibrated.write_legacy(whole, tmp_path / "vgg16.h5")
    extractor = load_model("vgg16", ["textures"], tmp_path / "vgg16.h5")
    levels = (picture + 1) * 127.5
    given = keras.applications.vgg16.preprocess_input(levels)
    layer = keras.Model(whole.input, whole.get_layer("block2_conv2").output)
    np.testing.assert_allclose(extractor(picture)[0], layer(given), rtol=1e-3, atol=1e-3)
    assert extractor.layer_scales is None
    assert extractor.feature_sizes(96, 96) == {"block2_conv2": (48, 48)}


def test_an_unknown_layer_is_refused_with_a_list_of_what_there_is() -> None:
    with pytest.raises(ModelError, match=r"no layer mixed3; it has textures.*--list-layers"):
        load_model("dreamnet", ["mixed3", "eyes"])


def test_a_model_without_layers_is_misuse() -> None:
    with pytest.raises(ValueError, match="layers"):
        load_model("dreamnet", [])


def test_the_list_of_layers_shows_scale_channels_and_look() -> None:
    lines = list_layers_text("dreamnet").splitlines()
    assert [line.split()[1] for line in lines[1:]] == list(DEPTHS)
    assert lines[1].split()[:3] == ["conv2", "textures", "1/8"]
    assert "strokes" in lines[1]


def test_the_list_of_layers_shows_every_layer_of_an_application() -> None:
    text = list_layers_text("mobilenet_v2")
    assert len(text.splitlines()) > 150
    assert "block_6_expand_relu" in text
