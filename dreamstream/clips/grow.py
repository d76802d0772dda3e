"""A dream that grows out of a still and returns."""

import bisect
import math
import time
from dataclasses import replace

import numpy as np

from dreamstream.clips.disk_buffer import DiskBuffer
from dreamstream.config import DreamConfig
from dreamstream.dream.core import DreamCore, Schedule
from dreamstream.dream.enlarging import Enlarger
from dreamstream.dream.fading import faded, faded_octaves
from dreamstream.dream.gate import gate_of, outside_kept, shown_share
from dreamstream.dream.loss_limiter import ComposedFrame, LossLimiter
from dreamstream.dream.octaves import Octave
from dreamstream.dream.parameters import step_params
from dreamstream.dream.pixels import check_pixels, log_dropped
from dreamstream.dream.report import DreamReport
from dreamstream.dream.resampling import Size, fit_size, shrink
from dreamstream.dream.start import root_mean_square
from dreamstream.frames import HALF_RANGE, FloatImage, Pixels, to_model_range
from dreamstream.models.extractor import FeatureExtractor
from dreamstream.temporal.frame_analysis import AnalysisState, FrameAnalysis


def grown_share(index: int, frames: int) -> float:
    """Return how far a dream has grown, in [0, 1]: from 0 to 1 and back, at rest at both ends.

    Args:
        index: Position in the loop.
        frames: Length of the loop; ``index + frames`` is at the same point, ``frames - index`` at
            the same one on the way back, exactly.
    """
    position = index % frames
    return (1 - math.cos(2 * math.pi * min(position, frames - position) / frames)) / 2


class GrowthPath:
    """The residuals through which an ascent came, and every one between them.

    Args:
        begin: (h, w, 3) float32, where it began.
    """

    def __init__(self, begin: FloatImage) -> None:
        self._residuals = DiskBuffer()
        self._residuals.append(begin)
        self._last = begin
        self._lengths = [0.0]

    def extend(self, residual: FloatImage) -> None:
        """Add an (h, w, 3) residual to the path."""
        way = root_mean_square(residual - self._last)
        self._residuals.append(residual)
        self._last = residual
        self._lengths.append(self._lengths[-1] + way)

    def at(self, share: float) -> FloatImage:
        """Return the residual at a share of the way's length, in [0, 1].

        Equal shares are equally long ways, whatever the ascent's own pace was.
        """
        length = share * self._lengths[-1]
        after = min(bisect.bisect_left(self._lengths, length), len(self._lengths) - 1)
        if length >= self._lengths[after]:
            return self._residuals[after]
        before = after - 1
        span = self._lengths[after] - self._lengths[before]
        part = np.float32((length - self._lengths[before]) / span)
        start = self._residuals[before]
        return start + part * (self._residuals[after] - start)


