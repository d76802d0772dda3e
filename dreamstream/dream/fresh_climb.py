"""New ground gets what a cold frame gets: a climb through the octaves, from the smallest one."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from dreamstream._libraries import cv2
from dreamstream.config import DreamConfig
from dreamstream.dream.core import DreamCore, Part, Schedule
from dreamstream.dream.new_ground import NewGround, tapered, window_at
from dreamstream.dream.octaves import Octave
from dreamstream.dream.parameters import StepParams
from dreamstream.dream.resampling import Size, enlarge, shrink
from dreamstream.dream.start import Start
from dreamstream.frames import FloatImage
from dreamstream.temporal.cuts import Change
from dreamstream.temporal.flow import warp
from dreamstream.temporal.residual_warp import WarpedResidual

FADE = 3
"""Frames over which what a climb made comes into the picture."""

STEP_LENGTH = 2.0
"""Step of a climb, in step sizes, and how many times fewer there are than in a cold frame."""

FINEST_STEP = 2.5
"""Least step, in step sizes, with which the usual steps of the next frames work a climb's dream
out on the finest octave, which the climb itself leaves out."""

WINDOW, GRID = 0.56, 32
"""Side of the window in which a climb is made, as a share of the longer side of its largest octave,
and what it is rounded to: one shape for each octave of a film."""

BORDER = 32
"""Pixels at the window's edges over which the steps fade out: the loss leaves two cells out there.
"""

RICHER = 1.1
"""Least log gain of a climb's loss over that of what it would replace."""


@dataclass(frozen=True, slots=True)
class Climbing:
    """What climbs of a film's frames are made with.

    Attributes:
        sizes: (height, width) of the octaves, smallest first.
        params: The steps' numbers.
        first_steps: Steps in an octave of a cold frame.
        allowed: Whether new climbs may be begun.
    """

    sizes: Sequence[Size]
    params: StepParams
    first_steps: int
    allowed: bool

    @classmethod
    def of(
        cls, config: DreamConfig, sizes: Sequence[Size], params: StepParams, *, near: bool
    ) -> "Climbing":
        """Take a configuration's; near the ceiling of the loss no climb begins.

        The original program, and who asks for no steps, have none.
        """
        steps = 0 if config.is_original else min(config.steps, config.first_steps)
        return cls(sizes, params, config.first_steps, allowed=steps > 0 and not near)


