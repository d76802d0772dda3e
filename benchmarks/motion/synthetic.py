"""Procedural clips whose optical flow is known exactly.

A clip is a few layers, each a texture that is a function of continuous scene coordinates and a
motion that places the scene in every frame. A pixel's colour is the texture evaluated at the
pixel's scene position: no image is ever resampled, so warping the previous frame along the exact
flow errs by the warp's own interpolation alone.

The textures follow photos: dead leaves (Lee, Mumford & Huang 2001, "Occlusion models for natural
images"), that is disks of all sizes that hide one another, under plane waves of equal power per
octave, so the spectrum falls about as 1/f. The leaves carry rings, stripes and shades, bold enough
for a network to find something in them.

Pixel (column x, row y) has its centre at the coordinates (x, y), as for
``dreamstream.temporal.flow.warp``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from dreamstream.frames import HALF_RANGE, FloatImage, Pixels

Size: TypeAlias = tuple[int, int]
"""(height, width) in pixels."""

Vector: TypeAlias = npt.NDArray[np.float64]
"""(2,) float64: (x, y) or (dx, dy)."""

Placement: TypeAlias = npt.NDArray[np.float64]
"""(3, 3) float64: a similarity that takes homogeneous scene coordinates to frame pixels."""

Motion: TypeAlias = Callable[[int], Placement]
"""A frame's index to where the scene lies in it."""

Mask: TypeAlias = npt.NDArray[np.bool_]
"""(H, W) bool."""

DEFAULT_SIZE: Size = (360, 640)
DEFAULT_FRAMES = 60
SMALLEST_SIDE = 32
"""A frame smaller than this has no room for the sprite's way."""

REFERENCE_WIDTH = 640
"""Speeds are in pixels a frame at this width; other widths scale them."""

SLOW_PAN = (1.5, 0.5)
FAST_PAN = (7.3, 0.0)
RETURN_PAN = (-1.0, 0.75)
"""The pan after the cut."""
ZOOM_RATE = 1.01
ZOOM_SWING = 35
"""Frames from the middle of the zoom to its turn, so that a long clip neither loses all detail nor
crowds it: the scale stays within 1.01**35 = 1.42 of 1. The default clip ends before the turn."""
TURN_RATE = np.pi / 180
SPRITE_VELOCITY = (3.2, 2.4)
"""4 px a frame, off the axes so that neither coordinate stays whole."""

SPRITE_RADIUS = 1 / 6
"""Of the frame's height."""
SPRITE_CLEARANCE = 2.0
"""Pixels that the sprite keeps from the border."""
SPRITE_START = (0.3, 0.6)
"""Of the free way along each axis."""
OUTLINE_MARGIN = 1.5
"""Pixels at each side of the sprite's outline that are not trusted: half a pixel of soft edge and
one in which a linear warp mixes the layers."""
BORDER_TOLERANCE = 1e-3
"""Pixels by which rounding may place a point outside the frame."""

NOISE = 2.0
"""Standard deviation of the sensor's noise, of 255."""
FLASH_GAIN = 1.2
FLASH_OFFSET = 40.0
FLASH_STRENGTHS = (1.0, 0.6)
"""A flash fades over two frames."""

GROUND_SEEDS = (11, 23)
"""One for each shot."""
SPRITE_SEED = 37
SPRITE_TINT = (0.45, 0.1, -0.45)
"""Warm before a ground of no hue."""
NOISE_SEED = 41

FINEST = 6.0
"""Shortest wavelength of a texture, in pixels at scale 1: at the zoom's widest still over 4."""
COARSEST = 0.5
"""Longest wavelength, of the frame's diagonal."""
WAVES = 300
WAVE_LUMA = 0.014
WAVE_CHROMA = 0.006
"""Amplitude of one wave; 1 is half of the pixel range before the tone curve."""

