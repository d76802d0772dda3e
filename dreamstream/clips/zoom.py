"""The endless tunnel: each frame is the last one, moved by a known motion and dreamed on."""

import logging
import math
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dreamstream._libraries import cv2
from dreamstream.clips.affine import WANDER_FRAMES, Matrix, Motion, World, flow_of, inside
from dreamstream.clips.band_statistics import Look
from dreamstream.clips.disk_buffer import PictureSpill
from dreamstream.config import DreamConfig
from dreamstream.dream.dreamer import Dreamer, check_pixels, root_mean_square
from dreamstream.dream.enlarging import Enlarger
from dreamstream.dream.octaves import COLD_HEADROOM, Headroom, Octave
from dreamstream.dream.report import DreamReport
from dreamstream.dream.resampling import Size
from dreamstream.frames import HALF_RANGE, FloatImage, Pixels, to_model_range, to_pixels
from dreamstream.models.extractor import FeatureExtractor
from dreamstream.temporal.flow import warp
from dreamstream.temporal.frame_analysis import Movement, Seen

FADE_IN = 25
"""Frames over which the picture turns into its dream."""

CLOSING = 0.6
"""Share of a loop in which it turns into the frames that led to its first one."""

SOFTNESS = 0.5
"""Share of the closing that a single place takes: some turn earlier than others, so that nowhere
two pictures are seen through one another for long."""

PATCHES = 6
"""Places along each side that turn at a time of their own."""

NEW_GROUND, AGING = 4.0, 0.9
"""How much longer steps are on ground that has just come into view, and what is left of that a
frame later: a margin that must wait for its dream stays a mirror image."""

_PUSH = 2.0
"""What a frame's steps on old ground add up to, in step sizes: every frame is resampled, and more
is to be made up for than on a film's ground, most of which stands still."""

GHOST = 0.5
"""How new, likewise, a place is that is halfway from one picture to another."""

_SHARPNESS = 0.5
"""Of a frame's warp; what it softens or sharpens the leash puts right."""

_MOVED_HEADROOM = Headroom(smaller=math.inf)
"""The leash holds every scale by itself; the ceiling is for the whole picture."""

_PLAINEST = 1 / 8
"""Blur of the picture towards which one over the ceiling is softened, in longer sides."""

_CEILING_TRIALS = 6
_TINY = np.float32(1e-6)

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Fall:
    """One stream, as far as it has come.

    Attributes:
        photo: (H, W, 3) float32, where it began.
        picture: The last frame, (H, W, 3) float32 in [-1, 1].
        world: What lies beyond its edges.
        limit: The loss that no frame may pass.
        source_loss: That of the photo; None where it is too small to dream.
        loss: Of the last frame as given out; likewise.
        fresh: (H, W) float32, 1 where ground has just come into view, 0 where it is old.
        step: Frames since the photo.
        looks: Of the photo, and of its dream over the photo's coarse forms; None before they are
            first wanted.
        octaves: Of the last frame.
        leading: The frames that led to a loop's first one.
    """

    photo: FloatImage
    picture: FloatImage
    world: World
    limit: float
    source_loss: float | None
    loss: float | None
    fresh: FloatImage
    step: int = 0
    looks: tuple[Look, Look] | None = None
    octaves: list[Octave] = field(default_factory=list)
    leading: PictureSpill = field(default_factory=PictureSpill)

    @property
    def size(self) -> Size:
        """Of every frame."""
        return self.photo.shape[0], self.photo.shape[1]


