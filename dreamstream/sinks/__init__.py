"""Where dreams go: video files, pictures, a window, arrays."""

from pathlib import Path

from dreamstream.config import MediaConfig
from dreamstream.errors import SinkError
from dreamstream.frames import NUMBER, StreamInfo
from dreamstream.sinks.base import Sink
from dreamstream.sinks.codecs import CODECS
from dreamstream.sinks.images import PICTURE_SUFFIXES, PictureSeriesSink, PictureSink
from dreamstream.sinks.memory import ArraySink
from dreamstream.sinks.tee import TeeSink
from dreamstream.sinks.video import VIDEO_SUFFIXES, VideoSink
from dreamstream.sinks.window import WindowSink

__all__ = [
    "CODECS",
    "ArraySink",
    "PictureSeriesSink",
    "PictureSink",
    "Sink",
    "TeeSink",
    "VideoSink",
    "WindowSink",
    "open_sink",
]


def open_sink(target: str | Path, info: StreamInfo, media: MediaConfig | None = None) -> Sink:
    """Open the output that a target's name asks for.

    Args:
        target: A video file, a picture, or a pattern of numbered pictures (``out/%05d.png``).
        info: The stream to be written; its size, times and sound.
        media: ``codec``, ``crf`` and ``overwrite``; None is all defaults.

    Returns:
        The sink, open; use it in a ``with``.

    Raises:
        SinkError: The kind is unknown, the target exists or is the input, its folder is missing or
            unwritable, or the codec does not fit.
    """
    path, media = Path(target), media or MediaConfig()
    suffix = path.suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        return VideoSink(path, info, media)
    if suffix in PICTURE_SUFFIXES and NUMBER.search(path.name):
        return PictureSeriesSink(path, info, media)
    if suffix in PICTURE_SUFFIXES:
        return PictureSink(path, info, media)
    kind = "a folder" if path.is_dir() else f"of no known kind ({suffix or 'no suffix'})"
    raise SinkError(
        f"writing {target} failed: it is {kind}; give a {', '.join(VIDEO_SUFFIXES)}, a picture "
        f"({', '.join(PICTURE_SUFFIXES)}) or numbered pictures such as out/%05d.png"
    )
