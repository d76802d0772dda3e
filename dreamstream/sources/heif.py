"""HEIC and AVIF stills: tiles put together, transparency, and the orientation of the whole."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np

from dreamstream._libraries import av
from dreamstream.errors import SourceError
from dreamstream.frames import Pixels
from dreamstream.sources.colour import ToRgb
from dreamstream.sources.heif_boxes import HeifError, Item, MainPicture, read_main_picture
from dreamstream.sources.raw import RawPicture


def heif_size(path: Path) -> tuple[int, int]:
    """Read (height, width) of a file's main picture from its head, before it is turned.

    Raises:
        SourceError: It is damaged, or of a form that is not read here.
    """
    item = _main_picture(path).item
    return item.height, item.width


def read_heif(path: Path) -> RawPicture:
    """Read a file's main picture.

    Raises:
        SourceError: It can't be decoded, or a tile of it is missing.
    """
    main = _main_picture(path)
    wanted = [main.item] if main.alpha is None else [main.item, main.alpha]
    try:
        decoded = _decode(path, wanted)
    except (av.error.FFmpegError, ValueError) as error:
        raise _unreadable(path, "it is damaged") from error
    if any(canvas.missing for canvas in decoded):
        raise _unreadable(path, "it is damaged: a part of it is missing")
    alpha = decoded[1].pixels[..., 0] if main.alpha is not None else None
    return RawPicture(decoded[0].pixels, alpha, main.orientation, main.profile)


def _main_picture(path: Path) -> MainPicture:
    try:
        with path.open("rb") as file:
            return read_main_picture(file)
    except HeifError as error:
        raise _unreadable(path, str(error)) from error


def _unreadable(path: Path, why: str) -> SourceError:
    return SourceError(f"reading {path} failed: {why}; convert it to PNG or JPEG first")


@dataclass(slots=True)
class _Canvas:
    """A picture that is put together from its tiles.

    Attributes:
        item: How they lie.
        missing: Places of tiles that have not come, by the numbers of their streams.
        pixels: (H, W, 3) uint8 RGB.
    """

    item: Item
    missing: dict[int, list[int]] = field(default_factory=dict)
    pixels: Pixels = field(init=False)

    def __post_init__(self) -> None:
        self.pixels = np.zeros((self.item.height, self.item.width, 3), np.uint8)
        for place, tile in enumerate(self.item.tiles):
            self.missing.setdefault(tile, []).append(place)

    def put(self, tile: int, pixels: Pixels) -> None:
        """Put a tile in its places; what reaches beyond the picture is cut off."""
        height, width = pixels.shape[:2]
        for place in self.missing.pop(tile, []):
            top = place // self.item.columns * height
            left = place % self.item.columns * width
            free = self.pixels[top : top + height, left : left + width]
            free[:] = pixels[: free.shape[0], : free.shape[1]]


def _decode(path: Path, items: list[Item]) -> list[_Canvas]:
    """Decode some pictures of a file, tile by tile."""
    canvases = [_Canvas(item) for item in items]
    to_rgb = ToRgb(str(path))
    numbers = {tile for item in items for tile in item.tiles}
    with av.open(str(path)) as file:
        streams = [one for one in file.streams.video if one.id in numbers]
        for stream in streams:
            if stream.codec_context is not None:
                stream.codec_context.thread_count = 1  # there may be hundreds of them
        for packet in file.demux(streams):
            for picture in cast("list[av.VideoFrame]", packet.decode()):
                for canvas in canvases:
                    if packet.stream.id in canvas.missing:
                        canvas.put(packet.stream.id, to_rgb.stored(picture))
    return canvases
