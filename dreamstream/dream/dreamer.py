"""The Dreamer: turns frames into dreams, and remembers what the next frame starts from."""

import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from dreamstream._libraries import cv2
from dreamstream.config import DreamConfig
from dreamstream.dream.ascent import Ascent, ClassicAscent, GuardedAscent
from dreamstream.dream.enlarging import Enlarger
from dreamstream.dream.loss_controller import CeilingControl
from dreamstream.dream.loss_limiter import Emission, Emitter
from dreamstream.dream.objective import Loss
from dreamstream.dream.octaves import (
    COLD_HEADROOM,
    Climb,
    Headroom,
    Octave,
    climb_classic,
    climb_reinject,
)
from dreamstream.dream.report import DreamReport
from dreamstream.dream.resampling import Size, fit_size, octave_sizes, shrink
from dreamstream.dream.step_weights import emphasise, holding, newness
from dreamstream.frames import HALF_RANGE, FloatImage, Pixels, to_model_range
from dreamstream.models.extractor import FeatureExtractor, load_configured
from dreamstream.temporal.cuts import Change
from dreamstream.temporal.flow import Flow
from dreamstream.temporal.frame_analysis import Movement, Observer, Seen
from dreamstream.temporal.residual_warp import Carried, Carrier

FEWEST_CELLS = 5
"""Least height and width, in cells, of the deepest chosen layer: less holds nothing inside the
border that the loss leaves out."""

STILL = 0.02
"""Mean doubt in what was carried up to which nothing in a frame is new."""

MUCH_NEW, LONGEST_ROUND = 0.3, 3
"""Mean doubt in what was carried from which every octave of a warm frame is dreamed, and in how
many frames each has its turn where it is less: smaller octaves take turns.  What is carried keeps
their forms from one turn to the next: all in every frame cost half as much again and made the dream
no better (log gain of the loss at equal strength, four octaves: 3.1 instead of 3.4 on a film, 2.1
instead of 2.6 on another)."""

VIEWS = 2
"""Shifts of the picture that warm frames of one step take in turn.  With one shift alone a dream
suits the network's grid at that place only; with a new one in every frame it never comes to rest.
"""

_MODERATE_STEP = 0.02
"""Step size up to which a warm frame's last step foretells its loss."""

_STEPS_AT_CEILING = 2
"""Least steps in each octave of a warm frame near max_loss: clipping cuts a single step short, and
dreams ended up to a quarter below."""

_LEAST_FIRST_STEPS = 3
"""A cold start of fewer times the steps of a warm frame is no measure of a shot's strength."""

logger = logging.getLogger(__name__)

_RULES: Mapping[str, Climb] = MappingProxyType(
    {"classic": climb_classic, "reinject": climb_reinject}
)


@dataclass(frozen=True, slots=True)
class _Start:
    """Where an ascent begins, and how far it goes.

    Attributes:
        image: (h, w, 3) float32.
        emphasis: (h, w) float32, factor of the steps.
        steps: Steps in an octave.
        headroom: How far octaves may climb.
        near: Whether the ceiling is what bounds it.
        turns: Whether the smaller octaves take turns.
    """

    image: FloatImage
    emphasis: FloatImage
    steps: int
    headroom: Headroom = COLD_HEADROOM
    near: bool = False
    turns: bool = False


@dataclass(frozen=True, slots=True)
class Dreamed:
    """A frame's dream, and the octaves that led to it.

    Attributes:
        emission: What leaves.
        octaves: Those that were dreamed, smallest first.
        first_loss: With which it would have left, had it not been mended.
        chosen: The octaves' numbers, where they are not all.
    """

    emission: Emission
    octaves: Sequence[Octave] = ()
    first_loss: float | None = None
    chosen: Sequence[int] | None = None


