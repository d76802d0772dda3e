"""The loop from a source through the dreamer into a sink."""

import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import clips
import numpy as np
import pytest
from networks import small_extractor
from pictures import fractal_pixels

from dreamstream.config import DreamConfig
from dreamstream.dream.dreamer import Dreamer
from dreamstream.dream.report import FrameRecord
from dreamstream.errors import SinkClosed
from dreamstream.frames import Frame, Pixels
from dreamstream.models.extractor import FeatureExtractor
from dreamstream.rendering.pipeline import dream_frames, dream_stream
from dreamstream.rendering.side_by_side import compared_info
from dreamstream.sinks import ArraySink, VideoSink, open_sink
from dreamstream.sources import ArraySource, open_source
from dreamstream.temporal.frame_analysis import FrameAnalysis

SCENE = fractal_pixels(40, 100, seed=4)
BASE: dict[str, Any] = {
    "layers": {"deep": 1.0},
    "octaves": 2,
    "first_steps": 2,
    "steps": 1,
    "jitter": 3,
    "max_loss": None,
    "dream_size": None,
}


def scene(count: int) -> list[Pixels]:
    return [np.ascontiguousarray(SCENE[:, 2 * i : 2 * i + 64]) for i in range(count)]


@pytest.fixture(scope="module")
def compiled() -> Dreamer:
    return Dreamer(DreamConfig(**BASE), small_extractor())


@pytest.fixture
def dreamer(compiled: Dreamer) -> Iterator[Dreamer]:
    compiled.reset()
    yield compiled
    compiled.reset()


class ClosedByItsViewer(ArraySink):
    """A sink whose viewer closes it while the third frame is shown."""

    def write(self, frame: Frame) -> None:
        super().write(frame)
        if len(self.frames) == 3:
            raise SinkClosed("closed")


class FailsAt:
    """A dreamer that fails at a frame."""

    def __init__(self, dreamer: Dreamer, number: int) -> None:
        self._dreamer, self._left = dreamer, number

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dreamer, name)

    def dream(self, pixels: Pixels, analysis: FrameAnalysis) -> Pixels:
        if not self._left:
            raise RuntimeError("the dream failed")
        self._left -= 1
        return self._dreamer.dream(pixels, analysis)


def test_every_frame_of_the_source_is_dreamed_into_the_sink(dreamer: Dreamer) -> None:
    frames = scene(4)
    with ArraySource(frames) as source, ArraySink(source.info) as sink:
        assert dream_stream(source, dreamer, sink) == 4
    assert [(frame.index, frame.time) for frame in sink.frames] == [
        (index, Fraction(index, 25)) for index in range(4)
    ]
    dreamer.reset()
    for kept, pixels in zip(sink.frames, frames, strict=True):
        np.testing.assert_array_equal(kept.pixels, dreamer.dream(pixels))
        assert np.any(kept.pixels != pixels)
    assert sink.closed
    assert not sink.aborted


def test_a_record_comes_once_its_frame_is_written_and_before_the_next_is(dreamer: Dreamer) -> None:
    source = ArraySource(scene(3))
    sink = ArraySink(source.info)
    for count, _ in enumerate(dream_frames(source, dreamer, sink), 1):
        assert len(sink.frames) == count


def test_records_tell_of_each_frame_and_its_time(dreamer: Dreamer) -> None:
    begun = time.perf_counter()
    source = ArraySource(scene(3))
    records: list[FrameRecord] = []
    for record in dream_frames(source, dreamer, ArraySink(source.info)):
        time.sleep(0.01)
        records.append(record)
    elapsed = time.perf_counter() - begun
    assert [(record.index, record.time) for record in records] == [
        (index, Fraction(index, 25)) for index in range(3)
    ]
    assert [record.report.warm for record in records] == [False, True, True]
    for record in records:
        assert record.read_seconds >= 0
        assert record.write_seconds > 0
        assert record.report.flow_seconds > 0
        assert record.report.dream_seconds > 0
        assert record.wall_seconds >= record.write_seconds
    assert sum(record.wall_seconds for record in records) <= elapsed
    assert records[1].wall_seconds >= 0.01, "what the caller does between frames belongs to it"
    assert records[1].read_seconds < records[1].wall_seconds - 0.01


