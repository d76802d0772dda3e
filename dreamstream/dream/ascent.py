"""The compiled steps that raise the loss of a picture (TensorFlow).

Two rules of ascent: :func:`classic_step` is the original program's, :func:`guarded_step` is every
other preset's.  Each is traced once, for pictures of any size and for all values of its numbers.

A call is one step: in a loop of TensorFlow's own around the loss's, of tiles, a step took once or
up to three times as long, by the chance of a process (two cores with AVX-512, TensorFlow 2.21).
The host asks for all steps of an octave without looking at one: where the ceiling stops an ascent,
the steps that are left run no network.

Conditions are written as TensorFlow's own operations: autograph would take longer to translate them
than to trace them, and leaves files in the temporary folder where it is killed.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from dreamstream.dream.checkpoint import CHECKPOINT
from dreamstream.dream.gradient_shaping import (
    CLASSIC_FLOOR,
    Tensor,
    even_out,
    mean_magnitude,
    mix_colours,
    smooth,
    unit,
)
from dreamstream.dream.objective import IMAGE, Objective, Tiling, compiled
from dreamstream.dream.parameters import StepParams
from dreamstream.frames import FloatImage

NEAR_CEILING = 0.99
"""Share of max_loss at which the limiter aims: rounding and shifts move the loss a little."""

LEAST_GAIN_RATIO = 0.2
"""Least gain of a step over the one that its slope predicted: long steps gain less than predicted,
and the next one under a ceiling may be longer for it."""

SHIFTS = 64
"""Length of the sequence of shifts; further steps start over."""

Shifts = npt.NDArray[np.int32]

_MASK = tf.TensorSpec([1, None, None, 1], tf.float32)
_SCALAR = tf.TensorSpec([], tf.float32)


class AscentState(NamedTuple):
    """How far an ascent has come, in tensors.

    Attributes:
        image: (1, H, W, 3) float32.
        loss: Of the last picture that was measured; NaN where none was.
        stopped: Whether the loss has stopped it, instead of the last step.
        steps: Steps taken, int32.
        predicted_gain: Gain of loss that the last step's slope predicted.
        gain_ratio: Gain over predicted gain of the step before.
    """

    image: Tensor
    loss: Tensor
    stopped: Tensor
    steps: Tensor
    predicted_gain: Tensor
    gain_ratio: Tensor

    def gain_ratio_at(self, value: Tensor) -> Tensor:
        """Return the last step's gain over its predicted gain, now that the loss is known."""
        share = (value - self.loss) / self.predicted_gain
        ratio = tf.clip_by_value(share, LEAST_GAIN_RATIO, 1.0)
        return tf.where(self.predicted_gain > 0, ratio, self.gain_ratio)

    def after(self, image: Tensor, value: Tensor, stops: Tensor, **gains: Tensor) -> "AscentState":
        """Return the state after a step; where the ascent had stopped before, it stays."""
        stopped = self.stopped

        def kept(now: Tensor, before: Tensor) -> Tensor:
            return tf.where(stopped, before, now)

        return AscentState(
            image,
            kept(value, self.loss),
            stopped | stops,
            self.steps + tf.where(stopped | stops, 0, 1),
            kept(gains["predicted_gain"], self.predicted_gain),
            kept(gains["gain_ratio"], self.gain_ratio),
        )


_STATE = AscentState(
    IMAGE,
    _SCALAR,
    tf.TensorSpec([], tf.bool),
    tf.TensorSpec([], tf.int32),
    _SCALAR,
    _SCALAR,
)


class StepInputs(NamedTuple):
    """What a step is given besides the picture.

    Attributes:
        params: The step's numbers.
        weights: (1, H, W, 1) float32, factor of the step at each pixel.
        shift: (2,) int32 pixels by which the picture is shifted while the network looks at it.
        progress: How far the octave is, in [0, 1]; the blur grows with it.
        headroom: Share of max_loss up to which the loss may rise.
    """

    params: StepParams
    weights: Tensor
    shift: Tensor
    progress: Tensor
    headroom: Tensor


