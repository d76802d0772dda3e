"""A schedule: keys over time, each with a number or a formula, in Deforum's notation.

``0:(1.0), 2.5s:(1.6), 60f:(0.4 + 0.6*bass)``.  Numbers are joined by straight lines; a formula
holds from its key, evaluated at every time, until the next key.
"""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dreamstream.controls.faults import ScheduleFault, refusal
from dreamstream.controls.formula import LONGEST as LONGEST_FORMULA
from dreamstream.controls.formula import Formula, parse_formula
from dreamstream.controls.functions import Value, Values
from dreamstream.controls.timeline import FORMULA_NAMES, KEY_NAMES, SOUND_NAMES, Timeline
from dreamstream.errors import FieldError

LONGEST = 20_000
"""Characters of a schedule, at the most."""

MOST_KEYS = 1000

_LONGEST_VALUE = 2 * LONGEST_FORMULA
"""Characters up to which brackets around a value are looked for."""

_MOST_FRAMES = 1e9
"""The latest key: some months of film."""

_PLACE = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([fsb])\s*", re.ASCII)
"""A key in frames, seconds or beats."""

_OPENING, _CLOSING = "([{", ")]}"

Sound = Callable[[str, Values], Values]
"""Gives what sound tells: of a name at (n,) positions in frames, (n,) values in [0, 1]."""


@dataclass(frozen=True, slots=True)
class Range:
    """The values that a setting takes.

    Attributes:
        least: The least.
        most: The greatest.
    """

    least: float = -math.inf
    most: float = math.inf

    def __contains__(self, value: float) -> bool:
        return self.least <= value <= self.most


@dataclass(frozen=True, slots=True)
class _Key:
    """A key as written.

    Attributes:
        place: In units of ``unit``, or a formula of frames.
        unit: ``f``, ``s`` or ``b``.
        value: What holds there.
        begin: Where the key begins in the text.
        end: Where its place ends.
    """

    place: Formula | float
    unit: str
    value: Formula
    begin: int
    end: int


class Curve:
    """A schedule of one value, checked as far as that needs no film.

    Args:
        name: What is scheduled, for messages.
        text: The schedule.
        range_: What values may be; plain numbers must lie within, formulas are clipped to it.

    Attributes:
        name: As given.
        text: As given.
        range: As given.
        names: All names that its formulas refer to.

    Raises:
        FieldError: It is wrong; the message is one line that marks the place.
    """

    def __init__(self, name: str, text: str, range_: Range) -> None:
        self.name, self.text, self.range = name, text, range_
        try:
            self._keys = [*_read(text)]
            for key in self._keys:
                self._require_possible(key)
        except ScheduleFault as fault:
            raise refusal(name, text, fault) from None
        self.names = frozenset(name for key in self._keys for name in key.value.names)

    def _require_possible(self, key: _Key) -> None:
        """Refuse a constant that is out of range, or is no number."""
        if not key.value.is_constant:
            return
        value = float(key.value.at({}))
        if not math.isfinite(value):
            raise key.value.fault("this is no finite number")
        if value not in self.range:
            least, most = self.range.least, self.range.most
            raise key.value.fault(f"{value:g} is not from {least:g} to {most:g}")

    @property
    def uses_sound(self) -> bool:
        """Whether it follows sound."""
        return not self.names.isdisjoint(SOUND_NAMES)

    def refuse_sound(self, why: str) -> FieldError:
        """Make the error for this schedule where there is no sound; it marks what asks for it."""
        name, begin = next(
            (name, key.value.names[name])
            for key in self._keys
            for name in SOUND_NAMES
            if name in key.value.names
        )
        problem = f"{name} needs sound, and {why}; give --sound FILE"
        return refusal(self.name, self.text, ScheduleFault(problem, begin, begin + len(name)))

    def bound(self, timeline: Timeline) -> "BoundCurve":
        """Lay the keys out over a film.

        Raises:
            FieldError: A key can't be placed in it, or two are at the same place.
        """
        try:
            return BoundCurve(self, self._placed(timeline), timeline)
        except ScheduleFault as fault:
            raise refusal(self.name, self.text, fault) from None

    def _placed(self, timeline: Timeline) -> list[tuple[float, Formula]]:
        placed = sorted(
            ((_position(key, timeline), key) for key in self._keys), key=lambda pair: pair[0]
        )
        for (before, _), (now, key) in pairwise(placed):
            if before == now:
                raise ScheduleFault("there are two keys at this place", key.begin, key.end)
        if timeline.frames is None:
            self._require_known_length(timeline)
        return [(position, key.value) for position, key in placed]

    def _require_known_length(self, timeline: Timeline) -> None:
        for key in self._keys:
            if "max_f" in key.value.names:
                begin = key.value.names["max_f"]
                raise ScheduleFault(_UNKNOWN_LENGTH, begin, begin + len("max_f"))


