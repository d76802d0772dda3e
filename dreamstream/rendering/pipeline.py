"""The loop: a Source yields frames, a Dreamer turns each into a dream, a Sink keeps it.

Where source and sink allow it, the frames to come are read and compared in one thread and the last
dream is written in another while a frame is dreamed; the result is the same, bit by bit.
"""

import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Executor, Future
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from typing import Protocol, runtime_checkable

from dreamstream.dream.report import DreamReport, FrameRecord
from dreamstream.errors import SinkClosed
from dreamstream.frames import FloatImage, Frame, Pixels
from dreamstream.journal import DreamerState, Journal
from dreamstream.rendering.dreamed_part import dreamed_part
from dreamstream.rendering.prefetch import Ahead, Here, one_thread
from dreamstream.rendering.side_by_side import side_by_side
from dreamstream.sinks import Sink
from dreamstream.sources import Source
from dreamstream.temporal.frame_analysis import AnalysisState, FrameAnalysis


class FrameDreamer(Protocol):
    """Turns each frame of a stream into a dream.

    Attributes:
        report: What happened to the last frame.
        octave_images: The last frame's picture at each octave that was dreamed, (h, w, 3) float32,
            smallest first.
    """

    report: DreamReport
    octave_images: list[FloatImage]

    def reset(self) -> None:
        """Forget the stream so far: the next frame starts a new one."""
        ...

    def analyse(self, pixels: Pixels, state: AnalysisState | None = None) -> FrameAnalysis:
        """Find out how an (H, W, 3) uint8 frame follows from those before it."""
        ...

    def dream(self, pixels: Pixels, analysis: FrameAnalysis | None = None) -> Pixels:
        """Return the dream of an (H, W, 3) uint8 frame, of the same shape."""
        ...


@runtime_checkable
class Timed(Protocol):
    """A dreamer for which the time of a frame counts."""

    def go_to(self, time: Fraction) -> None:
        """Be told the next frame's time, in seconds since the stream's first one."""
        ...


@runtime_checkable
class StepCounting(Protocol):
    """A dreamer that counts its steps."""

    @property
    def steps_taken(self) -> int:
        """Steps asked for so far, of all pictures; it grows while one is dreamed."""
        ...


@runtime_checkable
class FramePreparing(Protocol):
    """A dreamer that must know of a whole frame, its time too, before it dreams its pixels."""

    def prepare(self, frame: Frame, analysis: FrameAnalysis) -> None:
        """Take the frame that is dreamed next."""
        ...


@runtime_checkable
class Masking(Protocol):
    """A dreamer whose frames have masks."""

    @property
    def shown(self) -> FloatImage | None:
        """(H, W) float32, the share of the dream that the last frame shows; None is all."""
        ...


@runtime_checkable
class Resumable(Protocol):
    """A dreamer whose stream can be interrupted and gone on with."""

    def state(self) -> DreamerState:
        """Return all that the next frame depends on, as named arrays."""
        ...

    def restore(self, state: DreamerState) -> None:
        """Go on from such a state."""
        ...


def dream_stream(source: Source, dreamer: FrameDreamer, sink: Sink) -> int:
    """Dream a whole stream.

    Use source and sink in a ``with``: the sink puts its output in place when it is closed.

    Args:
        source: Where the frames come from.
        dreamer: What dreams them.
        sink: Where the dreams go.

    Returns:
        The number of frames dreamed.
    """
    return sum(1 for _ in dream_frames(source, dreamer, sink))


def dream_frames(
    source: Source,
    dreamer: FrameDreamer,
    sink: Sink,
    *,
    compare: bool = False,
    alpha: bool = False,
    journal: Journal | None = None,
    steer: Callable[[Frame], None] | None = None,
) -> Generator[FrameRecord]:
    """Dream a stream frame by frame, as far as it is iterated.

    Close the iterator before the source where it is left early: frames are read ahead until then.

    Args:
        source: Where the frames come from.
        dreamer: What dreams them.
        sink: Where the dreams go; a viewer who closes it ends the stream.
        compare: Give the sink source and dream side by side (see ``compared_info``).
        alpha: Give the sink the dreamed part alone, (H, W, 4) uint8 RGBA.
        journal: Tells how many frames sink and dreamer have had in an interrupted run, which are
            skipped; of the others it is told as they are written.
        steer: Called with each frame before it is dreamed: it may change the dreamer's settings.

    Yields:
        A record of each frame, once it is written.
    """
    for _ in islice(source, 0 if journal is None else journal.frames):
        pass  # here, where a stop signal need not wait for the last of them
    with ExitStack() as stack:
        writing = _Writing(sink, _writer(stack, source, sink), journal)
        try:
            for analysed in _frames(stack, source, dreamer):
                if steer is not None:
                    steer(analysed.frame)
                if isinstance(dreamer, FramePreparing):
                    dreamer.prepare(analysed.frame, analysed.analysis)
                dream = dreamer.dream(analysed.frame.pixels, analysed.analysis)
                yield from writing.settle()
                if writing.closed:
                    return
                if compare:
                    dream = side_by_side(analysed.frame.pixels, dream)
                elif alpha:
                    mask = dreamer.shown if isinstance(dreamer, Masking) else None
                    dream = dreamed_part(analysed.frame.pixels, dream, mask)
                writing.give(analysed, dream, dreamer)
                if writing.is_done:
                    yield from writing.settle()
        except Exception:
            yield from writing.settle()  # what was dreamed before is written first
            raise
        yield from writing.settle()


