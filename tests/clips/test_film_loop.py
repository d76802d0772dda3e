"""Films that end where they begin."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import small_extractor
from pictures import fractal_pixels

from dreamstream._libraries import av
from dreamstream.cli.main import main
from dreamstream.clips.disk_buffer import DiskBuffer
from dreamstream.clips.film_loop import Looper
from dreamstream.clips.loop_fade import LoopFadeSource
from dreamstream.config import DreamConfig
from dreamstream.dream.dreamer import Dreamer
from dreamstream.errors import DreamstreamError, SourceError
from dreamstream.frames import Frame, Pixels
from dreamstream.rendering.looped import looped
from dreamstream.sources import ArraySource, open_source
from dreamstream.temporal.frame_analysis import AnalysisState, FrameAnalysis

HEIGHT, WIDTH, COUNT = 64, 96, 16
SCENE = fractal_pixels(HEIGHT, WIDTH, seed=4)
QUICK: dict[str, Any] = {
    "layers": {"deep": 1.0},
    "octaves": 2,
    "first_steps": 4,
    "steps": 1,
    "dream_size": None,
    "max_loss": None,
}
SHORT = ["-q", "--layers", "textures", "--octaves", "1", "--first-steps", "2", "--steps", "1"]


def swing(count: int) -> list[int]:
    return [round(6 * np.sin(2 * np.pi * (i + 1.5) / count)) for i in range(count)]


def turn(count: int = COUNT) -> list[Pixels]:
    """Make a film that closes by itself: a scene that swings to and fro."""
    return [np.roll(SCENE, shift, axis=1) for shift in swing(count)]


def write_film(path: Path, pictures: list[Pixels], rate: int = 25) -> None:
    with av.open(str(path), "w") as output:
        stream = output.add_stream("ffv1", rate=rate)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "bgr0"
        for pixels in pictures:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        output.mux(stream.encode(None))


def read(path: str) -> list[Pixels]:
    with open_source(path) as source:
        return [frame.pixels for frame in source]


def distances(frames: list[Pixels]) -> tuple[float, float]:
    """Return how far the last frame is from the first, and the median of neighbours."""

    def away(one: Pixels, other: Pixels) -> float:
        return float(np.abs(one.astype(float) - other).mean())

    inner = [away(one, other) for one, other in pairwise(frames)]
    return away(frames[-1], frames[0]), float(np.median(inner))


def dream_changes(frames: list[Pixels]) -> tuple[float, float]:
    """Return how far the dream changes from last to first, and from neighbour to neighbour.

    The scene's own motion, which is known, is taken out first.
    """
    shifts = swing(len(frames))
    pairs = zip(frames, turn(len(frames)), strict=True)
    still = [
        np.roll(frame.astype(float) - source, -shift, axis=1)
        for (frame, source), shift in zip(pairs, shifts, strict=True)
    ]
    inner = [float(np.abs(one - other).mean()) for one, other in pairwise(still)]
    return float(np.abs(still[-1] - still[0]).mean()), float(np.median(inner))


def two_passes(looper: Looper, pictures: list[Pixels]) -> tuple[list[Pixels], list[Pixels]]:
    passes = []
    for _ in range(2):
        made = []
        for index, pixels in enumerate(pictures):
            analysis = looper.analyse(pixels)
            looper.prepare(Frame(pixels, Fraction(index, 25), index), analysis)
            made.append(looper.dream(pixels, analysis))
        passes.append(made)
        if len(passes) == 1:
            looper.close_up("film")
    return passes[0], passes[1]


def test_the_second_pass_begins_warm_and_ends_as_the_first_did() -> None:
    dreamer = Dreamer(DreamConfig(**QUICK), small_extractor())
    info = ArraySource(turn(), rate=Fraction(25)).info
    first, second = two_passes(looped(dreamer, info), turn())
    np.testing.assert_array_equal(second[-1], first[-1])
    assert (second[0] != first[0]).any()
    seam, median = dream_changes(second)
    open_seam, _ = dream_changes(first)
    assert seam <= 1.2 * median
    assert seam < open_seam


def test_a_film_of_one_frame_is_no_loop() -> None:
    dreamer = Dreamer(DreamConfig(**QUICK), small_extractor())
    looper = looped(dreamer, ArraySource(turn(), rate=Fraction(25)).info)
    looper.prepare(Frame(SCENE, Fraction(0), 0), FrameAnalysis(AnalysisState()))
    looper.dream(SCENE)
    with pytest.raises(DreamstreamError, match="has at least 2 frames"):
        looper.close_up("film")


def test_a_films_end_dissolves_into_its_beginning() -> None:
    ramp = [np.full((4, 6, 3), 10 * i, np.uint8) for i in range(20)]
    source = LoopFadeSource(ArraySource(ramp, rate=Fraction(10)), Fraction(2, 5), "film")
    assert source.info.frames == 16
    assert source.info.begin == Fraction(2, 5)
    frames = list(source)
    assert [frame.index for frame in frames] == list(range(16))
    assert [frame.time for frame in frames] == [Fraction(i, 10) for i in range(16)]
    levels = [int(frame.pixels[0, 0, 0]) for frame in frames]
    assert levels[:12] == [10 * i for i in range(4, 16)]
    assert levels[12:] == sorted(levels[12:], reverse=True)
    assert abs(levels[-1] - 30) < 16  # the frame before the first one that is left


@pytest.mark.parametrize("count", [1, 4, 7])
def test_a_film_that_is_too_short_does_not_dissolve(count: int) -> None:
    ramp = [np.full((4, 6, 3), i, np.uint8) for i in range(count)]
    with pytest.raises(SourceError, match="not twice as long"):
        list(LoopFadeSource(ArraySource(ramp, rate=Fraction(10)), Fraction(2, 5), "film"))


def test_a_picture_on_disk_may_be_replaced_and_no_other_place_written() -> None:
    buffer = DiskBuffer()
    for index in range(3):
        buffer[index] = np.full((2, 3, 3), index, np.float32)
    buffer[1] = np.full((2, 3, 3), 9, np.float32)
    assert [float(buffer[i][0, 0, 0]) for i in range(3)] == [0, 9, 2]
    with pytest.raises(IndexError):
        buffer[4] = np.zeros((2, 3, 3), np.float32)
    with pytest.raises(ValueError, match="shape"):
        buffer[1] = np.zeros((2, 4, 3), np.float32)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)
    write_film(tmp_path / "in.mkv", turn())
    return tmp_path


@pytest.mark.parametrize("options", [[], ["--mask", "luma:0-.6"], ["--loop-fade", ".16"]])
@pytest.mark.parametrize("output", ["out.mkv", "out.gif"])
def test_a_film_and_an_animation_close(folder: Path, output: str, options: list[str]) -> None:
    codec = ["--codec", "ffv1"] if output == "out.mkv" else []
    assert main(["in.mkv", output, "--loop", *codec, *options, *SHORT]) == 0
    frames = read(output)
    assert len(frames) == (COUNT - 4 if "--loop-fade" in options else COUNT)
    seam, median = distances(frames)
    assert seam <= 1.1 * median


def test_a_loop_that_was_broken_off_is_resumed_to_the_byte(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dreamstream.journal import folder as journal_folder
    from dreamstream.rendering import pipeline
    from dreamstream.sinks import segments

    monkeypatch.setattr(segments, "LONGEST_SEGMENT", 5)
    monkeypatch.setattr(journal_folder, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(journal_folder, "PAUSE", 0.0)
    options = ["--loop", "--loop-fade", ".12", "--mask", "luma:0-.6", *SHORT]
    assert main(["in.mkv", "whole.mkv", *options]) == 0
    write = pipeline._Writing._write

    def broken(self: Any, frame: Frame) -> Any:
        if frame.index == 8:
            raise MemoryError("enough")
        return write(self, frame)

    monkeypatch.setattr(pipeline._Writing, "_write", broken)
    assert main(["in.mkv", "out.mkv", *options]) == 1
    monkeypatch.setattr(pipeline._Writing, "_write", write)
    assert main(["in.mkv", "out.mkv", *options, "--resume"]) == 0
    assert Path("out.mkv").read_bytes() == Path("whole.mkv").read_bytes()


def test_a_cut_at_the_seam_is_told(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    one, other = (fractal_pixels(HEIGHT, WIDTH, seed=seed) for seed in (1, 2))
    dark = (other // 8).astype(np.uint8)
    pictures = [np.roll(one, i, axis=1) for i in range(6)] + [
        np.roll(dark, i, axis=1) for i in range(6)
    ]
    write_film(folder / "cut.mkv", pictures)
    quick = [option for option in SHORT if option != "-q"]
    assert main(["cut.mkv", "out.mkv", "--loop", *quick]) == 0
    assert "does not lead from its end to its beginning" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "flag"),
    [
        (["in.mkv", "out.png", "--loop"], "--loop"),
        (["in.mkv", "out.mkv", "--loop-fade", "1"], "--loop-fade"),
        (["in.mkv", "out.mkv", "--loop", "--loop-fade", "0"], "--loop-fade"),
        (["in.mkv", "out.mkv", "--loop", "--loop-fade", "x"], "--loop-fade"),
        (["in.mkv", "out.mkv", "--loop", "--loop-fade", "9"], "--loop-fade"),
        (["in.mkv", "out.png", "--loop", "--preview", "0"], "--loop"),
        (["-", "out.mkv", "--loop"], ""),
    ],
)
def test_what_can_not_close_is_refused_in_a_line(
    folder: Path, arguments: list[str], flag: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, *SHORT]) in (2, 3)
    (line,) = capfd.readouterr().err.splitlines()
    assert flag in line
    assert not Path(arguments[1]).exists()