PERIOD = 2.2
"""After how many diagonals of the frame the leaves repeat: more than the widest view needs."""
LEAF_COVER = 1.7
"""Sum of the leaves' areas over the area they lie on."""
LEAF_SMALLEST = 10.0
"""Radius in pixels."""
LEAF_LARGEST = 0.22
"""Radius, of the frame's shorter side."""
LEAF_EDGE = 3.5
"""Pixels over which a leaf's edge is soft."""
LEAF_STRETCH = 1.5
"""How much longer than wide a leaf may be."""
LEAF_LUMA = 0.34
LEAF_CHROMA = 0.17
LEAF_PATTERN = 0.3
"""Standard deviations of a leaf's colour, and of its pattern's amplitude."""
SHADE_LENGTH = 4.0
"""Wavelength of a shaded leaf's pattern in radii: a ramp from dark to light."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What links a frame to the one before it, exact for every layer.

    Attributes:
        backward: (H, W, 2) float32 pixels (dx, dy): current frame to previous frame, of the layer
            that the current frame shows.
        forward: (H, W, 2) float32 pixels (dx, dy): previous frame to current frame, of the layer
            that the previous frame shows.
        trusted: (H, W) bool: what the current frame shows at x the previous one showed at
            x + backward: between its pixels, not hidden there, and at least ``OUTLINE_MARGIN``
            from the sprite's outline in both frames.
        revealed: (H, W) bool: ground that the sprite hid in the previous frame.
    """

    backward: FloatImage
    forward: FloatImage
    trusted: Mask
    revealed: Mask


@dataclass(frozen=True, slots=True)
class Leaf:
    """A soft ellipse with a pattern.

    Attributes:
        radius: Half of its length, in scene pixels.
        axes: (2, 2) float64 that takes an offset from its middle to a circle of that radius.
        colour: (3, 1, 1) float32; 1 is half of the pixel range.
        pattern: (3, 1, 1) float32 amplitude of the waves on it.
        rings: Wave number of waves around the middle, in radians a pixel.
        stripes: Wave number of waves along the length, in radians a pixel.
    """

    radius: float
    axes: npt.NDArray[np.float64]
    colour: FloatImage
    pattern: FloatImage
    rings: float
    stripes: float

    def paint(self, canvas: FloatImage, corner: Vector, unplace: npt.NDArray[np.float64]) -> None:
        """Lay the leaf over a part of a picture.

        Args:
            canvas: (3, H, W) float32, changed in place.
            corner: (2,) where its first pixel lies, seen from the leaf's middle, in its pixels.
            unplace: (2, 2) takes an offset in the picture's pixels to one in the scene.
        """
        across = self.axes @ unplace
        u0, v0 = across @ corner
        (u_x, u_y), (v_x, v_y) = across
        along, down = np.arange(canvas.shape[2]), np.arange(canvas.shape[1])
        u = _plane(u0 + u_x * along, u_y * down)
        distance = np.hypot(u, _plane(v0 + v_x * along, v_y * down))
        cover = _smooth((np.float32(self.radius) - distance) * np.float32(1 / LEAF_EDGE))
        wave = np.cos(np.float32(self.rings) * distance + np.float32(self.stripes) * u)
        canvas += cover * (self.colour + self.pattern * wave - canvas)


@dataclass(frozen=True)
class Texture:
    """A picture without end, known at every point of its scene.

    Attributes:
        vectors: (N, 2) float64 wave vectors in radians a pixel.
        phases: (N,) float64 radians.
        colours: (3, N) float32 amplitudes; 1 is half of the pixel range.
        leaves: What lies on the scene, the lowest first.
        middles: (L, 2) float64: where the leaves lie, repeated every ``period`` pixels.
        period: In scene pixels.
        tint: (3,) float32 added to every colour; 1 is half of the pixel range.
    """

    vectors: npt.NDArray[np.float64]
    phases: npt.NDArray[np.float64]
    colours: FloatImage
    leaves: tuple[Leaf, ...]
    middles: npt.NDArray[np.float64]
    period: float
    tint: FloatImage

    @cached_property
    def reaches(self) -> npt.NDArray[np.float64]:
        """(L,) how far the leaves reach from their middles, in scene pixels."""
        return np.array([leaf.radius + LEAF_EDGE for leaf in self.leaves])

    def render(self, size: Size, placement: Placement) -> FloatImage:
        """Evaluate the texture at the scene positions of a picture's pixels.

        Args:
            size: The picture's (height, width).
            placement: Where the scene lies in it.

        Returns:
            (H, W, 3) float32 within [0, 255].
        """
        unplace = _inverse(placement)
        tone = self._leaves(size, placement, unplace)
        tone += self._waves(size, unplace)
        tone += self.tint[:, None, None]
        pixels = np.float32(HALF_RANGE) * (1 + np.tanh(tone))
        return np.ascontiguousarray(np.moveaxis(pixels, 0, -1))

    def _waves(self, size: Size, unplace: Placement) -> FloatImage:
        """Sum the waves, (3, H, W).

        A wave's phase is the sum of a part that depends on the row and one that depends on the
        column, so cos(a + b) = cos a cos b - sin a sin b makes the sum a matrix product.
        """
        height, width = size
        slopes = self.vectors @ unplace[:2, :2]
        begin = self.phases + self.vectors @ unplace[:2, 2]
        down = np.arange(height)[:, None] * slopes[:, 1] + begin
        along = slopes[:, :1] * np.arange(width)
        rows = np.concatenate([np.cos(down), -np.sin(down)], axis=1).astype(np.float32)
        columns = np.concatenate([np.cos(along), np.sin(along)]).astype(np.float32)
        weighted = rows * np.tile(self.colours, 2)[:, None]
        summed = weighted.reshape(3 * height, -1) @ columns  # one product is faster than three
        return np.asarray(summed.reshape(3, height, width), np.float32)

    def _leaves(self, size: Size, placement: Placement, unplace: Placement) -> FloatImage:
        """Lay the leaves in sight over one another, (3, H, W)."""
        canvas = np.zeros((3, *size), np.float32)
        looked_at = _moved(unplace, _middle(size))
        half = self.period / 2
        nearest = (self.middles - looked_at + half) % self.period - half + looked_at
        middles = _moved(placement, nearest)
        scale = np.sqrt(np.linalg.det(placement[:2, :2]))
        begin, end = _boxes(middles, (self.reaches * scale)[:, None], size)
        for index in np.flatnonzero((begin < end).all(axis=1)):
            (left, top), (right, bottom) = begin[index], end[index]
            corner = begin[index] - middles[index]
            part = canvas[:, top:bottom, left:right]
            self.leaves[index].paint(part, corner, unplace[:2, :2])
        return canvas


