"""Photos to train on and to measure with, and the crops that are cut from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dreamstream.frames import FloatImage, Pixels, to_model_range

HELD_OUT_EVERY = 25
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}

# Ranges of the augmentation, in levels out of 255.
MAX_CONTRAST = 0.4
MAX_COLOUR_OFFSET = 25.0
MAX_NOISE = 25.0
NOISY_SHARE = 0.3
LEVELS_PER_UNIT = 127.5


@dataclass(frozen=True)
class Box:
    """A square of a photo, in pixels: the corner nearest to the origin, and the side."""

    top: int
    left: int
    side: int


@dataclass(frozen=True)
class Augmentation:
    """How the colours of a crop are changed, the same at every octave of its dream."""

    mirrored: bool
    contrast: float
    offset: FloatImage
    noise: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Augmentation:
        """Draw one at random; most crops stay free of noise."""
        noisy = rng.random() < NOISY_SHARE
        return cls(
            mirrored=bool(rng.random() < 0.5),
            contrast=1 + rng.uniform(-MAX_CONTRAST, MAX_CONTRAST),
            offset=rng.uniform(-MAX_COLOUR_OFFSET, MAX_COLOUR_OFFSET, 3).astype(np.float32),
            noise=rng.uniform(0, MAX_NOISE) if noisy else 0.0,
        )


def find_photos(folder: Path) -> list[Path]:
    """List a folder's photos in the order of their names.

    Raises:
        FileNotFoundError: There are none.
    """
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise FileNotFoundError(f"no photos in {folder}: it must hold .jpg, .png or .webp files")
    return paths


def split_photos(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Split photos into those to train on and those held out (every 25th, from the first)."""
    held_out = list(paths[::HELD_OUT_EVERY])
    return [path for path in paths if path not in set(held_out)], held_out


def read_photo(path: Path) -> Pixels:
    """Read a photo as (height, width, 3) uint8 RGB.

    Raises:
        OSError: It cannot be decoded.
    """
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise OSError(f"reading photo {path} failed: not a picture that OpenCV decodes")
    return np.ascontiguousarray(pixels[..., ::-1]).astype(np.uint8)


def centre_crops(paths: Sequence[Path], side: int = 256) -> FloatImage:
    """Read photos and cut the square from the middle of each.

    Returns:
        (photos, side, side, 3) float32 RGB in [-1, 1]; a smaller photo is enlarged.
    """
    return np.stack([to_model_range(_centre(read_photo(path), side)) for path in paths])


def _centre(photo: Pixels, side: int) -> Pixels:
    height, width = photo.shape[:2]
    square = min(height, width)
    top, left = (height - square) // 2, (width - square) // 2
    cropped = photo[top : top + square, left : left + square]
    if square == side:
        return cropped
    return cv2.resize(cropped, (side, side), interpolation=cv2.INTER_AREA).astype(np.uint8)


def cut(
    photo: Pixels, box: Box, side: int, change: Augmentation, rng: np.random.Generator
) -> FloatImage:
    """Cut a square from a photo, bring it to size and change its colours.

    Args:
        photo: (height, width, 3) uint8 RGB.
        box: The square; it lies inside the photo.
        side: Pixels a side of the result.
        change: What to do to its colours.
        rng: Draws the noise.

    Returns:
        (side, side, 3) float32 RGB in [-1, 1].
    """
    square = photo[box.top : box.top + box.side, box.left : box.left + box.side]
    levels = resize(to_model_range(square), side) * np.float32(change.contrast)
    levels += change.offset / np.float32(LEVELS_PER_UNIT)
    if change.noise:
        spread = np.float32(change.noise / LEVELS_PER_UNIT)
        levels += rng.standard_normal(levels.shape, np.float32) * spread
    mirrored = levels[:, ::-1] if change.mirrored else levels
    clipped: FloatImage = np.clip(mirrored, -1, 1)
    return clipped


def resize(image: FloatImage, side: int) -> FloatImage:
    """Resize a square image: mean of areas when it shrinks, bicubic when it grows."""
    method = cv2.INTER_AREA if side < image.shape[0] else cv2.INTER_CUBIC
    return cv2.resize(image, (side, side), interpolation=method).astype(np.float32)
