"""The loop: a Source yields frames, a Dreamer turns each into a dream, a Sink keeps it."""

import time
from collections.abc import Iterator

from dreamstream.compare import side_by_side
from dreamstream.dreamer import Dreamer
from dreamstream.errors import SinkClosed
from dreamstream.frames import Frame
from dreamstream.journal import Journal
from dreamstream.report import FrameRecord
from dreamstream.sinks import Sink
from dreamstream.sources import Source


def dream_stream(source: Source, dreamer: Dreamer, sink: Sink) -> int:
    """Dream a whole stream.

    Use source and sink in a ``with``: the sink puts its output in place when it is closed.

    Args:
        source: Where the frames come from.
        dreamer: What dreams them.
        sink: Where the dreams go.

    Returns:
        The number of frames dreamed.
    """
    return sum(1 for _ in dream_frames(source, dreamer, sink))


def dream_frames(
    source: Source,
    dreamer: Dreamer,
    sink: Sink,
    *,
    compare: bool = False,
    journal: Journal | None = None,
) -> Iterator[FrameRecord]:
    """Dream a stream frame by frame, as far as it is iterated.

    Args:
        source: Where the frames come from.
        dreamer: What dreams them.
        sink: Where the dreams go; a viewer who closes it ends the stream.
        compare: Give the sink source and dream side by side (see ``compared_info``).
        journal: Tells how many frames sink and dreamer have had in an interrupted run, which are
            skipped; of the others it is told as they are written.

    Yields:
        A record of each frame, once it is written.
    """
    left = asked = time.perf_counter()
    closed = False
    done = 0 if journal is None else journal.frames
    for frame in source:
        if frame.index < done:
            continue
        read = time.perf_counter()
        dream = dreamer.dream(frame.pixels)
        dreamed = time.perf_counter()
        shown = side_by_side(frame.pixels, dream) if compare else dream
        try:
            sink.write(Frame(shown, frame.time, frame.index))
        except SinkClosed:  # the frame was shown, and where a file is kept too it is in it
            closed = True
        before, left = left, time.perf_counter()
        yield FrameRecord(
            frame.index, frame.time, dreamer.report, read - asked, left - dreamed, left - before
        )
        if journal is not None:  # only now: the record has been kept, too
            journal.note(frame.index + 1, dreamer.state())
        if closed:
            return
        asked = time.perf_counter()