_UNKNOWN_LENGTH = "the length of this input is unknown, so there is no max_f"


class BoundCurve:
    """A schedule laid out over a film.

    Args:
        curve: The schedule.
        keys: Positions, in frames and rising, and what holds there.
        timeline: Of the film.
    """

    def __init__(self, curve: Curve, keys: list[tuple[float, Formula]], timeline: Timeline) -> None:
        self.curve, self.timeline = curve, timeline
        self._places = np.array([position for position, _ in keys])
        self._values = [value for _, value in keys]

    def at(self, positions: Values, sound: Sound | None = None) -> Values:
        """Evaluate it, without regard to its range.

        Before the first key its value holds, after the last one that one's.

        Args:
            positions: (n,) in frames.
            sound: Gives what sound tells; needed where the schedule uses it.

        Returns:
            (n,) float64; NaN or infinite where a formula is.
        """
        positions = np.asarray(positions, np.float64)
        spans = np.clip(np.searchsorted(self._places, positions, "right") - 1, 0, None)
        values = np.empty(positions.shape)
        for number in np.unique(spans):
            here = spans == number
            values[here] = self._in_span(int(number), positions[here], sound)
        return values

    def refuse(self, problem: str, position: float) -> FieldError:
        """Make the error for what holds at a position in frames."""
        number = max(int(np.searchsorted(self._places, position, "right")) - 1, 0)
        fault = self._values[number].fault(problem)
        return refusal(self.curve.name, self.curve.text, fault)

    def _in_span(self, number: int, positions: Values, sound: Sound | None) -> Values:
        """Evaluate it at (n,) positions that follow one key."""
        value, is_last = self._values[number], number + 1 == len(self._values)
        if value.literal is None:
            return self._evaluate(value, positions, sound)
        if is_last:
            return np.full(positions.shape, value.literal)
        first, last = self._places[number : number + 2]
        end = self._evaluate(self._values[number + 1], self._places[number + 1 :][:1], sound)[0]
        share = np.clip((positions - first) / (last - first), 0, 1)
        return np.asarray(value.literal + share * (end - value.literal))

    def _evaluate(self, value: Formula, positions: Values, sound: Sound | None) -> Values:
        line = self.timeline
        scope: dict[str, Value] = {
            "t": positions,
            "sec": line.times(positions),
            "max_f": np.float64(line.last_frame or 0),
            "s": np.float64(line.seed),
            "pi": np.float64(math.pi),
        }
        for name in value.names:
            if name in SOUND_NAMES and sound is not None:
                scope[name] = sound(name, positions)
        return np.broadcast_to(value.at(scope, line.seed), positions.shape)


def _position(key: _Key, timeline: Timeline) -> float:
    """Return a key's place in frames."""
    if isinstance(key.place, Formula):
        return _evaluated(key.place, timeline)
    if key.unit == "f":
        position = key.place
    elif key.unit == "b":
        if timeline.bpm is None:
            raise ScheduleFault("a key in beats needs --bpm", key.begin, key.end)
        position = key.place * 60 / timeline.bpm * float(timeline.rate)
    else:
        position = key.place * float(timeline.rate)
    if position > _MOST_FRAMES:
        raise ScheduleFault("the key is too far away", key.begin, key.end)
    return float(timeline.positions(np.array(position / float(timeline.rate))))


