"""The figures of shown frames, held until it is known whether the network looked at them."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace

from dreamstream.dream.report import FrameRecord

_MOST_HELD = 64
"""Frames after which a frame counts as one that the network did not look at."""


class Ledger:
    """Passes records on in their order, each with its frame's loss or with none.

    Looks come late and skip frames, but never go back: the look at one frame tells that no more
    will come of those before it.

    Args:
        write: Takes a record that is whole.
    """

    def __init__(self, write: Callable[[FrameRecord], None]) -> None:
        self._write = write
        self._held: deque[tuple[int, FrameRecord]] = deque()

    def note(self, number: int, record: FrameRecord) -> None:
        """Take in a shown frame.

        Args:
            number: By which the network's looks call it; it grows.
            record: Its figures, without a loss.
        """
        self._held.append((number, record))
        if len(self._held) > _MOST_HELD:
            self._write(self._held.popleft()[1])

    def note_look(self, number: int, loss: float | None) -> None:
        """Take in the loss of a frame; one that was not shown is left out."""
        while self._held and self._held[0][0] <= number:
            its_number, record = self._held.popleft()
            if its_number == number:
                record = replace(record, report=replace(record.report, loss=loss))
            self._write(record)

    def close(self) -> None:
        """Pass on what is held."""
        while self._held:
            self._write(self._held.popleft()[1])
