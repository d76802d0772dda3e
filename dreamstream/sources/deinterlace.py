"""Interlaced pictures made whole, one for each, at their own times."""

import logging
from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import TypeAlias

from dreamstream._libraries import av
from dreamstream.sources.filter_graph import FilterGraph

_LOG = logging.getLogger(__name__)

_BWDIF = ("bwdif", "mode=send_frame:parity=auto:deint=interlaced")
"""The filter: a picture for each one, and what is not interlaced passes as it is."""

Timed: TypeAlias = "tuple[Fraction, av.VideoFrame]"
"""A picture and its time in seconds."""


def deinterlaced(pictures: Iterator[Timed], name: str) -> Iterator[Timed]:
    """Deinterlace a stream from its first interlaced picture on; before, it is not touched.

    Args:
        pictures: The stream.
        name: What messages call it.

    Yields:
        The pictures with the times they came with; the last of them lags one behind.
    """
    graph: FilterGraph | None = None
    times: deque[Fraction] = deque()
    for time, picture in pictures:
        if graph is None and not picture.interlaced_frame:
            yield time, picture
            continue
        if graph is None:
            _LOG.info("%s is interlaced: it is deinterlaced", name)
            graph = FilterGraph(_BWDIF)
        times.append(time)
        for whole in graph.push(picture):
            yield times.popleft(), whole
    if graph is not None:
        for whole in graph.flush():
            yield times.popleft(), whole
