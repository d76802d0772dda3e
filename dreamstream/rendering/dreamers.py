"""Which dreamer a job's stream wants, loaded once for all jobs that want the same."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dreamstream.config import DreamConfig
from dreamstream.models.tensorflow_setup import load_tensorflow
from dreamstream.rendering.job import Job

if TYPE_CHECKING:
    from dreamstream.rendering.pipeline import FrameDreamer
    from dreamstream.sources import Source


@dataclass(frozen=True)
class _Wanted:
    """What a dreamer is made of.

    Attributes:
        dream: How it dreams.
        measures: Whether it measures all losses.
        clip_frames: Length of a clip of one picture; None for a film or a still.
        motion: Zoom, rotation and drift from frame to frame; None where the picture stands.
        loop: Whether a moving clip's last frame leads to its first.
    """

    dream: DreamConfig
    measures: bool
    clip_frames: int | None = None
    motion: tuple[float, float, tuple[float, float]] | None = None
    loop: bool = False


class Dreamers:
    """Makes dreamers, and lends the last one again.

    Args:
        verbose: Let TensorFlow's start-up notes through.
    """

    def __init__(self, *, verbose: bool = False) -> None:
        self._verbose = verbose
        self._last: tuple[_Wanted, FrameDreamer] | None = None

    def lend(self, job: Job, source: "Source") -> "FrameDreamer":
        """Return what dreams a stream, as if new.

        Raises:
            ModelError: There is no such model, layer or device, or the weights can't be had.
        """
        wanted = _wanted(job, source)
        if self._last is None or self._last[0] != wanted:
            load_tensorflow(quiet=not self._verbose)
            self._last = wanted, _make(wanted)
        dreamer = self._last[1]
        dreamer.reset()
        return dreamer


def _wanted(job: Job, source: "Source") -> _Wanted:
    from dreamstream.sources import HeldSource

    media, measures = job.media, job.media.stats is not None
    dream = job.dream.changed(mask=None)  # which comes frame by frame
    if not isinstance(source, HeldSource) or source.info.frames is None:
        return _Wanted(dream, measures)
    if not media.moves:
        return _Wanted(dream, measures, source.info.frames)
    motion = media.zoom, media.rotate, media.drift
    return _Wanted(dream, measures, source.info.frames, motion, media.loop)


def _make(wanted: _Wanted) -> "FrameDreamer":
    from dreamstream.clips.affine import AffineMotion
    from dreamstream.clips.grow import Grower
    from dreamstream.clips.zoom import Zoomer
    from dreamstream.dream.dreamer import Dreamer

    dream, measures, frames = wanted.dream, wanted.measures, wanted.clip_frames
    if frames is None:
        return Dreamer(dream, measure_losses=measures)
    if wanted.motion is None:
        return Grower(dream, frames=frames, measure_losses=measures)
    motion = AffineMotion(*wanted.motion)
    return Zoomer(dream, motion=motion, frames=frames, loop=wanted.loop, measure_losses=measures)
