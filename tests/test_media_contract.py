"""What every source and every sink promises."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import clips
import numpy as np
import pytest

from dreamstream._libraries import cv2
from dreamstream.config import MediaConfig
from dreamstream.errors import SourceError
from dreamstream.frames import Frame, StreamInfo
from dreamstream.sinks import ArraySink, Sink, TeeSink, open_sink
from dreamstream.sources import ArraySource, Source, open_source

COUNT = 10

MakeSource = Callable[[MediaConfig], Source]
MakeSink = Callable[[StreamInfo], Sink]


@pytest.fixture(params=["array", "folder", "pattern", "mp4", "mkv", "mov"])
def make_source(request: pytest.FixtureRequest, tmp_path: Path) -> MakeSource:
    kind, pictures = request.param, clips.pictures(COUNT)
    if kind == "array":
        return lambda media: ArraySource(pictures, clips.RATE, media)
    if kind in ("folder", "pattern"):
        for number, pixels in enumerate(pictures, start=7):
            cv2.imwrite(str(tmp_path / f"{number:04d}.png"), pixels[..., ::-1])
        target = tmp_path if kind == "folder" else tmp_path / "%04d.png"
        return lambda media: open_source(target, media)
    clip = clips.write_clip(tmp_path / f"in.{kind}", pictures, sound=None)
    return lambda media: open_source(clip, media)


@pytest.fixture(
    params=["array", "tee", "%04d.png", "o.mp4", "o.mov", "o.mkv", "o.webm", "o.gif", "o.apng"]
)
def make_sink(request: pytest.FixtureRequest, tmp_path: Path) -> MakeSink:
    kind = request.param
    if kind == "array":
        return ArraySink
    if kind == "tee":
        return lambda info: TeeSink([ArraySink(info), open_sink(tmp_path / "o.mp4", info)])
    return lambda info: open_sink(tmp_path / kind, info)


class TestSource:
    def test_gives_its_frames_in_order_then_ends(self, make_source: MakeSource) -> None:
        with make_source(MediaConfig()) as source:
            frames = list(source)
            assert [frame.index for frame in frames] == list(range(COUNT))
            with pytest.raises(StopIteration):
                next(source)

    def test_frames_are_contiguous_rgb_of_the_told_size(self, make_source: MakeSource) -> None:
        with make_source(MediaConfig()) as source:
            for frame, pixels in zip(source, clips.pictures(COUNT), strict=True):
                assert frame.pixels.shape == (source.info.height, source.info.width, 3)
                assert frame.pixels.dtype == np.uint8
                assert frame.pixels.flags.c_contiguous
                assert np.abs(frame.pixels.astype(int) - pixels).max() <= 2

    def test_times_are_exact_and_whole_ticks(self, make_source: MakeSource) -> None:
        with make_source(MediaConfig()) as source:
            assert source.info.rate == clips.RATE
            for frame in source:
                assert frame.time == frame.index / clips.RATE
                assert (frame.time / source.info.time_base).denominator == 1

    def test_tells_the_number_of_frames(self, make_source: MakeSource) -> None:
        with make_source(MediaConfig()) as source:
            assert source.info.frames == COUNT

    def test_nothing_is_damaged(self, make_source: MakeSource) -> None:
        with make_source(MediaConfig()) as source:
            assert len(list(source)) == COUNT
            assert source.damaged == 0

    def test_a_frame_stays_as_it_is_when_the_next_is_read(self, make_source: MakeSource) -> None:
        with make_source(MediaConfig()) as source:
            first = next(source).pixels
            kept = first.copy()
            next(source)
            np.testing.assert_array_equal(first, kept)

    def test_ends_when_closed_and_closes_twice(self, make_source: MakeSource) -> None:
        source = make_source(MediaConfig())
        next(source)
        source.close()
        source.close()
        assert list(source) == []

    @pytest.mark.parametrize(
        ("media", "kept"),
        [
            (MediaConfig(start=Fraction("0.1")), range(3, COUNT)),
            (MediaConfig(start=Fraction("0.12"), duration=Fraction("0.12")), range(3, 6)),
            (MediaConfig(frames=(2, 5)), range(2, 5)),
            (MediaConfig(frames=(None, 1)), range(1)),
            (MediaConfig(frames=(4, None)), range(4, COUNT)),
            (MediaConfig(start=Fraction("0.08"), frames=(1, 4)), range(3, 6)),
            (MediaConfig(duration=Fraction("0.01")), range(1)),
            (MediaConfig(frames=(0, 99)), range(COUNT)),
        ],
    )
    def test_a_trim_keeps_its_frames_and_begins_at_0(
        self, make_source: MakeSource, media: MediaConfig, kept: range
    ) -> None:
        with make_source(MediaConfig()) as source:
            everything = list(source)
        with make_source(media) as source:
            frames = list(source)
            assert source.info.frames == len(kept) == len(frames)
        for index, (frame, position) in enumerate(zip(frames, kept, strict=True)):
            assert (frame.index, frame.time) == (index, index / clips.RATE)
            np.testing.assert_array_equal(frame.pixels, everything[position].pixels)

    @pytest.mark.parametrize(
        "media", [MediaConfig(start=Fraction(60)), MediaConfig(frames=(99, 100))]
    )
    def test_a_trim_that_keeps_nothing_is_an_error(
        self, make_source: MakeSource, media: MediaConfig
    ) -> None:
        with pytest.raises(SourceError, match="no frame is left"):
            make_source(media)


class TestSink:
    INFO = StreamInfo(48, 64, clips.RATE, Fraction(1, 25))

    @staticmethod
    def frames(count: int) -> list[Frame]:
        return [
            Frame(pixels, index / clips.RATE, index)
            for index, pixels in enumerate(clips.pictures(count))
        ]

    def test_takes_frames_and_closes_twice(self, make_sink: MakeSink) -> None:
        with make_sink(self.INFO) as sink:
            for frame in self.frames(3):
                sink.write(frame)
        sink.close()
        assert sink.partial is None

    def test_refuses_a_frame_of_another_size(self, make_sink: MakeSink) -> None:
        with make_sink(self.INFO) as sink:
            sink.write(self.frames(1)[0])
            wrong = Frame(clips.pictures(1, 64, 48)[0], Fraction(1), 1)
            with pytest.raises(ValueError, match="shape"):
                sink.write(wrong)

    def test_an_exception_passes_through_and_abort_may_follow(self, make_sink: MakeSink) -> None:
        sink = make_sink(self.INFO)
        with pytest.raises(RuntimeError, match="dream"), sink:  # noqa: PT012
            sink.write(self.frames(1)[0])
            raise RuntimeError("the dream failed")
        sink.abort()
        sink.close()

    def test_does_not_change_what_it_is_given(self, make_sink: MakeSink) -> None:
        frame = self.frames(1)[0]
        kept = frame.pixels.copy()
        with make_sink(self.INFO) as sink:
            sink.write(frame)
        np.testing.assert_array_equal(frame.pixels, kept)

    def test_takes_read_only_pixels(self, make_sink: MakeSink) -> None:
        frame = self.frames(1)[0]
        frame.pixels.flags.writeable = False
        with make_sink(self.INFO) as sink:
            sink.write(frame)

    def test_takes_pixels_that_are_a_view(self, make_sink: MakeSink) -> None:
        wide = clips.pictures(1, 48, 128)[0]
        with make_sink(self.INFO) as sink:
            sink.write(Frame(wide[:, ::2], Fraction(0), 0))


class TestArraySource:
    def test_without_frames_is_an_error(self) -> None:
        with pytest.raises(SourceError, match="none"):
            ArraySource([])

    @pytest.mark.parametrize("shape", [(4, 4), (4, 4, 4)])
    def test_of_another_shape_is_misuse(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(ValueError, match=r"\(H, W, 3\)"):
            ArraySource([np.zeros(shape, np.uint8)])

    def test_of_different_sizes_is_misuse(self) -> None:
        with pytest.raises(ValueError, match="differ"):
            ArraySource(clips.pictures(1) + clips.pictures(1, 4, 4))

    def test_without_a_rate_is_a_still(self) -> None:
        with ArraySource(clips.pictures(1), rate=None) as source:
            assert source.info.rate is None
            assert next(source).time == 0
