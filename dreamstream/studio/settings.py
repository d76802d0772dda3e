"""The knobs, from the package's own tables, and what the page sets with them.

Settings travel as texts by their fields' names, as their flags take them: ``{"preset": "eyes",
"chroma": "0.5"}``.
"""

import argparse
import dataclasses
import json
import shlex
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from dreamstream.cli.settings_files import configure
from dreamstream.cli.values import none_of, reader, show
from dreamstream.config import PRESETS, ControlConfig, DreamConfig, Look, MediaConfig
from dreamstream.config.mask_rules import FILE, parse_mask
from dreamstream.errors import DreamstreamError, FieldError, UsageError
from dreamstream.models.catalog import DEPTHS, MODELS, cached_weights, find_model
from dreamstream.rendering.job import flag_of
from dreamstream.studio.folder import Folder

Settings = Mapping[str, str]

KINDS: tuple[type[Any], ...] = (DreamConfig, MediaConfig, ControlConfig)
"""Where the settings live that the page may set."""

_NOT_HERE = frozenset(
    {
        *("weights", "precision", "device", "threads"),  # the engine's, for its life
        *("start", "duration", "frames", "stats", "show", "overwrite", "resume", "save_octaves"),
        "plot_schedule",
    }
)
"""Fields that the page sets otherwise, or that name or replace files."""

_NAMES = frozenset({"preset", "model", "octave_rule", "flow", "tile", "codec"})
"""Texts that are names, whatever files there are."""

_NOT_OF_A_LOOK = frozenset({"sound", "guide", "mask", "start", "duration"})
"""What belongs to one film, and not to the look."""

_LINES = "schedule"
"""The field that takes a text of several lines, each a flag of its own."""

_TIMES = frozenset({"start", "duration"})

_RANGES: Mapping[str, tuple[float, float, float]] = {
    "octaves": (1, 8, 1),
    "octave_scale": (1.1, 2, 0.05),
    "first_steps": (0, 40, 1),
    "steps": (0, 6, 1),
    "step_size": (0.001, 0.03, 0.001),
    "jitter": (0, 32, 1),
    "smoothing": (0, 4, 0.1),
    "zoom": (0.9, 1.1, 0.005),
    "rotate": (-5, 5, 0.1),
    "strength": (0, 2, 0.05),
}
"""Least, most and step of sliders whose field allows far more than is of use."""

_FIRST = (
    "strength",
    "layers",
    "octaves",
    "chroma",
    "evenness",
    "smoothing",
    "step_size",
    "first_steps",
    "dream_size",
)
"""What is shown first; all else follows under "more"."""


class SettingsError(DreamstreamError):
    """A setting can't be used; its message is a line."""


def missing_model(config: DreamConfig) -> str | None:
    """Say in a line what is missing of a network; None where nothing is.

    The studio itself fetches nothing.
    """
    entry = find_model(config.model)
    if config.weights is not None or entry.published is None or cached_weights(entry.published):
        return None
    return (
        f"the weights of {entry.name} are not on this machine; fetch their "
        f"{entry.published.megabytes} MB with "
        f"'dreamstream PHOTO.jpg DREAM.jpg --model {entry.name}'"
    )


def dream_config(settings: Settings, folder: Folder) -> DreamConfig:
    """Make the configuration of settings.

    Raises:
        SettingsError: A value is wrong, or names a file outside of the folder.
    """
    config: DreamConfig = _configured(DreamConfig, settings, folder)
    try:
        missing = missing_model(config)
    except DreamstreamError as error:
        raise SettingsError(str(error)) from error
    if missing:
        raise SettingsError(missing)
    return config


def preview_config(settings: Settings, folder: Folder) -> DreamConfig:
    """Make the configuration of a preview or a camera, which have no mask: only a job reads it."""
    return dream_config(settings, folder).changed(mask=None, mask_invert=False, mask_blur=0.0)


def media_config(settings: Settings, folder: Folder) -> MediaConfig:
    """Make the configuration of what is read and how it is written; see :func:`dream_config`."""
    config: MediaConfig = _configured(MediaConfig, settings, folder)
    return config


