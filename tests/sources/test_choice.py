"""Which of a file's streams is taken, and which reader by what a file holds."""

from fractions import Fraction
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from dreamstream._libraries import av
from dreamstream.errors import SourceError
from dreamstream.sources import open_source
from dreamstream.sources.opening import video_streams

Disposition = av.stream.Disposition


def write_streams(path: Path, *streams: tuple[int, int, Disposition]) -> Path:
    """Write a file of several streams: width, number of pictures and disposition of each."""
    with av.open(str(path), "w") as output:
        made = []
        for width, count, disposition in streams:
            stream = output.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = width, width // 2, "yuv420p"
            stream.disposition = disposition
            made.append((stream, count))
        for stream, count in made:
            for index in range(count):
                pixels = np.full((stream.height, stream.width, 3), 9 * index + 20, np.uint8)
                picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                picture.pts, picture.time_base = index, Fraction(1, 25)
                output.mux(stream.encode(picture))
            output.mux(stream.encode(None))
    return path


NONE, DEFAULT = Disposition(0), Disposition.default
CHOICES = {
    "a thumbnail first": [(32, 1, DEFAULT), (64, 9, DEFAULT)],
    "a larger picture first": [(128, 1, DEFAULT), (64, 9, NONE)],
    "the larger of two": [(32, 9, DEFAULT), (64, 9, DEFAULT)],
    "the default one of two": [(128, 9, NONE), (64, 9, DEFAULT)],
    "the only one": [(64, 9, NONE)],
    "the first of equal ones": [(64, 9, DEFAULT), (64, 3, DEFAULT)],
}


@pytest.mark.parametrize("case", CHOICES)
def test_the_main_stream_is_taken(tmp_path: Path, case: str) -> None:
    path = write_streams(tmp_path / "s.mp4", *CHOICES[case])
    with open_source(path) as source:
        assert (source.info.width, sum(1 for _ in source)) == (64, 9)


def spoil(path: Path, stream: int) -> None:
    """Zero what a stream's packets hold."""
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as file:
        for packet in file.demux(file.streams[stream]):
            if packet.size:
                begin = cast(int, packet.pos)
                data[begin : begin + packet.size] = bytes(packet.size)
    path.write_bytes(data)


def test_where_the_main_stream_can_not_be_decoded_another_is_taken(tmp_path: Path) -> None:
    path = write_streams(tmp_path / "s.mp4", (64, 9, DEFAULT), (32, 5, NONE))
    spoil(path, 0)
    with open_source(path) as source:
        assert (source.info.width, sum(1 for _ in source), source.damaged) == (32, 5, 0)


def test_where_none_can_be_decoded_it_is_said(tmp_path: Path) -> None:
    path = write_streams(tmp_path / "s.mp4", (64, 9, DEFAULT), (32, 5, NONE))
    spoil(path, 0)
    spoil(path, 1)
    with pytest.raises(SourceError, match="no picture of it can be decoded"):
        open_source(path)


def test_the_order_of_streams_has_the_others_too(tmp_path: Path) -> None:
    path = write_streams(tmp_path / "s.mp4", (32, 1, DEFAULT), (64, 9, NONE), (48, 9, DEFAULT))
    with av.open(str(path)) as file:
        assert [one.width for one in video_streams(file, "it")] == [48, 64, 32]
