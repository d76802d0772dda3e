"""How well a dream sticks to its film: the figures of ``benchmarks/coherence.py`` (pure).

A residual is dream minus source in [0, 1] units; W warps along the backward flow of the *source*;
M are the pixels that the flow may be trusted at.  Dreams are compared at equal root mean square:
:func:`scaled` brings them there.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dreamstream._libraries import cv2
from dreamstream.frames import FloatImage, Pixels
from dreamstream.temporal.flow import warp

TILE = 16
"""Side, in pixels, of the tiles in which strength is measured: a face's eye, not a whole frame."""

MOVING = 1.5
"""Pixels a frame from which something moves against its scene."""

LONG_LAG = 8
"""Frames over which the dream's hold is measured a second time, with composed flow."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Link:
    """What is known of the way from one frame to the next; arrays are (H, W).

    Attributes:
        backward: (H, W, 2) float32 pixels, current frame to previous frame.
        trusted: Where the backward flow holds.
        revealed: What the previous frame hid.
        moving: What moves against its scene, or can't be told.
    """

    backward: FloatImage
    trusted: Mask
    revealed: Mask
    moving: Mask


Links = Sequence[Link | None]
"""A link for each frame; None for the first frame of a shot."""


def residuals(frames: Sequence[Pixels], dreams: Sequence[Pixels]) -> list[FloatImage]:
    """Subtract sources from dreams.

    Args:
        frames: (H, W, 3) uint8 each.
        dreams: As many, of the same shape.

    Returns:
        (H, W, 3) float32 each, in [-1, 1], of the range [0, 1].
    """
    return [_unit(dream) - _unit(frame) for frame, dream in zip(frames, dreams, strict=True)]


def root_mean_square(given: Sequence[FloatImage]) -> float:
    """Return the root mean square over all pictures."""
    return float(np.sqrt(np.mean([np.square(each).mean(dtype=np.float64) for each in given])))


def scaled(given: Sequence[FloatImage], rms: float) -> list[FloatImage]:
    """Scale all residuals by one factor so that their common root mean square is ``rms``."""
    factor = np.float32(rms / max(root_mean_square(given), 1e-12))
    return [factor * each for each in given]


def added(frames: Sequence[Pixels], given: Sequence[FloatImage]) -> list[Pixels]:
    """Add residuals to their sources: (H, W, 3) uint8 each."""
    return [_add(frame, residual) for frame, residual in zip(frames, given, strict=True)]


def _add(frame: Pixels, residual: FloatImage) -> Pixels:
    dream = np.rint(frame + np.float32(255) * residual)
    return np.asarray(np.clip(dream, 0, 255), np.uint8)


def warp_error(pictures: Sequence[FloatImage], links: Links) -> float:
    """Measure E_warp: the masked mean square of picture minus warped predecessor.

    Source: Lai et al. 2018, "Learning Blind Video Temporal Consistency".
    """
    return _ratio(_warp_terms(pictures, links), lambda now, mask: 3.0 * mask.sum())


def relative_error(given: Sequence[FloatImage], links: Links, lag: int = 1) -> float:
    """Measure E_rel: the share of a residual that its warped predecessor does not explain.

    Args:
        given: Residuals, (H, W, 3) float32.
        links: The source's flow, over ``lag`` frames (:func:`compose`).
        lag: Frames between the two that are compared.

    Returns:
        0 for a residual that sticks perfectly, 2 for residuals that share nothing.
    """
    return _ratio(
        _warp_terms(given, links, lag),
        lambda now, mask: float(np.square(now[mask], dtype=np.float64).sum()),
    )


def compose(links: Links, lag: int) -> list[Link | None]:
    """Compose the flow over ``lag`` frames: w_n(x) = w(x) + w_{n-1}(x + w(x)).

    Returns:
        As many links; None where fewer than ``lag`` frames of the shot lie before.  Only
        ``backward`` and ``trusted`` are composed.
    """
    composed: list[Link | None] = list(links)
    for _ in range(lag - 1):
        composed = [
            _after(link, composed[index - 1]) if index and link else None
            for index, link in enumerate(links)
        ]
    return composed


def _after(link: Link, earlier: Link | None) -> Link | None:
    if earlier is None:
        return None
    backward = link.backward + warp(earlier.backward, link.backward)
    trusted = warp(earlier.trusted.astype(np.float32), link.backward) > 0.99
    return Link(backward, link.trusted & trusted, link.revealed, link.moving)


def tile_strengths(residual: FloatImage) -> FloatImage:
    """Return the root mean square of each 16-pixel tile: (H // 16, W // 16) float32."""
    return np.sqrt(_tile_means(np.square(residual).mean(axis=-1)))


def coverage(given: Sequence[FloatImage], independent: Sequence[FloatImage]) -> float:
    """Measure how much of the picture dreams.

    Returns:
        The share of tiles at least half as strong as the independent dream's median tile, over
        the independent dream's own share.
    """
    reference = np.stack([tile_strengths(each) for each in independent])
    enough = np.median(reference) / 2
    share = float(np.mean([tile_strengths(each) >= enough for each in given]))
    return share / max(float(np.mean(reference >= enough)), 1e-12)


def movers(
    given: Sequence[FloatImage], independent: Sequence[FloatImage], links: Links
) -> float | None:
    """Compare the strength of what moves on its own with the independent dream's there.

    Returns:
        The median strength of the tiles of which more than half moves, over the independent
        dream's median of the same tiles; None where nothing does.
    """
    ours: list[FloatImage] = []
    theirs: list[FloatImage] = []
    for one, other, link in zip(given, independent, links, strict=True):
        if link is not None:
            moving = _tile_means(link.moving.astype(np.float32)) > 0.5
            ours.append(tile_strengths(one)[moving])
            theirs.append(tile_strengths(other)[moving])
    if not sum(map(len, ours)):
        return None
    return float(np.median(np.concatenate(ours)) / np.median(np.concatenate(theirs)))


def sharpness(given: Sequence[FloatImage], independent: Sequence[FloatImage]) -> float:
    """Compare the energy of the Laplacian with the independent dream's: blur cheats E_warp."""
    return _laplacian_energy(given) / max(_laplacian_energy(independent), 1e-12)


def ghost(given: Sequence[FloatImage], links: Links) -> float | None:
    """Measure what lingers where something has gone.

    Returns:
        <R, W R'> / |W R'|^2 over the revealed pixels, 1 where the old residual stays whole;
        None where nothing is revealed.
    """
    shared = energy = 0.0
    for index, link in enumerate(links):
        if link is not None and link.revealed.any():
            carried = warp(given[index - 1], link.backward)[link.revealed]
            shared += float((given[index][link.revealed] * carried).sum(dtype=np.float64))
            energy += float(np.square(carried).sum(dtype=np.float64))
    return shared / energy if energy else None


def flow_difference(dreams: Sequence[Pixels], own: Sequence[FloatImage | None]) -> float:
    """Measure tOF: how far, in pixels, the dream's own flow strays from the source's.

    Source: Chu et al. 2020, "Learning Temporal Coherence via Self-Supervision for GAN-based
    Video Generation"; the flow is Farneback's, which no way of dreaming here uses.

    Args:
        dreams: (H, W, 3) uint8 each.
        own: The source's, of :func:`own_flow`.
    """
    strays = [
        np.linalg.norm(_farneback(dreams, index) - flow, axis=-1).mean()
        for index, flow in enumerate(own)
        if flow is not None
    ]
    return float(np.mean(strays)) if strays else 0.0


def own_flow(frames: Sequence[Pixels], links: Links) -> list[FloatImage | None]:
    """Estimate each frame's flow from the one before it, where a link says that there is one."""
    return [None if link is None else _farneback(frames, index) for index, link in enumerate(links)]


def drift(values: Sequence[float], settled: int = 30) -> float:
    """Fit a line to values after the first ``settled``; its change per 100, over their mean."""
    rest = np.asarray(values[settled:], np.float64)
    slope = np.polyfit(np.arange(len(rest)), rest, 1)[0]
    return float(100 * slope / max(abs(rest.mean()), 1e-12))


def correlation(first: FloatImage, second: FloatImage) -> float:
    """Return the uncentred correlation of two residuals, in [-1, 1]."""
    energy = float(np.square(first).sum(dtype=np.float64) * np.square(second).sum())
    return float((first * second).sum(dtype=np.float64)) / max(math.sqrt(energy), 1e-12)


def moving_against_scene(backward: FloatImage, confidence: FloatImage) -> Mask:
    """Return what moves against the median of the flow, or has a confidence under a half."""
    against = np.abs(backward - np.median(backward, axis=(0, 1))).max(axis=-1) > MOVING
    return np.asarray(against | (confidence < 0.5), np.bool_)


def revealed_by(forward: FloatImage) -> Mask:
    """Find what the previous frame hid: no pixel of it lands there.

    Args:
        forward: (H, W, 2) float32 pixels: previous frame to current frame.

    Returns:
        (H, W); pixels near the border, where something came in from outside, are left out.
    """
    height, width = forward.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    x = np.rint(columns + forward[..., 0]).astype(int)
    y = np.rint(rows + forward[..., 1]).astype(int)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    landed = np.zeros((height, width), np.uint8)
    landed[y[inside], x[inside]] = 1
    closed = cv2.morphologyEx(landed, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))  # round-off
    margin = int(np.ceil(np.abs(forward).max())) + 1
    holes: Mask = closed == 0
    holes[:margin] = holes[-margin:] = False
    holes[:, :margin] = holes[:, -margin:] = False
    return holes


