"""Compiled steps that tests share: to trace one takes a second, to run it milliseconds."""

from typing import Any

import numpy as np
import numpy.typing as npt

from dreamstream.dream.ascent import Ascent, StepRule
from dreamstream.dream.guide_features import GuideFeatures
from dreamstream.dream.objective import Objective
from dreamstream.models.extractor import FeatureExtractor

_OBJECTIVES: dict[tuple[FeatureExtractor, int | str], Objective] = {}
_STEPS: dict[tuple[Objective, StepRule], Any] = {}


def shared_objective(
    extractor: FeatureExtractor, tile: int | str = "auto", guide: GuideFeatures | None = None
) -> Objective:
    """Return one objective for a network; one that remembers a stream or a guide is new."""
    if extractor.layer_scales is None or guide is not None:
        return Objective(extractor, tile, guide)
    if (extractor, tile) not in _OBJECTIVES:
        _OBJECTIVES[extractor, tile] = Objective(extractor, tile)
    return _OBJECTIVES[extractor, tile]


def shared_ascent(objective: Objective, rule: StepRule, shifts: npt.NDArray[np.int32]) -> Ascent:
    """Make an ascent of its own shifts that takes the compiled step of others."""
    ascent = Ascent(objective, rule, shifts)
    ascent._step = _STEPS.setdefault((objective, rule), ascent._step)
    return ascent
