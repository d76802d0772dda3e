"""Files that hold transparency: which, and how their pictures are encoded."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from dreamstream.errors import TargetError
from dreamstream.sinks.codecs import CODECS, Codec

ALPHA_SUFFIXES = (".mov", ".webm", ".apng", ".png", ".webp")
"""Suffixes of files that hold as many degrees of transparency as of colour."""

_NAMED = {".mov": "prores", ".webm": "vp9"}

_CODECS: Mapping[str, Codec] = MappingProxyType(
    {
        ".mov": replace(
            CODECS["prores"],
            pixel_format="yuva444p10le",
            odd_pixel_format="yuva444p10le",
            options={"profile": "4", "alpha_bits": "16"},
        ),
        ".webm": replace(
            CODECS["vp9"],
            pixel_format="yuva420p",
            odd_pixel_format="yuva420p",
            # an alternate reference is a picture that is not shown, of which alpha has none
            options={**CODECS["vp9"].options, "auto-alt-ref": "0"},
        ),
    }
)
"""ProRes 4444 and VP9 with a second picture for the transparency, by their containers."""


def require_alpha_target(target: str) -> None:
    """Raise a TargetError unless a target's kind of file holds transparency."""
    suffix = Path(target).suffix.lower()
    if suffix not in ALPHA_SUFFIXES:
        raise TargetError(
            f"writing {target} failed: {suffix or 'such an output'} holds no transparency; give a "
            f"{', '.join(ALPHA_SUFFIXES)}, or leave out --alpha"
        )


def alpha_codec(name: str | None, suffix: str) -> Codec:
    """Choose the codec of a film with transparency.

    Args:
        name: The codec that is asked for; None is the container's.
        suffix: The container's.

    Raises:
        TargetError: That codec holds no transparency there.
    """
    if name not in (None, _NAMED[suffix]):
        raise TargetError(
            f"writing {suffix} with codec {name} failed: it holds no transparency; {suffix} takes "
            f"{_NAMED[suffix]} for it"
        )
    return _CODECS[suffix]
