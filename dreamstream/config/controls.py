"""What changes over time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dreamstream.config.fields import option, require, settle_types

_SLOWEST, _FASTEST = 1.0, 1000.0


@dataclass(frozen=True, kw_only=True)
class ControlConfig:
    """What changes over time, and by which sound.

    Attributes:
        schedule: What changes, by name, and its keys, such as ``0:(0.4), 2.5s:(1)``; the language
            is told in ``docs/schedules.md``.
        sound: File whose sound formulas follow; None is the input's own.
        bpm: Beats a minute, for keys in beats and for ``beat``; None has them found, and no keys in
            beats.
        plot_schedule: Picture into which all values over the film are drawn.

    Raises:
        ValueError: A value is of another type or out of its range; the message names the field.
            Schedules themselves are read by :func:`dreamstream.controls.program.read_schedules`.
    """

    schedule: Mapping[str, str] = field(
        default_factory=dict,
        metadata={
            "help": "let a value change over time or by sound, e.g. "
            "chroma='0:(0), 5s:(0.4+0.6*bass)'; several times",
            "group": "controls",
            "shown": "nothing",
        },
    )
    sound: Path | None = option(
        None, "file whose sound schedules follow", "controls", shown="the input's own"
    )
    bpm: float | None = option(
        None, "beats a minute, for keys such as 8b, and for beat", "controls", shown="found"
    )
    plot_schedule: Path | None = option(
        None,
        "draw all scheduled values over the film into a picture; without an OUTPUT that is all",
        "controls",
    )

    def __post_init__(self) -> None:
        settle_types(self)
        object.__setattr__(self, "schedule", dict(self.schedule))
        if self.bpm is not None:
            require("bpm", self.bpm, least=_SLOWEST, most=_FASTEST)