class Tunneller(Dreamer):
    """Dreams one picture as a stream in which every frame is dreamed from the moved last one.

    Args:
        config: How to dream; the network works at the size of the picture, whatever
            ``dream_size`` says.  ``steps`` are those of a frame; the picture's own dream, of
            ``first_steps``, sets how strong each band of detail is held.
        extractor: The network; by default the one that the configuration names is loaded.
        motion: From each frame to the next.
        frames: Length of the stream.
        loop: Let the last frame lead to the first.  Otherwise the first frame is the picture.
        measure_losses: Also tell the loss of the picture in the report.

    Raises:
        ModelError: There is no such model or layer, or its weights can't be had.
    """

    def __init__(
        self,
        config: DreamConfig | None = None,
        extractor: FeatureExtractor | None = None,
        *,
        motion: Motion,
        frames: int,
        loop: bool = False,
        measure_losses: bool = False,
    ) -> None:
        super().__init__(config, extractor, measure_losses=measure_losses)
        self._given = self._motion = motion
        self._frames, self._loop = frames, loop
        self._enlarger = Enlarger(self._is_dreamable, None)

    def reset(self) -> None:
        """Forget the picture: the next one begins a new stream."""
        super().reset()
        self._index = 0
        self._fall: _Fall | None = None

    def foresee(self, pixels: Pixels, seen: Seen | None = None) -> Movement:
        """Tell that there is nothing to foresee: the motion is known."""
        return Movement(seen or Seen())

    def dream(self, pixels: Pixels, movement: Movement | None = None) -> Pixels:
        """Give the stream's next frame.

        Args:
            pixels: (H, W, 3) uint8 RGB, the same picture at each call.
            movement: Of no account.

        Returns:
            (H, W, 3) uint8 RGB.

        Raises:
            ValueError: ``pixels`` is no such array.
        """
        check_pixels(pixels)
        begun = time.perf_counter()
        if self._fall is None:
            enlarged = self._enlarger.enlarge(pixels)
            self._motion = self._given.at_scale(_size_of(pixels), _size_of(enlarged))
            self._fall = self._begin_fall(enlarged)
        else:
            self._advance(self._fall)
            self._close_up(self._fall)
        if self._fall.step == 0:
            dream = pixels.copy()
        else:
            dream = _reduced(to_pixels(self._fall.picture), _size_of(pixels))
        self._report(self._fall, time.perf_counter() - begun)
        self._index += 1
        return dream

    def _begin_fall(self, pixels: Pixels) -> _Fall:
        """Begin with the picture; where a loop is wanted, fall until its first frame."""
        photo = to_model_range(pixels)
        size = (pixels.shape[0], pixels.shape[1])
        loss = self._measure(photo) if self._dreamable_octaves(size) else None
        ceiling = self.config.max_loss
        limit = math.inf if ceiling is None or self.config.is_original else ceiling
        old = np.zeros(size, np.float32)
        fall = _Fall(photo, photo, World(photo), max(limit, loss or 0.0), loss, loss, old)
        if self._loop:
            self._fall_in(fall)
        return fall

    def _fall_in(self, fall: _Fall) -> None:
        """Fall until the dream is whole, and keep the last frames: they lead to the first one."""
        closing = round(CLOSING * self._frames)
        logger.info("dreaming %d frames before the loop's first one", FADE_IN + closing)
        for number in range(FADE_IN + closing):
            self._advance(fall)
            if number >= FADE_IN:
                fall.leading.append(fall.picture)
        self._advance(fall)

    def _advance(self, fall: _Fall) -> None:
        """Move the picture a step on, and dream it."""
        fall.step += 1
        moved = _move(fall, self._motion.backward(fall.size, fall.step / self._round()))
        sizes = self._dreamable_octaves(fall.size)
        if sizes and self.config.steps:
            moved = self._dreamed(fall, moved)
        self._show(fall, moved)
        fall.world.renew(fall.picture)

    def _round(self) -> float:
        """Give the frames of the fixed point's round: a loop holds a whole number of rounds."""
        if not self._loop:
            return WANDER_FRAMES
        return self._frames / max(1, round(self._frames / WANDER_FRAMES))

    def _dreamed(self, fall: _Fall, moved: FloatImage) -> FloatImage:
        """Ascend from a moved picture, and hold the dream to its look."""
        share, steps = _eased(fall.step / FADE_IN), self.config.steps
        if fall.looks is None:
            fall.looks = self._find_looks(fall)
        emphasis = np.float32(_PUSH / steps * share) * (1 + np.float32(NEW_GROUND) * fall.fresh)
        fall.octaves = self._ascended(moved, emphasis, steps, fall.step * steps)
        plain, whole = fall.looks
        held = plain.toward(whole, share).hold(fall.octaves[-1].image)
        return np.clip(held, -1, 1)

    def _find_looks(self, fall: _Fall) -> tuple[Look, Look]:
        even, steps = np.ones(fall.size, np.float32), self.config.first_steps
        dream = self._ascended(fall.photo, even, steps, 0, cold=True)[-1].image
        plain = Look.of(fall.photo)
        return plain, Look.of(np.clip(dream, -1, 1)).over(plain)

    def _ascended(
        self, start: FloatImage, emphasis: FloatImage, steps: int, shifted: int, cold: bool = False
    ) -> list[Octave]:
        self._shift_from(shifted)
        sizes = self._dreamable_octaves((start.shape[0], start.shape[1]))
        headroom = COLD_HEADROOM if cold else _MOVED_HEADROOM
        return list(self._climb(start, emphasis, sizes, self._ascent, steps, headroom))

    def _close_up(self, fall: _Fall) -> None:
        """Near a loop's end, turn into the frames that led to its first one."""
        count = len(fall.leading)
        position = self._index - (self._frames - count)
        if not 0 <= position < count:
            return
        turn = turning(position, count, fall.size)[..., None]
        mixed = fall.picture + turn * (fall.leading[position] - fall.picture)
        if fall.looks is not None:  # two pictures in one have less contrast than either
            mixed += (1 - turn) * (np.clip(fall.looks[1].hold(mixed), -1, 1) - mixed)
        turned = turned_share(position, count, fall.size)
        fall.fresh = np.maximum(fall.fresh, 4 * np.float32(GHOST) * turned * (1 - turned))
        self._show(fall, mixed)

    def _show(self, fall: _Fall, picture: FloatImage) -> None:
        """Take a picture for the next frame, softened as far as the ceiling wants, by bisection."""
        fall.picture, fall.loss = picture, self._shown_loss(fall, picture)
        if fall.loss is None or fall.loss <= fall.limit:
            return
        blur = _PLAINEST * max(fall.size)
        plain = np.asarray(cv2.GaussianBlur(picture, (0, 0), blur), np.float32)
        low, high = 0.0, 1.0
        for _ in range(_CEILING_TRIALS):
            share = (low + high) / 2
            trial = plain + np.float32(share) * (picture - plain)
            loss = self._shown_loss(fall, trial)
            if loss is not None and loss <= fall.limit:
                fall.picture, fall.loss, low = trial, loss, share
            else:
                high = share

    def _shown_loss(self, fall: _Fall, picture: FloatImage) -> float | None:
        """Measure the 8-bit frame that a picture is given out as."""
        if fall.source_loss is None:
            return None
        return self._measure(to_model_range(to_pixels(picture)))

    def _report(self, fall: _Fall, seconds: float) -> None:
        self.octave_images = [octave.image for octave in fall.octaves]
        self.report = DreamReport(
            warm=fall.step > 0,
            steps=tuple(octave.steps for octave in fall.octaves),
            dropped_octaves=self.config.octaves - len(self._dreamable_octaves(fall.size)),
            source_loss=fall.source_loss if self._measure_losses else None,
            loss=fall.loss,
            residual_rms=root_mean_square(fall.picture - fall.photo) * HALF_RANGE,
            dream_seconds=seconds,
        )


