"""The endless zoom: each frame is the last one, moved by a known motion and dreamed on."""

import logging
import math
import time
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np

from dreamstream._libraries import cv2
from dreamstream.clips.affine import (
    WANDER_FRAMES,
    AffineMotion,
    Matrix,
    MirroredBorder,
    flow_of,
    inside,
)
from dreamstream.clips.band_statistics import BandStatistics
from dreamstream.clips.disk_buffer import DiskBuffer
from dreamstream.clips.loop_crossfade import eased, turned_share, turning
from dreamstream.config import DreamConfig
from dreamstream.dream.changeable import require_changeable
from dreamstream.dream.core import COLD_HEADROOM, DreamCore, Headroom, Schedule
from dreamstream.dream.enlarging import Enlarger
from dreamstream.dream.fading import laid_over
from dreamstream.dream.octaves import Octave
from dreamstream.dream.parameters import step_params
from dreamstream.dream.pixels import check_pixels
from dreamstream.dream.report import DreamReport
from dreamstream.dream.resampling import Size
from dreamstream.dream.start import root_mean_square
from dreamstream.frames import HALF_RANGE, FloatImage, Pixels, to_model_range, to_pixels
from dreamstream.models.extractor import FeatureExtractor
from dreamstream.temporal.flow import warp
from dreamstream.temporal.frame_analysis import AnalysisState, FrameAnalysis

FADE_IN = 25
"""Frames over which the picture turns into its dream."""

CLOSING = 0.6
"""Share of a loop in which it turns into the frames that led to its first one."""

NEW_GROUND, AGING = 4.0, 0.9
"""How much longer steps are on ground that has just come into view, and what is left of that a
frame later: a margin that must wait for its dream stays a mirror image."""

_PUSH = 2.0
"""What a frame's steps on old ground add up to, in step sizes: every frame is resampled, and more
is to be made up for than on a film's ground, most of which stands still."""

GHOST = 0.5
"""How new, likewise, a place is that is halfway from one picture to another."""

_SHARPNESS = 0.5
"""Of a frame's warp; what it softens or sharpens the band statistics put right."""

_MOVED_HEADROOM = Headroom(smaller=math.inf)
"""The band statistics hold every scale by themselves; the ceiling is for the whole picture."""

_PLAINEST = 1 / 8
"""Blur of the picture towards which one over the ceiling is softened, in longer sides."""

_CEILING_TRIALS = 6

