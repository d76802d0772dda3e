"""All schedules of a film together: the settings of every frame."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from dreamstream.config import DreamConfig
from dreamstream.controls.curve import BoundCurve, Curve, Sound
from dreamstream.controls.functions import Values
from dreamstream.controls.names import LAYERS, Control, Settings, find_control
from dreamstream.controls.timeline import Timeline
from dreamstream.errors import UsageError

_FADE_SAMPLES = 25
"""Times at which a value that is evened out is looked at."""

_MOST_CHECKED, _CHECKED_UNKNOWN = 500_000, 10_000
"""Frames that are looked at before a film is dreamed, at the most, and where its length is
unknown."""


def read_schedules(texts: Mapping[str, str]) -> tuple[Curve, ...]:
    """Check schedules, as far as that needs no film.

    Args:
        texts: What is scheduled, by name, and how.

    Raises:
        FieldError: A name can't be scheduled, or a schedule is wrong; one line marks the place.
    """
    return tuple(Curve(name, text, find_control(name).range) for name, text in texts.items())


def with_scheduled_layers(config: DreamConfig, texts: Mapping[str, str]) -> DreamConfig:
    """Return a configuration that knows all layers whose coefficients are scheduled.

    Raises:
        UsageError: A guide is scheduled, and there is none.
    """
    if "guide" in texts and config.guide is None:
        raise UsageError("--schedule guide: there is no guide; give --guide FILE", "schedule")
    names = [name.removeprefix(LAYERS) for name in texts if name.startswith(LAYERS)]
    absent = {name: 1.0 for name in names if name not in config.layers}
    if not absent:
        return config
    return config.changed(layers={**config.layers, **absent})


_DREAM = frozenset(field.name for field in dataclasses.fields(DreamConfig))


class Program:
    """The settings of a film at any time.

    Args:
        curves: The schedules.
        timeline: Of the film.
        config: What the film begins with; it knows all scheduled layers.
        sound: Gives what sound tells; needed where a schedule uses it.

    Raises:
        FieldError: A key can't be placed in the film.
    """

    def __init__(
        self,
        curves: Sequence[Curve],
        timeline: Timeline,
        config: DreamConfig,
        sound: Sound | None = None,
    ) -> None:
        self.timeline, self._config, self._sound = timeline, config, sound
        self._bound = [(each.bound(timeline), find_control(each.name)) for each in curves]

    @property
    def names(self) -> tuple[str, ...]:
        """What is scheduled."""
        return tuple(curve.curve.name for curve, _ in self._bound)

    def settings(self, time: float) -> Settings:
        """Return the settings of a frame, as ``change`` takes them.

        Args:
            time: Of the frame, in seconds from the beginning.

        Raises:
            UsageError: A formula gives no finite number there.
        """
        settings: Settings = {}
        positions = self.timeline.positions(np.array([time]))
        for bound, control in self._bound:
            value = self._values(bound, control, positions)
            if not np.isfinite(value[0]):
                raise self._not_finite(bound, positions[0])
            held = float(np.clip(value[0], control.range.least, control.range.most))
            control.put(settings, bound.curve.name, held, self._config)
        return settings

    def dream_settings(self, time: float) -> Settings:
        """Return of a frame's settings those that a :class:`DreamConfig` has."""
        return {name: value for name, value in self.settings(time).items() if name in _DREAM}

    def originals(self) -> Settings:
        """Return what the film began with of those settings of its dream that are scheduled."""
        settings: Settings = {}
        for bound, control in self._bound:
            control.put(settings, bound.curve.name, 0.0, self._config)
        return {name: getattr(self._config, name) for name in settings if name in _DREAM}

    def values(self, positions: Values) -> dict[str, Values]:
        """Return every value, held to its range, at (n,) positions in frames."""
        return {
            bound.curve.name: np.clip(
                self._values(bound, control, positions), control.range.least, control.range.most
            )
            for bound, control in self._bound
        }

    def check(self) -> dict[str, float]:
        """Look at every frame before any is dreamed.

        Returns:
            For each schedule that leaves its range the share of frames in which it does.

        Raises:
            UsageError: A formula gives no finite number somewhere.
        """
        frames = self.timeline.frames or _CHECKED_UNKNOWN
        positions = np.arange(min(frames, _MOST_CHECKED), dtype=np.float64)
        beyond = {}
        for bound, control in self._bound:
            values = self._values(bound, control, positions)
            wrong = ~np.isfinite(values)
            if wrong.any():
                raise self._not_finite(bound, positions[np.argmax(wrong)])
            out = (values < control.range.least) | (values > control.range.most)
            if out.any():
                beyond[bound.curve.name] = float(out.mean())
        return beyond

    def _values(self, bound: BoundCurve, control: Control, positions: Values) -> Values:
        """Evaluate a curve, evened out where that is wanted."""
        if not control.fade:
            return bound.at(positions, self._sound)
        reach = control.fade / 2 * float(self.timeline.rate)
        shifts = np.linspace(-reach, reach, _FADE_SAMPLES)
        around = np.maximum(positions[:, None] + shifts, 0).ravel()
        values = bound.at(around, self._sound).reshape(len(positions), _FADE_SAMPLES)
        return np.asarray(values.mean(axis=1))

    def _not_finite(self, bound: BoundCurve, position: float) -> UsageError:
        seconds = float(self.timeline.times(np.array(position)))
        frame = f"{position:.0f}" if math.isclose(position, round(position)) else f"{position:.2f}"
        problem = f"it is no finite number at frame {frame} ({seconds:.2f} s)"
        return UsageError(f"--schedule: {bound.refuse(problem, position).problem}", "schedule")
