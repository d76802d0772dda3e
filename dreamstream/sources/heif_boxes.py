"""What a HEIC or AVIF says of its main picture: its tiles, its turn, its transparency.

FFmpeg gives each tile as a stream of its own, and PyAV does not tell how they lie.

Source: ISO/IEC 23008-12 (HEIF) and 14496-12, of which only what cameras and editors write is read.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, TypeAlias

from dreamstream.sources.orientation import UPRIGHT, Orientation

_LARGEST_META = 1 << 24
"""Bytes of the box that tells of the pictures; those of the largest panoramas take a hundredth."""

_ALPHA = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1")
"""What a picture is called that holds another one's transparency."""

_TURNS = (
    UPRIGHT,
    Orientation(transposed=True, flipped=True),
    Orientation(mirrored=True, flipped=True),
    Orientation(transposed=True, mirrored=True),
)
"""What the property irot asks for: quarter turns to the left."""

_MIRRORS = (Orientation(flipped=True), Orientation(mirrored=True))
"""What the property imir asks for."""

_Property: TypeAlias = tuple[bytes, bytes]
"""Name and content."""


class HeifError(Exception):
    """The boxes are damaged, or of a form that is not read here."""


@dataclass(frozen=True, slots=True)
class Item:
    """A picture that is stored.

    Attributes:
        height: Rows.
        width: Columns.
        rows: Of tiles.
        columns: Of tiles.
        tiles: Numbers of the tiles' streams, row by row; of a picture in one piece its own.
    """

    height: int
    width: int
    rows: int
    columns: int
    tiles: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MainPicture:
    """The picture that a file shows.

    Attributes:
        item: How it is stored.
        alpha: How its transparency is stored; None where it is opaque.
        orientation: What makes it upright.
        profile: Its ICC profile; None where it has none.
    """

    item: Item
    alpha: Item | None
    orientation: Orientation
    profile: bytes | None


@dataclass(slots=True)
class _Meta:
    """What the boxes tell, by the items' numbers."""

    primary: int = 0
    kinds: dict[int, bytes] = field(default_factory=dict)
    references: list[tuple[bytes, int, tuple[int, ...]]] = field(default_factory=list)
    properties: dict[int, list[_Property]] = field(default_factory=dict)
    offsets: dict[int, tuple[int, int]] = field(default_factory=dict)
    data: bytes = b""


def read_main_picture(file: BinaryIO) -> MainPicture:
    """Read what a file says of its main picture.

    Raises:
        HeifError: It is damaged, or of a form that is not read here.
    """
    try:
        return _main_picture(_read_meta(_meta_box(file)))
    except (struct.error, IndexError, KeyError, StopIteration) as error:
        raise HeifError("its header is damaged") from error


def _meta_box(file: BinaryIO) -> bytes:
    file.seek(0)
    while len(head := file.read(8)) == 8:
        size, name = struct.unpack(">I4s", head)
        if size == 1:
            size = struct.unpack(">Q", file.read(8))[0] - 8
        if name == b"meta" and 12 < size <= _LARGEST_META:
            return file.read(size - 8)[4:]
        if size < 8:
            break
        file.seek(size - 8, 1)
    raise HeifError("it lists no picture")


def _boxes(data: bytes) -> Iterator[_Property]:
    at = 0
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        if size < 8:
            raise HeifError("its header is damaged")
        yield name, data[at + 8 : at + size]
        at += size


