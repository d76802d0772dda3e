"""The loss of a picture, and the compiled steps that raise it (TensorFlow).

Two ways of ascending: :class:`ClassicAscent` is the original program's, :class:`GuardedAscent`
is every other preset's.  Both trace once, for pictures of any size.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from dreamstream.config import DreamConfig
from dreamstream.frames import FloatImage
from dreamstream.gradient import (
    CLASSIC_FLOOR,
    Tensor,
    even_out,
    mean_magnitude,
    mute,
    normalise,
    smooth,
)
from dreamstream.models.extractor import FeatureExtractor

BORDER = 2
"""Cells at each edge of a layer that the loss leaves out, as in the original program: convolutions
see padding there."""

NEAR_CEILING = 0.99
"""Share of max_loss at which the limiter aims: rounding and shifts move the loss a little."""

LEAST_CONTRAST = 0.1
"""Standard deviation, in the [-1, 1] range, from which a picture may set the units of a stream;
photos have 0.3 to 0.6."""

SHARPEST_SIGMA = 0.6
"""Blur at the begin of an octave, in pixels; it grows to ``DreamConfig.smoothing`` at its end."""

STEPS_PER_CALL = 4
"""Steps between which Python may act: a stop signal waits no longer than these take."""

LEAST_KEPT_PROMISE = 0.2
"""Least share, of the gain that its slope foretold, that a step is reckoned to have brought: long
steps bring less than foretold, and the next one under a ceiling may go further for it."""

_SHIFTS = 64
_IMAGE = tf.TensorSpec([1, None, None, 3], tf.float32)
_MASK = tf.TensorSpec([1, None, None, 1], tf.float32)
_COUNT = tf.TensorSpec([], tf.int32)
_SCALAR = tf.TensorSpec([], tf.float32)


class Loss:
    """The weighted sum of the layers' mean-square activations.

    Each layer adds coefficient x scale x (sum of squares without a 2-cell border) / (number of
    elements of the whole activation), as in the original program, which knew no scale.
    """

    def __init__(self, extractor: FeatureExtractor, coefficients: Mapping[str, float]) -> None:
        self._extractor = extractor
        self._coefficients = list(coefficients.values())
        scales = extractor.layer_scales
        self.calibrated = scales is not None
        names = extractor.layers
        values = [1.0] * len(names) if scales is None else [scales[name] for name in names]
        self._scales = tf.Variable(values, trainable=False, dtype=tf.float32)
        self.measure = tf.function(self.__call__, input_signature=[_IMAGE], autograph=False)
        self._mean_squares = tf.function(
            self._mean_squares_of, input_signature=[_IMAGE], autograph=False
        )

    def __call__(self, image: Tensor) -> Tensor:
        """Compute the loss of a (1, H, W, 3) float32 picture in [-1, 1] as a float32 scalar."""
        weights = self._scales * self._coefficients
        return tf.reduce_sum(weights * self._mean_squares_of(image))

    def calibrate(self, image: FloatImage) -> None:
        """Choose the scales so that this (H, W, 3) picture's mean squares are all 1.

        A picture with hardly any contrast (a fade-in, a title's ground) sets them only until the
        next one comes: on its units no photo would be dreamed.
        """
        squares = self._mean_squares(image[None]).numpy()
        self._scales.assign(1.0 / np.maximum(squares, np.finfo(np.float32).tiny))
        self.calibrated = float(image.std()) >= LEAST_CONTRAST

    def forget(self) -> None:
        """Let the next stream calibrate anew, where the network has no scales of its own."""
        self.calibrated = self._extractor.layer_scales is not None

    def state(self) -> dict[str, np.ndarray[Any, Any]]:
        """Give the scales, and whether they hold for the stream, as named arrays."""
        return {"scales": self._scales.numpy(), "calibrated": np.array(self.calibrated)}

    def restore(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Take the scales that another loss's :meth:`state` told."""
        self._scales.assign(state["scales"])
        self.calibrated = bool(state["calibrated"])

    def _mean_squares_of(self, image: Tensor) -> Tensor:
        return tf.stack([_mean_square(activation) for activation in self._extractor(image)])


def _mean_square(activation: Tensor) -> Tensor:
    shape = tf.shape(activation)
    begin = tf.minimum([0, BORDER, BORDER, 0], shape)
    # a strided slice, as Python's brackets make, has a gradient as slow as a convolution's
    inner = tf.slice(activation, begin, tf.maximum(shape - 2 * begin, 0))
    return tf.reduce_sum(tf.square(inner)) / tf.cast(tf.size(activation), tf.float32)


class Ascent(Protocol):
    """Raises the loss of one octave's picture."""

    def climb(
        self, image: FloatImage, emphasis: FloatImage, steps: int, up_to: float = NEAR_CEILING
    ) -> tuple[FloatImage, float, int]:
        """Take up to ``steps`` steps from ``image``.

        Args:
            image: (H, W, 3) float32 in [-1, 1], not clipped.
            emphasis: (H, W) float32, factor of the step at each pixel.
            steps: How many at the most.
            up_to: Share of max_loss up to which it may climb.

        Returns:
            The picture, the loss before its last step (NaN if none was tried), the steps taken.
        """
        ...


class ClassicAscent:
    """The original program's ascent: it stops once the loss is over max_loss, and clips nothing."""

    def __init__(self, loss: Loss, config: DreamConfig) -> None:
        self._loss = loss
        self._step_size = config.step_size
        self._max_loss = np.inf if config.max_loss is None else config.max_loss
        self._compiled = tf.function(self._steps, input_signature=[_IMAGE, _COUNT])

    def climb(
        self, image: FloatImage, emphasis: FloatImage, steps: int, up_to: float = NEAR_CEILING
    ) -> tuple[FloatImage, float, int]:
        """See :meth:`Ascent.climb`; it always stops at the ceiling, and knows no emphasis."""
        return _in_slices(image, steps, lambda start, _, count: self._compiled(start, count))

    def _steps(self, image: Tensor, count: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        loss, taken = tf.constant(np.nan, tf.float32), 0
        for _ in tf.range(count):
            tf.autograph.experimental.set_loop_options(shape_invariants=[(image, _IMAGE.shape)])
            value, gradient = _value_and_gradient(self._loss, image)
            loss = value
            if value > self._max_loss:
                break
            gradient /= tf.maximum(mean_magnitude(gradient), CLASSIC_FLOOR)
            image += self._step_size * gradient
            taken += 1
        return image, loss, taken


class GuardedAscent:
    """Ascent with shifts, a shaped gradient, values kept in range and a ceiling on the loss."""

    def __init__(self, loss: Loss, config: DreamConfig) -> None:
        self._loss = loss
        self._config = config
        self._max_loss = np.inf if config.max_loss is None else config.max_loss
        self._shifts = tf.constant(shift_sequence(config.seed, config.jitter))
        signature = [_IMAGE, _MASK, _COUNT, _COUNT, _COUNT, _SCALAR]
        self._compiled = tf.function(self._steps, input_signature=signature)
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
    ) -> tuple[FloatImage, float, int]:
        """See :meth:`Ascent.climb`; a step that would pass the ceiling is taken in part."""
        weights = tf.constant(emphasis[None, :, :, None])
        ceiling = tf.constant(up_to * self._max_loss, tf.float32)

        before, whole = self._part

        def take(start: Tensor, first: int, count: int) -> tuple[Tensor, Tensor, Tensor]:
            step, of = before + first, whole or steps
            image, loss, taken = self._compiled(start, weights, step, count, of, ceiling)
            return image, loss, taken

        return _in_slices(image, steps, take)

    def _steps(
        self,
        image: Tensor,
        emphasis: Tensor,
        first: Tensor,
        count: Tensor,
        steps: Tensor,
        ceiling: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Take ``count`` of an octave's ``steps``, from number ``first``."""
        loss, taken = tf.constant(np.nan, tf.float32), 0
        foretold, kept_promise = tf.constant(0.0), tf.constant(1.0)
        for step in tf.range(first, first + count):
            tf.autograph.experimental.set_loop_options(shape_invariants=[(image, _IMAGE.shape)])
            value, gradient = self._shifted_gradient(image, step)
            if foretold > 0:
                kept_promise = tf.clip_by_value((value - loss) / foretold, LEAST_KEPT_PROMISE, 1.0)
            loss = value
            direction = normalise(self._shape(gradient, step, steps)) * emphasis
            slope = tf.reduce_sum(gradient * direction)
            size = self._step_that_fits(ceiling - value, kept_promise * slope)
            if size <= 0:
                break
            foretold = size * slope
            image = _step_in_range(image, size * direction)
            taken += 1
        return image, loss, taken

    def _shifted_gradient(self, image: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
        shift = self._shifts[(step + self._shifted) % _SHIFTS]
        value, gradient = _value_and_gradient(self._loss, tf.roll(image, shift, axis=[1, 2]))
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
        if room <= 0:
            return tf.constant(0.0)
        if slope * self._config.step_size <= room:
            return tf.constant(self._config.step_size, tf.float32)
        return room / slope


def shift_sequence(seed: int, jitter: int) -> np.ndarray[Any, np.dtype[np.int32]]:
    """Draw the shifts of an octave's steps: the same for every frame, so that they don't flicker.

    Args:
        seed: Chooses the sequence.
        jitter: Largest shift along each axis, in pixels.

    Returns:
        (64, 2) int32 in [-jitter, jitter]; further steps begin again.
    """
    generator = np.random.default_rng(seed)
    return generator.integers(-jitter, jitter, (_SHIFTS, 2), np.int32, endpoint=True)


def _value_and_gradient(loss: Loss, image: Tensor) -> tuple[Tensor, Tensor]:
    with tf.GradientTape() as tape:
        tape.watch(image)
        value = loss(image)
    return value, tape.gradient(value, image)


def _step_in_range(image: Tensor, change: Tensor) -> Tensor:
    """Add a change that may not push a value out of [-1, 1], nor further out if it is out."""
    return tf.clip_by_value(image + change, tf.minimum(image, -1.0), tf.maximum(image, 1.0))


def _in_slices(
    image: FloatImage,
    steps: int,
    take: Callable[[Tensor, int, int], tuple[Tensor, Tensor, Tensor]],
) -> tuple[FloatImage, float, int]:
    """Take an octave's steps a few at a time; stop where fewer are taken than asked for."""
    current, loss, total = tf.constant(image[None]), math.nan, 0
    for first in range(0, steps, STEPS_PER_CALL):
        count = min(STEPS_PER_CALL, steps - first)
        current, value, taken = take(current, first, count)
        loss, total = float(value), total + int(taken)
        if taken < count:
            break
    return current.numpy()[0], loss, total