class Dreamer:
    """Dreams one frame after another, each warm-started from the one before along the flow.

    Args:
        config: How to dream.
        extractor: The network; by default the one that the configuration names is loaded.
        measure_losses: Measure the loss of each source frame and of each dream, for the report;
            otherwise a dream's alone, unless its last step foretells less than half of
            ``max_loss``.
        flow: How the picture moves; by default estimated as the configuration says.

    Attributes:
        config: As given.
        report: What happened to the last frame.
        octave_images: The last frame's picture at each octave that was dreamed, (h, w, 3) float32,
            smallest first.

    Raises:
        ModelError: There is no such model, layer or device, or the weights can't be had.
    """

    def __init__(
        self,
        config: DreamConfig | None = None,
        extractor: FeatureExtractor | None = None,
        *,
        measure_losses: bool = False,
        flow: Flow | None = None,
    ) -> None:
        self.config = config = DreamConfig() if config is None else config
        self._extractor = extractor or load_configured(config)
        self._measure_losses = measure_losses
        self._loss = Loss(self._extractor, config.layers, config.tile)
        self._climb = _RULES[config.octave_rule]
        ascent = ClassicAscent if config.is_original else GuardedAscent
        self._ascent: Ascent = ascent(self._loss, config)
        guarded = None if config.is_original else config.max_loss
        self._ceiling = CeilingControl(guarded, self._measure)
        self._emitter = Emitter(guarded, self._measure)
        self._observer = Observer(config, flow)
        self._carrier = Carrier(config)
        self._enlarger = Enlarger(self._is_dreamable, config.dream_size)
        self._octaves: dict[Size, list[Size]] = {}
        self.reset()

    def reset(self) -> None:
        """Forget the stream so far: the next frame is a cold start."""
        self._carrier.reset()
        self._ceiling.reset()
        self._strength = 0.0
        self._held: float | None = None
        self._turns_taken = 0
        self._loss.forget()
        self.report = DreamReport()
        self.octave_images: list[FloatImage] = []

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Give all that the next frame depends on, as named arrays that stay as they are."""
        known = {"strength": np.array(self._strength), "turn": np.array(self._turns_taken)}
        if self._held is not None:
            known["held"] = np.array(self._held)
        return {**known, **self._ceiling.state(), **self._loss.state(), **self._carrier.state()}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on as the dreamer of the same configuration would whose :meth:`state` this is."""
        self.reset()
        self._strength = float(state["strength"])
        self._held = float(state["held"]) if "held" in state else None
        self._turns_taken = int(state["turn"])
        self._ceiling.restore(state)
        self._loss.restore(state)
        self._carrier.restore(state)

    def foresee(self, pixels: Pixels, seen: Seen | None = None) -> Movement:
        """Find out how a frame follows from those before it, which needs none of their dreams.

        It may be done ahead of the dream, in another thread: it changes nothing in the dreamer.

        Args:
            pixels: (H, W, 3) uint8 RGB.
            seen: What is remembered of the frames before it, as the last one's movement tells; by
                default of those that were dreamed.

        Raises:
            ValueError: ``pixels`` is no such array.
        """
        check_pixels(pixels)
        begun = time.perf_counter()
        pixels = self._enlarger.enlarge(pixels)
        seen = self._carrier.seen if seen is None else seen
        size = fit_size((pixels.shape[0], pixels.shape[1]), self.config.dream_size)
        small = _shrink_pixels(pixels, size)
        if self._dreamable_octaves(size):
            movement = self._observer.observe(small, seen)
        else:
            movement = Movement(Seen(small, seen.cuts))
        return replace(movement, seconds=time.perf_counter() - begun)

    def dream(self, pixels: Pixels, movement: Movement | None = None) -> Pixels:
        """Dream one frame.

        Args:
            pixels: (H, W, 3) uint8 RGB; a change of size is a cold start.  One too small for the
                network is enlarged for it.
            movement: What :meth:`foresee` told of it, where it was asked before.

        Returns:
            (H, W, 3) uint8 RGB.

        Raises:
            ValueError: ``pixels`` is no such array.
        """
        movement = self.foresee(pixels) if movement is None else movement
        begun = time.perf_counter()
        given, pixels = pixels, self._enlarger.enlarge(pixels)
        size = fit_size((pixels.shape[0], pixels.shape[1]), self.config.dream_size)
        carried = self._carrier.carry(movement)
        dreamed = self._dream_carried(pixels, size, carried)
        self._carrier.remember(movement, dreamed.emission.residual)
        self._learn(carried, dreamed)
        self._tell(carried, dreamed, movement.seconds, time.perf_counter() - begun)
        return self._enlarger.reduce(dreamed.emission.pixels, given)

    def _dream_carried(self, pixels: Pixels, size: Size, carried: Carried) -> Dreamed:
        full = to_model_range(pixels)
        source, sizes = shrink(full, size), self._dreamable_octaves(size)
        if not sizes:
            return Dreamed(Emission(pixels.copy(), np.zeros_like(source)))
        if not self._loss.calibrated:
            self._loss.calibrate(source)
        dreamed = self._ascend(full, source, carried, sizes)
        if self._measure_losses and dreamed.emission.source_loss is None:
            emission = replace(dreamed.emission, source_loss=self._measure(source))
            return replace(dreamed, emission=emission)
        return dreamed

    def _ascend(
        self, full: FloatImage, source: FloatImage, carried: Carried, sizes: list[Size]
    ) -> Dreamed:
        """Dream a full-size frame, of which the source is the size that is dreamed."""
        start = self._begin(source, carried)
        cold = carried.residual is None
        chosen = self._take_turn(len(sizes), start, cold)
        some = [sizes[number] for number in chosen]
        octaves = list(
            self._climb(
                start.image, start.emphasis, some, self._ascent, start.steps, start.headroom
            )
        )
        foretold = None if self._measure_losses else self._foretold(start, octaves[-1], cold)
        emission = self._emitter.emit(full, octaves[-1].image - source, foretold)
        near = start.near or (cold and self._ceiling.is_near(emission.loss))
        whole = emission.source_loss is None  # it left as it is, not lowered
        more = self._climb_on(start, octaves[-1], emission.loss) if near and whole else None
        if more is None:
            return Dreamed(emission, octaves, emission.loss, chosen)
        mended = self._emitter.emit(full, more.image - source)
        if (mended.loss or 0) < (emission.loss or 0):
            return Dreamed(emission, octaves, emission.loss, chosen)
        return Dreamed(mended, [*octaves[:-1], more], emission.loss, chosen)

    def _foretold(self, start: _Start, last: Octave, cold: bool) -> float:
        """Give the loss that a frame's last step foretold; NaN where that would say little."""
        layers, step_size = self.config.layers, self.config.step_size
        one_way = min(layers.values()) > 0  # or the loss is a difference, and close to nothing
        knows = one_way and step_size <= _MODERATE_STEP and not cold and not start.near
        return last.foretold if knows else math.nan

    def _climb_on(self, start: _Start, last: Octave, loss: float | None) -> Octave | None:
        """Go on with the whole picture where what left of it is short of the ceiling.

        Clipping and rounding cost a picture more of its loss than its headroom allowed for.
        """
        headroom = self._ceiling.headroom_to_mend(start.headroom, loss)
        steps = self._steps_at_ceiling
        if headroom is None or not steps or not start.steps:
            return None
        more = self._ascent.climb(last.image, start.emphasis, steps, headroom)
        return Octave(more.image, more.loss, last.steps + more.steps) if more.steps else None

    def _take_turn(self, octaves: int, start: _Start, cold: bool) -> list[int]:
        """Choose a frame's octaves, as their numbers, and the shift of their first step.

        Frames of one step take the shifts in turn, and so that every octave comes to see all.
        """
        turn = 0 if cold else self._turns_taken
        round_of = min(max(octaves - 1, 1), LONGEST_ROUND)
        view = turn if round_of % VIEWS else turn + turn // round_of
        self._shift_from(view % VIEWS if not cold and 0 < start.steps < VIEWS else 0)
        self._turns_taken = 0 if cold else turn + (start.steps > 0)
        if not start.turns:
            return list(range(octaves))
        others = [number for number in range(octaves - 1) if (number - turn) % round_of == 0]
        return [*others, octaves - 1]

    def _shift_from(self, number: int) -> None:
        """Let the steps to come begin with a shift of the sequence."""
        if isinstance(self._ascent, GuardedAscent):  # the original program shifts nothing
            self._ascent.take_part(0, shifted=number)

    def _begin(self, source: FloatImage, carried: Carried) -> _Start:
        """Choose what an ascent starts from, and how far it goes where."""
        residual, trust, flow = carried.residual, carried.trust, carried.backward_flow
        even = np.ones(source.shape[:2], np.float32)
        if residual is None:
            return _Start(source, even, self.config.first_steps)
        if carried.change is Change.FLASH:
            return _Start(source + residual, even, 0)
        approach = self._ceiling.approach(source, residual, carried.undecayed)
        if approach.kept:
            residual = residual + np.float32(approach.kept) * (carried.undecayed - residual)
        start = source + residual
        if approach.rests:
            return self._leave_alone(start, trust, approach.headroom)
        hold, steps = approach.step, self._steps_at_ceiling
        if hold is None:
            hold, steps = holding(self._strength, self._held), self.config.steps
        emphasis = emphasise(residual, trust, flow, self.config.blend, hold)
        near = approach.step is not None
        turns = not near and float(np.mean(1 - trust)) < MUCH_NEW
        return _Start(start, emphasis, steps, approach.headroom, near, turns)

    @property
    def _steps_at_ceiling(self) -> int:
        return max(self.config.steps, _STEPS_AT_CEILING) if self.config.steps else 0

    def _leave_alone(self, start: FloatImage, trust: FloatImage, headroom: Headroom) -> _Start:
        """Dream only what is new; nothing at all where nothing is."""
        steps = 0 if float(np.mean(1 - trust)) <= STILL else self._steps_at_ceiling
        share = np.float32(self.config.steps / max(steps, 1))  # new ground is filled all the same
        return _Start(start, share * (newness(trust, self.config.blend) - 1), steps, headroom)

    def _learn(self, carried: Carried, dreamed: Dreamed) -> None:
        """Take from a frame what the next ones are measured by."""
        emission = dreamed.emission
        self._strength = root_mean_square(emission.residual)
        self._ceiling.learn(emission.loss, dreamed.first_loss)
        if carried.residual is None:
            self._held = self._strength if self._is_measure(dreamed) else None

    def _is_measure(self, dreamed: Dreamed) -> bool:
        """Tell whether a cold start shows how strong its shot shall be."""
        few = self.config.first_steps < _LEAST_FIRST_STEPS * self.config.steps
        near = self._ceiling.is_near(dreamed.emission.loss)
        return bool(dreamed.octaves) and not few and not near

    def _dreamable_octaves(self, size: Size) -> list[Size]:
        """List the octaves' sizes, smallest first, less those too small to dream."""
        if size not in self._octaves:
            wanted = octave_sizes(size, self.config.octaves, self.config.octave_scale)
            self._octaves[size] = [octave for octave in wanted if self._is_dreamable(octave)]
            _tell_dropped(size, wanted, self._octaves[size])
        return self._octaves[size]

    def _is_dreamable(self, size: Size) -> bool:
        if min(size) < 1:
            return False
        cells = self._extractor.feature_sizes(*size).values()
        return min(min(layer) for layer in cells) >= FEWEST_CELLS

    def _measure(self, image: FloatImage) -> float:
        return self._loss.measure(image[None])

    def _tell(
        self, carried: Carried, dreamed: Dreamed, flow_seconds: float, dream_seconds: float
    ) -> None:
        warm, emission = carried.residual is not None, dreamed.emission
        height, width = emission.residual.shape[:2]
        sizes = self._dreamable_octaves((height, width))
        taken = [0] * len(sizes)
        for number, octave in zip(
            dreamed.chosen or range(len(sizes)), dreamed.octaves, strict=True
        ):
            taken[number] = octave.steps
        self.octave_images = [octave.image for octave in dreamed.octaves]
        self.report = DreamReport(
            cut=carried.change is Change.CUT,
            flash=carried.change is Change.FLASH,
            warm=warm,
            steps=tuple(taken),
            dropped_octaves=self.config.octaves - len(sizes),
            source_loss=emission.source_loss,
            loss=emission.loss,
            ascent_loss=dreamed.octaves[-1].loss if dreamed.octaves else None,
            confidence=float(carried.trust.mean()) if warm else None,
            residual_rms=self._strength * HALF_RANGE,
            flow_seconds=flow_seconds,
            dream_seconds=dream_seconds,
        )


def root_mean_square(residual: FloatImage) -> float:
    """Give a residual's strength."""
    return float(cv2.norm(residual)) / math.sqrt(residual.size)


def check_pixels(pixels: Pixels) -> None:
    """Raise a ValueError unless an array is an (H, W, 3) uint8 frame."""
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise ValueError(
            f"dream takes a (H, W, 3) uint8 RGB array, not {pixels.shape} {pixels.dtype}"
        )


def _shrink_pixels(pixels: Pixels, size: Size) -> Pixels:
    if pixels.shape[:2] == size:
        return pixels.copy()  # the caller may use its array again
    return np.asarray(cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def _tell_dropped(size: Size, wanted: list[Size], kept: list[Size]) -> None:
    if not kept:
        logger.warning(
            "%dx%d is too small for the chosen layers to dream (frame or --dream-size): "
            "frames pass unchanged",
            size[1],
            size[0],
        )
    elif len(kept) < len(wanted):
        logger.info("dropped %d octaves too small to dream", len(wanted) - len(kept))
