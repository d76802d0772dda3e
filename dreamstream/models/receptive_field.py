"""What a network's cells see of a picture, and how many there are (pure; no TensorFlow)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from dreamstream.errors import ModelError


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """What a cell of a layer sees: at index i the pixels i * stride + first to i * stride + last.

    It holds along one axis, whatever the picture's size.

    Attributes:
        stride: Pixels from a cell to the next.
        first: Of the foremost pixel, seen from the cell's own.
        last: Of the hindmost.
    """

    stride: int = 1
    first: int = 0
    last: int = 0

    def through(self, window: Window) -> ReceptiveField:
        """Return the receptive field after a window has been moved over a layer."""
        # TensorFlow pads by the size's remainder: by all of the span at most, and half of it before
        span, stride = window.span, window.stride
        least, most = (max(span + 1 - stride, 0) // 2, span // 2) if window.padded else (0, 0)
        return ReceptiveField(
            self.stride * stride,
            self.first - self.stride * most,
            self.last + self.stride * (span - least),
        )

    def moved(self, cells: int) -> ReceptiveField:
        """Return the receptive field after so many cells have been put in front."""
        pixels = self.stride * cells
        return ReceptiveField(self.stride, self.first - pixels, self.last - pixels)


@dataclass(frozen=True, slots=True)
class Window:
    """A window that is moved along one axis of a layer.

    Attributes:
        length: In cells.
        stride: Cells from one place to the next.
        padded: Whether the layer is padded so that only the stride makes it shorter.
        dilation: Cells from one cell of the window to the next.
    """

    length: int
    stride: int = 1
    padded: bool = True
    dilation: int = 1

    @property
    def span(self) -> int:
        """Cells from the window's first to its last."""
        return (self.length - 1) * self.dilation

    def places(self, length: int) -> int:
        """Return the cells that a layer of so many becomes.

        Raises:
            ValueError: It is shorter than the window.
        """
        left = length if self.padded else length - self.span
        if left < 1:
            raise ValueError(f"{length} cells are too few for a window of {self.span + 1}")
        return -(-left // self.stride)


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a network's layers see, and how large it is.

    Attributes:
        fields: Receptive fields of the chosen layers, each the wider of its two axes.
        floats: Numbers that it computes, of all its operations together, for each pixel.
    """

    fields: tuple[ReceptiveField, ...]
    floats: float

    @property
    def stride(self) -> int:
        """Pixels by which a picture may be moved so that every layer's cells move along."""
        return math.lcm(*(field.stride for field in self.fields))


def united(fields: Iterable[ReceptiveField]) -> ReceptiveField:
    """Return the least receptive field that holds others, of layers laid together.

    Raises:
        ModelError: Their cells don't lie side by side.
    """
    fields = list(fields)
    strides = {field.stride for field in fields}
    if len(strides) != 1:
        raise ModelError(f"finding what a cell sees failed: strides {strides} meet in one layer")
    first, last = min(field.first for field in fields), max(field.last for field in fields)
    return ReceptiveField(strides.pop(), first, last)
