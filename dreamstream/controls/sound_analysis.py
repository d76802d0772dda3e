"""What is heard from moment to moment: loudness, bands, and how much begins (pure numpy).

Everything is measured in windows around moments that lie a hundredth of a second apart, exactly;
frames of any rate, or of a variable one, find their values between them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dreamstream.controls.sound_reading import RATE, Samples

MOMENTS = 100
"""Moments a second."""

HOP = RATE // MOMENTS

LONG, SHORT = 1024, 512
"""Samples of the windows: of loudness and bands, and of the spectral flux, which wants to know
when."""

BANDS = {"bass": (20.0, 200.0), "mid": (200.0, 2500.0), "high": (2500.0, 11_500.0)}
"""Hz."""

_MEL_BANDS, _MEL_RANGE = 40, (30.0, 11_500.0)
_COMPRESSION = 1000.0
"""Amplitudes are compressed as log(1 + this much of them), so that what is soft counts too."""

_AT_ONCE = 2000
"""Moments that are measured at a time."""

Curve = npt.NDArray[np.float32]
"""(moments,) float32."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A sound, measured; each array is (moments,) float32.

    Attributes:
        loud: Root mean square.
        bands: Root of each band's energy, by its name in BANDS.
        flux: How much begins: the positive spectral flux.
        low: Least sample around each moment.
        top: Greatest one.
    """

    loud: Curve
    bands: dict[str, Curve]
    flux: Curve
    low: Curve
    top: Curve

    @property
    def seconds(self) -> float:
        """Its length."""
        return max(len(self.loud) - 1, 0) / MOMENTS


def listen(blocks: Iterable[Samples]) -> Heard:
    """Measure a sound, block by block: a film's whole sound need not be in memory.

    Args:
        blocks: Mono samples at RATE that follow one another.
    """
    measured: list[dict[str, Curve]] = []
    half = LONG // 2
    held, heard = np.zeros(half, np.float32), 0
    last = np.zeros((1, _MEL_BANDS), np.float32)

    def measure(count: int) -> None:
        nonlocal held, last
        measured.append(_measured(held, count, last))
        last = _mels(held, np.arange(count - 1, count))
        held = held[count * HOP :]

    for block in blocks:
        held = np.concatenate([held, block])
        heard += len(block)
        while len(held) >= (_AT_ONCE - 1) * HOP + LONG:
            measure(_AT_ONCE)
    if heard:
        count = max((len(held) - half) // HOP + 1, 1)
        held = np.concatenate([held, np.zeros(LONG + HOP, np.float32)])
        while count > 0:
            some = min(count, _AT_ONCE)
            measure(some)
            count -= some
    names = ("loud", *BANDS, "flux", "low", "top")
    whole = {
        name: np.concatenate([np.zeros(0, np.float32), *(each[name] for each in measured)])
        for name in names
    }
    bands = {name: whole[name] for name in BANDS}
    return Heard(whole["loud"], bands, whole["flux"], whole["low"], whole["top"])


def _measured(held: Samples, count: int, last: npt.NDArray[np.float32]) -> dict[str, Curve]:
    """Measure moments, of which the first lies half a long window from the beginning."""
    windows = _windows(held, np.arange(count) * HOP, LONG)
    weighted = windows * _HANN_LONG
    power = np.abs(np.fft.rfft(weighted)) ** 2
    energy = power @ _BAND_WEIGHTS.T
    mels = np.concatenate([last, _mels(held, np.arange(count))])
    middle = windows[:, (LONG - HOP) // 2 : (LONG + HOP) // 2]
    rises = np.maximum(np.diff(mels, axis=0), 0)
    found = {
        "loud": np.sqrt((weighted**2).sum(axis=1) / (_HANN_LONG**2).sum()),
        "flux": rises.mean(axis=1),
        "low": middle.min(axis=1),
        "top": middle.max(axis=1),
    }
    found |= {name: np.sqrt(energy[:, number]) for number, name in enumerate(BANDS)}
    return {name: each.astype(np.float32) for name, each in found.items()}


def _mels(held: Samples, moments: npt.NDArray[np.int_]) -> npt.NDArray[np.float32]:
    """Return the compressed mel bands of moments, (moments, bands)."""
    windows = _windows(held, moments * HOP + (LONG - SHORT) // 2, SHORT) * _HANN_SHORT
    amplitude = np.sqrt(np.abs(np.fft.rfft(windows)) ** 2 @ _MEL_WEIGHTS.T)
    return np.log1p(_COMPRESSION * amplitude).astype(np.float32)


def _windows(held: Samples, starts: npt.NDArray[np.int_], length: int) -> npt.NDArray[np.float64]:
    view = np.lib.stride_tricks.sliding_window_view(held, length)
    return np.asarray(view[starts], np.float64)


def _band_weights() -> npt.NDArray[np.float64]:
    frequencies = np.fft.rfftfreq(LONG, 1 / RATE)
    rows = [(frequencies >= low) & (frequencies < high) for low, high in BANDS.values()]
    scale = (_HANN_LONG.sum() / 2) ** 2
    weights: npt.NDArray[np.float64] = np.array(rows, np.float64) / scale
    return weights


def _mel_weights() -> npt.NDArray[np.float64]:
    """Return triangles on the mel scale (O'Shaughnessy 1987), (bands, frequencies)."""
    low, high = (2595 * np.log10(1 + hz / 700) for hz in _MEL_RANGE)
    edges = 700 * (10 ** (np.linspace(low, high, _MEL_BANDS + 2) / 2595) - 1)
    frequencies = np.fft.rfftfreq(SHORT, 1 / RATE)
    width = RATE / SHORT
    rows = []
    for left, middle, right in zip(edges, edges[1:], edges[2:], strict=False):
        up = (frequencies - left) / max(middle - left, width)
        down = (right - frequencies) / max(right - middle, width)
        rows.append(np.clip(np.minimum(up, down), 0, 1))
    scale = (_HANN_SHORT.sum() / 2) ** 2
    weights: npt.NDArray[np.float64] = np.array(rows) / scale
    return weights


_HANN_LONG, _HANN_SHORT = (np.hanning(length + 1)[:-1] for length in (LONG, SHORT))
_BAND_WEIGHTS, _MEL_WEIGHTS = _band_weights(), _mel_weights()
