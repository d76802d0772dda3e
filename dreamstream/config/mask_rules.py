"""What ``--mask`` may say: a file, or a rule that finds the mask in the frames (pure)."""

import re
from dataclasses import dataclass

from dreamstream.errors import FieldError

FILE, ALPHA, COLOR, LUMA, MOVING, STILL = "file", "alpha", "color", "luma", "moving", "still"

USUAL_TOLERANCE = 10.0
"""Percent by which a colour may differ from a key that tells no tolerance."""

_KEY = re.compile(r"#([0-9a-fA-F]{6})(?:~(\d{1,3}(?:\.\d{0,6})?|\.\d{1,6}))?", re.ASCII)
_RANGE = re.compile(r"(\d?\.\d{1,9}|\d\.?)-(\d?\.\d{1,9}|\d\.?)", re.ASCII)
_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_CAMERA = re.compile(r"camera(:.*)?")
_MISSPELT = re.compile(r"(colou?r|luma|alpha|moving|still|chroma|key)\b[:=].*", re.IGNORECASE)
_LONGEST = 40
"""Characters of a wrong mask that a message repeats."""


@dataclass(frozen=True, slots=True)
class MaskRule:
    """A mask as it is asked for.

    Attributes:
        kind: One of FILE, ALPHA, COLOR, LUMA, MOVING and STILL.
        path: Of a FILE: a picture, a film, a folder or a pattern of pictures.
        color: Of a COLOR: red, green and blue in [0, 255].
        tolerance: Of a COLOR: how far a colour may be from it, in percent of the way from black
            to white.
        low: Of a LUMA: the darkest that is meant, in [0, 1].
        high: Of a LUMA: the lightest.
    """

    kind: str
    path: str = ""
    color: tuple[int, int, int] = (0, 0, 0)
    tolerance: float = USUAL_TOLERANCE
    low: float = 0.0
    high: float = 1.0


def parse_mask(text: str) -> MaskRule:
    """Read a mask: ``alpha``, ``color:#00ff00~20``, ``luma:.6-1``, ``moving``, ``still`` or a path.

    Raises:
        FieldError: It is none of them.
    """
    if text in (ALPHA, MOVING, STILL):
        return MaskRule(text)
    if text.startswith(f"{COLOR}:"):
        return _color(text)
    if text.startswith(f"{LUMA}:"):
        return _luma(text)
    if not text.strip() or "\0" in text or "\n" in text:
        raise _wrong(text, "is no file and no rule")
    if _MISSPELT.fullmatch(text):
        raise _wrong(text, "is no rule (a file of that name is ./NAME)")
    if text == "-" or _URL.match(text) or _CAMERA.fullmatch(text):
        raise _wrong(text, "can't be read twice; save it to a file first, or")
    return MaskRule(FILE, path=text)


def _color(text: str) -> MaskRule:
    found = _KEY.fullmatch(text.removeprefix(f"{COLOR}:"))
    if found is None:
        raise _wrong(text, "is no colour; give it as color:#00ff00~20, or")
    value, told = int(found[1], 16), found[2]
    tolerance = USUAL_TOLERANCE if told is None else float(told)
    if tolerance > 100:
        raise _wrong(text, "has a tolerance over 100 percent; give less, or")
    return MaskRule(COLOR, color=(value >> 16, value >> 8 & 255, value & 255), tolerance=tolerance)


def _luma(text: str) -> MaskRule:
    found = _RANGE.fullmatch(text.removeprefix(f"{LUMA}:"))
    if found is None:
        raise _wrong(text, "is no range; give it as luma:.6-1, or")
    low, high = float(found[1]), float(found[2])
    if not 0 <= low < high <= 1:
        raise _wrong(text, "is no range from dark to light within 0 to 1; give luma:.6-1, or")
    return MaskRule(LUMA, low=low, high=high)


def _wrong(text: str, problem: str) -> FieldError:
    shown = repr(text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "...")
    joined = problem if problem.endswith(" or") else problem + ";"
    return FieldError(
        "mask",
        f"{shown} {joined} give a picture, a film, a folder of pictures, alpha, color:#00ff00~20, "
        "luma:.6-1, moving or still",
    )
