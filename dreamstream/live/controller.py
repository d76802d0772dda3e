"""Which dream size a live view can afford: a ladder of few sizes, climbed slowly (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass

SIDES = (192, 256, 384, 640)
"""The ladder of dream sizes: longest side in pixels.  A rung costs about twice the one below."""

FRAMES_PER_LOOK = 1.6
"""Frames that the network may take for one look: more than half of them should get a step."""

MOST_STEPS = 3
"""Steps a look on the top rung; more would show as jumps."""

ROOM_TO_CLIMB = 0.75
"""Share of the time for a look that the next rung may be expected to take."""

COST_POWER = 1.4
"""Power of the side by which a look's cost grows, measured: small ones are bound by overhead."""

LATE = 0.15
"""Share of frames after which others were dropped from which the picture is late, and the dream
must become smaller."""

_LOOKS_TO_FALL, _LOOKS_TO_CLIMB = 4, 20
_SMOOTHING, _FRAME_SMOOTHING = 0.3, 0.05
_WORST_FRAME = 0.5
"""Seconds between two frames beyond which it is a stall and no frame rate."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One rung of the ladder.

    Attributes:
        side: Longest side of the dream size, in pixels.
        steps: Steps a look.
    """

    side: int
    steps: int = 1


def make_ladder(longest: int) -> list[Rung]:
    """Make the rungs up to a longest side; where none fits, one of that side."""
    sides = [side for side in SIDES if side <= longest] or [longest]
    more = [Rung(sides[-1], steps) for steps in range(2, MOST_STEPS + 1)]
    return [*map(Rung, sides), *more]


class Controller:
    """Chooses the rung by what looks have taken and by how fast frames come.

    It falls after a few looks that were too slow and climbs after many that left room, so that the
    eye sees no pumping.

    Args:
        ladder: Rungs, cheapest first.
        period: Seconds a frame at the target rate.

    Attributes:
        reach: How many of the rungs may be used; all at first.
    """

    def __init__(self, ladder: Sequence[Rung], period: float) -> None:
        self._ladder = list(ladder)
        self._target = self._period = period
        self._place = self._first_place()
        self.reach = len(self._ladder)
        self._cost: float | None = None
        self._slow = self._quick = 0
        self._dropping = 0.0

    @property
    def rung(self) -> Rung:
        """The rung to use."""
        return self._ladder[min(self._place, self.reach - 1)]

    @property
    def is_late(self) -> bool:
        """Whether so many frames are dropped that the network must leave the picture more time."""
        return self._dropping > LATE

    def note_frame(self, seconds: float, turns: int) -> None:
        """Learn of a frame; a camera may be slower than asked, and the picture slower than it.

        Args:
            seconds: Since the frame before it.
            turns: Frames that the camera gave in that time; all but one were dropped.
        """
        if turns < 1 or seconds > _WORST_FRAME:
            return
        self._period += _FRAME_SMOOTHING * (max(seconds / turns, self._target) - self._period)
        self._dropping += _FRAME_SMOOTHING * ((turns > 1) - self._dropping)

    def note_look(self, rung: Rung, seconds: float) -> None:
        """Learn what a look has taken; one on a rung that has been left tells nothing."""
        if rung != self.rung:
            return
        self._cost = seconds if self._cost is None else _mix(self._cost, seconds)
        budget = FRAMES_PER_LOOK * self._period
        slow = self._cost > budget or self.is_late
        quick = self._next_cost() < ROOM_TO_CLIMB * budget and not slow
        self._slow = self._slow + 1 if slow else 0
        self._quick = self._quick + 1 if quick else 0
        if self._slow >= _LOOKS_TO_FALL and self._place > 0:
            self._move(-1)
        elif self._quick >= _LOOKS_TO_CLIMB and self._place < self.reach - 1:
            self._move(+1)

    def _first_place(self) -> int:
        """Begin on the second rung: the first may be needless, the top would stall."""
        return min(1, sum(rung.steps == 1 for rung in self._ladder) - 1)

    def _next_cost(self) -> float:
        """Expect what the next rung would take."""
        if self._cost is None or self._place == len(self._ladder) - 1:
            return float("inf")
        here, above = self.rung, self._ladder[self._place + 1]
        growth = float((above.side / here.side) ** COST_POWER) * above.steps / here.steps
        return self._cost * growth

    def _move(self, by: int) -> None:
        self._place += by
        self._cost = None
        self._slow = self._quick = 0


def _mix(old: float, new: float) -> float:
    return old + _SMOOTHING * (new - old)
