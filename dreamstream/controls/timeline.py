"""Time as schedules tell it: frames of the film, seconds and beats."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from dreamstream.controls.functions import Values

SOUND_NAMES = ("loud", "bass", "mid", "high", "onset", "beat")
"""Names of what sound tells, each in [0, 1]."""

FORMULA_NAMES = frozenset({"t", "max_f", "s", "sec", "pi", *SOUND_NAMES})
"""All names that a formula may refer to."""

KEY_NAMES = frozenset({"max_f", "s", "pi"})
"""Those that a key's place may."""

_NEAR_WHOLE = 0.05
"""Frames by which a time may be off a frame's: Matroska rounds to milliseconds."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """How times of a film are told.

    Attributes:
        rate: Frames a second, of the film as it is read: leaving some out changes no schedule.
        frames: Length of the film; None where it is unknown.
        seed: What ``s`` stands for; it chooses the curve of ``noise``.
        bpm: Beats a minute, for keys in beats; None where it was not given.
    """

    rate: Fraction
    frames: int | None = None
    seed: int = 0
    bpm: float | None = None

    def positions(self, times: Values) -> Values:
        """Return times, in seconds, as frames.

        A time that is nearly a frame's own is taken for it.
        """
        exact = np.round(np.asarray(times, np.float64) * float(self.rate), 6)
        whole = np.rint(exact)
        return np.where(np.abs(exact - whole) <= _NEAR_WHOLE, whole, exact)

    def times(self, positions: Values) -> Values:
        """Return frames as seconds."""
        return np.asarray(positions, np.float64) / float(self.rate)

    @property
    def last_frame(self) -> int | None:
        """Number of the last frame, from 0; None where the length is unknown."""
        return None if self.frames is None else max(self.frames - 1, 0)
