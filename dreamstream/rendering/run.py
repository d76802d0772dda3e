"""Render a job: open its input and output, dream every frame, and say what became of each.

The command, a page and a cluster's worker call :func:`render`; none of them opens a source or a
sink itself.
"""

import logging
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from dreamstream.dream.report import FrameRecord
from dreamstream.errors import RenderCancelled
from dreamstream.frames import Frame, StreamInfo, to_pixels
from dreamstream.journal import Journal
from dreamstream.rendering.checks import require_fit
from dreamstream.rendering.dreamers import Dreamers
from dreamstream.rendering.job import Job
from dreamstream.rendering.job_mask import open_job_mask, with_mask
from dreamstream.rendering.looped import closes, first_pass, looped, open_closing, tell_seam
from dreamstream.rendering.output_names import beside, make_folder, output_in, preview_name, untaken
from dreamstream.rendering.pipeline import (
    FrameDreamer,
    Resumable,
    StepCounting,
    Timed,
    dream_frames,
)
from dreamstream.rendering.resume import describe_left, is_whole, open_journal, restore
from dreamstream.rendering.schedule_plot import draw_plan
from dreamstream.rendering.scheduling import Changeable, Pilot, Plan, make_plan, with_schedules
from dreamstream.rendering.side_by_side import compared_info
from dreamstream.rendering.stats import StatsFile
from dreamstream.rendering.still_clip import becomes_clip, clip_options, hold
from dreamstream.sinks import Sink, TeeSink, WindowSink, open_sink, written_through
from dreamstream.sinks.images import PICTURE_SUFFIXES
from dreamstream.sources import Source, open_source

if TYPE_CHECKING:
    from dreamstream.clips.film_loop import Looper

_LOG = logging.getLogger(__name__)


def render(
    job: Job, *, cancel: threading.Event | None = None, verbose: bool = False
) -> "Rendering":
    """Start to render a job; its frames are dreamed as the result is iterated.

    Args:
        job: What to dream.
        cancel: Once it is set, the rendering ends after the frame in the making.
        verbose: Let TensorFlow's start-up notes through.

    Returns:
        An iterator of a record for each frame, once it is written.  Close it where it is left
        early; a ``with`` does that.

    Raises:
        UsageError: Options contradict one another, the input or the output.
        SourceError: The input can't be opened, read or decoded.
        SinkError: The output can't be created or written.
        ModelError: There is no such model, layer or device, or the weights can't be had.
        ResumeError: The interrupted run can't be resumed.
        RenderCancelled: ``cancel`` was set; raised by the iterator, which keeps what was dreamed.
    """
    return Renderer(verbose=verbose).render(job, cancel=cancel)


class Renderer:
    """Renders one job after another with one load of the network.

    Args:
        verbose: Let TensorFlow's start-up notes through.
    """

    def __init__(self, *, verbose: bool = False) -> None:
        self._dreamers = Dreamers(verbose=verbose)
        self._taken: dict[Path, str] = {}

    def render(
        self, job: Job, *, cancel: threading.Event | None = None, tap: Sink | None = None
    ) -> "Rendering":
        """Start to render a job; see :func:`render`.

        Args:
            job: What to dream.
            cancel: See :func:`render`.
            tap: Another place for the frames, such as a view of the latest; it is not closed.
        """
        return Rendering(job, self._dreamers, self._taken, cancel or threading.Event(), tap)


