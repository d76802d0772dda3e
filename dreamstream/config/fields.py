"""What all settings have in common: how a field is described, and how its range is checked."""

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from dreamstream.errors import FieldError

MOST_WIDTH = 16384
"""The widest picture that H.264 and WebP take."""

MOST_RATE = 1000


def option(default: Any, text: str, group: str, **flag: Any) -> Any:
    """Make a field: its default, and what its flag shows in ``--help``."""
    return dataclasses.field(default=default, metadata={"help": text, "group": group, **flag})


def require(
    name: str,
    value: float | Fraction,
    *,
    least: float | None = None,
    most: float | None = None,
    above: float | None = None,
) -> None:
    """Raise a FieldError that names the field and its range unless the value lies in it."""
    try:
        finite = math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        finite = False
    bounds = []
    if least is not None:
        bounds.append((value >= least, f"at least {least:g}"))
    if above is not None:
        bounds.append((value > above, f"more than {above:g}"))
    if most is not None:
        bounds.append((value <= most, f"at most {most:g}"))
    if not finite or not all(holds for holds, _ in bounds):
        raise FieldError(name, f"{value} must be {' and '.join(text for _, text in bounds)}")


def settle_types(config: Any) -> None:
    """Bring each field of a configuration to its declared type.

    Whole numbers stand for fractions, and fractions of a second may be floats; a text stands for a
    path.  Nothing else is converted.

    Raises:
        FieldError: A value is of another type.
    """
    hints = typing.get_type_hints(type(config))
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        settled = _settled(value, hints[field.name])
        if settled is _WRONG:
            wanted = " or ".join(_NAMES.get(kind, str(kind)) for kind in _kinds(hints[field.name]))
            raise FieldError(field.name, f"{value!r} must be {wanted}")
        object.__setattr__(config, field.name, settled)


_WRONG = object()

_NAMES: Mapping[Any, str] = {
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    str: "a text",
    Fraction: "a number",
    Path: "a path",
    type(None): "None",
    Mapping[str, float]: "names with numbers",
    Mapping[str, str]: "names with texts",
}


def _kinds(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)


def _settled(value: Any, hint: Any) -> Any:
    """Return a value as one of the types of a hint; _WRONG where it is none of them."""
    for kind in _kinds(hint):
        settled = _settled_as(value, kind)
        if settled is not _WRONG:
            return settled
    return _WRONG


def _settled_as(value: Any, kind: Any) -> Any:
    origin, is_number = typing.get_origin(kind), not isinstance(value, bool)
    if origin is tuple:
        return _settled_tuple(value, typing.get_args(kind))
    if origin is not None:  # layers, schedules
        _, of_each = typing.get_args(kind)
        sound = isinstance(value, Mapping) and all(
            isinstance(name, str) and _settled_as(each, of_each) is not _WRONG
            for name, each in value.items()
        )
        return value if sound else _WRONG
    if kind is Fraction and is_number and isinstance(value, int | float) and math.isfinite(value):
        return Fraction(str(value))
    if kind is float and is_number and isinstance(value, int):
        return value
    if kind is Path and isinstance(value, str):
        return Path(value)
    is_one = isinstance(value, kind) and (is_number or kind is bool)
    return value if is_one else _WRONG


def _settled_tuple(value: Any, kinds: tuple[Any, ...]) -> Any:
    if not isinstance(value, tuple | list) or len(value) != len(kinds):
        return _WRONG
    settled = tuple(_settled(each, kind) for each, kind in zip(value, kinds, strict=True))
    return _WRONG if _WRONG in settled else settled
