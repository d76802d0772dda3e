"""A job's schedules: which settings each of its frames has."""

import logging
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, runtime_checkable

from dreamstream.config import DreamConfig, MediaConfig
from dreamstream.controls.curve import Curve
from dreamstream.controls.functions import Values
from dreamstream.controls.names import find_control
from dreamstream.controls.program import Program, read_schedules, with_scheduled_layers
from dreamstream.controls.sound import SoundTrack
from dreamstream.controls.sound_reading import SoundRange, has_sound
from dreamstream.controls.timeline import Timeline
from dreamstream.errors import FieldError, UsageError
from dreamstream.frames import Frame, StreamInfo
from dreamstream.rendering.job import Job
from dreamstream.sources import Source, ThinnedSource

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
    info = source.unthinned if isinstance(source, ThinnedSource) else source.info
    timeline = timeline_of(job.dream, info, job.controls.bpm, whole=job.preview is None)
    offset = job.preview or Fraction(0)
    sound = _sound_of(job, info, curves, offset, drawn=drawn)
    program = lay_out(curves, timeline, job.dream, sound)
    for name, share in program.check().items():
        _LOG.warning(
            "--schedule %s: in %.0f %% of the frames it leaves its range, and is held to it",
            *(name, max(100 * share, 1)),
        )
    return Plan(program, timeline, sound, offset)


def timeline_of(
    dream: DreamConfig, info: StreamInfo, bpm: float | None, *, whole: bool = True
) -> Timeline:
    """Return how times of a stream are told; a still is a film of one frame a second."""
    frames = info.frames if whole else None
    return Timeline(info.rate or Fraction(1), frames, dream.seed, bpm)


def lay_out(
    curves: tuple[Curve, ...], timeline: Timeline, dream: DreamConfig, sound: SoundTrack | None
) -> Program:
    """Lay schedules out over a film.

    Raises:
        UsageError: A key can't be placed in it.
    """

    def heard(name: str, positions: Values) -> Values:
        assert sound is not None
        return sound.at(name, timeline.times(positions))

    try:
        return Program(curves, timeline, dream, None if sound is None else heard)
    except FieldError as error:
        raise UsageError(f"--schedule {error.problem}", error.field) from error


def _sound_of(
    job: Job, info: StreamInfo, curves: tuple[Curve, ...], offset: Fraction, *, drawn: bool
) -> SoundTrack | None:
    asking = next((each for each in curves if each.uses_sound), None)
    if asking is None and not drawn:
        return None
    wanted = sound_range(job.controls.sound, info, offset)
    if asking is None:
        return SoundTrack.read(wanted, job.controls.bpm) if wanted is not None else None
    if wanted is None:
        raise no_sound(asking, job.source, info)
    return SoundTrack.read(wanted, job.controls.bpm)


def sound_range(given: Path | None, info: StreamInfo, offset: Fraction) -> SoundRange | None:
    """Choose the sound that schedules follow.

    Args:
        given: A file of its own; None is the input.
        info: The input.
        offset: Seconds in the schedules at the input's time 0: more of its sound counts.

    Returns:
        Where it is; None where the input has none that can be read beforehand.
    """
    if given is not None:
        return SoundRange(given)
    span = info.sound
    if span is None or span.feed is not None or not has_sound(span.path):
        return None
    return SoundRange(span.path, span.begin - offset, None if offset else span.end)


def no_sound(asking: Curve, source: str, info: StreamInfo) -> UsageError:
    """Make the error for a schedule that asks for sound where there is none."""
    piped = info.sound is not None and info.sound.feed is not None
    why = f"the sound of {source} can't be read beforehand" if piped else f"{source} has no sound"
    return UsageError(f"--schedule {asking.refuse_sound(why).problem}", "schedule")


class Pilot(AbstractContextManager["Pilot"]):
    """Changes a dreamer's settings before each frame, and in the end changes them back.

    Args:
        plan: What it follows.
        dreamer: What it changes.
        config: The dreamer's own settings.

    Raises:
        UsageError: The dreamer can't change what is scheduled.
    """

    def __init__(self, plan: Plan, dreamer: Any, config: DreamConfig) -> None:
        if not isinstance(dreamer, Changeable):
            raise UsageError(
                f"--schedule {plan.program.names[0]}: a picture's dream grows by itself, at its "
                "own pace; give --zoom, --rotate or --drift, or a film",
                "schedule",
            )
        self._plan, self._dreamer, self._config = plan, dreamer, config
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
