"""Pictures larger than memory are refused by their heads, or read at the width that is wanted."""

import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import heifs
import numpy as np
import pytest
from PIL import Image

from dreamstream.config import MediaConfig
from dreamstream.errors import SourceError
from dreamstream.sources import open_source

GIGA = 10**9


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    def set_memory(size: float) -> None:
        monkeypatch.setattr("dreamstream.sources.limits.machine_memory", lambda: size)

    return set_memory


def png_head(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))


def gif(width: int, height: int) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    return head + b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x4c\x01\0;"


def webp(width: int, height: int, flags: int) -> bytes:
    body = bytes([flags, 0, 0, 0]) + (width - 1).to_bytes(3, "little")
    body += (height - 1).to_bytes(3, "little")
    data = b"WEBPVP8X" + struct.pack("<I", 10) + body
    return b"RIFF" + struct.pack("<I", len(data)) + data


def apng(width: int, height: int) -> bytes:
    control = b"acTL" + struct.pack(">II", 2, 0)
    return (
        png_head(width, height)
        + struct.pack(">I", 8)
        + control
        + struct.pack(">I", zlib.crc32(control))
    )


BOMBS = {
    "b.png": png_head(100_000, 100_000),
    "b.apng": apng(100_000, 100_000),
    "b.gif": gif(65_535, 65_535),
    "b.webp": webp(200_000, 200_000, 2),
    "s.webp": webp(200_000, 200_000, 0),
    "b.bmp": b"BM" + bytes(12) + struct.pack("<Iii", 40, 100_000, 100_000) + bytes(40),
    "b.jpg": b"\xff\xd8\xff\xc0" + struct.pack(">HBHHB", 11, 8, 65_535, 65_535, 1) + bytes(9),
    "b.tif": b"II*\0"
    + struct.pack("<IH", 8, 2)
    + b"".join(struct.pack("<HHII", tag, 4, 1, 100_000) for tag in (256, 257))
    + bytes(4),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_by_its_head(
    tmp_path: Path, name: str, memory: Callable[[float], None]
) -> None:
    memory(24 * GIGA)
    (tmp_path / name).write_bytes(BOMBS[name])
    tracemalloc.start()
    with pytest.raises(SourceError, match=r"at \d+x\d+ it takes .* GB of memory.*scale it down"):
        open_source(tmp_path / name)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_a_heif_bomb_is_refused_by_its_head(
    tmp_path: Path, memory: Callable[[float], None]
) -> None:
    tiles = [[np.zeros((64, 64, 3), np.uint8)] * 2]
    path = heifs.write_heif(tmp_path / "b.avif", tiles, shape=(60_000, 60_000))
    memory(24 * GIGA)
    with pytest.raises(SourceError, match="at 60000x60000 it takes"):
        open_source(path)


def test_what_fits_when_it_is_reduced_names_a_width_that_works(
    tmp_path: Path, memory: Callable[[float], None]
) -> None:
    path = tmp_path / "s.png"
    Image.new("RGB", (2000, 1000), (200, 40, 60)).save(path)
    memory((700e6 + 2_000_000 * 20) / 0.8)
    with pytest.raises(SourceError, match=r"at 2000x1000 it takes .* give --width 1200 or less"):
        open_source(path)
    with open_source(path, MediaConfig(width=1200)) as source:
        assert (source.info.height, source.info.width) == (600, 1200)
        assert np.abs(next(source).pixels.astype(int) - (200, 40, 60)).max() == 0


def test_what_fits_is_read_whole_whatever_the_width(
    tmp_path: Path, memory: Callable[[float], None]
) -> None:
    path = tmp_path / "s.png"
    Image.new("RGB", (2000, 1000)).save(path)
    memory((700e6 + 2_000_000 * 50) / 0.8)
    with open_source(path, MediaConfig(width=100)) as source:
        assert (source.info.height, source.info.width) == (1000, 2000)


def test_16000_a_side_fits_in_24_gigabytes(memory: Callable[[float], None]) -> None:
    from dreamstream.sources.limits import width_to_read

    memory(24 * GIGA)
    assert width_to_read("it", (16_000, 16_000), None) is None


def test_a_film_larger_than_memory_is_refused(clip: Path, memory: Callable[[float], None]) -> None:
    memory(700e6 / 0.8)
    with pytest.raises(SourceError, match="at 64x48 it takes"):
        open_source(clip)
