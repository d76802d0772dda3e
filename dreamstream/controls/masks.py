"""Masks of a stream's frames: from files, from its own transparency, and by rules."""

from dataclasses import dataclass
from fractions import Fraction

from dreamstream.config import MediaConfig
from dreamstream.config.mask_rules import (
    ALPHA,
    COLOR,
    FILE,
    LUMA,
    MOVING,
    STILL,
    MaskRule,
    parse_mask,
)
from dreamstream.controls.mask_files import (
    FilmMask,
    FolderMask,
    PictureMask,
    Stretch,
    is_folder_of_pictures,
    of_mask,
)
from dreamstream.controls.mask_maker import MaskMaker
from dreamstream.controls.mask_rules import ColorMask, LumaMask, MotionMask
from dreamstream.errors import SourceError, UsageError
from dreamstream.frames import StreamInfo
from dreamstream.sources import Ground, Source, camera_number, open_source
from dreamstream.sources.opening import STDIN, is_url


@dataclass(frozen=True, slots=True)
class Masked:
    """What a mask is for.

    Attributes:
        target: The input, as it was named.
        info: What is known of it.
        own_rate: Its frames per second before any were left out; None of a still.
        follows_motion: Whether its frames are compared.
    """

    target: str
    info: StreamInfo
    own_rate: Fraction | None = None
    follows_motion: bool = True

    @classmethod
    def of(cls, target: str, source: Source, *, follows_motion: bool) -> "Masked":
        """Describe an open source."""
        unthinned = getattr(source, "unthinned", source.info)
        return cls(target, source.info, unthinned.rate, follows_motion)


def open_mask(text: str, masked: Masked) -> MaskMaker:
    """Open what makes a stream's masks.

    Args:
        text: As ``--mask`` takes it.
        masked: What it is for.

    Raises:
        SourceError: A file is missing, or can't be read.
        UsageError: It does not fit the input: its shape, its length or its kind.
    """
    rule = parse_mask(text)
    if rule.kind == COLOR:
        return ColorMask(rule.color, rule.tolerance)
    if rule.kind == LUMA:
        return LumaMask(rule.low, rule.high)
    if rule.kind in (MOVING, STILL):
        _require_motion(rule, masked)
        return MotionMask(still=rule.kind == STILL)
    try:
        return _open_file(rule, masked)
    except SourceError as error:
        raise of_mask(error) from error


def _open_file(rule: MaskRule, masked: Masked) -> MaskMaker:
    """Open files of masks, or the input once more for its transparency."""
    own = rule.kind == ALPHA
    target, ground = (masked.target, Ground.ALPHA) if own else (rule.path, Ground.BLACK)
    assert own or rule.kind == FILE
    if own and (target == STDIN or is_url(target) or camera_number(target) is not None):
        raise UsageError(
            f"--mask: alpha: {target} can't be read a second time for its transparency; save it "
            "to a file first",
            "mask",
        )
    stretch = Stretch.of(masked.info, masked.own_rate)
    if is_folder_of_pictures(target):
        return FolderMask(target, stretch, ground)
    with open_source(target, MediaConfig(), ground) as opened:
        is_still = opened.info.rate is None
    if is_still:
        return PictureMask(target, stretch, ground)
    if masked.info.rate is None:
        raise UsageError(
            f"--mask: {target} is a film and {masked.target} a picture; give a picture as mask",
            "mask",
        )
    return FilmMask(target, stretch, ground)


def _require_motion(rule: MaskRule, masked: Masked) -> None:
    if masked.info.rate is None:
        raise UsageError(
            f"--mask: {rule.kind}: {masked.target} is a picture, in which nothing moves; give "
            "another mask",
            "mask",
        )
    if not masked.follows_motion:
        raise UsageError(
            f"--mask: {rule.kind}: needs the motion, which --blend 0 and --flow off leave out; "
            "give another mask, or leave those out",
            "mask",
        )
