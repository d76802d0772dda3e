"""Paint and score the sample clip, an evening by a lake, from nothing but seeded noise.

Run ``python tools/make_samples.py`` to write ``samples/meadow.mp4``.  A network that was trained on
photographs dreams best on pictures with their statistics, so every surface here carries detail at
all scales with a spectrum near 1/f.  The world is painted once, as strips wider than the picture;
a frame slides them past each other, at twice the final size, and is then averaged down.

Positions are fractions of the picture's height unless said otherwise; colours are RGB in [0, 1].
"""

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dreamstream._libraries import av, cv2

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.floating[Any]]  # what arithmetic between the two gives, to the checker
Bytes = npt.NDArray[np.uint8]
Colour = tuple[float, float, float]
Rng = np.random.Generator

SEED = 1955
RATE = 24
SOUND_RATE = 48_000
OVERSAMPLING = 2
TREE_SPEED = 0.19  # heights per second, as fast as the bank it stands on
CRF = 25
BT709 = 1  # primaries, transfer and matrix all have the code 1 in H.273
LIMITED_RANGE = 1  # AVCOL_RANGE_MPEG
WATERLINE = 0.6
SUN = (0.36, 0.4)  # fraction of the width, fraction of the height
HAZE: Colour = (0.98, 0.76, 0.58)
SHIFT = 4  # fractional bits of the coordinates handed to cv2's drawing functions

SKY_STOPS = (0.0, 0.22, 0.42, 0.6)
SKY_COLOURS: tuple[Colour, ...] = (
    (0.20, 0.33, 0.55),
    (0.47, 0.50, 0.66),
    (0.95, 0.68, 0.55),
    (1.00, 0.84, 0.60),
)
LEAVES: tuple[Colour, ...] = (
    (0.20, 0.34, 0.13),
    (0.30, 0.42, 0.14),
    (0.45, 0.47, 0.14),
    (0.62, 0.44, 0.12),
    (0.60, 0.29, 0.12),
    (0.16, 0.30, 0.20),
)
GRASS: tuple[Colour, ...] = (
    (0.06, 0.14, 0.06),
    (0.17, 0.28, 0.08),
    (0.38, 0.42, 0.12),
    (0.72, 0.60, 0.22),
    (0.95, 0.78, 0.38),
)
PETALS: tuple[Colour, ...] = (
    (0.86, 0.16, 0.10),
    (0.97, 0.94, 0.88),
    (0.66, 0.42, 0.82),
    (0.98, 0.76, 0.16),
    (0.92, 0.45, 0.58),
)
STRIPES: tuple[Colour, ...] = (
    (0.80, 0.13, 0.11),
    (0.98, 0.78, 0.26),
    (0.93, 0.42, 0.12),
    (0.96, 0.92, 0.82),
    (0.13, 0.36, 0.48),
)


@dataclass(frozen=True, slots=True)
class Canvas:
    """The working picture, before it is averaged down.

    Attributes:
        height: Rows.
        width: Columns.
        seconds: Length of the clip, which bounds how far the camera travels.
    """

    height: int
    width: int
    seconds: float

    def strip_width(self, speed: float) -> int:
        """Return the columns of a strip that passes at `speed` heights per second."""
        return self.width + int(np.ceil(speed * self.seconds * self.height)) + 8


@dataclass(frozen=True, slots=True)
class Strip:
    """A painted layer of the world that the camera slides over.

    Attributes:
        image: (H, strip width, 4) float32, colour premultiplied by alpha.
        far_speed: Heights per second at which the top row passes.
        near_speed: The same for the bottom row; rows between are interpolated.
        sway: Columns by which the top row sways in the wind.
    """

    image: Array
    far_speed: float
    near_speed: float
    sway: float = 0.0


@dataclass(frozen=True, slots=True)
class Hill:
    """What a range of hills looks like.

    Attributes:
        crest: Mean height of the ridge line.
        relief: How far the ridge rises and falls.
        power: Steepness of the ridge's spectrum; smaller is more rugged.
        speed: Heights per second at which it passes.
        haze: How much of it the air hides, in [0, 1].
        colours: From shadow to light.
        trees: How many stand on it.
        tree_size: Height of one.
    """

    crest: float
    relief: float
    power: float
    speed: float
    haze: float
    colours: tuple[Colour, ...]
    trees: int
    tree_size: float


HILLS = (
    Hill(
        0.39,
        0.055,
        1.4,
        0.018,
        0.42,
        ((0.12, 0.14, 0.34), (0.42, 0.34, 0.50), (0.98, 0.66, 0.52)),
        0,
        0.0,
    ),
    Hill(
        0.475,
        0.032,
        1.5,
        0.034,
        0.30,
        ((0.08, 0.17, 0.20), (0.34, 0.36, 0.24), (0.86, 0.62, 0.34)),
        1500,
        0.024,
    ),
    Hill(
        0.535,
        0.026,
        1.7,
        0.058,
        0.13,
        ((0.07, 0.15, 0.07), (0.34, 0.38, 0.12), (0.88, 0.70, 0.26)),
        620,
        0.042,
    ),
)


# Noise ------------------------------------------------------------------------------------------


def spectral_noise(
    rng: Rng, shape: tuple[int, int], power: float, largest: float = 1e9, stretch: float = 1.0
) -> Array:
    """Draw periodic noise whose amplitude falls as 1 / frequency ** power.

    Args:
        rng: Where the phases come from.
        shape: Rows and columns.
        power: 1 is what photographs have.
        largest: Wavelength in pixels beyond which the spectrum is flat.
        stretch: How much longer the features are across than down.

    Returns:
        (H, W) float32 of mean 0 and standard deviation 1.
    """
    rows = np.fft.fftfreq(shape[0])[:, None] / stretch
    columns = np.fft.rfftfreq(shape[1])[None, :]
    frequency = np.sqrt(rows**2 + columns**2 + largest**-2.0)
    spectrum = np.fft.rfft2(rng.standard_normal(shape)) / frequency**power
    spectrum[0, 0] = 0.0
    noise = np.fft.irfft2(spectrum, s=shape)
    return np.asarray(noise / noise.std(), dtype=np.float32)


def resample(image: Array, x: Floats, y: Floats, cubic: bool = False) -> Array:
    """Sample a periodic image at (x, y), in pixels."""
    how = cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR
    x, y = x.astype(np.float32), y.astype(np.float32)
    sampled = cv2.remap(image, x, y, how, borderMode=cv2.BORDER_WRAP)
    return np.asarray(sampled, dtype=np.float32)


