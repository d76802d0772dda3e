"""Crops that dream while they are trained on.

Each crop is a photo's square on its way into a dream, led by the teacher's gradient or by the
student's own. Every training step measures both gradients at some of these crops anyway; the same
gradients carry the crops on. So the student is shown the pictures that it will meet: photos, the
teacher's dreams and, above all, its own, where it believes in gains that the teacher doesn't see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dreamstream.frames import FloatImage, Pixels

from .photos import Augmentation, Box, cut, resize

ZOOM = 1.4
SMALLEST_BOX = 80
STEPS_PER_OCTAVE = (2, 8)
MAX_OCTAVES = 4
STEP_SIZES = (0.006, 0.036)
SMOOTHINGS = (0.6, 2.6)
SMOOTHED_SHARE = 0.35
STUDENT_SHARE = 0.45
SINGLE_LAYER_SHARE = 0.8
MAX_JITTER = 12
FRESH_SHARE = 0.375


@dataclass
class DreamingCrop:
    """A crop part of the way through a dream.

    Attributes:
        photo: Number of the photo.
        box: Where it lies in the photo.
        change: What is done to its colours.
        source: (side, side, 3) float32 RGB in [-1, 1], the crop before the dream.
        residual: What the dream has added, same shape.
        coefficients: (layers,) float32, the weight of each layer in its loss.
        by_student: Whose gradient it follows.
        smoothing: Standard deviation of the gradient's smoothing in pixels; 0 for none.
        step_size: Length of a step, mean over pixels, in the [-1, 1] range.
        steps_left: Steps until it zooms in.
        octaves_left: Zooms until it is given up.
    """

    photo: int
    box: Box
    change: Augmentation
    source: FloatImage
    residual: FloatImage
    coefficients: FloatImage
    by_student: bool
    smoothing: float
    step_size: float
    steps_left: int
    octaves_left: int


@dataclass(frozen=True)
class Batch:
    """Some crops, as a training step takes them.

    Attributes:
        numbers: Which crops of the pool they are.
        shifts: Rows and columns by which each is rolled.
        pictures: (batch, side, side, 3) float32 RGB in [-1, 1].
        coefficients: (batch, layers) float32.
        by_student: (batch,) bool.
        smoothings: (batch,) float32 pixels, 0 for none.
    """

    numbers: NDArray[np.int64]
    shifts: NDArray[np.int64]
    pictures: FloatImage
    coefficients: FloatImage
    by_student: NDArray[np.bool_]
    smoothings: FloatImage


class Trajectories:
    """A pool of dreaming crops; what is given up is replaced by a new photo's crop."""

    def __init__(
        self, photos: Sequence[Pixels], layers: int, side: int, count: int, seed: int
    ) -> None:
        """Begin with photos, undreamed.

        Args:
            photos: (height, width, 3) uint8 RGB each.
            layers: How many layers a loss may weigh.
            side: Pixels a side of every crop.
            count: Crops in the pool.
            seed: Of every random choice.
        """
        self._photos = photos
        self._layers = layers
        self._side = side
        self._rng = np.random.default_rng(seed)
        self._crops = [self._new_crop() for _ in range(count)]

    def draw(self, size: int) -> Batch:
        """Choose crops at random and roll each by a jitter, as dreamers do."""
        numbers = self._rng.choice(len(self._crops), size, replace=False)
        shifts = self._rng.integers(-MAX_JITTER, MAX_JITTER + 1, (size, 2))
        shifts[self._rng.random(size) < 0.5] = 0
        crops = [self._crops[number] for number in numbers]
        pictures = [
            np.roll(crop.source + crop.residual, shift, (0, 1))
            for crop, shift in zip(crops, shifts, strict=True)
        ]
        return Batch(
            numbers,
            shifts,
            np.stack(pictures),
            np.stack([crop.coefficients for crop in crops]),
            np.array([crop.by_student for crop in crops]),
            np.array([crop.smoothing for crop in crops], np.float32),
        )

    def draw_pictures(self, size: int) -> FloatImage:
        """Draw pictures to match maps on: some fresh photos, and dreams no two times the same.

        Without the fresh ones and the changes the student would learn this pool by heart.

        Args:
            size: How many.

        Returns:
            (size, side, side, 3) float32 RGB in [-1, 1].
        """
        fresh = round(FRESH_SHARE * size)
        numbers = self._rng.choice(len(self._crops), size - fresh, replace=False)
        dreams = [self._varied(self._crops[number]) for number in numbers]
        return np.stack([self._draw_source()[-1] for _ in range(fresh)] + dreams)

    def advance(self, batch: Batch, directions: FloatImage) -> None:
        """Move a batch's crops one step.

        Args:
            batch: As `draw` gave it.
            directions: (batch, side, side, 3) float32, gradients of mean absolute value 1.
        """
        for number, shift, direction in zip(batch.numbers, batch.shifts, directions, strict=True):
            self._crops[number] = self._stepped(
                self._crops[number], np.roll(direction, -shift, (0, 1))
            )

    def _stepped(self, crop: DreamingCrop, direction: FloatImage) -> DreamingCrop:
        dream = np.clip(crop.source + crop.residual + crop.step_size * direction, -1, 1)
        crop.residual = dream - crop.source
        crop.steps_left -= 1
        if crop.steps_left > 0:
            return crop
        if crop.octaves_left == 0 or crop.box.side / ZOOM < SMALLEST_BOX:
            return self._new_crop()
        return self._zoomed(crop)

    def _zoomed(self, crop: DreamingCrop) -> DreamingCrop:
        """Enter the next octave: a part of the crop, enlarged, with the photo's finer detail."""
        part = round(self._side / ZOOM)
        row, column = self._rng.integers(0, self._side - part + 1, 2)
        ratio = crop.box.side / self._side
        mirrored = self._side - part - column if crop.change.mirrored else column
        crop.box = Box(
            crop.box.top + int(row * ratio),
            crop.box.left + int(mirrored * ratio),
            int(part * ratio),
        )
        crop.source = self._cut(crop.photo, crop.box, crop.change)
        kept = crop.residual[row : row + part, column : column + part]
        dream = np.clip(crop.source + resize(kept, self._side), -1, 1)
        crop.residual = dream - crop.source
        crop.octaves_left -= 1
        crop.steps_left = self._draw_steps()
        return crop

    def _varied(self, crop: DreamingCrop) -> FloatImage:
        """Mirror and roll a crop's dream at random, pixel for pixel.

        Never rescale it: what a raw gradient adds is too fine to outlive that.
        """
        dream = np.roll(
            crop.source + crop.residual, self._rng.integers(-MAX_JITTER, MAX_JITTER + 1, 2), (0, 1)
        )
        return dream[:, ::-1] if self._rng.random() < 0.5 else dream

    def _draw_source(self) -> tuple[int, Box, Augmentation, FloatImage]:
        number = int(self._rng.integers(len(self._photos)))
        box = self._draw_box(self._photos[number])
        change = Augmentation.draw(self._rng)
        return number, box, change, self._cut(number, box, change)

    def _new_crop(self) -> DreamingCrop:
        number, box, change, source = self._draw_source()
        smoothed = self._rng.random() < SMOOTHED_SHARE
        return DreamingCrop(
            number,
            box,
            change,
            source,
            np.zeros_like(source),
            self._draw_coefficients(),
            by_student=bool(self._rng.random() < STUDENT_SHARE),
            smoothing=self._rng.uniform(*SMOOTHINGS) if smoothed else 0.0,
            step_size=self._rng.uniform(*STEP_SIZES),
            steps_left=self._draw_steps(),
            octaves_left=int(self._rng.integers(MAX_OCTAVES)),
        )

    def _cut(self, photo: int, box: Box, change: Augmentation) -> FloatImage:
        return cut(self._photos[photo], box, self._side, change, self._rng)

    def _draw_box(self, photo: Pixels) -> Box:
        height, width = photo.shape[:2]
        largest = min(height, width)
        side = int(self._rng.integers(min(SMALLEST_BOX, largest), largest + 1))
        top = int(self._rng.integers(height - side + 1))
        return Box(top, int(self._rng.integers(width - side + 1)), side)

    def _draw_steps(self) -> int:
        return int(self._rng.integers(STEPS_PER_OCTAVE[0], STEPS_PER_OCTAVE[1] + 1))

    def _draw_coefficients(self) -> FloatImage:
        coefficients = np.zeros(self._layers, np.float32)
        coefficients[self._rng.integers(self._layers)] = 1
        if self._rng.random() > SINGLE_LAYER_SHARE:
            coefficients[self._rng.integers(self._layers)] += self._rng.uniform(0.1, 1)
        return coefficients
