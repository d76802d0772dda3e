"""Colours of a picture's own profile brought to sRGB.

Profiles of three primaries with a curve each, and those of grey, are what cameras, phones and
editors write.  Those that are tables only, as of printers, are left to programs that manage colour.

Source: ICC.1:2022, Profile version 4.4.
"""

import logging
import struct
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from dreamstream._libraries import cv2
from dreamstream.frames import Pixels

_LOG = logging.getLogger(__name__)

_Matrix: TypeAlias = npt.NDArray[np.float64]
_Curve: TypeAlias = npt.NDArray[np.float64]
"""(256,) float64, the share of full light for each value."""

_HEADER, _SPACE = 128, slice(16, 20)
"""Bytes before the table of tags, and where the colour space is told."""

_SRGB_TO_D50 = np.array(
    [
        [0.4360747, 0.3850649, 0.1430804],
        [0.2225045, 0.7168786, 0.0606169],
        [0.0139322, 0.0971045, 0.7141733],
    ]
)
"""sRGB's primaries in XYZ under D50, in which profiles tell theirs (Bradford; B. Lindbloom)."""

_LEVELS = 1 << 16
"""Steps of light: near black sRGB takes 13 times as many values as there are steps of 8 bits."""

_ROWS = 256
"""Rows that are converted at a time, so that floats take no memory to speak of."""

_UNSEEN = 1
"""Levels up to which a conversion is left out: the profile is sRGB in other words."""


class _UnknownProfileError(Exception):
    """A profile of a form that is not read here."""


@dataclass(frozen=True, slots=True)
class _Profile:
    """A profile's colours.

    Attributes:
        matrix: (3, 3) from linear RGB to linear sRGB.
        curves: (3, 256) from values to light.
    """

    matrix: _Matrix
    curves: npt.NDArray[np.float64]

    def convert(self, pixels: Pixels) -> Pixels:
        """Convert (H, W, 3) uint8 RGB."""
        table = np.ascontiguousarray(self.curves.T[:, None], np.float32)
        light = cv2.transform(cv2.LUT(pixels, table), self.matrix * (_LEVELS - 1))
        steps = np.clip(light, 0, _LEVELS - 1, out=light).astype(np.uint16)
        return _encoding()[steps]

    @property
    def is_srgb(self) -> bool:
        """Whether nobody would see the conversion."""
        values = np.linspace(0, 255, 9).round().astype(np.uint8)
        cube = np.stack(np.meshgrid(values, values, values), axis=-1).reshape(1, -1, 3)
        return int(np.abs(self.convert(cube).astype(int) - cube).max()) <= _UNSEEN


def to_srgb(pixels: Pixels, profile: bytes, name: str) -> Pixels:
    """Convert a picture to sRGB; what lies outside is clipped.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        profile: The ICC profile that it bears.
        name: What messages call the picture.

    Returns:
        (H, W, 3) uint8; ``pixels`` where they are sRGB, or, with a notice, where the profile is of
        a form that can't be read.
    """
    try:
        read = _read(profile)
    except (_UnknownProfileError, struct.error, ValueError) as error:
        if profile[_SPACE] != b"CMYK":  # whose pictures come decoded to RGB
            reason = str(error) if isinstance(error, _UnknownProfileError) else "it is damaged"
            _LOG.warning("%s: its colour profile is left out (%s)", name, reason)
        return pixels
    if read.is_srgb:
        return pixels
    converted = np.empty_like(pixels)
    for row in range(0, len(pixels), _ROWS):
        converted[row : row + _ROWS] = read.convert(pixels[row : row + _ROWS])
    return converted


def _read(profile: bytes) -> _Profile:
    tags = _tags(profile)
    if profile[_SPACE] == b"GRAY" and "kTRC" in tags:
        return _Profile(np.eye(3), np.stack([_curve(tags["kTRC"])] * 3))
    wanted = [f"{channel}{part}" for channel in "rgb" for part in ("XYZ", "TRC")]
    if profile[_SPACE] != b"RGB " or not all(name in tags for name in wanted):
        raise _UnknownProfileError("it uses lookup tables")
    primaries = np.stack([_xyz(tags[f"{channel}XYZ"]) for channel in "rgb"], axis=1)
    curves = np.stack([_curve(tags[f"{channel}TRC"]) for channel in "rgb"])
    return _Profile(np.linalg.inv(_SRGB_TO_D50) @ primaries, curves)


def _tags(profile: bytes) -> dict[str, bytes]:
    (count,) = struct.unpack_from(">I", profile, _HEADER)
    found = {}
    for position in range(_HEADER + 4, min(_HEADER + 4 + 12 * count, len(profile)), 12):
        name, begin, size = struct.unpack_from(">4sII", profile, position)
        found[name.decode("latin-1")] = profile[begin : begin + size]
    return found


def _xyz(tag: bytes) -> npt.NDArray[np.float64]:
    return np.array(struct.unpack_from(">3i", tag, 8)) / (1 << 16)


def _curve(tag: bytes) -> _Curve:
    """Read a tone curve: a gamma, a table or a formula."""
    values = np.linspace(0, 1, 256)
    if tag[:4] == b"para":
        return _formula(tag, values)
    if tag[:4] != b"curv":
        raise _UnknownProfileError("it has curves of an unknown form")
    (count,) = struct.unpack_from(">I", tag, 8)
    if count == 0:
        return values
    table = np.array(struct.unpack_from(f">{min(count, len(tag) // 2)}H", tag, 12))
    if count == 1:
        return np.asarray(values ** (table[0] / 256))
    return np.interp(values, np.linspace(0, 1, len(table)), table / 0xFFFF)


def _formula(tag: bytes, values: _Curve) -> _Curve:
    """Compute a parametric curve, of which each kind has more parameters than the one before."""
    (kind,) = struct.unpack_from(">H", tag, 8)
    if kind >= len(_PARAMETERS):
        raise _UnknownProfileError("it has curves of an unknown form")
    read = [number / (1 << 16) for number in struct.unpack_from(f">{_PARAMETERS[kind]}i", tag, 12)]
    gamma, a, b, c, d, e, f = (*read, 0, 0, 0, 0, 0, 0, 0)[:7]
    if kind == 0:
        a = 1
    if kind in (1, 2):  # flat, or a constant, below where the power's base is negative
        c, d, e, f = 0, (-b / a if a else 0), c, c
    with np.errstate(all="ignore"):  # a damaged one may be anything
        power = np.maximum(a * values + b, 0) ** gamma + e
    curve: _Curve = np.nan_to_num(np.clip(np.where(values >= d, power, c * values + f), 0, 1))
    return curve


_PARAMETERS = (1, 3, 4, 5, 7)
"""Numbers in each kind of parametric curve."""


@cache
def _encoding() -> Pixels:
    """Make the table from light to sRGB's values."""
    light = np.arange(_LEVELS) / (_LEVELS - 1)
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    table: Pixels = np.rint(encoded * 255).astype(np.uint8)
    return table
