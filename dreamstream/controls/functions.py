"""The functions that a formula may call (pure numpy)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Values: TypeAlias = npt.NDArray[np.float64]
"""A value for each position: (n,) float64."""

Value: TypeAlias = Values | np.float64
"""A value for each position, or one for all."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function of formulas.

    Attributes:
        call: Takes arrays of one shape, and returns one; the first argument of a seeded one is the
            seed.
        least: Fewest arguments.
        most: Most arguments; None is any number.
        about: What it gives.
        seeded: Whether it depends on the seed.
    """

    call: Callable[..., Any]
    least: int
    most: int | None
    about: str
    seeded: bool = False


def noise(seed: int, x: Values) -> Values:
    """Return a smooth random curve: value noise (Perlin 1985) on the whole numbers.

    Args:
        seed: Chooses the curve.
        x: (n,) positions; the curve passes a new random value at each whole number.

    Returns:
        (n,) float64 in [-1, 1], with a slope of 0 at whole numbers; NaN where x is not finite.
    """
    x = np.asarray(x, np.float64)
    finite = np.isfinite(x)
    held = np.where(finite, x, 0.0)
    below = np.floor(held)
    share = held - below
    eased = share * share * share * (share * (6 * share - 15) + 10)
    left, right = _random(seed, below), _random(seed, below + 1)
    return np.where(finite, left + eased * (right - left), np.nan)


def _random(seed: int, whole: Values) -> Values:
    """Hash whole numbers to [-1, 1] (the finaliser of SplitMix64, Steele et al. 2014)."""
    bits = np.mod(whole, 2.0**52).astype(np.uint64)
    key = (seed * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) % 2**64
    with np.errstate(over="ignore"):
        bits = bits * np.uint64(0xD1342543DE82EF95) + np.uint64(key)
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        bits = bits ^ (bits >> np.uint64(31))
    return (bits >> np.uint64(11)).astype(np.float64) / 2.0**52 - 1.0


def _least(*arguments: Values) -> Values:
    least = arguments[0]
    for other in arguments[1:]:
        least = np.minimum(least, other)
    return least


def _most(*arguments: Values) -> Values:
    most = arguments[0]
    for other in arguments[1:]:
        most = np.maximum(most, other)
    return most


def _where(condition: Values, true: Values, false: Values) -> Values:
    return np.where(np.asarray(condition) != 0, true, false)


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "min": Function(_least, 2, None, "the least of its arguments"),
        "max": Function(_most, 2, None, "the greatest of its arguments"),
        "clip": Function(np.clip, 3, 3, "x, held between low and high"),
        "where": Function(_where, 3, 3, "a where the condition holds, else b"),
        "abs": Function(np.abs, 1, 1, "x without its sign"),
        "sin": Function(np.sin, 1, 1, "of radians"),
        "cos": Function(np.cos, 1, 1, "of radians"),
        "tan": Function(np.tan, 1, 1, "of radians"),
        "exp": Function(np.exp, 1, 1, "e to the power of x"),
        "log": Function(np.log, 1, 1, "natural logarithm"),
        "sqrt": Function(np.sqrt, 1, 1, "square root"),
        "floor": Function(np.floor, 1, 1, "the whole number below"),
        "ceil": Function(np.ceil, 1, 1, "the whole number above"),
        "noise": Function(noise, 1, 1, "a smooth random curve in [-1, 1]", seeded=True),
    }
)
