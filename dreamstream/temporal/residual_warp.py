"""What a warm frame starts from: the previous residual, warped along the flow."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from dreamstream._libraries import cv2
from dreamstream.config import DreamConfig
from dreamstream.frames import FloatImage
from dreamstream.temporal.cuts import Change
from dreamstream.temporal.flow import SHARP, STEADY, squared_lengths, warp
from dreamstream.temporal.frame_analysis import AnalysisState, FrameAnalysis

STILL = 0.1
"""Pixels up to which a residual is not moved but its motion noted: a linear warp by even a
hundredth of a pixel, which noise makes of stillness in every frame, takes its finest detail."""

_STEADY_FROM = 0.97
"""Blend from which warps get steadier: a residual that hardly decays pays for no gain."""

_FINE_SIGMA, _TRIM, _MOST_TRIM = 1.0, 0.44, 0.105
"""What is finer than so many pixels is raised in each frame by this share of how far a residual is
softer than its shot's first one, at most by the last, and lowered where it is sharper."""

_TINY = 1e-12


def _nothing() -> FloatImage:
    return np.zeros((0, 0), np.float32)


@dataclass(frozen=True, slots=True)
class WarpedResidual:
    """A residual as it comes to a frame.

    On a cold start ``residual`` is None and the other arrays are empty.

    Attributes:
        change: What happened since the remembered frame.
        residual: (h, w, 3) float32 to start from, decayed by the blend and the confidence.
        undecayed: (h, w, 3) float32, the same without the blend's decay.
        confidence: (h, w) float32 confidence in it, in [0, 1].
        backward_flow: (h, w, 2) float32 pixels to the remembered frame.
    """

    change: Change = Change.NONE
    residual: FloatImage | None = None
    undecayed: FloatImage = field(default_factory=_nothing)
    confidence: FloatImage = field(default_factory=_nothing)
    backward_flow: FloatImage = field(default_factory=_nothing)


