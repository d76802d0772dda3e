"""What a file asks players to do to its pictures: edges cut off, captions shown."""

from pathlib import Path

import clips
import numpy as np
import pytest

from dreamstream._libraries import av
from dreamstream.sinks import open_sink
from dreamstream.sources import open_source

HEIGHT, WIDTH = 108, 192
COLOUR = b"\x55\xb0\x90"
"""Head of Matroska's element for colours, which the pictures tell as well, and its 16 bytes."""

VOID = b"\xec\x89" + bytes(9)
"""Matroska's filling."""


def crop_flagged(path: Path, flags: bytes) -> Path:
    """Write a film whose 8 bytes of crop flags stand where its colours stood."""
    clips.write_clip(path, clips.pictures(5, HEIGHT, WIDTH), sound=None)
    head, colour, rest = path.read_bytes().partition(COLOUR)
    assert colour
    path.write_bytes(head + flags + VOID + rest[COLOUR[-1] & 0x7F :])
    return path


@pytest.mark.parametrize(
    ("flags", "rows", "columns"),
    [
        (b"\x54\xbb\x81\x14\x54\xaa\x81\x14", slice(20, 88), slice(None)),
        (b"\x54\xcc\x81\x10\x54\xdd\x81\x20", slice(None), slice(16, 160)),
        (b"\x54\xbb\x81\x0b\x54\xcc\x81\x05", slice(11, None), slice(5, None)),
    ],
)
def test_a_matroskas_crop_flags_are_followed(
    tmp_path: Path, flags: bytes, rows: slice, columns: slice
) -> None:
    with open_source(crop_flagged(tmp_path / "in.mkv", flags)) as source:
        assert (source.info.height, source.info.width) == (
            len(range(HEIGHT)[rows]),
            len(range(WIDTH)[columns]),
        )
        for frame, pixels in zip(source, clips.pictures(5, HEIGHT, WIDTH), strict=True):
            difference = frame.pixels.astype(int) - pixels[rows, columns]
            assert np.abs(difference).max() <= 2


@pytest.mark.parametrize("cut", [0, 40, 60, 300])
def test_a_head_that_breaks_off_is_no_crop(tmp_path: Path, cut: int) -> None:
    from dreamstream.sources.cropping import crop_of

    path = crop_flagged(tmp_path / "in.mkv", b"\x54\xbb\x81\x14\x54\xaa\x81\x14")
    path.write_bytes(path.read_bytes()[:cut])
    assert not crop_of(path, 0)


def captioned(path: Path, parts: bytes) -> Path:
    """Write H.264 whose pictures bear closed captions (ATSC A/53 in an SEI message)."""
    context = av.CodecContext.create("libx264", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = 64, 48, "yuv420p"
    context.time_base, context.options = 1 / clips.RATE, {"bf": "0", "x264-params": "annexb=1"}
    payload = b"\xb5\x00\x31GA94\x03" + bytes([0x40 | len(parts) // 3, 0xFF]) + parts + b"\xff"
    message = b"\0\0\0\1\x06\x04" + bytes([len(payload)]) + payload + b"\x80"
    data = []
    for index, pixels in enumerate(clips.pictures(5)):
        picture = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format="yuv420p")
        picture.pts, picture.time_base = index, 1 / clips.RATE
        data += [bytes(packet) for packet in context.encode(picture)]
    data += [bytes(packet) for packet in context.encode(None)]
    path.write_bytes(data[0] + b"".join(message + packet for packet in data[1:]))
    return path


@pytest.mark.parametrize(
    ("parts", "warned"),
    [(b"\xfc\x94\x2c", True), (b"\xfc\x80\x80", False), (b"\xf8\x94\x2c", False)],
)
def test_closed_captions_are_left_out_with_one_warning(
    tmp_path: Path, parts: bytes, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    path = captioned(tmp_path / "in.h264", parts)
    with open_source(path) as source, open_sink(tmp_path / "out.mp4", source.info) as sink:
        frames = list(source)
        for frame in frames:
            sink.write(frame)
    assert len(frames) == 5
    assert caplog.text.count("closed captions") == warned
