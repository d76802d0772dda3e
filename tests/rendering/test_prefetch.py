"""Reading ahead of the dream and writing behind it: the same results and ends as without."""

import signal
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from networks import small_extractor
from pictures import fractal_pixels

from dreamstream.cli.signals import Stopped
from dreamstream.config import DreamConfig
from dreamstream.dream.dreamer import Dreamer
from dreamstream.dream.report import DreamReport
from dreamstream.errors import SinkError, SourceError
from dreamstream.frames import Frame, Pixels, SoundSpan
from dreamstream.rendering.pipeline import dream_frames, dream_stream
from dreamstream.rendering.prefetch import AHEAD, Ahead, Here, one_thread
from dreamstream.sinks import ArraySink, TeeSink
from dreamstream.sources import ArraySource
from dreamstream.temporal.cuts import Change
from dreamstream.temporal.frame_analysis import AnalysisState, FrameAnalysis, FrameAnalyzer

SCENE = fractal_pixels(40, 110, seed=4)


def scene(count: int) -> list[Pixels]:
    return [np.ascontiguousarray(SCENE[:, 2 * i : 2 * i + 64]) for i in range(count)]


class Negative:
    """A dreamer of negatives, which stops at a frame."""

    def __init__(self, stop: BaseException | None = None, at: int = 0) -> None:
        self._stop, self._at = stop, at
        self.dreamed = 0
        self.threads: set[int] = set()
        self.report = DreamReport()

    def analyse(self, pixels: Pixels, seen: AnalysisState | None = None) -> FrameAnalysis:
        self.threads.add(threading.get_ident())
        return FrameAnalysis(seen or AnalysisState())

    def dream(self, pixels: Pixels, analysis: FrameAnalysis) -> Pixels:
        if self._stop is not None and self.dreamed == self._at:
            raise self._stop
        self.dreamed += 1
        return 255 - pixels


class Torn(ArraySource):
    """A source that can't be read on after three frames."""

    def __next__(self) -> Frame:
        if self._index == 3:
            self._index += 1
            raise SourceError("the disk failed")
        return super().__next__()


class Counting(ArraySource):
    """A source that tells how many frames were asked for, and whether after it was closed."""

    asked = late = 0
    ended = False

    def __next__(self) -> Frame:
        self.asked += 1
        self.late += self.ended
        return super().__next__()

    def close(self) -> None:
        self.ended = True
        super().close()


class Full(ArraySink):
    """A sink that can't be written from its third frame on; it tells who wrote."""

    def __init__(self, info: Any, room: int = 2) -> None:
        super().__init__(info)
        self._room = room
        self.threads: set[int] = set()

    def write(self, frame: Frame) -> None:
        self.threads.add(threading.get_ident())
        if len(self.frames) == self._room:
            raise SinkError("the disk is full")
        super().write(frame)


