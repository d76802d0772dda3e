"""How source frames follow one another: known without any dream, so it may be found out ahead."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from dreamstream.config import DreamConfig
from dreamstream.frames import FloatImage, Pixels
from dreamstream.temporal.cuts import Change, CutDetector
from dreamstream.temporal.flow import Flow, estimate_confidence, make_flow, mean_doubt


def _nothing() -> FloatImage:
    return np.zeros((0, 0), np.float32)


@dataclass(frozen=True, slots=True)
class AnalysisState:
    """What is remembered of a stream's source frames.

    Attributes:
        small: The last one that was no flash, (h, w, 3) uint8 RGB at dream size; None before the
            first.
        cuts: As of :meth:`CutDetector.state` after it.
    """

    small: Pixels | None = None
    cuts: Mapping[str, npt.NDArray[Any]] = field(default_factory=CutDetector().state)


@dataclass(frozen=True, slots=True)
class FrameAnalysis:
    """How a frame follows from those before it.

    Where it can't be compared with any, nothing has changed and the arrays are empty.

    Attributes:
        state: What is remembered of the source from this frame on.
        change: What happened since the frame remembered before.
        confidence: (h, w) float32 in [0, 1], in what is warped from there.
        backward_flow: (h, w, 2) float32 pixels to it.
        seconds: Time that the analysis took.
    """

    state: AnalysisState
    change: Change = Change.NONE
    confidence: FloatImage = field(default_factory=_nothing)
    backward_flow: FloatImage = field(default_factory=_nothing)
    seconds: float = 0.0


def compare_frames(
    flow: Flow, current: Pixels, previous: Pixels, cuts: CutDetector | None
) -> tuple[FloatImage, FloatImage, Change]:
    """Compare two source frames of one size.

    Args:
        flow: Estimates the motion.
        current: (h, w, 3) uint8 RGB.
        previous: The same, of the frame before.
        cuts: Judges whether a new shot begins, and remembers; None looks for no cuts.

    Returns:
        (h, w, 2) float32 backward flow in pixels; (h, w) float32 confidence in it, in [0, 1]; and
        what happened.
    """
    backward = flow.backward(current, previous)
    confidence = estimate_confidence(backward, current, previous)
    if cuts is None:
        return backward, confidence, Change.NONE
    doubt = partial(mean_doubt, flow, current, previous, backward, confidence)
    return backward, confidence, cuts.judge(current, previous, doubt)


class FrameAnalyzer:
    """Compares source frames; it remembers nothing between them, so any thread may ask it in turn.

    Args:
        config: ``blend``, ``flow`` and ``no_cuts`` count: without a blend nothing is compared.
        flow: Estimates the motion; by default as the configuration says.

    Attributes:
        compares: Whether frames are compared at all.
    """

    def __init__(self, config: DreamConfig, flow: Flow | None = None) -> None:
        self.compares, self._no_cuts = config.blend > 0, config.no_cuts
        self._flow = make_flow(config.flow) if flow is None else flow

    def analyse(self, small: Pixels, state: AnalysisState) -> FrameAnalysis:
        """Compare a frame with those before it; through a flash these are kept.

        Args:
            small: (h, w, 3) uint8 RGB at dream size; another size than before can't be compared.
            state: What is remembered of the frames before it.
        """
        before = state.small
        if before is None or before.shape != small.shape or not self.compares:
            return FrameAnalysis(AnalysisState(small, state.cuts))
        cuts = CutDetector()
        cuts.restore(state.cuts)
        looked_for = None if self._no_cuts else cuts
        backward, confidence, change = compare_frames(self._flow, small, before, looked_for)
        kept = before if change is Change.FLASH else small
        return FrameAnalysis(AnalysisState(kept, cuts.state()), change, confidence, backward)
