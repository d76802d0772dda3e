"""Decoded pictures made into upright RGB: matrix, range, depth, transparency and HDR."""

import logging
from functools import cache
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from dreamstream._libraries import av
from dreamstream.frames import BT709, Pixels
from dreamstream.sources.filter_graph import FilterGraph
from dreamstream.sources.orientation import orientation_of, upright
from dreamstream.sources.transparency import Ground, laid, require_transparency

_LOG = logging.getLogger(__name__)

HD_LINES = 720
"""Untagged pictures of so many lines are BT.709; smaller ones BT.601, as players assume."""

_SWS_BT709, _SWS_BT601 = 1, 5
_SWS_MATRIX = {1: _SWS_BT709, 4: 4, 5: _SWS_BT601, 6: _SWS_BT601, 7: 7, 9: 9, 10: 9}
"""Colour matrix: H.273 number, which frames carry, to swscale's number, which it wants."""

_LIMITED, _FULL = 1, 2
"""Ranges of values as FFmpeg numbers them: 16 to 235, and 0 to 255."""

_BT2020, _UNTOLD = 9, 2
"""H.273 numbers of BT.2020, the same for matrix and primaries, and of what is not said."""

_HDR = {16: "PQ", 18: "HLG"}
"""Transfer curves of high dynamic range by their H.273 number."""

_TO_SDR = (
    ("scale", "out_transfer=bt709:out_primaries=bt709:out_range=full:intent=perceptual"),
    ("format", "rgb48le"),
)
"""Maps the brightness that the file tells (10000 nits where PQ tells none) to what SDR shows."""

_BAYER_2 = np.array([[0, 2], [3, 1]])

_DITHER_SIZE = 8

Deep: TypeAlias = npt.NDArray[np.uint16]
"""(H, W, 3) uint16 RGB, as swscale scales it."""


class ToRgb:
    """Turns decoded pictures into upright RGB arrays.

    One converter is shared by all frames: making one for each grew memory.  Without full chroma
    interpolation and accurate rounding colours came out up to 4 of 255 too dark.

    Args:
        name: What messages call the stream.
        ground: What is seen of transparent pictures.
    """

    def __init__(self, name: str, ground: Ground = Ground.WHITE) -> None:
        self._name, self._ground = name, ground
        self._reformatter = av.video.reformatter.VideoReformatter()
        self._to_sdr: FilterGraph | None = None

    def __call__(self, picture: "av.VideoFrame") -> Pixels:
        """Convert a picture.

        More than 8 bits are dithered; what is transparent lies on white, as browsers show it; HDR
        is mapped to SDR, with a warning at the first one.

        Returns:
            (H, W, 3) uint8 RGB, contiguous.
        """
        orientation = orientation_of(picture)
        return cast(Pixels, upright(self.stored(picture), orientation))

    def stored(self, picture: "av.VideoFrame") -> Pixels:
        """Convert a picture as it is stored, not upright.

        Returns:
            (H, W, 3) uint8 RGB.
        """
        if picture.color_trc in _HDR:
            picture = self._mapped(picture)
        parts = picture.format.components
        if picture.format.has_palette or any(part.is_alpha for part in parts):
            rgba = self._reformat(picture, "rgba")
            return laid(rgba[..., :3], rgba[..., 3], self._ground)
        require_transparency(self._ground, self._name)
        if max(part.bits for part in parts) > 8:
            return _dithered(self._reformat(picture, "rgb48le"), *_levels(picture))
        rgb: Pixels = self._reformat(picture, "rgb24")
        return _expansion()[rgb] if _is_limited_grey(picture) else rgb

    def _reformat(self, picture: "av.VideoFrame", form: str) -> npt.NDArray[Any]:
        flags = av.video.reformatter.Interpolation
        converted = self._reformatter.reformat(
            picture,
            format=form,
            src_colorspace=_matrix(picture),
            src_color_range=_range(picture),
            dst_color_range=_FULL,
            interpolation=flags.BICUBIC | flags.ACCURATE_RND | flags.FULL_CHR_H_INT,
        )
        return converted.to_ndarray()

    def _mapped(self, picture: "av.VideoFrame") -> "av.VideoFrame":
        """Map HDR to SDR; what it does not tell of its colours is BT.2020."""
        if self._to_sdr is None:
            self._to_sdr = FilterGraph(*_TO_SDR)
            _LOG.warning("%s is HDR (%s): it is mapped to SDR", self._name, _HDR[picture.color_trc])
        if picture.color_primaries == _UNTOLD:
            picture.color_primaries = _BT2020
        if picture.colorspace == _UNTOLD and not picture.format.is_rgb:
            picture.colorspace = _BT2020
        (mapped,) = self._to_sdr.push(picture)
        return mapped


