"""Clips made from a picture: which, how long, how fast and how large (loads no TensorFlow)."""

from collections.abc import Iterator
from pathlib import Path

from dreamstream.config import ANIMATION_RATE, CLIP_RATE, CLIP_SECONDS, DreamConfig, MediaConfig
from dreamstream.dream.resampling import Size, fit_size
from dreamstream.frames import NUMBER, StreamInfo
from dreamstream.sinks.animation import ANIMATION_SUFFIXES, BROWSER_RATE
from dreamstream.sinks.pipe import STDOUT
from dreamstream.sinks.scaled import scaled_info
from dreamstream.sinks.video import VIDEO_SUFFIXES
from dreamstream.sources import HeldSource, Source

_FEWEST = 2
"""Frames of a clip: the picture and its dream."""


def becomes_clip(media: MediaConfig, info: StreamInfo, output: str | None) -> bool:
    """Return whether an input is a picture that is to become a clip.

    Args:
        media: ``zoom``, ``rotate``, ``drift`` and ``loop`` ask for one.
        info: The input.
        output: Where it goes; a video or an animation asks for one too.  None is a window.
    """
    if info.rate is not None:
        return False
    return media.moves or media.loop or _is_film(output)


def clip_options(media: MediaConfig) -> Iterator[str]:
    """Name the fields in use that only a clip from a picture knows."""
    still = MediaConfig()
    for name in ("zoom", "rotate", "drift", "loop"):
        if getattr(media, name) != getattr(still, name):
            yield name


def holds_many(output: str | None) -> bool:
    """Return whether more than one frame can be seen in an output."""
    return output is None or _is_film(output) or NUMBER.search(Path(output).name) is not None


def hold(source: Source, media: MediaConfig, dream: DreamConfig, output: str | None) -> Source:
    """Make the stream of a clip of a still: it is held for the clip's time.

    Args:
        source: The still.
        media: ``duration`` and ``fps``; where the picture moves, also ``width``.
        dream: ``dream_size``, at which a picture that moves is dreamed and shown.
        output: Where it goes.
    """
    animated = _suffix(output) in ANIMATION_SUFFIXES
    rate = media.fps or (ANIMATION_RATE if animated else CLIP_RATE)
    if animated:
        rate = min(rate, BROWSER_RATE)
    frames = max(_FEWEST, round((media.duration or CLIP_SECONDS) * rate))
    size = _tunnel_size(source.info, media.width, dream.dream_size) if media.moves else None
    return HeldSource(source, rate, frames, size)


def _tunnel_size(info: StreamInfo, width: int, dream_size: int | None) -> Size:
    """Choose the size at which a moving picture is dreamed, and so shown; both sides are even."""
    wanted = width or fit_size((info.height, info.width), dream_size)[1]
    fitted = scaled_info(info, width or max(2, wanted // 2 * 2))
    return max(2, fitted.height // 2 * 2), fitted.width


def _is_film(output: str | None) -> bool:
    return output == STDOUT or _suffix(output) in (*VIDEO_SUFFIXES, *ANIMATION_SUFFIXES)


def _suffix(output: str | None) -> str:
    return Path(output or "").suffix.lower()
