"""How dreamnet is taught: layer by layer from the teacher's maps, then as a whole."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from pictures import fractal_pixels

from dreamstream.frames import to_model_range
from dreamstream.models.dreamnet import LAYERS, build_architecture
from tools.dreamnet_training import checkpoints, distillation
from tools.dreamnet_training.distillation import Distillation, relative_errors, stages_of
from tools.dreamnet_training.teacher import Scaled
from tools.dreamnet_training.validation import layer_scales_of

SIDE = 48


@pytest.fixture(scope="module")
def pictures() -> Any:
    crops = [to_model_range(fractal_pixels(SIDE, SIDE, seed=seed)) for seed in range(4)]
    return np.stack(crops)


@pytest.fixture
def taught(pictures: Any) -> Distillation:
    """A random student and a random teacher of maps of one size."""
    keras.utils.set_random_seed(1)
    raw = build_architecture()
    teacher = Scaled(raw, np.sqrt(layer_scales_of(raw, pictures)))
    return Distillation(build_architecture(), teacher, np.ones(len(LAYERS)), 0.5)


def test_a_students_stages_are_what_leads_from_one_layer_to_the_next(taught: Distillation) -> None:
    stages = stages_of(taught.student)
    assert [stage[-1].name for stage in stages] == list(LAYERS)
    assert sum(map(len, stages)) == len(taught.student.layers) - 1  # but for the picture


def test_forced_layers_learn_and_the_whole_with_them(taught: Distillation, pictures: Any) -> None:
    taught.optimizer.learning_rate.assign(2e-3)
    errors = [taught.match_forced(tf.constant(pictures)).numpy() for _ in range(60)]
    assert (errors[-1] < 0.7 * errors[0]).all()
    taught.settle()
    wanted = taught.teacher(pictures)
    whole = relative_errors(taught.student(pictures), wanted).numpy()
    untaught = relative_errors(build_architecture()(pictures), wanted).numpy()
    assert (whole < untaught).all()


def test_settled_norms_change_nothing_in_what_a_stage_gives(
    taught: Distillation, pictures: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distillation, "MOMENTS_RATE", 1.0)
    taught.optimizer.learning_rate.assign(0.0)
    taught.match_forced(tf.constant(pictures))
    before = [pictures, *taught.teacher(pictures)[:-1]]
    normalised = [
        tf.nn.relu(taught._run_normalised(stage, features))
        for stage, features in zip(stages_of(taught.student), before, strict=True)
    ]
    taught.settle()
    for stage, features, expected in zip(
        stages_of(taught.student), before, normalised, strict=True
    ):
        for layer in stage:
            features = layer(features)
        np.testing.assert_allclose(features, expected, rtol=1e-3, atol=1e-4)


def test_the_teachers_lead_is_a_direction_of_length_one(
    taught: Distillation, pictures: Any
) -> None:
    coefficients = np.eye(len(LAYERS), dtype=np.float32)[: len(pictures)]
    smoothings = np.array([0, 0.6, 1.5, 2.6], np.float32)
    lead = taught.lead(
        tf.constant(pictures), tf.constant(coefficients), tf.constant(smoothings)
    ).numpy()
    assert lead.shape == pictures.shape
    np.testing.assert_allclose(np.abs(lead).mean((1, 2, 3)), 1, rtol=1e-3)


@pytest.mark.parametrize("forced", [True, False])
def test_a_training_is_taken_up_where_it_was_left(
    taught: Distillation, pictures: Any, tmp_path: Path, forced: bool
) -> None:
    assert checkpoints.resume(tmp_path, taught.student, taught.state) is None
    taught.match_forced(tf.constant(pictures))
    progress = checkpoints.Progress(steps=7, seconds=1.5, forced=forced)
    checkpoints.save(tmp_path, taught.student, taught.state, np.ones(len(LAYERS)), progress)
    assert bool(list(tmp_path.glob("step-*.npz"))) is not forced
    other = Distillation(build_architecture(), taught.teacher, np.ones(len(LAYERS)), 0.5)
    assert checkpoints.resume(tmp_path, other.student, other.state) == progress
    for one, two in zip(other.state, taught.state, strict=True):
        np.testing.assert_array_equal(one, two)
    one, two = (each.match_forced(tf.constant(pictures)).numpy() for each in (other, taught))
    np.testing.assert_allclose(one, two, rtol=1e-4)
