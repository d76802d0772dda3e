"""dreamstream: a streaming DeepDream for video, webcam and stills."""

from typing import TYPE_CHECKING, Any

from dreamstream._version import __version__
from dreamstream.config import DreamConfig, MediaConfig
from dreamstream.errors import DreamstreamError, ModelError, SinkError, SourceError

if TYPE_CHECKING:
    from dreamstream.dream.dreamer import Dreamer
    from dreamstream.render.pipeline import dream_stream
    from dreamstream.sinks import open_sink
    from dreamstream.sources import open_source

__all__ = [
    "DreamConfig",
    "Dreamer",
    "DreamstreamError",
    "MediaConfig",
    "ModelError",
    "SinkError",
    "SourceError",
    "__version__",
    "dream_stream",
    "open_sink",
    "open_source",
]

_HOMES = {
    "Dreamer": "dreamstream.dream.dreamer",
    "dream_stream": "dreamstream.render.pipeline",
    "open_sink": "dreamstream.sinks",
    "open_source": "dreamstream.sources",
}


def __getattr__(name: str) -> Any:
    """Load a public name's module at its first use: TensorFlow takes seconds."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