def make_texture(
    seed: int, size: Size, tint: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> Texture:
    """Draw a texture whose coarse scales suit a frame's size.

    Args:
        seed: The same seed and size give the same texture.
        size: (height, width) of the frames that will show it.
        tint: Added to every colour; 1 is half of the pixel range.

    Returns:
        A texture with values of standard deviation near 50 of 255 in such a frame.
    """
    random = np.random.default_rng(seed)
    diagonal = float(np.hypot(*size))
    period = PERIOD * diagonal
    vectors, phases, colours = _draw_waves(random, COARSEST * diagonal)
    largest = max(LEAF_LARGEST * min(size), 1.5 * LEAF_SMALLEST)
    radii = _draw_radii(random, largest, LEAF_COVER * period**2)
    leaves = tuple(_draw_leaf(random, radius) for radius in radii)
    middles = random.uniform(0, period, (len(leaves), 2))
    return Texture(vectors, phases, colours, leaves, middles, period, np.asarray(tint, np.float32))


def _draw_waves(
    random: np.random.Generator, coarsest: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], FloatImage]:
    """Draw wave vectors, phases and colours: as many waves in every octave, all as strong."""
    lengths = np.geomspace(coarsest, FINEST, WAVES)
    directions = random.uniform(0, 2 * np.pi, WAVES)
    vectors = np.stack([np.cos(directions), np.sin(directions)], axis=1)
    vectors *= (2 * np.pi / lengths)[:, None]
    colours = WAVE_LUMA * np.sqrt(2) + WAVE_CHROMA * random.standard_normal((3, WAVES))
    return vectors, random.uniform(0, 2 * np.pi, WAVES), colours.astype(np.float32)


def _draw_radii(random: np.random.Generator, largest: float, area: float) -> list[float]:
    """Draw radii of density r**-3, whose areas look alike at every scale, up to a total area."""
    radii = []
    while area > 0:
        share = random.uniform((LEAF_SMALLEST / largest) ** 2, 1)
        radii.append(LEAF_SMALLEST / np.sqrt(share))
        area -= np.pi * radii[-1] ** 2
    return radii


def _draw_leaf(random: np.random.Generator, radius: float) -> Leaf:
    angle = random.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    number = 2 * np.pi / max(FINEST, radius * random.uniform(0.4, 0.9))
    rings, stripes = (
        (number, 0.0),
        (0.0, number),
        (0.0, 2 * np.pi / (SHADE_LENGTH * radius)),
    )[random.integers(3)]
    return Leaf(
        radius=radius,
        axes=np.diag([1, random.uniform(1, LEAF_STRETCH)]) @ turn,
        colour=_draw_colour(random, LEAF_LUMA, LEAF_CHROMA),
        pattern=_draw_colour(random, LEAF_PATTERN, LEAF_CHROMA / 2),
        rings=rings,
        stripes=stripes,
    )