def test_compared_frames_have_the_source_on_the_left_and_the_dream_on_the_right(
    dreamer: Dreamer,
) -> None:
    frames = scene(2)
    source = ArraySource(frames)
    plain, double = ArraySink(source.info), ArraySink(compared_info(source.info))
    dream_stream(ArraySource(frames), dreamer, plain)
    dreamer.reset()
    assert len(list(dream_frames(source, dreamer, double, compare=True))) == 2
    for pixels, dream, both in zip(frames, plain.frames, double.frames, strict=True):
        assert both.pixels.shape == (40, 128, 3)
        np.testing.assert_array_equal(both.pixels[:, :64], pixels)
        np.testing.assert_array_equal(both.pixels[:, 64:], dream.pixels)


def test_comparing_keeps_all_else_that_is_known_of_the_stream(clip: Path) -> None:
    with open_source(clip) as source:
        info = compared_info(source.info)
        assert (info.height, info.width) == (48, 128)
        assert (info.sound, info.rate, info.path) == (
            source.info.sound,
            source.info.rate,
            source.info.path,
        )


def test_a_viewer_who_closes_the_sink_ends_the_stream_and_that_is_no_error(
    dreamer: Dreamer,
) -> None:
    with ArraySource(scene(6)) as source, ClosedByItsViewer(source.info) as sink:
        assert dream_stream(source, dreamer, sink) == 3
    assert len(sink.frames) == 3
    assert not sink.aborted


def test_a_dreamer_that_fails_midway_leaves_a_playable_part_and_the_old_output(
    dreamer: Dreamer, clip: Path, tmp_path: Path
) -> None:
    target = tmp_path / "o.mp4"
    with open_source(clip) as source:
        sink = VideoSink(target, source.info)
        failing: Any = FailsAt(dreamer, 7)
        with pytest.raises(RuntimeError, match="the dream failed"), sink:
            dream_stream(source, failing, sink)
    assert not target.exists()
    assert sink.partial == tmp_path / "o.part.mp4"
    with open_source(tmp_path / "o.part.mp4") as part:
        assert [frame.time for frame in part] == clips.regular(7)


def test_a_source_that_fails_midway_aborts_the_sink(dreamer: Dreamer) -> None:
    class Torn(ArraySource):
        def __next__(self) -> Frame:
            if self._index == 2:
                raise RuntimeError("the disk failed")
            return super().__next__()

    source = Torn(scene(5))
    with pytest.raises(RuntimeError, match="disk"), ArraySink(source.info) as sink:
        dream_stream(source, dreamer, sink)
    assert len(sink.frames) == 2
    assert sink.aborted


def test_a_video_goes_through_with_times_and_sound(
    dreamer: Dreamer, clip: Path, tmp_path: Path
) -> None:
    with open_source(clip) as source, open_sink(tmp_path / "o.mp4", source.info) as sink:
        assert dream_stream(source, dreamer, sink) == 25
    assert clips.video_times(tmp_path / "o.mp4") == clips.video_times(clip)
    assert clips.sound_packets(tmp_path / "o.mp4") == clips.sound_packets(clip)


# --- no option is without effect -----------------------------------------------------------------


@pytest.fixture(scope="module")
def extractor() -> FeatureExtractor:
    return small_extractor()


@pytest.fixture(scope="module")
def plain_dreams(compiled: Dreamer) -> list[Pixels]:
    compiled.reset()
    return [compiled.dream(pixels) for pixels in scene(2)]


@pytest.mark.parametrize(
    ("option", "value", "frame"),
    [
        ("octaves", 1, 0),
        ("octave_scale", 1.2, 0),
        ("first_steps", 3, 0),
        ("steps", 3, 1),
        ("step_size", 0.02, 0),
        ("jitter", 0, 0),
        ("smoothing", 0.0, 0),
        ("evenness", 0.0, 0),
        ("chroma", 1.0, 0),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_no_option_of_the_dream_is_without_effect(
    option: str,
    value: Any,
    frame: int,
    plain_dreams: list[Pixels],
    extractor: FeatureExtractor,
) -> None:
    """The effect shows at a frame, and not before: the first one is cold, the next one warm.

    The tests of the dreamer show those of blend, dream size, ceiling, rule and seed.
    """
    dreamer = Dreamer(DreamConfig(**{**BASE, option: value}), extractor)
    dreams = [dreamer.dream(pixels) for pixels in scene(frame + 1)]
    differs = [np.any(a != b) for a, b in zip(plain_dreams, dreams, strict=False)]
    assert differs == [False] * frame + [True]


def test_other_layers_give_another_dream(plain_dreams: list[Pixels]) -> None:
    config = DreamConfig(**{**BASE, "layers": {"shallow": 1.0}})
    dream = Dreamer(config, small_extractor(layers=("shallow",))).dream(scene(1)[0])
    assert np.any(dream != plain_dreams[0])
