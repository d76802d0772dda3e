"""The masks of a live picture: by rule, or one that a picture holds."""

from fractions import Fraction
from pathlib import Path

from dreamstream.config import DreamConfig
from dreamstream.config.mask_rules import ALPHA, FILE, parse_mask
from dreamstream.controls.mask_maker import MaskMaker
from dreamstream.controls.masks import Masked, open_mask
from dreamstream.dream.gate import finished
from dreamstream.errors import UsageError
from dreamstream.frames import FloatImage, Frame, Pixels, StreamInfo
from dreamstream.sources.kinds import STILLS, kind_of
from dreamstream.temporal.cuts import Change
from dreamstream.temporal.frame_analysis import AnalysisState, FrameAnalysis


class LiveMask:
    """Makes the mask of each live frame.

    Args:
        maker: What makes masks.
        config: ``mask_invert`` and ``mask_blur`` count.
    """

    def __init__(self, maker: MaskMaker, config: DreamConfig) -> None:
        self._maker, self._config, self._index = maker, config, 0

    def shown(
        self, pixels: Pixels, change: Change, backward: FloatImage, confidence: FloatImage
    ) -> FloatImage:
        """Return the share of the dream that a frame shows.

        Args:
            pixels: (H, W, 3) uint8 RGB.
            change: What happened since the frame before it.
            backward: (h, w, 2) float32 pixels to that frame.
            confidence: (h, w) float32, in them.

        Returns:
            (H, W) float32 in [0, 1].
        """
        frame = Frame(pixels, Fraction(self._index), self._index)
        self._index += 1
        analysis = FrameAnalysis(AnalysisState(), change, confidence, backward)
        config, mask = self._config, self._maker.mask(frame, analysis)
        return finished(mask, invert=config.mask_invert, blur=config.mask_blur)


def open_live_mask(target: str, config: DreamConfig, info: StreamInfo) -> LiveMask | None:
    """Open the mask of a live picture.

    Args:
        target: The camera, stream or film.
        config: ``mask`` and how the motion is followed count.
        info: What is known of the frames.

    Returns:
        The mask; None where none is asked for.

    Raises:
        SourceError: It can't be read.
        UsageError: It is none for a live picture, or has another shape.
    """
    if config.mask is None:
        return None
    rule = parse_mask(config.mask)
    if rule.kind == ALPHA or (rule.kind == FILE and _moves(rule.path)):
        raise UsageError(
            f"--mask: {config.mask} has other masks from frame to frame, which a live view has no "
            "use for; give a picture, a colour, luma, moving or still",
            "mask",
        )
    masked = Masked(target, info, info.rate, follows_motion=config.flow != "off")
    return LiveMask(open_mask(config.mask, masked), config)


def _moves(path: str) -> bool:
    """Return whether a path is there and holds more than a picture."""
    file = Path(path)
    return file.is_dir() or "%" in file.name or (file.is_file() and kind_of(file) not in STILLS)
