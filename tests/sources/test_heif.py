"""HEIC and AVIF: grids whole, turned, with their transparency and their profile."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import heifs
import numpy as np
import profiles
import pytest

from dreamstream.errors import SourceError
from dreamstream.frames import Pixels
from dreamstream.sources import ImageSource, open_source

RED, GREEN, BLUE, YELLOW = (200, 40, 40), (40, 200, 40), (40, 40, 200), (200, 200, 40)


def flat(colour: tuple[int, int, int], height: int = 64, width: int = 64) -> Pixels:
    return np.full((height, width, 3), colour, np.uint8)


def quarters() -> list[list[Pixels]]:
    return [[flat(RED), flat(GREEN)], [flat(BLUE), flat(YELLOW)]]


def read(path: Path) -> Pixels:
    with open_source(path) as source:
        assert isinstance(source, ImageSource)
        (frame,) = source
        assert frame.pixels.shape == (source.info.height, source.info.width, 3)
    return frame.pixels


def assert_near(pixels: Pixels, wanted: Any, most: float = 4) -> None:
    assert pixels.shape == wanted.shape
    assert np.abs(pixels.astype(int) - wanted).max() <= most


def assembled() -> Pixels:
    rows = [np.concatenate(row, axis=1) for row in quarters()]
    return np.concatenate(rows, axis=0)


@pytest.mark.parametrize("name", ["g.avif", "g.heic", "g.jpg", "g.mp4"])
def test_the_tiles_of_a_grid_are_put_together(tmp_path: Path, name: str) -> None:
    path = heifs.write_heif(tmp_path / name, quarters())
    assert_near(read(path), assembled())


def test_what_tiles_have_beyond_the_picture_is_cut_off(tmp_path: Path) -> None:
    path = heifs.write_heif(tmp_path / "g.avif", quarters(), shape=(100, 90))
    assert_near(read(path), assembled()[:100, :90])


TURNS: dict[str, tuple[list[bytes], Callable[[Any], Any]]] = {
    "a turn left": ([heifs.box(b"irot", b"\x01")], lambda pixels: np.rot90(pixels)),
    "half a turn": ([heifs.box(b"irot", b"\x02")], lambda pixels: np.rot90(pixels, 2)),
    "a turn right": ([heifs.box(b"irot", b"\x03")], lambda pixels: np.rot90(pixels, 3)),
    "flipped": ([heifs.box(b"imir", b"\x00")], lambda pixels: pixels[::-1]),
    "mirrored": ([heifs.box(b"imir", b"\x01")], lambda pixels: pixels[:, ::-1]),
    "turned, then mirrored": (
        [heifs.box(b"irot", b"\x01"), heifs.box(b"imir", b"\x01")],
        lambda pixels: np.rot90(pixels)[:, ::-1],
    ),
}


@pytest.mark.parametrize("case", TURNS)
def test_a_grid_and_a_single_picture_stand_upright(tmp_path: Path, case: str) -> None:
    extra, made = TURNS[case]
    grid = heifs.write_heif(tmp_path / "g.avif", quarters(), shape=(100, 128), extra=extra)
    assert_near(read(grid), made(assembled()[:100]))
    single = heifs.write_heif(tmp_path / "s.avif", [[assembled()]], extra=extra)
    strays = np.abs(read(single).astype(int) - made(assembled()))
    assert strays.mean() < 2  # colours run over where patches meet


def test_transparency_lies_on_white(tmp_path: Path) -> None:
    alpha = flat((255, 255, 255), 64, 128)
    alpha[:, :64] = 0
    path = heifs.write_heif(tmp_path / "a.avif", [[flat(RED, 64, 128)]], alpha=alpha)
    pixels = read(path)
    assert_near(pixels[:, :56], flat((255, 255, 255), 64, 56), 2)
    assert_near(pixels[:, 72:], flat(RED, 64, 56))


def test_its_profile_is_followed(tmp_path: Path) -> None:
    colr = heifs.box(b"colr", b"prof", profiles.rgb())
    path = heifs.write_heif(tmp_path / "p.avif", [[flat((234, 51, 35))]], extra=[colr])
    assert_near(read(path), flat((255, 0, 0)), 8)


def test_a_torn_grid_is_bad_input_and_says_so(tmp_path: Path) -> None:
    path = heifs.write_heif(tmp_path / "g.avif", quarters())
    data = path.read_bytes()
    path.write_bytes(data[:-40])
    with pytest.raises(SourceError, match="damaged"):
        read(path)
    for length in range(16, len(data), 7):
        path.write_bytes(data[:length])
        with pytest.raises(SourceError):
            read(path)


def test_any_byte_of_its_head_may_be_wrong(tmp_path: Path) -> None:
    path = heifs.write_heif(tmp_path / "g.avif", quarters())
    data = path.read_bytes()
    for at in range(0, data.index(b"mdat"), 3):
        spoilt = bytearray(data)
        spoilt[at] ^= 0xFF
        path.write_bytes(spoilt)
        with contextlib.suppress(SourceError), open_source(path) as source:
            list(source)
