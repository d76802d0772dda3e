"""What happened between source frames: known without any dream, so it may be found out ahead."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from dreamstream.config import DreamConfig
from dreamstream.frames import FloatImage, Pixels
from dreamstream.temporal.cuts import Change, CutDetector
from dreamstream.temporal.flow import Flow, confidence, make_flow, mean_doubt


def _nothing() -> FloatImage:
    return np.zeros((0, 0), np.float32)


@dataclass(frozen=True, slots=True)
class Seen:
    """What is remembered of a stream's source frames.

    Attributes:
        small: The last one that was no flash, (h, w, 3) uint8 RGB at dream size; None before the
            first.
        cuts: What :meth:`CutDetector.state` tells after it.
    """

    small: Pixels | None = None
    cuts: Mapping[str, npt.NDArray[Any]] = field(default_factory=CutDetector().state)


@dataclass(frozen=True, slots=True)
class Movement:
    """How a frame follows from those before it.

    Where it can't be compared with any, nothing has changed and the arrays are empty.

    Attributes:
        seen: What is remembered of the source from this frame on.
        change: What happened since the frame remembered before.
        trust: (h, w) float32 confidence in what is carried from there, in [0, 1].
        backward_flow: (h, w, 2) float32 pixels to it.
        seconds: Time that it took to find this out.
    """

    seen: Seen
    change: Change = Change.NONE
    trust: FloatImage = field(default_factory=_nothing)
    backward_flow: FloatImage = field(default_factory=_nothing)
    seconds: float = 0.0


class Observer:
    """Compares source frames; it remembers nothing between them, so any thread may ask it in turn.

    Args:
        config: ``blend``, ``flow`` and ``no_cuts`` count: without a blend nothing is compared.
        flow: How the picture moves; by default estimated as the configuration says.
    """

    def __init__(self, config: DreamConfig, flow: Flow | None = None) -> None:
        self._compares, self._no_cuts = config.blend > 0, config.no_cuts
        self._flow = make_flow(config.flow) if flow is None else flow

    def observe(self, small: Pixels, seen: Seen) -> Movement:
        """Find out how a frame follows from those before it; through a flash these are kept.

        Args:
            small: (h, w, 3) uint8 RGB at dream size; another size than before can't be compared.
            seen: What is remembered of the frames before it.
        """
        before = seen.small
        if before is None or before.shape != small.shape or not self._compares:
            return Movement(Seen(small, seen.cuts))
        backward = self._flow.backward(small, before)
        trust = confidence(backward, small, before)
        doubt = partial(mean_doubt, self._flow, small, before, backward, trust)
        cuts = CutDetector()
        cuts.restore(seen.cuts)
        change = Change.NONE if self._no_cuts else cuts.judge(small, before, doubt)
        kept = before if change is Change.FLASH else small
        return Movement(Seen(kept, cuts.state()), change, trust, backward)
