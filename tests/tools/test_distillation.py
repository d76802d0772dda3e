"""How dreamnet is taught: layer by layer from the teacher's maps, then as a whole."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from pictures import fractal_pixels

from dreamstream.frames import to_model_range
from dreamstream.models.design import (
    JOIN,
    PICTURE,
    Design,
    contrast,
    convolution,
    join,
    linear,
    maxima,
)
from dreamstream.models.dreamnet import build_architecture
from tools.dreamnet_training import checkpoints, distillation
from tools.dreamnet_training.distillation import (
    Distillation,
    Stage,
    relative_errors,
    stages_of,
)
from tools.dreamnet_training.students import PLAIN_CHAIN, STUDENTS
from tools.dreamnet_training.teacher import InnerMaps, Scaled
from tools.dreamnet_training.validation import layer_scales_of
from tools.train_dreamnet import begin

SIDE = 48


@pytest.fixture(scope="module")
def pictures() -> Any:
    crops = [to_model_range(fractal_pixels(SIDE, SIDE, seed=seed)) for seed in range(4)]
    return np.stack(crops)


BRANCHED = Design(
    (
        convolution("first", PICTURE, 16, 5, 2),
        maxima("halved", "first"),
        contrast("even", "halved"),
        convolution("shallow", "even", 24),
        convolution("point", "shallow", 12),
        convolution("squeeze", "shallow", 8),
        convolution("look", "squeeze", 12, 3),
        join("deep", ("point", "look")),
    ),
    ("shallow", "deep"),
)


@pytest.fixture(params=[PLAIN_CHAIN, BRANCHED], ids=["chain", "branched"])
def design(request: pytest.FixtureRequest) -> Design:
    chosen: Design = request.param
    return chosen


def distillation_of(design: Design, teacher: Any, pictures: Any) -> Distillation:
    student = build_architecture(design)
    inner_maps = InnerMaps(teacher, design.layers, pictures)
    return Distillation(design, student, teacher, np.ones(len(design.layers)), 0.5, inner_maps)


@pytest.fixture
def taught(design: Design, pictures: Any) -> Distillation:
    """A random student and a random teacher of maps of one size."""
    keras.utils.set_random_seed(1)
    raw = build_architecture(design)
    teacher = Scaled(raw, np.sqrt(layer_scales_of(raw, pictures)))
    return distillation_of(design, teacher, pictures)


def test_a_students_stages_are_what_leads_from_one_layer_to_the_next(design: Design) -> None:
    stages = stages_of(design, design.layers)
    assert tuple(stage.name for stage in stages) == design.layers
    assert sum((stage.operations for stage in stages), ()) == design.operations


def test_a_stage_leads_from_each_map_that_the_teacher_has_to_the_next() -> None:
    stages = stages_of(BRANCHED, ("first", "even", "shallow", "point", "look", "deep"))
    led = [[operation.name for operation in stage.operations] for stage in stages]
    # the module's own map is its branches', which are forced one by one
    assert led == [["first"], ["halved", "even"], ["shallow"], ["point"], ["squeeze", "look"]]


def test_what_ends_in_a_layer_is_not_normalised() -> None:
    stages = stages_of(BRANCHED, BRANCHED.layers)
    assert [[each.name for each in stage.inner] for stage in stages] == [["first"], ["squeeze"]]


def test_a_convolution_without_a_relu_is_not_normalised() -> None:
    halves = Design((linear("rank", PICTURE, 2, 3), convolution("whole", "rank", 8)), ("whole",))
    assert [stage.inner for stage in stages_of(halves, halves.layers)] == [[]]


def test_forced_layers_learn_and_the_whole_with_them(
    design: Design, taught: Distillation, pictures: Any
) -> None:
    errors = []
    for rate in np.linspace(2e-2, 1e-4, 60):  # falling, so that the norms' moments keep up
        taught.optimizer.learning_rate.assign(rate)
        errors.append(taught.match_forced(tf.constant(pictures)).numpy())
    assert (errors[-1] < 0.75 * errors[0]).all()
    taught.settle()
    wanted = taught.teacher(pictures)
    whole = relative_errors(taught.student(pictures), wanted).numpy()
    untaught = relative_errors(build_architecture(design)(pictures), wanted).numpy()
    assert (whole < untaught).all()


def test_settled_norms_change_nothing_in_what_a_stage_gives(
    design: Design, taught: Distillation, pictures: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distillation, "MOMENTS_RATE", 1.0)
    taught.optimizer.learning_rate.assign(0.0)
    taught.match_forced(tf.constant(pictures))
    sources = dict(zip(design.layers, taught.teacher(pictures), strict=True))
    sources[PICTURE] = taught.student.get_layer("centre")(pictures)
    normalised = [tf.nn.relu(taught._run_normalised(stage, sources)) for stage in taught.stages]
    taught.settle()
    for stage, expected in zip(taught.stages, normalised, strict=True):
        given = run(taught.student, stage, sources)
        np.testing.assert_allclose(given, expected, rtol=1e-3, atol=1e-4)


def run(student: keras.Model, stage: Stage, sources: Any) -> Any:
    values = dict(sources)
    for operation in stage.operations:
        taken = [values[name] for name in operation.inputs]
        layer = student.get_layer(operation.name)
        values[operation.name] = layer(taken if operation.kind == JOIN else taken[0])
    return values[stage.name]


def test_the_teachers_lead_is_a_direction_of_length_one(
    taught: Distillation, pictures: Any
) -> None:
    layers = len(taught.student.outputs)
    coefficients = np.eye(layers, dtype=np.float32)[np.arange(len(pictures)) % layers]
    smoothings = np.array([0, 0.6, 1.5, 2.6], np.float32)
    lead = taught.lead(
        tf.constant(pictures), tf.constant(coefficients), tf.constant(smoothings)
    ).numpy()
    assert lead.shape == pictures.shape
    np.testing.assert_allclose(np.abs(lead).mean((1, 2, 3)), 1, rtol=1e-3)


@pytest.mark.parametrize("forced", [True, False])
def test_a_training_is_taken_up_where_it_was_left(
    design: Design, taught: Distillation, pictures: Any, tmp_path: Path, forced: bool
) -> None:
    assert checkpoints.resume(tmp_path, taught.student, taught.state) is None
    taught.match_forced(tf.constant(pictures))
    progress = checkpoints.Progress(steps=7, seconds=1.5, forced=forced)
    scales = np.ones(len(design.layers))
    checkpoints.save(tmp_path, design, taught.student, taught.state, scales, progress)
    assert bool(list(tmp_path.glob("step-*.npz"))) is not forced
    other = distillation_of(design, taught.teacher, pictures)
    assert checkpoints.resume(tmp_path, other.student, other.state) == progress
    for one, two in zip(other.state, taught.state, strict=True):
        np.testing.assert_array_equal(one, two)
    one, two = (each.match_forced(tf.constant(pictures)).numpy() for each in (other, taught))
    np.testing.assert_allclose(one, two, rtol=1e-4)


def maps_of(channels: dict[str, int]) -> Any:
    return lambda pictures: [tf.zeros((1, 6, 6, count)) for count in channels.values()]


def test_a_student_has_the_channels_of_its_teacher() -> None:
    wanted = {**{layer: PLAIN_CHAIN.channels[layer] for layer in PLAIN_CHAIN.layers}, "eyes": 7}
    design, student = begin(None, PLAIN_CHAIN, maps_of(wanted))
    assert design.channels["eyes"] == 7
    assert student.output_shape[2][-1] == 7
    assert abs(student.get_layer("eyes").kernel.numpy().mean()) < 1e-6


def test_a_teacher_of_other_channels_than_a_joins_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot have the teacher's channels"):
        begin(None, BRANCHED, maps_of({"shallow": 24, "deep": 25}))


def test_a_students_weights_say_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "begun.npz"
    checkpoints.export(BRANCHED, build_architecture(BRANCHED), np.ones(2), path)
    design, student = begin(path, PLAIN_CHAIN, maps_of({}))
    assert design == BRANCHED
    assert student.output_names == ["shallow", "deep"]


def test_googlenets_student_has_its_channels_and_is_forced_map_by_map() -> None:
    design = STUDENTS["thinned"]
    channels = (192, 256, 480, 512, 512, 512, 528)
    assert tuple(design.channels[layer] for layer in design.layers) == channels
    names = [each.name for each in design.operations if each.kind != JOIN and not each.linear]
    known = {*design.layers, *(name for name in names if not name.startswith("pool"))}
    stages = stages_of(design, known)
    assert [stage.name for stage in stages] == [name for name in names if name in known]
    assert not any(stage.inner for stage in stages)
    led = {each.name for stage in stages for each in stage.operations}
    assert led == {each.name for each in design.operations if each.kind != JOIN}
