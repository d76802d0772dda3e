"""The Dreamer: turns the frames of a film into dreams, each warm-started from the one before."""

import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from dreamstream.config import DreamConfig
from dreamstream.dream.changeable import require_changeable
from dreamstream.dream.core import DreamCore, Headroom, Schedule
from dreamstream.dream.dreamed import DreamedFrame
from dreamstream.dream.enlarging import Enlarger
from dreamstream.dream.fading import faded_octaves
from dreamstream.dream.fresh_climb import Climbing, FreshClimbs
from dreamstream.dream.gate import (
    Gate,
    GateKeeper,
    gate_of,
    outside_kept,
    require_no_mask,
    shown_share,
)
from dreamstream.dream.loss_controller import LossController
from dreamstream.dream.loss_limiter import ComposedFrame, LossLimiter
from dreamstream.dream.octave_turns import OctaveTurns, Turn
from dreamstream.dream.octaves import Octave
from dreamstream.dream.parameters import step_params
from dreamstream.dream.pixels import check_pixels, log_dropped, shrunk_pixels
from dreamstream.dream.report import DreamReport
from dreamstream.dream.resampling import Size, fit_size, shrink
from dreamstream.dream.start import Start, Starts
from dreamstream.dream.turning import Met, turned
from dreamstream.frames import HALF_RANGE, FloatImage, Pixels, to_model_range
from dreamstream.models.extractor import FeatureExtractor
from dreamstream.temporal.cuts import Change
from dreamstream.temporal.flow import Flow
from dreamstream.temporal.frame_analysis import AnalysisState, FrameAnalysis, FrameAnalyzer
from dreamstream.temporal.residual_warp import ResidualWarper, WarpedResidual

_SIZING = ("octaves", "octave_scale", "dream_size")
"""Settings that the sizes of the octaves follow from, which another thread may be looking up."""

_MODERATE_STEP = 0.02
"""Step size up to which a warm frame's last step predicts its loss."""

logger = logging.getLogger(__name__)