def control_config(settings: Settings, folder: Folder) -> ControlConfig:
    """Make the configuration of what changes over time; see :func:`dream_config`."""
    config: ControlConfig = _configured(ControlConfig, settings, folder)
    return config


def _configured(kind: type[Any], settings: Settings, folder: Folder) -> Any:
    known = {field.name: field for field in dataclasses.fields(kind)}
    try:
        values = {
            name: _value(known[name], text, folder)
            for name, text in settings.items()
            if name in known
        }
        return configure(kind, values)
    except (DreamstreamError, FieldError) as error:
        raise SettingsError(" ".join(str(error).split())) from error


def _value(field: "dataclasses.Field[Any]", text: str, folder: Folder) -> Any:
    if field.name in _NOT_HERE - {"start", "duration", "resume", "overwrite"}:
        raise SettingsError(f"{flag_of(field.name)} can't be set in the studio")
    if field.type is bool:
        return text == "true"
    try:
        value = _schedules(field, text) if field.name == _LINES else reader(field)(text)
    except argparse.ArgumentTypeError as error:
        raise SettingsError(f"{flag_of(field.name)}: {error}") from error
    except (ValueError, TypeError) as error:
        raise SettingsError(f"{flag_of(field.name)}: {text!r} can't be used") from error
    if "Path" in str(field.type) and value is not None:
        return folder.file(text)
    if field.name == "mask" and isinstance(value, str):
        return str(folder.file(text)) if parse_mask(text).kind == FILE else text
    if isinstance(value, str) and field.name not in _NAMES and _may_name_file(text, folder):
        return str(folder.file(text))
    return value


def _schedules(field: "dataclasses.Field[Any]", text: str) -> dict[str, str]:
    """Read a schedule in each line."""
    lines = [line for line in text.splitlines() if line.strip()]
    return {name: keys for line in lines for name, keys in reader(field)(line).items()}


def _may_name_file(text: str, folder: Folder) -> bool:
    return "/" in text or "\\" in text or (folder.root / text).exists()


