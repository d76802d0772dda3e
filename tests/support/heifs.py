"""Writes HEIF files box by box: grids of tiles, turns, mirrors, profiles, transparency."""

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dreamstream._libraries import av
from dreamstream.frames import Pixels

ALPHA = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0"


def box(name: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), name) + body


def full(name: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(name, struct.pack(">I", version << 24 | flags), *parts)


def encode(pixels: Pixels, scratch: Path) -> tuple[bytes, bytes]:
    """Encode a picture with AV1.

    Returns:
        What the encoder made of it, and the box that describes it.
    """
    with av.open(str(scratch), "w", format="mp4") as output:
        options = {"crf": "1", "svtav1-params": "avif=1", "preset": "12"}
        stream = output.add_stream("libsvtav1", rate=1, options=options)
        stream.height, stream.width, stream.pix_fmt = *pixels.shape[:2], "yuv420p"
        stream.codec_context.color_range, stream.codec_context.colorspace = 2, 1
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        picture = picture.reformat(format="yuv420p", dst_colorspace=1, dst_color_range=2)
        output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    with av.open(str(scratch)) as file:
        data = bytes(next(file.demux(video=0)))
    whole = scratch.read_bytes()
    at = whole.index(b"av1C") - 4
    return data, whole[at : at + int.from_bytes(whole[at : at + 4], "big")]


def size(pixels: Pixels) -> bytes:
    return full(b"ispe", struct.pack(">II", pixels.shape[1], pixels.shape[0]))


def write_heif(
    path: Path,
    tiles: Sequence[Sequence[Pixels]],
    shape: tuple[int, int] | None = None,
    extra: Sequence[bytes] = (),
    alpha: Pixels | None = None,
) -> Path:
    """Write a HEIF of one picture.

    Args:
        path: The file.
        tiles: Its tiles, row by row; a single one is stored as a picture of its own.
        shape: (height, width) of the grid; None is that of all tiles.
        extra: Properties of the whole, as boxes.
        alpha: Its transparency as a grey picture, where it is in one piece.
    """
    pieces = [tile for row in tiles for tile in row] + ([] if alpha is None else [alpha])
    coded = [encode(piece, path.with_suffix(".scratch")) for piece in pieces]
    is_grid = len(pieces) > 1 and alpha is None
    properties: list[bytes] = []
    links: list[tuple[int, range]] = []
    for number, (piece, (_, description)) in enumerate(zip(pieces, coded, strict=True), 1):
        mine = [size(piece), description]
        if alpha is not None and number == len(pieces):
            mine.append(full(b"auxC", ALPHA))
        if number == 1 and not is_grid:
            mine += extra
        links.append((number, range(len(properties) + 1, len(properties) + len(mine) + 1)))
        properties += mine
    grid = b""
    if is_grid:
        rows, columns = len(tiles), len(tiles[0])
        height, width = shape or (rows * pieces[0].shape[0], columns * pieces[0].shape[1])
        grid = struct.pack(">4B2H", 0, 0, rows - 1, columns - 1, width, height)
        first = len(properties) + 1
        properties += [full(b"ispe", struct.pack(">II", width, height)), *extra]
        links.append((len(pieces) + 1, range(first, len(properties) + 1)))
    return _write(path, [data for data, _ in coded], grid, properties, links, alpha is not None)


def _write(
    path: Path,
    coded: list[bytes],
    grid: bytes,
    properties: list[bytes],
    links: list[tuple[int, range]],
    has_alpha: bool,
) -> Path:
    last = len(coded) + (1 if grid else 0)
    kinds = [b"av01"] * len(coded) + ([b"grid"] if grid else [])
    entries = [
        full(b"infe", struct.pack(">HH4s", number, 0, kind), b"\0", version=2)
        for number, kind in enumerate(kinds, 1)
    ]
    told = b"".join(
        struct.pack(">HB", item, len(places)) + bytes(0x80 | place for place in places)
        for item, places in links
    )
    references = b""
    if grid:
        to = struct.pack(f">{len(coded)}H", *range(1, last))
        references = full(b"iref", box(b"dimg", struct.pack(">HH", last, len(coded)), to))
    if has_alpha:
        references = full(b"iref", box(b"auxl", struct.pack(">HHH", 2, 1, 1)))
    head = box(b"ftyp", b"avif", bytes(4), b"avifmif1miaf")

    def meta(begin: int) -> bytes:
        places, at = b"", begin
        for number, data in enumerate(coded, 1):
            places += struct.pack(">HHHHII", number, 0, 0, 1, at, len(data))
            at += len(data)
        if grid:
            places += struct.pack(">HHHHII", last, 1, 0, 1, 0, len(grid))
        return full(
            b"meta",
            full(b"hdlr", bytes(4), b"pict", bytes(13)),
            full(b"pitm", struct.pack(">H", last if grid else 1)),
            full(b"iloc", struct.pack(">HH", 0x4400, last), places, version=1),
            full(b"iinf", struct.pack(">H", len(entries)), *entries),
            references,
            box(
                b"iprp",
                box(b"ipco", *properties),
                full(b"ipma", struct.pack(">I", len(links)), told),
            ),
            box(b"idat", grid) if grid else b"",
        )

    begin = len(head) + len(meta(0)) + 8
    path.write_bytes(head + meta(begin) + box(b"mdat", *coded))
    return path
