"""The compiled steps that raise the loss of a picture (TensorFlow).

Two ways of ascending: :class:`ClassicAscent` is the original program's, :class:`GuardedAscent`
is every other preset's.  Both trace once, for pictures of any size.

A call is one step: in a loop of TensorFlow's own around the loss's, of tiles, a step took once or
up to three times as long, by the chance of a process (two cores with AVX-512, TensorFlow 2.21).
Choices are written in TensorFlow's own words: autograph would take longer to translate them than
to trace them, and leaves files in the temporary folder where it is killed.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
import tensorflow as tf

from dreamstream.config import DreamConfig
from dreamstream.dream.gradient_shaping import (
    CLASSIC_FLOOR,
    Tensor,
    even_out,
    mean_magnitude,
    mute,
    smooth,
    unit,
)
from dreamstream.dream.objective import IMAGE, Loss, Tiling, compiled
from dreamstream.frames import FloatImage

NEAR_CEILING = 0.99
"""Share of max_loss at which the limiter aims: rounding and shifts move the loss a little."""

SHARPEST_SIGMA = 0.6
"""Blur at the begin of an octave, in pixels; it grows to ``DreamConfig.smoothing`` at its end."""

LEAST_KEPT_PROMISE = 0.2
"""Least share, of the gain that its slope foretold, that a step is reckoned to have brought: long
steps bring less than foretold, and the next one under a ceiling may go further for it."""

_SHIFTS = 64
_MASK = tf.TensorSpec([1, None, None, 1], tf.float32)
_COUNT = tf.TensorSpec([], tf.int32)
_SCALAR = tf.TensorSpec([], tf.float32)


class _Climbed(NamedTuple):
    """How far a climb has come, in tensors.

    Attributes:
        image: (1, H, W, 3) float32.
        loss: Of the last picture that was measured; NaN where none was.
        stopped: Whether the loss has stopped it, instead of the last step.
        promise: Gain of loss that the last step's slope foretold.
        kept_promise: Share of what was promised that the step before brought.
    """

    image: Tensor
    loss: Tensor
    stopped: Tensor
    promise: Tensor
    kept_promise: Tensor

    def kept_promise_at(self, value: Tensor) -> Tensor:
        """Tell what share of its foretold gain the last step brought, now at a loss."""
        share = tf.clip_by_value((value - self.loss) / self.promise, LEAST_KEPT_PROMISE, 1.0)
        return tf.where(self.promise > 0, share, self.kept_promise)


_CLIMBED = _Climbed(IMAGE, _SCALAR, tf.TensorSpec([], tf.bool), _SCALAR, _SCALAR)


class Ascended(NamedTuple):
    """What a climb came to.

    Attributes:
        image: (H, W, 3) float32.
        loss: The loss before its last step; NaN if none was tried.
        steps: The steps taken.
        foretold: The loss after it, had all activations grown on in proportion, as its slope told;
            NaN where nobody knows it.  No bound, but losses level off along a step.
    """

    image: FloatImage
    loss: float
    steps: int
    foretold: float


class Ascent(Protocol):
    """Raises the loss of one octave's picture."""

    def climb(
        self, image: FloatImage, emphasis: FloatImage, steps: int, up_to: float = NEAR_CEILING
    ) -> Ascended:
        """Take up to ``steps`` steps from ``image``.

        Args:
            image: (H, W, 3) float32 in [-1, 1], not clipped.
            emphasis: (H, W) float32, factor of the step at each pixel.
            steps: How many at the most.
            up_to: Share of max_loss up to which it may climb.
        """
        ...


class ClassicAscent:
    """The original program's ascent: it stops once the loss is over max_loss, and clips nothing."""

    def __init__(self, loss: Loss, config: DreamConfig) -> None:
        self._loss = loss
        self._step_size = config.step_size
        self._max_loss = np.inf if config.max_loss is None else config.max_loss
        self._compiled = compiled(self._step, _CLIMBED, loss.signature)

    def climb(
        self, image: FloatImage, emphasis: FloatImage, steps: int, up_to: float = NEAR_CEILING
    ) -> Ascended:
        """See :meth:`Ascent.climb`; it always stops at the ceiling, and knows no emphasis."""
        tiling = self._loss.tiling((image.shape[0], image.shape[1]))
        return _repeat(lambda state, _: self._compiled(state, tiling), image, steps)

    def _step(self, state: _Climbed, tiling: Tiling) -> _Climbed:
        value, gradient = self._loss.value_and_gradient(state.image, tiling)
        gradient /= tf.maximum(mean_magnitude(gradient), CLASSIC_FLOOR)
        is_over = value > self._max_loss
        size = tf.where(is_over, 0.0, self._step_size)
        unknown = tf.constant(math.nan)
        return _Climbed(state.image + size * gradient, value, is_over, unknown, state.kept_promise)


