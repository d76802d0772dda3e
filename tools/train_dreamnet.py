r"""Train dreamnet, the bundled network: distil a classifier of photos into a small one.

The student learns the maps of some of the teacher's layers and, in every n-th step, the gradient
of their mean squares with respect to the picture, which is what a dream follows. For the first
part of a training every layer begins from the teacher's map of the layer before. The pictures are
crops on their way into dreams, led by the teacher or by the student itself. Run from the
repository's root:

    python -m tools.train_dreamnet --teacher bvlc_googlenet.npz --student modules \
        --photos photos/ --checkpoints ../dreamnet-checkpoints --minutes 240 --forcing 0.3 \
        --gradient-every 2 --export student.npz

A training that was stopped goes on where its folder of checkpoints left off; with ``--init`` one
begins from an exported network, whose file says how it is built. The schedule follows the clock
(``--minutes``) or the count (``--steps``), so that it always ends where it should.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tqdm import tqdm

from dreamstream.frames import FloatImage
from dreamstream.models.design import CONVOLUTION, PICTURE, Design
from dreamstream.models.dreamnet import (
    build_architecture,
    build_dreamnet,
    design_of,
    read_weights,
    set_weights,
)

from .dreamnet_training import checkpoints
from .dreamnet_training.distillation import Distillation
from .dreamnet_training.dreaming import Ascent
from .dreamnet_training.photos import centre_crops, find_photos, read_photo, split_photos
from .dreamnet_training.students import STUDENTS
from .dreamnet_training.teacher import Features, InnerMaps, Scaled, load_teacher
from .dreamnet_training.trajectories import Trajectories
from .dreamnet_training.validation import dreamed_by, held_out_errors, layer_scales_of

WARM_UP = 0.03
LAST_RATE = 0.01


class Validator:
    """Held-out photos, the teacher's dreams of them, and the line printed about them."""

    def __init__(
        self, teacher: Features, layers: Sequence[str], photos: FloatImage, scales: Any
    ) -> None:
        """Let the teacher dream the photos."""
        self._layers = layers
        self._teacher = teacher
        self._photos = photos
        self._dreams = dreamed_by(Ascent(teacher, scales), photos, len(layers))

    def line(self, student: keras.Model) -> str:
        """Measure a student and say how it did, by layer."""
        errors = [
            " ".join(f"{error:.3f}" for error in held_out_errors(student, self._teacher, pictures))
            for pictures in (self._photos, self._dreams)
        ]
        return f"held-out error, {', '.join(self._layers)}: photos {errors[0]}; dreamed {errors[1]}"


