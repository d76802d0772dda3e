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
    maxima,
)
from dreamstream.models.dreamnet import PLAIN_CHAIN, build_architecture
from tools.dreamnet_training import checkpoints, distillation
from tools.dreamnet_training.distillation import (
    Distillation,
    Stage,
    relative_errors,
    stages_of,
)
from tools.dreamnet_training.students import STUDENTS
from tools.dreamnet_training.teacher import Scaled
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


def distillation_of(design: Design, teacher: Any) -> Distillation:
    student = build_architecture(design)
    return Distillation(design, student, teacher, np.ones(len(design.layers)), 0.5)


@pytest.fixture
def taught(design: Design, pictures: Any) -> Distillation:
    """A random student and a random teacher of maps of one size."""
    keras.utils.set_random_seed(1)
    raw = build_architecture(design)
    teacher = Scaled(raw, np.sqrt(layer_scales_of(raw, pictures)))
    return distillation_of(design, teacher)


def test_a_students_stages_are_what_leads_from_one_layer_to_the_next(design: Design) -> None:
    stages = stages_of(design)
    assert tuple(stage.operations[-1].name for stage in stages) == design.layers
    assert sum((stage.operations for stage in stages), ()) == design.operations
    assert [stage.source for stage in stages] == [PICTURE, *design.layers[:-1]]


def test_what_ends_in_a_layer_is_not_normalised() -> None:
    inner = [[each.name for each in stage.inner] for stage in stages_of(BRANCHED)]
    assert inner == [["first"], ["squeeze"]]


def test_a_layer_that_needs_more_than_the_one_before_is_refused() -> None:
    joined = (convolution("one", PICTURE, 2), convolution("two", "one", 2), join("three", ("one",)))
    with pytest.raises(ValueError, match="three needs more than two"):
        stages_of(Design(joined, ("two", "three")))


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
    before = [taught._centred(pictures), *taught.teacher(pictures)[:-1]]
    normalised = [
        tf.nn.relu(taught._run_normalised(stage, features))
        for stage, features in zip(stages_of(design), before, strict=True)
    ]
    taught.settle()
    for stage, features, expected in zip(stages_of(design), before, normalised, strict=True):
        given = run(taught.student, stage, features)
        np.testing.assert_allclose(given, expected, rtol=1e-3, atol=1e-4)


def run(student: keras.Model, stage: Stage, features: Any) -> Any:
    values = {stage.source: features}
    for operation in stage.operations:
        taken = [values[name] for name in operation.inputs]
        layer = student.get_layer(operation.name)
        values[operation.name] = layer(taken if operation.kind == JOIN else taken[0])
    return values[stage.operations[-1].name]


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
    other = distillation_of(design, taught.teacher)
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


def test_googlenets_students_have_its_channels() -> None:
    channels = (192, 256, 480, 512, 512, 512, 528)
    for name in ("modules", "chain"):
        design = STUDENTS[name]
        assert tuple(design.channels[layer] for layer in design.layers) == channels
        stages_of(design)  # each can be forced
