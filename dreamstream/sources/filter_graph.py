"""FFmpeg's filters, for pictures whose shape may change midway."""

from collections.abc import Iterator
from fractions import Fraction
from typing import cast

from dreamstream._libraries import av

_TICK = Fraction(1, 1000)
"""Unit of times inside a graph, in seconds; nobody reads them."""


class FilterGraph:
    """A chain of filters that gives a picture for each that it takes.

    Args:
        filters: Names and arguments of the filters, in their order.
    """

    def __init__(self, *filters: tuple[str, str]) -> None:
        self._filters = filters
        self._shape: tuple[int, int, str] | None = None
        self._graph: av.filter.Graph | None = None

    def push(self, picture: "av.VideoFrame") -> Iterator["av.VideoFrame"]:
        """Filter a picture; what comes out may lag behind."""
        shape = (picture.height, picture.width, picture.format.name)
        if shape != self._shape:
            yield from self.flush()
            self._graph, self._shape = self._make(picture), shape
        graph = cast("av.filter.Graph", self._graph)
        graph.vpush(picture)
        yield from _pulled(graph)

    def flush(self) -> Iterator["av.VideoFrame"]:
        """Return what the filters hold back; they restart."""
        if self._graph is not None:
            self._graph.vpush(None)
            yield from _pulled(self._graph)
        self._graph = self._shape = None

    def _make(self, picture: "av.VideoFrame") -> "av.filter.Graph":
        graph = av.filter.Graph()
        begin = graph.add_buffer(
            width=picture.width, height=picture.height, format=picture.format, time_base=_TICK
        )
        nodes = [begin, *(graph.add(*each) for each in self._filters), graph.add("buffersink")]
        graph.link_nodes(*nodes).configure()
        return graph


def _pulled(graph: "av.filter.Graph") -> Iterator["av.VideoFrame"]:
    while True:
        try:
            picture = graph.vpull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        yield picture