def lead_in(
    source: Source, dreamer: FrameDreamer, steer: Callable[[Frame], None] | None = None
) -> Generator[Frame]:
    """Dream a whole stream frame by frame, as far as it is iterated, and write none of it.

    Args:
        source: Where the frames come from.
        dreamer: What dreams them.
        steer: Changes its settings before each frame.

    Yields:
        Each frame, once it is dreamed.
    """
    with ExitStack() as stack:
        for analysed in _frames(stack, source, dreamer):
            if steer is not None:
                steer(analysed.frame)
            if isinstance(dreamer, FramePreparing):
                dreamer.prepare(analysed.frame, analysed.analysis)
            dreamer.dream(analysed.frame.pixels, analysed.analysis)
            yield analysed.frame


@dataclass(frozen=True, slots=True)
class _AnalysedFrame:
    """A frame, how it follows from those before it, and the time that reading it took."""

    frame: Frame
    analysis: FrameAnalysis
    read_seconds: float


def _analyse(source: Source, dreamer: FrameDreamer) -> Iterator[_AnalysedFrame]:
    """Read frames and compare them, as far as this is iterated."""
    state = None
    asked = time.perf_counter()
    for frame in source:
        read = time.perf_counter()
        analysis = dreamer.analyse(frame.pixels, state)
        state = analysis.state
        yield _AnalysedFrame(frame, analysis, read - asked)
        asked = time.perf_counter()


def _frames(stack: ExitStack, source: Source, dreamer: FrameDreamer) -> Iterator[_AnalysedFrame]:
    """Read and compare frames, in a thread where that may be."""
    analysed = _analyse(source, dreamer)
    if _is_shared(source):
        return analysed
    thread = stack.enter_context(one_thread("reading"))
    return stack.enter_context(closing(Ahead(analysed, thread)))


def _writer(stack: ExitStack, source: Source, sink: Sink) -> Executor:
    """Choose where frames are written."""
    if _is_shared(source) or sink.keeps_to_its_thread:
        return Here()
    return stack.enter_context(one_thread("writing"))


def _is_shared(source: Source) -> bool:
    """Return whether the sink reads sound from the source: then one must follow the other."""
    sound = source.info.sound
    return sound is not None and sound.feed is not None


@dataclass(frozen=True, slots=True)
class _Written:
    """What came of a writing.

    Attributes:
        seconds: How long it took.
        left: When it was over, on the performance counter.
        closed: Whether a viewer has closed the sink by it.
    """

    seconds: float
    left: float
    closed: bool


@dataclass(frozen=True, slots=True)
class _Given:
    """A dream on its way into the sink.

    Attributes:
        analysed: Its frame.
        report: What the dreamer says of it.
        state: The dreamer's after it; None where no journal wants it.
        written: What comes of it.
    """

    analysed: _AnalysedFrame
    report: DreamReport
    state: DreamerState | None
    written: Future[_Written]


def _state_of(dreamer: FrameDreamer) -> DreamerState:
    """Return a dreamer's state for the journal.

    Raises:
        TypeError: It has none, so its streams can't keep a journal.
    """
    if not isinstance(dreamer, Resumable):
        raise TypeError(f"journal: a {type(dreamer).__name__} has no state to go on from")
    return dreamer.state()


class _Writing:
    """Hands dreams to a sink, one at a time.

    While the caller has a record nothing is being written: sink and journal agree.

    Args:
        sink: Where the dreams go.
        thread: Where it is written.
        journal: It is told of every frame once its record was taken.

    Attributes:
        closed: A viewer has closed the sink.
    """

    def __init__(self, sink: Sink, thread: Executor, journal: Journal | None) -> None:
        self._sink, self._thread, self._journal = sink, thread, journal
        self.closed = False
        self._given: _Given | None = None
        self._left = time.perf_counter()

    @property
    def is_done(self) -> bool:
        """Whether nothing is being written."""
        return self._given is None or self._given.written.done()

    def give(self, analysed: _AnalysedFrame, shown: Pixels, dreamer: FrameDreamer) -> None:
        """Have a frame's dream written; what was given before must be settled."""
        state = None if self._journal is None else _state_of(dreamer)
        written = self._thread.submit(self._write, replace(analysed.frame, pixels=shown))
        self._given = _Given(analysed, dreamer.report, state, written)

    def settle(self) -> Iterator[FrameRecord]:
        """Wait for what is being written, if anything is, and return its record."""
        given, self._given = self._given, None
        if given is None:
            return
        written = given.written.result()
        self.closed = written.closed
        wall, self._left = written.left - self._left, written.left
        frame, read = given.analysed.frame, given.analysed.read_seconds
        try:
            yield FrameRecord(frame.index, frame.time, given.report, read, written.seconds, wall)
        except GeneratorExit:  # whoever ends it here has the record
            self._note(given)
            raise
        self._note(given)  # only now: the record is kept, too

    def _note(self, given: _Given) -> None:
        if self._journal is not None and given.state is not None:
            self._journal.note(given.analysed.frame.index + 1, given.state)

    def _write(self, frame: Frame) -> _Written:
        begun, closed = time.perf_counter(), False
        try:
            self._sink.write(frame)
        except SinkClosed:  # the frame was shown, and where a file is kept too it is in it
            closed = True
        left = time.perf_counter()
        return _Written(left - begun, left, closed)