def _draw_colour(random: np.random.Generator, luma: float, chroma: float) -> FloatImage:
    drawn = luma * random.standard_normal() + chroma * random.standard_normal(3)
    return np.asarray(drawn[:, None, None], np.float32)


@dataclass(frozen=True, slots=True)
class Layer:
    """A texture and where it lies in every frame."""

    texture: Texture
    motion: Motion

    def flow(self, at: int, to: int, size: Size) -> FloatImage:
        """Return the (H, W, 2) float32 flow in pixels from frame ``at`` to frame ``to``."""
        path = self.motion(to) @ _inverse(self.motion(at))
        grid = _grid(size)
        return np.asarray(_moved(path, grid) - grid, np.float32)


@dataclass(frozen=True, slots=True)
class Sprite:
    """A disk cut from a layer around its scene's origin; its motion only shifts it.

    Attributes:
        layer: What the disk shows.
        radius: In pixels.
    """

    layer: Layer
    radius: float

    def outside(self, index: int, positions: npt.NDArray[np.floating]) -> FloatImage:
        """Return the pixels outside a frame's outline of positions; inside is negative."""
        middle = self.layer.motion(index)[:2, 2]
        distance = np.linalg.norm(positions - middle, axis=-1) - self.radius
        return np.asarray(distance, np.float32)

    def paint(self, image: FloatImage, index: int) -> None:
        """Lay the disk, with an outline one pixel soft, over an (H, W, 3) image in place."""
        placement = self.layer.motion(index)
        whole = (image.shape[0], image.shape[1])
        begin, end = _boxes(placement[:2, 2], self.radius + 1, whole)
        below = image[begin[1] : end[1], begin[0] : end[0]]
        corner = begin.astype(np.float64)
        seen = self.layer.texture.render(below.shape[:2], _shift(-corner) @ placement)
        cover = np.clip(0.5 - self.outside(index, _grid(below.shape[:2]) + corner), 0, 1)
        below += cover[..., None] * (seen - below)


@dataclass(frozen=True, slots=True)
class Shot:
    """Frames from ``first`` on, until the next shot."""

    first: int
    ground: Layer
    sprite: Sprite | None = None

    def render(self, index: int, size: Size) -> FloatImage:
        """Render a frame, (H, W, 3) float32 within [0, 255]."""
        image = self.ground.texture.render(size, self.ground.motion(index))
        if self.sprite:
            self.sprite.paint(image, index)
        return image

    def flow(self, at: int, to: int, size: Size) -> FloatImage:
        """Return the flow from frame ``at`` to frame ``to`` of what frame ``at`` shows."""
        flow = self.ground.flow(at, to, size)
        if self.sprite:
            shown = self.sprite.outside(at, _grid(size)) <= 0
            flow[shown] = self.sprite.layer.flow(at, to, size)[shown]
        return flow

    def pair(self, index: int, size: Size) -> Pair:
        """Link a frame to the one before it."""
        backward = self.flow(index, index - 1, size)
        positions = _grid(size) + backward
        trusted = _inside(positions, size)
        revealed = np.zeros(size, np.bool_)
        if self.sprite:
            now = self.sprite.outside(index, _grid(size))
            before = self.sprite.outside(index - 1, positions)
            revealed = trusted & (now > 0) & (before <= 0)
            clear = np.minimum(np.abs(now), np.abs(before)) >= OUTLINE_MARGIN
            trusted &= clear & ((now > 0) == (before > 0))
        return Pair(backward, self.flow(index - 1, index, size), trusted, revealed)


