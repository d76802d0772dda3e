"""A dream that grows out of a still and returns."""

import bisect
import math
from dataclasses import replace

import numpy as np

from dreamstream.clips.disk_buffer import PictureSpill
from dreamstream.config import DreamConfig
from dreamstream.dream.ascent import GuardedAscent
from dreamstream.dream.dreamer import Dreamed, Dreamer, root_mean_square
from dreamstream.dream.octaves import COLD_HEADROOM, Octave
from dreamstream.dream.resampling import Size, shrink
from dreamstream.frames import FloatImage, Pixels
from dreamstream.models.extractor import FeatureExtractor
from dreamstream.temporal.frame_analysis import Movement, Observer
from dreamstream.temporal.residual_warp import Carried


def grown_share(index: int, frames: int) -> float:
    """Tell how far a dream has grown, in [0, 1]: from 0 to 1 and back, at rest at both ends.

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
        self._residuals = PictureSpill()
        self._residuals.append(begin)
        self._last = begin
        self._lengths = [0.0]

    def extend(self, residual: FloatImage) -> None:
        """Go on to an (h, w, 3) residual."""
        way = root_mean_square(residual - self._last)
        self._residuals.append(residual)
        self._last = residual
        self._lengths.append(self._lengths[-1] + way)

    def at(self, share: float) -> FloatImage:
        """Give the residual at a share of the way's length, in [0, 1].

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


class Unfolder(Dreamer):
    """Dreams one picture as a loop of frames in which the dream grows out of it and returns.

    The ascent itself is what is seen: as many steps as a still gets, but a single one in each
    octave at a time, so that all scales grow together.  Frames between two steps lie between their
    residuals, which wait on disk for the way back.

    Args:
        config: How to dream; ``first_steps`` is the depth at the turn.
        extractor: The network; by default the one that the configuration names is loaded.
        frames: Length of the loop.
        measure_losses: Also measure the loss of the picture, for the report.

    Attributes:
        octave_images: As of :class:`Dreamer`, but always those of the turn.

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
        super().__init__(config, extractor, measure_losses=measure_losses)
        self._frames = frames
        self._observer = Observer(replace(self.config, blend=0.0))

    def reset(self) -> None:
        """Forget the picture: the next one begins a new loop."""
        super().reset()
        self._index = 0
        self._path: GrowthPath | None = None
        self._turn: list[Octave] = []

    def dream(self, pixels: Pixels, movement: Movement | None = None) -> Pixels:
        """Give the loop's next frame.

        Args:
            pixels: (H, W, 3) uint8 RGB, the same picture at each call.
            movement: None, or what :meth:`foresee` told.

        Returns:
            (H, W, 3) uint8 RGB; the first one is the picture itself.

        Raises:
            ValueError: ``pixels`` is no such array.
        """
        dream = super().dream(pixels, movement)
        self._index += 1
        self.octave_images = [octave.image for octave in self._turn]
        return dream

    def _ascend(
        self, full: FloatImage, source: FloatImage, carried: Carried, sizes: list[Size]
    ) -> Dreamed:
        """Show the frame's part of the dream; see :meth:`Dreamer._ascend`."""
        octaves = self._octaves_now(source, sizes)
        return Dreamed(self._emitter.emit(full, octaves[-1].image - source), octaves)

    def _octaves_now(self, source: FloatImage, sizes: list[Size]) -> list[Octave]:
        """Give the octaves of a frame, of which only the last one's picture is its own."""
        share, steps = grown_share(self._index, self._frames), 0
        if share == 0:
            return _untouched(source, sizes)
        if self._path is None:
            self._path, steps = self._grow(source, sizes)
        whole = Octave(source + self._path.at(share), math.nan, steps)
        return [replace(octave, steps=steps) for octave in self._turn[:-1]] + [whole]

    def _grow(self, source: FloatImage, sizes: list[Size]) -> tuple[GrowthPath, int]:
        """Ascend to the turn; give the way and the number of steps in each octave."""
        even, residual = np.ones(source.shape[:2], np.float32), np.zeros_like(source)
        path, steps = GrowthPath(residual), self.config.first_steps
        self._turn = _untouched(source, sizes)
        for step in range(steps):
            if isinstance(self._ascent, GuardedAscent):  # the original program counts no steps
                self._ascent.take_part(step, steps)
            start = source + residual
            self._turn = list(self._climb(start, even, sizes, self._ascent, 1, COLD_HEADROOM))
            residual = self._turn[-1].image - source
            path.extend(residual)
        return path, steps


def _untouched(source: FloatImage, sizes: list[Size]) -> list[Octave]:
    return [Octave(shrink(source, size), math.nan, 0) for size in sizes]
