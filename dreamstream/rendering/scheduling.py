"""A job's schedules: which settings each of its frames has."""

import logging
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from fractions import Fraction
from types import TracebackType
from typing import Any, Protocol, runtime_checkable

from dreamstream.config import DreamConfig, MediaConfig
from dreamstream.controls.names import find_control
from dreamstream.controls.planning import (
    lay_out,
    read_sound_for,
    sound_range,
    timeline_of,
    why_no_sound,
)
from dreamstream.controls.program import Program, read_schedules, with_scheduled_layers
from dreamstream.controls.sound import SoundTrack
from dreamstream.controls.timeline import Timeline
from dreamstream.errors import FieldError, UsageError
from dreamstream.frames import Frame, StreamInfo
from dreamstream.rendering.job import Job
from dreamstream.sources import HeldSource, Source, ThinnedSource, open_source

_LOG = logging.getLogger(__name__)

_UNSEEN = 1e-9
"""A motion that no pixel shows.  It stands for one that is scheduled, so that the picture becomes a
tunnel; every frame has its own."""


@runtime_checkable
class Changeable(Protocol):
    """A dreamer whose settings may change between frames."""

    def change(self, **settings: Any) -> None:
        """Change settings between two frames."""
        ...


@dataclass(frozen=True)
class Plan:
    """What a job's schedules come to.

    Attributes:
        program: The settings at any time.
        timeline: Of the film.
        sound: What its sound tells; None where no schedule asks, and nothing is to be drawn.
        offset: Seconds in the schedules at the stream's time 0.
    """

    program: Program
    timeline: Timeline
    sound: SoundTrack | None
    offset: Fraction = Fraction(0)


def with_schedules(job: Job) -> Job:
    """Return a job whose settings know what will be scheduled: layers, and a tunnel's motion."""
    texts = job.controls.schedule
    if not texts:
        return job
    media = _moving(job.media, [name for name in texts if find_control(name).moves])
    return replace(job, dream=with_scheduled_layers(job.dream, texts), media=media)


def _moving(media: MediaConfig, names: list[str]) -> MediaConfig:
    if media.moves or not names:
        return media
    if "zoom" in names:
        return replace(media, zoom=1 + _UNSEEN)
    if "rotate" in names:
        return replace(media, rotate=_UNSEEN)
    return replace(media, drift=(_UNSEEN, 0.0))


def make_plan(job: Job, source: Source, *, drawn: bool = False) -> Plan | None:
    """Lay a job's schedules out over its stream, and look at every frame's values.

    Args:
        job: What is to be dreamed.
        source: Its stream, open; of a clip the held picture.
        drawn: Whether they are to be drawn, with the sound's waveform.

    Returns:
        The plan; None where nothing is scheduled.

    Raises:
        UsageError: A schedule does not fit the film, or asks for sound that there is none of.
        SourceError: The sound can't be read.
    """
    curves = read_schedules(job.controls.schedule)
    if not curves:
        return None
    _require_frames_of_their_own(job, source, curves[0].name)
    info = source.unthinned if isinstance(source, ThinnedSource) else source.info
    bpm, offset = job.controls.bpm, job.preview or Fraction(0)
    timeline = timeline_of(job.dream, _whole(job, info), bpm)
    wanted = sound_range(job.controls.sound, info, offset)
    sound = read_sound_for(curves, wanted, bpm, why_no_sound(job.source, info), drawn=drawn)
    program = lay_out(curves, timeline, job.dream, sound)
    _require_possible(program, job.dream)
    for name, share in program.check().items():
        _LOG.warning(
            "--schedule %s: in %.0f %% of the frames it leaves its range, and is held to it",
            *(name, max(100 * share, 1)),
        )
    return Plan(program, timeline, sound, offset)


def _require_frames_of_their_own(job: Job, source: Source, name: str) -> None:
    """Refuse a picture that unfolds into its dream: its frames lie on one way there and back."""
    if isinstance(source, HeldSource) and source.info.frames is not None and not job.media.moves:
        raise UsageError(
            f"--schedule {name}: a picture's dream unfolds at its own pace; give --zoom, --rotate "
            "or --drift, or a film",
            "schedule",
        )


def _whole(job: Job, info: StreamInfo) -> StreamInfo:
    """Return what is known of a whole film of which a single frame is previewed."""
    if job.preview is None:
        return info
    if info.path is None:
        return replace(info, frames=None)
    with open_source(job.source) as whole:
        return whole.info


def _require_possible(program: Program, dream: DreamConfig) -> None:
    """Raise a UsageError where a look can't have what is scheduled, as the original program."""
    try:
        dream.changed(**program.dream_settings(0.0))
    except FieldError as error:
        raise UsageError(f"--schedule {error}", "schedule") from error


class Pilot(AbstractContextManager["Pilot"]):
    """Changes a dreamer's settings before each frame, and in the end changes them back.

    Args:
        plan: What it follows.
        dreamer: What it changes.
    """

    def __init__(self, plan: Plan, dreamer: Changeable) -> None:
        self._plan, self._dreamer = plan, dreamer
        self._steer(Fraction(0))  # before frames are read ahead, and compared if they are carried

    def steer(self, frame: Frame) -> None:
        """Give the dreamer a frame's settings.

        Raises:
            UsageError: A schedule has no finite value there, or the dreamer can't take it.
        """
        self._steer(frame.time)

    def _steer(self, time: Fraction) -> None:
        settings = self._plan.program.settings(float(time + self._plan.offset))
        try:
            self._dreamer.change(**settings)
        except FieldError as error:
            raise UsageError(f"--schedule {error}", "schedule") from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Change the settings back."""
        self._dreamer.change(**self._plan.program.originals())
