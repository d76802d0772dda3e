"""A film that ends where it begins: dreamed twice, the second time into the first time's end.

What is shown is the second pass.  It begins warm, from the end of the first; over its last frames
its residual turns, place by place, into the one that the first pass had in the same frame.  So the
last frame shown is that from which the first one was warped: they follow one another as any two
neighbours do.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Protocol

import numpy.typing as npt

from dreamstream.clips.disk_buffer import DiskBuffer
from dreamstream.clips.loop_crossfade import turning
from dreamstream.dream.dreamer import Dreamer
from dreamstream.dream.report import DreamReport
from dreamstream.errors import DreamstreamError
from dreamstream.frames import FloatImage, Frame, Pixels
from dreamstream.temporal.frame_analysis import AnalysisState, FrameAnalysis

CLOSING = Fraction(1)
"""Seconds over which the second pass turns into the first; at most half of the film."""

FEWEST = 2
"""Frames of a loop."""


class StreamDreamer(Protocol):
    """A dreamer of a stream, around the film's own."""

    report: DreamReport
    octave_images: list[FloatImage]

    @property
    def steps_taken(self) -> int:
        """Steps asked for so far."""
        ...

    def reset(self) -> None:
        """Forget the stream so far."""
        ...

    def analyse(self, pixels: Pixels, state: AnalysisState | None = None) -> FrameAnalysis:
        """Find out how a frame follows from those before it."""
        ...

    def prepare(self, frame: Frame, analysis: FrameAnalysis) -> None:
        """Take the frame that is dreamed next."""
        ...

    def dream(self, pixels: Pixels, analysis: FrameAnalysis | None = None) -> Pixels:
        """Return the dream of a frame."""
        ...

    def rewind(self) -> None:
        """Take the stream's first frame next; what was dreamed stays."""
        ...

    def state(self) -> Mapping[str, npt.NDArray[Any]]:
        """Return all that the next frame depends on."""
        ...

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on from such a state."""
        ...

    @property
    def shown(self) -> FloatImage | None:
        """The share of the dream that the last frame shows."""
        ...


class Looper:
    """Dreams a film in two passes.

    The first pass is dreamed with :meth:`prepare` and :meth:`dream`, then :meth:`close_up` is
    called, and the frames come again.  Of the first pass the last second's residuals wait on disk.

    Args:
        stream: What dreams the frames.
        film: The film's dreamer in it, whose residual is turned.
        rate: Frames per second.

    Attributes:
        report: What happened to the last frame.
        octave_images: The last frame's picture at each octave.
    """

    def __init__(self, stream: StreamDreamer, film: Dreamer, rate: Fraction) -> None:
        self._stream, self._film = stream, film
        self._most = max(1, round(CLOSING * rate))
        self.reset()

    @property
    def steps_taken(self) -> int:
        """Steps asked for so far, of all pictures."""
        return self._stream.steps_taken

    @property
    def shown(self) -> FloatImage | None:
        """(H, W) float32, the share of the dream that the last frame shows; None is all."""
        return self._stream.shown

    def reset(self) -> None:
        """Forget the stream so far: its first pass comes next."""
        self._stream.reset()
        self._kept = DiskBuffer()
        self._count = 0
        self._closes = False
        self._resumed: Mapping[str, npt.NDArray[Any]] | None = None
        self._take_over()

    def analyse(self, pixels: Pixels, state: AnalysisState | None = None) -> FrameAnalysis:
        """Find out how an (H, W, 3) uint8 frame follows from those before it."""
        return self._stream.analyse(pixels, state)

    def prepare(self, frame: Frame, analysis: FrameAnalysis) -> None:
        """Take the frame that is dreamed next."""
        self._stream.prepare(frame, analysis)
        if self._closes:
            self._turn(frame.index)

    def dream(self, pixels: Pixels, analysis: FrameAnalysis | None = None) -> Pixels:
        """Return the dream of an (H, W, 3) uint8 frame, of the same shape."""
        dream = self._stream.dream(pixels, analysis)
        if not self._closes:
            self._keep()
        self._take_over()
        return dream

    def close_up(self, name: str) -> None:
        """End the first pass: the frames come again.

        Args:
            name: What messages call the film.

        Raises:
            DreamstreamError: It has too few frames.
        """
        if self._count < FEWEST:
            raise DreamstreamError(
                f"closing {name} failed: a loop has at least {FEWEST} frames; leave out --loop"
            )
        self._closes = True
        self._stream.rewind()
        if self._resumed is not None:
            self._stream.restore(self._resumed)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return all that the next frame of the second pass depends on, besides the first pass."""
        return dict(self._stream.state())

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on from such a state once the first pass, which comes out the same, is dreamed."""
        self._resumed = state

    def _keep(self) -> None:
        residual = self._film.residual
        if residual is not None:
            self._kept[self._count % self._most] = residual
            self._count += 1

    def _turn(self, index: int) -> None:
        """Let a frame's residual turn into what it was in the first pass, as far as it is due."""
        closing = min(self._most, self._count // 2)
        position = index - (self._count - closing)
        if 0 <= position < closing:
            wanted = self._kept[index % self._most]
            share = turning(position, closing, (wanted.shape[0], wanted.shape[1]))
            self._film.meet(wanted, share)

    def _take_over(self) -> None:
        self.report, self.octave_images = self._stream.report, self._stream.octave_images
