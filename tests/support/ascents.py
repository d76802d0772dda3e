"""Ascents of one picture, without the octaves."""

from traces import shared_ascent

from dreamstream.config import DreamConfig
from dreamstream.dream.ascent import (
    NEAR_CEILING,
    Ascended,
    Ascent,
    StepPlan,
    StepRule,
    shift_sequence,
)
from dreamstream.dream.objective import Objective
from dreamstream.dream.parameters import step_params
from dreamstream.frames import FloatImage


def make_ascent(rule: StepRule, objective: Objective, config: DreamConfig) -> Ascent:
    """Make an ascent with a configuration's shifts."""
    return shared_ascent(objective, rule, shift_sequence(config.seed, config.jitter))


def climb(
    rule: StepRule,
    objective: Objective,
    config: DreamConfig,
    image: FloatImage,
    weights: FloatImage,
    steps: int,
    headroom: float = NEAR_CEILING,
) -> Ascended:
    """Take up to so many steps with a configuration's numbers."""
    plan = StepPlan(steps, headroom=headroom)
    return make_ascent(rule, objective, config).climb(image, weights, step_params(config), plan)
