"""What takes one stream of the source into the output."""

from fractions import Fraction
from typing import Any, Protocol

from dreamstream._libraries import av


class Lane(Protocol):
    """Takes one stream from the input to the output, packet by packet."""

    def begin(self) -> None:
        """Write what must come first; the header has been written."""

    def write(self, packet: "av.Packet[Any]") -> None:
        """Write what a packet of the input holds; its times are in the input's own clock."""

    def reach(self, time: Fraction) -> None:
        """Write what is due now that all packets before a time, in seconds, have been written."""

    def flush(self, end: Fraction) -> None:
        """Write what is held back; the pictures end at ``end``, in seconds."""
