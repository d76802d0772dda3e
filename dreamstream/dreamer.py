"""The Dreamer: turns frames into dreams, and remembers what the next frame starts from."""

import logging
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from dreamstream._libraries import cv2
from dreamstream.ascent import Ascent, ClassicAscent, GuardedAscent, Loss
from dreamstream.climb import Climb, Octave, climb_classic, climb_reinject
from dreamstream.config import DreamConfig
from dreamstream.cuts import Change, CutDetector
from dreamstream.flow import Flow, confidence, make_flow, warp
from dreamstream.frames import HALF_RANGE, FloatImage, Pixels, to_model_range, to_pixels
from dreamstream.models.extractor import FeatureExtractor, load_model
from dreamstream.octaves import Size, enlarge, fit_size, octave_sizes, shrink

FEWEST_CELLS = 5
"""Least height and width, in cells, of the deepest chosen layer: less holds nothing inside the
border that the loss leaves out."""

MENDING = 4.0
"""How much larger a step is where nothing may be carried: there the dream has to catch up."""

_CEILING_TRIALS = 6

logger = logging.getLogger(__name__)

_RULES: Mapping[str, Climb] = MappingProxyType(
    {"classic": climb_classic, "reinject": climb_reinject}
)


@dataclass(frozen=True, slots=True)
class DreamReport:
    """What happened to one frame.

    Attributes:
        cut: It begins a new shot; not looked for without a warm start.
        flash: Only its light changed: the dream was kept and no step taken; as for ``cut``.
        warm: It started from the carried dream.
        steps: Steps taken in each octave, smallest first.
        dropped_octaves: Octaves left out because they are too small to dream.
        source_loss: Loss of the source frame; None where it was not measured.
        loss: Loss of the dream as given out, at dream size; None where no network ran.
        confidence: Mean trust in what was carried, in [0, 1]; None on a cold frame.
        residual_rms: Root mean square of dream minus source, in levels of 255.
        flow_seconds: Time for flow, confidence and cuts.
        dream_seconds: All other time in the dreamer.
    """

    cut: bool = False
    flash: bool = False
    warm: bool = False
    steps: tuple[int, ...] = ()
    dropped_octaves: int = 0
    source_loss: float | None = None
    loss: float | None = None
    confidence: float | None = None
    residual_rms: float = 0.0
    flow_seconds: float = 0.0
    dream_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Memory:
    """What the next frame starts from: a frame at dream size and its residual."""

    pixels: Pixels
    residual: FloatImage


@dataclass(frozen=True, slots=True)
class _Carried:
    """What the memory brings to a frame.

    Attributes:
        change: What happened since the remembered frame.
        residual: (h, w, 3) float32 to start from; None is a cold start.
        trust: (h, w) float32 confidence in it, in [0, 1].
    """

    change: Change = Change.NONE
    residual: FloatImage | None = None
    trust: FloatImage | None = None


@dataclass(slots=True)
class _Emission:
    """The dream that leaves, and what is known of it."""

    pixels: Pixels
    residual: FloatImage
    loss: float | None = None
    source_loss: float | None = None
    octaves: list[Octave] = field(default_factory=list)


