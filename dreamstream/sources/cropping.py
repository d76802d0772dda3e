"""Edges that a Matroska file asks players to cut off, which FFmpeg's decoders leave on."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

from dreamstream._libraries import av
from dreamstream.sources.deinterlace import Timed
from dreamstream.sources.filter_graph import FilterGraph

_SEGMENT, _TRACKS, _TRACK, _VIDEO = 0x18538067, 0x1654AE6B, 0xAE, 0xE0
"""Identifiers of Matroska's elements, from the file down to a track's picture; the frames' own."""

_SIDES = {0x54CC: "left", 0x54BB: "top", 0x54DD: "right", 0x54AA: "bottom"}
"""Identifiers of the elements that tell what is cut off."""

_UNKNOWN_SIZE = -1

_Element: TypeAlias = tuple[int, int, int]
"""An element's identifier, and where its content begins and ends."""


@dataclass(frozen=True, slots=True)
class Crop:
    """What is cut off a picture, in pixels."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0

    def __bool__(self) -> bool:
        return bool(self.left or self.top or self.right or self.bottom)


def crop_of(path: Path, index: int) -> Crop:
    """Read what a file asks to have cut off.

    Args:
        path: A Matroska or WebM file.
        index: Of the stream, among the file's tracks.
    """
    with path.open("rb") as file:
        for segment in _children(file, (0, 0, path.stat().st_size), _SEGMENT):
            for tracks in _children(file, segment, _TRACKS):
                entries = list(_children(file, tracks, _TRACK))
                return _read_crop(file, entries[index]) if index < len(entries) else Crop()
    return Crop()


def cropped(pictures: Iterator[Timed], crop: Crop) -> Iterator[Timed]:
    """Cut off the edges of pictures; of one that would vanish nothing is cut off."""
    if not crop:
        yield from pictures
        return
    size = f"iw-{crop.left + crop.right}:ih-{crop.top + crop.bottom}"
    graph = FilterGraph(("crop", f"{size}:{crop.left}:{crop.top}:exact=1"))
    for time, picture in pictures:
        yield from ((time, part) for part in _cut(graph, picture, crop))


def _cut(graph: FilterGraph, picture: "av.VideoFrame", crop: Crop) -> Iterator["av.VideoFrame"]:
    if picture.width <= crop.left + crop.right or picture.height <= crop.top + crop.bottom:
        yield picture
        return
    yield from graph.push(picture)


def _read_crop(file: BinaryIO, track: _Element) -> Crop:
    found = {}
    for video in _children(file, track, _VIDEO):
        for name, begin, end in _elements(file, video):
            if name in _SIDES:
                file.seek(begin)
                found[_SIDES[name]] = int.from_bytes(file.read(min(end - begin, 8)))
    return Crop(**found)


def _children(file: BinaryIO, parent: _Element, name: int) -> Iterator[_Element]:
    """Find the elements of a name in another."""
    return (element for element in _elements(file, parent) if element[0] == name)


def _elements(file: BinaryIO, parent: _Element) -> Iterator[_Element]:
    """Read the heads of the elements in another one."""
    _, position, end = parent
    while position < end:
        file.seek(position)
        name, size = _read_number(file, keep_mark=True), _read_number(file, keep_mark=False)
        if name is None or size is None:
            return
        begin = file.tell()
        stop = end if size == _UNKNOWN_SIZE else min(end, begin + size)
        yield name, begin, stop
        position = stop


def _read_number(file: BinaryIO, keep_mark: bool) -> int | None:
    """Read a number whose first byte's leading zeros tell its length; None where there is none."""
    first = file.read(1)
    length = 9 - first[0].bit_length() if first else 9
    data = first + file.read(length - 1)
    if length > 8 or len(data) < length:
        return None
    number = int.from_bytes(data)
    if keep_mark:
        return number
    most = (1 << 7 * length) - 1
    return _UNKNOWN_SIZE if number & most == most else number & most