@dataclass(frozen=True)
class SyntheticClip:
    """A clip that is rendered frame by frame, on demand.

    Attributes:
        name: Its name in ``SYNTHETIC``.
        frames: How many it has.
        size: (height, width) of every frame.
        shots: What it shows, in order; the first begins at 0.
        light: By how much of a flash a frame is lit; frames not named are not.
        noise: Standard deviation of the sensor's noise, of 255.
    """

    name: str
    frames: int
    size: Size
    shots: tuple[Shot, ...]
    light: Mapping[int, float]
    noise: float = 0.0

    @cached_property
    def cuts(self) -> frozenset[int]:
        """The first frames of new shots; the clip's own first frame is none."""
        return frozenset(shot.first for shot in self.shots[1:])

    @cached_property
    def flashes(self) -> frozenset[int]:
        """The frames that are lit."""
        return frozenset(self.light)

    def frame(self, index: int) -> Pixels:
        """Render a frame.

        Args:
            index: From 0.

        Returns:
            (H, W, 3) uint8 RGB, the same at every call.

        Raises:
            IndexError: The clip has no such frame.
        """
        image = self._shot(index).render(index, self.size)
        strength = self.light.get(index, 0.0)
        image *= np.float32(1 + strength * (FLASH_GAIN - 1))
        image += np.float32(strength * FLASH_OFFSET)
        if self.noise:
            random = np.random.default_rng([NOISE_SEED, index])
            image += np.float32(self.noise) * random.standard_normal(image.shape, np.float32)
        return np.asarray(np.clip(np.rint(image), 0, 255), np.uint8)

    def pair(self, index: int) -> Pair | None:
        """Link a frame to the one before it.

        Args:
            index: The current frame, from 0.

        Returns:
            The exact flow both ways; None for the first frame of a shot. Light does not count: a
            flash has its pairs.

        Raises:
            IndexError: The clip has no such frame.
        """
        shot = self._shot(index)
        return None if index == shot.first else shot.pair(index, self.size)

    def _shot(self, index: int) -> Shot:
        if not 0 <= index < self.frames:
            raise IndexError(f"{self.name} has frames 0 to {self.frames - 1}, not {index}")
        return next(shot for shot in reversed(self.shots) if shot.first <= index)


def pan(velocity: tuple[float, float], size: Size) -> Motion:
    """Shift the scene by a velocity in pixels a frame at ``REFERENCE_WIDTH``."""
    step = _scaled(velocity, size)
    return lambda index: _shift(index * step)


def zoom(size: Size) -> Motion:
    """Enlarge the scene about the frame's middle, from the widest view; turn at the closest."""

    def place(index: int) -> Placement:
        steps = float(_bounced(index, 2 * ZOOM_SWING)) - ZOOM_SWING
        return _about_middle(size, ZOOM_RATE**steps, 0)

    return place


def rotate(size: Size) -> Motion:
    """Turn the scene clockwise about the frame's middle."""
    return lambda index: _about_middle(size, 1, TURN_RATE * index)


def bounce(size: Size, radius: float) -> Motion:
    """Send a disk around the frame, straight on but for the turns at its borders."""
    height, width = size
    edge = radius + SPRITE_CLEARANCE
    free = np.array([width - 1, height - 1]) - 2 * edge
    start, step = free * SPRITE_START, _scaled(SPRITE_VELOCITY, size)
    return lambda index: _shift(edge + _bounced(start + index * step, free))


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a clip of any size and length is made.

    Attributes:
        name: The clip's name.
        grounds: What moves each shot's ground, for a frame's size.
        sprite: Whether a disk moves before the ground.
        flash: Whether it is lit in the middle.
        noise: Standard deviation of the sensor's noise, of 255.
    """

    name: str
    grounds: tuple[Callable[[Size], Motion], ...]
    sprite: bool = False
    flash: bool = False
    noise: float = 0.0

    def __call__(self, size: Size = DEFAULT_SIZE, frames: int = DEFAULT_FRAMES) -> SyntheticClip:
        """Make the clip.

        Args:
            size: (height, width) of its frames.
            frames: How many, at least one for each shot.

        Returns:
            The clip; nothing is rendered yet.

        Raises:
            ValueError: Size or length are too small.
        """
        if min(size) < SMALLEST_SIDE:
            raise ValueError(f"{self.name}: size is {size}, give at least {SMALLEST_SIDE} a side")
        if frames < len(self.grounds):
            raise ValueError(f"{self.name}: give at least {len(self.grounds)} frames, not {frames}")
        middle = frames // 2
        light = {middle + after: strength for after, strength in enumerate(FLASH_STRENGTHS)}
        return SyntheticClip(
            name=self.name,
            frames=frames,
            size=size,
            shots=tuple(self._shot(order, size, frames) for order in range(len(self.grounds))),
            light={at: light[at] for at in light if self.flash and at < frames},
            noise=self.noise,
        )

    def _shot(self, order: int, size: Size, frames: int) -> Shot:
        texture = make_texture(GROUND_SEEDS[order], size)
        ground = Layer(texture, self.grounds[order](size))
        first = order * frames // len(self.grounds)
        return Shot(first, ground, _make_sprite(size) if self.sprite else None)


def _make_sprite(size: Size) -> Sprite:
    radius = SPRITE_RADIUS * size[0]
    texture = make_texture(SPRITE_SEED, size, SPRITE_TINT)
    return Sprite(Layer(texture, bounce(size, radius)), radius)


def _panned(velocity: tuple[float, float]) -> Callable[[Size], Motion]:
    return lambda size: pan(velocity, size)


_STILL = _panned((0.0, 0.0))
_SLOW = _panned(SLOW_PAN)

_RECIPES = (
    Recipe("static", (_STILL,)),
    Recipe("static_noise", (_STILL,), noise=NOISE),
    Recipe("pan_slow", (_SLOW,)),
    Recipe("pan_fast", (_panned(FAST_PAN),)),
    Recipe("zoom", (zoom,)),
    Recipe("rotate", (rotate,)),
    Recipe("sprite_still", (_STILL,), sprite=True),
    Recipe("sprite_pan", (_SLOW,), sprite=True),
    Recipe("flash", (_SLOW,), flash=True),
    Recipe("cut", (_SLOW, _panned(RETURN_PAN))),
)

SYNTHETIC: Mapping[str, Recipe] = MappingProxyType({recipe.name: recipe for recipe in _RECIPES})
"""Clips by name: ``SYNTHETIC["zoom"](size, frames)``."""


def _grid(size: Size) -> npt.NDArray[np.float64]:
    """Return the (H, W, 2) coordinates (x, y) of the pixels' centres."""
    rows, columns = np.indices(size, np.float64)
    return np.stack([columns, rows], axis=-1)


