"""What all settings have in common: how a field is described, and how its range is checked."""

import dataclasses
import math
from fractions import Fraction
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
