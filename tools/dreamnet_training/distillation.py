"""One step of training: the student's maps and input gradients are drawn to the teacher's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dreamstream.models.design import CONVOLUTION, JOIN, PICTURE, Design, Operation

from .gradients import (
    Tensor,
    compiled,
    cosines,
    energies,
    gaussian_blur,
    normalised,
    smooth_gradients,
)
from .optimizer import KernelMuon
from .teacher import Features, InnerMaps

CLIP_NORM = 1.0
# Without it a student loses on dreams, where activations are tens of times a photo's, what it wins
# on photos.
DREAM_EMPHASIS = 0.75
TINY_ENERGY = 1e-4
TINY_VARIANCE = 1e-5
MOMENTS_RATE = 0.1
LEAK = 0.1
# Views of the gradient in which its cosine is taken, and the weight of each: as it is, smoothed
# as a dreamer smooths it, and its colours alone (wrong ones show as rainbow fringes).
VIEW_SIGMA = 1.5
RAW_WEIGHT, SMOOTH_WEIGHT, COLOUR_WEIGHT = 0.5, 1.0, 0.5


@dataclass(frozen=True)
class Stage:
    """What leads from maps that the teacher has too to the next one.

    Attributes:
        operations: The last one gives that map.
    """

    operations: tuple[Operation, ...]

    @property
    def name(self) -> str:
        """Of the map that it leads to."""
        return self.operations[-1].name

    @property
    def inner(self) -> list[Operation]:
        """The rectified convolutions whose outputs aren't a part of the map."""
        ends = {self.name}
        for operation in reversed(self.operations):
            if operation.name in ends and operation.kind == JOIN:
                ends.update(operation.inputs)
        return [
            operation
            for operation in self.operations
            if operation.kind == CONVOLUTION and not operation.linear and operation.name not in ends
        ]