@dataclass(frozen=True, slots=True)
class StepPlan:
    """The steps of one octave.

    Attributes:
        steps: How many at the most.
        first: Number of the first one in a longer ascent.
        of: Steps of that ascent, over which the gradient's blur grows; None is ``steps``.
        jitter_index: Where in the sequence of shifts the ascent begins.
        headroom: Share of max_loss up to which the loss may rise.
    """

    steps: int
    first: int = 0
    of: int | None = None
    jitter_index: int = 0
    headroom: float = NEAR_CEILING

    def progress(self, number: int) -> np.float32:
        """Return how far the ascent is in the middle of a step, in [0, 1]."""
        return (np.float32(self.first + number) + np.float32(0.5)) / np.float32(
            self.of or self.steps
        )

    def shift_index(self, number: int) -> int:
        """Return the place of a step's shift in the sequence."""
        return (self.first + number + self.jitter_index) % SHIFTS


class Ascended(NamedTuple):
    """What an ascent came to.

    Attributes:
        image: (H, W, 3) float32.
        loss: The loss before its last step; NaN if none was tried.
        steps: The steps taken.
        predicted_loss: The loss after it, had all activations grown on in proportion, as its slope
            predicted; NaN where that is unknown.  No bound, but losses level off along a step.
    """

    image: FloatImage
    loss: float
    steps: int
    predicted_loss: float


StepRule = Callable[[Objective, AscentState, Tiling, StepInputs], AscentState]


class Ascent:
    """Raises the loss of one octave's picture.

    Args:
        objective: The loss.
        rule: What a step does.
        shifts: (SHIFTS, 2) int32 pixels, as of :func:`shift_sequence`.

    Attributes:
        steps_taken: Steps asked for so far, of all pictures; it grows while one is dreamed.
    """

    def __init__(self, objective: Objective, rule: StepRule, shifts: Shifts) -> None:
        self._objective, self._shifts, self.steps_taken = objective, shifts, 0
        self._step = compiled(
            lambda state, tiling, inputs: rule(objective, state, tiling, inputs),
            _STATE,
            objective.signature,
            _inputs_signature(objective.terms),
        )

    @property
    def traces(self) -> int:
        """How often the step has been traced."""
        return int(self._step.experimental_get_tracing_count())

    def climb(
        self, image: FloatImage, weights: FloatImage, params: StepParams, plan: StepPlan
    ) -> Ascended:
        """Take an octave's steps.

        Args:
            image: (H, W, 3) float32 in [-1, 1], not clipped.
            weights: (H, W) float32, factor of the step at each pixel.
            params: The step's numbers.
            plan: How many steps, and which.
        """
        if not plan.steps:
            return Ascended(image, math.nan, 0, math.nan)
        tiling = self._objective.tiling((image.shape[0], image.shape[1]))
        numbers = StepParams(*map(tf.constant, params))
        mask, headroom = tf.constant(weights[None, :, :, None]), np.float32(plan.headroom)
        state, look_in = _begin(image), CHECKPOINT.get()
        for number in range(plan.steps):
            if look_in is not None:
                look_in()
            shift = self._shifts[plan.shift_index(number)]
            inputs = StepInputs(numbers, mask, shift, plan.progress(number), headroom)
            state = self._step(state, tiling, inputs)
            self.steps_taken += 1
        return _ascended(state)


def _begin(image: FloatImage) -> AscentState:
    nothing = (math.nan, False, 0, 0.0, 1.0)
    return AscentState(*map(tf.constant, (image[None], *nothing)))


def _ascended(state: AscentState) -> Ascended:
    loss, gain = float(state.loss), float(state.predicted_gain)
    predicted = loss * (1 + gain / loss / 2) ** 2 if loss > 0 else math.nan  # a sum of squares
    return Ascended(state.image.numpy()[0], loss, int(state.steps), predicted)


def _inputs_signature(terms: int) -> StepInputs:
    params = StepParams(
        tf.TensorSpec([terms], tf.float32),
        _SCALAR,
        _SCALAR,
        _SCALAR,
        tf.TensorSpec([3, 3], tf.float32),
        _SCALAR,
        _SCALAR,
        _SCALAR,
    )
    return StepInputs(params, _MASK, tf.TensorSpec([2], tf.int32), _SCALAR, _SCALAR)


