"""One palette for a whole clip, and pictures in its colours."""

import contextlib
from typing import cast

import numpy as np

from dreamstream._libraries import av
from dreamstream.frames import Pixels

_STEP = 3
"""Distance of the values that the palette tells apart in a channel.  FFmpeg remembers every colour
it has met, in 32 bytes; so there are at most 86 cubed, 20 MB, however long the clip, and each is
off by 1 at most."""

_COARSE = (np.rint(np.arange(256) / _STEP) * _STEP).astype(np.uint8)
"""Each value's nearest multiple of the step."""

_PALETTE_SIZE = "16x16"

_DITHER = "dither=bayer:bayer_scale=4:diff_mode=rectangle"
"""An ordered pattern that stays where it is: error diffusion would crawl from frame to frame, and a
coarser pattern (a smaller scale) shows."""


class PaletteMaker:
    """Gathers the colours of all frames.

    Args:
        height: Rows of every frame.
        width: Columns of every frame.
    """

    def __init__(self, height: int, width: int) -> None:
        graph = av.filter.Graph()
        self._entry = graph.add("buffer", _describe(f"{width}x{height}", "rgb24"))
        stages = [
            graph.add("format", "rgb32"),
            graph.add("palettegen", "stats_mode=full"),
            graph.add("buffersink"),
        ]
        self._exit = stages[-1]
        graph.link_nodes(self._entry, *stages)
        graph.configure()
        self._graph = graph  # FFmpeg crashed pushing into a graph that was not kept
        self._count = 0

    def add(self, pixels: Pixels) -> None:
        """Count the colours of a frame, (H, W, 3) uint8 RGB.

        A graph works only when it is asked for a picture; until then it would hold all frames.
        """
        picture = av.VideoFrame.from_ndarray(np.take(_COARSE, pixels), format="rgb24")
        picture.pts, self._count = self._count, self._count + 1
        self._entry.push(picture)
        with contextlib.suppress(av.error.BlockingIOError):  # "later", and by that it counts
            self._exit.pull()

    def palette(self) -> "av.VideoFrame":
        """Choose the colours; no more frames can be added."""
        self._entry.push(None)
        return _picture(self._exit)


class Painter:
    """Paints pictures in the colours of a palette.

    Args:
        palette: The colours.
        height: Rows of every picture.
        width: Columns of every picture.
        source_format: FFmpeg's name of the pictures' format.
    """

    def __init__(
        self, palette: "av.VideoFrame", height: int, width: int, source_format: str
    ) -> None:
        graph = av.filter.Graph()
        self._entry = graph.add("buffer", _describe(f"{width}x{height}", source_format))
        colours = graph.add("buffer", _describe(_PALETTE_SIZE, palette.format.name))
        opaque, painter = graph.add("format", "rgb32"), graph.add("paletteuse", _DITHER)
        self._exit = graph.add("buffersink")
        self._entry.link_to(opaque)
        opaque.link_to(painter, 0, 0)
        colours.link_to(painter, 0, 1)
        painter.link_to(self._exit)
        graph.configure()
        self._graph = graph  # as above
        palette.pts = 0
        colours.push(palette)
        colours.push(None)

    def paint(self, picture: "av.VideoFrame") -> "av.VideoFrame":
        """Return the picture in the palette's colours, at the same time."""
        self._entry.push(picture)
        return _picture(self._exit)


def _describe(size: str, pixel_format: str) -> str:
    """Describe what a graph is given; the time base is of no consequence in it."""
    return f"video_size={size}:pix_fmt={pixel_format}:time_base=1/100:pixel_aspect=1/1"


def _picture(exit_: "av.filter.context.FilterContext") -> "av.VideoFrame":
    return cast("av.VideoFrame", exit_.pull())