class Rendering:
    """A job being rendered: an iterator of its frames' records.

    Args:
        job: What to dream.
        dreamers: Lends what dreams it.
        taken: The inputs of earlier jobs by the names of their outputs in folders.
        cancel: Once it is set, the rendering ends after the frame in the making.
        tap: Another place for the frames; it is not closed.

    Attributes:
        output: The output's name; None is a window.
        frames: Frames of the whole stream; None where that is unknown.
        first_frame: Index of the first frame that is dreamed: those before it are there already,
            of the interrupted run that is resumed.
        is_whole: The output is there already: nothing is left to resume.
        lead_frames: Frames dreamed so far that are not written: a loop's first pass.
        damaged: Frames of the input that are faulty or missing; known at the end.
    """

    def __init__(
        self,
        job: Job,
        dreamers: Dreamers,
        taken: dict[Path, str],
        cancel: threading.Event,
        tap: Sink | None = None,
    ) -> None:
        self._job, self._tap = with_schedules(job), tap
        self._dreamers, self._taken, self._cancel = dreamers, taken, cancel
        self.output: str | None = None
        self.frames: int | None = None
        self.first_frame, self.damaged, self.is_whole = 0, 0, False
        self.lead_frames = 0
        self._counter: StepCounting | None = None
        self._steps_before = 0
        self._work = self._render()
        next(self._work)  # opens all

    @property
    def steps_taken(self) -> int:
        """Steps asked for so far, of all frames; it grows while one is dreamed."""
        return 0 if self._counter is None else self._counter.steps_taken - self._steps_before

    def __iter__(self) -> Self:
        """Return itself."""
        return self

    def __next__(self) -> FrameRecord:
        """Dream the next frame, and return its record."""
        record = next(self._work)
        assert record is not None
        return record

    def __enter__(self) -> Self:
        """Return itself; it is open already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """End it; what was dreamed is kept as a part where it was not whole."""
        self._work.close()

    def _render(self) -> Generator[FrameRecord | None]:
        """Open all and yield None, then yield each frame's record."""
        job, dreamer = self._job, None
        records: Generator[FrameRecord] | None = None
        with ExitStack() as stack:
            source = stack.enter_context(open_source(job.source, job.media))
            self.output = _output_of(job, source.info, self._taken)
            require_fit(job, self.output, source.info)
            self.is_whole = _is_whole(job, self.output, source.info.frames)
            if not self.is_whole:
                records, source, dreamer = self._open(stack, source)
                self.frames = source.info.frames
            yield None
            if records is not None:
                yield from self._until_cancelled(records)
            self.damaged = source.damaged
        if dreamer is not None and job.media.save_octaves:
            _save_octaves(Path(str(self.output)), dreamer, job.media.overwrite)

    def _open(
        self, stack: ExitStack, source: Source
    ) -> tuple[Generator[FrameRecord], Source, FrameDreamer]:
        job, output = self._job, self.output
        is_closing = closes(
            job, source.info
        )  # a picture's clip, which is held below, closes itself
        source = open_closing(job, source) if is_closing else source
        mask = open_job_mask(stack, job, source)
        journal = open_journal(job, output, source.info)
        if journal is not None:
            stack.enter_context(journal)
            self.first_frame = journal.frames
        if job.preview is None and becomes_clip(job.media, source.info, output):
            source = hold(source, job.media, job.dream, output)
        plan = make_plan(job, source, drawn=job.controls.plot_schedule is not None)
        draw_plan(job, plan)
        if journal is not None and journal.replaces:  # only by a run that can dream
            self._dreamers.lend(job, source)
        replaces = journal is not None and journal.replaces and not job.media.resume
        stats = _make_stats(job, journal)  # it may refuse, and then nothing is replaced
        sink = _enter_sink(stack, job, output, source.info, journal)
        if replaces:
            _LOG.warning("what an interrupted run of %s has left is replaced", output)
        if stats is not None:
            stack.enter_context(stats)
        film = self._dreamers.lend(job, source)
        dreamer, looper = with_mask(film, mask), None
        if is_closing:
            dreamer = looper = looped(dreamer, source.info)
        if journal is not None and journal.dreamer is not None and isinstance(dreamer, Resumable):
            restore(dreamer, journal.dreamer, str(output))
        if isinstance(dreamer, StepCounting):
            self._counter, self._steps_before = dreamer, dreamer.steps_taken
        steer = _steering(stack, job, film, plan)
        sink = sink if self._tap is None else TeeSink((sink, self._tap))
        records = _begun(job, source, dreamer, sink, journal, steer)
        stack.enter_context(closing(records))  # before the source, from which is read ahead
        records = _noted(records, stats)
        return records if looper is None else self._twice(looper, records, steer), source, dreamer

    def _twice(
        self,
        looper: "Looper",
        records: Generator[FrameRecord],
        steer: Callable[[Frame], None] | None,
    ) -> Generator[FrameRecord]:
        """Dream a film once, then yield the records of its second pass."""
        job = self._job
        with closing(first_pass(job, looper, steer)) as frames:
            for frame in frames:
                self.lead_frames = frame.index + 1
                self._require_wanted(f"after frame {frame.index} of the first pass")
        for record in records:
            tell_seam(job, record)
            yield record

    def _until_cancelled(self, records: Generator[FrameRecord]) -> Generator[FrameRecord]:
        for record in records:
            yield record
            if record.index + 1 != self.frames:  # else all is dreamed
                self._require_wanted(f"after frame {record.index}")

    def _require_wanted(self, when: str) -> None:
        if self._cancel.is_set():
            raise RenderCancelled(f"rendering {self._job.source} was cancelled {when}")


