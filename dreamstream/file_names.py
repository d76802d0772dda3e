"""Names of what lies beside an output while it is made: its part files and its journal's folder."""

import hashlib
import os
import re
from pathlib import Path

LONGEST_NAME = 255
"""Bytes of a file's name that every usual file system takes."""

SPILL_SUFFIX = ".mkv"
"""Of the part file of an animation, whose pictures are kept in a video until all have come."""

_DIGEST = 8
"""Hexadecimal digits that keep two shortened names apart."""

_PART = re.compile(r".*\.part(\d*)(\.[^.]+)", re.DOTALL)


def fitted_name(stem: str, ending: str) -> str:
    """Join a stem and an ending; a stem that makes the name too long is cut, and told by a hash."""
    room = LONGEST_NAME - len(os.fsencode(ending))
    if len(os.fsencode(stem)) <= room:
        return stem + ending
    mark = "-" + hashlib.sha256(os.fsencode(stem)).hexdigest()[:_DIGEST]
    kept = stem
    while len(os.fsencode(kept)) > room - len(mark):
        kept = kept[:-1]
    return kept + mark + ending


def part_path(target: Path, number: int, suffix: str) -> Path:
    """Return the path of the part file of a target: ``NAME.part.SUFFIX``, ``NAME.part2.SUFFIX``."""
    count = "" if number == 1 else str(number)
    return target.with_name(fitted_name(target.stem, f".part{count}{suffix}"))


def is_part_of(name: str, target: Path) -> bool:
    """Return whether a name is one that :func:`part_path` makes for a target."""
    found = _PART.fullmatch(name)
    if found is None or found[2] not in (target.suffix, SPILL_SUFFIX):
        return False
    return part_path(target, int(found[1] or 1), found[2]).name == name


def journal_path(target: Path) -> Path:
    """Return the path of the folder that keeps a target's journal."""
    return target.with_name(fitted_name(target.name, ".resume"))
