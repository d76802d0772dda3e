"""What a film's sound tells at any time: six curves in [0, 1]."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from dreamstream.controls.beats import find_beats
from dreamstream.controls.functions import Values
from dreamstream.controls.sound_analysis import BANDS, MOMENTS, Heard, listen
from dreamstream.controls.sound_reading import SoundRange, read_sound

_LEAST_SPAN: Mapping[str, float] = MappingProxyType({"onset": 0.02})
_USUAL_SPAN = 1e-4
"""Difference between the least and the greatest value, in units of full scale, under which a curve
is flat: the noise of a silence is no music."""

_LEAD = 0.002
"""Seconds by which the flux of a window is ahead of what begins: half of what sounds is in sight
before its middle is."""

_FADING = 2.0
"""Seconds after a sound's end in which its curves fall."""

_MEAN_SECONDS = 0.5
"""Time over which what begins is held against its own mean: a steady hiss begins nothing."""


@dataclass(frozen=True, slots=True)
class Smoothing:
    """How a curve rises and falls: time constants in seconds.

    Attributes:
        attack: Of the rise.
        release: Of the fall.
    """

    attack: float
    release: float


SMOOTHING: Mapping[str, Smoothing] = MappingProxyType(
    {
        "loud": Smoothing(0.04, 0.25),
        "bass": Smoothing(0.04, 0.25),
        "mid": Smoothing(0.04, 0.25),
        "high": Smoothing(0.04, 0.25),
        "onset": Smoothing(0.02, 0.12),
        "beat": Smoothing(0.03, 0.15),
    }
)


class SoundTrack:
    """A film's sound, ready to be asked.

    Args:
        heard: The sound, measured.
        bpm: Beats a minute; None finds out.
        causal: Smooth one way, as a live view wants: nothing moves before it is heard.  Otherwise
            the rise is smoothed backwards, so that every peak is where it is heard.

    Attributes:
        heard: As given.
    """

    def __init__(self, heard: Heard, bpm: float | None = None, *, causal: bool = False) -> None:
        self.heard, self._bpm, self._causal = heard, bpm, causal
        self._curves: dict[str, Values] = {}

    @classmethod
    def read(
        cls, wanted: SoundRange, bpm: float | None = None, *, causal: bool = False
    ) -> "SoundTrack":
        """Read a file's sound.

        Raises:
            SourceError: It can't be read, or holds none.
        """
        return cls(listen(read_sound(wanted)), bpm, causal=causal)

    @cached_property
    def beats(self) -> Values:
        """(beats,) seconds; empty where there is none."""
        return find_beats(self.heard.flux, self._bpm) + _LEAD

    def at(self, name: str, times: Values) -> Values:
        """Return what a name tells at (n,) times in seconds: (n,) in [0, 1]."""
        if name not in self._curves:
            self._curves[name] = self._curve(name)
        curve = self._curves[name]
        if not len(curve):
            return np.zeros(np.shape(times))
        shift = _LEAD if name == "onset" else 0.0
        places = np.clip((np.asarray(times) - shift) * MOMENTS, 0, len(curve) - 1)
        below = np.floor(places).astype(int)
        above = np.minimum(below + 1, len(curve) - 1)
        return np.asarray(curve[below] + (places - below) * (curve[above] - curve[below]))

    def _curve(self, name: str) -> Values:
        heard = self.heard
        if name in BANDS:
            raw = heard.bands[name]
        elif name == "loud":
            raw = heard.loud
        elif name == "onset":
            raw = _onsets(heard.flux)
        else:
            raw = _pulses(self.beats, len(heard.flux))
        return _scaled(_smoothed_on(raw, SMOOTHING[name], self._causal), len(raw), name)

    def extremes(self, begin: float, end: float) -> tuple[float, float]:
        """Return the least and the greatest sample from one time to another, in seconds."""
        first = max(math.floor(begin * MOMENTS), 0)
        last = max(math.ceil(end * MOMENTS), first + 1)
        low, top = self.heard.low[first:last], self.heard.top[first:last]
        return float(low.min(initial=0)), float(top.max(initial=0))


def _smoothed_on(curve: npt.NDArray[np.float32], by: Smoothing, causal: bool) -> Values:
    """Smooth a curve, and let it fall after its end."""
    return smoothed(np.pad(curve, (0, round(_FADING * MOMENTS))), by, causal=causal)


def smoothed(curve: npt.NDArray[np.float32], by: Smoothing, *, causal: bool) -> Values:
    """Let a curve rise and fall more slowly.

    Args:
        curve: (moments,), not negative.
        by: How slowly.
        causal: One way; else the rise is smoothed backwards from each peak, which stays where and
            as high as it is.
    """
    values = np.asarray(curve, np.float64)
    if causal:
        return _held(_risen(values, by.attack), by.release)
    fallen = _held(values, by.release)
    return _held(fallen[::-1], by.attack)[::-1]


def _held(values: Values, seconds: float) -> Values:
    """Let values fall no faster than by 1/e in a time: r[n] = max(x[n], r[n - 1] exp(-1 / k))."""
    slope = np.arange(len(values)) / (seconds * MOMENTS)
    with np.errstate(divide="ignore"):
        return np.asarray(np.exp(np.maximum.accumulate(np.log(values) + slope) - slope))


def _risen(values: Values, seconds: float) -> Values:
    """Smooth by a one-pole filter, as far as its impulse response counts."""
    count = math.ceil(6 * seconds * MOMENTS)
    response = np.exp(-np.arange(count + 1) / (seconds * MOMENTS))
    smooth = np.convolve(values, response / response.sum())[: len(values)]
    return np.asarray(smooth)


def _onsets(flux: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Leave of what begins what stands out from its surroundings."""
    if not len(flux):
        return flux
    reach = round(_MEAN_SECONDS * MOMENTS / 2)
    padded = np.pad(np.asarray(flux, np.float64), reach, mode="edge")
    mean = np.convolve(padded, np.full(2 * reach + 1, 1 / (2 * reach + 1)), "valid")
    return np.maximum(flux - mean, 0).astype(np.float32)


def _pulses(beats: Values, moments: int) -> npt.NDArray[np.float32]:
    pulses = np.zeros(moments, np.float32)
    places = np.rint(beats * MOMENTS).astype(int)
    pulses[places[places < moments]] = 1
    return pulses


def _scaled(values: Values, length: int, name: str) -> Values:
    """Bring the least value of a length to 0 and the greatest to 1; a flat curve is 0."""
    if not length:
        return np.zeros(0)
    least, span = float(values[:length].min()), float(np.ptp(values[:length]))
    if span < _LEAST_SPAN.get(name, _USUAL_SPAN):
        return np.zeros_like(values)
    return np.clip((values - least) / span, 0, 1)
