"""The Dreamer: turns frames into dreams, and remembers what the next frame starts from."""

import logging
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from dreamstream._libraries import cv2
from dreamstream.ascent import Ascent, ClassicAscent, GuardedAscent, Loss
from dreamstream.carry import Carried, Carrier
from dreamstream.climb import Climb, Octave, climb_classic, climb_reinject
from dreamstream.config import DreamConfig
from dreamstream.cuts import Change
from dreamstream.emphasis import emphasise, holding, newness
from dreamstream.flow import Flow
from dreamstream.frames import HALF_RANGE, FloatImage, Pixels, to_model_range, to_pixels
from dreamstream.models.extractor import FeatureExtractor, load_model
from dreamstream.octaves import Size, enlarge, fit_size, octave_sizes, shrink

FEWEST_CELLS = 5
"""Least height and width, in cells, of the deepest chosen layer: less holds nothing inside the
border that the loss leaves out."""

DEAD_BAND = 0.95
"""Share of max_loss from which a carried dream is left alone: no decay, no step on old ground."""

STILL = 0.02
"""Mean doubt in what was carried up to which nothing in a frame is new."""

_DECAY_FADES_FROM = 0.7
"""Share of max_loss from which the decay of what is carried fades, to none at DEAD_BAND: two steps
make up for a decay only far below a ceiling, which shortens them."""

_BAND_LOOKED_FOR = 0.65
"""Share of max_loss that the frame before must have reached for either to be looked for."""

_LEAST_FIRST_STEPS = 3
"""A cold start of fewer times the steps of a warm frame is no measure of a shot's strength."""

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
class _Start:
    """Where an ascent begins: (h, w, 3) image, (h, w) factor of the steps, steps an octave."""

    image: FloatImage
    emphasis: FloatImage
    steps: int


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
        self._carrier = Carrier(config, flow)
        self._octaves: dict[Size, list[Size]] = {}
        self.reset()

    def reset(self) -> None:
        """Forget the stream so far: the next frame is a cold start."""
        self._carrier.reset()
        self._strength = 0.0
        self._held: float | None = None
        self._last_loss: float | None = None
        self._loss.forget()
        self.report = DreamReport()
        self.octave_images: list[FloatImage] = []

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Give all that the next frame depends on, as named arrays that stay as they are."""
        numbers = {"strength": self._strength, "held": self._held, "last_loss": self._last_loss}
        known = {name: np.array(value) for name, value in numbers.items() if value is not None}
        return {**known, **self._loss.state(), **self._carrier.state()}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on as the dreamer of the same configuration would whose :meth:`state` this is."""
        self.reset()
        self._strength = float(state["strength"])
        self._held = float(state["held"]) if "held" in state else None
        self._last_loss = float(state["last_loss"]) if "last_loss" in state else None
        self._loss.restore(state)
        self._carrier.restore(state)

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
        carried = self._carrier.carry(small) if self._dreamable_octaves(size) else Carried()
        flowed = time.perf_counter()
        emission = self._dream_carried(pixels, size, carried)
        self._carrier.remember(small, emission.residual, carried.change)
        self._learn(carried, emission)
        self._tell(carried, emission, flowed - begun, time.perf_counter() - flowed)
        return emission.pixels

    def _dream_carried(self, pixels: Pixels, size: Size, carried: Carried) -> _Emission:
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
        self, source: FloatImage, carried: Carried, sizes: list[Size]
    ) -> list[Octave]:
        start = self._begin(source, carried)
        cold = carried.residual is None
        return list(
            self._climb(start.image, start.emphasis, sizes, self._ascent, start.steps, cold)
        )

    def _begin(self, source: FloatImage, carried: Carried) -> _Start:
        """Choose what an ascent starts from, and how far it goes where."""
        residual, trust, flow = carried.residual, carried.trust, carried.backward_flow
        even = np.ones(source.shape[:2], np.float32)
        if residual is None:
            return _Start(source, even, self.config.first_steps)
        if carried.change is Change.FLASH:
            return _Start(source + residual, even, 0)
        share = self._share_of_ceiling(source, carried)
        if DEAD_BAND <= share <= 1:
            return self._leave_alone(source + carried.undecayed, trust)
        residual = residual + _fading(share) * (carried.undecayed - residual)
        hold = holding(self._strength, self._held)
        emphasis = emphasise(residual, trust, flow, self.config.blend, hold)
        return _Start(source + residual, emphasis, self.config.steps)

    def _share_of_ceiling(self, source: FloatImage, carried: Carried) -> float:
        """Give the loss of the frame with all that is carried, over max_loss.

        Returns:
            0 where the frame before was far below the ceiling: then it is not measured.
        """
        ceiling, last = self.config.max_loss, self._last_loss
        if ceiling is None or last is None or self.config.is_original:
            return 0.0
        if last < _BAND_LOOKED_FOR * ceiling:
            return 0.0
        return self._measure(source + carried.undecayed) / ceiling

    def _leave_alone(self, start: FloatImage, trust: FloatImage) -> _Start:
        """Dream only what is new; nothing at all where nothing is."""
        steps = 0 if float(np.mean(1 - trust)) <= STILL else self.config.steps
        return _Start(start, newness(trust, self.config.blend) - 1, steps)

    def _learn(self, carried: Carried, emission: _Emission) -> None:
        """Take from a frame what the next ones are measured by."""
        self._strength = _root_mean_square(emission.residual)
        self._last_loss = emission.loss
        if carried.residual is None:
            self._held = self._strength if self._is_measure(emission) else None

    def _is_measure(self, emission: _Emission) -> bool:
        """Tell whether a cold start shows how strong its shot shall be."""
        config = self.config
        if config.first_steps < _LEAST_FIRST_STEPS * config.steps:
            return False
        ceiling = math.inf if config.max_loss is None else config.max_loss
        return emission.loss is not None and emission.loss < DEAD_BAND * ceiling

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
        self, carried: Carried, emission: _Emission, flow_seconds: float, dream_seconds: float
    ) -> None:
        warm = carried.residual is not None
        self.octave_images = [octave.image for octave in emission.octaves]
        self.report = DreamReport(
            cut=carried.change is Change.CUT,
            flash=carried.change is Change.FLASH,
            warm=warm,
            steps=tuple(octave.steps for octave in emission.octaves),
            dropped_octaves=self.config.octaves - len(emission.octaves),
            source_loss=emission.source_loss,
            loss=emission.loss,
            confidence=float(carried.trust.mean()) if warm else None,
            residual_rms=_root_mean_square(emission.residual) * HALF_RANGE,
            flow_seconds=flow_seconds,
            dream_seconds=dream_seconds,
        )


def _fading(share: float) -> float:
    """Give how much of the decay is left out at a share of the ceiling, in [0, 1]."""
    if share > 1:
        return 0.0
    return max(0.0, (share - _DECAY_FADES_FROM) / (DEAD_BAND - _DECAY_FADES_FROM))


def _root_mean_square(residual: FloatImage) -> float:
    return math.sqrt(float(np.square(residual).mean(dtype=np.float64)))


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