class Training:
    """A training under way: its networks, its crops and its clock."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Read everything, and take up an earlier training if there is one."""
        keras.utils.set_random_seed(options.seed)
        self._options = options
        training, held_out = split_photos(find_photos(options.photos))
        held_out_photos = centre_crops(held_out)
        teacher = load_teacher(options.teacher)
        self._held_out = held_out_photos
        layers = STUDENTS[options.student].layers
        inner_maps = InnerMaps(teacher, layers, held_out_photos)
        # all layers of one size, so that one rate suits them all
        teacher = Scaled(teacher, np.sqrt(layer_scales_of(teacher, held_out_photos)))
        scales = layer_scales_of(teacher, held_out_photos)
        self.design, self.student = begin(options.init, STUDENTS[options.student], teacher)
        self._distillation = Distillation(
            self.design, self.student, teacher, scales, options.gradient_weight, inner_maps
        )
        resumed = checkpoints.resume(options.checkpoints, self.student, self._distillation.state)
        self.progress = resumed or checkpoints.Progress()
        self._crops = Trajectories(
            [read_photo(path) for path in training],
            layers=len(self.design.layers),
            side=options.side,
            count=options.pool,
            seed=options.seed + self.progress.steps,
        )
        self._validator = Validator(
            teacher, self.design.layers, held_out_photos[: options.validate_on], scales
        )
        self._last_line = ""

    def run(self) -> None:
        """Train until the time or the steps are used up."""
        if not self.progress.forced:
            tqdm.write(self._validator.line(self.student))
        saved = validated = last = time.monotonic()
        with tqdm(total=1000, bar_format="{l_bar}{bar}| {elapsed}<{remaining} {postfix}") as bar:
            while self.share < 1:
                bar.set_postfix_str(self._step())
                bar.update(int(1000 * min(self.share, 1)) - bar.n)
                now = time.monotonic()
                self.progress.seconds += now - last
                last = now
                if now - saved > 60 * self._options.save_every:
                    self.save()
                    saved = now
                due = now - validated > 60 * self._options.validate_every
                if due and not self.progress.forced:
                    tqdm.write(f"step {self.progress.steps}: {self._validator.line(self.student)}")
                    validated = now
        self._settle()
        self.save()
        tqdm.write(f"step {self.progress.steps}: {self._validator.line(self.student)}")

    @property
    def share(self) -> float:
        """How much of the training is done, from 0 to 1."""
        if self._options.steps:
            return self.progress.steps / float(self._options.steps)
        return self.progress.seconds / (60 * float(self._options.minutes))

    def scales(self) -> NDArray[np.float32]:
        """Measure the student's own layer scales on the held-out photos."""
        return layer_scales_of(self.student, self._held_out)

    def save(self) -> None:
        """Write a checkpoint."""
        checkpoints.save(
            self._options.checkpoints,
            self.design,
            self.student,
            self._distillation.state,
            self.scales(),
            self.progress,
        )

    def blend_with_init(self, share: float) -> None:
        """Move the student's weights back toward those that it began with.

        Source: Wortsman et al. 2022, "Robust fine-tuning of zero-shot models".

        Args:
            share: Of the beginning's weights in the mean, in [0, 1].
        """
        if share and self._options.init:
            begun = checkpoints.model_arrays(build_dreamnet(self._options.init))
            ended = checkpoints.model_arrays(self.student)
            means = {name: (1 - share) * ended[name] + share * begun[name] for name in ended}
            set_weights(self.student, means)

    def _step(self) -> str:
        forcing = self._options.forcing
        if self.share < forcing:
            self._set_rate(self._options.forced_rate, self.share / forcing)
            return self._match_forced()
        self._settle()
        self._set_rate(self._options.rate, (self.share - forcing) / (1 - forcing))
        if self.progress.steps % self._options.gradient_every == 0:
            self._last_line = self._match_gradients()
        else:
            pictures = self._crops.draw_pictures(self._options.batch)
            self._distillation.match_maps(tf.constant(pictures))
        self.progress.steps += 1
        return self._last_line

    def _settle(self) -> None:
        """End the forcing, if it isn't over."""
        if self.progress.forced:
            self._distillation.settle()
            self.progress.forced = False

    def _set_rate(self, highest: float, share: float) -> None:
        self._distillation.optimizer.learning_rate.assign(highest * _schedule(share))

    def _match_forced(self) -> str:
        self.progress.forced = True
        if self.progress.steps % self._options.gradient_every == 0:
            batch = self._crops.draw(self._options.batch)
            directions = self._distillation.lead(
                tf.constant(batch.pictures),
                tf.constant(batch.coefficients),
                tf.constant(batch.smoothings),
            )
            self._crops.advance(batch, directions.numpy())
        pictures = self._crops.draw_pictures(self._options.batch)
        errors = self._distillation.match_forced(tf.constant(pictures))
        if self.progress.steps % self._options.gradient_every == 0:
            stages = zip(self._distillation.stages, errors.numpy(), strict=True)
            named = " ".join(f"{stage.name} {error:.3f}" for stage, error in stages)
            self._last_line = f"step {self.progress.steps} forced errors {named}"
        self.progress.steps += 1
        return self._last_line

    def _match_gradients(self) -> str:
        batch = self._crops.draw(self._options.batch)
        errors, agreement, directions = self._distillation.match_gradients(
            tf.constant(batch.pictures),
            tf.constant(batch.coefficients),
            tf.constant(batch.by_student),
            tf.constant(batch.smoothings),
        )
        self._crops.advance(batch, directions.numpy())
        layers = " ".join(f"{error:.3f}" for error in errors.numpy())
        return f"step {self.progress.steps} errors {layers} cosine {np.mean(agreement):.3f}"


