"""Tells in a finished Matroska or WebM file how wide its pixels are.

FFmpeg writes that of a stream copied from another file, but PyAV has no way to tell it of a new
one; h264 and h265 bear it in themselves, the other codecs don't.
"""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dreamstream.frames import StreamInfo

_SEGMENT, _TRACKS, _TRACK, _VIDEO = b"\x18\x53\x80\x67", b"\x16\x54\xae\x6b", b"\xae", b"\xe0"
"""The elements on the way to what is told of the pictures."""

_DISPENSABLE = (b"\x9c", b"\x23\xe3\x83", b"\x54\xb2")
"""Whether packets are laced, which none are; the nominal duration of a frame; that the shape is not
known.  Their place is wanted."""

_CHECKSUM, _CHECKSUM_BYTES = b"\xbf\x84", 4
"""How an element begins that tells the checksum of what follows it."""

_DISPLAY_WIDTH, _DISPLAY_HEIGHT = b"\x54\xb0", b"\x54\xba"

_HEAD_BYTES = 1 << 20
"""Where the tracks are described, even behind long styles of subtitles."""

_SHORT, _ONE_BYTE = 0x7F, 0x80
"""Sizes below the one take one byte, which is marked by the other."""

_LEAST_NUMBER, _MOST_NUMBER = 2, 8
"""Bytes of a number: enough for a width, and what the format allows."""


@dataclass(frozen=True, slots=True)
class _Element:
    """A part of the file: its identifier and where it begins, has its content, and ends."""

    name: bytes
    start: int
    body: int
    end: int


def tell_shape(path: Path, info: StreamInfo) -> None:
    """Write the size at which pictures are shown into a file, whose length stays.

    A file that is laid out otherwise than FFmpeg does stays as it is, as does one of square pixels.

    Args:
        path: The finished file.
        info: The stream in it.

    Raises:
        OSError: It can't be written.
    """
    if info.sample_aspect == 1:
        return
    with path.open("r+b") as file:
        data = file.read(_HEAD_BYTES)
        tracks, track = _find(data, _SEGMENT, _TRACKS), _find(data, _SEGMENT, _TRACKS, _TRACK)
        if tracks is None or track is None or tracks.end > len(data):
            return
        changed = _with_size(data, track, round(info.width * info.sample_aspect), info.height)
        if changed is not None:
            made = data[tracks.body : track.body] + changed + data[track.end : tracks.end]
            file.seek(tracks.body)
            file.write(_with_checksum(made))


def _find(data: bytes, *names: bytes) -> _Element | None:
    """Go down the elements of these names, always into the first."""
    found: _Element | None = None
    begin, end = 0, len(data)
    for name in names:
        found = next((one for one in _elements(data, begin, end) if one.name == name), None)
        if found is None:
            return None
        begin, end = found.body, min(found.end, len(data))
    return found


def _elements(data: bytes, begin: int, end: int) -> Iterator[_Element]:
    """Read the elements between two positions."""
    while begin < end:
        name = data[begin : begin + _length(data[begin])]
        at = begin + len(name)
        if not name or at >= end:
            return
        count = _length(data[at])
        size = int.from_bytes(data[at : at + count], "big") & ~(1 << 7 * count)
        yield _Element(name, begin, at + count, at + count + size)
        begin = at + count + size


def _length(first: int) -> int:
    """Tell from its first byte how many bytes an identifier or a size has."""
    return 9 - first.bit_length()


def _with_size(data: bytes, track: _Element, width: int, height: int) -> bytes | None:
    """Rebuild a track's content at the same length; None where there is no place in it."""
    parts = list(_elements(data, track.body, track.end))
    video = next((one for one in parts if one.name == _VIDEO), None)
    if video is None or parts[-1].end != track.end:
        return None
    shape = _without(data, _elements(data, video.body, video.end))
    before = _without(data, (one for one in parts if one.start < video.start))
    after = _without(data, (one for one in parts if one.start > video.start))
    free = track.end - track.body - len(before + shape + after) - len(_VIDEO) - 1
    shown = _number(_DISPLAY_WIDTH, width, _LEAST_NUMBER)
    rest = free - len(shown) - len(_DISPLAY_HEIGHT) - 1
    if not _LEAST_NUMBER <= rest <= _MOST_NUMBER or len(shape) + free >= _SHORT:
        return None
    shape += shown + _number(_DISPLAY_HEIGHT, height, rest)
    return before + _VIDEO + bytes([_ONE_BYTE | len(shape)]) + shape + after


def _without(data: bytes, elements: Iterable[_Element]) -> bytes:
    """Join elements but those whose place is wanted."""
    return b"".join(data[one.start : one.end] for one in elements if one.name not in _DISPENSABLE)


def _with_checksum(tracks: bytes) -> bytes:
    """Put the right checksum before the content of an element that has one."""
    if not tracks.startswith(_CHECKSUM):
        return tracks
    content = tracks[len(_CHECKSUM) + _CHECKSUM_BYTES :]
    return _CHECKSUM + zlib.crc32(content).to_bytes(_CHECKSUM_BYTES, "little") + content


def _number(name: bytes, value: int, count: int) -> bytes:
    """Write an element that holds a number of so many bytes."""
    return name + bytes([_ONE_BYTE | count]) + value.to_bytes(count, "big")
