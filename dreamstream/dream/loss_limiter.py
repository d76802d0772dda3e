"""The composed frame: the full-size source and as much of the residual as the ceiling allows."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from dreamstream.dream.fading import faded
from dreamstream.dream.resampling import enlarge, shrink
from dreamstream.frames import FloatImage, Pixels, to_model_range, to_pixels

UNMEASURED_UP_TO = 0.5
"""Share of the ceiling up to which a predicted loss need not be measured: two films' frames came to
a fifth to two thirds of what was predicted."""

CLOSE = 0.97
"""Share of the ceiling from which a part of a residual is large enough."""

_MOST_TRIALS = 6
_USUAL_POWER, _LEAST_POWER, _MOST_POWER = 4.0, 0.5, 16.0
"""Of the residual's share in the loss: what dreams have as a rule, and bounds of what is seen."""

_INNER = 0.05
"""Least distance of a trial from the ends of its bracket, as a share of it."""
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class ComposedFrame:
    """A dream as it is returned.

    Attributes:
        pixels: (H, W, 3) uint8 RGB.
        residual: (h, w, 3) float32 at dream size, the part that was added.
        loss: Of the dream at dream size; None where it was not measured.
        source_loss: Of the source, where it had to be measured.
    """

    pixels: Pixels
    residual: FloatImage
    loss: float | None = None
    source_loss: float | None = None


class LossLimiter:
    """Adds residuals to frames, and keeps the sum under a ceiling.

    Args:
        limit: The ceiling of the loss; inf is none.
        measure: Returns the loss of a (h, w, 3) float32 picture.
    """

    def __init__(self, limit: float, measure: Callable[[FloatImage], float]) -> None:
        self.limit = limit
        self._measure = measure

    def compose(
        self,
        full: FloatImage,
        residual: FloatImage,
        predicted_loss: float | None = None,
        mask: FloatImage | None = None,
    ) -> ComposedFrame:
        """Add a residual to the full-size frame, all of it or the largest part under the ceiling.

        Args:
            full: (H, W, 3) float32 source in [-1, 1].
            residual: (h, w, 3) float32 at dream size.
            predicted_loss: Loss that its last step predicted, NaN where none did: the dream is
                measured only where that may come near the ceiling.  None has it measured always.
            mask: (H, W) float32 in [0, 1], the share of the residual that is shown; None is all.

        Returns:
            The dream; the source itself where even that is over the ceiling.
        """
        change = enlarge(residual, (full.shape[0], full.shape[1]))
        if predicted_loss is not None and self._is_far(predicted_loss):
            return ComposedFrame(_masked(full, full + change, mask), residual)

        def part(share: float) -> tuple[Pixels, float]:
            dream = _masked(full, full + np.float32(share) * change, mask)
            shown = shrink(to_model_range(dream), (residual.shape[0], residual.shape[1]))
            return dream, self._measure(shown)

        dream, loss = part(1.0)
        if loss <= self.limit:
            return ComposedFrame(dream, residual, loss)
        return self._lower(part, residual, loss)

    def fade(
        self,
        full: FloatImage,
        composed: ComposedFrame,
        opacity: float,
        *,
        measures: bool,
        mask: FloatImage | None = None,
    ) -> ComposedFrame:
        """Show a share of a composed frame's residual, under the ceiling too.

        Args:
            full: (H, W, 3) float32 source in [-1, 1].
            composed: Source and whole residual.
            opacity: The share, in [0, 1]; 0 is the source itself.
            measures: Measure the loss in any case.
            mask: As :meth:`compose` takes it.
        """
        known = 0.0 if composed.loss is None else composed.loss  # None: it was predicted far below
        predicted = None if measures else known
        shown = self.compose(full, faded(composed.residual, opacity), predicted, mask)
        if shown.source_loss is None:
            shown = replace(shown, source_loss=composed.source_loss)
        return shown

    def _is_far(self, predicted_loss: float) -> bool:
        return math.isinf(self.limit) or predicted_loss <= UNMEASURED_UP_TO * self.limit

    def _lower(
        self, part: Callable[[float], tuple[Pixels, float]], residual: FloatImage, loss: float
    ) -> ComposedFrame:
        """Find a part close under the ceiling, taking the loss for a power of the share."""
        dream, source_loss = part(0.0)
        best, search = (dream, source_loss, 0.0), _Search(loss, self.limit * (1 + CLOSE) / 2)
        for _ in range(_MOST_TRIALS if source_loss < self.limit else 0):
            if best[1] >= CLOSE * self.limit:
                break
            share = search.next_share()
            dream, loss = part(share)
            if loss <= self.limit:
                best = dream, loss, share
            search.learn(share, loss)
        dream, loss, share = best
        return ComposedFrame(dream, np.float32(share) * residual, loss, source_loss)


def _masked(full: FloatImage, dream: FloatImage, mask: FloatImage | None) -> Pixels:
    """Lay a dream, as it can be shown, over the frame, where a mask shows it."""
    if mask is None:
        return to_pixels(dream)
    share = mask[..., None]
    laid = full + share * (np.clip(dream, -1, 1) - full)
    return to_pixels(np.where(share < 1, laid, dream))


class _Search:
    """Looks for the share of a residual at which the loss is ``aim``, from its ``loss`` at 1."""

    def __init__(self, loss: float, aim: float) -> None:
        self._aim = aim
        self._low, self._high = 0.0, 1.0
        self._share, self._loss, self._power = 1.0, loss, _USUAL_POWER

    def next_share(self) -> float:
        """Return the share to try next, inside the bracket."""
        width = self._high - self._low
        wanted: float = self._share * (self._aim / max(self._loss, _TINY)) ** (1 / self._power)
        return min(max(wanted, self._low + _INNER * width), self._high - _INNER * width)

    def learn(self, share: float, loss: float) -> None:
        """Take the loss at a share."""
        rise = math.log(max(loss, _TINY) / max(self._loss, _TINY))
        run = math.log(share / self._share)
        self._power = min(max(rise / run, _LEAST_POWER), _MOST_POWER) if run else self._power
        self._share, self._loss = share, loss
        if loss < self._aim:
            self._low = share
        else:
            self._high = share