def _size_of(pixels: Pixels) -> Size:
    return pixels.shape[0], pixels.shape[1]


def _reduced(frame: Pixels, size: Size) -> Pixels:
    """Bring a frame of a picture that was enlarged back to its size."""
    if _size_of(frame) == size:
        return frame
    return np.asarray(cv2.resize(frame, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def turning(position: int, count: int, size: Size) -> FloatImage:
    """Give the share of the way that is left by which each pixel turns into another frame.

    Args:
        position: Which of the frames that turn, from 0; in the last one everything has turned.
        count: How many they are.
        size: (height, width).

    Returns:
        (H, W) float32 in [0, 1].
    """
    before, now = (turned_share(number, count, size) for number in (position - 1, position))
    return np.where(now < 1, (now - before) / np.maximum(1 - before, _TINY), np.float32(1))


def turned_share(position: int, count: int, size: Size) -> FloatImage:
    """Give the share of each pixel that has turned after a frame; see :func:`turning`."""
    begins = _patches(size) * (1 - SOFTNESS)
    return np.asarray(_eased(((position + 1) / count - begins) / SOFTNESS), np.float32)


def _patches(size: Size) -> FloatImage:
    """Give a smooth (H, W) pattern that runs from 0 to 1, always the same."""
    grid = np.random.default_rng(0).standard_normal((PATCHES, PATCHES)).astype(np.float32)
    patches = cv2.resize(grid, size[::-1], interpolation=cv2.INTER_CUBIC)
    span = patches.max() - patches.min()
    return np.asarray((patches - patches.min()) / span, np.float32)


def _move(fall: _Fall, backward: Matrix) -> FloatImage:
    """Give the picture a step on, the world where it ends; let the ground age."""
    flow = flow_of(backward, fall.size)
    within = inside(flow)
    fall.fresh = np.where(
        within, np.float32(AGING) * _inside_unit(warp(fall.fresh, flow)), np.float32(1)
    )
    moved, view = warp(fall.picture, flow, _SHARPNESS), fall.world.look(backward)
    return np.where(within[..., None], moved, view)


def _eased(progress: Any) -> Any:
    """Give 0 to 1 for progress from 0 to 1, at rest at both ends; numbers or arrays."""
    return (1 - np.cos(np.pi * np.clip(progress, 0, 1))) / 2


def _inside_unit(share: FloatImage) -> FloatImage:
    return np.clip(share, np.float32(0), np.float32(1))
