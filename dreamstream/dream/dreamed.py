"""What a dreamer knows of a frame that it has dreamed."""

from collections.abc import Sequence
from dataclasses import dataclass

from dreamstream.dream.loss_limiter import ComposedFrame
from dreamstream.dream.octaves import Octave


@dataclass(frozen=True, slots=True)
class DreamedFrame:
    """A frame's dream, and the octaves that led to it.

    Attributes:
        composed: What is returned.
        octaves: Those that were dreamed, smallest first.
        first_loss: The loss it would have had, had it not been raised once more.
        chosen: The octaves' numbers.
    """

    composed: ComposedFrame
    octaves: Sequence[Octave] = ()
    first_loss: float | None = None
    chosen: Sequence[int] = ()
