"""The dreamed part alone: what is decoded makes the dream of the source when it is laid over it."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pictures import fractal_pixels

from dreamstream._libraries import av
from dreamstream.cli.main import main
from dreamstream.config import MediaConfig
from dreamstream.errors import TargetError
from dreamstream.frames import FloatImage, Frame, Pixels, StreamInfo
from dreamstream.rendering.dreamed_part import dreamed_part
from dreamstream.sinks import open_sink
from dreamstream.sinks.alpha import ALPHA_SUFFIXES

HEIGHT, WIDTH = 48, 64
BT709, FULL = 1, 2
"""As swscale numbers them."""


def smooth(seed: int) -> Pixels:
    """Make a picture whose colours may lose half of their resolution."""
    return np.asarray(
        cv2.GaussianBlur(fractal_pixels(HEIGHT, WIDTH, seed=seed), (0, 0), 2), np.uint8
    )


SOURCE = smooth(1)
DREAM = np.asarray(np.clip(SOURCE + 1.4 * (smooth(2).astype(float) - 128), 0, 255), np.uint8)
INFO = StreamInfo(HEIGHT, WIDTH, Fraction(25), Fraction(1, 25), frames=3, alpha=True)


def soft_mask() -> FloatImage:
    ramp = np.clip((np.arange(WIDTH, dtype=np.float32) - 20) / 20, 0, 1)
    return np.tile(ramp, (HEIGHT, 1))


def masked(mask: FloatImage) -> Pixels:
    """Return the dream as a masked frame shows it."""
    share, below = mask[..., None], SOURCE.astype(np.float32)
    return np.asarray(np.rint(below + share * (DREAM - below)), np.uint8)


def over(part: Pixels, below: Pixels) -> Any:
    """Lay a part over a picture, as compositors do."""
    share = part[..., 3:].astype(float) / 255
    return part[..., :3] * share + below * (1 - share)


@pytest.mark.parametrize("mask", [None, soft_mask()], ids=["plain", "masked"])
def test_over_its_source_the_part_is_the_dream_to_within_a_level(mask: FloatImage | None) -> None:
    dream = DREAM if mask is None else masked(mask)
    part = dreamed_part(SOURCE, dream, mask)
    assert np.abs(over(part, SOURCE) - dream).max() <= 1.6
    if mask is not None:
        np.testing.assert_array_equal(part[..., 3], np.rint(255 * mask))


def test_without_a_mask_what_has_not_changed_is_transparent() -> None:
    dream = SOURCE.copy()
    dream[10:20, 10:20] = 255 - dream[10:20, 10:20]
    alpha = dreamed_part(SOURCE, dream)[..., 3]
    unchanged = (dream == SOURCE).all(axis=-1)
    assert not alpha[unchanged].any()
    assert alpha[~unchanged].min() > 0
    assert not dreamed_part(SOURCE, SOURCE)[..., 3].any()


def decoded(path: Path) -> Iterator[Pixels]:
    """Read RGBA pictures, of VP9 with the decoder that knows of its transparency."""
    if path.suffix in (".png", ".webp"):
        stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert stored is not None
        yield np.asarray(stored[..., [2, 1, 0, 3]], np.uint8)
        return
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        decoder: Any = stream.codec_context
        if path.suffix == ".webm":
            assert stream.metadata["alpha_mode"] == "1"
            decoder = av.CodecContext.create("libvpx-vp9", "r")
        for packet in file.demux(stream):
            pictures = decoder.decode(packet) if packet.size else decoder.decode(None)
            for picture in pictures:
                rgba = picture.reformat(format="rgba", src_colorspace=BT709, dst_color_range=FULL)
                yield rgba.to_ndarray()


@pytest.mark.parametrize("suffix", ALPHA_SUFFIXES)
def test_what_is_decoded_makes_the_dream_of_the_source(tmp_path: Path, suffix: str) -> None:
    mask, path = soft_mask(), tmp_path / f"out{suffix}"
    part = dreamed_part(SOURCE, masked(mask), mask)
    one = suffix in (".png", ".webp")
    info = StreamInfo(HEIGHT, WIDTH, frames=1, alpha=True) if one else INFO
    with open_sink(path, info, MediaConfig()) as sink:
        for index in range(1 if one else 3):
            sink.write(Frame(part, Fraction(index, 25), index))
    pictures = list(decoded(path))
    assert len(pictures) == (1 if one else 3)
    within = {".webm": 4.0, ".mov": 1.5}.get(suffix, 0.6)  # VP9 halves the colours' resolution
    for picture in pictures:
        off = np.abs(picture[..., 3].astype(int) - part[..., 3])
        assert off.max() <= {".webm": 12, ".mov": 2}.get(suffix, 0)
        assert np.abs(over(picture, SOURCE) - masked(mask)).mean() < within


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out.gif", "out.jpg", "-", "out/%d.jpg"])
def test_other_files_are_refused_with_those_that_hold_it(tmp_path: Path, name: str) -> None:
    target = name if name == "-" else str(tmp_path / name)
    with pytest.raises(TargetError, match="holds no transparency") as refusal:
        open_sink(target, INFO)
    assert all(suffix in str(refusal.value) for suffix in ALPHA_SUFFIXES)


@pytest.mark.parametrize(("name", "codec"), [("out.mov", "h264"), ("out.webm", "av1")])
def test_a_codec_without_it_is_refused(tmp_path: Path, name: str, codec: str) -> None:
    with pytest.raises(TargetError, match="holds no transparency; "):
        open_sink(tmp_path / name, INFO, MediaConfig(codec=codec))


SHORT = ["-q", "--layers", "textures", "--octaves", "1", "--first-steps", "1", "--steps", "1"]


def write_film(path: Path, count: int = 7) -> None:
    with av.open(str(path), "w") as output:
        stream = output.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "bgr0"
        for index in range(count):
            pixels = np.roll(SOURCE, index, axis=1)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        output.mux(stream.encode(None))


def test_a_webm_with_transparency_is_resumed_to_the_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dreamstream.journal import folder as journal_folder
    from dreamstream.rendering import pipeline
    from dreamstream.sinks import segments

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.setattr(segments, "LONGEST_SEGMENT", 3)
    monkeypatch.setattr(journal_folder, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(journal_folder, "PAUSE", 0.0)
    monkeypatch.chdir(tmp_path)
    write_film(Path("in.mkv"))
    options = ["--alpha", "--mask", "luma:0-.5", *SHORT]
    assert main(["in.mkv", "whole.webm", *options]) == 0
    write = pipeline._Writing._write

    def broken(self: Any, frame: Frame) -> Any:
        if frame.index == 4:
            raise MemoryError("enough")
        return write(self, frame)

    monkeypatch.setattr(pipeline._Writing, "_write", broken)
    assert main(["in.mkv", "out.webm", *options]) == 1
    monkeypatch.setattr(pipeline._Writing, "_write", write)
    assert main(["in.mkv", "out.webm", *options, "--resume"]) == 0
    assert Path("out.webm").read_bytes() == Path("whole.webm").read_bytes()
    assert {picture.shape[2] for picture in decoded(Path("out.webm"))} == {4}


@pytest.mark.parametrize("more", [["--show"], ["--compare"], []])
def test_where_transparency_would_be_lost_it_is_refused_in_a_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    more: list[str],
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)
    write_film(Path("in.mkv"), 2)
    output = ["out.mov"] if more else []
    assert main(["in.mkv", *output, "--alpha", *more, *SHORT]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("dreamstream: --alpha: ")
