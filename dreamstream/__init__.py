"""dreamstream: a streaming DeepDream for video, webcam and stills."""

from typing import TYPE_CHECKING, Any

from dreamstream.config import ControlConfig, DreamConfig, MediaConfig
from dreamstream.config.version import __version__
from dreamstream.errors import (
    DreamstreamError,
    ModelError,
    RenderCancelled,
    SinkError,
    SourceError,
    UsageError,
)

if TYPE_CHECKING:
    from dreamstream.dream.dreamer import Dreamer
    from dreamstream.dream.report import FrameRecord
    from dreamstream.frames import Frame, StreamInfo
    from dreamstream.rendering.job import Job
    from dreamstream.rendering.pipeline import dream_stream
    from dreamstream.rendering.run import render
    from dreamstream.sinks import Sink, open_sink
    from dreamstream.sources import Source, open_source

__all__ = [
    "ControlConfig",
    "DreamConfig",
    "Dreamer",
    "DreamstreamError",
    "Frame",
    "FrameRecord",
    "Job",
    "MediaConfig",
    "ModelError",
    "RenderCancelled",
    "Sink",
    "SinkError",
    "Source",
    "SourceError",
    "StreamInfo",
    "UsageError",
    "__version__",
    "dream_stream",
    "open_sink",
    "open_source",
    "render",
]

_HOMES = {
    "Dreamer": "dreamstream.dream.dreamer",
    "Frame": "dreamstream.frames",
    "FrameRecord": "dreamstream.dream.report",
    "Job": "dreamstream.rendering.job",
    "Sink": "dreamstream.sinks",
    "Source": "dreamstream.sources",
    "StreamInfo": "dreamstream.frames",
    "dream_stream": "dreamstream.rendering.pipeline",
    "open_sink": "dreamstream.sinks",
    "open_source": "dreamstream.sources",
    "render": "dreamstream.rendering.run",
}


_NEEDS_TENSORFLOW = {"Dreamer"}


def __getattr__(name: str) -> Any:
    """Load a public name's module at its first use; TensorFlow takes seconds, and comes quietly."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    if name in _NEEDS_TENSORFLOW:
        from dreamstream.models.tensorflow_setup import load_tensorflow

        load_tensorflow(quiet=True)
    return getattr(import_module(_HOMES[name]), name)
