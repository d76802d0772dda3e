"""Stills with a colour profile come out in sRGB."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import profiles
import pytest
from PIL import Image

from dreamstream.frames import Pixels
from dreamstream.sources import open_source
from dreamstream.sources.icc import to_srgb

P3 = profiles.rgb()


def convert(*colours: tuple[int, int, int], profile: bytes = P3) -> list[list[int]]:
    converted = to_srgb(np.array([colours], np.uint8), profile, "it")
    return cast(list[list[int]], converted[0].tolist())


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_a_wide_profile_is_brought_to_srgb(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"p{suffix}"
    picture = Image.new("RGB", (64, 48), (234, 51, 35))
    picture.paste((117, 251, 76), (32, 0, 64, 48))
    picture.save(path, icc_profile=P3, quality=100, lossless=True)
    with open_source(path) as source:
        pixels = next(source).pixels.astype(int)
    assert np.abs(pixels[:, :24] - (255, 0, 0)).max() <= 6
    assert np.abs(pixels[:, 40:] - (1, 255, 1)).max() <= 16


def test_p3_s_own_numbers() -> None:
    red, grey, white, black = convert((234, 51, 35), (128, 128, 128), (255,) * 3, (0,) * 3)
    assert np.abs(np.array(red) - (255, 0, 0)).max() <= 3
    assert np.abs(np.array(grey) - 128).max() <= 1
    assert (white, black) == ([255] * 3, [0] * 3)


def test_srgb_itself_is_left_as_it_is() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    assert to_srgb(pixels, profiles.rgb(profiles.SRGB), "it") is pixels


CURVES: dict[str, tuple[bytes, Callable[[float], float]]] = {
    "a gamma": (profiles.table(round(1.8 * 256)), lambda share: share**1.8),
    "none": (profiles.table(), lambda share: share),
    "a table": (profiles.table(0, 16384, 65535), lambda share: 0.25 if share == 0.5 else share),
    "formula 0": (profiles.formula(0, (1.8,)), lambda share: share**1.8),
    "formula 1": (profiles.formula(1, (2, 0.9, 0.1)), lambda share: (0.9 * share + 0.1) ** 2),
    "formula 2": (profiles.formula(2, (2, 0.8, 0, 0.2)), lambda share: 0.64 * share**2 + 0.2),
    "formula 4": (
        profiles.formula(4, (2, 0.9, 0, 0.5, 0.1, 0.1, 0)),
        lambda share: (0.9 * share) ** 2 + 0.1,
    ),
}


def encoded(light: float) -> int:
    return round(
        255 * (12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055)
    )


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("value", [51, 128, 255])
def test_each_form_of_curve_is_followed(name: str, value: int) -> None:
    tag, light = CURVES[name]
    ((red, green, blue),) = convert((value,) * 3, profile=profiles.rgb(profiles.SRGB, tag))
    if name == "a table":
        share = float(np.interp(value / 255, [0, 0.5, 1], [0, 0.25, 1]))
    else:
        share = light(value / 255)
    assert np.abs(np.array([red, green, blue]) - encoded(min(share, 1))).max() <= 2


def test_a_profile_of_grey_is_followed(tmp_path: Path) -> None:
    grey = profiles.icc({"kTRC": profiles.table(256)}, b"GRAY")
    Image.new("L", (8, 8), 55).save(tmp_path / "g.png", icc_profile=grey)
    with open_source(tmp_path / "g.png") as source:
        assert next(source).pixels[0, 0].tolist() == [encoded(55 / 255)] * 3


def tables_only() -> bytes:
    return profiles.icc({"A2B0": bytes(64)})


def torn() -> bytes:
    return P3[:200]


@pytest.mark.parametrize("profile", [tables_only(), torn(), b"", b"x" * 140])
def test_a_profile_that_can_not_be_read_is_said_and_left_out(
    profile: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    pixels: Pixels = np.full((2, 2, 3), 77, np.uint8)
    with caplog.at_level(logging.WARNING):
        assert to_srgb(pixels, profile, "it.png") is pixels
    assert "it.png: its colour profile is left out" in caplog.text


def test_any_byte_of_a_profile_may_be_wrong() -> None:
    pixels: Pixels = np.full((2, 2, 3), 77, np.uint8)
    for at in range(len(P3)):
        spoilt = bytearray(P3)
        spoilt[at] ^= 0xFF
        assert to_srgb(pixels, bytes(spoilt), "it").shape == pixels.shape
