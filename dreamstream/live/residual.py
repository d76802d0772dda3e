"""The dream on a live picture: its residual is warped to each frame, and grows by late updates.

A network takes longer for a step than a camera for a frame.  So it works on a snapshot of what was
shown, and the change it asks for is carried to the frame that is there when it is ready, along the
flow that has gathered meanwhile.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np

from dreamstream._libraries import cv2
from dreamstream.config import DEFAULT_PRESET, PRESETS, DreamConfig
from dreamstream.dream.fading import faded
from dreamstream.dream.gate import laid_over, opened_at
from dreamstream.dream.resampling import Size, enlarge, fit_size
from dreamstream.frames import HALF_RANGE, FloatImage, Pixels
from dreamstream.live.flow import LiveFlow
from dreamstream.live.mask import LiveMask
from dreamstream.temporal.cuts import Change, CutDetector
from dreamstream.temporal.flow import Flow, NoFlow, enlarge_flow, sample_positions, warp
from dreamstream.temporal.frame_analysis import compare_frames

FLOW_SIDE = 192
"""Longest side, in pixels, at which a live picture's motion is followed."""

LEAST_CARRY_SIDE = 320
"""Longest side at which the residual is kept at least: a small dream must not coarsen it."""

BLEND_PER_LOOK = 1.095
"""Power of ``blend`` by which the dream decays at each change that it takes in, as a film's does in
each frame; what no look makes up for must not decay, or a slow network's dream would starve."""

CONFIDENCE_POWER = 0.5
"""Power of the confidence by which a residual is weighted.  Thirty times a second even a confidence
of 0.95 throws most of it away; what is doubtful the next looks mend."""

_MOST_FRAMES_LATE = 48
"""Frames after which a network's change is too old to be carried."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A frame as it was shown, for the network to look at.

    Attributes:
        index: The frame's.
        shot: Which shot it is of.
        pixels: (H, W, 3) uint8 RGB, as shown where the strength is at least 1.
        source: (h, w, 3) uint8 RGB, the source small.
        residual: (h', w', 3) float32, what was added to the source.
        confidence: (h, w) float32 in [0, 1], in what was carried since the last change.
        backward_flow: (h, w, 2) float32 pixels, to the frame before it.
        opened: (h', w') float32, 1 where a mask shows any of the dream, else 0; None without one.
    """

    index: int
    shot: int
    pixels: Pixels
    source: Pixels
    residual: FloatImage
    confidence: FloatImage
    backward_flow: FloatImage
    opened: FloatImage | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """What the network makes of a snapshot.

    Attributes:
        index: The snapshot's.
        shot: The snapshot's.
        change: (h, w, 3) float32 to add to the residual.
        loss: The snapshot's loss as shown, at dream size; None where it can't be dreamed.
        share: Of the residual that the ceiling leaves, in [0, 1].
        steps: Steps in the change.
        side: Longest side of the dream size, in pixels.
    """

    index: int
    shot: int
    change: FloatImage
    loss: float | None
    share: float
    steps: int
    side: int


@dataclass(frozen=True, slots=True)
class ShownFrame:
    """One frame with its dream.

    Attributes:
        pixels: (H, W, 3) uint8 RGB, what is shown.
        opacity: Share of the residual in it.
        snapshot: What the network may look at.
        change: What happened since the frame before it.
        steps: Steps that show in this frame for the first time.
        confidence: Mean confidence in what was carried; None on a cold frame.
    """

    pixels: Pixels
    opacity: float
    snapshot: Snapshot
    change: Change
    steps: int
    confidence: float | None


@dataclass(frozen=True, slots=True)
class _Motion:
    """The way from a frame to the one before it: (h, w, 2) flow, (h, w) confidence in it."""

    backward: FloatImage
    confidence: FloatImage


