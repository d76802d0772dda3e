"""Looks that are saved as TOML files, which the command opens with ``--config`` too."""

import dataclasses
import os
from pathlib import Path

from dreamstream.cli.settings_files import KINDS, read_toml
from dreamstream.errors import DreamstreamError
from dreamstream.file_names import fitted_name
from dreamstream.studio.folder import Folder, FolderError
from dreamstream.studio.settings import Settings, SettingsError, texts_of, toml_of

_MOST_BYTES = 1 << 16
_SUFFIX = ".toml"


def list_looks(folder: Folder) -> list[str]:
    """Return the names of the saved looks."""
    return sorted(path.stem for path in (folder.work / "looks").glob(f"*{_SUFFIX}"))


def save_look(folder: Folder, name: str, settings: Settings) -> Path:
    """Save a look; one of that name is replaced.

    Raises:
        FolderError: The name is none, or the system refuses.
    """
    path = _path(folder, name)
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(toml_of(settings), encoding="utf-8")
        os.replace(part, path)
    except OSError as error:
        raise FolderError(f"saving {name} failed ({error.strerror})", 507) from error
    return path


def open_look(folder: Folder, name: str) -> dict[str, str]:
    """Return a saved look's settings.

    Raises:
        FolderError: There is none of that name.
        SettingsError: It is damaged, or sets what such a file may not.
    """
    path = _path(folder, name)
    if path.is_symlink() or not path.is_file() or path.stat().st_size > _MOST_BYTES:
        raise FolderError(f"opening the look {name} failed: there is no such file", 404)
    try:
        values = read_toml(path, own=False)
    except DreamstreamError as error:
        raise SettingsError(str(error)) from error
    return {name: _as_text(name, value) for name, value in values.items()}


def delete_look(folder: Folder, name: str) -> None:
    """Remove a saved look."""
    _path(folder, name).unlink(missing_ok=True)


def _as_text(name: str, value: object) -> str:
    """Write a value that was read as its flag takes it."""
    for kind in KINDS:
        if name in {field.name for field in dataclasses.fields(kind)}:
            return texts_of(kind(**{name: value}), {name: None})[name]
    raise SettingsError(f"there is no setting {name}")


def _path(folder: Folder, name: str) -> Path:
    kept = "".join(each for each in name if each.isprintable() and each not in '/\\<>:"|?*%')
    kept = kept.strip(" .")
    if not kept:
        raise FolderError("a look needs a name; give some letters", 400)
    return folder.work / "looks" / fitted_name(kept, _SUFFIX)