_MOTION = ("drift_x", "drift_y", "zoom", "rotate")
"""What may change of the motion, by the names that ``Zoomer.change`` takes."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _ZoomState:
    """One stream, as far as it has come.

    Attributes:
        photo: (H, W, 3) float32, where it began.
        picture: The last frame, (H, W, 3) float32 in [-1, 1].
        border: What lies beyond its edges.
        limit: The loss that no frame may pass.
        source_loss: That of the photo; None where it is too small to dream.
        loss: Of the last frame as composed; likewise.
        fresh: (H, W) float32, 1 where ground has just come into view, 0 where it is old.
        step: Frames since the photo.
        statistics: Of the photo, and of its dream over the photo's coarse forms; None before they
            are first wanted.
        octaves: Of the last frame.
        leading: The frames that led to a loop's first one.
    """

    photo: FloatImage
    picture: FloatImage
    border: MirroredBorder
    limit: float
    source_loss: float | None
    loss: float | None
    fresh: FloatImage
    step: int = 0
    statistics: tuple[BandStatistics, BandStatistics] | None = None
    octaves: list[Octave] = field(default_factory=list)
    leading: DiskBuffer = field(default_factory=DiskBuffer)

    @property
    def size(self) -> Size:
        """Of every frame."""
        return self.photo.shape[0], self.photo.shape[1]


class Zoomer:
    """Moves through the dream of a picture: every frame is the last one, moved and dreamed on.

    Args:
        config: How to dream; the network works at the size of the picture, whatever
            ``dream_size`` says.  ``steps`` are those of a frame; the picture's own dream, of
            ``first_steps``, sets how strong each band of detail is held.
        extractor: The network; by default the one that the configuration names is loaded.
        motion: From each frame to the next.
        frames: Length of the stream.
        loop: Let the last frame lead to the first.  Otherwise the first frame is the picture.
        measure_losses: Also report the loss of the picture.

    Attributes:
        report: What happened to the last frame.
        octave_images: The last frame's picture at each octave, smallest first.

    Raises:
        ModelError: There is no such model or layer, or its weights can't be had.
    """

    def __init__(
        self,
        config: DreamConfig | None = None,
        extractor: FeatureExtractor | None = None,
        *,
        motion: AffineMotion,
        frames: int,
        loop: bool = False,
        measure_losses: bool = False,
    ) -> None:
        self._config = config = DreamConfig() if config is None else config
        self._core = DreamCore(config, extractor)
        self._params = step_params(config)
        self._measure_losses = measure_losses
        self._steady = motion
        self._frames, self._loop = frames, loop
        self._enlarger = Enlarger(self._core.is_dreamable, None)
        self.reset()

    def reset(self) -> None:
        """Forget the picture: the next one starts a new stream."""
        self._core.objective.reset()
        self._given = self._motion = self._steady
        self._index = 0
        self._zoom: _ZoomState | None = None
        self.report = DreamReport()
        self.octave_images: list[FloatImage] = []

    @property
    def steps_taken(self) -> int:
        """Steps asked for so far, of all pictures; it grows while one is dreamed."""
        return self._core.steps_taken

    def go_to(self, time: Fraction) -> None:
        """Let a guide that is a film guide the next frame by its own at a time, in seconds."""
        self._core.go_to(time)

    def change(self, **settings: Any) -> None:
        """Change settings between two frames; nothing is traced again.

        Args:
            settings: Fields of :class:`DreamConfig` as :meth:`Dreamer.change` takes them; and
                ``zoom``, ``rotate``, ``drift_x`` and ``drift_y``, of the motion to the next frame.

        Raises:
            ValueError: A value is out of range, or its field can't change.
        """
        moved = {name: settings.pop(name) for name in _MOTION if name in settings}
        self._given = self._moving(**moved)
        if self._zoom is not None:
            self._motion = self._given.at_scale(self._size_given, self._zoom.size)
        if not settings:
            return
        before, config = self._config, self._config.changed(**settings)
        require_changeable(before, config)
        self._config, self._params = config, step_params(config)
        zoom = self._zoom
        if zoom is None or zoom.source_loss is None:
            return
        if config.layers != before.layers:
            zoom.source_loss = self._measure(zoom.photo)
        zoom.limit = max(config.guarded_limit, zoom.source_loss)

    def _moving(self, **moved: float) -> AffineMotion:
        right, down = self._given.drift
        drift = moved.pop("drift_x", right), moved.pop("drift_y", down)
        return replace(self._given, drift=drift, **moved)

    def analyse(self, pixels: Pixels, state: AnalysisState | None = None) -> FrameAnalysis:
        """Return an empty analysis: the motion is known."""
        return FrameAnalysis(state or AnalysisState())

    def dream(self, pixels: Pixels, analysis: FrameAnalysis | None = None) -> Pixels:
        """Return the stream's next frame.

        Args:
            pixels: (H, W, 3) uint8 RGB, the same picture at each call.
            analysis: Not used.

        Returns:
            (H, W, 3) uint8 RGB.

        Raises:
            ValueError: ``pixels`` is no such array.
        """
        check_pixels(pixels)
        begun = time.perf_counter()
        if self._zoom is None:
            enlarged = self._enlarger.enlarge(pixels)
            self._size_given = _size_of(pixels)
            self._motion = self._given.at_scale(self._size_given, _size_of(enlarged))
            self._zoom = self._begin(enlarged)
        else:
            self._advance(self._zoom)
            self._close_up(self._zoom)
        if self._zoom.step == 0:
            dream = pixels.copy()
        else:
            dream = _reduced(to_pixels(self._zoom.picture), _size_of(pixels))
        self._report(self._zoom, time.perf_counter() - begun)
        self._index += 1
        return dream

    def _begin(self, pixels: Pixels) -> _ZoomState:
        """Start with the picture; where a loop is wanted, zoom until its first frame."""
        photo = to_model_range(pixels)
        size, loss = (pixels.shape[0], pixels.shape[1]), None
        if self._dreamable_sizes(size):
            if not self._core.objective.calibrated:
                self._core.objective.calibrate(photo)
            loss = self._measure(photo)
        limit = max(self._config.guarded_limit, loss or 0.0)
        old = np.zeros(size, np.float32)
        zoom = _ZoomState(photo, photo, MirroredBorder(photo), limit, loss, loss, old)
        if self._loop:
            self._lead_in(zoom)
        return zoom

    def _lead_in(self, zoom: _ZoomState) -> None:
        """Zoom until the dream is whole, and keep the last frames: they lead to the first one."""
        closing = round(CLOSING * self._frames)
        logger.info("dreaming %d frames before the loop's first one", FADE_IN + closing)
        for number in range(FADE_IN + closing):
            self._advance(zoom)
            if number >= FADE_IN:
                zoom.leading.append(zoom.picture)
        self._advance(zoom)

    def _advance(self, zoom: _ZoomState) -> None:
        """Move the picture a step on, and dream it."""
        zoom.step += 1
        moved = _move(zoom, self._motion.backward(zoom.size, zoom.step / self._round()))
        if self._dreamable_sizes(zoom.size) and self._config.steps:
            moved = self._dreamed(zoom, moved)
        self._show(zoom, moved)
        zoom.border.renew(zoom.picture)

    def _round(self) -> float:
        """Return the frames of the fixed point's round: a loop holds a whole number of rounds."""
        if not self._loop:
            return WANDER_FRAMES
        return self._frames / max(1, round(self._frames / WANDER_FRAMES))

    def _dreamed(self, zoom: _ZoomState, moved: FloatImage) -> FloatImage:
        """Ascend from a moved picture, and hold the dream to its statistics."""
        share, steps = eased(zoom.step / FADE_IN), self._config.steps
        if zoom.statistics is None:
            zoom.statistics = self._find_statistics(zoom)
        weights = np.float32(_PUSH / steps * share) * (1 + np.float32(NEW_GROUND) * zoom.fresh)
        zoom.octaves = self._ascend(moved, weights, steps, zoom.step * steps, _MOVED_HEADROOM)
        plain, whole = zoom.statistics
        held = plain.toward(whole, share * self._config.strength).hold(zoom.octaves[-1].image)
        return laid_over(moved, np.clip(held, -1, 1), self._config.opacity)

    def _find_statistics(self, zoom: _ZoomState) -> tuple[BandStatistics, BandStatistics]:
        even, steps = np.ones(zoom.size, np.float32), self._config.first_steps
        even /= np.float32(self._config.step_factor)  # a strength over 1 goes beyond them
        dream = self._ascend(zoom.photo, even, steps, 0, COLD_HEADROOM)[-1].image
        plain = BandStatistics.of(zoom.photo)
        return plain, BandStatistics.of(np.clip(dream, -1, 1)).over(plain)

    def _ascend(
        self, start: FloatImage, weights: FloatImage, steps: int, index: int, headroom: Headroom
    ) -> list[Octave]:
        sizes = self._dreamable_sizes((start.shape[0], start.shape[1]))
        schedule = Schedule(sizes, steps, headroom, index)
        return self._core.run(start, weights, self._params, schedule)

    def _close_up(self, zoom: _ZoomState) -> None:
        """Near a loop's end, turn into the frames that led to its first one."""
        count = len(zoom.leading)
        position = self._index - (self._frames - count)
        if not 0 <= position < count:
            return
        turn = turning(position, count, zoom.size)[..., None]
        mixed = zoom.picture + turn * (zoom.leading[position] - zoom.picture)
        if zoom.statistics is not None:  # two pictures in one have less contrast than either
            mixed += (1 - turn) * (np.clip(zoom.statistics[1].hold(mixed), -1, 1) - mixed)
        turned = turned_share(position, count, zoom.size)
        zoom.fresh = np.maximum(zoom.fresh, 4 * np.float32(GHOST) * turned * (1 - turned))
        self._show(zoom, mixed)

    def _show(self, zoom: _ZoomState, picture: FloatImage) -> None:
        """Take a picture for the next frame, softened as far as the ceiling wants, by bisection."""
        zoom.picture, zoom.loss = picture, self._shown_loss(zoom, picture)
        if zoom.loss is None or zoom.loss <= zoom.limit:
            return
        blur = _PLAINEST * max(zoom.size)
        plain = np.asarray(cv2.GaussianBlur(picture, (0, 0), blur), np.float32)
        low, high = 0.0, 1.0
        for _ in range(_CEILING_TRIALS):
            share = (low + high) / 2
            trial = plain + np.float32(share) * (picture - plain)
            loss = self._shown_loss(zoom, trial)
            if loss is not None and loss <= zoom.limit:
                zoom.picture, zoom.loss, low = trial, loss, share
            else:
                high = share

    def _shown_loss(self, zoom: _ZoomState, picture: FloatImage) -> float | None:
        """Measure the 8-bit frame that a picture becomes."""
        if zoom.source_loss is None:
            return None
        return self._measure(to_model_range(to_pixels(picture)))

    def _dreamable_sizes(self, size: Size) -> list[Size]:
        return self._core.dreamable_sizes(size, self._config.octaves, self._config.octave_scale)

    def _measure(self, image: FloatImage) -> float:
        return self._core.measure(image, self._params)

    def _report(self, zoom: _ZoomState, seconds: float) -> None:
        self.octave_images = [octave.image for octave in zoom.octaves]
        self.report = DreamReport(
            warm=zoom.step > 0,
            steps=tuple(octave.steps for octave in zoom.octaves),
            dropped_octaves=self._config.octaves - len(self._dreamable_sizes(zoom.size)),
            source_loss=zoom.source_loss if self._measure_losses else None,
            loss=zoom.loss,
            residual_rms=root_mean_square(zoom.picture - zoom.photo) * HALF_RANGE,
            dream_seconds=seconds,
        )


def _size_of(pixels: Pixels) -> Size:
    return pixels.shape[0], pixels.shape[1]


def _reduced(frame: Pixels, size: Size) -> Pixels:
    """Bring a frame of a picture that was enlarged back to its size."""
    if _size_of(frame) == size:
        return frame
    return np.asarray(cv2.resize(frame, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def _move(zoom: _ZoomState, backward: Matrix) -> FloatImage:
    """Return the picture a step on, its mirrored border where it ends; let the ground age."""
    flow = flow_of(backward, zoom.size)
    within = inside(flow)
    aged = np.float32(AGING) * np.clip(warp(zoom.fresh, flow), np.float32(0), np.float32(1))
    zoom.fresh = np.where(within, aged, np.float32(1))
    moved, view = warp(zoom.picture, flow, _SHARPNESS), zoom.border.look(backward)
    return np.where(within[..., None], moved, view)
