"""A job whose film closes: its source, and the pass that is dreamed before it is written."""

import logging
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from dreamstream.dream.report import FrameRecord
from dreamstream.errors import UsageError
from dreamstream.frames import FloatImage, Frame, Pixels, StreamInfo
from dreamstream.rendering.job import Job
from dreamstream.sources import Source, open_source
from dreamstream.sources.opening import STDIN
from dreamstream.temporal.frame_analysis import AnalysisState, FrameAnalysis

if TYPE_CHECKING:
    from dreamstream.clips.film_loop import Looper
    from dreamstream.dream.dreamer import Dreamer
    from dreamstream.rendering.pipeline import FrameDreamer

_LOG = logging.getLogger(__name__)


def closes(job: Job, info: StreamInfo) -> bool:
    """Return whether a job's input is a film that is to close."""
    return job.media.loop and info.rate is not None and job.preview is None


def require_closing(job: Job, info: StreamInfo) -> None:
    """Raise where a film can't close.

    Raises:
        UsageError: It can't be read twice.
    """
    if closes(job, info) and (job.source == STDIN or info.path is None):
        raise UsageError(
            f"--loop: dreams the film twice, and {job.source} can be read but once; save it to a "
            "file first",
            "loop",
        )


def open_closing(job: Job, source: Source) -> Source:
    """Return a film as it closes: with --loop-fade its end dissolves into its beginning.

    Args:
        job: What is to be dreamed.
        source: The film; it is closed with the one returned.

    Raises:
        SourceError: It is too short for that.
    """
    from dreamstream.clips.loop_fade import LoopFadeSource

    fade = job.media.loop_fade
    return source if fade is None else LoopFadeSource(source, fade, job.source)


def looped(dreamer: "FrameDreamer", info: StreamInfo) -> "Looper":
    """Return a dreamer of both passes around that of a film, masked or not."""
    from dreamstream.clips.film_loop import Looper
    from dreamstream.dream.dreamer import Dreamer
    from dreamstream.rendering.masked import MaskedDreamer

    stream = dreamer if isinstance(dreamer, MaskedDreamer) else _Plain(dreamer)  # type: ignore[arg-type]
    film = stream.dreamer
    assert isinstance(film, Dreamer)
    assert info.rate is not None
    return Looper(stream, film, info.rate)


def first_pass(
    job: Job, looper: "Looper", steer: Callable[[Frame], None] | None = None
) -> Generator[Frame]:
    """Dream a film once, as far as this is iterated; at its end the second pass may begin.

    Args:
        job: What is to be dreamed.
        looper: What dreams it.
        steer: Changes its settings before each frame.
    """
    from dreamstream.rendering.pipeline import lead_in

    _LOG.info("dreaming %s once before it is written", job.source)
    with (
        open_closing(job, open_source(job.source, job.media)) as source,
        closing(lead_in(source, looper, steer)) as frames,
    ):
        yield from frames
    looper.close_up(job.source)


def tell_seam(job: Job, record: FrameRecord) -> None:
    """Warn where a film's beginning does not follow from its end, once its first frame is there."""
    if record.index == 0 and record.report.cut:
        _LOG.warning(
            "%s does not lead from its end to its beginning: the dream begins anew there; "
            "--loop-fade 1 dissolves a second of the film",
            job.source,
        )


class _Plain:
    """A film's dreamer that knows of frames, as a masked one does."""

    def __init__(self, dreamer: "Dreamer") -> None:
        self.dreamer = dreamer
        self._take_over()

    @property
    def steps_taken(self) -> int:
        return self.dreamer.steps_taken

    @property
    def shown(self) -> FloatImage | None:
        return None

    def reset(self) -> None:
        self.dreamer.reset()
        self._take_over()

    def analyse(self, pixels: Pixels, state: AnalysisState | None = None) -> FrameAnalysis:
        return self.dreamer.analyse(pixels, state)

    def prepare(self, frame: Frame, analysis: FrameAnalysis) -> None:
        """Nothing is asked of a frame but its pixels."""

    def dream(self, pixels: Pixels, analysis: FrameAnalysis | None = None) -> Pixels:
        dream = self.dreamer.dream(pixels, analysis)
        self._take_over()
        return dream

    def rewind(self) -> None:
        """Nothing is bound to a place in the stream."""

    def state(self) -> dict[str, npt.NDArray[Any]]:
        return self.dreamer.state()

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        self.dreamer.restore(state)

    def _take_over(self) -> None:
        self.report, self.octave_images = self.dreamer.report, self.dreamer.octave_images