class GuardedAscent:
    """Ascent with shifts, a shaped gradient, values kept in range and a ceiling on the loss."""

    def __init__(self, loss: Loss, config: DreamConfig) -> None:
        self._loss = loss
        self._config = config
        self._max_loss = np.inf if config.max_loss is None else config.max_loss
        self._shifts = tf.constant(shift_sequence(config.seed, config.jitter))
        self._compiled = compiled(
            self._step, _CLIMBED, loss.signature, _MASK, _COUNT, _COUNT, _SCALAR
        )
        self._part: tuple[int, int | None] = (0, None)
        self._shifted = tf.Variable(0, trainable=False, dtype=tf.int32)

    def take_part(self, first: int, whole: int | None = None, shifted: int = 0) -> None:
        """Let the steps of each climb to come be a part of a longer ascent.

        Parts of the same numbers would shift the picture by the same few pixels every time, and
        their grid would build up.

        Args:
            first: Number of a climb's first step.
            whole: Steps over which the gradient's blur grows; None is those of the climb.
            shifted: Shifts of the sequence to leave out besides.
        """
        self._part = first, whole
        self._shifted.assign(shifted)

    def climb(
        self, image: FloatImage, emphasis: FloatImage, steps: int, up_to: float = NEAR_CEILING
    ) -> Ascended:
        """See :meth:`Ascent.climb`; a step that would pass the ceiling is taken in part."""
        tiling = self._loss.tiling((image.shape[0], image.shape[1]))
        weights = tf.constant(emphasis[None, :, :, None])
        ceiling = tf.constant(up_to * self._max_loss, tf.float32)

        before, whole = self._part
        of = tf.constant(whole or steps)

        def step(state: _Climbed, number: int) -> _Climbed:
            turn = tf.constant(before + number)
            climbed: _Climbed = self._compiled(state, tiling, weights, turn, of, ceiling)
            return climbed

        return _repeat(step, image, steps)

    def _step(
        self,
        state: _Climbed,
        tiling: Tiling,
        emphasis: Tensor,
        number: Tensor,
        steps: Tensor,
        ceiling: Tensor,
    ) -> _Climbed:
        """Take step ``number`` of an octave's ``steps``."""
        value, gradient = self._shifted_gradient(state.image, tiling, number)
        kept_promise = state.kept_promise_at(value)
        shaped = self._shape(gradient, number, steps)
        direction, pace = shaped * emphasis, unit(shaped)
        slope = pace * tf.reduce_sum(gradient * direction)
        size = self._step_that_fits(ceiling - value, kept_promise * slope)
        image = _step_in_range(state.image, size * pace * direction)
        return _Climbed(image, value, size <= 0, size * slope, kept_promise)

    def _shifted_gradient(
        self, image: Tensor, tiling: Tiling, step: Tensor
    ) -> tuple[Tensor, Tensor]:
        shift = self._shifts[(step + self._shifted) % _SHIFTS]
        value, gradient = self._loss.value_and_gradient(tf.roll(image, shift, axis=[1, 2]), tiling)
        return value, tf.roll(gradient, -shift, axis=[1, 2])

    def _shape(self, gradient: Tensor, step: Tensor, steps: Tensor) -> Tensor:
        config = self._config
        if config.smoothing:
            progress = (tf.cast(step, tf.float32) + 0.5) / tf.cast(steps, tf.float32)
            sharpest = min(SHARPEST_SIGMA, config.smoothing)
            gradient = smooth(gradient, sharpest + (config.smoothing - sharpest) * progress)
        if config.chroma < 1:
            gradient = mute(gradient, config.chroma)
        return even_out(gradient, config.evenness) if config.evenness else gradient

    def _step_that_fits(self, room: Tensor, slope: Tensor) -> Tensor:
        """Shorten the step where the loss would pass the ceiling.

        Args:
            room: Loss up to the ceiling.
            slope: Gain of loss to be expected per step size.
        """
        whole = tf.constant(self._config.step_size, tf.float32)
        fitting = tf.where(slope * whole <= room, whole, room / slope)
        return tf.where(room <= 0, 0.0, fitting)


def shift_sequence(seed: int, jitter: int) -> np.ndarray[Any, np.dtype[np.int32]]:
    """Draw the shifts of an octave's steps: the same in every run, and few of them in warm frames.

    Args:
        seed: Chooses the sequence.
        jitter: Largest shift along each axis, in pixels.

    Returns:
        (64, 2) int32 in [-jitter, jitter]; further steps begin again.
    """
    generator = np.random.default_rng(seed)
    return generator.integers(-jitter, jitter, (_SHIFTS, 2), np.int32, endpoint=True)


def _repeat(step: Callable[[_Climbed, int], _Climbed], image: FloatImage, count: int) -> Ascended:
    """Take up to ``count`` steps."""
    state, taken = _Climbed(*map(tf.constant, (image[None], math.nan, False, 0.0, 1.0))), 0
    for number in range(count):
        state = step(state, number)
        if state.stopped:
            break
        taken += 1
    loss, gain = float(state.loss), float(state.promise)
    foretold = loss * (1 + gain / loss / 2) ** 2 if loss > 0 else math.nan  # a sum of squares
    return Ascended(state.image.numpy()[0], loss, taken, foretold)


def _step_in_range(image: Tensor, change: Tensor) -> Tensor:
    """Add a change that may not push a value out of [-1, 1], nor further out if it is out."""
    return tf.clip_by_value(image + change, tf.minimum(image, -1.0), tf.maximum(image, 1.0))
