"""Schedules in a live view: what holds at the frame that is there now (pure)."""

from collections.abc import Mapping
from typing import Any

from dreamstream.config import MOST_STRENGTH
from dreamstream.controls.program import Program
from dreamstream.errors import UsageError
from dreamstream.live.capture import Captured


class LivePilot:
    """Follows a program by the clock of what is shown.

    Args:
        program: What changes over time; None leaves all as it is.

    Attributes:
        settings: What the network is to be told, as fields of :class:`DreamConfig`.
    """

    def __init__(self, program: Program | None) -> None:
        self._program = program
        self._begin: float | None = None
        self._strength: float | None = None
        self.settings: Mapping[str, Any] = {}

    def note(self, captured: Captured) -> None:
        """Take the time of a frame: the film's, or since the first one of a camera."""
        if self._program is None:
            return
        if self._begin is None:
            self._begin = captured.moment
        passed = captured.moment - self._begin
        time = passed if captured.time is None else captured.time
        try:
            settings = self._program.settings(max(time, 0.0))
        except UsageError:  # no finite number: what holds goes on to hold
            return
        self._strength = settings.pop("strength", None)
        self.settings = settings

    def strength(self, viewers: float) -> float:
        """Return how much of a dream is shown: the scheduled share of what the viewer asks for."""
        if self._strength is None:
            return viewers
        return min(self._strength * viewers, MOST_STRENGTH)