class Dreamer:
    """Dreams one frame after another, each warm-started from the one before along the flow.

    Args:
        config: How to dream.
        extractor: The network; by default the one that the configuration names is loaded.
        measure_source: Also measure the loss of each source frame, for the report.
        flow: How the picture moves; by default estimated as the configuration says.

    Attributes:
        config: As given.
        report: What happened to the last frame.
        octave_images: The last frame's picture at each octave, (h, w, 3) float32, smallest first.

    Raises:
        ModelError: There is no such model or layer, or its weights can't be had.
    """

    def __init__(
        self,
        config: DreamConfig | None = None,
        extractor: FeatureExtractor | None = None,
        *,
        measure_source: bool = False,
        flow: Flow | None = None,
    ) -> None:
        self.config = config = DreamConfig() if config is None else config
        self._extractor = extractor or load_model(config.model, config.layers, config.weights)
        self._measure_source = measure_source
        self._loss = Loss(self._extractor, config.layers)
        self._climb = _RULES[config.octave_rule]
        ascent = ClassicAscent if config.is_original else GuardedAscent
        self._ascent: Ascent = ascent(self._loss, config)
        self._flow = make_flow(config.flow) if flow is None else flow
        self._octaves: dict[Size, list[Size]] = {}
        self.reset()

    def reset(self) -> None:
        """Forget the stream so far: the next frame is a cold start."""
        self._memory: _Memory | None = None
        self._cuts = CutDetector()
        self._loss.forget()
        self.report = DreamReport()
        self.octave_images: list[FloatImage] = []

    def dream(self, pixels: Pixels) -> Pixels:
        """Dream one frame.

        Args:
            pixels: (H, W, 3) uint8 RGB; a change of size is a cold start.

        Returns:
            (H, W, 3) uint8 RGB.

        Raises:
            ValueError: ``pixels`` is no such array.
        """
        _check_pixels(pixels)
        begun = time.perf_counter()
        size = fit_size((pixels.shape[0], pixels.shape[1]), self.config.dream_size)
        small = _shrink_pixels(pixels, size)
        carried = self._carry(small) if self._dreamable_octaves(size) else _Carried()
        flowed = time.perf_counter()
        emission = self._dream_carried(pixels, size, carried)
        if carried.change is not Change.FLASH:
            self._memory = _Memory(small, emission.residual)
        self._tell(carried, emission, flowed - begun, time.perf_counter() - flowed)
        return emission.pixels

    def _carry(self, small: Pixels) -> _Carried:
        """Bring the remembered residual to this frame along the backward flow."""
        memory, blend = self._memory, self.config.blend
        if memory is None or blend == 0 or memory.pixels.shape != small.shape:
            return _Carried()
        backward, forward = self._flow.both_ways(small, memory.pixels)
        now, before = to_model_range(small), to_model_range(memory.pixels)
        trust = confidence(backward, forward, now, before)
        change = self._judge(small, memory.pixels, trust)
        if change is Change.CUT:
            return _Carried(change)
        if change is Change.FLASH:  # the residual as it is: decay would show as a dip
            return _Carried(change, memory.residual, np.ones_like(trust))
        residual = (blend * trust)[..., None] * warp(memory.residual, backward)
        return _Carried(change, residual, trust)

    def _judge(self, small: Pixels, before: Pixels, trust: FloatImage) -> Change:
        return Change.NONE if self.config.no_cuts else self._cuts.judge(small, before, trust)

    def _dream_carried(self, pixels: Pixels, size: Size, carried: _Carried) -> _Emission:
        full = to_model_range(pixels)
        source, sizes = shrink(full, size), self._dreamable_octaves(size)
        if not sizes:
            return _Emission(pixels.copy(), np.zeros_like(source))
        if not self._loss.calibrated:
            self._loss.calibrate(source)
        octaves = self._climb_octaves(source, carried, sizes)
        emission = self._emit(full, octaves[-1].image - source)
        emission.octaves = octaves
        if self._measure_source and emission.source_loss is None:
            emission.source_loss = self._measure(source)
        return emission

    def _climb_octaves(
        self, source: FloatImage, carried: _Carried, sizes: list[Size]
    ) -> list[Octave]:
        start, emphasis = source, np.ones(source.shape[:2], np.float32)
        if carried.residual is None or carried.trust is None:
            steps = self.config.first_steps
        else:
            start = source + carried.residual
            emphasis += np.float32(MENDING) * (1 - carried.trust)
            steps = 0 if carried.change is Change.FLASH else self.config.steps
        return list(self._climb(start, emphasis, sizes, self._ascent, steps))

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

    def _emit(self, full: FloatImage, residual: FloatImage) -> _Emission:
        """Add the residual to the full-size frame, all of it or the part under the ceiling."""
        change = enlarge(residual, (full.shape[0], full.shape[1]))
        emission = self._try(full, change, residual, 1.0)
        max_loss = self.config.max_loss
        if max_loss is None or self.config.is_original or emission.loss is None:
            return emission
        if emission.loss <= max_loss:
            return emission
        return self._lower(full, change, residual, max_loss)

    def _lower(
        self, full: FloatImage, change: FloatImage, residual: FloatImage, max_loss: float
    ) -> _Emission:
        """Find the largest part of a residual that stays under the ceiling, by bisection."""
        best = self._try(full, change, residual, 0.0)
        source_loss = best.loss
        if source_loss is not None and source_loss < max_loss:
            low, high = 0.0, 1.0
            for _ in range(_CEILING_TRIALS):
                share = (low + high) / 2
                trial = self._try(full, change, residual, share)
                if trial.loss is not None and trial.loss <= max_loss:
                    best, low = trial, share
                else:
                    high = share
        best.source_loss = source_loss
        return best

    def _try(
        self, full: FloatImage, change: FloatImage, residual: FloatImage, share: float
    ) -> _Emission:
        """Make the full-size dream with a share of the residual, and measure it.

        Args:
            full: (H, W, 3) float32 source in [-1, 1].
            change: (H, W, 3) float32, the residual at full size.
            residual: (h, w, 3) float32, the residual at dream size.
            share: In [0, 1].
        """
        dream = to_pixels(full + np.float32(share) * change)
        shown = shrink(to_model_range(dream), (residual.shape[0], residual.shape[1]))
        return _Emission(dream, np.float32(share) * residual, self._measure(shown))

    def _measure(self, image: FloatImage) -> float:
        return float(self._loss.measure(image[None]))

    def _tell(
        self, carried: _Carried, emission: _Emission, flow_seconds: float, dream_seconds: float
    ) -> None:
        trust = carried.trust
        squares = np.square(emission.residual, dtype=np.float32).mean()
        self.octave_images = [octave.image for octave in emission.octaves]
        self.report = DreamReport(
            cut=carried.change is Change.CUT,
            flash=carried.change is Change.FLASH,
            warm=carried.residual is not None,
            steps=tuple(octave.steps for octave in emission.octaves),
            dropped_octaves=self.config.octaves - len(emission.octaves),
            source_loss=emission.source_loss,
            loss=emission.loss,
            confidence=None if trust is None else float(trust.mean()),
            residual_rms=math.sqrt(float(squares)) * HALF_RANGE,
            flow_seconds=flow_seconds,
            dream_seconds=dream_seconds,
        )


def _check_pixels(pixels: Pixels) -> None:
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