class Grower:
    """Lets a dream grow out of a picture and return into it, as a loop of frames.

    The ascent itself is what is seen: as many steps as a still gets, but a single one in each
    octave at a time, so that all scales grow together.  Frames between two steps lie between their
    residuals, which wait on disk for the way back.

    Args:
        config: How to dream; ``first_steps`` is the depth at the turn.
        extractor: The network; by default the one that the configuration names is loaded.
        frames: Length of the loop.
        measure_losses: Also measure the loss of the picture, for the report.

    Attributes:
        config: How to dream.
        report: What happened to the last frame.
        octave_images: The pictures of the octaves at the turn, smallest first.

    Raises:
        ModelError: There is no such model or layer, or its weights can't be had.
    """

    def __init__(
        self,
        config: DreamConfig | None = None,
        extractor: FeatureExtractor | None = None,
        *,
        frames: int,
        measure_losses: bool = False,
    ) -> None:
        self.config = config = DreamConfig() if config is None else config
        self._core = DreamCore(config, extractor)
        self._params = step_params(config)
        self._limiter = LossLimiter(config.guarded_limit, self._measure)
        self._enlarger = Enlarger(self._core.is_dreamable, config.dream_size)
        self._measure_losses, self._frames = measure_losses, frames
        self.reset()

    def reset(self) -> None:
        """Forget the picture: the next one starts a new loop."""
        self._core.objective.reset()
        self._index = 0
        self._path: GrowthPath | None = None
        self._turn: list[Octave] = []
        self.report = DreamReport()
        self.octave_images: list[FloatImage] = []

    @property
    def steps_taken(self) -> int:
        """Steps asked for so far, of all pictures; it grows while one is dreamed."""
        return self._core.steps_taken

    def analyse(self, pixels: Pixels, state: AnalysisState | None = None) -> FrameAnalysis:
        """Return an empty analysis: the picture is the same in every frame."""
        check_pixels(pixels)
        return FrameAnalysis(state or AnalysisState())

    def dream(
        self,
        pixels: Pixels,
        analysis: FrameAnalysis | None = None,
        mask: FloatImage | None = None,
    ) -> Pixels:
        """Return the loop's next frame.

        Args:
            pixels: (H, W, 3) uint8 RGB, the same picture at each call.
            analysis: Not used.
            mask: (H, W) float32 in [0, 1], the share of the dream that is shown in this frame, as
                a :class:`dreamstream.dream.dreamer.Dreamer` takes it.  The whole picture dreams.

        Returns:
            (H, W, 3) uint8 RGB; the first one is the picture itself.

        Raises:
            ValueError: ``pixels`` or ``mask`` is no such array.
        """
        check_pixels(pixels)
        shown = shown_share(mask, pixels, self.config)
        begun = time.perf_counter()
        given, pixels = pixels, self._enlarger.enlarge(pixels)
        size = fit_size((pixels.shape[0], pixels.shape[1]), self.config.dream_size)
        full = to_model_range(pixels)
        source, sizes = shrink(full, size), self._dreamable_sizes(size)
        octaves: list[Octave] = []
        composed = ComposedFrame(pixels.copy(), np.zeros_like(source))
        if sizes:
            octaves = self._octaves_now(source, sizes)
            gate = None if shown is None else gate_of(shown, pixels.shape[:2], size).shown
            residual = faded(octaves[-1].image - source, self.config.opacity)
            composed = self._limiter.compose(full, residual, mask=gate)
        self._report(source, octaves, composed, begun)
        self._index += 1
        dream = self._enlarger.reduce(composed.pixels, given)
        return dream if shown is None else outside_kept(dream, given, shown)

    def _octaves_now(self, source: FloatImage, sizes: list[Size]) -> list[Octave]:
        """Return the octaves of a frame, of which only the last one's picture is its own."""
        if not self._core.objective.calibrated:
            self._core.objective.calibrate(source)
        share, steps = grown_share(self._index, self._frames), 0
        if share == 0:
            return _untouched(source, sizes)
        if self._path is None:
            self._path, steps = self._grow(source, sizes)
        whole = Octave(source + self._path.at(share), math.nan, steps)
        return [replace(octave, steps=steps) for octave in self._turn[:-1]] + [whole]

    def _grow(self, source: FloatImage, sizes: list[Size]) -> tuple[GrowthPath, int]:
        """Ascend to the turn; return the path and the number of steps in each octave."""
        even, residual = np.ones(source.shape[:2], np.float32), np.zeros_like(source)
        path, steps = GrowthPath(residual), self.config.first_steps
        self._turn = _untouched(source, sizes)
        for step in range(steps):
            one = Schedule(sizes, 1, first_step=step, of_steps=steps)
            self._turn = self._core.run(source + residual, even, self._params, one)
            residual = self._turn[-1].image - source
            path.extend(residual)
        return path, steps

    def _dreamable_sizes(self, size: Size) -> list[Size]:
        wanted = self.config.octaves
        sizes = self._core.dreamable_sizes(size, wanted, self.config.octave_scale)
        if self._index == 0:
            log_dropped(size, wanted, len(sizes))
        return sizes

    def _measure(self, image: FloatImage) -> float:
        return self._core.measure(image, self._params)

    def _report(
        self, source: FloatImage, octaves: list[Octave], composed: ComposedFrame, begun: float
    ) -> None:
        source_loss = composed.source_loss
        if self._measure_losses and octaves and source_loss is None:
            source_loss = self._measure(source)
        self.octave_images = faded_octaves(
            [octave.image for octave in self._turn], source, self.config.opacity
        )
        self.report = DreamReport(
            steps=tuple(octave.steps for octave in octaves),
            dropped_octaves=self.config.octaves - len(octaves),
            source_loss=source_loss,
            loss=composed.loss,
            ascent_loss=octaves[-1].loss if octaves else None,
            residual_rms=root_mean_square(composed.residual) * HALF_RANGE,
            dream_seconds=time.perf_counter() - begun,
        )


def _untouched(source: FloatImage, sizes: list[Size]) -> list[Octave]:
    return [Octave(shrink(source, size), math.nan, 0) for size in sizes]
