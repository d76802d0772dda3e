"""The films that are dreamed: real clips with estimated flow, synthetic ones with the exact one."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from benchmarks.motion.metrics import Link, Mask, moving_against_scene, revealed_by
from benchmarks.motion.synthetic import SyntheticClip
from dreamstream._libraries import cv2
from dreamstream.config import MediaConfig
from dreamstream.frames import FloatImage, Pixels, to_model_range
from dreamstream.sources import open_source
from dreamstream.temporal.flow import FlowEstimator, density, sample_positions

CUTS: Mapping[str, frozenset[int]] = MappingProxyType({"bikes": frozenset({30, 76, 137, 187, 242})})
"""First frames of new shots in the real clips, found by looking."""

_RELATIVE_TOLERANCE, _ABSOLUTE_TOLERANCE = 0.01, 0.5
"""Ruder et al. 2016, "Artistic style transfer for videos"."""

_SOFTNESS, _SLOPE, _NOISE, _STRETCH_SLOPE, _USUAL = 8.0, 15.0, 0.01, 6.0, 0.97
"""How fast confidence falls with way astray, colours and stretch; the first doubt and stretch are
none."""


@dataclass(frozen=True, slots=True)
class Film:
    """A clip in memory, with the way from each frame to the next.

    Attributes:
        name: What to call it.
        frames: (H, W, 3) uint8 RGB each.
        links: As many; None for the first frame of a shot.
        exact: The flow is known, not estimated.
    """

    name: str
    frames: list[Pixels]
    links: list[Link | None]
    exact: bool = False


def read_film(path: Path, width: int, count: int) -> Film:
    """Read a real clip.

    Args:
        path: A video file.
        width: To which its frames are shrunk, in pixels.
        count: Frames at the most.
    """
    with open_source(path, MediaConfig(frames=(0, count))) as source:
        frames = [_shrink(frame.pixels, width) for frame in source]
    cuts, flow = CUTS.get(path.stem, frozenset()), FlowEstimator()
    links: list[Link | None] = [None]
    for index in range(1, len(frames)):
        link = None if index in cuts else estimate_link(flow, frames[index], frames[index - 1])
        links.append(link)
    return Film(path.stem, frames, links)


def render_film(clip: SyntheticClip) -> Film:
    """Render a synthetic clip."""
    frames = [clip.frame(index) for index in range(clip.frames)]
    links: list[Link | None] = []
    for index in range(clip.frames):
        pair = clip.pair(index)
        sure = None if pair is None else pair.trusted.astype(np.float32)
        if pair is None or sure is None or clip.flashes & {index, index - 1}:
            links.append(None)
        else:
            moving = moving_against_scene(pair.backward, np.ones_like(sure))
            links.append(Link(pair.backward, pair.trusted, pair.revealed, moving))
    return Film(clip.name, frames, links, exact=True)


def estimate_link(flow: FlowEstimator, current: Pixels, previous: Pixels) -> Link:
    """Estimate the way from a frame to the next, and where the estimate holds."""
    backward, forward = flow.backward(current, previous), flow.backward(previous, current)
    confidence = _trusted(backward, forward, to_model_range(current), to_model_range(previous))
    moving = moving_against_scene(backward, confidence)
    return Link(backward, _consistent(backward, forward), revealed_by(forward), moving)


def _trusted(
    backward: FloatImage, forward: FloatImage, current: FloatImage, previous: FloatImage
) -> FloatImage:
    """Return what moves as the flow explains, by a rule that stays whatever ours becomes.

    Colours and the ways there and back must agree, the more so where the flow is stretched.
    """
    warped = cv2.remap(
        previous, *sample_positions(backward), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    astray = _astray(backward, forward) / _SOFTNESS
    doubt = astray + _SLOPE * np.square((current - warped) / 2).mean(axis=-1)
    stretch = np.clip(_USUAL - density(backward), 0, 1)
    confidence = np.exp(-np.maximum(doubt - _NOISE, 0) * (1 + _STRETCH_SLOPE * stretch))
    return np.asarray(confidence, np.float32)


def _consistent(backward: FloatImage, forward: FloatImage) -> Mask:
    """Return where there and back again ends where it began, inside the frame."""
    x, y = sample_positions(backward)
    height, width = x.shape
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return np.asarray(inside & (_astray(backward, forward) <= 1))


def _astray(backward: FloatImage, forward: FloatImage) -> FloatImage:
    """Return how far from its start the way there and back ends, squared, over the tolerance."""
    x, y = sample_positions(backward)
    returning = cv2.remap(forward, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    distance = np.square(backward + returning).sum(axis=-1)
    lengths = np.square(backward).sum(axis=-1) + np.square(returning).sum(axis=-1)
    return np.asarray(distance / (_RELATIVE_TOLERANCE * lengths + _ABSOLUTE_TOLERANCE), np.float32)


def _shrink(pixels: Pixels, width: int) -> Pixels:
    height = round(pixels.shape[0] * width / pixels.shape[1])
    size = (width, height)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
