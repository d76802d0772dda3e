"""How a stored picture has to be turned and mirrored to stand upright."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from dreamstream._libraries import av
from dreamstream.sources.filter_graph import FilterGraph
from dreamstream.sources.headers import ORIENTATION_TAG, tiff_entries

_MATRIX = struct.Struct("=9i")
"""FFmpeg's display matrix: rows (a, b, u), (c, d, v), (x, y, w); a point becomes
(a x + c y, b x + d y)."""

_EXIF_SIDE_DATA = 31
"""FFmpeg's number of EXIF beside a picture: PyAV 18 does not know it, and gives no side data of a
picture that has it."""


@dataclass(frozen=True, slots=True)
class Orientation:
    """What makes a stored picture upright, in this order.

    Attributes:
        transposed: Rows become columns.
        mirrored: Left and right are swapped.
        flipped: Top and bottom are swapped.
    """

    transposed: bool = False
    mirrored: bool = False
    flipped: bool = False

    def apply(self, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return a (H, W, ...) array made upright; a view, (W, H, ...) where it is transposed."""
        if self.transposed:
            pixels = pixels.swapaxes(0, 1)
        return pixels[:: -1 if self.flipped else 1, :: -1 if self.mirrored else 1]

    def then(self, after: "Orientation") -> "Orientation":
        """Return the orientation that does this one and then another one."""
        mirrored, flipped = self.mirrored, self.flipped
        if after.transposed:
            mirrored, flipped = flipped, mirrored
        return Orientation(
            self.transposed != after.transposed,
            mirrored != after.mirrored,
            flipped != after.flipped,
        )


UPRIGHT = Orientation()

EXIF_ORIENTATIONS = MappingProxyType(
    {
        1: UPRIGHT,
        2: Orientation(mirrored=True),
        3: Orientation(mirrored=True, flipped=True),
        4: Orientation(flipped=True),
        5: Orientation(transposed=True),
        6: Orientation(transposed=True, mirrored=True),
        7: Orientation(transposed=True, mirrored=True, flipped=True),
        8: Orientation(transposed=True, flipped=True),
    }
)
"""What EXIF's tag Orientation asks for."""


def orientation_of(picture: "av.VideoFrame") -> Orientation:
    """Read the orientation of a decoded picture, to the nearest quarter turn."""
    matrix = _display_matrix(picture)
    if matrix is None:
        return UPRIGHT
    a, b, _, c, d = matrix[:5]
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(mirrored=a < 0, flipped=d < 0)
    return Orientation(transposed=True, mirrored=c < 0, flipped=b < 0)


def exif_orientation(exif: bytes) -> Orientation:
    """Read the orientation from EXIF, which is a TIFF's first directory; upright where it is none.

    Args:
        exif: With or without the ``Exif`` head that JPEG puts before it.
    """
    try:
        for tag, _, _, value in tiff_entries(exif.removeprefix(b"Exif\0\0")):
            if tag == ORIENTATION_TAG:
                return EXIF_ORIENTATIONS.get(value, UPRIGHT)
    except (struct.error, KeyError):  # no TIFF, or a torn one
        pass
    return UPRIGHT


def upright(pixels: npt.NDArray[Any], orientation: Orientation) -> npt.NDArray[Any]:
    """Return an array made upright, contiguous."""
    return np.ascontiguousarray(orientation.apply(pixels))


def _display_matrix(picture: "av.VideoFrame") -> Sequence[int] | None:
    try:
        beside = picture.side_data
    except ValueError:  # side data that PyAV does not know
        (bare,) = FilterGraph(("sidedata", f"mode=delete:type={_EXIF_SIDE_DATA}")).push(picture)
        beside = bare.side_data
    found = beside.get("DISPLAYMATRIX")
    return None if found is None else _MATRIX.unpack(bytes(cast(Any, found)))
