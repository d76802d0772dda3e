"""Flows that tell how they are used."""

from dreamstream.frames import FloatImage, Pixels
from dreamstream.temporal.flow import Flow


class CountingFlow:
    """Another flow, and how often it was asked."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self.asked = 0

    def backward(self, current: Pixels, previous: Pixels) -> FloatImage:
        """See :meth:`dreamstream.temporal.flow.Flow.backward`."""
        self.asked += 1
        return self._flow.backward(current, previous)