def _warp_terms(
    pictures: Sequence[FloatImage], links: Links, lag: int = 1
) -> list[tuple[float, FloatImage, Mask]]:
    terms = []
    for index, link in enumerate(links):
        if link is not None:
            stray = pictures[index] - warp(pictures[index - lag], link.backward)
            error = float(np.square(stray[link.trusted], dtype=np.float64).sum())
            terms.append((error, pictures[index], link.trusted))
    return terms


def _ratio(
    terms: list[tuple[float, FloatImage, Mask]], weigh: Callable[[FloatImage, Mask], float]
) -> float:
    total = sum(weigh(picture, mask) for _, picture, mask in terms)
    return float(sum(error for error, _, _ in terms) / max(total, 1e-12))


def _tile_means(image: FloatImage) -> FloatImage:
    rows, columns = image.shape[0] // TILE, image.shape[1] // TILE
    whole = image[: rows * TILE, : columns * TILE].reshape(rows, TILE, columns, TILE)
    return np.asarray(whole.mean(axis=(1, 3)), np.float32)


def _laplacian_energy(given: Sequence[FloatImage]) -> float:
    return float(np.mean([np.square(cv2.Laplacian(each, cv2.CV_32F)).mean() for each in given]))


def _farneback(pictures: Sequence[Pixels], index: int) -> FloatImage:
    now, before = (
        cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        for picture in (pictures[index], pictures[index - 1])
    )
    flow = cv2.calcOpticalFlowFarneback(  # type: ignore[call-overload]
        now,
        before,
        None,
        pyr_scale=0.5,
        levels=4,
        winsize=15,
        iterations=3,
        poly_n=5,
        poly_sigma=1.1,
        flags=0,
    )
    return np.asarray(flow, np.float32)


def _unit(pixels: Pixels) -> FloatImage:
    return pixels.astype(np.float32) / np.float32(255)
