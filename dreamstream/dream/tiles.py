"""Pictures in tiles: where they lie, and when a picture has to be cut (pure; no TensorFlow).

The loss of a picture is a sum over its layers' cells, and so is its gradient.  Each cell belongs to
one tile's core; the network sees the core with as much of the picture around it as these cells see,
cut at multiples of the network's stride and to a size of the same remainder: so convolutions pad a
tile at the picture's edge as they pad the picture, and every cell is the same to the last few bits.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from dreamstream.dream.resampling import Size
from dreamstream.models.receptive_field import Footprint, ReceptiveField

BORDER = 2
"""Cells at each edge of a layer that the loss leaves out, as in the original program: convolutions
see padding there."""

BYTES_PER_FLOAT = 2.0
BYTES_PER_PIXEL = 240.0
"""Memory that a step takes for each number that the network computes, and for each pixel besides,
of the whole picture, for the gradient and its blurs.  Measured on two cores at 1280x720 as peak
resident memory, dreamnet and InceptionV3: TensorFlow keeps fewer numbers than there are, and not
for long."""

LARGEST_SHARE = 0.4
"""Of the memory, what a step on a whole picture may take."""

LARGEST_TILE = 2**30
"""Bytes that a step on a tile may take; larger ones waste less on their surroundings, and a machine
that must cut a picture has other uses for its memory."""

Cells = tuple[int, int]
"""The first of some cells, and the one after the last."""


@dataclass(frozen=True, slots=True)
class Span:
    """A tile along one axis.

    Attributes:
        begin: First pixel that the network sees.
        end: The one after the last.
        cells: Of each layer those that count, counted from the tile's first one.
    """

    begin: int
    end: int
    cells: tuple[Cells, ...]


def whole_spans(length: int, counts: Sequence[int]) -> list[Span]:
    """Return the one span of a picture that is not cut.

    Args:
        length: Of the axis, in pixels.
        counts: Cells of each layer along it.
    """
    return [Span(0, length, tuple(_inner(0, count, count) for count in counts))]


def tiled_spans(length: int, counts: Sequence[int], footprint: Footprint, side: int) -> list[Span]:
    """Cut an axis.

    Args:
        length: Of the axis, in pixels.
        counts: Cells of each layer along it.
        footprint: What the layers see.
        side: Wanted length of the cores, in pixels; made a multiple of the network's stride, and
            a little smaller where that makes them even.
    """
    stride = footprint.stride
    pieces = -(-length // (-(-side // stride) * stride))
    core = -(-length // (pieces * stride)) * stride
    starts = range(0, length, core)
    return [
        _span(start, start + core, length, counts, footprint)
        for start in starts
        if start == 0 or _has_cells(start, counts, footprint.fields)
    ]


def _has_cells(start: int, counts: Sequence[int], fields: Sequence[ReceptiveField]) -> bool:
    return any(
        start // field.stride < count - BORDER for count, field in zip(counts, fields, strict=True)
    )


def _span(start: int, stop: int, length: int, counts: Sequence[int], footprint: Footprint) -> Span:
    """Make the span of a core from pixel ``start`` to ``stop``; the last one has all that is left.

    A cell belongs to the core in which the pixel of its own index, times the stride, lies.
    """
    stride = footprint.stride
    owned = [
        (start // field.stride, count if stop >= length else min(stop // field.stride, count))
        for count, field in zip(counts, footprint.fields, strict=True)
    ]
    first = min(start + field.first for field in footprint.fields)
    last = max(
        (after - 1) * field.stride + field.last
        for (_, after), field in zip(owned, footprint.fields, strict=True)
    )
    begin = max(first // stride * stride, 0)
    end = min(last + 1 + (length - last - 1) % stride, length)
    cells = [
        _inner(*each, count, begin // field.stride)
        for each, count, field in zip(owned, counts, footprint.fields, strict=True)
    ]
    return Span(begin, end, tuple(cells))


def _inner(first: int, after: int, count: int, offset: int = 0) -> Cells:
    """Leave the picture's border out of some cells, and count them from ``offset``."""
    first, after = max(first, BORDER), min(after, count - BORDER)
    return first - offset, max(after, first) - offset


def lay_out(rows: Sequence[Span], columns: Sequence[Span]) -> npt.NDArray[np.int32]:
    """Put the spans of two axes together.

    Returns:
        (tiles, 1 + layers, 4) int32: first row, the one after the last, first column, the one after
        the last; of the tile, in pixels of the picture, then of each layer, in the tile's cells.
    """
    tiles = [
        [
            (row.begin, row.end, column.begin, column.end),
            *((*down, *across) for down, across in zip(row.cells, column.cells, strict=True)),
        ]
        for row, column in product(rows, columns)
    ]
    return np.array(tiles, np.int32)


def step_bytes(size: Size, floats: float) -> float:
    """Estimate the memory that a gradient step takes.

    Args:
        size: (height, width) of the picture, in pixels.
        floats: Numbers that the network computes for each pixel.
    """
    return size[0] * size[1] * (floats * BYTES_PER_FLOAT + BYTES_PER_PIXEL)


def automatic_side(size: Size, footprint: Footprint, memory: float) -> int | None:
    """Choose the cores' side for a picture.

    Args:
        size: (height, width) of the picture.
        footprint: What the network sees, and how large it is.
        memory: Bytes of the machine.

    Returns:
        Pixels; None where the picture may stay whole.
    """
    if step_bytes(size, footprint.floats) <= LARGEST_SHARE * memory:
        return None
    left = LARGEST_SHARE * memory - step_bytes(size, 0)
    most = max(min(left, LARGEST_TILE), 0)
    side = math.isqrt(int(most / (footprint.floats * BYTES_PER_FLOAT)))
    around = max(field.last - field.first for field in footprint.fields)
    stride = footprint.stride
    return max(side - around - stride, stride) // stride * stride
