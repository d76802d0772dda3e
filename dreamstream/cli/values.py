"""Values of settings as text: how each is read, named in ``--help`` and shown."""

import argparse
import dataclasses
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any


def _layers(text: str) -> dict[str, float]:
    """Read ``name=1,other=.5``; a name alone has the coefficient 1."""
    layers = {}
    for part in filter(None, text.split(",")):
        name, _, coefficient = part.partition("=")
        layers[name.strip()] = float(coefficient or 1)
    return layers


_TIME = re.compile(r"-?(\d{1,9}:){0,2}(\d{1,9}(\.\d{0,12})?|\.\d{1,12})", re.ASCII)


def time_of(text: str) -> Fraction:
    """Read seconds, or [HH:]MM:SS[.m], exactly."""
    if not _TIME.fullmatch(text.strip()):
        raise ValueError("no time")
    seconds = Fraction(0)
    for part in text.strip().lstrip("-").split(":"):
        seconds = 60 * seconds + Fraction(part)
    return -seconds if "-" in text else seconds


_RATE = re.compile(r"(\d{1,6}(\.\d{0,6})?|\.\d{1,6})(/[1-9]\d{0,5})?", re.ASCII)


def _rate(text: str) -> Fraction:
    """Read a rate such as 12.5 or 30000/1001, exactly."""
    if not _RATE.fullmatch(text.strip()):
        raise ValueError("no rate")
    above, _, below = text.strip().partition("/")
    return Fraction(above) / int(below or 1)


def _frames(text: str) -> tuple[int | None, int | None]:
    """Read A:B, either side of which may be empty."""
    first, colon, last = text.partition(":")
    if not colon:
        raise ValueError("no colon")
    return int(first) if first else None, int(last) if last else None


def _tile(text: str) -> int | str:
    """Read pixels, or a word."""
    return int(text) if text.strip().isdecimal() else text


def _drift(text: str) -> tuple[float, float]:
    """Read X,Y."""
    x, comma, y = text.partition(",")
    if not comma:
        raise ValueError("no comma")
    return float(x), float(y)


def _schedule(text: str) -> dict[str, str]:
    """Read NAME=KEYS."""
    name, equals, keys = text.partition("=")
    if not equals or not name.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=KEYS, as in chroma='0:(0), 5s:(1)'")
    return {name.strip(): keys}


_READERS: Mapping[Any, Callable[[str], Any]] = {
    "layers": _layers,
    "frames": _frames,
    "drift": _drift,
    "start": time_of,
    "duration": time_of,
    "loop_fade": time_of,
    "weights": Path,
    "guide": Path,
    "stats": Path,
    "max_loss": float,
    "dream_size": int,
    "crf": int,
    "codec": str,
    "fps": _rate,
    "live_fps": _rate,
    "tile": _tile,
    "mask": str,
    "schedule": _schedule,
    "sound": Path,
    "plot_schedule": Path,
    "bpm": float,
}
"""How the fields are read whose type alone does not say it; the others by calling their type."""

METAVARS = {
    "layers": "NAME=N,...",
    "frames": "A:B",
    "drift": "X,Y",
    "zoom": "FACTOR",
    "rotate": "DEGREES",
    "start": "TIME",
    "duration": "TIME",
    "loop_fade": "TIME",
    "weights": "FILE",
    "guide": "FILE",
    "stats": "FILE",
    "preset": "NAME",
    "model": "NAME",
    "octaves": "N",
    "steps": "N",
    "first_steps": "N",
    "max_loss": "LOSS",
    "dream_size": "PX",
    "tile": "PX",
    "jitter": "PX",
    "smoothing": "PX",
    "octave_rule": "NAME",
    "precision": "TYPE",
    "threads": "N",
    "mask": "FILE|RULE",
    "mask_blur": "PX",
    "crf": "N",
    "fps": "RATE",
    "live_fps": "RATE",
    "schedule": "NAME=KEYS",
    "sound": "FILE",
    "plot_schedule": "FILE",
    "bpm": "N",
}


def reader(field: "dataclasses.Field[Any]") -> Callable[[str], Any]:
    """Make the function that reads a field's text; it names itself for argparse's message."""
    read = _READERS.get(field.name, field.type)
    none, choices = none_of(field), field.metadata.get("choices")

    def value(text: str) -> Any:
        if none is not None and text.strip().lower() == none:
            return None
        if choices and text not in choices:
            raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(choices)}")
        return read(text)  # type: ignore[operator]

    value.__name__ = field.name.replace("_", " ")
    return value


def none_of(field: "dataclasses.Field[Any]") -> str | None:
    """Return the word for a field's None; None where it has none."""
    word: str | None = field.metadata.get("none")
    return "none" if word is None and field.default is None else word


def show(value: Any, none: str | None) -> str:
    """Write a default as a flag takes it."""
    if value is None:
        return none or "none"
    if isinstance(value, Mapping):
        return ",".join(f"{name}={coefficient:g}" for name, coefficient in value.items())
    if isinstance(value, tuple):
        return "all" if None in value else ",".join(f"{part:g}" for part in value)
    return str(value)