class _Reader:
    """Takes numbers from the beginning of what is left of some bytes."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at

    def take(self, form: str) -> int:
        (number,) = struct.unpack_from(f">{form}", self.data, self.at)
        self.at += struct.calcsize(form)
        return int(number)

    def number(self, size: int) -> int:
        """Take a number of so many bytes; none is 0."""
        return self.take({4: "I", 8: "Q"}[size]) if size else 0


def _read_meta(data: bytes) -> _Meta:
    meta, boxes = _Meta(), dict(_boxes(data))
    pitm, iinf = _Reader(boxes[b"pitm"], 4), boxes[b"iinf"]
    meta.primary = pitm.take("I" if pitm.data[0] else "H")
    for _, entry in _boxes(iinf[8 if iinf[0] else 6 :]):
        infe = _Reader(entry, 4)
        number = infe.take("H" if entry[0] < 3 else "I")
        meta.kinds[number] = entry[infe.at + 2 : infe.at + 6]
    if b"iref" in boxes:
        meta.references = list(_references(boxes[b"iref"]))
    parts = list(_boxes(boxes[b"iprp"]))
    known = [each for name, body in parts if name == b"ipco" for each in _boxes(body)]
    for name, body in parts:
        if name == b"ipma":
            _associate(meta, known, body)
    meta.offsets = dict(_offsets(_Reader(boxes[b"iloc"])))
    meta.data = boxes.get(b"idat", b"")
    return meta


def _references(box: bytes) -> Iterator[tuple[bytes, int, tuple[int, ...]]]:
    form = "I" if box[0] else "H"
    for name, body in _boxes(box[4:]):
        reader = _Reader(body)
        source, count = reader.take(form), reader.take("H")
        yield name, source, tuple(reader.take(form) for _ in range(count))


def _associate(meta: _Meta, known: Sequence[_Property], box: bytes) -> None:
    reader, long = _Reader(box, 4), box[3] & 1
    for _ in range(reader.take("I")):
        item = reader.take("I" if box[0] else "H")
        for _ in range(reader.take("B")):
            place = reader.take("H") & 0x7FFF if long else reader.take("B") & 0x7F
            if place:
                meta.properties.setdefault(item, []).append(known[place - 1])


def _offsets(reader: _Reader) -> Iterator[tuple[int, tuple[int, int]]]:
    """Read where in the box of data beside them items lie: their first bytes and sizes."""
    version = reader.take("I") >> 24
    sizes = reader.take("H")
    offset, length, base, index = ((sizes >> shift) & 15 for shift in (12, 8, 4, 0))
    for _ in range(reader.take("H" if version < 2 else "I")):
        item = reader.take("H" if version < 2 else "I")
        method = reader.take("H") & 15 if version else 0
        reader.take("H")
        start = reader.number(base)
        for extent in range(reader.take("H")):
            reader.number(index if version else 0)
            begin, size = reader.number(offset), reader.number(length)
            if method == 1 and extent == 0:
                yield item, (start + begin, size)


def _main_picture(meta: _Meta) -> MainPicture:
    properties = meta.properties.get(meta.primary, [])
    orientation = UPRIGHT
    for name, body in properties:
        if name == b"irot":
            orientation = orientation.then(_TURNS[body[0] & 3])
        elif name == b"imir":
            orientation = orientation.then(_MIRRORS[body[0] & 1])
    profiles = [body[4:] for name, body in properties if name == b"colr" and _is_icc(body)]
    alpha = next((item for item in _beside(meta) if _is_alpha(meta, item)), None)
    return MainPicture(
        _item(meta, meta.primary),
        None if alpha is None else _item(meta, alpha),
        orientation,
        profiles[0] if profiles else None,
    )


def _is_icc(colour: bytes) -> bool:
    return colour[:4] in (b"prof", b"rICC")


def _beside(meta: _Meta) -> Iterator[int]:
    """Find the items that say something of the main one's pixels."""
    for name, source, targets in meta.references:
        if name == b"auxl" and meta.primary in targets:
            yield source


def _is_alpha(meta: _Meta, item: int) -> bool:
    names = [body[4:] for name, body in meta.properties.get(item, []) if name == b"auxC"]
    return any(name.startswith(_ALPHA) for name in names)


def _item(meta: _Meta, number: int) -> Item:
    if meta.kinds[number] != b"grid":
        sizes = [body for name, body in meta.properties[number] if name == b"ispe"]
        width, height = struct.unpack_from(">II", sizes[0], 4)
        return Item(height, width, 1, 1, (number,))
    begin, size = meta.offsets[number]
    grid = _Reader(meta.data[begin : begin + size], 1)
    flags, rows, columns = (grid.take("B") for _ in range(3))
    width, height = (grid.take("I" if flags & 1 else "H") for _ in range(2))
    tiles = next(to for name, one, to in meta.references if name == b"dimg" and one == number)
    if len(tiles) != (rows + 1) * (columns + 1):
        raise HeifError("its tiles are not as many as they should be")
    return Item(height, width, rows + 1, columns + 1, tiles)
