"""Pictures and films that are stored turned or mirrored stand upright."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import clips
import numpy as np
import pytest
from PIL import Image

from dreamstream._libraries import av
from dreamstream.frames import Pixels
from dreamstream.sources import open_source
from dreamstream.sources.orientation import (
    EXIF_ORIENTATIONS,
    UPRIGHT,
    Orientation,
    exif_orientation,
)

ONE = 1 << 16
W = 1 << 30

MATRICES: dict[str, tuple[tuple[int, ...], Callable[[Any], Any]]] = {
    "none": ((ONE, 0, 0, ONE), lambda stored: stored),
    "mirrored": ((-ONE, 0, 0, ONE), lambda stored: stored[:, ::-1]),
    "flipped": ((ONE, 0, 0, -ONE), lambda stored: stored[::-1]),
    "half a turn": ((-ONE, 0, 0, -ONE), lambda stored: stored[::-1, ::-1]),
    "a quarter turn right": ((0, ONE, -ONE, 0), lambda stored: np.rot90(stored, -1)),
    "a quarter turn left": ((0, -ONE, ONE, 0), lambda stored: np.rot90(stored, 1)),
    "transposed": ((0, ONE, ONE, 0), lambda stored: stored.swapaxes(0, 1)),
    "transposed and turned": (
        (0, -ONE, -ONE, 0),
        lambda stored: np.rot90(stored, 2).swapaxes(0, 1),
    ),
}
"""A display matrix (a, b, c, d), and what it does, as FFmpeg's transpose, hflip and vflip do it."""


def write_film(path: Path, pixels: Pixels, matrix: tuple[int, ...]) -> Path:
    a, b, c, d = matrix
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264rgb", rate=25, options={"qp": "0"})
        stream.height, stream.width, stream.pix_fmt = *pixels.shape[:2], "rgb24"
        stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, W])
        for _ in range(2):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        output.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("name", MATRICES)
def test_a_film_stands_as_its_display_matrix_says(tmp_path: Path, name: str) -> None:
    matrix, made = MATRICES[name]
    (stored,) = clips.pictures(1)
    wanted = made(stored)
    with open_source(write_film(tmp_path / "f.mp4", stored, matrix)) as source:
        assert (source.info.height, source.info.width) == wanted.shape[:2]
        np.testing.assert_array_equal(next(source).pixels, wanted)


def exif(number: int) -> Image.Exif:
    made = Image.Exif()
    made[0x112] = number
    return made


def marked() -> Pixels:
    """Make an opaque picture of which no corner is like another, with a hole beside one."""
    pixels = np.full((40, 64, 4), (90, 90, 90, 255), np.uint8)
    pixels[:8, :8] = (250, 20, 20, 255)
    pixels[:8, -8:] = (20, 250, 20, 255)
    pixels[8:16, :16] = (0, 0, 0, 0)
    return pixels


def on_white(pixels: Pixels) -> Pixels:
    return np.where(pixels[..., 3:] == 0, 255, pixels[..., :3]).astype(np.uint8)


EXIF: dict[int, Callable[[Any], Any]] = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: np.rot90(stored, 2),
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.rot90(stored, 2).swapaxes(0, 1),
    8: lambda stored: np.rot90(stored, 1),
}


@pytest.mark.parametrize("number", EXIF)
@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_a_still_and_its_holes_stand_as_its_exif_says(
    tmp_path: Path, suffix: str, number: int
) -> None:
    path = tmp_path / f"s{suffix}"
    options: dict[str, Any] = {"lossless": True, "exact": True} if suffix == ".webp" else {}
    Image.fromarray(marked()).save(path, exif=exif(number), **options)
    with open_source(path) as source:
        np.testing.assert_array_equal(next(source).pixels, on_white(EXIF[number](marked())))


@pytest.mark.parametrize("number", EXIF)
@pytest.mark.parametrize("name", ["s.jpg", "s.jfif", "s.png"])
def test_a_jpeg_by_any_name_stands_as_its_exif_says(tmp_path: Path, name: str, number: int) -> None:
    path = tmp_path / name
    opaque = np.ascontiguousarray(marked()[..., :3])
    Image.fromarray(opaque).save(path, "jpeg", exif=exif(number), quality=100, subsampling=0)
    with open_source(path) as source:
        pixels = next(source).pixels.astype(int)
    assert np.abs(pixels - EXIF[number](opaque)).mean() < 1


@pytest.mark.parametrize("number", EXIF)
def test_a_piped_picture_stands_as_its_exif_says(tmp_path: Path, number: int) -> None:
    from dreamstream.sources import VideoSource

    Image.fromarray(marked()).save(tmp_path / "s.png", exif=exif(number))
    with VideoSource(tmp_path / "s.png") as source:
        np.testing.assert_array_equal(next(source).pixels, on_white(EXIF[number](marked())))


@pytest.mark.parametrize("first", EXIF_ORIENTATIONS.values())
@pytest.mark.parametrize("second", EXIF_ORIENTATIONS.values())
def test_orientations_follow_one_another(first: Orientation, second: Orientation) -> None:
    pixels = np.arange(12).reshape(3, 4)
    np.testing.assert_array_equal(
        first.then(second).apply(pixels), second.apply(first.apply(pixels))
    )


@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_is_read_in_either_byte_order_and_torn_exif_is_upright(order: str) -> None:
    head = b"II*\0" if order == "<" else b"MM\0*"
    entry = struct.pack(f"{order}HHIHH", 0x112, 3, 1, 6, 0)
    whole = head + struct.pack(f"{order}IH", 8, 1) + entry
    assert exif_orientation(whole) == exif_orientation(b"Exif\0\0" + whole) == EXIF_ORIENTATIONS[6]
    for length in range(len(whole) - 3):
        assert exif_orientation(whole[:length]) == UPRIGHT
    assert exif_orientation(whole[:8] + b"\xff\xff" + whole[10:12]) == UPRIGHT