def check_names(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return settings whose names are fields' and whose values are texts.

    Raises:
        SettingsError: Others are among them.
    """
    names = {field.name for kind in KINDS for field in dataclasses.fields(kind)}
    for name, value in settings.items():
        if name not in names or name == "filled" or not isinstance(value, str):
            raise SettingsError(f"there is no setting {name}")
    return dict(settings)


def command_line(source: str, output: str, settings: Settings) -> str:
    """Write the command that does the same, for a shell in the studio's folder."""
    words = ["dreamstream", _as_file(source), _as_file(output)]
    flags = [
        (name, line)
        for name, text in settings.items()
        for line in (filter(str.strip, text.splitlines()) if name == _LINES else [text])
    ]
    for name, text in flags:
        if text in ("true", "false") and _is_switch(name):
            positive = text == "true"
            negative = flag_of(name).startswith("--no-")
            flag = "--" + flag_of(name).removeprefix("--no-" if negative else "--")
            words.append(flag if positive != negative else f"--no-{flag.removeprefix('--')}")
        elif text.startswith("-"):
            words.append(f"{flag_of(name)}={text}")
        else:
            words += [flag_of(name), text]
    return shlex.join(words)


def _as_file(name: str) -> str:
    return f"./{name}" if name.startswith("-") or name == "camera" or ":" in name else name


def _is_switch(name: str) -> bool:
    return any(
        field.name == name and field.type is bool
        for kind in KINDS
        for field in dataclasses.fields(kind)
    )


def texts_of(config: Any, names: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Return a configuration's values as texts, all or those of the names given."""
    return {
        field.name: _text(field, getattr(config, field.name))
        for field in dataclasses.fields(config)
        if names is None or field.name in names
    }


def _text(field: "dataclasses.Field[Any]", value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Fraction) and field.name in _TIMES:
        return str(float(value))
    if field.name == _LINES:
        return "\n".join(f"{name}={keys}" for name, keys in value.items())
    return show(value, none_of(field))


def toml_of(settings: Settings) -> str:
    """Write settings as a TOML file that ``--config`` takes."""
    lines = ["# A look for dreamstream: dreamstream IN OUT --config THIS-FILE"]
    fields = {field.name: field for kind in KINDS for field in dataclasses.fields(kind)}
    for name, text in settings.items():
        if name not in _NOT_OF_A_LOOK:
            lines.append(f"{name.replace('_', '-')} = {_toml_value(fields[name], text)}")
    return "\n".join(lines) + "\n"


def _toml_value(field: "dataclasses.Field[Any]", text: str) -> str:
    if field.name == _LINES:
        keys = _schedules(field, text)
        lines = [f"{_quoted(name)} = {_quoted(each)}" for name, each in keys.items()]
        return "{ " + ", ".join(lines) + " }"
    value = text if field.type is bool else reader(field)(text)
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_quoted(name)} = {float(each):g}" for name, each in value.items())
        return "{ " + pairs + " }"
    if field.type is bool:
        return text
    if isinstance(value, int | float):
        return repr(value)
    return _quoted(text)


def _quoted(text: str) -> str:
    """Write a TOML string: JSON's escapes are among TOML's, which also wants DEL escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def tables() -> dict[str, Any]:
    """Describe all knobs and presets for the page."""
    return {
        "presets": [_describe_preset(name) for name in PRESETS],
        "preset": DreamConfig().preset,
        "of_preset": ["model", *(field.name for field in dataclasses.fields(Look))],
        "depths": list(DEPTHS),
        "knobs": [
            _describe(field, config)
            for config in (DreamConfig(), MediaConfig(), ControlConfig())
            for field in dataclasses.fields(config)
            if _is_knob(field)
        ],
    }


def _is_knob(field: "dataclasses.Field[Any]") -> bool:
    return field.name not in _NOT_HERE and field.name != "preset"


def _describe_preset(name: str) -> dict[str, Any]:
    config = DreamConfig(preset=name)
    return {
        "name": name,
        "about": PRESETS[name].about,
        "values": texts_of(config),
        "others": {
            model: texts_of(DreamConfig(preset=name, model=model))
            for model in _models_here()
            if model != config.model
        },
        "missing": missing_model(config),
    }


def _describe(field: "dataclasses.Field[Any]", config: Any) -> dict[str, Any]:
    value = getattr(config, field.name)
    choices = field.metadata.get("choices")
    if field.name == "model":
        choices = _models_here()
    described: dict[str, Any] = {
        "name": field.name,
        "label": field.name.replace("_", " "),
        "help": field.metadata["help"],
        "group": field.metadata["group"],
        "default": _text(field, value),
        "first": field.name in _FIRST,
        "none": none_of(field),
    }
    if field.type is bool:
        return {**described, "kind": "switch"}
    if choices:
        return {**described, "kind": "choice", "choices": list(choices)}
    if field.name in ("layers", _LINES):
        return {**described, "kind": "layers" if field.name == "layers" else "lines"}
    span = _range(field, config)
    return {**described, "kind": "text"} if span is None else {**described, "kind": "range", **span}


def _models_here() -> list[str]:
    """Return the networks whose weights are on this machine."""
    return [name for name in MODELS if missing_model(DreamConfig(model=name)) is None]


def _range(field: "dataclasses.Field[Any]", config: Any) -> dict[str, float] | None:
    """Return a slider's least, most and step; None for what is no number, or has no bounds."""
    if field.name in _RANGES:
        least, most, step = _RANGES[field.name]
        return {"least": least, "most": most, "step": step}
    if field.type is not float or not isinstance(getattr(config, field.name), int | float):
        return None
    in_unit = _takes(config, field.name, 0.0) and _takes(config, field.name, 1.0)
    if in_unit and not _takes(config, field.name, 1.001) and not _takes(config, field.name, -0.001):
        return {"least": 0, "most": 1, "step": 0.01}
    return None


def _takes(config: Any, name: str, value: float) -> bool:
    try:
        dataclasses.replace(config, **{name: value})
    except (FieldError, UsageError, ValueError):
        return False
    return True
