"""What a page wants to see (loads no TensorFlow)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dreamstream.config import DreamConfig


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a client wants to see.

    Attributes:
        client: Whose page it is.
        ticket: The client's own number for it.
        path: The file.
        seconds: The frame's time.
        looks: Name of each look, and how it dreams.
        target: Where a short film goes; None of pictures.
    """

    client: int
    ticket: int
    path: Path
    seconds: float
    looks: Mapping[str, DreamConfig]
    target: Path | None = None