class LiveResidual:
    """Warps a residual from frame to frame, and adds what the network asks for.

    Args:
        config: ``blend``, ``flow`` and ``no_cuts`` count.  A ``blend`` of 0, under which nothing
            is carried, would leave a live picture undreamed: the default preset's stands in.
        flow: How the picture moves; by default followed as well as a live picture can afford, or
            not at all where ``flow`` is ``off``.
        mask: Makes the frames' masks; None shows the dream everywhere.
    """

    def __init__(
        self, config: DreamConfig, flow: Flow | None = None, mask: LiveMask | None = None
    ) -> None:
        self._blend, self._mask = live_blend(config), mask
        self._opened: FloatImage | None = None
        self._flow: Flow = flow or (NoFlow() if config.flow == "off" else LiveFlow())
        self._shot = 0
        self._source: Pixels | None = None
        self._residual = self._confidence = np.zeros((0, 0), np.float32)
        self._way: deque[_Motion] = deque(maxlen=_MOST_FRAMES_LATE)
        self._cuts = None if config.no_cuts else CutDetector()
        self._step_factor = 1.0

    def advance(
        self,
        index: int,
        pixels: Pixels,
        side: int,
        update: Update | None,
        strength: float = 1.0,
    ) -> ShownFrame:
        """Bring the dream to a frame.

        Args:
            index: The frame's; each is one more than the last.
            pixels: (H, W, 3) uint8 RGB.
            side: Longest side of the dream size, in pixels.
            update: What the network has made meanwhile, if anything.
            strength: As :attr:`DreamConfig.strength`.
        """
        size = (pixels.shape[0], pixels.shape[1])
        source = _shrunk(pixels, fit_size(size, FLOW_SIDE))
        change = self._follow(source)
        self._resize(fit_size(size, max(side, LEAST_CARRY_SIDE)))
        self._scale(max(strength, 1.0))
        steps = self._take_in(index, update)
        motion = self._way[-1]
        share = self._masked(pixels, change, motion)
        whole = _laid(pixels, self._residual, share)
        opacity = min(strength, 1.0)
        faint = opacity < 1
        shown = _laid(pixels, faded(self._residual, opacity), share) if faint else whole
        taken = Snapshot(
            *(index, self._shot, whole, source, self._residual, self._confidence),
            *(motion.backward, self._opened),
        )
        warm = change is not Change.CUT and len(self._way) > 1
        confidence = float(motion.confidence.mean()) if warm else None
        return ShownFrame(shown, opacity, taken, change, steps, confidence)

    def _masked(self, pixels: Pixels, change: Change, motion: _Motion) -> FloatImage | None:
        """Close the residual outside of a frame's mask, and return the mask; None without one."""
        if self._mask is None:
            return None
        share = self._mask.shown(pixels, change, motion.backward, motion.confidence)
        self._opened = opened_at(share, (self._residual.shape[0], self._residual.shape[1]))
        self._residual = self._residual * self._opened[..., None]
        return share

    def _follow(self, source: Pixels) -> Change:
        """Carry the residual to a new frame; through a flash it stays as it is."""
        before = self._source
        if before is None or before.shape != source.shape:
            self._begin_shot(source)
            return Change.NONE
        backward, confidence, change = compare_frames(self._flow, source, before, self._cuts)
        if change is Change.CUT:
            self._begin_shot(source)
        elif change is Change.FLASH:
            self._way.append(_still(source))
        else:
            self._source = source
            self._carry(_Motion(backward, confidence))
        return change

    def _begin_shot(self, source: Pixels) -> None:
        self._shot += 1
        self._source = source
        self._residual = np.zeros((*source.shape[:2], 3), np.float32)
        self._confidence = np.zeros(source.shape[:2], np.float32)
        self._way.clear()
        self._way.append(_still(source))

    def _carry(self, motion: _Motion) -> None:
        self._way.append(motion)
        size = (self._residual.shape[0], self._residual.shape[1])
        weight = enlarge(motion.confidence**CONFIDENCE_POWER, size)
        flow = enlarge_flow(motion.backward, size)
        self._residual = weight[..., None] * warp(self._residual, flow)
        self._confidence = motion.confidence * _warp_linear(self._confidence, motion.backward)

    def _resize(self, size: Size) -> None:
        """Keep the residual at another size: one frame to the next hardly tells."""
        if self._residual.shape[:2] != size:
            self._residual = resample(self._residual, size)

    def _scale(self, step_factor: float) -> None:
        """Follow a strength over 1 that has changed: it shows at once."""
        self._residual = faded(self._residual, step_factor / self._step_factor)
        self._step_factor = step_factor

    def _take_in(self, index: int, update: Update | None) -> int:
        """Add a change to the residual, from where the network saw it to where it is now."""
        late = None if update is None else index - update.index
        if update is None or late is None or update.shot != self._shot or late >= len(self._way):
            return 0
        motion = self._since(late)
        size = (self._residual.shape[0], self._residual.shape[1])
        change = resample(update.change, size)
        if motion is not None:
            confidence = enlarge(motion.confidence, size)[..., None]
            change = confidence * warp(change, enlarge_flow(motion.backward, size))
        kept = update.share * (self._blend**BLEND_PER_LOOK if update.steps else 1.0)
        self._residual = np.float32(kept) * self._residual + change
        if update.steps:
            self._confidence = (
                np.ones_like(self._confidence) if motion is None else motion.confidence.copy()
            )
        return update.steps

    def _since(self, late: int) -> _Motion | None:
        """Compose the way back over the last ``late`` frames; None over none."""
        if late == 0:
            return None
        recent = list(self._way)[-late:]
        backward, confidence = recent[0].backward, recent[0].confidence
        for motion in recent[1:]:
            confidence = motion.confidence * _warp_linear(confidence, motion.backward)
            backward = motion.backward + _warp_linear(backward, motion.backward)
        return _Motion(backward, confidence)


def live_blend(config: DreamConfig) -> float:
    """Return the blend of a live picture: the default preset's where a configuration has none."""
    return config.blend or PRESETS[DEFAULT_PRESET].look(config.model).blend


def _laid(pixels: Pixels, residual: FloatImage, share: FloatImage | None) -> Pixels:
    """Return a frame with a residual, as far as a mask shows it."""
    dream = add_residual(pixels, residual)
    return dream if share is None else laid_over(pixels, dream, share)


def add_residual(pixels: Pixels, residual: FloatImage) -> Pixels:
    """Add a residual of any size to a frame, rounded and clipped.

    Args:
        pixels: (H, W, 3) uint8.
        residual: (h, w, 3) float32 in units of half the range, at most (H, W).
    """
    levels = enlarge(residual * np.float32(HALF_RANGE), (pixels.shape[0], pixels.shape[1]))
    return np.asarray(cv2.add(pixels, levels, dtype=cv2.CV_8U), np.uint8)


def resample(image: FloatImage, size: Size) -> FloatImage:
    """Bring a (h, w, C) float32 image to a larger or a smaller size."""
    if image.shape[0] <= size[0]:
        return enlarge(image, size)
    return np.asarray(cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA), np.float32)


def _shrunk(pixels: Pixels, size: Size) -> Pixels:
    return np.asarray(cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def _still(source: Pixels) -> _Motion:
    size = source.shape[:2]
    return _Motion(np.zeros((*size, 2), np.float32), np.ones(size, np.float32))


def _warp_linear(image: FloatImage, backward: FloatImage) -> FloatImage:
    x, y = sample_positions(backward)
    warped = cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.float32)
