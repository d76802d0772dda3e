"""Which octaves a frame dreams, and with which shifts: smaller octaves take turns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

LONGEST_ROUND = 3
"""In how many frames each smaller octave has its turn.  What is warped keeps their forms from one
turn to the next: all in every frame cost half as much again and made the dream no better (log gain
of the loss at equal strength, four octaves: 3.1 instead of 3.4 on a film, 2.1 instead of 2.6 on
another)."""

SHIFTS_IN_TURN = 2
"""Shifts of the picture that warm frames of one step take in turn.  With one shift alone a dream
suits the network's grid at that place only; with a new one in every frame it never comes to rest.
"""


@dataclass(frozen=True, slots=True)
class Turn:
    """A frame's turn.

    Attributes:
        octaves: Numbers of the octaves that are dreamed, from 0, the smallest.
        jitter_index: Where in the sequence of shifts each octave begins.
    """

    octaves: Sequence[int]
    jitter_index: int


class OctaveTurns:
    """Counts the frames of a shot, and gives each its octaves and shifts."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the stream so far."""
        self._taken = 0

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return all that is remembered between frames, as named arrays."""
        return {"turn": np.array(self._taken)}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Remember what another's :meth:`state` returned."""
        self._taken = int(state["turn"])

    def take(self, octaves: int, steps: int, *, cold: bool, in_turn: bool) -> Turn:
        """Choose a frame's octaves, and the shift of their first step.

        Frames of one step take the shifts in turn, and so that every octave comes to see all.

        Args:
            octaves: How many there are.
            steps: Steps in each.
            cold: Whether the frame is a cold start.
            in_turn: Whether smaller octaves take turns; otherwise all are dreamed.
        """
        turn = 0 if cold else self._taken
        round_of = min(max(octaves - 1, 1), LONGEST_ROUND)
        index = turn if round_of % SHIFTS_IN_TURN else turn + turn // round_of
        index = index % SHIFTS_IN_TURN if not cold and 0 < steps < SHIFTS_IN_TURN else 0
        self._taken = 0 if cold else turn + (steps > 0)
        if not in_turn:
            return Turn(range(octaves), index)
        others = [number for number in range(octaves - 1) if (number - turn) % round_of == 0]
        return Turn([*others, octaves - 1], index)