def grid(height: int, width: int) -> tuple[Array, Array]:
    """Return every pixel's x and y, each (height, width)."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return x, y


def domain_warp(rng: Rng, noise: Array, amount: float) -> Array:
    """Pull noise about by slower noise, as wind pulls clouds."""
    height, width = noise.shape
    x, y = grid(height, width)
    dx, dy = (spectral_noise(rng, noise.shape, 1.6, width / 3) * amount for _ in range(2))
    return resample(noise, x + dx, y + dy)


def smoothstep(low: float, high: float, value: Floats) -> Array:
    """Rise smoothly from 0 at `low` to 1 at `high`."""
    ramp = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(ramp * ramp * (3 - 2 * ramp), dtype=np.float32)


def gradient_map(value: Floats, stops: tuple[float, ...], colours: tuple[Colour, ...]) -> Array:
    """Turn values into colours, interpolated between the stops."""
    channels = [np.interp(value, stops, [c[k] for c in colours]) for k in range(3)]
    return np.stack(channels, axis=-1).astype(np.float32)


def ramp(value: Floats, colours: tuple[Colour, ...]) -> Array:
    """Turn values in [0, 1] into colours, evenly spread."""
    return gradient_map(value, tuple(np.linspace(0, 1, len(colours)).tolist()), colours)


def mix(a: Floats, b: Floats | Colour, share: Floats | float) -> Array:
    """Go from `a` to `b` by `share`, which may be a plane."""
    weight = np.asarray(share, dtype=np.float32)
    weight = weight[..., None] if weight.ndim else weight
    return np.asarray(a + (np.asarray(b, dtype=np.float32) - a) * weight, dtype=np.float32)


def premultiplied(colour: Floats, alpha: Floats) -> Array:
    """Join (H, W, 3) colour and (H, W) alpha into a premultiplied (H, W, 4) image."""
    image = np.concatenate([colour * alpha[..., None], alpha[..., None]], axis=-1)
    return np.asarray(image, dtype=np.float32)


def blur(image: Array, sigma: float) -> Array:
    """Blur by a Gaussian of `sigma` pixels."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), dtype=np.float32)


def relief_light(surface: Array, strength: float) -> Array:
    """Light a height map from the upper left; 0.5 is level ground."""
    across = np.roll(surface, 1, axis=1) - np.roll(surface, -1, axis=1)
    down = np.roll(surface, 1, axis=0) - np.roll(surface, -1, axis=0)
    slope = -strength * (across + 0.8 * down)
    return np.asarray(0.5 + 0.5 * np.tanh(slope), dtype=np.float32)


# Sky --------------------------------------------------------------------------------------------


def paint_sky(canvas: Canvas) -> Array:
    """Paint the evening's gradient and the sun's glow, (H, W, 3)."""
    _, y = grid(canvas.height, canvas.width)
    sky = gradient_map(y / canvas.height, SKY_STOPS, SKY_COLOURS)
    return sky + sun_glow(canvas)[..., None] * np.array((0.75, 0.52, 0.22), dtype=np.float32)


def sun_glow(canvas: Canvas) -> Array:
    """Return how bright the air is around the sun, (H, W) in [0, about 1.5]."""
    x, y = grid(canvas.height, canvas.width)
    distance = np.hypot(x - SUN[0] * canvas.width, (y - SUN[1] * canvas.height) * 1.15)
    distance /= canvas.height
    glow = 0.55 * np.exp(-distance / 0.22) + np.exp(-((distance / 0.035) ** 2))
    return np.asarray(glow, dtype=np.float32)


def cloud_plane(rng: Rng, canvas: Canvas, width: int) -> Array:
    """Lay warped noise on a plane overhead that recedes to the horizon, (H, width)."""
    unit = canvas.height
    noise = spectral_noise(rng, (2 * unit, 4 * unit), 1.85, unit * 0.6, 1.8)
    noise = domain_warp(rng, noise, unit * 0.07)
    x, y = grid(unit, width)
    depth = 1 / (np.maximum(WATERLINE - y / unit, 0) * 1.25 + 0.24)
    return resample(noise, (x - width / 2) * depth * 0.8 + unit, depth * unit * 0.5, cubic=True)


def paint_clouds(rng: Rng, canvas: Canvas) -> Strip:
    """Paint clouds, bright where they face the sun."""
    width = canvas.strip_width(0.045)
    density = cloud_plane(rng, canvas, width)
    soft = blur(density, canvas.height / 90)
    alpha = smoothstep(-0.45, 0.85, density)
    light = relief_light(soft, 13.0) * 0.7 + relief_light(density, 2.5) * 0.25
    light = np.clip(light + 0.40 - 0.42 * smoothstep(0.0, 1.8, soft), 0, 1)
    colours = ((0.30, 0.29, 0.47), (0.62, 0.45, 0.56), (0.98, 0.66, 0.52), (1.0, 0.93, 0.80))
    low = grid(canvas.height, width)[1] / canvas.height
    colour = mix(ramp(light, colours), HAZE, 0.75 * smoothstep(0.2, WATERLINE, low))
    return Strip(premultiplied(colour, alpha * (0.95 - 0.5 * low)), 0.045, 0.006)


# Trees ------------------------------------------------------------------------------------------


def tree_sprite(rng: Rng, size: int) -> tuple[Array, Array]:
    """Grow one crown: its light and its alpha, each (size, size)."""
    x, y = grid(size, size)
    u, v = (x / size - 0.5) * 2, (y / size - 0.5) * 2
    leaves = spectral_noise(rng, (size, size), 0.9, size / 6)
    lobes = spectral_noise(rng, (size, size), 1.8, size / 3)
    width = rng.uniform(0.6, 0.9) * (1 + 0.25 * v)
    radius = np.hypot(u / width, v / 0.85) + 0.15 * lobes + 0.13 * leaves
    alpha = smoothstep(1.0, 0.8, radius) * smoothstep(1.0, 0.9, np.maximum(np.abs(u), np.abs(v)))
    light = 0.42 - 0.30 * u - 0.38 * v + 0.13 * leaves + 0.16 * lobes
    return np.asarray(light, dtype=np.float32), alpha