class Dreamer:
    """Dreams one frame after another, each warm-started from the one before along the flow.

    Args:
        config: How to dream.
        extractor: The network; by default the one that the configuration names is loaded.
        measure_losses: Measure the loss of each source frame and of each dream, for the report;
            otherwise a dream's alone, unless its last step predicts less than half of
            ``max_loss``.
        flow: Estimates the motion; by default as the configuration says.

    Attributes:
        config: How to dream; :meth:`change` replaces it.
        report: What happened to the last frame.
        octave_images: The last frame's picture at each octave that was dreamed, (h, w, 3) float32,
            smallest first.

    Raises:
        ModelError: There is no such model, layer or device, or the weights can't be had.
        SourceError: The guide can't be read.
        ValueError: The configuration names a mask, which only a job reads.
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
        require_no_mask(config)
        self._core = DreamCore(config, extractor)
        self._params = step_params(config)
        self._measure_losses = measure_losses
        self._controller = LossController(config.guarded_limit, self._measure)
        self._limiter = LossLimiter(config.guarded_limit, self._measure)
        self._starts = Starts(config, self._controller)
        self._analyzer = FrameAnalyzer(config, flow)
        self._warper = ResidualWarper(config)
        self._turns, self._climbs = OctaveTurns(), FreshClimbs(self._core)
        self._keeper = GateKeeper()
        self._gate: Gate | None = None
        self._met: Met | None = None
        self._enlarger = Enlarger(self._core.is_dreamable, config.dream_size)
        self._sizes: dict[Size, list[Size]] = {}
        self.reset()

    @property
    def _remembering(self) -> tuple[Any, ...]:
        """The parts that remember something between frames."""
        parts = self._starts, self._turns, self._controller, self._core.objective, self._warper
        return *parts, self._climbs, self._keeper

    def reset(self) -> None:
        """Forget the stream so far: the next frame is a cold start."""
        for part in self._remembering:
            part.reset()
        self.report = DreamReport()
        self.octave_images: list[FloatImage] = []

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return all that the next frame depends on, as named arrays that stay as they are."""
        return {name: value for part in self._remembering for name, value in part.state().items()}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on as the dreamer of the same configuration would whose :meth:`state` this is."""
        self.reset()
        for part in self._remembering:
            part.restore(state)

    @property
    def residual(self) -> FloatImage | None:
        """(h, w, 3) float32 at dream size, what the next frame is warmed with; None at first."""
        return self._warper.residual

    def meet(self, residual: FloatImage, share: FloatImage) -> None:
        """Let the next frame's residual turn into another one, (h, w, 3), by (h, w) shares."""
        self._met = residual, share

    @property
    def traces(self) -> int:
        """How often the step has been traced: once, whatever frames and settings come."""
        return self._core.traces

    @property
    def steps_taken(self) -> int:
        """Steps asked for so far, of all pictures; it grows while one is dreamed."""
        return self._core.steps_taken

    def change(self, **settings: Any) -> None:
        """Change settings between two frames; nothing is traced again.

        Args:
            settings: Fields of :class:`DreamConfig`, but none that ``changeable.FIXED`` names;
                ``layers`` may get other coefficients, not other names.

        Raises:
            ValueError: A value is out of range, or its field can't change.
        """
        before, config = self.config, self.config.changed(**settings)
        require_changeable(before, config)
        self.config = self._starts.config = config
        self._params = step_params(config)
        self._controller.limit = self._limiter.limit = config.guarded_limit
        self._warper.blend, self._analyzer.compares = config.blend, config.blend > 0
        if any(getattr(before, name) != getattr(config, name) for name in _SIZING):
            self._enlarger = Enlarger(self._core.is_dreamable, config.dream_size)
            self._sizes = {}

    def go_to(self, time: Fraction) -> None:
        """Let a guide that is a film guide the next frame by its own at a time.

        Args:
            time: Seconds since the stream's first frame.

        Raises:
            SourceError: It can't be read on.
        """
        self._core.go_to(time)

    def analyse(self, pixels: Pixels, state: AnalysisState | None = None) -> FrameAnalysis:
        """Find out how a frame follows from those before it, which needs none of their dreams.

        It may be done ahead of the dream, in another thread: it changes nothing in the dreamer.

        Args:
            pixels: (H, W, 3) uint8 RGB.
            state: What is remembered of the frames before it, as in the last one's analysis; by
                default of those that were dreamed.

        Raises:
            ValueError: ``pixels`` is no such array.
        """
        check_pixels(pixels)
        begun = time.perf_counter()
        pixels = self._enlarger.enlarge(pixels)
        state = self._warper.analysed if state is None else state
        size = fit_size((pixels.shape[0], pixels.shape[1]), self.config.dream_size)
        small = shrunk_pixels(pixels, size)
        if self._dreamable_sizes(size):
            analysis = self._analyzer.analyse(small, state)
        else:
            analysis = FrameAnalysis(AnalysisState(small, state.cuts))
        return replace(analysis, seconds=time.perf_counter() - begun)

    def dream(
        self,
        pixels: Pixels,
        analysis: FrameAnalysis | None = None,
        mask: FloatImage | None = None,
    ) -> Pixels:
        """Dream one frame.

        Args:
            pixels: (H, W, 3) uint8 RGB; a change of size is a cold start.  One too small for the
                network is enlarged for it.
            analysis: What :meth:`analyse` returned for it, where it was asked before.
            mask: (H, W) float32 in [0, 1], the share of the dream that is shown, which
                ``mask_invert`` and ``mask_blur`` then change; where it is 0 the frame stays as it
                is, to the bit.  None dreams everywhere.

        Returns:
            (H, W, 3) uint8 RGB.

        Raises:
            ValueError: ``pixels`` or ``mask`` is no such array.
        """
        analysis = self.analyse(pixels) if analysis is None else analysis
        begun = time.perf_counter()
        given, pixels = pixels, self._enlarger.enlarge(pixels)
        size = fit_size((pixels.shape[0], pixels.shape[1]), self.config.dream_size)
        shown = shown_share(mask, given, self.config)
        gate = None if shown is None else gate_of(shown, (pixels.shape[0], pixels.shape[1]), size)
        self._gate = gate
        self._warper.scale(self._starts.follow())
        warped = self._keeper.admit(self._warper.warp(analysis), gate)
        dreamed = self._dream_warped(pixels, size, warped)
        self._met = None
        self._warper.remember(
            analysis, dreamed.composed.residual, None if gate is None else gate.open
        )
        self._keeper.remember(gate, warped)
        self._learn(warped, dreamed)
        faded = self._fade(pixels, dreamed)
        self._report(warped, faded, analysis.seconds, time.perf_counter() - begun)
        dream = self._enlarger.reduce(faded.composed.pixels, given)
        return dream if shown is None else outside_kept(dream, given, shown)

    def _dream_warped(self, pixels: Pixels, size: Size, warped: WarpedResidual) -> DreamedFrame:
        full = to_model_range(pixels)
        source, sizes = shrink(full, size), self._dreamable_sizes(size)
        if not sizes or (self._gate is not None and not self._gate.area):
            return DreamedFrame(ComposedFrame(pixels.copy(), np.zeros_like(source)))
        if not self._core.objective.calibrated:
            self._core.objective.calibrate(source)
        dreamed = self._ascend(full, source, warped, sizes)
        if self._measure_losses and dreamed.composed.source_loss is None:
            composed = replace(dreamed.composed, source_loss=self._measure(source))
            return replace(dreamed, composed=composed)
        return dreamed

    def _ascend(
        self, full: FloatImage, source: FloatImage, warped: WarpedResidual, sizes: list[Size]
    ) -> DreamedFrame:
        """Dream a full-size frame, of which the source is the size that is dreamed."""
        near = self._controller.comes_near
        climbing = Climbing.of(self.config, sizes, self._params, near=near)
        if self._gate is None:
            warped = self._climbs.follow(source, warped, climbing)
            start = self._climbs.work_out(self._starts.choose(source, warped))
        else:  # a climb's window reaches beyond a mask's edge
            self._climbs.reset()
            start = self._starts.choose(source, warped, self._gate.open)
        turn = self._turns.take(len(sizes), start.steps, cold=start.cold, in_turn=start.in_turn)
        octaves = self._run(start, [sizes[number] for number in turn.octaves], turn)
        predicted = None if self._measure_losses else self._predicted_loss(start, octaves[-1])
        composed = self._compose(full, octaves[-1].image - source, predicted)
        near = start.near or (start.cold and self._controller.is_near(composed.loss))
        whole = composed.source_loss is None  # not lowered
        more = self._climb_on(start, octaves[-1], composed.loss, turn) if near and whole else None
        if more is None:
            return DreamedFrame(composed, octaves, composed.loss, turn.octaves)
        raised = self._compose(full, more.image - source)
        if (raised.loss or 0) < (composed.loss or 0):
            return DreamedFrame(composed, octaves, composed.loss, turn.octaves)
        return DreamedFrame(raised, [*octaves[:-1], more], composed.loss, turn.octaves)

    def _compose(
        self, full: FloatImage, residual: FloatImage, predicted: float | None = None
    ) -> ComposedFrame:
        """Add a residual to the full-size frame, as far as the mask is open."""
        gate, residual = self._gate, turned(residual, self._met)
        if gate is None:
            return self._limiter.compose(full, residual, predicted)
        return self._limiter.compose(full, residual * gate.open[..., None], predicted, gate.shown)

    def _run(self, start: Start, sizes: Sequence[Size], turn: Turn) -> list[Octave]:
        image, extra = start.image, start.extra
        if extra.steps:
            again = Schedule(sizes[-1:], extra.steps, start.headroom, part=extra.part)
            weights = extra.share * start.weights
            image = self._core.run(image, weights, self._params, again)[-1].image
        schedule = Schedule(sizes, start.steps, start.headroom, turn.jitter_index)
        octaves = self._core.run(image, start.weights, self._params, schedule)
        return [*octaves[:-1], replace(octaves[-1], steps=octaves[-1].steps + extra.steps)]

    def _predicted_loss(self, start: Start, last: Octave) -> float:
        """Return the loss that a frame's last step predicted; NaN where that would say little."""
        layers, step_size = self.config.layers, self.config.step_factor * self.config.step_size
        one_way = min(layers.values()) > 0  # or the loss is a difference, and close to nothing
        knows = one_way and step_size <= _MODERATE_STEP and not start.cold and not start.near
        return last.predicted_loss if knows else math.nan

    def _climb_on(
        self, start: Start, last: Octave, loss: float | None, turn: Turn
    ) -> Octave | None:
        """Go on with the whole picture where its composed frame is short of the ceiling.

        Clipping and rounding cost a picture more of its loss than its headroom allowed for.
        """
        headroom = self._controller.headroom_to_mend(start.headroom, loss)
        steps = self._starts.steps_at_ceiling
        if headroom is None or not steps or not start.steps:
            return None
        size = (last.image.shape[0], last.image.shape[1])
        again = replace(start, image=last.image, steps=steps, headroom=Headroom(headroom, headroom))
        more = self._run(again, [size], turn)[-1]
        return replace(more, steps=last.steps + more.steps) if more.steps else None

    def _fade(self, pixels: Pixels, dreamed: DreamedFrame) -> DreamedFrame:
        """Show as much of a dream as the strength asks for; what is carried on is all of it."""
        opacity, composed = self.config.opacity, dreamed.composed
        self.octave_images = [octave.image for octave in dreamed.octaves]
        if opacity == 1 or not dreamed.octaves:
            return dreamed
        full, size = to_model_range(pixels), composed.residual.shape[:2]
        self.octave_images = faded_octaves(self.octave_images, shrink(full, size), opacity)
        measures = self._measure_losses
        mask = None if self._gate is None else self._gate.shown
        shown = self._limiter.fade(full, composed, opacity, measures=measures, mask=mask)
        return replace(dreamed, composed=shown)

    def _learn(self, warped: WarpedResidual, dreamed: DreamedFrame) -> None:
        """Take from a frame what the next ones are measured by."""
        loss, cold = dreamed.composed.loss, warped.residual is None
        self._controller.learn(loss, dreamed.first_loss)
        self._starts.learn(
            dreamed.composed.residual,
            loss,
            cold=cold,
            dreamed=bool(dreamed.octaves),
            area=1.0 if self._gate is None else self._gate.area,
        )

    def _dreamable_sizes(self, size: Size) -> list[Size]:
        """Return the octaves' sizes, smallest first, without those too small to dream."""
        if size not in self._sizes:
            wanted, scale = self.config.octaves, self.config.octave_scale
            self._sizes[size] = self._core.dreamable_sizes(size, wanted, scale)
            log_dropped(size, wanted, len(self._sizes[size]))
        return self._sizes[size]

    def _measure(self, image: FloatImage) -> float:
        return self._core.measure(image, self._params)

    def _report(
        self,
        warped: WarpedResidual,
        dreamed: DreamedFrame,
        flow_seconds: float,
        dream_seconds: float,
    ) -> None:
        warm, composed = warped.residual is not None, dreamed.composed
        height, width = composed.residual.shape[:2]
        taken = [0] * len(self._dreamable_sizes((height, width)))
        for number, octave in zip(dreamed.chosen, dreamed.octaves, strict=True):
            taken[number] = octave.steps
        self.report = DreamReport(
            cut=warped.change is Change.CUT,
            flash=warped.change is Change.FLASH,
            warm=warm,
            steps=tuple(taken),
            dropped_octaves=self.config.octaves - len(taken),
            source_loss=composed.source_loss,
            loss=composed.loss,
            ascent_loss=dreamed.octaves[-1].loss if dreamed.octaves else None,
            confidence=float(warped.confidence.mean()) if warm else None,
            residual_rms=self.config.opacity * self._starts.strength * HALF_RANGE,
            flow_seconds=flow_seconds,
            dream_seconds=dream_seconds,
        )
