"""Frames kept in memory: for tests, and for programs that go on with them."""

from dataclasses import replace

from dreamstream.frames import Frame, StreamInfo
from dreamstream.sinks.base import Sink, require_size


class ArraySink(Sink):
    """Keeps every frame: the only sink whose memory grows with the stream.

    Args:
        info: The stream to be kept.

    Attributes:
        frames: What was written.
        closed: Whether the stream is over.
        aborted: Whether it was given up.
    """

    def __init__(self, info: StreamInfo) -> None:
        self._info = info
        self.frames: list[Frame] = []
        self.closed = False
        self.aborted = False

    def write(self, frame: Frame) -> None:
        """Keep a frame, with a copy of its pixels.

        Raises:
            ValueError: Its size is not the stream's.
        """
        require_size(frame, self._info)
        self.frames.append(replace(frame, pixels=frame.pixels.copy()))

    def close(self) -> None:
        """Note the stream's end."""
        self.closed = True

    def abort(self) -> None:
        """Note that the stream was given up."""
        self.closed = self.aborted = True
