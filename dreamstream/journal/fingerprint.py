"""What an interrupted run and the one that resumes it must have in common."""

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, BinaryIO

from dreamstream.config import ControlConfig, DreamConfig, MediaConfig
from dreamstream.config.mask_rules import FILE, parse_mask
from dreamstream.config.version import __version__
from dreamstream.errors import SourceError
from dreamstream.frames import StreamInfo
from dreamstream.models.device import describe_hardware

Fingerprint = Mapping[str, str]
"""What counts, by the name under which a message speaks of it."""

_LIBRARIES = ("av", "opencv-python", "tensorflow")
"""Those that pixels and bytes come from."""

_OF_NO_CONSEQUENCE = ("stats", "show", "overwrite", "save_octaves", "resume", "plot_schedule")
"""Settings that change nothing in the output."""

_BLOCK, _BLOCKS = 1 << 16, 16
"""Bytes of a block of a file that is looked at, and their number, evenly spread from its first byte
to its last: a film is too large to be read whole for this."""

_DIGEST = 2 * hashlib.sha256().digest_size
"""Characters of a content's hash."""

_MOST_NAMED = 3
"""Differences that a message names."""


def fingerprint_of(
    dream: DreamConfig,
    media: MediaConfig,
    info: StreamInfo,
    controls: ControlConfig | None = None,
) -> Fingerprint:
    """Gather what identifies a run.

    Args:
        dream: How it dreams.
        media: How it reads and writes.
        info: What it reads; it has a path.
        controls: What changes over time.

    Raises:
        SourceError: A file can't be looked at.
    """
    controls = controls or ControlConfig()
    settings = dict([*_settings(dream), *_settings(media), *_settings(controls)])
    files = {"--weights": dream.weights, "--guide": dream.guide, "--sound": controls.sound}
    for flag, path in files.items():
        if path is not None:
            settings[flag] = _content_at(path)
    if dream.mask is not None:
        settings["--mask"] = _mask_content(dream.mask)
    return {
        **settings,
        "the input's content": _content(info),
        "the input's size": f"{info.width}x{info.height}",
        "the hardware": describe_hardware(),
        "dreamstream's version": __version__,
        **{f"the version of {name}": _version(name) for name in _LIBRARIES},
    }


def differences(before: Fingerprint, now: Fingerprint) -> str:
    """Say in what two runs differ; empty where they don't."""
    changed = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    told = [_told(name, before.get(name), now.get(name)) for name in changed[:_MOST_NAMED]]
    if len(changed) > _MOST_NAMED:
        told.append(f"{len(changed) - _MOST_NAMED} more")
    return ", ".join(told)


def _told(name: str, before: str | None, now: str | None) -> str:
    if name == "the input's content":
        return "the input has changed"
    if name == "--mask" and before and now and {len(before), len(now)} == {_DIGEST}:
        return "the file of --mask has changed"
    return f"{name} was {before} and is {now}"


def _settings(config: Any) -> Iterator[tuple[str, str]]:
    """Yield a configuration's fields that count, by their flags."""
    for field in dataclasses.fields(config):
        if field.name not in _OF_NO_CONSEQUENCE:
            flag = "--" + field.name.replace("_", "-")
            yield flag, _shown(getattr(config, field.name))


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{name}={number!r}" for name, number in value.items())
    return str(value)


def _content(info: StreamInfo) -> str:
    """Identify what is read by its content: of numbered pictures all files with their names."""
    if info.path is None:
        raise ValueError("info: has no path; only files can be told from others")
    if len(info.reads) < 2:
        return _content_at(info.path)
    digest = hashlib.sha256()
    for path in sorted(info.reads):
        digest.update(f"{path.name} {_content_at(path)}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _mask_content(text: str) -> str:
    """Identify a mask: a rule by its words, files by their content and their names' order."""
    rule = parse_mask(text)
    if rule.kind != FILE:
        return text
    path = Path(rule.path)
    if path.is_file():
        return _content_at(path)
    digest = hashlib.sha256()
    folder = path if path.is_dir() else path.parent
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        if file.is_file():
            digest.update(f"{file.name} {_content_at(file)}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _content_at(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return content_of(file, path.stat().st_size)
    except OSError as error:
        raise SourceError(
            f"opening {path} failed ({error.strerror}); check that it may be read"
        ) from error


def content_of(file: BinaryIO, size: int) -> str:
    """Identify a file by its content: its size and a hash of blocks spread over it.

    A copy, or a file whose times have changed, is the same.

    Args:
        file: The file, open for reading and seeking.
        size: Its bytes.
    """
    digest = hashlib.sha256(str(size).encode())
    last = max(0, size - _BLOCK)
    for place in sorted({last * number // (_BLOCKS - 1) for number in range(_BLOCKS)}):
        file.seek(place)
        digest.update(file.read(_BLOCK))
    return digest.hexdigest()


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:  # OpenCV has several distributions
        return "unknown"
