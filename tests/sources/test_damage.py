"""Damaged streams: what can be decoded is given, the rest is counted, and nothing else ends it."""

import struct
import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import clips
import numpy as np
import pytest
from PIL import Image

from dreamstream._libraries import av
from dreamstream.config import MediaConfig
from dreamstream.errors import SourceError
from dreamstream.sources import VideoSource, open_source


def chunks(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Walk over a PNG's chunks: position, name, content."""
    position = 8
    while position < len(data):
        size, name = struct.unpack_from(">I4s", data, position)
        yield position, name, data[position + 8 : position + 8 + size]
        position += 12 + size


def write_apng(path: Path, count: int = 4) -> Path:
    pictures = [
        Image.fromarray(np.full((24, 32, 3), 40 * index + 20, np.uint8)) for index in range(count)
    ]
    pictures[0].save(path, "png", save_all=True, append_images=pictures[1:], duration=100)
    return path


def spoil(path: Path, number: int) -> None:
    """Make the compressed data of one of an APNG's later pictures undecodable."""
    data = bytearray(path.read_bytes())
    found = [(at, body) for at, name, body in chunks(bytes(data)) if name == b"fdAT"]
    at, body = found[number]
    spoilt = body[:4] + b"\xff" * (len(body) - 4)
    data[at + 8 : at + 8 + len(body)] = spoilt
    data[at + 8 + len(body) : at + 12 + len(body)] = struct.pack(">I", zlib.crc32(b"fdAT" + spoilt))
    path.write_bytes(data)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_picture_of_an_apng_that_its_decoder_refuses_costs_itself_only(
    tmp_path: Path, number: int
) -> None:
    path = write_apng(tmp_path / "a.apng")
    spoil(path, number)
    with open_source(path) as source:
        values = [int(frame.pixels[0, 0, 0]) for frame in source]
        assert source.damaged == 1
    assert values == [20, *(40 * index + 20 for index in (1, 2, 3) if index != number + 1)]


class Refusing:
    """A packet whose decoder fails in some way."""

    def __init__(self, packet: Any, error: Exception) -> None:
        self._packet, self._error = packet, error

    def decode(self) -> Any:
        raise self._error


ERRORS = [
    av.error.PatchWelcomeError,
    av.error.ExternalError,
    av.error.ArgumentError,
    av.error.BugError,
    av.error.UnknownError,
    av.error.MemoryError,
    av.error.InvalidDataError,
]


@pytest.mark.parametrize("kind", ERRORS)
def test_whatever_a_decoder_objects_to_is_damage(
    clip: Path, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    genuine = VideoSource._packets

    def packets(source: VideoSource) -> Iterator[Any]:
        for index, packet in enumerate(genuine(source)):
            yield Refusing(packet, kind(1, "no")) if index == 20 else packet

    monkeypatch.setattr(VideoSource, "_packets", packets)
    with open_source(clip) as source:
        assert sum(1 for _ in source) >= 20
        assert source.damaged >= 1


def test_pictures_that_can_not_be_made_visible_are_damage_and_none_at_all_bad_input(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dreamstream.sources.colour import ToRgb

    genuine, calls = ToRgb.__call__, iter(range(100))

    def convert(to_rgb: ToRgb, picture: Any) -> Any:
        if next(calls) in (0, 7):
            raise av.error.ArgumentError(22, "Invalid argument")
        return genuine(to_rgb, picture)

    monkeypatch.setattr(ToRgb, "__call__", convert)
    with open_source(clip) as source:
        assert (sum(1 for _ in source), source.damaged) == (23, 2)

    def refuse(*_: Any) -> Any:
        raise ValueError("no")

    monkeypatch.setattr(ToRgb, "__call__", refuse)
    with open_source(clip) as source, pytest.raises(SourceError, match="no picture of it"):
        next(source)


# --- seeking ---------------------------------------------------------------------------------


def write_false_keys(path: Path) -> Path:
    """Write a film of which the index calls a picture a key frame that refers to those before."""
    frames = clips.pictures(50, 96, 128)
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"crf": "10", "g": "100", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for index, pixels in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            picture.pts, picture.time_base = index, Fraction(1, 25)
            for packet in stream.encode(picture):
                packet.is_keyframe = packet.is_keyframe or packet.pts in (10, 20, 30)
                output.mux(packet)
        output.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("index", [20, 24, 35])
def test_a_start_behind_a_key_frame_that_is_none_gives_whole_pictures(
    tmp_path: Path, index: int
) -> None:
    path = write_false_keys(tmp_path / "f.mp4")
    with open_source(path) as source:
        wanted = [frame.pixels for frame in source][index:]
    with open_source(path, MediaConfig(start=Fraction(index, 25))) as source:
        frames = list(source)
        assert source.damaged == 0
    assert len(frames) == len(wanted)
    for frame, pixels in zip(frames, wanted, strict=True):
        np.testing.assert_array_equal(frame.pixels, pixels)


def test_a_start_in_a_real_film_whose_key_frames_are_none_is_whole(real_clips: Path) -> None:
    path, start = real_clips / "cockatoo.mp4", Fraction(5)
    with open_source(path) as source:
        wanted = next(frame for frame in source if frame.time >= start)
    with open_source(path, MediaConfig(start=start)) as source:
        np.testing.assert_array_equal(next(source).pixels, wanted.pixels)
        assert source.damaged == 0


def test_a_start_behind_real_damage_still_gives_a_picture(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "d.mp4", clips.pictures(75, 96, 128), sound=None)
    data = bytearray(path.read_bytes())
    begin = data.index(b"mdat") + 4 + len(data) // 3
    data[begin : begin + 400] = bytes(400)
    path.write_bytes(data)
    with open_source(path, MediaConfig(start=Fraction(2))) as source:
        times = [frame.time for frame in source]
    assert times[0] == 0
    assert len(times) >= 20
