"""Ways to dream a film, each of them real code: ours, and what the programs before it do."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Protocol

import numpy as np

from dreamstream.config import DreamConfig
from dreamstream.dream.core import DreamCore, Schedule
from dreamstream.dream.dreamer import Dreamer
from dreamstream.dream.parameters import step_params
from dreamstream.dream.resampling import octave_sizes
from dreamstream.frames import FloatImage, Pixels, to_model_range, to_pixels
from dreamstream.models.extractor import FeatureExtractor
from dreamstream.temporal.flow import FlowEstimator, estimate_confidence, warp

BLENDED = 0.5
BLENDING_STEPS = 5
"""A dream that is half thrown away in every frame needs more steps to be seen."""

WARPED, WARPING_STEPS = 0.9, 2


class Way(Protocol):
    """Dreams the frames of a film one after another."""

    def dream(self, pixels: Pixels) -> Pixels:
        """Dream the next frame, (H, W, 3) uint8 RGB."""
        ...


class Source:
    """Does not dream: its figures are the film's own."""

    def dream(self, pixels: Pixels) -> Pixels:
        """Return the frame itself."""
        return pixels


class WholeDream:
    """Mixes the previous dream, picture and all, into the frame, then ascends from there.

    Args:
        config: How to ascend.
        extractor: The network.
        share: Of the previous dream in the mixture, in [0, 1].
        steps: In each octave of a frame that follows another.
        along_flow: Warp the previous dream first, and mix it in only as far as it can be trusted.
    """

    def __init__(
        self,
        config: DreamConfig,
        extractor: FeatureExtractor,
        share: float,
        steps: int,
        along_flow: bool,
    ) -> None:
        self._config, self._share, self._steps = config, share, steps
        self._core, self._params = DreamCore(config, extractor), step_params(config)
        self._flow = FlowEstimator() if along_flow else None
        self._previous: tuple[Pixels, FloatImage] | None = None

    def dream(self, pixels: Pixels) -> Pixels:
        """Dream the next frame, (H, W, 3) uint8 RGB."""
        frame = to_model_range(pixels)
        cold = self._previous is None
        start = frame if cold else self._mix(pixels, frame)
        sizes = octave_sizes(frame.shape[:2], self._config.octaves, self._config.octave_scale)
        steps = self._config.first_steps if cold else self._steps
        even = np.ones(frame.shape[:2], np.float32)
        *_, last = self._core.run(start, even, self._params, Schedule(sizes, steps))
        self._previous = pixels, np.clip(last.image, -1, 1)
        return to_pixels(last.image)

    def _mix(self, pixels: Pixels, frame: FloatImage) -> FloatImage:
        assert self._previous is not None
        before, dream = self._previous
        share = np.full((*frame.shape[:2], 1), self._share, np.float32)
        if self._flow is not None:
            backward = self._flow.backward(pixels, before)
            confidence = estimate_confidence(backward, pixels, before)
            share *= confidence[..., None]
            dream = warp(dream, backward)
        return np.asarray(share * dream + (1 - share) * frame, np.float32)


class NegatedForwardFlow:
    """Takes the forward flow, negated, for the backward flow, as five programs before us do.

    The two differ wherever the motion changes from pixel to pixel.
    """

    def __init__(self) -> None:
        self._flow = FlowEstimator()

    def backward(self, current: Pixels, previous: Pixels) -> FloatImage:
        """Estimate the flow; see :meth:`dreamstream.temporal.flow.Flow.backward`."""
        return -self._flow.backward(previous, current)


WAYS: Mapping[str, Callable[[DreamConfig, FeatureExtractor], Way]] = MappingProxyType(
    {
        "source alone": lambda config, extractor: Source(),
        "independent": lambda config, extractor: Dreamer(replace(config, blend=0.0), extractor),
        "blend half": lambda config, extractor: WholeDream(
            config, extractor, BLENDED, BLENDING_STEPS, along_flow=False
        ),
        "whole-dream warp": lambda config, extractor: WholeDream(
            config, extractor, WARPED, WARPING_STEPS, along_flow=True
        ),
        "negated forward": lambda config, extractor: Dreamer(
            config, extractor, flow=NegatedForwardFlow()
        ),
        "dreamstream": lambda config, extractor: Dreamer(config, extractor),
    }
)
"""Name to what makes a way; "independent" comes before all that are compared with it."""
