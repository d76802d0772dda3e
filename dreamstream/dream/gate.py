"""Where a frame may dream: its mask at both sizes, and what of the last dream may come along.

A mask acts at three places.  Steps are taken, and residuals carried, only where any of the mask is
open, all or nothing: a soft factor would act once more in each frame.  Only what is shown is
weighed with the mask's own share.  So nothing is dreamed, kept or shown where the mask is closed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from dreamstream._libraries import cv2
from dreamstream.config import DreamConfig
from dreamstream.dream.resampling import Size, shrink
from dreamstream.frames import FloatImage, Pixels
from dreamstream.temporal.cuts import Change
from dreamstream.temporal.flow import sample_positions
from dreamstream.temporal.residual_warp import WarpedResidual

_SIGMAS = 2.5
"""Standard deviations of a blur's Gaussian in the pixels over which the edge fades."""

_CLOSED = 1e-4
"""Share below which a mask is closed: it shows not even a quarter of a level."""


@dataclass(frozen=True, slots=True)
class Gate:
    """The mask of a frame.

    Attributes:
        shown: (H, W) float32 in [0, 1] at full size, the share of the dream that is shown.
        open: (h, w) float32 at dream size, 1 where any of it is shown, else 0.
        area: Share of the picture that is open.
    """

    shown: FloatImage
    open: FloatImage
    area: float


def require_mask(mask: FloatImage, size: Size) -> None:
    """Raise a ValueError unless a mask is an (H, W) array in [0, 1] of a frame's size."""
    fits = mask.ndim == 2 and mask.shape == size
    if not fits or not np.all((mask >= 0) & (mask <= 1)):  # NaN is neither
        raise ValueError(
            f"mask: takes a (H, W) array in [0, 1] of the frame's size {size}, not "
            f"{mask.shape} {mask.dtype}"
        )


def require_no_mask(config: DreamConfig) -> None:
    """Raise a ValueError where a configuration names a mask, which a dreamer does not read."""
    if config.mask is not None:
        raise ValueError(
            "mask: is read by a job, frame by frame; give dream() an array for each frame"
        )


def finished(mask: FloatImage, *, invert: bool, blur: float) -> FloatImage:
    """Invert and blur a mask, and close what is hardly open.

    Args:
        mask: (H, W) float32 in [0, 1].
        invert: Whether it is turned round first.
        blur: Pixels over which an edge fades to either side; beyond them nothing changes.
    """
    made = 1 - mask if invert else mask
    if blur > 0:
        side = 2 * int(np.ceil(blur)) + 1
        made = np.asarray(cv2.GaussianBlur(made, (side, side), blur / _SIGMAS), np.float32)
    return np.where(made < _CLOSED, np.float32(0), np.minimum(made, np.float32(1)))


def shown_share(mask: FloatImage | None, pixels: Pixels, config: DreamConfig) -> FloatImage | None:
    """Return the share of the dream that a frame shows at each pixel.

    Args:
        mask: (H, W) in [0, 1], before ``mask_invert`` and ``mask_blur``; None shows all of it.
        pixels: (H, W, 3), the frame.
        config: How it is inverted and blurred.

    Raises:
        ValueError: The mask has not the frame's size, or a number out of its range.
    """
    if mask is None:
        return None
    require_mask(mask, (pixels.shape[0], pixels.shape[1]))
    given = np.asarray(mask, np.float32)
    return finished(given, invert=config.mask_invert, blur=config.mask_blur)


def gate_of(shown: FloatImage, full: Size, size: Size) -> Gate:
    """Make the gate of a frame that may be enlarged for the network.

    Args:
        shown: (H, W) float32 mask, finished.
        full: (height, width) at which the frame is composed.
        size: That at which it is dreamed, at most as large.
    """
    if shown.shape != full:
        shown = np.asarray(cv2.resize(shown, full[::-1], interpolation=cv2.INTER_LINEAR))
    opened = opened_at(shown, size)
    return Gate(shown, opened, float(opened.mean()))


def opened_at(shown: FloatImage, size: Size) -> FloatImage:
    """Return, (h, w) float32, 1 where any of a larger mask is open, else 0."""
    return np.asarray(shrink(shown, size) > 0, np.float32)


def laid_over(source: Pixels, dream: Pixels, shown: FloatImage) -> Pixels:
    """Lay a dream over its source as far as a mask shows it: (H, W, 3) uint8."""
    share = shown[..., None]
    below = source.astype(np.float32)
    return np.asarray(np.rint(below + share * (dream - below)), np.uint8)


def outside_kept(dream: Pixels, source: Pixels, shown: FloatImage) -> Pixels:
    """Return a dream, (H, W, 3), with the source's own pixels where a mask is closed."""
    return np.where(shown[..., None] > 0, dream, source)


class GateKeeper:
    """Lets what was dreamed before into a frame as far as both frames' masks are open."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the stream so far."""
        self._open: FloatImage | None = None

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return all that is remembered between frames, as named arrays."""
        return {} if self._open is None else {"gate": self._open.astype(np.uint8)}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Remember what another's :meth:`state` returned."""
        self._open = np.asarray(state["gate"], np.float32) if "gate" in state else None

    def admit(self, warped: WarpedResidual, gate: Gate | None) -> WarpedResidual:
        """Close a carried residual outside of a frame's mask, and note what the mask opens anew.

        Args:
            warped: What comes to the frame.
            gate: Its mask; None is open everywhere.

        Returns:
            The same, but no confidence where nothing was dreamed before; a cold start where that
            is everywhere.
        """
        before, residual = self._open, warped.residual
        if residual is None or (before is None and gate is None):
            return warped
        if before is not None and not before.any():
            return WarpedResidual(warped.change)
        size = residual.shape[:2]
        opened = np.ones(size, np.float32) if gate is None else gate.open
        known = opened if before is None else self._known(before, warped)
        # a residual's decay blurs it, over the edge of what was open too
        kept = np.where(known > 0, opened, np.float32(0))[..., None]
        return replace(
            warped,
            residual=residual * kept,
            undecayed=warped.undecayed * kept,
            confidence=np.where(opened > 0, warped.confidence * known, np.float32(1)),
        )

    def remember(self, gate: Gate | None, warped: WarpedResidual) -> None:
        """Keep a frame's mask for the next one; through a flash the one before it is kept."""
        if warped.change is Change.FLASH and self._open is not None:
            return
        if gate is not None or self._open is not None:
            self._open = None if gate is None else gate.open

    @staticmethod
    def _known(before: FloatImage, warped: WarpedResidual) -> FloatImage:
        """Return where a frame's ground was open before, (h, w) in [0, 1]."""
        if warped.change is Change.FLASH:
            return before
        x, y = sample_positions(warped.backward_flow)
        known = cv2.remap(before, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(known, np.float32)
