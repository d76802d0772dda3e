"""A picture of schedules: every value over the film, the sound's waveform beneath."""

import math
from collections.abc import Mapping

import numpy as np

from dreamstream._libraries import cv2
from dreamstream.controls.functions import Values
from dreamstream.controls.sound import SoundTrack
from dreamstream.controls.timeline import SOUND_NAMES
from dreamstream.frames import Pixels

WIDTH, LANE, MARGIN = 1280, 110, 44
"""Pixels: of the picture, of a value's lane with its gap, and left of the curves."""

_GAP, _FOOT, _RIGHT = 34, 30, 16
_PAPER, _GRID, _INK, _FAINT = (250, 250, 248), (222, 222, 218), (40, 40, 44), (130, 130, 136)
_CURVES = ((38, 92, 178), (196, 78, 52), (46, 128, 84), (140, 70, 150), (170, 120, 20))
_WAVE = (96, 120, 140)
_FONT, _SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.45
_FEWEST_PIXELS = 90
"""Between two marks of the time."""

_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600)


def sample_times(seconds: float) -> Values:
    """Return the times, in seconds, of the curves' points: one for each pixel."""
    return np.linspace(0, seconds, WIDTH - MARGIN - _RIGHT)


def draw_schedules(
    curves: Mapping[str, Values], seconds: float, sound: SoundTrack | None = None
) -> Pixels:
    """Draw values over a film.

    Args:
        curves: For each name its values at the film's :func:`sample_times`.
        seconds: Length of the film.
        sound: Its sound, whose waveform, beats and curves come beneath; None is left out.

    Returns:
        (H, WIDTH, 3) uint8 RGB.
    """
    lanes = len(curves) + (0 if sound is None else 2)
    picture = np.full((lanes * LANE + _FOOT + 8, WIDTH, 3), _PAPER, np.uint8)
    marks = _marks(seconds)
    times = sample_times(seconds)
    for number, (name, values) in enumerate(curves.items()):
        colour = _CURVES[number % len(_CURVES)]
        _draw_lane(picture, number * LANE, marks, seconds)
        _draw_curve(picture, number * LANE, values, colour)
        _write(picture, f"{name}", (MARGIN, number * LANE + 22), colour)
    if sound is not None:
        _draw_sound(picture, len(curves) * LANE, sound, times, marks, seconds)
    foot = lanes * LANE + 18
    for mark in marks:
        _write(picture, _clock(mark), (_column(mark, seconds) - 12, foot), _INK)
    return picture


def _draw_lane(picture: Pixels, top: int, marks: list[float], seconds: float) -> None:
    begin, end = top + _GAP, top + LANE - 4
    for mark in marks:
        column = _column(mark, seconds)
        cv2.line(picture, (column, begin), (column, end), _GRID, 1)
    cv2.line(picture, (MARGIN, end), (WIDTH - _RIGHT, end), _GRID, 1)


def _draw_curve(
    picture: Pixels, top: int, values: Values, colour: tuple[int, int, int], *, labels: bool = True
) -> None:
    low, high = float(values.min()), float(values.max())
    span = high - low
    rows = np.full(values.shape, 0.5) if span <= 0 else (values - low) / span
    begin, end = top + _GAP, top + LANE - 6
    points = np.stack(
        [MARGIN + np.arange(len(values)), np.rint(end - rows * (end - begin))], axis=-1
    )
    cv2.polylines(picture, [points.astype(np.int32)], False, colour, 1, cv2.LINE_AA)
    if labels and span > 0:
        _write(picture, f"{high:.3g}", (2, begin + 6), _FAINT)
        _write(picture, f"{low:.3g}", (2, end), _FAINT)
    elif labels:
        _write(picture, f"{high:.3g}", (2, (begin + end) // 2 + 4), _FAINT)


def _draw_sound(
    picture: Pixels,
    top: int,
    sound: SoundTrack,
    times: Values,
    marks: list[float],
    seconds: float,
) -> None:
    _draw_lane(picture, top, marks, seconds)
    column = MARGIN
    for name, colour in zip(SOUND_NAMES, (*_CURVES, _INK), strict=True):
        _draw_curve(picture, top, sound.at(name, times), colour, labels=False)
        _write(picture, name, (column, top + 22), colour)
        column += 64
    top += LANE
    _draw_lane(picture, top, marks, seconds)
    _write(picture, "sound, and its beats", (MARGIN, top + 22), _WAVE)
    _draw_wave(picture, top, sound, times)
    for beat in sound.beats[(sound.beats >= 0) & (sound.beats <= seconds)]:
        at = _column(float(beat), seconds)
        cv2.line(picture, (at, top + _GAP - 6), (at, top + _GAP), _INK, 1)


def _draw_wave(picture: Pixels, top: int, sound: SoundTrack, times: Values) -> None:
    middle, reach = top + (_GAP + LANE) // 2, (LANE - _GAP) // 2 - 4
    heard = sound.heard
    loudest = max(-float(heard.low.min(initial=0)), float(heard.top.max(initial=0)))
    if loudest <= 0:
        return
    step = times[1] - times[0] if len(times) > 1 else 0.0
    for number, time in enumerate(times):
        low, high = sound.extremes(time, time + step)
        rows = (middle - round(reach * high / loudest), middle - round(reach * low / loudest))
        cv2.line(picture, (MARGIN + number, rows[0]), (MARGIN + number, rows[1]), _WAVE, 1)


def _column(time: float, seconds: float) -> int:
    return MARGIN + round((WIDTH - MARGIN - _RIGHT - 1) * (time / seconds if seconds else 0))


def _marks(seconds: float) -> list[float]:
    """Choose the times that are written."""
    most = max((WIDTH - MARGIN) // _FEWEST_PIXELS, 1)
    step = next((each for each in _STEPS if seconds / each <= most), seconds / most)
    return [number * step for number in range(math.floor(seconds / step + 1e-9) + 1)]


def _clock(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _write(picture: Pixels, text: str, at: tuple[int, int], colour: tuple[int, int, int]) -> None:
    cv2.putText(picture, text, at, _FONT, _SCALE, colour, 1, cv2.LINE_AA)