def classic_step(
    objective: Objective, state: AscentState, tiling: Tiling, inputs: StepInputs
) -> AscentState:
    """Step as the original program did: stop once the loss is over max_loss, and clip nothing.

    Weights, shifts and headroom are ignored.
    """
    params = inputs.params
    value, gradient = objective.value_and_gradient(
        state.image, tiling, params.coefficients, params.guide_weight, state.stopped
    )
    gradient /= tf.maximum(mean_magnitude(gradient), CLASSIC_FLOOR)
    is_over = value > params.max_loss
    size = tf.where(is_over | state.stopped, 0.0, params.step_size)
    unknown = tf.constant(math.nan)
    return state.after(
        state.image + size * gradient,
        value,
        is_over,
        predicted_gain=unknown,
        gain_ratio=state.gain_ratio,
    )


def guarded_step(
    objective: Objective, state: AscentState, tiling: Tiling, inputs: StepInputs
) -> AscentState:
    """Step along the shaped gradient of the shifted picture, in range, and below the ceiling."""
    params = inputs.params
    value, gradient = _shifted_gradient(objective, state, tiling, inputs)
    gain_ratio = state.gain_ratio_at(value)
    shaped = shape_gradient(gradient, params, inputs.progress)
    direction, pace = shaped * inputs.weights, unit(shaped)
    slope = pace * tf.reduce_sum(gradient * direction)
    room = inputs.headroom * params.max_loss - value
    size = _size_that_fits(params.step_size, room, gain_ratio * slope)
    size = tf.where(state.stopped, 0.0, size)
    return state.after(
        _step_in_range(state.image, size * pace * direction),
        value,
        size <= 0,
        predicted_gain=size * slope,
        gain_ratio=gain_ratio,
    )


def _shifted_gradient(
    objective: Objective, state: AscentState, tiling: Tiling, inputs: StepInputs
) -> tuple[Tensor, Tensor]:
    params, shifted = inputs.params, tf.roll(state.image, inputs.shift, axis=[1, 2])
    value, gradient = objective.value_and_gradient(
        shifted, tiling, params.coefficients, params.guide_weight, state.stopped
    )
    return value, tf.roll(gradient, -inputs.shift, axis=[1, 2])


def shape_gradient(gradient: Tensor, params: StepParams, progress: Tensor) -> Tensor:
    """Blur a gradient, mute its colours and even it out, as far as the numbers ask for it.

    Args:
        gradient: (1, H, W, 3) float32.
        params: The step's numbers.
        progress: How far the octave is, in [0, 1].
    """
    sigma = params.sharpest_blur + params.blur_growth * progress
    return _where_wanted(
        (sigma > 0, lambda shaped: smooth(shaped, sigma)),
        (params.colour_mix[0, 1] != 0, lambda shaped: mix_colours(shaped, params.colour_mix)),
        (params.evenness > 0, lambda shaped: even_out(shaped, params.evenness)),
        gradient=gradient,
    )


def _where_wanted(*shapings: tuple[Tensor, Callable[[Tensor], Tensor]], gradient: Tensor) -> Tensor:
    for wanted, shaping in shapings:
        before = gradient
        gradient = tf.cond(wanted, lambda f=shaping, g=before: f(g), lambda g=before: g)
        gradient = tf.ensure_shape(gradient, IMAGE.shape)
    return gradient


def _size_that_fits(whole: Tensor, room: Tensor, slope: Tensor) -> Tensor:
    """Shorten a step where the loss would pass the ceiling.

    Args:
        whole: The step size.
        room: Loss up to the ceiling.
        slope: Gain of loss to be expected per step size.
    """
    fitting = tf.where(slope * whole <= room, whole, room / slope)
    return tf.where(room <= 0, 0.0, fitting)


def _step_in_range(image: Tensor, change: Tensor) -> Tensor:
    """Add a change that may not push a value out of [-1, 1], nor further out if it is out."""
    return tf.clip_by_value(image + change, tf.minimum(image, -1.0), tf.maximum(image, 1.0))


def shift_sequence(seed: int, jitter: int) -> Shifts:
    """Return the shifts of an octave's steps: the same in every run, few of them in warm frames.

    Args:
        seed: Chooses the sequence.
        jitter: Largest shift along each axis, in pixels.

    Returns:
        (SHIFTS, 2) int32 in [-jitter, jitter].
    """
    generator = np.random.default_rng(seed)
    return generator.integers(-jitter, jitter, (SHIFTS, 2), np.int32, endpoint=True)
