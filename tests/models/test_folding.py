"""The network as it runs against the network as Keras runs it."""

import json
from pathlib import Path
from typing import Any

import calibrated
import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import make_small, small_extractor

from dreamstream.models.applications import build_headless, canonical_layers
from dreamstream.models.catalog import find_model
from dreamstream.models.compile import make_program
from dreamstream.models.convolutions import Convolution, DepthwiseConvolution
from dreamstream.models.device import Engine
from dreamstream.models.extractor import load_model
from dreamstream.models.folding import fold
from dreamstream.models.graph import Graph
from dreamstream.models.keras_import import read_graph
from dreamstream.models.operations import Border, KerasCall, Norm, Pool, Rectifier

layers = keras.layers
SIDES = (37, 46)


@pytest.fixture
def picture() -> tf.Tensor:
    return tf.constant(np.random.default_rng(3).uniform(-1, 1, (1, *SIDES, 3)), tf.float32)


def randomise(model: keras.Model, seed: int = 0) -> keras.Model:
    """Assign every weight a value; batch norms statistics far from those they begin with."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        shape = tuple(weight.shape)
        spread = np.sqrt(2 / max(1, np.prod(shape[:-1])))
        values = rng.normal(0, spread if len(shape) > 1 else 0.3, shape)
        positive = weight.name in ("gamma", "moving_variance")
        weight.assign(np.abs(values) + 0.5 if positive else values)
    return model


def model_of(*steps: Any, wanted: tuple[int, ...] = (-1,)) -> keras.Model:
    """Chain layers behind a picture; return the outputs of some of them."""
    tensors = [keras.Input((None, None, 3))]
    for step in steps:
        tensors.append(step(tensors[-1]))
    outputs = [tensors[index] for index in wanted]
    return randomise(keras.Model(tensors[0], outputs))


def value_and_gradient(function: Any, picture: tf.Tensor) -> tuple[list[Any], Any]:
    with tf.GradientTape() as tape:
        tape.watch(picture)
        outputs = keras.tree.flatten(function(picture))
        loss = tf.add_n([tf.reduce_mean(tf.square(output)) for output in outputs])
    return outputs, tape.gradient(loss, picture)


WIDE = Engine("float64")


def in_float64(model: keras.Model) -> keras.Model:
    """Build a model again that computes in float64, with the same weights."""
    config = json.loads(json.dumps(model.get_config()).replace('"float32"', '"float64"'))
    wide = type(model).from_config(config)
    wide.set_weights(model.get_weights())
    return wide


def check_same(model: keras.Model, picture: tf.Tensor) -> None:
    """Compare activations and gradients with those of Keras's own model.

    Both compute in float64, so that no rounding, which differs from processor to processor, moves
    a value over a rectifier's edge.  InceptionV3's gradients of 12 photos are then off by 5e-8 of
    their norm, what folding rounds the weights by; in float32 by 2e-6 to 2e-2.
    """
    wide = in_float64(model)
    ours, gradient = value_and_gradient(make_program(read_graph(model), WIDE), picture)
    theirs, expected = value_and_gradient(
        lambda x: wide(x, training=False), tf.cast(picture, tf.float64)
    )
    for one, other in zip(ours, theirs, strict=True):
        scale = float(tf.reduce_max(tf.abs(other)))
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=2e-6 * scale)
    error = tf.norm(tf.cast(gradient, tf.float64) - expected)
    assert 0 <= float(error) < 1e-5 * float(tf.norm(expected))


def count(graph: Graph, kind: type) -> int:
    return sum(isinstance(node.operation, kind) for node in graph.nodes)


def norm(**options: Any) -> keras.Layer:
    return layers.BatchNormalization(epsilon=0.01, **options)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("side", [1, 2, 3, 4, (1, 7)])
@pytest.mark.parametrize("spread", [{}, {"strides": 2}, {"strides": 3}, {"dilation_rate": (2, 3)}])
def test_every_convolution_is_kerass_with_its_gradient(
    padding: str, side: Any, spread: dict[str, Any], picture: tf.Tensor
) -> None:
    check_same(
        model_of(
            layers.Conv2D(5, side, padding=padding, use_bias=False, **spread),
            norm(scale=False),
            layers.Activation("relu"),
            layers.Conv2D(4, side, padding=padding, activation="relu", **spread),
            norm(),
        ),
        picture,
    )


@pytest.mark.parametrize("options", [{"scale": False}, {"center": False}, {}])
@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv2D(6, 3),
        layers.Conv2D(6, 3, use_bias=False),
        layers.DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2),
        layers.SeparableConv2D(5, 3, padding="same", use_bias=False, depth_multiplier=2),
        layers.SeparableConv2D(5, 3, dilation_rate=2),
    ],
)
def test_a_norm_disappears_into_the_convolution_before_it(
    layer: keras.Layer, options: dict[str, bool], picture: tf.Tensor
) -> None:
    layer = type(layer).from_config(layer.get_config())
    model = model_of(layer, norm(**options), layers.ReLU(6.0), layers.Conv2D(4, 1))
    check_same(model, picture)
    folded = fold(read_graph(model))
    assert not count(folded, Norm)
    assert not count(folded, KerasCall)


@pytest.mark.parametrize("wanted", [(1,), (2,), (3,), (1, 2, 3), (2, 2, 4), (4, 1)])
def test_a_layer_in_the_midst_of_a_folded_pair_can_be_chosen(
    wanted: tuple[int, ...], picture: tf.Tensor
) -> None:
    chain = [layers.Conv2D(5, 3), norm(), layers.Activation("relu"), layers.Conv2D(4, 3)]
    check_same(model_of(*chain, wanted=wanted), picture)


def test_a_convolution_with_a_second_reader_keeps_its_norm_apart(picture: tf.Tensor) -> None:
    entrance = keras.Input((None, None, 3))
    shared = layers.Conv2D(4, 3, padding="same")(entrance)
    total = layers.Add()([norm()(shared), shared, layers.ReLU()(shared)])
    model = randomise(keras.Model(entrance, layers.Concatenate()([total, shared])))
    check_same(model, picture)
    folded = fold(read_graph(model))
    assert (count(folded, Norm), count(folded, Convolution)) == (1, 1)


@pytest.mark.parametrize(
    "activated", [layers.Conv2D(5, 3, activation="relu"), layers.Conv2D(5, 3, activation="tanh")]
)
def test_a_norm_behind_an_activation_stays(activated: keras.Layer, picture: tf.Tensor) -> None:
    model = model_of(activated, norm(), layers.Conv2D(4, 3))
    check_same(model, picture)
    assert count(fold(read_graph(model)), Norm) == 1


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv2D(6, 3, groups=3),
        layers.LeakyReLU(),
        layers.ReLU(negative_slope=0.1),
        layers.ReLU(max_value=3.0),
        layers.Activation("swish"),
        layers.UpSampling2D(),
        layers.Rescaling(2.0, offset=0.5),
    ],
)
def test_a_layer_of_another_kind_is_left_to_keras(layer: keras.Layer, picture: tf.Tensor) -> None:
    layer = type(layer).from_config(layer.get_config())
    model = model_of(layers.Conv2D(6, 3), layer, norm(), layers.Conv2D(4, 3))
    check_same(model, picture)
    assert count(fold(read_graph(model)), KerasCall) == 1


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("pool", [layers.MaxPooling2D, layers.AveragePooling2D])
def test_pools_and_borders_are_kerass(pool: Any, padding: str, picture: tf.Tensor) -> None:
    model = model_of(
        layers.ZeroPadding2D(((1, 2), (3, 0))),
        layers.Conv2D(4, 3),
        pool(3, 2, padding=padding),
        pool(3, 1, padding=padding),
    )
    check_same(model, picture)
    assert count(read_graph(model), Border) == 1


@pytest.mark.parametrize("ceiling", [None, 6.0])
@pytest.mark.parametrize(
    ("wanted", "pool", "last"),
    [
        ((-1,), layers.MaxPooling2D, Rectifier),
        ((-1,), layers.AveragePooling2D, Pool),
        ((2, -1), layers.MaxPooling2D, Pool),  # the rectified map itself is wanted too
    ],
)
def test_what_nothing_else_reads_is_rectified_behind_a_pool_of_maxima(
    wanted: tuple[int, ...], pool: Any, last: type, ceiling: float | None, picture: tf.Tensor
) -> None:
    model = model_of(
        layers.Conv2D(4, 3), layers.ReLU(ceiling), pool(3, 2, padding="same"), wanted=wanted
    )
    check_same(model, picture)
    assert isinstance(fold(read_graph(model)).outputs[-1].operation, last)


@pytest.mark.parametrize(
    ("name", "depth"),
    [
        ("resnet50", "conv2_block2_out"),
        ("xception", "block4_sepconv1_act"),
        ("mobilenet_v2", "block_3_expand_relu"),
        pytest.param("inception_resnet_v2", "block35_2_ac", marks=pytest.mark.slow),
        ("vgg16", "block2_conv2"),
    ],
)
def test_applications_come_out_folded_and_the_same(
    name: str, depth: str, picture: tf.Tensor
) -> None:
    whole = build_headless(find_model(name))
    known = canonical_layers(whole)
    model = randomise(keras.Model(whole.input, known[depth].output))
    check_same(model, tf.image.resize(picture, (75, 91)))
    read, folded = (read_graph(model), fold(read_graph(model)))
    assert not count(folded, Norm)
    convolutions = (Convolution, DepthwiseConvolution)
    assert sum(count(folded, kind) for kind in convolutions) >= min(3, count(read, Convolution))


def test_inception_v3_gives_the_same_activations_and_gradient(
    inception_v3_weights: Path,
) -> None:
    extractor = load_model("inception_v3", calibrated.CLASSIC_LAYERS, inception_v3_weights)
    photo = tf.constant(calibrated.natural_pictures(1, 120, seed=4)[:, :100])
    check_same(extractor.model, photo)
    folded = fold(read_graph(extractor.model))
    assert (count(folded, Norm), count(folded, KerasCall)) == (0, 0)


def test_nested_models_and_several_outputs_are_read(picture: tf.Tensor) -> None:
    inner = model_of(layers.Conv2D(4, 3), norm(), layers.ReLU(), wanted=(1, 3))
    entrance = keras.Input((None, None, 3))
    shallow, deep = inner(layers.Rescaling(3.0)(entrance)[..., ::-1])
    model = keras.Model(entrance, [layers.Conv2D(2, 1)(deep), shallow])
    check_same(model, picture)


def test_weights_are_copied_when_an_extractor_is_made(picture: tf.Tensor) -> None:
    extractor = make_small()
    (before,) = extractor(picture)
    assert isinstance(extractor.model, keras.Model)
    extractor.model.set_weights([0 * weight for weight in extractor.model.get_weights()])
    np.testing.assert_array_equal(extractor(picture)[0], before)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_a_narrow_type_stays_close_and_gives_float32(precision: str, picture: tf.Tensor) -> None:
    extractor = load_model("dreamnet", ["patterns", "animals"])
    photo = tf.constant(calibrated.natural_pictures(1, 128, seed=5))
    narrow = load_model("dreamnet", ["patterns", "animals"], engine=Engine(precision))
    ours, gradient = value_and_gradient(narrow, photo)
    theirs, expected = value_and_gradient(extractor, photo)
    assert {tensor.dtype for tensor in [*ours, gradient]} == {tf.float32}
    for one, other in zip(ours, theirs, strict=True):
        square, reference = (float(tf.reduce_mean(tf.square(tensor))) for tensor in (one, other))
        assert square == pytest.approx(reference, rel=0.03)
    assert cosine(gradient, expected) > 0.95
    magnitude = float(tf.norm(gradient) / tf.norm(expected))
    assert magnitude == pytest.approx(1, abs=0.05)


def test_float16_keeps_gradients_far_beneath_its_least_number(picture: tf.Tensor) -> None:
    extractor = small_extractor()
    narrow = make_program(read_graph(extractor.model), Engine("float16"))
    tiny = 1e-9  # float16's least is 6e-8
    ours, theirs = (
        value_and_gradient(lambda x, f=f: [tiny * each for each in f(x)], picture)[1]
        for f in (narrow, extractor)
    )
    assert cosine(ours, theirs) > 0.95


def test_a_compiled_network_is_the_same_and_has_the_same_gradient(picture: tf.Tensor) -> None:
    model = model_of(layers.Conv2D(4, 3, strides=2), norm(), layers.ReLU(), layers.Conv2D(3, 2))
    compiled = Engine("float64", compiled=True)  # so that no rounding tips a rectifier
    ours, gradient = value_and_gradient(make_program(read_graph(model), compiled), picture)
    theirs, expected = value_and_gradient(make_program(read_graph(model), WIDE), picture)
    for one, other in ((ours[0], theirs[0]), (gradient, expected)):
        scale = float(tf.reduce_max(tf.abs(other)))
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6 * scale)  # given in float32


def cosine(one: Any, other: Any) -> float:
    first, second = (np.asarray(each, np.float64).ravel() for each in (one, other))
    return float(first @ second / np.sqrt((first @ first) * (second @ second)))