class Distillation:
    """A student, its teacher, and the step that draws one to the other."""

    def __init__(
        self,
        design: Design,
        student: keras.Model,
        teacher: Features,
        scales: Tensor,
        gradient_weight: float,
        inner_maps: InnerMaps,
    ) -> None:
        """Put them together.

        Args:
            design: What the student is built of.
            student: The network to train.
            teacher: From pictures to as many maps.
            scales: (layers,) numbers that bring each layer's mean square to 1 on photos.
            gradient_weight: Of the gradients' disagreement against the maps' error.
            inner_maps: What else of the teacher's a student can be forced by.
        """
        self.student = student
        self.teacher = teacher
        self._inner_maps = inner_maps
        self.stages = stages_of(design, inner_maps.names)
        self.optimizer = KernelMuon(1e-4)
        self.optimizer.build(student.trainable_variables)
        self._scales = tf.constant(scales, tf.float32)
        self._gradient_weight = gradient_weight
        self._moments = {
            inner.name: (tf.Variable(tf.zeros(inner.filters)), tf.Variable(tf.ones(inner.filters)))
            for stage in self.stages
            for inner in stage.inner
        }

    @property
    def state(self) -> list[keras.Variable | tf.Variable]:
        """All that a training changes but for the student's weights."""
        moments = [moment for pair in self._moments.values() for moment in pair]
        return [*self.optimizer.variables, *moments]

    @compiled
    def match_maps(self, pictures: Tensor) -> Tensor:
        """Train on a batch of crops once, on the layers' maps alone: a third of the work.

        Args:
            pictures: (batch, side, side, 3) float32 RGB in [-1, 1].

        Returns:
            (layers,) relative squared errors of the maps, mean over crops.
        """
        return self._match(self.teacher(pictures), lambda: self.student(pictures))

    @compiled
    def match_forced(self, pictures: Tensor) -> Tensor:
        """Train every stage on its own, from the teacher's maps before it.

        Teacher forcing (Williams and Zipser 1989): no layer waits until those before it are good.
        What is rectified between two known maps is batch-normalised meanwhile, or half of its
        units would die; `settle` puts the norms into the weights.

        Args:
            pictures: (batch, side, side, 3) float32 RGB in [-1, 1].

        Returns:
            (stages,) relative squared errors of the maps, mean over crops.
        """
        known = self._inner_maps(pictures)
        wanted = [known[stage.name] for stage in self.stages]
        sources = {**known, PICTURE: self.student.get_layer("centre")(pictures)}
        return self._match(
            wanted, lambda: [self._run_normalised(stage, sources) for stage in self.stages]
        )

    def _match(self, wanted: Sequence[Tensor], make: Callable[[], Sequence[Tensor]]) -> Tensor:
        """Draw what the student makes to the teacher's maps."""
        with tf.GradientTape() as tape:
            errors = relative_errors(make(), wanted, DREAM_EMPHASIS)
            loss = tf.reduce_sum(errors)
        self._apply(tape.gradient(loss, self.student.trainable_variables))
        return errors

    def settle(self) -> None:
        """Put the norms of `match_forced` into the weights, for good."""
        for layer in self.student.layers:
            if layer.name in self._moments:
                mean, variance = (moment.numpy() for moment in self._moments[layer.name])
                kernel, bias = layer.get_weights()
                spread = np.sqrt(variance + TINY_VARIANCE)
                layer.set_weights([kernel / spread, bias - mean / spread])

    def _run_normalised(self, stage: Stage, sources: Mapping[str, Tensor]) -> Tensor:
        values = dict(sources)
        for operation in stage.operations:
            taken = [values[name] for name in operation.inputs]
            layer = self.student.get_layer(operation.name)
            values[operation.name] = (
                self._convolve_normalised(layer, *taken)
                if operation.kind == CONVOLUTION and not operation.linear
                else layer(taken if operation.kind == JOIN else taken[0])
            )
        return values[stage.name]

    def _convolve_normalised(self, layer: keras.layers.Layer, features: Tensor) -> Tensor:
        convolved = layer.convolution_op(features, layer.kernel)
        if layer.name not in self._moments:
            return tf.nn.leaky_relu(convolved + layer.bias, LEAK)
        moments = tf.nn.moments(convolved, (0, 1, 2))
        for kept, moment in zip(self._moments[layer.name], moments, strict=True):
            kept.assign(kept + MOMENTS_RATE * (moment - kept))
        mean, variance = moments
        normal = (convolved - mean) * tf.math.rsqrt(variance + TINY_VARIANCE)
        return tf.nn.relu(normal + layer.bias)

    @compiled
    def lead(self, pictures: Tensor, coefficients: Tensor, smoothings: Tensor) -> Tensor:
        """Give the direction of each dream's next step as the teacher has it.

        Arguments and result are those of `match_gradients`.
        """
        wanted = self._maps_and_gradients(self.teacher, pictures, coefficients)[1]
        return _directions(wanted, smoothings)

    @compiled
    def match_gradients(
        self, pictures: Tensor, coefficients: Tensor, by_student: Tensor, smoothings: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Train on a batch of crops once, on maps and input gradients.

        Args:
            pictures: (batch, side, side, 3) float32 RGB in [-1, 1].
            coefficients: (batch, layers) float32 of each crop's loss.
            by_student: (batch,) bool, whose gradient each crop's dream follows.
            smoothings: (batch,) float32 pixels, 0 for none.

        Returns:
            (layers,) relative squared errors of the maps, mean over crops; (batch,) cosine of the
            smoothed gradients; and (batch, side, side, 3) the direction of each dream's next step.
        """
        wanted_maps, wanted = self._maps_and_gradients(self.teacher, pictures, coefficients)
        with tf.GradientTape() as tape:
            maps, gradients = self._maps_and_gradients(self.student, pictures, coefficients)
            errors = relative_errors(maps, wanted_maps, DREAM_EMPHASIS)
            loss = tf.reduce_sum(errors)
            if self._gradient_weight:
                loss += self._gradient_weight * gradient_disagreement(gradients, wanted)
        self._apply(tape.gradient(loss, self.student.trainable_variables))
        followed = tf.where(by_student[:, None, None, None], gradients, wanted)
        sigma = tf.constant(VIEW_SIGMA)
        agreement = cosines(gaussian_blur(gradients, sigma), gaussian_blur(wanted, sigma))
        return errors, agreement, _directions(followed, smoothings)

    def _maps_and_gradients(
        self, features: Any, pictures: Tensor, coefficients: Tensor
    ) -> tuple[Sequence[Tensor], Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(pictures)
            maps = features(pictures)
            loss = tf.reduce_sum(coefficients * self._scales * energies(maps))
        return maps, tape.gradient(loss, pictures)

    def _apply(self, gradients: list[Tensor]) -> None:
        clipped, _ = tf.clip_by_global_norm(gradients, CLIP_NORM)
        self.optimizer.apply_gradients(zip(clipped, self.student.trainable_variables, strict=True))


def stages_of(design: Design, known: Collection[str]) -> list[Stage]:
    """Split a network at the maps that its teacher has too.

    Args:
        design: The network.
        known: Names of those maps; what joins known ones needs no stage.
    """
    made = {operation.name: operation for operation in design.operations}
    stages = []
    for operation in design.operations:
        joins = operation.kind == JOIN and set(operation.inputs).issubset(known)
        if operation.name in known and not joins:
            needed, waiting = {operation.name}, [operation]
            while waiting:
                for name in waiting.pop().inputs:
                    if name not in known and name != PICTURE and name not in needed:
                        needed.add(name)
                        waiting.append(made[name])
            stages.append(Stage(tuple(each for each in design.operations if each.name in needed)))
    return stages


def relative_errors(
    maps: Sequence[Tensor], wanted: Sequence[Tensor], emphasis: float = 0.0
) -> Tensor:
    """Take each layer's squared error over its wanted square, weighted mean over pictures.

    Args:
        maps: The student's, (batch, height, width, channels) each.
        wanted: The teacher's, of the same shapes.
        emphasis: Power of the wanted mean square by which a picture counts: 0 for all alike, 1
            for dreams, where it is large, above all.

    Returns:
        (layers,) float32.
    """
    return tf.stack(
        [
            _weighted_mean(given / (asked + TINY_ENERGY), tf.pow(asked + TINY_ENERGY, emphasis))
            for given, asked in zip(
                tf.unstack(energies(_differences(maps, wanted)), axis=1),
                tf.unstack(energies(wanted), axis=1),
                strict=True,
            )
        ]
    )


def _differences(maps: Sequence[Tensor], wanted: Sequence[Tensor]) -> list[Tensor]:
    return [given - asked for given, asked in zip(maps, wanted, strict=True)]


def _weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    return tf.reduce_sum(values * weights) / tf.reduce_sum(weights)


def gradient_disagreement(gradients: Tensor, wanted: Tensor) -> Tensor:
    """Sum one minus the cosine over three views of two gradients, mean over pictures."""
    given, asked = normalised(gradients), normalised(wanted)
    sigma = tf.constant(VIEW_SIGMA)
    smooth, smooth_asked = gaussian_blur(given, sigma), gaussian_blur(asked, sigma)
    views = (
        (RAW_WEIGHT, given, asked),
        (SMOOTH_WEIGHT, smooth, smooth_asked),
        (COLOUR_WEIGHT, _colours(smooth), _colours(smooth_asked)),
    )
    return tf.add_n(
        [weight * tf.reduce_mean(1 - cosines(one, other)) for weight, one, other in views]
    )


def _colours(gradients: Tensor) -> Tensor:
    return gradients - tf.reduce_mean(gradients, axis=-1, keepdims=True)


def _directions(gradients: Tensor, smoothings: Tensor) -> Tensor:
    smoothed = smooth_gradients(gradients, tf.maximum(smoothings, 0.5))
    raw = (smoothings == 0)[:, None, None, None]
    return normalised(tf.where(raw, gradients, smoothed))
