"""What the figures on the screen are made of: the rate shown, the latency (pure)."""

import statistics
from collections import deque

_WINDOW = 2.0
"""Seconds over which figures are taken."""


class Meter:
    """Measures the frames shown over the last two seconds."""

    def __init__(self) -> None:
        self._shown: deque[tuple[float, float]] = deque()

    def note(self, now: float, latency: float) -> None:
        """Take in a frame.

        Args:
            now: When it was shown, in seconds.
            latency: Seconds from its capture to its being shown.
        """
        self._shown.append((now, latency))
        while self._shown[0][0] < now - _WINDOW:
            self._shown.popleft()

    @property
    def rate(self) -> float:
        """Frames a second; 0 before the second one."""
        if len(self._shown) < 2:
            return 0.0
        return (len(self._shown) - 1) / max(self._shown[-1][0] - self._shown[0][0], 1e-6)

    @property
    def latency(self) -> float:
        """Median latency in seconds; 0 before the first frame."""
        return statistics.median(latency for _, latency in self._shown) if self._shown else 0.0
