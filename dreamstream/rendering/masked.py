"""A dreamer whose frames have masks."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy.typing as npt

from dreamstream.config import DreamConfig
from dreamstream.controls.mask_maker import MaskMaker
from dreamstream.dream.gate import finished
from dreamstream.dream.report import DreamReport
from dreamstream.frames import FloatImage, Frame, Pixels
from dreamstream.temporal.frame_analysis import AnalysisState, FrameAnalysis

_PREFIX = "mask."
"""Before the names of the mask's arrays in a state."""


class MaskableDreamer(Protocol):
    """A dreamer that takes a frame's mask."""

    report: DreamReport
    octave_images: list[FloatImage]

    @property
    def config(self) -> DreamConfig:
        """How to dream."""
        ...

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

    def dream(
        self,
        pixels: Pixels,
        analysis: FrameAnalysis | None = None,
        mask: FloatImage | None = None,
    ) -> Pixels:
        """Dream a frame where its (H, W) mask is open."""
        ...


class MaskedDreamer:
    """Gives each frame of a stream its mask.

    Args:
        dreamer: What dreams.
        maker: What makes the masks.

    Attributes:
        dreamer: As given.
        report: What happened to the last frame.
        octave_images: The last frame's picture at each octave.
    """

    def __init__(self, dreamer: MaskableDreamer, maker: MaskMaker) -> None:
        self.dreamer, self._maker = dreamer, maker
        self._mask: FloatImage | None = None
        self._take_over()

    @property
    def steps_taken(self) -> int:
        """Steps asked for so far, of all pictures."""
        return self.dreamer.steps_taken

    @property
    def shown(self) -> FloatImage | None:
        """(H, W) float32, the share of the dream that the last frame shows; None before it."""
        if self._mask is None:
            return None
        config = self.dreamer.config
        return finished(self._mask, invert=config.mask_invert, blur=config.mask_blur)

    def reset(self) -> None:
        """Forget the stream so far."""
        self.dreamer.reset()
        self._maker.reset()
        self._take_over()

    def analyse(self, pixels: Pixels, state: AnalysisState | None = None) -> FrameAnalysis:
        """Find out how an (H, W, 3) uint8 frame follows from those before it."""
        return self.dreamer.analyse(pixels, state)

    def prepare(self, frame: Frame, analysis: FrameAnalysis) -> None:
        """Make the mask of the frame that is dreamed next.

        Raises:
            SourceError: A file of masks can't be read on, or has ended.
        """
        self._mask = self._maker.mask(frame, analysis)

    def dream(self, pixels: Pixels, analysis: FrameAnalysis | None = None) -> Pixels:
        """Return the dream of an (H, W, 3) uint8 frame, of the same shape."""
        dream = self.dreamer.dream(pixels, analysis, self._mask)
        self._take_over()
        return dream

    def rewind(self) -> None:
        """Take the stream's first frame next; what was dreamed stays."""
        self._maker.rewind()

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return all that the next frame depends on, as named arrays."""
        own = {_PREFIX + name: value for name, value in self._maker.state().items()}
        return {**self.dreamer.state(), **own}  # type: ignore[attr-defined]

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on from such a state."""
        own = {
            name.removeprefix(_PREFIX): value
            for name, value in state.items()
            if name.startswith(_PREFIX)
        }
        rest = {name: value for name, value in state.items() if not name.startswith(_PREFIX)}
        self.dreamer.restore(rest)  # type: ignore[attr-defined]
        self._maker.restore(own)

    def change(self, **settings: Any) -> None:
        """Change settings between two frames, ``mask_blur`` among them."""
        self.dreamer.change(**settings)  # type: ignore[attr-defined]

    def _take_over(self) -> None:
        self.report, self.octave_images = self.dreamer.report, self.dreamer.octave_images
