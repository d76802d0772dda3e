"""Stills and numbered images as sources, and how a picture file is read."""

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from dreamstream.config import MediaConfig
from dreamstream.errors import SourceError
from dreamstream.frames import NUMBER, Frame, Pixels, StreamInfo
from dreamstream.sources.base import Source, Trim
from dreamstream.sources.pictures import read_image
from dreamstream.sources.transparency import Ground

IMAGE_SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".tif", ".tiff"),
    *(".heic", ".heif", ".avif"),
)
"""Names of pictures in a folder."""

_DIGITS = re.compile(r"([0-9]+)")

IMAGE_RATE = Fraction(25)
"""Frames per second of numbered images, which tell none; FFmpeg takes the same."""


class ImageSource(Source):
    """One still, or numbered images as a stream of 25 frames per second.

    Args:
        paths: The pictures in their order; all of one size.
        rate: Frames per second; None for a still.
        media: ``start``, ``duration`` and ``frames`` choose what is read; pictures that memory
            does not hold otherwise are read at ``width``.
        ground: What is seen where a picture is transparent.

    Attributes:
        info: What is known of the stream, the size from its first picture.

    Raises:
        SourceError: The first picture can't be read, or the trim keeps none.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        rate: Fraction | None,
        media: MediaConfig | None = None,
        ground: Ground = Ground.WHITE,
    ) -> None:
        media = media or MediaConfig()
        kept = Trim.of(media).of_count(len(paths), rate)
        self._paths = [paths[position] for position in kept]
        self._index = 0
        self._width, self._ground = media.width or None, ground
        self._first: Pixels | None = read_image(self._paths[0], self._width, ground)
        height, width = self._first.shape[:2]
        self._step = 1 / rate if rate else Fraction(1)
        self.info = StreamInfo(
            height=height,
            width=width,
            rate=rate,
            time_base=self._step,
            frames=len(self._paths),
            path=self._paths[0],
            begin=kept[0] * self._step if rate else Fraction(0),
            numbers=numbers_of(self._paths) if rate else None,
            reads=frozenset(path.resolve() for path in self._paths),
        )

    def __next__(self) -> Frame:
        if self._index >= len(self._paths):
            raise StopIteration
        path, index = self._paths[self._index], self._index
        pixels, self._first = self._first, None
        if pixels is None:
            pixels = read_image(path, self._width, self._ground)
        if pixels.shape[:2] != (self.info.height, self.info.width):
            height, width = pixels.shape[:2]
            raise SourceError(
                f"reading {path} failed: it is {width}x{height} and the pictures before it are "
                f"{self.info.width}x{self.info.height}; scale them to one size first"
            )
        self._index += 1
        return Frame(pixels, index * self._step, index)

    def close(self) -> None:
        """End the stream."""
        self._paths = []


def numbered_images(target: str) -> list[Path]:
    """Find numbered images.

    Args:
        target: A pattern with one number, such as ``in/%05d.png``, or a folder, of which every
            picture is taken that is an ordinary file and not hidden.

    Returns:
        The files in the order of their numbers, whatever the first one is.

    Raises:
        SourceError: There is none.
    """
    folder = Path(target)
    if folder.is_dir():
        found = sorted(filter(_is_picture, folder.iterdir()), key=lambda path: _natural(path.name))
        remedy = f"give a folder with pictures ({', '.join(IMAGE_SUFFIXES)}) or a video file"
    else:
        found = [path for _, path in sorted(matching(target))]
        remedy = "check the folder and the number of digits"
    if not found:
        raise SourceError(f"reading {target} failed: there are no such pictures; {remedy}")
    return found


def matching(pattern: str) -> Iterator[tuple[int, Path]]:
    """Find the files that a numbered pattern such as ``in/%05d.png`` names.

    Yields:
        Number and path, unordered; nothing where the folder is missing.
    """
    path = Path(pattern)
    number = NUMBER.search(path.name)
    if number is None or not path.parent.is_dir():
        return
    digits = rf"(\d{{{int(number[1] or 1)},}})"
    before, after = path.name[: number.start()], path.name[number.end() :]
    expected = re.compile(re.escape(before) + digits + re.escape(after))
    for other in path.parent.iterdir():
        found = expected.fullmatch(other.name)
        if found and other.is_file():
            yield int(found[1]), other


def numbers_of(paths: Sequence[Path]) -> tuple[int, ...] | None:
    """Read the numbers of pictures whose names differ in one number alone.

    Returns:
        The numbers, which rise; None where the names are not of that kind.
    """
    names = [_DIGITS.split(path.stem) for path in paths]
    digits = range(1, len(names[0]), 2)
    if any(len(name) != len(names[0]) for name in names):
        return None
    columns = [tuple(int(name[place]) for name in names) for place in digits]
    texts = {tuple(name[::2]) for name in names}
    varying = [column for column in columns if len(paths) == 1 or len(set(column)) > 1]
    if len(texts) > 1 or not varying or (len(varying) > 1 and len(paths) > 1):
        return None
    numbers = varying[-1]
    return numbers if all(map(int.__lt__, numbers, numbers[1:])) else None


def _is_picture(path: Path) -> bool:
    """Return whether a folder's entry is a picture; macOS lays hidden companions beside them."""
    is_hidden = path.name.startswith(".")
    return path.suffix.lower() in IMAGE_SUFFIXES and not is_hidden and path.is_file()


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts ``f9`` before ``f10``."""
    return [(int(part or 0), text) for text, part in re.findall(r"(\D*)(\d*)", name)]
