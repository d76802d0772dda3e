"""What an interrupted run and the one that resumes it must have in common."""

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from dreamstream._version import __version__
from dreamstream.config import DreamConfig, MediaConfig
from dreamstream.errors import SourceError
from dreamstream.frames import StreamInfo
from dreamstream.models.device import describe_hardware

Terms = Mapping[str, str]
"""What counts, by the name under which a message speaks of it."""

_LIBRARIES = ("av", "opencv-python", "tensorflow")
"""Those that pixels and bytes come from."""

_OF_NO_CONSEQUENCE = ("stats", "show", "overwrite", "save_octaves", "resume")
"""Settings that change nothing in the output."""

_SAMPLE = 1 << 16
"""Bytes of a file's head and tail that are looked at: a film is too large to be read for this."""

_MOST_NAMED = 3
"""Differences that a message names."""


def terms_of(dream: DreamConfig, media: MediaConfig, info: StreamInfo) -> Terms:
    """Gather the terms of a run.

    Args:
        dream: How it dreams.
        media: How it reads and writes.
        info: What it reads; it has a path.

    Raises:
        SourceError: A file can't be looked at.
    """
    settings = dict([*_settings(dream), *_settings(media)])
    if dream.weights is not None:
        settings["--weights"] = _fingerprint(dream.weights)
    return {
        **settings,
        "the input's content": _content(info),
        "the input's size": f"{info.width}x{info.height}",
        "the hardware": describe_hardware(),
        "dreamstream's version": __version__,
        **{f"the version of {name}": _version(name) for name in _LIBRARIES},
    }


def differences(before: Terms, now: Terms) -> str:
    """Say in what two runs differ; empty where they don't."""
    changed = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    told = [_told(name, before.get(name), now.get(name)) for name in changed[:_MOST_NAMED]]
    if len(changed) > _MOST_NAMED:
        told.append(f"{len(changed) - _MOST_NAMED} more")
    return ", ".join(told)


def _told(name: str, before: str | None, now: str | None) -> str:
    if name == "the input's content":
        return "the input has changed"
    return f"{name} was {before} and is {now}"


def _settings(config: Any) -> Iterator[tuple[str, str]]:
    """Give a configuration's fields that count, by their flags."""
    for field in dataclasses.fields(config):
        if field.name not in _OF_NO_CONSEQUENCE:
            flag = "--" + field.name.replace("_", "-")
            yield flag, _shown(getattr(config, field.name))


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{name}={number!r}" for name, number in value.items())
    return str(value)


def _content(info: StreamInfo) -> str:
    """Name the content of what is read: of numbered pictures the first, and all files' sizes."""
    if info.path is None:
        raise ValueError("info: has no path; only files can be told from others")
    digest = hashlib.sha256(_fingerprint(info.path).encode())
    for path in sorted(info.reads):
        status = path.stat()
        digest.update(f"{path.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _fingerprint(path: Path) -> str:
    """Tell a file by its size, its time, its head and its tail."""
    try:
        status = path.stat()
        with path.open("rb") as file:
            digest = hashlib.sha256(file.read(_SAMPLE))
            file.seek(max(0, status.st_size - _SAMPLE))
            digest.update(file.read(_SAMPLE))
    except OSError as error:
        raise SourceError(
            f"opening {path} failed ({error.strerror}); check that it may be read"
        ) from error
    digest.update(f"{status.st_size} {status.st_mtime_ns}".encode())
    return digest.hexdigest()


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:  # OpenCV has several distributions
        return "unknown"
