"""What makes the masks of a stream's frames."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy.typing as npt

from dreamstream.frames import FloatImage, Frame
from dreamstream.temporal.frame_analysis import FrameAnalysis


class MaskMaker(Protocol):
    """Makes the mask of each frame of a stream, in its order."""

    def mask(self, frame: Frame, analysis: FrameAnalysis) -> FloatImage:
        """Return a frame's mask.

        Args:
            frame: The frame.
            analysis: How it follows from the one before it.

        Returns:
            (H, W) float32 in [0, 1], of the frame's size: 1 dreams, 0 stays.

        Raises:
            SourceError: A file of masks can't be read on, or has ended.
        """
        ...

    def reset(self) -> None:
        """Forget the stream so far: its first frame comes next."""
        return

    def rewind(self) -> None:
        """Take the stream's first frame next, as one that follows the last."""
        return

    def state(self) -> Mapping[str, npt.NDArray[Any]]:
        """Return all that the next mask depends on besides the frame, as named arrays."""
        return {}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on from such a state."""
        return

    def close(self) -> None:
        """Release files; closing twice is no fault."""
        return
