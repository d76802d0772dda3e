"""Where dreams go: video files, animations, pictures, a pipe, a window, arrays."""

from pathlib import Path

from dreamstream.config import MediaConfig
from dreamstream.errors import TargetError
from dreamstream.frames import NUMBER, StreamInfo
from dreamstream.journal import Journal
from dreamstream.sinks.alpha import require_alpha_target
from dreamstream.sinks.animation import ANIMATION_SUFFIXES, AnimationSink
from dreamstream.sinks.base import Sink, written_through
from dreamstream.sinks.codecs import CODECS
from dreamstream.sinks.images import PICTURE_SUFFIXES, PictureSeriesSink, PictureSink, numbered
from dreamstream.sinks.memory import ArraySink
from dreamstream.sinks.pipe import STDOUT, PipeSink
from dreamstream.sinks.scaled import ScaledSink, scaled_info, squared_info
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
    "is_series",
    "is_there",
    "open_sink",
    "written_through",
]


def open_sink(
    target: str | Path,
    info: StreamInfo,
    media: MediaConfig | None = None,
    journal: Journal | None = None,
) -> Sink:
    """Open the output that a target's name asks for.

    Args:
        target: A video file, a GIF or APNG, a picture, a pattern of numbered pictures
            (``out/%05d.png``), or ``-`` for Matroska to stdout.
        info: The stream to be written; its size, times and sound.
        media: ``codec``, ``crf``, ``width`` and ``overwrite``; None is all defaults.
        journal: Keeps what is written, so that the run can be resumed, where :func:`is_series`
            says that there is a series of frames; an interrupted run's is written at once.

    Returns:
        The sink, open; use it in a ``with``.

    Raises:
        TargetError: The kind is unknown, the target exists or is the input, its folder is missing,
            or the codec does not fit.
        SinkError: The target can't be created.
        ResumeError: The journal is damaged.
    """
    media = media or MediaConfig()
    target = written_through(str(target))
    if info.alpha:
        require_alpha_target(target)
    scaled = _shown_info(Path(target), info, media)
    sink = _open(target, scaled, media, journal)
    same = (scaled.height, scaled.width) == (info.height, info.width)
    return sink if same else ScaledSink(sink, info, scaled)


def is_series(target: str | Path) -> bool:
    """Return whether a target is files that hold a series of frames."""
    path = Path(target)
    if str(target) == STDOUT:
        return False
    return path.suffix.lower() in (*VIDEO_SUFFIXES, *ANIMATION_SUFFIXES) or _is_numbered(path)


def is_there(target: str | Path) -> bool:
    """Return whether there is an output already: the file, or pictures that a pattern names."""
    path = Path(target)
    return any(numbered(path)) if _is_numbered(path) else path.is_file()


def _shown_info(path: Path, info: StreamInfo, media: MediaConfig) -> StreamInfo:
    """Describe a stream in the size in which it is written."""
    if path.suffix.lower() in (*ANIMATION_SUFFIXES, *PICTURE_SUFFIXES):
        return squared_info(info, media.width or None)
    return scaled_info(info, media.width or info.width)


def _is_numbered(path: Path) -> bool:
    return path.suffix.lower() in PICTURE_SUFFIXES and NUMBER.search(path.name) is not None


def _open(target: str, info: StreamInfo, media: MediaConfig, journal: Journal | None) -> Sink:
    if target == STDOUT:
        return PipeSink(info, media)
    path = Path(target)
    suffix = path.suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        return VideoSink(path, info, media, journal)
    if suffix in ANIMATION_SUFFIXES:
        return AnimationSink(path, info, media, journal)
    if _is_numbered(path):
        return PictureSeriesSink(path, info, media, journal)
    if suffix in PICTURE_SUFFIXES:
        return PictureSink(path, info, media)
    kind = "a folder" if path.is_dir() else f"of no known kind ({suffix or 'no suffix'})"
    raise TargetError(
        f"writing {target} failed: it is {kind}; give a "
        f"{', '.join((*VIDEO_SUFFIXES, *ANIMATION_SUFFIXES))}, a picture "
        f"({', '.join(PICTURE_SUFFIXES)}) or numbered pictures such as out/%05d.png"
    )