def begin(
    weights_path: Path | None, design: Design, teacher: Features
) -> tuple[Design, keras.Model]:
    """Build the student, with as many channels in each layer as the teacher's.

    Args:
        weights_path: Of weights to begin with, which say what it is; None for random ones.
        design: What it is where they don't say it.
        teacher: Its maps have the channels.

    Returns:
        What the student is built of, and itself.

    Raises:
        ValueError: It can't have as many channels as its teacher.
    """
    if weights_path:
        return design_of(read_weights(weights_path)), build_dreamnet(weights_path)
    maps = teacher(tf.zeros((1, 96, 96, 3)))
    wanted = {layer: given.shape[-1] for layer, given in zip(design.layers, maps, strict=True)}
    design = design.with_filters(wanted)
    if {layer: design.channels[layer] for layer in wanted} != wanted:
        raise ValueError(f"the student's layers cannot have the teacher's channels, {wanted}")
    student = build_architecture(design)
    for operation in design.operations:
        if operation.kind == CONVOLUTION and PICTURE not in operation.inputs:
            # what comes in is never negative: a kernel of mean 0 is as often below as above it
            layer = student.get_layer(operation.name)
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel - kernel.mean((0, 1, 2)), bias])
    return design, student


def _schedule(share: float) -> float:
    """Give the learning rate's factor: a short rise, then half a cosine."""
    rise = min(share / WARM_UP, 1.0)
    fall = LAST_RATE + (1 - LAST_RATE) * (1 + math.cos(math.pi * min(share, 1.0))) / 2
    return rise * fall


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--teacher", required=True, help="GoogLeNet's or SqueezeNet's .npz, or the name of a "
        "Keras application")  # fmt: skip
    add("--student", choices=STUDENTS, default="plain", help="what to train, where --init does "
        "not say it (default %(default)s)")  # fmt: skip
    add("--photos", required=True, type=Path, help="folder of photos; every 25th is held out")
    add("--checkpoints", required=True, type=Path, help="folder to keep and resume from")
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--minutes", type=float, help="how long to train, by the clock")
    length.add_argument("--steps", type=int, help="how long to train, in steps")
    add("--init", type=Path, help=".npz of dreamnet weights to begin with; random if not given")
    add("--export", type=Path, help="where to write the trained network, in float16")
    add("--keep-init", type=float, default=0.0, metavar="SHARE", help="of --init's weights in the "
        "mean that is exported; half often beats either end (default %(default)s)")  # fmt: skip
    add("--rate", type=float, default=1.5e-3, help="highest learning rate (default %(default)s)")
    add("--batch", type=int, default=16, help="crops a step (default %(default)s)")
    add("--side", type=int, default=144, help="pixels a side of a crop (default %(default)s)")
    add("--pool", type=int, default=384, help="crops dreaming at a time (default %(default)s)")
    add("--gradient-every", type=int, default=4, help="steps from one that matches gradients to "
        "the next (default %(default)s)")  # fmt: skip
    add("--gradient-weight", type=float, default=0.5, help="of the gradients' disagreement "
        "against the maps' error (default %(default)s)")  # fmt: skip
    add("--forcing", type=float, default=0.0, metavar="SHARE", help="of the training, in which "
        "every layer begins from the teacher's map of the one before; for a training from random "
        "weights (default %(default)s)")  # fmt: skip
    add("--forced-rate", type=float, default=2e-2, help="highest learning rate meanwhile (default "
        "%(default)s)")  # fmt: skip
    add("--save-every", type=float, default=5, help="minutes (default %(default)s)")
    add("--validate-every", type=float, default=15, help="minutes (default %(default)s)")
    add("--validate-on", type=int, default=40, help="held-out photos; dreaming them takes time at "
        "the start (default %(default)s)")  # fmt: skip
    add("--seed", type=int, default=0, help="of every random choice (default %(default)s)")
    options = parser.parse_args()
    if not 0 <= options.forcing < 1:
        parser.error("--forcing is a share of the training, from 0 to below 1")
    if options.init and options.forcing:
        parser.error("--forcing is for a training from random weights: leave it or --init out")
    return options


def main() -> None:
    """Train, and export if asked to."""
    options = parse_options()
    training = Training(options)
    training.run()
    if options.export:
        training.blend_with_init(options.keep_init)
        checkpoints.export(training.design, training.student, training.scales(), options.export)
        tqdm.write(f"wrote {options.export}")


if __name__ == "__main__":
    main()
