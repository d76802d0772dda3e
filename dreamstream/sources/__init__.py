"""Where frames come from: video files, stills, numbered images, cameras, arrays."""

import re
from pathlib import Path

from dreamstream.config import MediaConfig
from dreamstream.errors import SourceError
from dreamstream.frames import NUMBER
from dreamstream.sources.base import Source
from dreamstream.sources.camera import CameraSource
from dreamstream.sources.images import (
    IMAGE_RATE,
    IMAGE_SUFFIXES,
    ImageSource,
    numbered_images,
)
from dreamstream.sources.memory import ArraySource
from dreamstream.sources.video import VideoSource

__all__ = [
    "ArraySource",
    "CameraSource",
    "ImageSource",
    "Source",
    "VideoSource",
    "open_source",
]

_CAMERA = re.compile(r"camera(?::(\d+))?")


def open_source(target: str | Path, media: MediaConfig | None = None) -> Source:
    """Open what a target names.

    Args:
        target: A video or picture file; a folder of pictures or a pattern such as ``in/%05d.png``;
            ``camera`` or ``camera:N`` as a string (a file of that name is ``./camera``).
        media: ``start``, ``duration`` and ``frames`` choose what is read; None reads all.

    Returns:
        The source, open; use it in a ``with``.

    Raises:
        SourceError: There is no such thing, or it can't be read.
    """
    media = media or MediaConfig()
    camera = _CAMERA.fullmatch(target) if isinstance(target, str) else None
    if camera:
        return CameraSource(int(camera[1] or 0), media)
    try:
        return _open_path(target, Path(target), media)
    except OSError as error:  # a name too long, or a folder that may not be searched
        raise SourceError(f"opening {target} failed ({error.strerror}); check the path") from error


def _open_path(target: str | Path, path: Path, media: MediaConfig) -> Source:
    if path.is_file() and path.suffix.lower() in IMAGE_SUFFIXES:
        return ImageSource([path], None, media)
    if path.is_file():
        return VideoSource(path, media)
    if path.is_dir() or NUMBER.search(path.name):
        return ImageSource(numbered_images(str(target)), IMAGE_RATE, media)
    problem = "it is no ordinary file" if path.exists() else "there is no such file"
    raise SourceError(f"opening {target} failed: {problem}; check the path")
