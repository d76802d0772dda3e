"""Stills of every form, by any name."""

import struct
import zlib
from pathlib import Path
from typing import Any

import clips
import numpy as np
import pytest
from PIL import Image

from dreamstream.sources import AnimatedWebpSource, ImageSource, VideoSource, open_source
from dreamstream.sources.headers import picture_size
from dreamstream.sources.kinds import Kind, kind_of


def write_grey_png(path: Path, bits: int) -> None:
    """Write a grey PNG of two values, of which the upper left quarter's is transparent."""
    most = (1 << bits) - 1
    hole, rest = most // 3, most
    rows = b""
    for row in range(8):
        values = [hole if row < 4 and column < 4 else rest for column in range(8)]
        packed = "".join(f"{value:0{bits}b}" for value in values)
        rows += b"\0" + int(packed, 2).to_bytes(bits)
    data = b"\x89PNG\r\n\x1a\n"
    head = struct.pack(">IIBBBBB", 8, 8, bits, 0, 0, 0, 0)
    parts = {b"IHDR": head, b"tRNS": struct.pack(">H", hole), b"IDAT": zlib.compress(rows)}
    for name, body in {**parts, b"IEND": b""}.items():
        data += struct.pack(">I", len(body)) + name + body
        data += struct.pack(">I", zlib.crc32(name + body))
    path.write_bytes(data)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_the_transparent_value_of_a_grey_png_is_white(tmp_path: Path, bits: int) -> None:
    write_grey_png(tmp_path / "g.png", bits)
    with open_source(tmp_path / "g.png") as source:
        pixels = next(source).pixels
    assert (pixels == 255).all()
    with Image.open(tmp_path / "g.png") as stored:
        assert len(np.unique(np.asarray(stored))) == 2  # there is a hole to be seen


@pytest.mark.parametrize("name", ["s.png", "s.gif", "s.mp4", "s", "s.txt"])
@pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
def test_a_still_is_known_by_its_content(tmp_path: Path, name: str, form: str) -> None:
    Image.new("RGB", (20, 10), (200, 40, 60)).save(tmp_path / name, form, quality=100)
    with open_source(tmp_path / name) as source:
        assert isinstance(source, ImageSource)
        assert (source.info.height, source.info.width, source.info.rate) == (10, 20, None)
        assert np.abs(next(source).pixels.astype(int) - (200, 40, 60)).max() <= 4


@pytest.mark.parametrize("name", ["a.png", "a.gif", "a.webp", "a.jpg", "a.mp4", "a"])
@pytest.mark.parametrize(
    ("form", "kind"), [("gif", VideoSource), ("webp", AnimatedWebpSource), ("png", VideoSource)]
)
def test_an_animation_is_known_by_its_content(
    tmp_path: Path, name: str, form: str, kind: type
) -> None:
    shades = [Image.new("RGB", (20, 10), (shade, 40, 60)) for shade in (50, 120, 200)]
    shades[0].save(
        tmp_path / name, form, save_all=True, append_images=shades[1:], duration=100, loop=0
    )
    with open_source(tmp_path / name) as source:
        assert isinstance(source, kind)
        assert source.info.rate is not None
        assert sum(1 for _ in source) == 3


@pytest.mark.parametrize("name", ["f.png", "f.gif", "f.jpg", "f.webp", "f"])
def test_a_film_is_known_by_its_content(tmp_path: Path, clip: Path, name: str) -> None:
    (tmp_path / name).write_bytes(clip.read_bytes())
    with open_source(tmp_path / name) as source:
        assert isinstance(source, VideoSource)
        assert sum(1 for _ in source) == 25


def test_a_film_of_jpegs_is_no_still(tmp_path: Path) -> None:
    data = b""
    for pixels in clips.pictures(3):
        Image.fromarray(pixels).save(tmp_path / "one.jpg")
        data += (tmp_path / "one.jpg").read_bytes()
    (tmp_path / "f.mjpeg").write_bytes(data)
    with open_source(tmp_path / "f.mjpeg") as source:
        assert sum(1 for _ in source) == 3


FORMS: dict[str, dict[str, Any]] = {
    "png": {},
    "gif": {},
    "bmp": {},
    "tiff": {},
    "jpeg": {},
    "JPEG": {"progressive": True, "exif": b"Exif\0\0" + bytes(3000)},
    "webp": {},
    "WEBP": {"lossless": True},
    "Webp": {"exif": b"Exif\0\0" + bytes(30)},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [(1, 1), (300, 7), (1000, 2000)])
def test_a_size_is_read_from_the_head(tmp_path: Path, form: str, size: tuple[int, int]) -> None:
    path = tmp_path / f"s.{form.lower()}"
    Image.new("RGB", size[::-1]).save(path, form, **FORMS[form])
    data = path.read_bytes()
    assert picture_size(data, kind_of(path)) == size
    for length in range(0, min(len(data), 60)):
        picture_size(data[:length], kind_of(path))  # nothing is raised


def test_what_says_no_size_has_none() -> None:
    assert picture_size(b"\xff\xd8\xff\xd9", Kind.JPEG) is None
    assert picture_size(b"II*\0", Kind.TIFF) is None
    assert picture_size(b"anything", Kind.OTHER) is None


def test_colours_of_print_are_made_rgb(tmp_path: Path) -> None:
    for name in ("c.jpg", "c.tif"):
        Image.new("CMYK", (20, 10), (0, 255, 255, 0)).save(tmp_path / name)
        with open_source(tmp_path / name) as source:
            assert np.abs(next(source).pixels.astype(int) - (255, 0, 0)).max() <= 3


def test_deep_pictures_are_reduced(tmp_path: Path) -> None:
    deep = (np.arange(256, dtype=np.uint16) * 257).reshape(16, 16)
    Image.fromarray(deep).save(tmp_path / "d.png")
    with open_source(tmp_path / "d.png") as source:
        np.testing.assert_array_equal(
            next(source).pixels[..., 1], np.arange(256, dtype=np.uint8).reshape(16, 16)
        )
