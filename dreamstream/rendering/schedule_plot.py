"""The picture of a job's schedules, written beside or instead of its dream."""

from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

from dreamstream.config import MediaConfig
from dreamstream.controls.plot import draw_schedules, sample_times
from dreamstream.errors import UsageError
from dreamstream.frames import Frame, StreamInfo
from dreamstream.rendering.job import Job
from dreamstream.rendering.scheduling import Plan, make_plan, with_schedules
from dreamstream.rendering.still_clip import becomes_clip, hold
from dreamstream.sinks import open_sink
from dreamstream.sinks.images import PICTURE_SUFFIXES
from dreamstream.sources import open_source


def plot_schedules(job: Job) -> Path:
    """Draw a job's schedules, and dream nothing.

    Returns:
        The picture's path.

    Raises:
        UsageError: Nothing is scheduled, or a schedule does not fit the film.
        SourceError: The input, or the sound, can't be read.
        SinkError: The picture can't be written.
    """
    job = with_schedules(job)
    with ExitStack() as stack:
        source = stack.enter_context(open_source(job.source, job.media))
        if becomes_clip(job.media, source.info, job.output):
            source = hold(source, job.media, job.dream, job.output)
        draw_plan(job, make_plan(job, source, drawn=True))
    assert job.controls.plot_schedule is not None
    return job.controls.plot_schedule


def draw_plan(job: Job, plan: Plan | None) -> None:
    """Draw a plan into the picture that a job asks for, if it asks for one.

    Raises:
        UsageError: There is nothing to draw, or the picture would have no suffix of one.
        SinkError: The picture can't be written.
    """
    path = job.controls.plot_schedule
    if path is None:
        return
    if plan is None:
        raise UsageError("--plot-schedule: nothing is scheduled; give --schedule", "plot_schedule")
    if path.suffix.lower() not in PICTURE_SUFFIXES:
        raise UsageError(f"--plot-schedule: {path} is no picture; give a .png", "plot_schedule")
    seconds = _seconds(job, plan)
    positions = plan.timeline.positions(sample_times(seconds))
    picture = draw_schedules(plan.program.values(positions), seconds, plan.sound)
    info = StreamInfo(picture.shape[0], picture.shape[1], frames=1)
    with open_sink(str(path), info, MediaConfig(overwrite=job.media.overwrite)) as sink:
        sink.write(Frame(picture, Fraction(0), 0))


def _seconds(job: Job, plan: Plan) -> float:
    """Return the length of what is drawn; a film of unknown length is drawn as far as it sounds."""
    if plan.timeline.frames is not None:
        return plan.timeline.frames / float(plan.timeline.rate)
    if plan.sound is not None and plan.sound.heard.seconds > 0:
        return plan.sound.heard.seconds
    raise UsageError(
        f"--plot-schedule: the length of {job.source} is unknown; save it to a file first",
        "plot_schedule",
    )
