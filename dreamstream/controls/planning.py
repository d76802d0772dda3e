"""Schedules laid out over a stream: its times, its sound, and one program of all."""

from fractions import Fraction
from pathlib import Path

from dreamstream.config import DreamConfig
from dreamstream.controls.curve import Curve
from dreamstream.controls.functions import Values
from dreamstream.controls.program import Program
from dreamstream.controls.sound import SoundTrack
from dreamstream.controls.sound_reading import SoundRange, has_sound
from dreamstream.controls.timeline import Timeline
from dreamstream.errors import FieldError, UsageError
from dreamstream.frames import StreamInfo

STILL_RATE = Fraction(1)
"""Frames a second of a still: it is a film of one frame."""


def timeline_of(dream: DreamConfig, info: StreamInfo, bpm: float | None) -> Timeline:
    """Return how times of a stream are told.

    Args:
        dream: ``seed`` counts.
        info: The stream.
        bpm: Beats a minute; None where they were not given.
    """
    return Timeline(info.rate or STILL_RATE, info.frames, dream.seed, bpm)


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


def read_sound_for(
    curves: tuple[Curve, ...],
    wanted: SoundRange | None,
    bpm: float | None,
    why_none: str,
    *,
    causal: bool = False,
    drawn: bool = False,
) -> SoundTrack | None:
    """Read the sound that schedules ask for.

    Args:
        curves: The schedules.
        wanted: Where it is; None where there is none.
        bpm: Beats a minute; None finds out.
        why_none: What a message says where it is asked for and there is none.
        causal: As of :class:`SoundTrack`.
        drawn: Whether it is wanted, if there is any, though no schedule asks.

    Raises:
        UsageError: A schedule asks for sound that there is none of.
        SourceError: The sound can't be read.
    """
    asking = next((each for each in curves if each.uses_sound), None)
    if asking is None and not drawn:
        return None
    if wanted is None:
        if asking is None:
            return None
        error = asking.refuse_sound(why_none)
        raise UsageError(f"--schedule {error.problem}", error.field)
    return SoundTrack.read(wanted, bpm, causal=causal)


def sound_range(
    given: Path | None, info: StreamInfo | None, offset: Fraction = Fraction(0)
) -> SoundRange | None:
    """Choose the sound that schedules follow.

    Args:
        given: A file of its own; None is the input.
        info: The input; None where it has no sound of its own.
        offset: Seconds in the schedules at the input's time 0: its sound counts from before that.

    Returns:
        Where it is; None where the input has none that can be read beforehand.
    """
    if given is not None:
        return SoundRange(given)
    span = None if info is None else info.sound
    if span is None or span.feed is not None or not has_sound(span.path):
        return None
    return SoundRange(span.path, span.begin - offset, None if offset else span.end)


def why_no_sound(source: str, info: StreamInfo) -> str:
    """Say why schedules find no sound in an input."""
    if info.sound is not None and info.sound.feed is not None:
        return f"the sound of {source} can't be read beforehand"
    return f"{source} has none"
