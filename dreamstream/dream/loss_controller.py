"""The ceiling as a controller: how warm frames come up to max_loss, and how they settle below it.

A stop at the ceiling alone makes a dream pump: it decays, climbs, is cut off, decays.  Here a
carried dream that already lies in a band below the ceiling is left alone, one over it decays just
into that band, and one below it takes steps of the length that, by what the last ones brought,
reach it.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dreamstream.dream.ascent import NEAR_CEILING
from dreamstream.dream.core import COLD_HEADROOM, Headroom
from dreamstream.frames import FloatImage

DEAD_BAND = 0.95
"""Share of max_loss from which a carried dream is left alone: no decay, no step on old ground."""

_MOST_SMALLER_HEADROOM, _FAR = 1.6, 0.2
"""Share of max_loss up to which a warm frame's smaller octaves may climb where as much or more of
it is missing; in proportion where less is.  A carried dream is softer than a fresh one, and the
softer the stronger on small octaves: held to the whole ceiling there a frame stayed at 0.8 of it,
left free they grew to four times it, and mending a dream at rest they made it coarser."""

_FIRST_HEADROOM, _LEAST_HEADROOM, _MOST_HEADROOM = 1.05, NEAR_CEILING, 1.25
_HEADROOM_POWER = 0.5
"""The last octave's headroom before anything is known, its bounds, and how fast it is learned:
clipping and rounding cost a picture that leaves some of its loss, 5 % as a rule and more where
there is much white."""

_MOST_MENDED = 1.25
"""Most by which the headroom of a picture that left too low is raised."""

_AIM = 0.975
"""Share of max_loss aimed at, the middle of the dead band."""

_NEAR = 0.65
"""Share of max_loss that the frame before must have reached for any of this to be looked for."""

_DECAY_FADES_FROM, _DECAY_FADED_AT = 0.85, 0.95
"""Shares of max_loss between which the decay of what is carried fades to none: two steps make up
for a decay only far below a ceiling, which shortens them."""

_FIRST_GAIN, _LEAST_GAIN, _MOST_GAIN = 0.3, 0.1, 1.0
"""Share of max_loss that a step size brings, before any is known; and the bounds of what is
learned."""

_SHORTEST, _LONGEST = 0.15, 2.0
"""Of the steps on old ground, in step sizes."""

_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Approach:
    """How a warm frame comes to the ceiling.

    Attributes:
        kept: Share of the carried dream's decay that is left out, in [0, 1].
        settled: The dream lies in the dead band: only what is new is dreamed.
        step: Step on old ground, in step sizes; None where the ceiling is far.
        headroom: How far octaves may climb.
    """

    kept: float = 0.0
    settled: bool = False
    step: float | None = None
    headroom: Headroom = COLD_HEADROOM


class LossController:
    """Decides how each warm frame of a stream approaches the ceiling.

    Args:
        limit: The ceiling of the loss; inf is none.
        measure: Returns the loss of a (H, W, 3) float32 picture.
    """

    def __init__(self, limit: float, measure: Callable[[FloatImage], float]) -> None:
        self.limit = limit
        self._measure = measure
        self.reset()

    def reset(self) -> None:
        """Forget the stream so far."""
        self._last = 0.0
        self._gain, self._headroom = _FIRST_GAIN, _FIRST_HEADROOM
        self._begun: tuple[float, float] | None = None

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return all that is remembered between frames, as named arrays."""
        return {"ceiling": np.array([self._last, self._gain, self._headroom])}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Remember what another controller's :meth:`state` returned."""
        self._last, self._gain, self._headroom = map(float, state["ceiling"])
        self._begun = None

    @property
    def comes_near(self) -> bool:
        """Whether the ceiling has a say in the next frame."""
        return self.is_near(self._last)

    def is_near(self, loss: float | None) -> bool:
        """Whether a loss is so close to the ceiling that it has a say."""
        return loss is not None and loss >= _NEAR * self.limit

    def approach(self, source: FloatImage, decayed: FloatImage, undecayed: FloatImage) -> Approach:
        """Choose how a warm frame goes on.

        Args:
            source: (h, w, 3) float32 in [-1, 1].
            decayed: (h, w, 3) float32, the carried residual with all of its decay.
            undecayed: (h, w, 3) float32, the same with none of it.
        """
        if not self.comes_near:
            return Approach()
        share = self._share(source + undecayed)
        missing = min(max((_AIM - share) / _FAR, 0.0), 1.0)
        headroom = Headroom(1 + (_MOST_SMALLER_HEADROOM - 1) * missing, self._headroom)
        kept = self._kept(share, source, decayed)
        if share >= DEAD_BAND and kept > 0:
            return Approach(kept, settled=True, headroom=headroom)
        step = min(max((_AIM - share) / self._gain, _SHORTEST), _LONGEST)
        self._begun = share, step
        return Approach(kept, step=step, headroom=headroom)

    def headroom_to_mend(self, headroom: Headroom, loss: float | None) -> float | None:
        """Return how far a picture should have climbed that left below the dead band.

        Args:
            headroom: To which it climbed.
            loss: With which it left.

        Returns:
            A share of max_loss; None where it left no lower than it should.
        """
        if loss is None or loss >= DEAD_BAND * self.limit or loss <= 0:
            return None
        return headroom.last * min(_AIM * self.limit / loss, _MOST_MENDED)

    def learn(self, loss: float | None, first_loss: float | None = None) -> None:
        """Take from a frame what its steps brought.

        Args:
            loss: With which it left.
            first_loss: With which it would have left, had it not climbed on; by default the same.
        """
        self._last = loss or 0.0
        if self._begun is not None:
            share, step = self._begun
            brought = first_loss or self._last
            gain = (brought / self.limit - share) / step
            self._gain = min(max(gain, _LEAST_GAIN), _MOST_GAIN)
            missed = (_AIM * self.limit / max(brought, _TINY)) ** _HEADROOM_POWER
            self._headroom = min(max(self._headroom * missed, _LEAST_HEADROOM), _MOST_HEADROOM)
            self._begun = None

    def _kept(self, share: float, source: FloatImage, decayed: FloatImage) -> float:
        """Choose how much of the decay a frame does without."""
        if share <= 1:
            faded = (share - _DECAY_FADES_FROM) / (_DECAY_FADED_AT - _DECAY_FADES_FROM)
            return min(max(faded, 0.0), 1.0)
        least = max(self._share(source + decayed), _TINY)
        if least >= _AIM:
            return 0.0
        return math.log(_AIM / least) / math.log(share / least)

    def _share(self, picture: FloatImage) -> float:
        """Return the loss of a picture, as it would leave, over max_loss."""
        return self._measure(np.clip(picture, -1, 1)) / self.limit
