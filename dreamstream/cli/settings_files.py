"""Settings in TOML files: the user's own, and one that is given with ``--config``."""

import argparse
import dataclasses
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dreamstream.cli.values import reader
from dreamstream.config import ControlConfig, DreamConfig, LiveConfig, MediaConfig
from dreamstream.errors import FieldError, UsageError
from dreamstream.rendering.job import flag_of

KINDS: tuple[type[Any], ...] = (DreamConfig, MediaConfig, LiveConfig, ControlConfig)
"""Where the options live that a TOML file may set too."""


def configure(kind: type[Any], settings: Mapping[str, Any]) -> Any:
    """Make a configuration of the settings that are its fields."""
    names = [field.name for field in dataclasses.fields(kind)]
    try:
        return kind(**{name: settings[name] for name in names if name in settings})
    except FieldError as error:
        field = error.field
        field = "preview" if field == "start" and "preview" in settings else field
        raise UsageError(f"{flag_of(field)}: {error.problem}", field) from error


def user_toml_path() -> Path:
    """Name the settings file in the user's configuration folder."""
    if os.name == "nt":
        folder = Path(os.environ.get("APPDATA", Path.home()))
    else:
        folder = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return folder / "dreamstream" / "config.toml"


def read_user_toml() -> dict[str, Any]:
    """Read the user's own settings file, if there is one."""
    path = user_toml_path()
    return read_toml(path) if path.is_file() else {}


_OWN = ("stats", "overwrite", "weights", "sound", "plot_schedule")
"""Settings that name files or let them be replaced, which a file given by another may not."""


_LENT = ("guide",)
"""Settings that name pictures and films, which lie beside the file of settings or are named from
there."""


def read_toml(path: Path | None, own: bool = True) -> dict[str, Any]:
    """Read settings by the flags' names, with ``-`` or ``_``.

    Args:
        path: The file; None for none.
        own: Whether it is the user's own settings file and may name files.
    """
    if path is None:
        return {}
    try:
        with path.open("rb") as file:
            table = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"reading {path} failed: {error}") from error
    settings = {
        name.replace("-", "_"): _toml_value(path, name.replace("-", "_"), value)
        for name, value in table.items()
    }
    for name in _OWN:
        if name in settings and not own:
            raise UsageError(
                f"reading {path} failed: {name} is not for such a file; give {flag_of(name)}, or "
                f"set it in {user_toml_path()}"
            )
    try:
        for kind in KINDS:
            configure(kind, settings)
    except UsageError as error:
        raise UsageError(f"reading {path} failed: {error}") from error
    return {name: _beside(path, name, value) for name, value in settings.items()}


def _beside(path: Path, name: str, value: Any) -> Any:
    """Find a file that settings name where they lie, as what comes along with them."""
    return path.parent / value if name in _LENT and value is not None else value


def _toml_value(path: Path, name: str, value: Any) -> Any:
    """Check a TOML value as the flag of its name would be checked."""
    fields = {f.name: f for kind in KINDS for f in dataclasses.fields(kind)}
    if name not in fields:
        raise UsageError(f"reading {path} failed: there is no setting {name}; see --help")
    field = fields[name]
    if name == "schedule":
        return dict(_scheduled(path, value))
    if field.type is bool and isinstance(value, bool):
        return value
    if field.type is bool or isinstance(value, bool | list) or not _takes(field, value):
        raise UsageError(f"reading {path} failed: {name} = {value!r} is of the wrong type")
    text = ",".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else str(value)
    try:
        return reader(field)(text)
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"reading {path} failed: {name} = {error}") from error
    except (ValueError, TypeError) as error:
        raise UsageError(f"reading {path} failed: {name} = {value!r} can't be used") from error


def _scheduled(path: Path, table: Any, above: str = "") -> Iterator[tuple[str, str]]:
    """Read a table of schedules; ``layers.eyes``, not quoted, is a table within it."""
    if not isinstance(table, dict):
        raise UsageError(
            f"reading {path} failed: schedule is no table; write [schedule] and NAME = 'KEYS'"
        )
    for name, keys in table.items():
        if isinstance(keys, dict):
            yield from _scheduled(path, keys, f"{above}{name}.")
        elif isinstance(keys, str | int | float) and not isinstance(keys, bool):
            yield above + name, str(keys)
        else:
            raise UsageError(
                f"reading {path} failed: schedule.{above}{name} = {keys!r} is of the wrong type"
            )


def _takes(field: "dataclasses.Field[Any]", value: Any) -> bool:
    """Return whether a TOML value may stand for a field: layers alone are a table, names a text."""
    if isinstance(value, dict):
        return field.name == "layers"
    files = ("weights", "guide", "stats", "sound", "plot_schedule", "mask")
    named = field.type is str or field.name in ("codec", *files)
    return isinstance(value, str) or not named
