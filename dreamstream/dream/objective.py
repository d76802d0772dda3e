"""The loss of a picture and its gradient, tile by tile where the picture is large (TensorFlow)."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from dreamstream.dream.gradient_shaping import Tensor
from dreamstream.dream.guide_features import MATCHED_FLOATS, GuideFeatures
from dreamstream.dream.layer_weights import LayerWeights, weighted_sum
from dreamstream.dream.resampling import Size
from dreamstream.dream.tiles import (
    automatic_side,
    lay_out,
    tiled_spans,
    whole_spans,
)
from dreamstream.errors import ModelError
from dreamstream.frames import FloatImage
from dreamstream.machine import machine_memory
from dreamstream.models.extractor import FeatureExtractor
from dreamstream.models.receptive_field import Footprint

LEAST_CONTRAST = 0.1
"""Standard deviation, in the [-1, 1] range, from which a picture may set the units of a stream;
photos have 0.3 to 0.6."""

IMAGE = tf.TensorSpec([1, None, None, 3], tf.float32)

logger = logging.getLogger(__name__)


class Tiling(NamedTuple):
    """How a picture is cut.

    Attributes:
        tiles: (tiles, 1 + layers, 4) int32, as :func:`dreamstream.dream.tiles.lay_out` gives them.
        cells: (layers,) float32, rows times columns of each layer, of the whole picture.
    """

    tiles: Tensor
    cells: Tensor


class Objective:
    """The weighted sum of the layers' mean-square activations.

    Each layer adds coefficient x scale x (sum of squares without a 2-cell border) / (number of
    elements of the whole activation), as in the original program, which knew no scale.  Of a term
    that names channels these alone are summed and counted, in units of their whole layer.

    Args:
        extractor: The network.
        tile: As :attr:`DreamConfig.tile`.
        guide: What it sees in a guide; the squares then count as far as they agree with it.

    Raises:
        ModelError: Tiles are asked for, and the network sees all of a picture at once.
    """

    def __init__(
        self,
        extractor: FeatureExtractor,
        tile: int | str = "auto",
        guide: GuideFeatures | None = None,
    ) -> None:
        self._extractor, self._guide = extractor, guide
        self.layers = extractor.layers
        scales = extractor.layer_scales
        self.calibrated = scales is not None
        values = [1.0 if scales is None else scales[name] for name in self.layers]
        self._scales = tf.Variable(values, trainable=False, dtype=tf.float32)
        self._tile, self._footprint = tile, _footprint(extractor, tile, guide)
        self._tilings: dict[Size, Tiling] = {}
        self._weights = LayerWeights(extractor)
        self.terms = self._weights.terms
        numbers = tf.TensorSpec([self.terms], tf.float32)
        self._loss = compiled(
            self._loss_in, IMAGE, self.signature, numbers, tf.TensorSpec([], tf.float32)
        )
        self._mean_squares = compiled(self._mean_squares_in, IMAGE, self.signature)

    @property
    def signature(self) -> Tiling:
        """What a compiled function has to expect of a tiling."""
        layers = len(self.layers)
        return Tiling(
            tf.TensorSpec([None, 1 + layers, 4], tf.int32), tf.TensorSpec([layers], tf.float32)
        )

    def tiling(self, size: Size) -> Tiling:
        """Choose how pictures of a (height, width) are cut."""
        if size not in self._tilings:
            self._tilings[size] = self._cut(size)
        return self._tilings[size]

    def measure(
        self, image: FloatImage, coefficients: FloatImage, guide_weight: float = 0.0
    ) -> float:
        """Compute the loss of a picture.

        Args:
            image: (1, H, W, 3) float32 in [-1, 1].
            coefficients: (terms,) float32.
            guide_weight: In [0, 1], how much the guide decides, where there is one.
        """
        tiling = self.tiling((image.shape[1], image.shape[2]))
        return float(self._loss(image, tiling, coefficients, np.float32(guide_weight)))

    def value_and_gradient(
        self,
        image: Tensor,
        tiling: Tiling,
        coefficients: Tensor,
        guide_weight: Tensor = 0.0,
        unless: Tensor = False,
    ) -> tuple[Tensor, Tensor]:
        """Compute the loss of a (1, H, W, 3) picture and its gradient, inside a compiled function.

        The activations of one tile alone are in memory at a time.

        Args:
            image: float32 in [-1, 1].
            tiling: How a picture of its size is cut.
            coefficients: (terms,) float32.
            guide_weight: Scalar in [0, 1], how much the guide decides, where there is one.
            unless: Scalar bool; where it is true no network runs and all that is returned is 0.

        Returns:
            The loss, a float32 scalar; its gradient of the picture's shape.
        """
        weights = self._weights.of(self._scales, coefficients)
        shape = tf.shape(image)
        tiles = tiling.tiles[: tf.where(unless, 0, tf.shape(tiling.tiles)[0])]

        def add(tile: Tensor, value: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
            crop = _crop(image, tile[0])
            with tf.GradientTape() as tape:
                tape.watch(crop)
                part = self._part_of_loss(crop, tile, tiling.cells, weights, guide_weight)
            return value + part, gradient + _place(tape.gradient(part, crop), tile[0], shape)

        return _for_each(tiles, add, tf.constant(0.0), tf.zeros_like(image))

    def calibrate(self, image: FloatImage) -> None:
        """Choose the scales so that this (H, W, 3) picture's mean squares are all 1.

        A picture with hardly any contrast (a fade-in, a title's ground) sets them only until the
        next one comes: on its units no photo would be dreamed.
        """
        squares = self._measure_layers(image[None])
        self._scales.assign(1.0 / np.maximum(squares, np.finfo(np.float32).tiny))
        self.calibrated = float(image.std()) >= LEAST_CONTRAST

    def reset(self) -> None:
        """Have the next stream calibrate again, where the network has no scales of its own."""
        self.calibrated = self._extractor.layer_scales is not None

    def state(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return the scales, and whether they hold for the stream, as named arrays."""
        return {"scales": self._scales.numpy(), "calibrated": np.array(self.calibrated)}

    def restore(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Take the scales that another objective's :meth:`state` returned."""
        self._scales.assign(state["scales"])
        self.calibrated = bool(state["calibrated"])

    def _measure_layers(self, image: FloatImage) -> FloatImage:
        """Compute the layers' mean squares of a (1, H, W, 3) picture."""
        tiling = self.tiling((image.shape[1], image.shape[2]))
        squares: FloatImage = self._mean_squares(image, tiling).numpy()
        return squares

    def _loss_in(
        self, image: Tensor, tiling: Tiling, coefficients: Tensor, guide_weight: Tensor
    ) -> Tensor:
        weights = self._weights.of(self._scales, coefficients)

        def add(tile: Tensor, value: Tensor) -> tuple[Tensor]:
            crop = _crop(image, tile[0])
            part = self._part_of_loss(crop, tile, tiling.cells, weights, guide_weight)
            return (value + part,)

        return _for_each(tiling.tiles, add, tf.constant(0.0))[0]

    def _part_of_loss(
        self,
        crop: Tensor,
        tile: Tensor,
        cells: Tensor,
        weights: Sequence[Tensor],
        guide_weight: Tensor,
    ) -> Tensor:
        """Sum up what a tile's own cells add to the loss of the picture."""
        parts = []
        for i, activation in enumerate(self._extractor(crop)):
            own, guide = _own_cells(activation, tile[1 + i]), self._guide
            squares = tf.square(own) if guide is None else guide.density(i, own, guide_weight)
            parts.append(weighted_sum(squares, weights[i], cells[i]))
        return tf.add_n(parts)

    def _mean_squares_in(self, image: Tensor, tiling: Tiling) -> Tensor:
        def add(tile: Tensor, squares: Tensor) -> tuple[Tensor]:
            return (squares + self._mean_squares_of(_crop(image, tile[0]), tile, tiling.cells),)

        return _for_each(tiling.tiles, add, tf.zeros_like(tiling.cells))[0]

    def _mean_squares_of(self, crop: Tensor, tile: Tensor, cells: Tensor) -> Tensor:
        """Sum the squares of a tile's own cells, over the elements of the picture's activations."""
        activations = self._extractor(crop)
        own = [_own_cells(each, tile[1 + i]) for i, each in enumerate(activations)]
        squares = [tf.reduce_sum(tf.square(each)) for each in own]
        channels = tf.constant([each.shape[-1] for each in activations], tf.float32)
        return tf.stack(squares) / (cells * channels)

    def _cut(self, size: Size) -> Tiling:
        by_name = self._extractor.feature_sizes(*size)
        sizes = [by_name[name] for name in self._extractor.layers]
        counts = [*zip(*sizes, strict=True)]
        side, footprint = self._side(size), self._footprint
        axes = [*zip(size, counts, strict=True)]
        if side is None or footprint is None:
            spans = [whole_spans(*axis) for axis in axes]
        else:
            spans = [tiled_spans(*axis, footprint, side) for axis in axes]
            logger.info("%dx%d: in %d tiles", *size[::-1], len(spans[0]) * len(spans[1]))
        cells = [rows * columns for rows, columns in sizes]
        return Tiling(tf.constant(lay_out(*spans)), tf.constant(cells, tf.float32))

    def _side(self, size: Size) -> int | None:
        """Choose the side of the tiles' cores; None is for a picture that stays whole."""
        if self._tile == "auto":
            footprint = self._footprint
            return None if footprint is None else automatic_side(size, footprint, machine_memory())
        return self._tile if isinstance(self._tile, int) else None


def compiled(function: Callable[..., Any], *signature: Any) -> Any:
    """Make a compiled function that is traced once, without autograph."""
    return tf.function(function, input_signature=signature, autograph=False)


def _footprint(
    extractor: FeatureExtractor, tile: int | str, guide: GuideFeatures | None
) -> Footprint | None:
    """Return the network's receptive fields; None where they are unknown and not asked for."""
    if tile == "off":
        return None
    try:
        footprint = extractor.footprint()
    except ModelError as error:
        if tile == "auto":
            logger.debug("pictures stay whole: %s", error)
            return None
        raise ModelError(
            f"cutting pictures for {extractor.name} failed ({error}): give --tile off"
        ) from error
    if guide is None:
        return footprint
    matched = sum(MATCHED_FLOATS / field.stride**2 for field in footprint.fields)
    return replace(footprint, floats=footprint.floats + matched)


def _for_each(
    tiles: Tensor, add: Callable[..., tuple[Tensor, ...]], *start: Tensor
) -> tuple[Tensor, ...]:
    """Add up over tiles, one after the other: two at once would take twice the memory."""
    count = tf.shape(tiles)[0]
    _, *sums = tf.while_loop(
        lambda index, *_: index < count,
        lambda index, *sums: (index + 1, *add(tiles[index], *sums)),
        (tf.constant(0), *start),
        parallel_iterations=1,
    )
    return tuple(sums)


def _crop(image: Tensor, place: Tensor) -> Tensor:
    top, bottom, left, right = tf.unstack(place)
    crop = image[:, top:bottom, left:right]
    return tf.ensure_shape(crop, IMAGE.shape)


def _place(gradient: Tensor, place: Tensor, shape: Tensor) -> Tensor:
    """Put a tile's gradient among zeros where the tile lies in its picture."""
    top, bottom, left, right = tf.unstack(place)
    sides = [[0, 0], [top, shape[1] - bottom], [left, shape[2] - right], [0, 0]]
    return tf.ensure_shape(tf.pad(gradient, sides), IMAGE.shape)


def _own_cells(activation: Tensor, cells: Tensor) -> Tensor:
    """Return the cells of a layer that belong to a tile."""
    top, bottom, left, right = tf.unstack(cells)
    size = [1, bottom - top, right - left, activation.shape[-1]]
    # a strided slice, as Python's brackets make, has a gradient as slow as a convolution's
    return tf.slice(activation, [0, top, left, 0], size)
