"""What a step of the ascent is given: values that may change in every frame."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dreamstream.config import DreamConfig

SHARPEST_SIGMA = 0.6
"""Blur at the start of an octave, in pixels; it grows to ``DreamConfig.smoothing`` at its end."""

Numbers = npt.NDArray[np.float32]


class StepParams(NamedTuple):
    """The numbers of a gradient step, all float32.

    They are arguments of the compiled step and never constants in it: the step is traced once for
    all their values.

    Attributes:
        coefficients: (terms,) of the mean-square activations of layers and of channels, in the
            extractor's order.
        step_size: Scalar, mean absolute change of a pixel, in the range [-1, 1]; with a strength
            over 1 as many times the configuration's.
        sharpest_blur: Scalar, pixels, standard deviation of the gradient's blur at the start of an
            octave; 0 is no blur.
        blur_growth: Scalar, pixels, by which it grows until the octave's end.
        colour_mix: (3, 3), the matrix that scales changes of colour against those of lightness.
        evenness: Scalar in [0, 1], power of the local mean by which the gradient is divided.
        max_loss: Scalar, ceiling of the loss; inf is none.
        guide_weight: Scalar in [0, 1], how much the guide decides, where there is one.
    """

    coefficients: Numbers
    step_size: Numbers
    sharpest_blur: Numbers
    blur_growth: Numbers
    colour_mix: Numbers
    evenness: Numbers
    max_loss: Numbers
    guide_weight: Numbers


def step_params(config: DreamConfig) -> StepParams:
    """Return the step's numbers of a configuration."""
    sharpest = min(SHARPEST_SIGMA, config.smoothing)
    return StepParams(
        coefficients=np.array(list(config.layers.values()), np.float32),
        step_size=_scalar(config.step_factor * config.step_size),
        sharpest_blur=_scalar(sharpest),
        blur_growth=_scalar(config.smoothing - sharpest),
        colour_mix=colour_mix(config.chroma),
        evenness=_scalar(config.evenness),
        max_loss=_scalar(config.loss_limit),
        guide_weight=_scalar(config.guide_weight),
    )


def colour_mix(chroma: float) -> Numbers:
    """Return the (3, 3) matrix that leaves lightness alone and scales what differs from it.

    Networks see the world's colours decorrelated and ask for rainbows; natural colours differ
    mostly in lightness (Olah et al. 2017, "Feature Visualization", decorrelate colours for it).

    Args:
        chroma: In [0, 1]; 1 is the identity, 0 leaves lightness alone.
    """
    return np.asarray(chroma * np.eye(3) + (1 - chroma) / 3, np.float32)


def _scalar(value: float) -> Numbers:
    return np.array(value, np.float32)
