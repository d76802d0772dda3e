"""Where frames come from: videos, stills, numbered and animated images, cameras, arrays."""

import re
from pathlib import Path

from dreamstream.config import MediaConfig
from dreamstream.errors import SourceError
from dreamstream.frames import NUMBER
from dreamstream.sources.animation import AnimatedWebpSource
from dreamstream.sources.base import Source
from dreamstream.sources.camera import CameraSource
from dreamstream.sources.held import HeldSource
from dreamstream.sources.images import (
    IMAGE_RATE,
    IMAGE_SUFFIXES,
    ImageSource,
    numbered_images,
)
from dreamstream.sources.kinds import STILLS, Kind, kind_of
from dreamstream.sources.memory import ArraySource
from dreamstream.sources.opening import STDIN, is_url
from dreamstream.sources.rate_limit import ThinnedSource
from dreamstream.sources.transparency import Ground
from dreamstream.sources.video import UndecodableError, VideoSource

__all__ = [
    "AnimatedWebpSource",
    "ArraySource",
    "CameraSource",
    "Ground",
    "HeldSource",
    "ImageSource",
    "Source",
    "ThinnedSource",
    "VideoSource",
    "camera_number",
    "open_source",
]

_CAMERA = re.compile(r"camera(?::(\d+))?")


def camera_number(target: str | Path) -> int | None:
    """Read the number of the camera that a target names; None where it names none."""
    camera = _CAMERA.fullmatch(target) if isinstance(target, str) else None
    return int(camera[1] or 0) if camera else None


def open_source(
    target: str | Path, media: MediaConfig | None = None, ground: Ground = Ground.WHITE
) -> Source:
    """Open what a target names.

    Args:
        target: A video, a picture or an animated one; a folder of pictures or a pattern such as
            ``in/%05d.png``; as strings also a URL (http, https, rtsp), ``-`` for standard input,
            and ``camera`` or ``camera:N`` (files of such names are ``./-`` and ``./camera``).
        media: ``start``, ``duration`` and ``frames`` choose what is read, ``fps`` how much of it;
            None reads all.
        ground: What is seen where pictures are transparent.

    Returns:
        The source, open; use it in a ``with``.

    Raises:
        SourceError: There is no such thing, or it can't be read.
    """
    media = media or MediaConfig()
    source = _open_target(target, media, ground)
    return ThinnedSource(source, media.fps) if media.fps else source


def _open_target(target: str | Path, media: MediaConfig, ground: Ground) -> Source:
    number = camera_number(target)
    if number is not None:
        return CameraSource(number, media)
    if target == STDIN or is_url(target):
        return VideoSource(target, media, ground)
    try:
        return _open_path(target, Path(target), media, ground)
    except OSError as error:  # a name too long, or a folder that may not be searched
        raise SourceError(f"opening {target} failed ({error.strerror}); check the path") from error


def _open_path(target: str | Path, path: Path, media: MediaConfig, ground: Ground) -> Source:
    if path.is_file():
        return _open_file(path, media, ground)
    if path.is_dir() or NUMBER.search(path.name):
        return ImageSource(numbered_images(str(target)), IMAGE_RATE, media, ground)
    problem = "it is no ordinary file" if path.exists() else "there is no such file"
    raise SourceError(f"opening {target} failed: {problem}; check the path")


def _open_file(path: Path, media: MediaConfig, ground: Ground) -> Source:
    kind = kind_of(path)
    if kind is Kind.ANIMATED_WEBP:
        return AnimatedWebpSource(path, media, ground)
    if kind in STILLS:
        return ImageSource([path], None, media, ground)
    try:
        return VideoSource(path, media, ground)
    except UndecodableError:
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            raise
        return ImageSource(
            [path], None, media, ground
        )  # which says better what is wrong with a picture
