"""Pictures with the statistics of photos, made from nothing."""

import numpy as np

from dreamstream.frames import Pixels


def fractal_pixels(height: int, width: int, seed: int = 0) -> Pixels:
    """Make (H, W, 3) uint8 noise whose spectrum falls as 1/f, as a photo's does."""
    generator = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(generator.standard_normal((3, height, width))) / frequency
    waves = np.fft.irfft2(spectrum, (height, width))
    waves = np.moveaxis(waves / (waves.std() + 1e-9), 0, -1)
    return np.clip(128 + 45 * waves, 0, 255).astype(np.uint8)