def _middle(size: Size) -> Vector:
    return np.array([(size[1] - 1) / 2, (size[0] - 1) / 2])


def _moved(placement: Placement, positions: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Take (..., 2) positions through a placement."""
    return np.asarray(positions @ placement[:2, :2].T + placement[:2, 2], np.float64)


def _inside(positions: npt.NDArray[np.floating], size: Size) -> Mask:
    """Return which (H, W, 2) positions lie between the centres of a frame's pixels."""
    last = np.array([size[1] - 1, size[0] - 1])
    within = (positions >= -BORDER_TOLERANCE) & (positions <= last + BORDER_TOLERANCE)
    return np.asarray(within.all(axis=-1), np.bool_)


def _boxes(
    middles: npt.NDArray[np.float64], reaches: npt.NDArray[np.float64] | float, size: Size
) -> tuple[npt.NDArray[np.int_], npt.NDArray[np.int_]]:
    """Return where the squares around points begin and end: (..., 2) pixels (x, y)."""
    limits = np.array([size[1], size[0]])
    begin = np.clip(np.floor(middles - reaches), 0, limits).astype(int)
    end = np.clip(np.ceil(middles + reaches) + 1, 0, limits).astype(int)
    return begin, end


def _plane(along: npt.NDArray[np.float64], down: npt.NDArray[np.float64]) -> FloatImage:
    """Add a row and a column of numbers to (H, W) float32."""
    return np.add(along.astype(np.float32), down.astype(np.float32)[:, None], dtype=np.float32)


def _smooth(step: FloatImage) -> FloatImage:
    """Turn a ramp through [-0.5, 0.5] into a smooth step from 0 to 1."""
    share = np.minimum(np.maximum(step + np.float32(0.5), 0), 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)


def _bounced(way: npt.ArrayLike, length: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Fold a way into [0, length], turning at both ends."""
    length = np.asarray(length, np.float64)
    return np.asarray(length - np.abs(np.asarray(way) % (2 * length) - length), np.float64)


def _scaled(velocity: tuple[float, float], size: Size) -> Vector:
    return np.array(velocity) * (size[1] / REFERENCE_WIDTH)


def _inverse(placement: Placement) -> Placement:
    return np.asarray(np.linalg.inv(placement), np.float64)


def _shift(offset: Vector) -> Placement:
    placement = np.eye(3)
    placement[:2, 2] = offset
    return placement


def _about_middle(size: Size, scale: float, angle: float) -> Placement:
    """Enlarge and turn about the frame's middle; positive angles, in radians, turn x to y."""
    middle = _middle(size)
    turn = np.eye(3)
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    turn[:2, :2] = [[cosine, -sine], [sine, cosine]]
    return _shift(middle) @ turn @ _shift(-middle)