class ResidualWarper:
    """Remembers a residual with its source frame, and warps it to the next one.

    Args:
        config: ``blend`` counts.

    Attributes:
        blend: Share of a residual that is kept from frame to frame, in [0, 1].
        analysed: What is remembered of the source frames.
        residual: (h, w, 3) float32 of the last frame; None before the first.
    """

    def __init__(self, config: DreamConfig) -> None:
        self.blend = config.blend
        self.reset()

    def reset(self) -> None:
        """Forget the stream so far."""
        self.analysed = AnalysisState()
        self.residual: FloatImage | None = None
        self._unmoved: FloatImage | None = None
        self._sharpness = self._held_sharpness = 0.0
        self._begins = True

    def remember(
        self, analysis: FrameAnalysis, residual: FloatImage, opened: FloatImage | None = None
    ) -> None:
        """Keep a frame for the next one; through a flash the frame before it is kept.

        Args:
            analysis: How the frame came about.
            residual: (h, w, 3) float32.
            opened: (h, w) float32, 1 where a mask let it dream, else 0; None is everywhere.
        """
        self.analysed = analysis.state
        if analysis.change is Change.FLASH and self.residual is not None:
            return
        self.residual = residual
        self._sharpness = sharpness(residual, opened)
        if self._begins or not self._held_sharpness:  # or a mask was closed until now
            self._held_sharpness = self._sharpness

    def scale(self, factor: float) -> None:
        """Make the remembered residual as many times as strong."""
        if self.residual is not None and factor != 1:
            self.residual = np.float32(factor) * self.residual

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return all that is remembered, as named arrays that stay as they are."""
        state = dict(self.analysed.cuts)
        if self.residual is not None and self.analysed.small is not None:
            state["small"], state["residual"] = self.analysed.small, self.residual
            state["sharpness"] = np.array([self._sharpness, self._held_sharpness])
        if self._unmoved is not None:
            state["unmoved"] = self._unmoved
        return state

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Remember what another warper's :meth:`state` returned."""
        self.reset()
        self.analysed = AnalysisState(
            state.get("small"), {name: state[name] for name in self.analysed.cuts}
        )
        if "residual" in state:
            self.residual = state["residual"]
            self._sharpness, self._held_sharpness = map(float, state["sharpness"])
        self._unmoved = state.get("unmoved")

    def warp(self, analysis: FrameAnalysis) -> WarpedResidual:
        """Warp the remembered residual to a frame along the backward flow.

        Args:
            analysis: From the remembered frame to this one; where there is none, or another size,
                it is a cold start.
        """
        warped = self._warped(analysis)
        self._begins = warped.residual is None
        return warped

    def _warped(self, analysis: FrameAnalysis) -> WarpedResidual:
        residual, confidence, backward = self.residual, analysis.confidence, analysis.backward_flow
        if analysis.change is Change.CUT:
            self._unmoved = None
            return WarpedResidual(analysis.change)
        if residual is None or residual.shape[:2] != confidence.shape:
            return WarpedResidual()
        if analysis.change is Change.FLASH:  # the residual as it is: decay would show as a dip
            return WarpedResidual(
                analysis.change, residual, residual, np.ones_like(confidence), backward
            )
        return self._along(residual, backward, confidence)

    def _along(
        self, residual: FloatImage, backward: FloatImage, confidence: FloatImage
    ) -> WarpedResidual:
        decaying = min((1 - self.blend) / (1 - _STEADY_FROM), 1.0)
        kernel = STEADY + (SHARP - STEADY) * decaying
        warped = warp(residual, self._gather(backward), kernel)
        undecayed = np.asarray(warped * cv2.merge([confidence] * 3), np.float32)
        trim = decaying * trimmed(self._sharpness, self._held_sharpness)
        decayed = _detailed(undecayed, self.blend, trim)
        return WarpedResidual(Change.NONE, decayed, undecayed, confidence, backward)

    def _gather(self, backward: FloatImage) -> FloatImage:
        """Add up motion, pixel by pixel, until it is worth a warp; return none before."""
        if self._unmoved is None or self._unmoved.shape != backward.shape:
            self._unmoved = np.zeros_like(backward)
        total = backward + self._unmoved
        moves = np.asarray(squared_lengths(total) > STILL**2, np.float32)
        moved = np.asarray(total * cv2.merge([moves, moves]), np.float32)
        self._unmoved = total - moved
        return moved


def sharpness(residual: FloatImage, opened: FloatImage | None = None) -> float:
    """Return the energy of a residual's Laplacian over its own; a mask's edge does not count.

    Args:
        residual: (h, w, 3) float32.
        opened: (h, w) float32, 1 where there may be any of it, else 0; None is everywhere.
    """
    laplacian = cv2.Laplacian(residual, cv2.CV_32F)
    if opened is not None:
        inner = cv2.erode(opened, np.ones((3, 3), np.uint8))[..., None]
        residual, laplacian = residual * inner, laplacian * inner
    energy = cv2.norm(residual) ** 2 + _TINY * residual.size
    return float(cv2.norm(laplacian) ** 2 / energy)


def trimmed(now: float, held: float) -> float:
    """Return the share by which fine detail is raised, or lowered, to come back to what is held."""
    if held <= 0:
        return 0.0
    return min(max(_TRIM * (1 - now / held), -_MOST_TRIM), _MOST_TRIM)


def _detailed(residual: FloatImage, blend: float, share: float) -> FloatImage:
    """Return a part of a residual, of its finest detail a share more."""
    if share == 0:
        return np.float32(blend) * residual
    coarse = cv2.GaussianBlur(residual, (0, 0), _FINE_SIGMA)
    weights = blend * (1 + share), -blend * share
    return np.asarray(cv2.addWeighted(residual, weights[0], coarse, weights[1], 0), np.float32)