class Bound(Full):
    """A sink like a window."""

    @property
    def keeps_to_its_thread(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert not {one.name for one in set(threading.enumerate()) - before} & {
        "reading_0",
        "writing_0",
    }


def dreamer_of(negative: Negative) -> Dreamer:
    return cast(Dreamer, negative)


# --- the same results ------------------------------------------------------------------------


def test_a_stream_with_a_flash_and_cuts_is_dreamed_as_frame_by_frame() -> None:
    frames = scene(8)
    frames[3] = np.clip(frames[2].astype(int) + 60, 0, 255).astype(np.uint8)
    stripes = np.uint8(255) * (np.arange(64) % 16 < 8)
    frames[6:] = [np.array(np.broadcast_to(stripes[:, None], (40, 64, 3)), np.uint8)] * 2
    config = DreamConfig(layers={"deep": 1.0}, octaves=1, first_steps=2, steps=1, max_loss=None)
    dreamer = Dreamer(config, small_extractor())
    wanted, changes, states = [], [], []
    for frame in frames:
        wanted.append(dreamer.dream(frame))
        changes.append((dreamer.report.flash, dreamer.report.cut))
        states.append(dreamer.state())
    assert [any(kind) for kind in zip(*changes, strict=True)] == [True, True]
    dreamer.reset()
    source = ArraySource(frames)
    sink, kept = ArraySink(source.info), _Notes()
    noting: Any = kept
    records = list(dream_frames(source, dreamer, sink, journal=noting))
    assert [(one.report.flash, one.report.cut) for one in records] == changes
    for written, dream in zip(sink.frames, wanted, strict=True):
        np.testing.assert_array_equal(written.pixels, dream)
    assert [frames for frames, _ in kept.notes] == list(range(1, 9))
    for (_, noted), state in zip(kept.notes, states, strict=True):
        assert noted.keys() == state.keys()
        assert all(np.array_equal(noted[name], state[name]) for name in state)


class _Notes:
    """A journal that only listens."""

    frames = 0

    def __init__(self) -> None:
        self.notes: list[tuple[int, dict[str, Any]]] = []

    def note(self, frames: int, dreamer: dict[str, Any]) -> None:
        self.notes.append((frames, dreamer))


def test_what_is_foreseen_depends_on_what_was_seen_and_changes_nothing() -> None:
    first, second = scene(2)
    observer = FrameAnalyzer(DreamConfig())
    state = observer.analyse(first, AnalysisState()).state
    before = {name: array.copy() for name, array in state.cuts.items()}
    flash = observer.analyse(np.clip(first.astype(int) + 60, 0, 255).astype(np.uint8), state)
    assert flash.change is Change.FLASH
    assert flash.state.small is first, "through a flash the frame before it is kept"
    assert int(flash.state.cuts["flashes"]) == 1
    assert all(np.array_equal(state.cuts[name], before[name]) for name in before)
    after, again = observer.analyse(second, flash.state), observer.analyse(second, state)
    np.testing.assert_array_equal(after.backward_flow, again.backward_flow)
    assert after.change is Change.NONE


@pytest.mark.parametrize("settings", [{"blend": 0.0}, {}])
def test_frames_that_can_not_be_compared_are_remembered_all_the_same(
    settings: dict[str, Any],
) -> None:
    first, second = scene(2)
    second = second if settings else second[:30]  # another size
    analysis = FrameAnalyzer(DreamConfig(**settings)).analyse(second, AnalysisState(first))
    assert analysis.state.small is second
    assert analysis.confidence.size == analysis.backward_flow.size == 0


# --- where it runs ---------------------------------------------------------------------------


def test_frames_are_compared_and_written_in_threads_of_their_own() -> None:
    dreamer, source = Negative(), ArraySource(scene(4))
    sink = Full(source.info, 99)
    assert dream_stream(source, dreamer_of(dreamer), sink) == 4
    assert len(dreamer.threads) == len(sink.threads) == 1
    assert len({*dreamer.threads, *sink.threads, threading.get_ident()}) == 3


def test_a_sink_that_keeps_to_its_thread_is_written_in_it_alone_or_in_a_tee() -> None:
    source = ArraySource(scene(4))
    sink = Bound(source.info, 99)
    tee = TeeSink([ArraySink(source.info), sink])
    for number, _ in enumerate(dream_frames(source, dreamer_of(Negative()), tee), 1):
        assert len(sink.frames) == number
    assert sink.threads == {threading.get_ident()}


def test_where_the_sink_reads_sound_from_the_source_nothing_overlaps() -> None:
    dreamer, source = Negative(), Counting(scene(4))
    span = SoundSpan(Path("-"), source.info.time_base, feed=lambda: None)
    source.info = replace(source.info, sound=span)
    sink = Full(source.info, 99)
    for number, _ in enumerate(dream_frames(source, dreamer_of(dreamer), sink), 1):
        assert source.asked == number
    assert dreamer.threads | sink.threads == {threading.get_ident()}


def test_no_more_frames_are_read_ahead_than_a_few() -> None:
    source = Counting(scene(20))
    with closing(dream_frames(source, dreamer_of(Negative()), ArraySink(source.info))) as records:
        for number, _ in enumerate(records, 1):
            assert source.asked <= number + 1 + AHEAD


# --- ends ------------------------------------------------------------------------------------


def test_what_was_dreamed_before_a_source_fails_is_written_and_recorded() -> None:
    source, seen = Torn(scene(6)), []
    sink = ArraySink(source.info)
    with pytest.raises(SourceError, match="the disk failed"):  # noqa: PT012
        for record in dream_frames(source, dreamer_of(Negative()), sink):
            seen.append(record.index)
    assert seen == [0, 1, 2]
    assert len(sink.frames) == 3


def test_a_sink_that_fails_while_frames_wait_ends_the_stream_with_its_own_error() -> None:
    source = Counting(scene(20))
    with source, pytest.raises(SinkError, match="the disk is full"):
        dream_stream(source, dreamer_of(Negative()), Full(source.info))
    assert source.late == 0


@pytest.mark.parametrize("at", [0, 1, 4])
@pytest.mark.parametrize(
    "stop", [RuntimeError("no dream"), KeyboardInterrupt(), Stopped(signal.SIGTERM)]
)
def test_where_the_dream_is_stopped_all_before_it_is_written_and_the_source_left_alone(
    stop: BaseException, at: int
) -> None:
    source = Counting(scene(20))
    sink = ArraySink(source.info)
    with source, pytest.raises(type(stop)) as raised:
        dream_stream(source, dreamer_of(Negative(stop, at)), sink)
    assert raised.value is stop
    assert len(sink.frames) == at
    assert source.late == 0


def test_a_stream_that_is_left_early_reads_nothing_more() -> None:
    source = Counting(scene(20))
    with source:
        for record in dream_frames(source, dreamer_of(Negative()), ArraySink(source.info)):
            if record.index == 2:
                break
    assert source.late == 0


def test_a_stop_while_a_thread_is_waited_for_waits_on(monkeypatch: pytest.MonkeyPatch) -> None:
    done, join = threading.Event(), threading.Thread.join
    release = threading.Event()

    def stopped(thread: threading.Thread, timeout: float | None = None) -> None:
        if not release.is_set():
            release.set()
            raise Stopped(signal.SIGINT)
        join(thread, timeout)

    def work() -> None:
        release.wait()
        done.set()

    monkeypatch.setattr(threading.Thread, "join", stopped)
    with pytest.raises(Stopped), one_thread("writing") as thread:
        thread.submit(work)
    assert done.is_set()


def test_an_iterator_ends_ahead_as_it_ends_by_itself() -> None:
    with one_thread("reading") as thread:
        assert list(Ahead(iter(range(7)), thread)) == list(range(7))


def test_what_is_done_here_raises_here() -> None:
    assert Here().submit(pow, 2, 3).result() == 8
    with pytest.raises(ZeroDivisionError):
        Here().submit(divmod, 1, 0)
