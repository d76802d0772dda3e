"""One continuous clock for files whose timestamps restart or jump midway.

Joined transport streams, HLS with advertisements and some FLV do so.  FFmpeg's command line mends
it, its libraries don't; this is the same rule, save that a stream's own pause is no jump, and that
packets of the old part that come behind the first of the new one keep the old part's times.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias, cast

from dreamstream._libraries import av

_LONGEST_GAP = 10
"""Seconds by which times may run ahead before it is a jump; FFmpeg's ``dts_delta_threshold``."""

_LARGEST_STEP_BACK = Fraction(1, 10)
"""Seconds by which times may go back before it is a restart; FFmpeg's own number."""

_INTERLEAVING = 1
"""Seconds by which a stream may lie behind the others; one farther behind has paused."""

_CANDIDATES = 2
"""Parts to one of which a packet may belong: the latest and the one before."""

_JUMPS_TOO = ("flv", "live_flv")
"""FFmpeg's names of formats that may jump, beside those of which it says so itself."""

_Packet: TypeAlias = "av.Packet[Any]"


def may_jump(container: "av.container.InputContainer") -> bool:
    """Whether a file is of a format whose timestamps may restart or jump."""
    return container.format.name in _JUMPS_TOO or bool(
        container.format.flags & cast(int, av.format.Flags.ts_discont.value)
    )


@dataclass(slots=True)
class _Track:
    """Where a stream is: its part, its latest time and the time that should follow, in seconds."""

    part: int
    latest: Fraction
    next: Fraction


class Timeline:
    """Moves the packets of a file to one continuous clock, that of its first part.

    Every packet of its sound and its pictures must pass, in the file's order and from its
    beginning; two readers of a file then agree.

    Args:
        container: The file.
    """

    def __init__(self, container: "av.container.InputContainer") -> None:
        self._may_jump = may_jump(container)
        self._shifts = [Fraction(0)]
        self._tracks: dict[int, _Track] = {}
        self._latest: Fraction | None = None

    def place(self, packet: _Packet) -> None:
        """Move a packet's times to the continuous clock; one without times stays as it is."""
        ticks = packet.dts if packet.dts is not None else packet.pts
        if not self._may_jump or ticks is None or not packet.time_base:
            return
        part = len(self._shifts) - 1
        if packet.stream.type in ("video", "audio"):
            part = self._follow(packet, ticks * packet.time_base)
        shift = round(self._shifts[part] / packet.time_base)
        packet.dts = None if packet.dts is None else packet.dts + shift
        packet.pts = None if packet.pts is None else packet.pts + shift

    def _follow(self, packet: _Packet, time: Fraction) -> int:
        """Find a packet's part, a new one where its time follows in none, and note it."""
        track = self._tracks.get(packet.stream.index)
        part = self._part_of(track, time)
        placed = time + self._shifts[part]
        length = (packet.duration or 0) * packet.time_base
        if not length and track is not None and track.part == part:  # as the packet before
            length = placed - track.latest
        self._tracks[packet.stream.index] = _Track(part, placed, placed + length)
        self._latest = placed if self._latest is None else max(self._latest, placed)
        return part

    def _part_of(self, track: _Track | None, time: Fraction) -> int:
        newest = len(self._shifts) - 1
        if self._latest is None:
            return newest
        if track is None:
            return newest if self._is_near(time, self._latest) else self._open(time, self._latest)
        parts = range(max(track.part, newest + 1 - _CANDIDATES), newest + 1)
        part = min(parts, key=lambda one: abs(time + self._shifts[one] - track.next))
        placed = time + self._shifts[part]
        ahead = placed - max(track.next, self._latest)
        if ahead <= _LONGEST_GAP and placed >= track.latest - _LARGEST_STEP_BACK:
            return part
        paused = self._latest - track.next > _INTERLEAVING
        return self._open(time, self._latest if paused else track.next)

    def _is_near(self, time: Fraction, other: Fraction) -> bool:
        return abs(time + self._shifts[-1] - other) <= _LONGEST_GAP

    def _open(self, time: Fraction, place: Fraction) -> int:
        """Open a new part, in which a time lies at a place."""
        self._shifts.append(place - time)
        return len(self._shifts) - 1
