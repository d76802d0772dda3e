"""An output of another size than the dream's."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import cast

import numpy as np

from dreamstream._libraries import cv2
from dreamstream.frames import Frame, Pixels, StreamInfo
from dreamstream.sinks.base import Sink, require_size

_STEP = 2
"""Heights are multiples of it: with an odd one h264 is stored in a form that phones don't play."""


def scaled_info(info: StreamInfo, width: int) -> StreamInfo:
    """Describe a stream that is scaled to a width and keeps its shape, to the nearest even height.

    A stream of that width stays as it is.
    """
    if width == info.width:
        return info
    height = round(width * info.height / (info.width * _STEP)) * _STEP
    return replace(info, width=width, height=max(height, _STEP))


def squared_info(info: StreamInfo, width: int | None = None) -> StreamInfo:
    """Describe a stream whose pixels are made square, for files in which viewers take them so.

    The side that is too short grows: nothing is lost.

    Args:
        info: The stream.
        width: Columns that are wanted; None is what the pixels' shape asks for.
    """
    aspect = info.sample_aspect
    height = round(info.height / min(aspect, Fraction(1)))
    squared = replace(
        info,
        width=round(info.width * max(aspect, Fraction(1))),
        height=height,
        sample_aspect=Fraction(1),
    )
    return scaled_info(squared, width or squared.width)


class ScaledSink(Sink):
    """Scales every frame on its way into another sink.

    Args:
        sink: The sink; it is closed with this one.
        info: The stream as it comes.
        scaled: The stream as the sink takes it.
    """

    def __init__(self, sink: Sink, info: StreamInfo, scaled: StreamInfo) -> None:
        self._sink, self._info = sink, info
        self._size = (scaled.width, scaled.height)  # in OpenCV's order
        shrinks = scaled.width * scaled.height < info.width * info.height
        self._way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC

    @property
    def partial(self) -> Path | None:
        """The sink's."""
        return self._sink.partial

    @property
    def keeps_to_its_thread(self) -> bool:
        """Whether the sink must."""
        return self._sink.keeps_to_its_thread

    def write(self, frame: Frame) -> None:
        """Scale a frame and write it.

        Raises:
            SinkError: It can't be written.
            SinkClosed: Whoever watches has closed the output.
            ValueError: Its size is not the stream's.
        """
        require_size(frame, self._info)
        pixels = cv2.resize(np.ascontiguousarray(frame.pixels), self._size, interpolation=self._way)
        self._sink.write(replace(frame, pixels=cast(Pixels, pixels)))

    def close(self) -> None:
        """Close the sink.

        Raises:
            SinkError: It can't be finished.
        """
        self._sink.close()

    def abort(self) -> None:
        """Give the sink up."""
        self._sink.abort()