def stamp(image: Array, sprite: Array, left: int, top: int) -> None:
    """Lay a premultiplied sprite over an image, in place, cut at the borders."""
    height, width = sprite.shape[:2]
    rows = slice(max(top, 0), min(top + height, image.shape[0]))
    columns = slice(max(left, 0), min(left + width, image.shape[1]))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    part = sprite[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    image[rows, columns] *= 1 - part[..., 3:]
    image[rows, columns] += part


def coloured_tree(
    rng: Rng, sprite: tuple[Array, Array], size: int, air: float, leaf: Colour
) -> Array:
    """Scale a crown, colour it from shadow to sunlit, and veil it with `air`."""
    light, alpha = (
        np.asarray(cv2.resize(plane, (size, size), interpolation=cv2.INTER_AREA), dtype=np.float32)
        for plane in sprite
    )
    base = np.array(leaf, dtype=np.float32) * rng.uniform(0.8, 1.15)
    colours = tuple(
        tuple(np.clip(base * gain + lift, 0, 1).tolist())
        for gain, lift in ((0.28, 0.01), (0.8, 0.0), (1.3, np.array((0.12, 0.07, 0.0))))
    )
    return premultiplied(mix(ramp(light, colours), HAZE, air), alpha)


def plant_trees(rng: Rng, image: Array, hill: Hill, ridge: Array, bottom: float) -> None:
    """Plant a hill's woods, the farthest tree first, thick in some places and absent in others."""
    height, width = image.shape[:2]
    sprites = [tree_sprite(rng, 96) for _ in range(10)]
    woods = spectral_noise(rng, (height, width), 1.6, height / 3)
    kinds = spectral_noise(rng, (height, width), 1.5, height / 4)
    for depth in np.sort(rng.random(hill.trees) ** 1.3):
        x = int(rng.integers(width))
        y = int(ridge[x] + depth * (bottom - ridge[x]))
        if woods[min(y, height - 1), x] < -0.35:
            continue
        size = int(hill.tree_size * height * rng.uniform(0.7, 1.35) * (0.75 + 0.6 * depth)) + 3
        kind = int(np.clip(1.4 + 1.5 * kinds[min(y, height - 1), x] + rng.normal(0, 0.7), 0, 5))
        air = hill.haze * (1 - 0.3 * depth)
        tree = coloured_tree(rng, sprites[rng.integers(10)], size, air, LEAVES[kind])
        stamp(image, tree, x - size // 2, y - int(size * 0.85))


# Hills ------------------------------------------------------------------------------------------


def ridge_line(rng: Rng, hill: Hill, height: int, width: int) -> Array:
    """Draw a ridge, (width,), in rows."""
    noise = spectral_noise(rng, (1, width), hill.power, height * 0.9)[0]
    return np.asarray((hill.crest - hill.relief * noise) * height, dtype=np.float32)


def hill_colour(rng: Rng, hill: Hill, below: Array) -> Array:
    """Paint a hillside, `below` being each pixel's distance under the ridge, (H, W, 3)."""
    shape = below.shape
    height = shape[0]
    ground = domain_warp(rng, spectral_noise(rng, shape, 1.9, height / 6, 1.4), height * 0.02)
    fine = spectral_noise(rng, shape, 0.7, height / 16, 2.0)
    slow = blur(ground, height / 120)
    light = (
        relief_light(slow, 16.0) * 0.6
        + relief_light(ground, 5.0) * 0.25
        + 0.08 * ground
        + 0.05 * fine
        + 0.05
    )
    rim = np.exp(-np.maximum(below, 0) / (height * 0.02))
    colour = ramp(np.clip(light + 0.25 * rim, 0, 1), hill.colours)
    return mix(colour, HAZE, np.clip(hill.haze + 1.4 * below / height, 0, 0.85))


def paint_hill(rng: Rng, canvas: Canvas, hill: Hill) -> Strip:
    """Paint a range of hills with its woods and the air before it."""
    height, width = canvas.height, canvas.strip_width(hill.speed)
    ridge = ridge_line(rng, hill, height, width)
    _, y = grid(height, width)
    below = y - ridge
    image = premultiplied(hill_colour(rng, hill, below), smoothstep(-1, 1, below))
    plant_trees(rng, image, hill, ridge, (WATERLINE + 0.004) * height)
    return Strip(image, hill.speed, hill.speed)


# Meadow -----------------------------------------------------------------------------------------


def bank_line(rng: Rng, height: int, width: int) -> Array:
    """Draw where the near bank meets the water: low in the middle, high at the sides."""
    x = np.linspace(-1, 1, width, dtype=np.float32)
    wobble = spectral_noise(rng, (1, width), 1.5, height / 2)[0]
    return np.asarray((0.80 - 0.12 * np.abs(x) ** 2.2 + 0.012 * wobble) * height, dtype=np.float32)


def fixed(points: Array) -> npt.NDArray[np.int32]:
    """Turn float points into cv2's fixed-point integers."""
    return np.round(points * (1 << SHIFT)).astype(np.int32)


def ink(colour: Array) -> tuple[float, ...]:
    """Turn a colour into an opaque RGBA value for cv2."""
    return (*(np.clip(colour, 0, 1) * 255).tolist(), 255.0)


def draw_blade(
    image: Bytes, root: tuple[float, float], tip: tuple[float, float], colour: Array, thick: int
) -> None:
    """Draw a bent blade of grass, in place, dark at its root and lit at its tip."""
    s = np.linspace(0, 1, 7, dtype=np.float32)
    x = root[0] + tip[0] * s**2
    points = fixed(np.stack([x, root[1] - tip[1] * s], axis=-1))
    lower = np.asarray(colour * 0.62, dtype=np.float32)
    upper = np.asarray(colour * 1.12 + 0.03, dtype=np.float32)
    cv2.polylines(image, [points[:4]], False, ink(lower), thick, cv2.LINE_AA, SHIFT)
    cv2.polylines(image, [points[3:]], False, ink(upper), max(thick - 1, 1), cv2.LINE_AA, SHIFT)


def draw_flower(rng: Rng, image: Bytes, x: float, y: float, size: float, petal: Colour) -> None:
    """Draw a flower seen from the side, in place: a ring of petals and a heart."""
    base = np.array(petal, dtype=np.float32)
    for angle in rng.uniform(0, 360) + np.arange(0, 360, 60):
        reach = size * 0.55
        turn = np.deg2rad(angle)
        at = np.array([x + reach * np.cos(turn), y + 0.6 * reach * np.sin(turn)], dtype=np.float32)
        axes = fixed(np.array([size * 0.6, size * 0.34], dtype=np.float32))
        tone = np.asarray(base * rng.uniform(0.75, 1.1), dtype=np.float32)
        centre = (int(fixed(at)[0]), int(fixed(at)[1]))
        lengths = (int(axes[0]), int(axes[1]))
        cv2.ellipse(image, centre, lengths, angle, 0, 360, ink(tone), -1, cv2.LINE_AA, SHIFT)
    heart = fixed(np.array([x, y, size * 0.26], dtype=np.float32))
    dark = np.array((0.35, 0.22, 0.05), dtype=np.float32)
    cv2.circle(image, (int(heart[0]), int(heart[1])), int(heart[2]), ink(dark), -1, 16, SHIFT)


def grass_colour(rng: Rng, patch: float) -> Array:
    """Choose a blade's colour: `patch` is how sunlit its place is, about -2 to 2."""
    value = np.clip(0.42 + 0.2 * patch + rng.normal(0, 0.15), 0, 1)
    return np.asarray(ramp(np.array([value]), GRASS)[0] * rng.uniform(0.8, 1.15))


def sow(rng: Rng, image: Bytes, bank: Array, blades: int, length: float, flowers: float) -> None:
    """Sow blades and flowers below `bank`, the farthest first, in place."""
    height, width = image.shape[:2]
    patches = spectral_noise(rng, (height, width), 1.4, height / 2, 3.0)
    beds = spectral_noise(rng, (height, width), 1.5, height / 3, 2.0)
    for depth in np.sort(rng.random(blades) ** 0.8):
        x = float(rng.uniform(0, width))
        y = bank[int(x)] + depth * (height * 1.12 - bank[int(x)])
        row = min(int(y), height - 1)
        tall = length * height * (0.3 + 0.7 * depth) * rng.uniform(0.6, 1.4)
        lean = (0.25 * patches[row, int(x)] + rng.normal(0.1, 0.25)) * tall
        colour = grass_colour(rng, float(patches[row, int(x)]))
        draw_blade(image, (x, y), (lean, tall), colour, 1 + int(depth > 0.35) + int(depth > 0.85))
        if rng.random() < flowers * np.clip(0.4 + beds[row, int(x)], 0, 2):
            petal = PETALS[int(abs(beds[row, int(x)] * 2.2 + rng.normal(0, 0.8))) % len(PETALS)]
            draw_flower(rng, image, x + lean, y - tall, 0.016 * height * (0.2 + depth), petal)


def as_premultiplied(image: Bytes) -> Array:
    """Turn a picture drawn over transparent black into a premultiplied float one."""
    return np.asarray(image / 255, dtype=np.float32)


def paint_meadow(rng: Rng, canvas: Canvas) -> Strip:
    """Paint the near bank, thick with grass and flowers."""
    height, width = canvas.height, canvas.strip_width(0.2)
    bank = bank_line(rng, height, width)
    ground = spectral_noise(rng, (height, width), 1.1, height / 8, 3.0)
    _, y = grid(height, width)
    soil = premultiplied(
        ramp(np.clip(0.2 + 0.1 * ground, 0, 1), ((0.08, 0.13, 0.05), (0.4, 0.4, 0.14))),
        smoothstep(-1, 2, y - bank),
    )
    drawn = np.ascontiguousarray(np.clip(soil * 255, 0, 255).astype(np.uint8))
    sow(rng, drawn, bank, int(15 * width), 0.085, 0.03)
    return Strip(as_premultiplied(drawn), 0.15, 0.2)


def paint_foreground(rng: Rng, canvas: Canvas) -> Strip:
    """Paint the tall grass right before the camera."""
    height, width = canvas.height, canvas.strip_width(0.3)
    drawn = np.zeros((height, width, 4), dtype=np.uint8)
    x = np.linspace(-1, 1, width, dtype=np.float32)
    edge = np.asarray((1.02 - 0.05 * np.abs(x) ** 2) * height, dtype=np.float32)
    sow(rng, drawn, edge, int(0.9 * width), 0.17, 0.05)
    return Strip(as_premultiplied(drawn), 0.3, 0.3, sway=0.012 * height)


# A tree -----------------------------------------------------------------------------------------


def draw_limb(image: Bytes, start: Array, end: Array, thick: float, bend: float) -> None:
    """Draw a tapering, bent limb from `start` to `end`, in pixels, in place."""
    s = np.linspace(0, 1, 16, dtype=np.float32)[:, None]
    across = np.array([start[1] - end[1], end[0] - start[0]], dtype=np.float32)
    spine = start + (end - start) * s + across * bend * np.sin(s * np.pi)
    side = across / np.hypot(*across) * thick * (1 - 0.75 * s) / 2
    bark = ink(np.array((0.30, 0.21, 0.17), dtype=np.float32))
    outline = fixed(np.concatenate([spine + side, (spine - side)[::-1]]))
    cv2.fillPoly(image, [outline], bark, cv2.LINE_AA, SHIFT)


def paint_trunk(rng: Rng, shape: tuple[int, int], root: Array, crown: Array) -> Array:
    """Paint a trunk and its branches, furrowed and lit from the left, (H, W, 4)."""
    drawn = np.zeros((*shape, 4), dtype=np.uint8)
    height = shape[0]
    fork = np.asarray(root + (crown - root) * 0.55, dtype=np.float32)
    draw_limb(drawn, root, fork, height * 0.056, 0.04)
    for angle in np.linspace(-0.95, 0.95, 7):
        reach = height * rng.uniform(0.16, 0.24)
        end = fork + np.array([np.sin(angle) * 1.1, -np.cos(angle)], dtype=np.float32) * reach
        draw_limb(
            drawn, fork + height * np.float32(0.008), end, height * 0.026, rng.normal(0, 0.12)
        )
    wood = as_premultiplied(drawn)
    furrows = spectral_noise(rng, shape, 0.9, height / 20, 0.3)
    side = relief_light(blur(wood[..., 3], height / 110), 14.0) - 0.5
    light = 0.9 + 0.22 * furrows + 0.9 * side
    wood[..., :3] *= np.clip(light, 0.2, 2.0)[..., None]
    return wood


def paint_tree(rng: Rng, canvas: Canvas) -> Strip:
    """Paint the old tree on the near bank, its leaves turning."""
    height, width = canvas.height, canvas.strip_width(TREE_SPEED)
    root = np.array([0.46 * canvas.width, 0.86 * height], dtype=np.float32)
    crown = root - np.array([0.0, 0.42 * height], dtype=np.float32)
    image = paint_trunk(rng, (height, width), root, crown)
    hues = spectral_noise(rng, (height, width), 1.7, height / 5)
    sprites = [tree_sprite(rng, 96) for _ in range(12)]
    for near in np.linspace(0, 1, 620):
        at = rng.normal(0, 1, 2)
        angle = np.arctan2(at[1], at[0])
        lobe = 0.9 + 0.10 * np.sin(3 * angle + 1) + 0.09 * np.sin(5 * angle + 2)
        at *= lobe * rng.random() ** 0.4 / np.hypot(*at)
        x, y = (crown + at * np.array([0.215, 0.155]) * height).astype(int)
        shade = 0.50 + 0.55 * near - 0.26 * at[0] - 0.34 * at[1] + 0.10 * rng.normal()
        hue = np.clip(0.45 + 0.22 * hues[y, x] + 0.12 * at[1] + 0.07 * rng.normal(), 0, 1)
        leaf = ramp(np.array([hue]), LEAVES[:5])[0] * max(shade, 0.15)
        size = int(height * rng.uniform(0.026, 0.058))
        colour = (float(leaf[0]), float(leaf[1]), float(leaf[2]))
        cluster = coloured_tree(rng, sprites[rng.integers(12)], size, 0.04, colour)
        stamp(image, cluster, x - size // 2, y - size // 2)
    return Strip(image, TREE_SPEED, TREE_SPEED)


# Things that move -------------------------------------------------------------------------------


def over(picture: Array, layer: Array) -> Array:
    """Lay a premultiplied layer over a picture of the same size."""
    alpha = np.clip(layer[..., 3:], 0, 1)
    return np.asarray(picture * (1 - alpha) + layer[..., :3], dtype=np.float32)


def view(strip: Strip, canvas: Canvas, time: float) -> Array:
    """Cut out of a strip what the camera sees at `time`, (H, W, 4)."""
    x, y = grid(canvas.height, canvas.width)
    down = y / canvas.height
    speed = strip.far_speed + (strip.near_speed - strip.far_speed) * down
    columns: Floats = x + 2 + speed * time * canvas.height
    if strip.sway:
        gust = np.sin(x * 9 / canvas.width + 2.6 * time) + 0.5 * np.sin(
            x * 23 / canvas.width - time * 4
        )
        columns = columns + strip.sway * gust * (1 - down) / 0.3
    columns = columns.astype(np.float32)
    sampled = cv2.remap(strip.image, columns, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(np.maximum(sampled, 0), dtype=np.float32)


def envelope(u: Array, v: Array) -> Array:
    """Return a balloon's radius at height `v` in [-1, 1.25], top to mouth."""
    round_part = np.sqrt(np.clip(1 - v**2, 0, 1))
    cone = 0.80 - 0.62 * (v - 0.6)
    return np.asarray(np.where(v < 0.6, round_part, np.where(v < 1.3, cone, 0)), dtype=np.float32)


def balloon_colour(u: Array, v: Array, radius: Array, cloth: Array, turn: float) -> Array:
    """Paint the striped cloth of a balloon that has turned by `turn` radians."""
    angle = np.arcsin(np.clip(u / np.maximum(radius, 1e-3), -1, 1)) + turn
    zigzag = 0.22 * np.abs(((angle * 12 / np.pi) % 2) - 1)
    gore = (angle * 10 / np.pi) % len(STRIPES)
    band = ((v + zigzag) * 4.5) % len(STRIPES)
    index = np.where(np.abs(v - 0.15 + zigzag) < 0.2, band, gore)
    colour = np.asarray(STRIPES, dtype=np.float32)[index.astype(int)]
    seam = 1 - 0.35 * np.exp(-((((gore % 1) - 0.5) ** 2 - 0.25) ** 2) / 0.002)
    light = 0.72 - 0.42 * u - 0.22 * v + 0.05 * cloth
    glow = np.array((0.16, 0.09, 0.03), dtype=np.float32) * smoothstep(0.2, 1.2, v)[..., None]
    return np.asarray(colour * (light * seam)[..., None] + glow, dtype=np.float32)


def basket(u: Array, v: Array, cloth: Array) -> tuple[Array, Array]:
    """Paint a balloon's basket and ropes: colour and alpha."""
    body = smoothstep(0.19, 0.16, np.abs(u)) * smoothstep(0.17, 0.14, np.abs(v - 1.82))
    drop = (v - 1.25) / 0.42
    rope = smoothstep(0.035, 0.0, np.abs(np.abs(u) - (0.36 - 0.2 * drop)))
    rope = rope * ((drop > 0) & (drop < 1))
    weave = 0.75 + 0.2 * np.sin(u * 60) * np.sin(v * 60) + 0.1 * cloth - 0.9 * u
    colour = weave[..., None] * np.array((0.42, 0.25, 0.12), dtype=np.float32)
    return colour.astype(np.float32), np.maximum(body, 0.7 * rope).astype(np.float32)


def draw_balloon(
    canvas: Canvas, cloth: Array, centre: tuple[float, float], size: float, turn: float, air: float
) -> Array:
    """Draw a balloon, (H, W, 4); `centre` and the radius `size` are in pixels."""
    x, y = grid(canvas.height, canvas.width)
    u, v = (x - centre[0]) / size, (y - centre[1]) / size
    threads = resample(cloth, (u + 2) * 60, (v + 2) * 60)
    radius = envelope(u, v)
    alpha = smoothstep(-1.5, 1.5, (radius - np.abs(u)) * size) * smoothstep(1.3, 1.27, v)
    alpha *= smoothstep(-1.0, -0.98, v)
    below, hanging = basket(u, v, threads)
    colour = mix(balloon_colour(u, v, radius, threads, turn), below, hanging)
    return premultiplied(mix(colour, HAZE, air), np.maximum(alpha, hanging))


def balloons(canvas: Canvas, cloth: Array, time: float) -> Iterator[Array]:
    """Draw the two balloons, the far one first."""
    height, width = canvas.height, canvas.width
    far = (width * (0.30 - 0.010 * time), height * (0.33 - 0.008 * time))
    yield draw_balloon(canvas, cloth, far, height * 0.036, 2.0 - 0.10 * time, 0.42)
    swing = 0.004 * np.sin(1.3 * time)
    near = (width * (0.67 + 0.012 * time + swing), height * (0.265 - 0.022 * time))
    yield draw_balloon(canvas, cloth, near, height * 0.125, 0.3 + 0.16 * time, 0.08)


def bird_outline(span: float, flap: float, bank: float) -> Array:
    """Return a bird's outline, (N, 2), for wings raised by `flap` in [-1, 1]."""
    s = np.linspace(-1, 1, 25, dtype=np.float32)
    lift = flap * (0.62 * np.abs(s) - 0.25 * s**2) + 0.10 * np.sin(np.abs(s) * np.pi)
    chord = 0.20 * (1 - np.abs(s)) ** 0.7 + 0.10 * np.exp(-((s / 0.12) ** 2))
    upper = np.stack([s, -lift - 0.3 * chord], axis=-1)
    lower = np.stack([s, -lift + 0.7 * chord], axis=-1)[::-1]
    turn = np.array([[np.cos(bank), np.sin(bank)], [-np.sin(bank), np.cos(bank)]], dtype=np.float32)
    return np.asarray(np.concatenate([upper, lower]) @ turn * span, dtype=np.float32)


def draw_birds(canvas: Canvas, time: float) -> Array:
    """Draw a flock in a loose wedge, flapping out of step, (H, W, 4)."""
    height = canvas.height
    image = np.zeros((height, canvas.width, 4), dtype=np.uint8)
    rng = np.random.default_rng(SEED + 1)
    for rank in range(9):
        side = (rank + 1) // 2 * (1 if rank % 2 else -1)
        jitter = rng.normal(0, 0.012, 2)
        phase, pace = rng.uniform(0, 2 * np.pi), rng.uniform(14, 17)
        x = canvas.width * 0.10 + height * (0.125 * time - 0.055 * abs(side) + jitter[0])
        y = height * (0.20 - 0.012 * time + 0.030 * side + jitter[1])
        y += height * 0.006 * np.sin(pace * time + phase)
        span = height * (0.030 + 0.002 * side)
        shape = bird_outline(span, float(np.sin(pace * time + phase + 1.2)), 0.12)
        points = fixed(shape + np.array([x, y], dtype=np.float32))
        tone = np.array((0.16, 0.12, 0.20), dtype=np.float32)
        cv2.fillPoly(image, [points], ink(tone), cv2.LINE_AA, SHIFT)
    return as_premultiplied(image)


def wing_outline(angle: Array) -> Array:
    """Return how far a butterfly's right wings reach at each angle from straight up."""
    fore = 1.0 * np.exp(-(((angle - 0.85) / 0.48) ** 2))
    hind = 0.74 * np.exp(-(((angle - 2.05) / 0.50) ** 2))
    return np.asarray(np.maximum(fore, hind) + 0.10, dtype=np.float32)


def wing_sprite(rng: Rng, size: int) -> Array:
    """Paint a butterfly's right wings, hinged at the left edge, (size, size, 4)."""
    x, y = grid(size, size)
    u, v = x / size, (y / size - 0.5) * 2
    angle = np.arctan2(u, -v)
    reach = np.hypot(u, v * 0.95) / np.maximum(wing_outline(angle), 1e-3)
    scales = spectral_noise(rng, (size, size), 0.8, size / 8)
    warm = ramp(
        np.clip(reach + 0.07 * scales, 0, 1),
        ((0.55, 0.16, 0.03), (0.98, 0.55, 0.08), (0.9, 0.3, 0.04)),
    )
    vein = smoothstep(0.30, 0.12, np.abs(np.sin(angle * 8 + 0.6 * reach)) * reach) * 0.8
    edge = smoothstep(0.70, 0.82, reach + 0.04 * scales)
    dots = smoothstep(0.55, 0.8, np.cos(angle * 24)) * smoothstep(0.06, 0.03, np.abs(reach - 0.87))
    colour = mix(mix(warm, (0.06, 0.04, 0.05), np.maximum(vein, edge)), (0.97, 0.93, 0.85), dots)
    return premultiplied(colour, smoothstep(1.0, 0.95, reach))


def place(sprite: Array, canvas: Canvas, columns: Array) -> Array:
    """Map a sprite onto the canvas: `columns` is the (2, 3) matrix from sprite to canvas."""
    size = (canvas.width, canvas.height)
    return np.asarray(cv2.warpAffine(sprite, columns, size, flags=cv2.INTER_AREA), dtype=np.float32)


def butterfly_path(canvas: Canvas, time: float) -> tuple[float, float]:
    """Return where the butterfly is, in pixels."""
    x = canvas.width * (0.12 + 0.19 * time) + canvas.height * 0.03 * np.sin(3.1 * time)
    y = canvas.height * (0.76 - 0.06 * np.sin(1.15 * time) + 0.022 * np.sin(5.3 * time + 1))
    return float(x), float(y)


def draw_butterfly(canvas: Canvas, wing: Array, time: float) -> Iterator[Array]:
    """Draw a butterfly, far wing first, then its body; each (H, W, 4)."""
    x, y = butterfly_path(canvas, time)
    size = wing.shape[0]
    reach = canvas.height * 0.075
    fold = 0.60 + 0.40 * np.sin(2 * np.pi * 3.2 * time)
    tilt = 0.45 + 0.12 * np.sin(2.2 * time)
    for side, open_ in ((-1, 0.25 + 0.65 * fold), (1, 0.15 + 0.85 * fold)):
        across = np.array([np.cos(tilt), np.sin(tilt)]) * side * open_ * reach
        across += np.array([0, -0.35]) * (1 - fold) * reach
        down = np.array([-np.sin(tilt), np.cos(tilt)]) * reach * 2
        origin = np.array([x, y]) - down / 2
        matrix = np.stack([across / size, down / size, origin], axis=1).astype(np.float32)
        yield place(wing, canvas, matrix)
    yield butterfly_body(canvas, x, y, tilt, reach)


def butterfly_body(canvas: Canvas, x: float, y: float, tilt: float, reach: float) -> Array:
    """Draw the body and its feelers, (H, W, 4)."""
    image = np.zeros((canvas.height, canvas.width, 4), dtype=np.uint8)
    black = ink(np.array((0.07, 0.05, 0.05), dtype=np.float32))
    centre, axes = fixed(
        np.array([[x, y], [reach * 0.06, reach * 0.42]], dtype=np.float32)
    ).tolist()
    cv2.ellipse(image, centre, axes, np.rad2deg(tilt), 0, 360, black, -1, cv2.LINE_AA, SHIFT)
    for spread in (-0.35, 0.25):
        s = np.linspace(0.35, 0.95, 6, dtype=np.float32)
        turn = tilt + spread * s**2
        feeler = np.stack([x + reach * s * np.sin(turn), y - reach * s * np.cos(turn)], axis=-1)
        cv2.polylines(image, [fixed(feeler)], False, black, 1, cv2.LINE_AA, SHIFT)
    return as_premultiplied(image)


# Water ------------------------------------------------------------------------------------------


def ripples(canvas: Canvas, waves: Array, time: float) -> Array:
    """Return the slope of the water at every row below the waterline, about -2 to 2."""
    top = int(WATERLINE * canvas.height)
    x, y = grid(canvas.height - top, canvas.width)
    depth = 1 / (y / canvas.height + 0.11)
    across = (x - canvas.width / 2 + 0.9 * canvas.height * 0.12 * time * 9 / depth) * depth * 0.16
    away = depth * canvas.height * 0.22
    first = resample(waves, across + 22 * time, away + 16 * time)
    second = resample(waves, across * 1.7 - 17 * time + 300, away * 1.7 + 11 * time)
    return np.asarray(first * 0.65 + second * 0.55, dtype=np.float32)


def reflect(canvas: Canvas, picture: Array, slope: Array) -> Array:
    """Mirror what is above the waterline, broken up by the water's slope."""
    top = int(WATERLINE * canvas.height)
    x, y = grid(*slope.shape)
    near = 0.15 + y / canvas.height / (1 - WATERLINE)
    dx = slope * near * canvas.height * 0.006
    dy = slope * near * canvas.height * 0.035
    rows = np.clip(top - 1 - y * 1.15 + dy, 0, top - 1)
    x, rows = (x + dx).astype(np.float32), rows.astype(np.float32)
    mirrored = cv2.remap(picture, x, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(mirrored, dtype=np.float32)


def water(canvas: Canvas, picture: Array, waves: Array, time: float) -> Array:
    """Fill the picture below the waterline with the lake, in place."""
    top = int(WATERLINE * canvas.height)
    slope = ripples(canvas, waves, time)
    x, y = grid(*slope.shape)
    near = y / (canvas.height - top)
    lake = mix(reflect(canvas, picture, slope), (0.10, 0.22, 0.30), 0.12 + 0.30 * near)
    lake *= (1 + 0.07 * slope)[..., None]
    lane = np.exp(-(((x - SUN[0] * canvas.width) / (canvas.height * (0.05 + 0.2 * near))) ** 2))
    sparkle = (lane * smoothstep(0.2, 1.6, slope) * (1 - 0.5 * near))[..., None]
    lake += sparkle * np.array((1.0, 0.75, 0.40), dtype=np.float32)
    picture[top:] = mix(lake, HAZE, 0.55 * np.exp(-near / 0.05))
    return picture


# Film -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class World:
    """Everything painted before the first frame.

    Attributes:
        canvas: The working picture.
        sky: (H, W, 3), which does not move.
        glow: (H, W), light scattered towards the camera.
        distance: Strips above the water, the farthest first.
        nearby: Strips before the water, the farthest first.
        waves: (N, N) periodic.
        cloth: (N, N) periodic.
        wing: A butterfly's right wings.
    """

    canvas: Canvas
    sky: Array
    glow: Array
    distance: tuple[Strip, ...]
    nearby: tuple[Strip, ...]
    waves: Array
    cloth: Array
    wing: Array


def paint_world(canvas: Canvas) -> World:
    """Paint everything once."""
    rng = np.random.default_rng(SEED)
    clouds = paint_clouds(rng, canvas)
    return World(
        canvas=canvas,
        sky=paint_sky(canvas),
        glow=sun_glow(canvas),
        distance=(clouds, *(paint_hill(rng, canvas, hill) for hill in HILLS)),
        nearby=(paint_tree(rng, canvas), paint_meadow(rng, canvas), paint_foreground(rng, canvas)),
        waves=spectral_noise(rng, (1024, 1024), 1.3, 90, 2.5),
        cloth=spectral_noise(rng, (512, 512), 0.9, 30),
        wing=wing_sprite(rng, 256),
    )


def compose(world: World, time: float) -> Array:
    """Paint one frame at the working size, (H, W, 3) in [0, about 1.5]."""
    canvas = world.canvas
    picture = world.sky
    for strip in world.distance:
        picture = over(picture, view(strip, canvas, time))
    for layer in (*balloons(canvas, world.cloth, time), draw_birds(canvas, time)):
        picture = over(picture, layer)
    picture = water(canvas, picture, world.waves, time)
    *bank, foreground = world.nearby
    for strip in bank:
        picture = over(picture, view(strip, canvas, time))
    for layer in draw_butterfly(canvas, world.wing, time):
        picture = over(picture, layer)
    return over(picture, view(foreground, canvas, time))


def develop(picture: Array, glow: Array) -> Bytes:
    """Scatter the sun's light, darken the corners, bend the tones, and average down to bytes."""
    height, width = picture.shape[:2]
    x, y = grid(height, width)
    lit = picture + glow[..., None] * np.array((0.26, 0.16, 0.05), dtype=np.float32)
    corner = np.hypot(x / width - 0.5, y / height - 0.5)
    toned = 1 - np.exp(-1.9 * np.maximum(lit * (1.06 - 0.42 * corner**2)[..., None], 0) ** 1.25)
    size = (width // OVERSAMPLING, height // OVERSAMPLING)
    small = cv2.resize(toned, size, interpolation=cv2.INTER_AREA)
    return np.asarray(np.clip(np.round(small * 255), 0, 255), dtype=np.uint8)


def render(world: World, count: int) -> Iterator[Bytes]:
    """Yield the film, frame by frame, (H, W, 3) uint8 RGB."""
    for index in range(count):
        yield develop(compose(world, index / RATE), world.glow)


# Sound ------------------------------------------------------------------------------------------


def wind(rng: Rng, samples: int) -> Array:
    """Blow: noise in a band that swells and fades, (2, samples)."""
    frequency = np.fft.rfftfreq(samples, 1 / SOUND_RATE)
    band = np.exp(-(np.log(np.maximum(frequency, 1) / 380) ** 2) / 0.9)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal((2, samples))) * band, samples)
    t = np.arange(samples) / SOUND_RATE
    swell = np.stack([1 + 0.45 * np.sin(1.9 * t + p) + 0.25 * np.sin(4.3 * t) for p in (0, 0.8)])
    return np.asarray(noise / noise.std() * swell, dtype=np.float32)


def bell(note: float, start: float, samples: int) -> Array:
    """Strike a bell of `note` hertz at `start` seconds, (samples,)."""
    t = np.arange(samples) / SOUND_RATE - start
    after = np.maximum(t, 0)
    partials = ((1.0, 1.0, 1.1), (2.0, 0.4, 0.7), (2.76, 0.22, 0.4), (5.4, 0.10, 0.18))
    tone = sum(
        g * np.exp(-after / d) * np.sin(2 * np.pi * note * k * after) for k, g, d in partials
    )
    return np.asarray(tone * np.clip(after / 0.006, 0, 1), dtype=np.float32)


def pad(samples: int) -> Array:
    """Hold a soft open chord, each voice slightly apart in the two ears, (2, samples)."""
    t = np.arange(samples) / SOUND_RATE
    ears = [
        sum(
            np.sin(2 * np.pi * note * (1 + ear) * t + 0.8 * np.sin(0.9 * t + note)) / note
            for note in (73.42, 146.83, 220.0, 329.63, 369.99)
        )
        for ear in (-0.0006, 0.0006)
    ]
    return np.asarray(np.stack(ears) * 110, dtype=np.float32)


def echo(rng: Rng, dry: Array) -> Array:
    """Make a sound ring in a wide valley: convolve it with decaying noise."""
    samples = dry.shape[1]
    t = np.arange(samples) / SOUND_RATE
    tail = rng.standard_normal((2, samples)) * np.exp(-t / 0.45)
    wet = np.fft.irfft(np.fft.rfft(dry, 2 * samples) * np.fft.rfft(tail, 2 * samples))[:, :samples]
    return np.asarray(dry + 0.5 * wet / wet.std() * dry.std(), dtype=np.float32)


def compose_sound(samples: int) -> Array:
    """Mix wind, chord and bells, (2, samples) in [-0.7, 0.7]."""
    rng = np.random.default_rng(SEED + 2)
    chime = np.zeros((2, samples), dtype=np.float32)
    for index, start in enumerate(np.arange(0.35, samples / SOUND_RATE - 0.5, 0.62)):
        note = (587.33, 880.0, 739.99, 1174.66, 659.26, 987.77)[index % 6]
        left = 0.5 + 0.35 * np.sin(index * 2.1)
        chime += np.outer([left, 1 - left], bell(note, float(start), samples)).astype(np.float32)
    mixed = 0.10 * wind(rng, samples) + 0.22 * pad(samples) + 0.30 * echo(rng, chime)
    t = np.arange(samples) / SOUND_RATE
    fade = np.clip(t / 0.5, 0, 1) * np.clip((t[-1] - t) / 0.9, 0, 1)
    faded = mixed * np.sin(fade * np.pi / 2) ** 2
    return np.asarray(0.7 * faded / np.abs(faded).max(), dtype=np.float32)


# File -------------------------------------------------------------------------------------------


def add_picture_stream(
    container: av.container.OutputContainer, size: tuple[int, int]
) -> av.VideoStream:
    """Add an H.264 stream of (height, width), tagged as BT.709."""
    stream = container.add_stream(
        "libx264", rate=RATE, options={"crf": str(CRF), "preset": "veryslow"}
    )
    stream.height, stream.width = size
    stream.pix_fmt = "yuv420p"
    codec = stream.codec_context
    codec.time_base = Fraction(1, RATE)
    codec.color_primaries = codec.color_trc = codec.colorspace = BT709
    codec.color_range = LIMITED_RANGE
    return stream


def write_film(path: Path, size: tuple[int, int], frames: Iterator[Bytes], sound: Array) -> None:
    """Write frames of (height, width) and stereo sound to an mp4 file, whole or not at all."""
    partial = path.with_stem(path.stem + ".partial")
    with av.open(str(partial), "w", options={"movflags": "faststart"}) as container:
        pictures = add_picture_stream(container, size)
        audio = container.add_stream("aac", rate=SOUND_RATE, layout="stereo", bit_rate=96_000)
        reformatter = av.video.reformatter.VideoReformatter()
        for index, pixels in enumerate(frames):
            container.mux(pictures.encode(as_video_frame(reformatter, pixels, index)))
        container.mux(pictures.encode(None))
        container.mux(audio.encode(as_audio_frame(sound)))
        container.mux(audio.encode(None))
    os.replace(partial, path)


def as_video_frame(
    reformatter: av.video.reformatter.VideoReformatter, pixels: Bytes, index: int
) -> av.VideoFrame:
    """Turn RGB pixels into the BT.709 frame number `index`."""
    rgb = av.VideoFrame.from_ndarray(pixels, format="rgb24")
    frame = reformatter.reformat(
        rgb,
        format="yuv420p",
        dst_colorspace=av.video.reformatter.Colorspace.ITU709,
        dst_color_range=av.video.reformatter.ColorRange.MPEG,
    )
    frame.pts, frame.time_base = index, Fraction(1, RATE)
    return frame


def as_audio_frame(sound: Array) -> av.AudioFrame:
    """Turn (2, samples) sound into one long frame."""
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound), format="fltp", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, 0, Fraction(1, SOUND_RATE)
    return frame


def frame_size(text: str) -> tuple[int, int]:
    """Read WIDTHxHEIGHT, as (height, width)."""
    width, height = (int(part) for part in text.split("x"))
    if width % 2 or height % 2 or min(width, height) < 64:
        raise argparse.ArgumentTypeError(f"{text}: width and height must be even and at least 64")
    return height, width


def main() -> None:
    """Make the clip that the command line asks for."""
    parser = argparse.ArgumentParser(description="Paint and score the sample clip.")
    parser.add_argument("--out", type=Path, default=Path("samples"), help="folder")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--size", type=frame_size, default=(270, 480), metavar="WIDTHxHEIGHT")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    height, width = options.size
    count = round(options.seconds * RATE)
    canvas = Canvas(height * OVERSAMPLING, width * OVERSAMPLING, count / RATE)
    sound = compose_sound(count * SOUND_RATE // RATE)
    path = options.out / "meadow.mp4"
    write_film(path, options.size, render(paint_world(canvas), count), sound)
    print(f"{path}: {count} frames, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
