"""Several sinks as one."""

from collections.abc import Sequence
from pathlib import Path

from dreamstream.errors import SinkClosed
from dreamstream.frames import Frame
from dreamstream.sinks.base import Sink


class TeeSink(Sink):
    """Returns every frame to several sinks, such as a file and a window.

    Args:
        sinks: The sinks, at least one; they are closed with the tee.
    """

    def __init__(self, sinks: Sequence[Sink]) -> None:
        if not sinks:
            raise ValueError("sinks: none given; give at least one")
        self._sinks = tuple(sinks)

    @property
    def partial(self) -> Path | None:
        """The first of the sinks' partial files."""
        return next((sink.partial for sink in self._sinks if sink.partial is not None), None)

    @property
    def keeps_to_its_thread(self) -> bool:
        """Whether one of the sinks must."""
        return any(sink.keeps_to_its_thread for sink in self._sinks)

    def write(self, frame: Frame) -> None:
        """Write a frame to all sinks, also where one of them has been closed by its viewer.

        Raises:
            SinkError: One can't be written.
            SinkClosed: Whoever watches one has closed it; the others hold the frame.
        """
        closed: SinkClosed | None = None
        for sink in self._sinks:
            try:
                sink.write(frame)
            except SinkClosed as signal:
                closed = signal
        if closed is not None:
            raise closed

    def close(self) -> None:
        """Close all sinks; where one fails the rest are closed all the same.

        Raises:
            SinkError: The first failure.
        """
        failure: Exception | None = None
        for sink in self._sinks:
            try:
                sink.close()
            except Exception as error:  # raised below, once the others are safe
                failure = failure or error
        if failure is not None:
            raise failure

    def abort(self) -> None:
        """Abort all sinks."""
        for sink in self._sinks:
            sink.abort()
