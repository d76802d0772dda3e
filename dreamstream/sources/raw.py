"""A still as it is stored, and how it is made upright, opaque and sRGB."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dreamstream.frames import Pixels
from dreamstream.sources.icc import to_srgb
from dreamstream.sources.orientation import UPRIGHT, Orientation, upright
from dreamstream.sources.transparency import Ground, laid, require_transparency


@dataclass(slots=True)
class RawPicture:
    """A still as it is stored.

    Attributes:
        pixels: (H, W, 3) uint8 RGB.
        alpha: (H, W) uint8, 255 where it is opaque; None where it is so everywhere.
        orientation: What makes it upright.
        profile: Its ICC profile; None where it has none.
    """

    pixels: Pixels
    alpha: npt.NDArray[np.uint8] | None = None
    orientation: Orientation = UPRIGHT
    profile: bytes | None = None

    def finish(self, name: str, ground: Ground = Ground.WHITE) -> Pixels:
        """Return it in sRGB, upright, on a ground.

        Args:
            name: What messages call it.
            ground: What is seen where it is transparent.

        Returns:
            (H, W, 3) uint8 RGB, contiguous.
        """
        pixels = self.pixels
        if self.profile is not None:
            pixels = to_srgb(pixels, self.profile, name)
        if self.alpha is not None and self.alpha.shape == pixels.shape[:2]:
            pixels = laid(pixels, self.alpha, ground)
        else:
            require_transparency(ground, name)
        return upright(pixels, self.orientation)
