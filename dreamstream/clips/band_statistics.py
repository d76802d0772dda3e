"""Band statistics of a picture, and how a stream is held to them (pure; OpenCV and numpy).

A picture that is dreamed on and on is resampled again and again, which softens it, and amplified
again and again, which drives its contrast and its colours up.  What holds it is the strength of
each band of its detail, apart for lightness and for colour, and its coarsest forms: they follow
those of a picture that is known to look right, and all between them is free.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dreamstream._libraries import cv2
from dreamstream.frames import FloatImage

COARSEST = 8
"""Least side, in pixels, of the smallest picture of a pyramid."""

MOST_GAIN = 1.3
"""Most by which a band is raised or lowered in one frame."""

VEIL = 0.06
"""Share by which the coarsest forms approach the wanted ones in one frame: they lag a zoom of two
percent, and its colours still don't run away."""

TINT = 0.5
"""The same share for the picture's mean colour, whose changes are not seen as forms."""

_LOCAL_SIGMA = 4.0
_TINY = 1e-6


@dataclass(frozen=True, slots=True)
class BandStrengths:
    """How strong one part of a picture, its lightness or its colour, is in each band.

    Attributes:
        strengths: Root mean square of each band of detail, finest first.
        coarse: (h, w, C) float32, what is left beneath them.
    """

    strengths: tuple[float, ...]
    coarse: FloatImage

    def toward(self, other: "BandStrengths", share: float) -> "BandStrengths":
        """Move a share of the way to other strengths and coarse forms."""
        pairs = zip(self.strengths, other.strengths, strict=True)
        strengths = tuple(mine + share * (theirs - mine) for mine, theirs in pairs)
        return BandStrengths(
            strengths, self.coarse + np.float32(share) * (other.coarse - self.coarse)
        )


@dataclass(frozen=True, slots=True)
class BandStatistics:
    """The band strengths of a picture: of its lightness, then of its colour."""

    layers: tuple[BandStrengths, ...]

    @classmethod
    def of(cls, image: FloatImage) -> "BandStatistics":
        """Measure an (H, W, 3) float32 picture."""
        pyramids = map(_divide, _parts(image))
        return cls(
            tuple(BandStrengths(tuple(map(_strength, bands)), low) for bands, low in pyramids)
        )

    def toward(self, other: "BandStatistics", share: float) -> "BandStatistics":
        """Move a share of the way, in [0, 1], to those of another picture of the same size."""
        pairs = zip(self.layers, other.layers, strict=True)
        return BandStatistics(tuple(mine.toward(theirs, share) for mine, theirs in pairs))

    def over(self, other: "BandStatistics") -> "BandStatistics":
        """Return these strengths, with the coarse forms of another picture of the same size."""
        pairs = zip(self.layers, other.layers, strict=True)
        return BandStatistics(
            tuple(BandStrengths(mine.strengths, theirs.coarse) for mine, theirs in pairs)
        )

    def hold(self, image: FloatImage) -> FloatImage:
        """Bring an (H, W, 3) float32 picture to these statistics, or some way in one frame."""
        parts = zip(self.layers, _parts(image), strict=True)
        held = [_held(layer, part) for layer, part in parts]
        return np.asarray(held[0] + held[1], np.float32)


def _held(wanted: BandStrengths, part: FloatImage) -> FloatImage:
    bands, coarse = _divide(part)
    pairs = zip(wanted.strengths, bands, strict=True)
    bands = [band * _gain(strength, band) for strength, band in pairs]
    lacking = wanted.coarse - coarse
    mean = lacking.mean(axis=(0, 1))
    return _join(bands, coarse + np.float32(VEIL) * (lacking - mean) + np.float32(TINT) * mean)


def _gain(strength: float, band: FloatImage) -> FloatImage:
    """Return a band's (H, W, 1) gain; what is nearly flat is not raised, or grids grow there."""
    gain = min(max(strength / _strength(band), 1 / MOST_GAIN), MOST_GAIN)
    if gain <= 1:
        return np.full((1, 1, 1), gain, np.float32)
    energy = np.square(band).mean(axis=-1)
    local = cv2.GaussianBlur(energy, (0, 0), _LOCAL_SIGMA)
    share = local / (local + energy.mean() + _TINY)
    return _channels(1 + (gain - 1) * share)


def _strength(band: FloatImage) -> float:
    return float(np.sqrt(np.square(band).mean(dtype=np.float64))) + _TINY


def _parts(image: FloatImage) -> tuple[FloatImage, FloatImage]:
    """Divide an (H, W, 3) picture into its lightness (H, W, 1) and its colour (H, W, 3)."""
    lightness = image.mean(axis=-1, keepdims=True)
    return lightness, image - lightness


def _divide(image: FloatImage) -> tuple[list[FloatImage], FloatImage]:
    """Divide an (H, W, C) picture into bands of detail, finest first, and what is left.

    This is the pyramid of Burt and Adelson 1983, "The Laplacian Pyramid as a Compact Image Code".
    """
    bands = []
    while min(image.shape[:2]) >= 2 * COARSEST:
        smaller = _channels(cv2.pyrDown(image))
        bands.append(image - _enlarged(smaller, image))
        image = smaller
    return bands, image


def _join(bands: Sequence[FloatImage], coarse: FloatImage) -> FloatImage:
    image = coarse
    for band in reversed(bands):
        image = band + _enlarged(image, band)
    return image


def _enlarged(smaller: FloatImage, like: FloatImage) -> FloatImage:
    return _channels(cv2.pyrUp(smaller, dstsize=(like.shape[1], like.shape[0])))


def _channels(image: object) -> FloatImage:
    """Restore the channel axis that OpenCV drops where there is but one."""
    array = np.asarray(image, np.float32)
    return array if array.ndim == 3 else array[..., None]
