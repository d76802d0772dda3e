"""Beats: the tempo by autocorrelation, then the beats by dynamic programming (pure numpy).

Source: D. Ellis 2007, "Beat Tracking by Dynamic Programming", Journal of New Music Research 36(1).
"""

import math

import numpy as np
import numpy.typing as npt

from dreamstream.controls.sound_analysis import MOMENTS

Curve = npt.NDArray[np.float64]

_LIKELIEST, _OCTAVES = 0.5, 0.9
"""The beat's most likely length in seconds, and how wide the likelihood is, in octaves."""

_SHORTEST, _LONGEST = 0.25, 1.5
"""Seconds of a beat: from 240 to 40 in a minute."""

_QUICK, _AS_STRONG = 0.33, 0.85
"""Seconds from which half a beat may be the beat, and the share of the whole one's autocorrelation
that it must have: quick music is not counted at half its tempo."""

_TIGHTNESS = 100.0
"""How much a beat's deviation from the tempo costs, against how much begins there."""

_WEAKEST = 0.25
"""Share of the beats' root mean square under which beats at the ends are left out."""

_LEAST_CORRELATION = 0.1
"""Autocorrelation of what begins under which there is no beat."""


def find_beats(flux: npt.NDArray[np.float32], bpm: float | None = None) -> Curve:
    """Find the beats of a sound.

    Args:
        flux: (moments,), how much begins at each hundredth of a second.
        bpm: Beats a minute; None finds out.

    Returns:
        (beats,) float64 seconds; empty where there is none.
    """
    strength = _onset_strength(flux)
    if len(strength) < 2 * MOMENTS * _SHORTEST or not strength.any():
        return np.zeros(0)
    period = 60 * MOMENTS / bpm if bpm else _period(strength)
    if period is None or period < 2:
        return np.zeros(0)
    local = _blurred(strength, period / 32)
    beats = _follow(local, period)
    return _strong(beats, local) / MOMENTS


def _onset_strength(flux: npt.NDArray[np.float32]) -> Curve:
    strength = np.asarray(flux, np.float64)
    deviation = strength.std() if len(strength) else 0.0
    return strength / deviation if deviation > 1e-9 else np.zeros_like(strength)


def _period(strength: Curve) -> float | None:
    """Return the length of a beat, in moments; None where nothing repeats."""
    centred = strength - strength.mean()
    size = 1 << (2 * len(centred) - 1).bit_length()
    spectrum = np.fft.rfft(centred, size)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2, size)[: len(centred)]
    first, last = round(_SHORTEST * MOMENTS), min(round(_LONGEST * MOMENTS), len(centred) - 2)
    if last <= first or correlation[0] <= 0:
        return None
    lags = np.arange(first, last + 1)
    wide = _blurred(correlation, 1.5)  # a beat that is no whole number of moments is none the less
    found = wide[lags] / wide[0]
    if found.max() < _LEAST_CORRELATION:
        return None
    likely = np.exp(-0.5 * (np.log2(lags / (_LIKELIEST * MOMENTS)) / _OCTAVES) ** 2)
    best = int(np.argmax(found * likely))
    half = round(lags[best] / 2) - first
    if half >= round(_QUICK * MOMENTS) - first and found[half] > _AS_STRONG * found[best]:
        best = half
    return _refined(correlation, int(lags[best]))


def _refined(correlation: Curve, lag: int) -> float:
    """Return a lag between whole ones: from the farthest multiple of it that is still a peak."""
    refined = float(lag)
    for multiple in range(1, 9):
        middle = round(refined * multiple)
        reach = max(2, multiple // 2 + 1)
        if middle + reach + 1 >= len(correlation) // 2:
            break
        place = middle - reach + int(np.argmax(correlation[middle - reach : middle + reach + 1]))
        left, here, right = correlation[place - 1 : place + 2]
        bend = left - 2 * here + right
        if here <= 0 or bend >= 0:
            break
        refined = (place + 0.5 * (left - right) / bend) / multiple
    return refined


def _blurred(curve: Curve, sigma: float) -> Curve:
    reach = max(1, math.ceil(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(sigma, 0.3)) ** 2)
    return np.convolve(np.pad(curve, reach), kernel / kernel.sum(), "valid")


def _follow(local: Curve, period: float) -> npt.NDArray[np.int_]:
    """Return the moments of the best sequence of beats."""
    lags = np.arange(max(1, round(period / 2)), round(2 * period) + 1)
    cost = -_TIGHTNESS * np.log(lags / period) ** 2
    reach = int(lags[-1])
    total = np.concatenate([np.zeros(reach), local])
    before = np.full(len(local), -1)
    for place in range(len(local)):
        scores = total[place + reach - lags] + cost
        best = int(np.argmax(scores))
        if lags[best] <= place and scores[best] > 0:
            total[place + reach] += scores[best]
            before[place] = place - lags[best]
    place = _last_beat(total[reach:], period)
    beats = []
    while place >= 0:
        beats.append(place)
        place = int(before[place])
    return np.array(beats[::-1])


def _last_beat(total: Curve, period: float) -> int:
    """Choose the last beat: the best within the last one and a half."""
    begin = max(0, len(total) - math.ceil(1.5 * period))
    return begin + int(np.argmax(total[begin:]))


def _strong(beats: npt.NDArray[np.int_], local: Curve) -> npt.NDArray[np.int_]:
    """Leave out weak beats at both ends, which silence there made."""
    strengths = local[beats]
    enough = np.flatnonzero(strengths >= _WEAKEST * math.sqrt(float(np.mean(strengths**2))))
    return beats[enough[0] : enough[-1] + 1] if len(enough) else beats[:0]
