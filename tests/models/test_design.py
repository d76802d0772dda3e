"""What a network is built of, as a value that its weights' file carries."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from dreamstream.errors import ModelError
from dreamstream.models import dreamnet
from dreamstream.models.compile import make_program
from dreamstream.models.design import (
    PICTURE,
    Design,
    Operation,
    contrast,
    convolution,
    join,
    linear,
    maxima,
)
from dreamstream.models.device import Engine
from dreamstream.models.extractor import load_model
from dreamstream.models.keras_import import read_graph
from dreamstream.models.plain import PlainDreamnet
from tools.dreamnet_training import checkpoints
from tools.dreamnet_training.students import STUDENTS

SMALL = Design(
    (
        convolution("first", PICTURE, 6, 5, 2),
        maxima("halved", "first"),
        contrast("even", "halved"),
        convolution("point", "even", 4),
        convolution("look", "even", 3, 3),
        maxima("near", "even", 1),
        join("fork", ("point", "look", "near")),
        linear("rank", "fork", 2, 3),
        convolution("deep", "rank", 5),
    ),
    ("fork", "deep"),
)


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(3)
    return dreamnet.build_architecture(SMALL)


@pytest.fixture
def path(model: keras.Model, tmp_path: Path) -> Path:
    checkpoints.export(SMALL, model, np.array([2.0, 3.0]), tmp_path / "small.npz")
    return tmp_path / "small.npz"


def picture(height: int = 45, width: int = 70) -> Any:
    return tf.random.stateless_uniform((1, height, width, 3), (1, 2), -1, 1)


@pytest.mark.parametrize("design", [SMALL, *STUDENTS.values()])
def test_a_design_written_as_text_is_read_as_the_same(design: Design) -> None:
    assert Design.from_json(design.to_json()) == design


def test_channels_and_strides_follow_from_the_operations() -> None:
    assert SMALL.channels["fork"] == 4 + 3 + 6
    assert SMALL.strides == {"first": 2, **dict.fromkeys(list(SMALL.strides)[1:], 4)}
    assert SMALL.weight_shapes()["even/kernel"] == (1, 1, 6, 6)
    assert SMALL.weight_shapes()["rank/kernel"] == (3, 3, 13, 2)
    assert SMALL.weight_shapes()["deep/kernel"] == (1, 1, 2, 5)


def test_a_cut_keeps_what_its_layers_depend_on() -> None:
    cut = SMALL.cut(["look"])
    assert [each.name for each in cut.operations] == ["first", "halved", "even", "look"]


@pytest.mark.parametrize(
    "operations",
    [
        [convolution("one", "nothing", 3)],
        [convolution("one", PICTURE, 3), convolution("one", "one", 3)],
        [Operation("one", "guess", (PICTURE,))],
        [Operation("one", "maxima", (PICTURE, PICTURE))],
        [convolution("one", PICTURE, 0)],
    ],
)
def test_what_is_no_network_is_refused(operations: list[Operation]) -> None:
    with pytest.raises(ValueError, match="one "):
        Design(tuple(operations))


@pytest.mark.parametrize("text", ["{}", "[]", "nonsense", json.dumps({"operations": [1]})])
def test_text_that_describes_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"cannot be read|Expecting value"):
        Design.from_json(text)


def test_a_file_builds_the_network_that_it_describes(model: keras.Model, path: Path) -> None:
    assert dreamnet.design_of(dreamnet.read_weights(path)) == SMALL
    assert dreamnet.layer_scales(path) == {"fork": 2.0, "deep": 3.0}
    for given, expected in zip(
        dreamnet.build_dreamnet(path)(picture()), model(picture()), strict=True
    ):
        np.testing.assert_allclose(given, expected, rtol=1e-2, atol=1e-2)


def test_plain_operations_are_the_keras_models(path: Path) -> None:
    plain = PlainDreamnet(dreamnet.read_weights(path), SMALL.layers)
    expected = dreamnet.build_dreamnet(path)(picture())
    given = make_program(plain.graph(), Engine())(picture())
    shapes = plain.graph().output_shapes(tuple(picture().shape[1:]))
    for one, other, shape in zip(given, expected, shapes, strict=True):
        assert tuple(one.shape) == (1, *shape)
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_plain_operations_have_the_keras_models_gradient(path: Path) -> None:
    plain = make_program(PlainDreamnet(dreamnet.read_weights(path), ["deep"]).graph(), Engine())
    whole = dreamnet.build_dreamnet(path)
    gradients = []
    for network in (plain, whole):
        with tf.GradientTape() as tape:
            image = picture()
            tape.watch(image)
            loss = tf.reduce_mean(tf.square(network(image)[-1]))
        gradients.append(tape.gradient(loss, image).numpy())
    given, expected = gradients
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(given, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


def test_a_plain_network_sees_what_its_cells_depend_on(path: Path) -> None:
    graph = PlainDreamnet(dreamnet.read_weights(path), ["fork"]).graph()
    chain = [operation for operation in SMALL.operations if operation.kind != "contrast"]
    taken = {"even": "halved"}
    same = Design(
        tuple(
            Operation(**{**vars(each), "inputs": tuple(taken.get(n, n) for n in each.inputs)})
            for each in chain
        ),
        ("fork",),
    )
    keras_graph = read_graph(dreamnet.build_architecture(same))
    assert graph.footprint().fields == keras_graph.footprint().fields


def test_a_file_of_another_network_is_loaded_by_its_own_layers(path: Path) -> None:
    extractor = load_model("dreamnet", ["deep"], path)
    assert extractor.layer_scales == {"deep": 3.0}
    assert extractor(picture())[0].shape[-1] == 5
    with pytest.raises(ModelError, match="no layer 3b; it has fork, deep"):
        load_model("dreamnet", ["eyes"], path)


def test_contrast_is_what_it_says(path: Path) -> None:
    weights = dict(dreamnet.read_weights(path))
    features = np.abs(np.random.default_rng(0).normal(size=(1, 4, 5, 6))).astype(np.float32)
    model = dreamnet.build_dreamnet(path)
    kernel = weights["even/kernel"].astype(np.float32)[0, 0]
    expected = features / (1 + features**2 @ kernel**2) ** 0.75
    np.testing.assert_allclose(model.get_layer("even")(features), expected, rtol=1e-4)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_contrast_stands_narrow_numbers(path: Path, precision: str) -> None:
    plain = PlainDreamnet(dreamnet.read_weights(path), ["fork"])
    wide, narrow = (
        make_program(plain.graph(), Engine(each))(picture())[0] for each in ("float32", precision)
    )
    assert np.abs(wide - narrow).max() < 0.05 * np.abs(wide).max()
