"""Where dreams go: video files, animations, pictures, a pipe, a window, arrays."""

from pathlib import Path

from dreamstream.config import MediaConfig
from dreamstream.errors import SinkError
from dreamstream.frames import NUMBER, StreamInfo
from dreamstream.sinks.animation import ANIMATION_SUFFIXES, AnimationSink
from dreamstream.sinks.base import Sink
from dreamstream.sinks.codecs import CODECS
from dreamstream.sinks.images import PICTURE_SUFFIXES, PictureSeriesSink, PictureSink
from dreamstream.sinks.memory import ArraySink
from dreamstream.sinks.pipe import STDOUT, PipeSink
from dreamstream.sinks.scaled import ScaledSink, scaled_info
from dreamstream.sinks.tee import TeeSink
from dreamstream.sinks.video import VIDEO_SUFFIXES, VideoSink
from dreamstream.sinks.window import WindowSink

__all__ = [
    "CODECS",
    "AnimationSink",
    "ArraySink",
    "PictureSeriesSink",
    "PictureSink",
    "PipeSink",
    "ScaledSink",
    "Sink",
    "TeeSink",
    "VideoSink",
    "WindowSink",
    "open_sink",
]


def open_sink(target: str | Path, info: StreamInfo, media: MediaConfig | None = None) -> Sink:
    """Open the output that a target's name asks for.

    Args:
        target: A video file, a GIF or APNG, a picture, a pattern of numbered pictures
            (``out/%05d.png``), or ``-`` for Matroska to stdout.
        info: The stream to be written; its size, times and sound.
        media: ``codec``, ``crf``, ``width`` and ``overwrite``; None is all defaults.

    Returns:
        The sink, open; use it in a ``with``.

    Raises:
        SinkError: The kind is unknown, the target exists or is the input, its folder is missing or
            unwritable, or the codec does not fit.
    """
    media = media or MediaConfig()
    scaled = scaled_info(info, media.width or info.width)
    sink = _open(str(target), scaled, media)
    return sink if scaled is info else ScaledSink(sink, info, scaled)


def _open(target: str, info: StreamInfo, media: MediaConfig) -> Sink:
    if target == STDOUT:
        return PipeSink(info, media)
    path = Path(target)
    suffix = path.suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        return VideoSink(path, info, media)
    if suffix in ANIMATION_SUFFIXES:
        return AnimationSink(path, info, media)
    if suffix in PICTURE_SUFFIXES and NUMBER.search(path.name):
        return PictureSeriesSink(path, info, media)
    if suffix in PICTURE_SUFFIXES:
        return PictureSink(path, info, media)
    kind = "a folder" if path.is_dir() else f"of no known kind ({suffix or 'no suffix'})"
    raise SinkError(
        f"writing {target} failed: it is {kind}; give a "
        f"{', '.join((*VIDEO_SUFFIXES, *ANIMATION_SUFFIXES))}, a picture "
        f"({', '.join(PICTURE_SUFFIXES)}) or numbered pictures such as out/%05d.png"
    )