def _evaluated(place: Formula, timeline: Timeline) -> float:
    if "max_f" in place.names and timeline.frames is None:
        raise place.fault(_UNKNOWN_LENGTH)
    scope: dict[str, Value] = {
        "max_f": np.float64(timeline.last_frame or 0),
        "s": np.float64(timeline.seed),
        "pi": np.float64(math.pi),
    }
    position = float(place.at(scope, timeline.seed))
    if not 0 <= position <= _MOST_FRAMES:
        raise place.fault(f"a key can't be at frame {position:g}")
    return position


# --- reading -------------------------------------------------------------------------------------


def _read(text: str) -> Iterator[_Key]:
    """Read a schedule key by key."""
    if not text.strip():
        raise ScheduleFault("it is empty; give a value, or keys such as 0:(1), 60:(2)", 0, 0)
    if len(text) > LONGEST:
        raise ScheduleFault(
            f"it has {len(text)} characters; at most {LONGEST} are read", LONGEST, LONGEST
        )
    spans = [*_split(text, 0, len(text), ",")]
    if len(spans) > 1 and not text[slice(*spans[-1])].strip():
        spans.pop()  # a comma at the end
    if len(spans) > MOST_KEYS:
        raise ScheduleFault(f"there are more than {MOST_KEYS} keys", *spans[MOST_KEYS])
    for begin, end in spans:
        yield _read_key(text, begin, end, alone=len(spans) == 1)


def _read_key(text: str, begin: int, end: int, *, alone: bool) -> _Key:
    parts = [*_split(text, begin, end, ":")]
    if len(parts) > 2:
        at = parts[1][1]
        raise ScheduleFault("one key has two colons; put a comma between keys", at, at + 1)
    if len(parts) == 1:
        if not alone:
            raise ScheduleFault(
                "there is no colon; give FRAME:(VALUE)", *_trimmed(text, begin, end)
            )
        return _Key(0.0, "f", _value(text, begin, end), begin, end)
    (begin, colon), (after, end) = parts
    place = _trimmed(text, begin, colon)
    if place[0] == place[1]:
        raise ScheduleFault("the key's place is missing before the colon", colon, colon + 1)
    value = _value(text, after, end)
    match = _PLACE.fullmatch(text, *place)
    if match is not None:
        return _Key(float(match[1]), match[2], value, *place)
    formula = parse_formula(text[slice(*place)], place[0], KEY_NAMES)
    return _Key(formula, "f", value, *place)


def _value(text: str, begin: int, end: int) -> Formula:
    """Read a value, which may be in brackets."""
    begin, end = _trimmed(text, begin, end)
    while 2 <= end - begin <= _LONGEST_VALUE and _encloses(text, begin, end):
        begin, end = _trimmed(text, begin + 1, end - 1)
    return parse_formula(text[begin:end], begin, FORMULA_NAMES)


def _trimmed(text: str, begin: int, end: int) -> tuple[int, int]:
    """Leave out blanks at both ends."""
    while begin < end and text[begin].isspace():
        begin += 1
    while end > begin and text[end - 1].isspace():
        end -= 1
    return begin, end


def _split(text: str, begin: int, end: int, mark: str) -> Iterator[tuple[int, int]]:
    """Split a part of a text at marks that no bracket encloses."""
    open_: list[int] = []
    first = begin
    for place in range(begin, end):
        character = text[place]
        if character in _OPENING:
            open_.append(place)
        elif character in _CLOSING:
            if not open_ or _OPENING.index(text[open_.pop()]) != _CLOSING.index(character):
                raise ScheduleFault("this bracket was never opened", place, place + 1)
        elif character == mark and not open_:
            yield first, place
            first = place + 1
    if open_:
        raise ScheduleFault("this bracket is never closed", open_[-1], open_[-1] + 1)
    yield first, end


def _encloses(text: str, begin: int, end: int) -> bool:
    """Whether a part of a text lies within one pair of round brackets."""
    if text[begin] != "(" or text[end - 1] != ")":
        return False
    depth = 0
    for at in range(begin, end - 1):
        depth += (text[at] in _OPENING) - (text[at] in _CLOSING)
        if not depth:
            return False
    return True
