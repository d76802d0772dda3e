"""The dream core: a network, its loss, and the ascent through the octaves of one picture.

Whoever dreams frames (a film, a clip of one picture, the live view) is a policy: it chooses what a
picture starts from, where it is dreamed how far, and with which numbers, and asks the core to run.
The core remembers nothing between pictures but the units of the loss.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

import numpy as np

from dreamstream.config import DreamConfig
from dreamstream.dream.ascent import (
    NEAR_CEILING,
    Ascended,
    Ascent,
    StepPlan,
    StepRule,
    classic_step,
    guarded_step,
    shift_sequence,
)
from dreamstream.dream.guide import Guide
from dreamstream.dream.new_ground import window_at
from dreamstream.dream.objective import Objective
from dreamstream.dream.octaves import Octave, OctaveRule, classic_octaves, reinject_octaves
from dreamstream.dream.parameters import StepParams
from dreamstream.dream.resampling import Size, octave_sizes
from dreamstream.frames import FloatImage
from dreamstream.models.extractor import FeatureExtractor, load_configured

FEWEST_CELLS = 5
"""Least height and width, in cells, of the deepest chosen layer: less holds nothing inside the
border that the loss leaves out."""

_OCTAVE_RULES: Mapping[str, OctaveRule] = MappingProxyType(
    {"classic": classic_octaves, "reinject": reinject_octaves}
)
_STEP_RULES: Mapping[bool, StepRule] = MappingProxyType({True: classic_step, False: guarded_step})
"""By whether the preset is the original program's."""


@dataclass(frozen=True, slots=True)
class Headroom:
    """Shares of max_loss up to which the loss may rise.

    Attributes:
        smaller: In every octave but the last.
        last: Of the whole picture.
    """

    smaller: float = NEAR_CEILING
    last: float = NEAR_CEILING


COLD_HEADROOM = Headroom()


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a picture that alone is dreamed: on each octave a window of one side, in pixels.

    Smaller octaves see more of the surroundings.

    Attributes:
        centre: Row and column of its middle, as shares of the picture.
        side: Of the window, in pixels; octaves that are smaller are dreamed whole.
    """

    centre: tuple[float, float]
    side: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """Which octaves of a picture are dreamed, and with which steps.

    Attributes:
        sizes: (height, width) of the octaves, smallest first; the last one is the picture's.
        steps: Steps in each octave.
        headroom: How far the loss may rise.
        jitter_index: Where in the sequence of shifts each octave begins.
        first_step: Number of the first step in a longer ascent.
        of_steps: Steps of that ascent, over which the gradient's blur grows; None is ``steps``.
        part: The part of the picture that is dreamed; None is all of it.
    """

    sizes: Sequence[Size]
    steps: int
    headroom: Headroom = COLD_HEADROOM
    jitter_index: int = 0
    first_step: int = 0
    of_steps: int | None = None
    part: Part | None = None

    def plan(self, is_last: bool) -> StepPlan:
        """Return the steps of an octave."""
        headroom = self.headroom.last if is_last else self.headroom.smaller
        return StepPlan(self.steps, self.first_step, self.of_steps, self.jitter_index, headroom)


class DreamCore:
    """Dreams pictures with one network.

    Args:
        config: ``model``, ``weights``, ``layers`` (their names), ``guide``, ``tile``,
            ``octave_rule``, ``seed``, ``jitter``, and device, precision and threads count.
        extractor: The network; by default the one that the configuration names is loaded.
        rule: What a step does; by default the preset's, the original program's or the guarded one.
        endless: Whether a film that guides begins again at its end; otherwise its last frame stays.

    Attributes:
        extractor: The network.
        objective: The loss, in the units of the stream.

    Raises:
        ModelError: There is no such model, layer or device, or the weights can't be had.
        SourceError: The guide can't be read.
    """

    def __init__(
        self,
        config: DreamConfig,
        extractor: FeatureExtractor | None = None,
        rule: StepRule | None = None,
        *,
        endless: bool = False,
    ) -> None:
        self.extractor = extractor or load_configured(config)
        self._guide = None
        if config.guide is not None:
            self._guide = Guide(config.guide, self.extractor, again=endless)
        features = None if self._guide is None else self._guide.features
        self.objective = Objective(self.extractor, config.tile, features)
        self._octave_rule = _OCTAVE_RULES[config.octave_rule]
        shifts = shift_sequence(config.seed, config.jitter)
        self._ascent = Ascent(self.objective, rule or _STEP_RULES[config.is_original], shifts)

    @property
    def traces(self) -> int:
        """How often the step has been traced: once, whatever sizes and numbers it was given."""
        return self._ascent.traces

    def go_to(self, time: Fraction) -> None:
        """Let the guide, where it is a film, guide what is dreamed next by its frame at a time.

        Args:
            time: Seconds since the dream's first frame.

        Raises:
            SourceError: It can't be read on.
        """
        if self._guide is not None:
            self._guide.go_to(time)

    @property
    def steps_taken(self) -> int:
        """Steps asked for so far, of all pictures; it grows while one is dreamed."""
        return self._ascent.steps_taken

    def run(
        self, image: FloatImage, weights: FloatImage, params: StepParams, schedule: Schedule
    ) -> list[Octave]:
        """Dream a picture: all octaves and steps of a schedule.

        Args:
            image: (H, W, 3) float32 in [-1, 1], not clipped, the picture to begin from.
            weights: (H, W) float32, factor of the step at each pixel.
            params: The steps' numbers.
            schedule: Which octaves, and how many steps.

        Returns:
            Each octave's result, smallest first; the last one's image is the dream.
        """

        def ascend(begin: FloatImage, factor: FloatImage, is_last: bool) -> Ascended:
            plan = schedule.plan(is_last)
            if schedule.part is None:
                return self._ascent.climb(begin, factor, params, plan)
            window = window_at(schedule.part.centre, schedule.part.side, begin.shape[:2]).slices
            part, weights = (np.ascontiguousarray(each[window]) for each in (begin, factor))
            ascended, image = self._ascent.climb(part, weights, params, plan), begin.copy()
            image[window] = ascended.image
            return ascended._replace(image=image)

        return list(self._octave_rule(image, weights, schedule.sizes, ascend))

    def measure(self, image: FloatImage, params: StepParams) -> float:
        """Return the loss of an (H, W, 3) float32 picture in [-1, 1]."""
        return self.objective.measure(image[None], params.coefficients, float(params.guide_weight))

    def dreamable_sizes(self, size: Size, octaves: int, scale: float) -> list[Size]:
        """Return the sizes of a picture's octaves, smallest first, without those too small.

        Args:
            size: (height, width) of the picture.
            octaves: How many are wanted.
            scale: Ratio of neighbouring sizes, > 1.
        """
        return [each for each in octave_sizes(size, octaves, scale) if self.is_dreamable(each)]

    def is_dreamable(self, size: Size, fewest: int = FEWEST_CELLS) -> bool:
        """Whether a picture has at least so many cells of the deepest layer along each side."""
        if min(size) < 1:
            return False
        cells = self.extractor.feature_sizes(*size).values()
        return min(min(layer) for layer in cells) >= fewest
