"""What a frame's ascent starts from, and how far it goes where."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from dreamstream._libraries import cv2
from dreamstream.config import DreamConfig
from dreamstream.dream.core import COLD_HEADROOM, Headroom
from dreamstream.dream.extra_steps import ExtraSteps, extra_steps
from dreamstream.dream.loss_controller import LossController
from dreamstream.dream.step_weights import disocclusion_weight, step_weights, strength_gain
from dreamstream.frames import FloatImage
from dreamstream.temporal.cuts import Change
from dreamstream.temporal.residual_warp import WarpedResidual

NOTHING_NEW = 0.02
"""Mean doubt in what was warped up to which nothing in a frame is new."""

MUCH_NEW = 0.3
"""Mean doubt in what was warped from which every octave of a warm frame is dreamed."""

_STEPS_AT_CEILING = 2
"""Least steps in each octave of a warm frame near max_loss: clipping cuts a single step short, and
dreams ended up to a quarter below."""

_LEAST_FIRST_STEPS = 3
"""A cold start of fewer times the steps of a warm frame is no measure of a shot's strength."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where an ascent begins, and how far it goes.

    Attributes:
        image: (h, w, 3) float32.
        weights: (h, w) float32, factor of the steps.
        steps: Steps in an octave.
        headroom: How far the loss may rise.
        cold: Whether nothing was warped to the frame.
        near: Whether the ceiling is what bounds it.
        in_turn: Whether smaller octaves take turns.
        extra: Steps that the last octave takes before.
    """

    image: FloatImage
    weights: FloatImage
    steps: int
    headroom: Headroom = COLD_HEADROOM
    cold: bool = False
    near: bool = False
    in_turn: bool = False
    extra: ExtraSteps = ExtraSteps()


class Starts:
    """Chooses the start of each frame of a stream, and holds each shot at one strength.

    Args:
        config: ``steps``, ``first_steps`` and ``blend`` count.
        controller: Decides how warm frames approach the ceiling.

    Attributes:
        config: As given; may be replaced between frames.
        strength: Root mean square of the last residual, in the range [-1, 1].
    """

    def __init__(self, config: DreamConfig, controller: LossController) -> None:
        self.config = config
        self._controller = controller
        self.reset()

    def reset(self) -> None:
        """Forget the stream so far."""
        self.strength = 0.0
        self._held: float | None = None
        self._step_factor: float | None = None

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return all that is remembered between frames, as named arrays."""
        known = {
            "strength": self.strength,
            "held": self._held,
            "step_factor": self._step_factor,
        }
        return {name: np.array(value) for name, value in known.items() if value is not None}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Remember what another's :meth:`state` returned."""
        self.strength = float(state["strength"])
        self._held = float(state["held"]) if "held" in state else None
        self._step_factor = float(state["step_factor"]) if "step_factor" in state else None

    def follow(self) -> float:
        """Follow a strength over 1 that has changed; return by how much to scale what is carried.

        What a shot is held at is scaled with it: a change shows at once, and a way there and back
        ends where it began.
        """
        factor = self.config.step_factor
        ratio = factor / (factor if self._step_factor is None else self._step_factor)
        self._step_factor = factor
        self.strength *= ratio
        self._held = None if self._held is None else self._held * ratio
        return ratio

    def choose(
        self, source: FloatImage, warped: WarpedResidual, opened: FloatImage | None = None
    ) -> Start:
        """Choose what a frame starts from.

        Args:
            source: (h, w, 3) float32 in [-1, 1], the frame at dream size.
            warped: What comes to it from the frame before.
            opened: (h, w) float32, 1 where the frame's mask lets it dream, else 0; None is
                everywhere.
        """
        area = 1.0 if opened is None else float(opened.mean())
        start = self._choose(source, warped, area)
        return start if opened is None else replace(start, weights=start.weights * opened)

    def _choose(self, source: FloatImage, warped: WarpedResidual, area: float) -> Start:
        residual = warped.residual
        even = np.ones(source.shape[:2], np.float32)
        if residual is None:
            return Start(source, even, self.config.first_steps, cold=True)
        if warped.change is Change.FLASH:
            return Start(source + residual, even, 0)
        approach = self._controller.approach(source, residual, warped.undecayed)
        if approach.kept:
            residual = residual + np.float32(approach.kept) * (warped.undecayed - residual)
        if approach.settled:
            return self._settled(source + residual, warped.confidence, approach.headroom)
        confidence, flow = warped.confidence, warped.backward_flow
        gain, steps, extra = approach.step, self.steps_at_ceiling, ExtraSteps()
        if gain is None:
            gain, steps = strength_gain(self.strength, self._held), self.config.steps
            extra = extra_steps(0 if self.config.is_original else steps, confidence, flow)
        weights = step_weights(residual, confidence, flow, self.config.blend, gain, area)
        weights = extra.shortened(weights)
        near = approach.step is not None
        in_turn = not near and float(np.mean(1 - confidence)) < MUCH_NEW
        start = source + residual
        headroom = approach.headroom
        return Start(start, weights, steps, headroom, near=near, in_turn=in_turn, extra=extra)

    @property
    def steps_at_ceiling(self) -> int:
        """Steps in each octave of a warm frame near max_loss."""
        return max(self.config.steps, _STEPS_AT_CEILING) if self.config.steps else 0

    def _settled(self, start: FloatImage, confidence: FloatImage, headroom: Headroom) -> Start:
        """Dream only what is new; nothing at all where nothing is."""
        nothing_new = float(np.mean(1 - confidence)) <= NOTHING_NEW
        steps = 0 if nothing_new else self.steps_at_ceiling
        share = np.float32(self.config.steps / max(steps, 1))  # new ground is filled all the same
        weights = share * (disocclusion_weight(confidence, self.config.blend) - 1)
        return Start(start, weights, steps, headroom)

    def learn(
        self,
        residual: FloatImage,
        loss: float | None,
        *,
        cold: bool,
        dreamed: bool,
        area: float = 1.0,
    ) -> None:
        """Take from a frame what its shot is held at.

        Args:
            residual: (h, w, 3) float32, as composed.
            loss: Of the composed frame; None where it was not measured.
            cold: Whether it was a cold start.
            dreamed: Whether any octave of it was.
            area: Share of the frame on which the residual lies: strength is what it has there.
        """
        self.strength = root_mean_square(residual) / math.sqrt(area) if area else 0.0
        if cold:
            few = self.config.first_steps < _LEAST_FIRST_STEPS * self.config.steps
            is_measure = dreamed and not few and not self._controller.is_near(loss)
            self._held = self.strength if is_measure else None


def root_mean_square(residual: FloatImage) -> float:
    """Return the root mean square of a residual: its strength."""
    return float(cv2.norm(residual)) / math.sqrt(residual.size)