def tags_of(picture: "av.VideoFrame") -> tuple[int, int]:
    """Return the H.273 numbers of primaries and transfer that :class:`ToRgb` leaves a picture."""
    if picture.color_trc in _HDR:
        return BT709, BT709
    told = picture.color_primaries, picture.color_trc
    primaries, transfer = (BT709 if tag in (0, _UNTOLD) else tag for tag in told)
    return primaries, transfer


def _matrix(picture: "av.VideoFrame") -> int:
    untagged = _SWS_BT709 if picture.height >= HD_LINES else _SWS_BT601
    return _SWS_MATRIX.get(picture.colorspace, untagged)


def _range(picture: "av.VideoFrame") -> int:
    if picture.color_range in (_LIMITED, _FULL):
        return picture.color_range
    return _FULL if picture.format.is_rgb or picture.format.name.startswith("yuvj") else _LIMITED


def _is_limited_grey(picture: "av.VideoFrame") -> bool:
    """Return whether a picture has but a limited luma, which swscale takes for full (seen)."""
    return picture.format.name.startswith("gray") and picture.color_range == _LIMITED


def _levels(picture: "av.VideoFrame") -> tuple[int, int]:
    """Return which 16-bit values swscale gives for black and white (seen in FFmpeg 8)."""
    bits = picture.format.components[0].bits
    if _is_limited_grey(picture):
        return 16 << 8, 235 << 8
    if picture.format.is_rgb:
        return 0, 0xFFFF
    return 0, 0xFF03 if _range(picture) == _LIMITED else ((1 << bits) - 1) << (16 - bits)


def _dithered(deep: Deep, black: int, white: int) -> Pixels:
    """Reduce to 8 bits with an ordered dither, always the same: it neither flickers nor drifts.

    Returns:
        (H, W, 3) uint8; a value that 8 bits can hold is that value.
    """
    height, width = deep.shape[:2]
    repeats = (-(-height // _DITHER_SIZE), -(-width // _DITHER_SIZE), 1)
    thresholds = np.tile(_bayer()[..., None], repeats)[:height, :width]
    return ((_scale(black, white)[deep] + thresholds) >> 8).astype(np.uint8)


@cache
def _scale(black: int, white: int) -> npt.NDArray[np.uint16]:
    """Make the table from black to white to 0 to 255 in 256ths."""
    shares = (np.arange(1 << 16) - black) / (white - black)
    return np.rint(np.clip(shares, 0, 1) * (255 << 8)).astype(np.uint16)


@cache
def _bayer() -> npt.NDArray[np.uint16]:
    """Make Bayer's matrix of 8 by 8 thresholds, in 256ths, evenly over (0, 256)."""
    matrix = _BAYER_2
    while len(matrix) < _DITHER_SIZE:
        matrix = np.block([[4 * matrix + offset for offset in row] for row in _BAYER_2])
    return (matrix * (256 // matrix.size) + 128 // matrix.size).astype(np.uint16)


@cache
def _expansion() -> Pixels:
    """Make the table of grey from limited to full range."""
    return np.rint(np.clip((np.arange(256) - 16) / 219, 0, 1) * 255).astype(np.uint8)