def _steering(
    stack: ExitStack, job: Job, film: FrameDreamer, plan: Plan | None
) -> Callable[[Frame], None]:
    """Return what a film's dreamer, masked or not, is told of each frame before it is dreamed."""
    since = job.preview or Fraction(0)
    pilot = None
    if plan is not None and isinstance(film, Changeable):
        pilot = stack.enter_context(Pilot(plan, film))

    def steer(frame: Frame) -> None:
        if isinstance(film, Timed):
            film.go_to(since + frame.time)
        if pilot is not None:
            pilot.steer(frame)

    return steer


def _begun(
    job: Job,
    source: Source,
    dreamer: FrameDreamer,
    sink: Sink,
    journal: Journal | None,
    steer: Callable[[Frame], None] | None,
) -> Generator[FrameRecord]:
    media = job.media
    return dream_frames(
        *(source, dreamer, sink),
        compare=media.compare,
        alpha=media.alpha,
        journal=journal,
        steer=steer,
    )


def _output_of(job: Job, info: StreamInfo, taken: dict[Path, str]) -> str | None:
    """Return the name of a job's output; None is a window."""
    is_still = info.rate is None and not any(clip_options(job.media))
    if job.into_folder:
        is_one = is_still or job.preview is not None
        make_folder(str(job.output))
        path = output_in(str(job.output), job.source, is_one, PICTURE_SUFFIXES)
        return written_through(str(untaken(path, job.source, taken)))
    if job.output is not None:
        return written_through(job.output)
    return None if job.preview is None else preview_name(job.source)


def _is_whole(job: Job, output: str | None, frames: int | None) -> bool:
    """Whether an output is there already of a run that is to be resumed."""
    media = job.media
    return media.resume and output is not None and is_whole(output, media.overwrite, frames)


def _enter_sink(
    stack: ExitStack, job: Job, output: str | None, info: StreamInfo, journal: Journal | None
) -> Sink:
    """Open the output, the window or both; note what is left of them when they are given up."""
    if job.media.compare:
        info = compared_info(info)
    info = replace(info, alpha=job.media.alpha)
    sinks: list[Sink] = []
    with ExitStack() as opened:
        if output is None or job.media.show:  # first: without a display nothing is replaced
            sinks.append(opened.enter_context(WindowSink(info)))
        if output is not None:
            sinks.insert(0, opened.enter_context(open_sink(output, info, job.media, journal)))
        opened.pop_all()  # all are open, so they stay so
    sink = sinks[0] if len(sinks) == 1 else TeeSink(sinks)
    stack.push(_PartialNotice(sink, journal))
    return stack.enter_context(sink)


class _PartialNotice:
    """Notes, after a sink was given up, what is left and where it lies."""

    def __init__(self, sink: Sink, journal: Journal | None) -> None:
        self._sink, self._journal = sink, journal

    def __enter__(self) -> None:
        """Nothing is to be done before."""

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        left = None if kind is None else describe_left(self._sink.partial, self._journal)
        if left is not None:
            _LOG.error("%s", left)


def _make_stats(job: Job, journal: Journal | None) -> StatsFile | None:
    media = job.media
    if media.stats is None:
        return None
    follows = journal is not None and media.resume and journal.follows
    first = journal.frames if journal is not None and follows else None
    return StatsFile(media.stats, job.dream.max_loss, overwrite=media.overwrite, first=first)


def _noted(records: Generator[FrameRecord], stats: StatsFile | None) -> Generator[FrameRecord]:
    """Write each record, where that is wanted, before it is handed on."""
    for record in records:
        if stats is not None:
            try:
                stats.write(record)
            except Exception as error:
                records.throw(error)  # the frame is not noted as dreamed
        yield record


def _save_octaves(output: Path, dreamer: FrameDreamer, overwrite: bool) -> None:
    """Write each octave's picture beside the output."""
    from dreamstream.config import MediaConfig

    suffix = output.suffix if output.suffix.lower() in PICTURE_SUFFIXES else ".png"
    media = MediaConfig(overwrite=overwrite)
    for number, image in enumerate(dreamer.octave_images, 1):
        height, width = image.shape[:2]
        path = beside(output, f"-octave{number}-{width}x{height}{suffix}")
        with open_sink(path, StreamInfo(height, width, frames=1), media) as sink:
            sink.write(Frame(to_pixels(image), Fraction(0), 0))