class FreshClimbs:
    """Gives new ground a climb of its own, one place after the other, and fades each in.

    A climb costs nothing where nothing is new, and what it made is carried like all else.

    Args:
        core: Dreams.
    """

    def __init__(self, core: DreamCore) -> None:
        self._core, self._ground = core, NewGround()
        self.reset()

    def reset(self) -> None:
        """Forget the stream so far."""
        self._ground.reset()
        self._coming: FloatImage | None = None
        self._frames_left = 0

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return all that is remembered between frames, as named arrays that stay as they are."""
        state = self._ground.state()
        if self._coming is not None:
            state["coming"], state["frames_left"] = self._coming, np.array(self._frames_left)
        return state

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Remember what another's :meth:`state` returned."""
        self.reset()
        self._ground.restore(state)
        if "coming" in state:
            self._coming, self._frames_left = state["coming"], int(state["frames_left"])

    def follow(
        self, source: FloatImage, warped: WarpedResidual, climbing: Climbing
    ) -> WarpedResidual:
        """Add to a frame's carried residual its share of what climbs have made.

        Args:
            source: (h, w, 3) float32 in [-1, 1], the frame at dream size.
            warped: What comes to it from the frame before.
            climbing: What a new climb is made with.
        """
        size = (source.shape[0], source.shape[1])
        if warped.residual is None or not self._ground.fits(size):
            self._begin(size)
            return warped
        if warped.change is Change.FLASH:
            return warped
        self._ground.carry(warped.backward_flow, warped.confidence)
        if self._coming is not None:
            carried = warp(self._coming, warped.backward_flow)
            self._coming = np.asarray(carried * cv2.merge([warped.confidence] * 3), np.float32)
        elif climbing.allowed:
            self._coming = self._climb(source, warped.residual, climbing)
            self._frames_left = FADE
        return self._faded_in(warped)

    def work_out(self, start: Start) -> Start:
        """Lengthen a warm frame's steps where a climb was a moment ago."""
        if start.cold or start.near or not start.steps or self._ground.known is None:
            return start
        awake = self._ground.awake()
        if not awake.any():
            return start
        height, width = start.weights.shape
        longer = np.float32(FINEST_STEP) * cv2.resize(awake, (width, height))
        return replace(start, weights=np.maximum(start.weights, longer))

    def _begin(self, size: Size) -> None:
        self._ground.begin(size)
        self._coming, self._frames_left = None, 0

    def _faded_in(self, warped: WarpedResidual) -> WarpedResidual:
        coming = self._coming
        if coming is None or warped.residual is None:
            return warped
        share = coming / np.float32(self._frames_left)
        self._frames_left -= 1
        self._coming = coming - share if self._frames_left else None
        return replace(warped, residual=warped.residual + share, undecayed=warped.undecayed + share)

    def _climb(
        self, source: FloatImage, residual: FloatImage, climbing: Climbing
    ) -> FloatImage | None:
        """Climb where it is wanted most.

        Returns:
            (h, w, 3) float32, what is to be added to the residual; None where no climb is wanted,
            or where it came to no more than there is.
        """
        place = self._ground.place()
        sizes = climbing.sizes[:-1]
        if place is None or not sizes:
            return None
        part = self._part(place, sizes)
        new, climbed = self._new_in(part, sizes[-1], (source.shape[0], source.shape[1]))
        self._ground.learn(climbed)
        start = source + residual * cv2.merge([1 - new] * 3)
        steps = max(1, round(climbing.first_steps / STEP_LENGTH))
        length = np.float32(climbing.first_steps / steps)
        schedule = Schedule(sizes, steps, part=part)
        octave = self._core.run(start, length * new, climbing.params, schedule)[-1]
        if not self._is_richer(octave, source, residual, part, climbing.params):
            return None
        change = enlarge(octave.image - shrink(start, sizes[-1]), new.shape)
        return np.asarray(change - residual * cv2.merge([new] * 3), np.float32)

    def _part(self, place: tuple[float, float], sizes: Sequence[Size]) -> Part:
        """Choose the window around a place, one that can be dreamed on every octave."""
        longest = max(sizes[-1])
        side = max(GRID * round(WINDOW * longest / GRID), 3 * GRID)
        dreamable = all(
            self._core.is_dreamable((min(side, height), min(side, width)))
            for height, width in sizes
        )
        return Part(place, side if dreamable else longest)

    def _new_in(self, part: Part, octave: Size, size: Size) -> tuple[FloatImage, FloatImage]:
        """Return the new ground of a window, at full size, and how far the window covers all."""
        window = window_at(part.centre, part.side, octave)
        cover = np.zeros(octave, np.float32)
        cover[window.slices] = tapered(window, octave, BORDER)
        candidates = self._ground.candidates()
        coarse = cv2.resize(cover, candidates.shape[::-1], interpolation=cv2.INTER_AREA)
        new = cv2.resize(candidates * coarse, size[::-1], interpolation=cv2.INTER_LINEAR)
        return np.asarray(new, np.float32), np.asarray(coarse, np.float32)

    def _is_richer(
        self,
        octave: Octave,
        source: FloatImage,
        residual: FloatImage,
        part: Part,
        params: StepParams,
    ) -> bool:
        """Whether a climb brought more than there was: a face that is fine stays the same face."""
        size = (octave.image.shape[0], octave.image.shape[1])
        rows_columns = window_at(part.centre, part.side, size).slices

        def loss(image: FloatImage) -> float:
            crop = np.ascontiguousarray(image[rows_columns])
            return self._core.measure(crop, params)

        own = loss(shrink(source, size))
        before, after = loss(shrink(source + residual, size)), loss(octave.image)
        if min(own, before, after) <= 0:  # a loss with negative terms has no logarithm
            return after > before
        return math.log(after / own) > RICHER * max(math.log(before / own), 0.0)
