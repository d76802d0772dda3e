"""What can be scheduled: for each name its range, and how a value is applied.

This table is the one place to extend.  A value is applied by putting settings into the dictionary
that ``change`` of whatever dreams is called with before each frame.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from dreamstream.config import MOST_MASK_BLUR, MOST_STRENGTH, DreamConfig
from dreamstream.controls.curve import Range
from dreamstream.controls.faults import FIELD
from dreamstream.errors import FieldError

LAYERS = "layers."
"""What stands before a layer's name."""

FADE_SECONDS = 0.5
"""Time over which a layer's coefficient is evened out, so that jumps from layer to layer fade."""

_LEAST_COEFFICIENT = 1e-6
"""What stands for a coefficient of 0, which no layer may have."""

_MOST_COEFFICIENT = 1e6

Settings = dict[str, Any]
Put = Callable[[Settings, str, float, DreamConfig], None]
"""Puts a value into the settings: what is set so far, the scheduled name, the value, and the
configuration that the film began with."""


def _field(settings: Settings, name: str, value: float, _: DreamConfig) -> None:
    settings[name] = value


def _layer(settings: Settings, name: str, value: float, config: DreamConfig) -> None:
    layers = settings.setdefault("layers", dict(config.layers))
    sign = -1.0 if value < 0 else 1.0
    layers[name.removeprefix(LAYERS)] = sign * max(abs(value), _LEAST_COEFFICIENT)


def _guide(settings: Settings, _: str, value: float, __: DreamConfig) -> None:
    settings["guide_weight"] = value


def _drift(settings: Settings, name: str, value: float, _: DreamConfig) -> None:
    settings[name.replace(".", "_")] = value


@dataclass(frozen=True, slots=True)
class Control:
    """How one value over time is applied.

    Attributes:
        range: What it may be.
        about: What it is, and its unit.
        put: Puts a value into the settings of a frame.
        moves: Whether it moves a picture from frame to frame, as tunnels alone do.
        fade: Seconds over which it is evened out.
        live: Whether a live view follows it.
    """

    range: Range
    about: str
    put: Put = _field
    moves: bool = False
    fade: float = 0.0
    live: bool = True


CONTROLS: Mapping[str, Control] = MappingProxyType(
    {
        LAYERS: Control(
            Range(-_MOST_COEFFICIENT, _MOST_COEFFICIENT),
            "coefficient of a layer, against those of the others",
            _layer,
            fade=FADE_SECONDS,
        ),
        "strength": Control(Range(0, MOST_STRENGTH), "how much of a dream"),
        "guide": Control(Range(0, 1), "how much the guide decides", _guide),
        "step_size": Control(Range(1e-6, 2), "mean change of a pixel per step, of [-1, 1]"),
        "chroma": Control(Range(0, 1), "how freely colours change"),
        "evenness": Control(Range(0, 1), "how evenly all regions dream"),
        "smoothing": Control(Range(0, 4), "blur of the gradient, in pixels"),
        "max_loss": Control(Range(1e-6, 1e9), "ceiling of the loss"),
        "blend": Control(
            Range(0.01, 1), "how much of the carried dream a frame starts from", live=False
        ),
        "mask_blur": Control(
            Range(0, MOST_MASK_BLUR), "pixels over which a mask's edge fades", live=False
        ),
        "zoom": Control(Range(0.5, 2), "how much larger each frame is", moves=True, live=False),
        "rotate": Control(
            Range(-180, 180), "degrees by which each frame is turned", moves=True, live=False
        ),
        "drift.x": Control(
            Range(-1000, 1000), "pixels to the right, each frame", _drift, moves=True, live=False
        ),
        "drift.y": Control(
            Range(-1000, 1000), "pixels down, each frame", _drift, moves=True, live=False
        ),
    }
)
"""What can be scheduled, by name; ``layers.`` stands for ``layers.NAME`` of any layer."""


def find_control(name: str) -> Control:
    """Return how a name is applied.

    Raises:
        FieldError: There is no such name.
    """
    if name.startswith(LAYERS) and name != LAYERS:
        return CONTROLS[LAYERS]
    found = CONTROLS.get(name)
    if found is not None and name != LAYERS:
        return found
    known = [f"{LAYERS}NAME" if each == LAYERS else each for each in CONTROLS]
    close = get_close_matches(name, known, 1)
    remedy = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
    raise FieldError(FIELD, f"nothing of the name {name!r} can be scheduled; {remedy}")
