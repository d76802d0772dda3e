"""Pictures that memory can't hold, refused by their size before they are decoded."""

from dreamstream.errors import SourceError
from dreamstream.machine import machine_memory
from dreamstream.sources.headers import Size

PROGRAM_BYTES = 700e6
"""What the program takes without a picture (measured with dreamnet)."""

DECODED_BYTES, DREAMED_BYTES, FILM_BYTES = 12, 48, 80
"""Bytes for each pixel of a still while it is decoded, and of one that is dreamed at a smaller size
and put together whole (6000x6000 took 44 as peak resident memory); of a film, frames that are read
ahead besides."""

LARGEST_SHARE = 0.8
"""Of the machine's memory, what may be taken."""

_GIGA = 1e9


def require_room(name: str, size: Size) -> None:
    """Raise a SourceError where a film's pictures are larger than memory holds."""
    if _pixels(size) * FILM_BYTES > _room():
        raise _too_large(name, size, FILM_BYTES, "scale it down first")


def largest_picture() -> int:
    """Return the pixels of the largest picture of a film that memory holds."""
    return int(_room() / FILM_BYTES)


def width_to_read(name: str, size: Size, width: int | None) -> int | None:
    """Choose whether a still is reduced as soon as it is decoded.

    Args:
        name: What messages call it.
        size: Its (height, width).
        width: Columns that the output is to have; None is its own.

    Returns:
        ``width`` where the still is to be reduced to it; None where it is dreamed as it is.

    Raises:
        SourceError: Memory does not hold it.
    """
    pixels, room = _pixels(size), _room()
    if pixels * DREAMED_BYTES <= room:
        return None
    if pixels * DECODED_BYTES > room:
        raise _too_large(name, size, DECODED_BYTES, "scale it down first")
    fitting = int(size[1] * (room / (pixels * DREAMED_BYTES)) ** 0.5) // 100 * 100
    if width is None or width > fitting:
        remedy = f"give --width {fitting} or less, at which it is then read"
        raise _too_large(name, size, DREAMED_BYTES, remedy)
    return width


def _pixels(size: Size) -> int:
    return size[0] * size[1]


def _room() -> float:
    return max(LARGEST_SHARE * machine_memory() - PROGRAM_BYTES, 0)


def _too_large(name: str, size: Size, each: int, remedy: str) -> SourceError:
    height, width = size
    wanted = (height * width * each + PROGRAM_BYTES) / _GIGA
    return SourceError(
        f"reading {name} failed: at {width}x{height} it takes {wanted:.3g} GB of memory, of which "
        f"there are {machine_memory() / _GIGA:.3g}; {remedy}"
    )
