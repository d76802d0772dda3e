"""The command line and the TOML files, made into settings (loads neither OpenCV nor TensorFlow)."""

import argparse
import dataclasses
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn

from dreamstream.cli.settings_files import configure, read_toml, read_user_toml
from dreamstream.cli.values import METAVARS, none_of, reader, show, time_of
from dreamstream.config import (
    PRESETS,
    ControlConfig,
    DreamConfig,
    LayerTerm,
    LiveConfig,
    Look,
    MediaConfig,
)
from dreamstream.config.version import __version__
from dreamstream.controls.program import read_schedules
from dreamstream.errors import FieldError, UsageError
from dreamstream.rendering.job import Job, flag_of, is_folder

DESCRIPTION = "Dream a video, a still or a camera: a streaming DeepDream."

EPILOG = """\
INPUT is a video, a GIF or another animated picture, a picture, a folder of pictures, a pattern such
as in/%05d.png, a URL (http, https, rtsp), - for stdin, or camera[:N] (files of such names are ./-
and ./camera).  OUTPUT is a .mp4 .mov .mkv .webm .gif .apng, a .png .jpg .webp, numbered pictures
such as out/%05d.png, or - for Matroska to stdout; without it the dream is shown in a window.  If it
is a folder, or ends with a slash, any number of INPUTs may stand before it: a video becomes
OUTPUT/NAME.mp4, a picture keeps its suffix.  A camera (also by its device's path), an rtsp stream,
or a film with --live is shown live, in a window whose h key shows the others; OUTPUT records it.

A picture into a video, GIF or APNG becomes a loop in which the dream grows out of it and returns,
or an endless tunnel with --zoom, --rotate or --drift, shown at --width, else at --dream-size.

dreamstream studio opens all of it in the browser (see dreamstream studio --help).

exit codes: 0 done, 1 failure, 2 usage, 3 bad input, 4 partial result (damaged input), of several
inputs the worst; 130 interrupted, 143 terminated, 129 hung up; an interrupted output is kept as
*.part.*
"""

_GROUPS = {
    "input": "input",
    "dream": "dream (defaults of the preset {preset})",
    "motion": "motion (defaults of the preset {preset})",
    "mask": "mask (the rest of the picture stays as it is, to the bit)",
    "engine": "engine",
    "controls": "over time, by sound (docs/schedules.md)",
    "output": "output",
    "clip": "tunnel into a picture, each frame dreamed from the moved last one",
    "live": "live (a camera, an rtsp stream, or a film with --live)",
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """What one command asks for.

    Attributes:
        inputs: What to dream, one after another; empty where only a list is wanted.
        output: Where to write, a folder where ``into_folder`` says so; None is a window.
        dream: How to dream.
        media: How to read and write.
        live: How to show a camera.
        controls: What changes over time.
        listing: "models", "layers" or "presets" to print that list; None otherwise.
        sheet: Layer whose channels are to be drawn into ``output``; None otherwise.
        preview: Seconds at which a single frame is wanted; None is the whole stream.
        quiet: Say nothing but errors.
        verbose: Say more, tracebacks too.
    """

    inputs: tuple[str, ...]
    output: str | None
    dream: DreamConfig
    media: MediaConfig
    live: LiveConfig
    controls: ControlConfig
    listing: str | None
    sheet: str | None
    preview: Fraction | None
    quiet: bool
    verbose: bool

    @property
    def is_list(self) -> bool:
        """Whether something is to be listed or drawn, and nothing dreamed."""
        return self.listing is not None or self.sheet is not None

    @property
    def into_folder(self) -> bool:
        """Whether each output is named after its input, in the folder ``output``."""
        return self.output is not None and is_folder(self.output)

    def job(self, source: str) -> Job:
        """Return what is to be dreamed of one of the inputs."""
        return Job(
            source=source,
            output=self.output,
            dream=self.dream,
            media=self.media,
            controls=self.controls,
            preview=self.preview,
        )


def parse_request(arguments: Sequence[str]) -> Request:
    """Read the command line, and the TOML files beneath it.

    Args:
        arguments: What follows the program's name.

    Raises:
        UsageError: Something is unknown, missing or out of range; the message is one line.
        SystemExit: ``--help`` or ``--version`` was asked for, and has been printed.
    """
    # intermixed, or an option between INPUT and OUTPUT would end the file names
    options, names = _split_at_dashes(arguments)
    given = vars(_make_parser().parse_intermixed_args(_tied(options)))
    inputs, output = _divide([*given.pop("names", []), *names])
    if given.get("sheet") is not None:
        inputs, output = (), _sheet_of(given["sheet"], inputs, output)
    lent = read_toml(given.pop("config", None), own=False)
    settings = _lay_over(read_user_toml(), lent)
    settings = _lay_over(settings, given)
    is_list = settings.get("listing") or settings.get("sheet") is not None
    if not any(inputs) and not is_list:
        raise UsageError("no INPUT; give a video, a picture, a folder of pictures, or camera")
    if len(inputs) > 1 and settings.get("stats") is not None:
        raise UsageError("--stats: is for one INPUT; run the others on their own")
    preview = settings.get("preview")
    if preview is not None:
        settings |= {"start": preview, "duration": None, "frames": (0, 1)}
    return Request(
        inputs=inputs,
        output=output,
        dream=configure(DreamConfig, settings),
        media=configure(MediaConfig, settings),
        live=configure(LiveConfig, settings),
        controls=_controls(settings),
        listing=settings.get("listing"),
        sheet=settings.get("sheet"),
        preview=preview,
        quiet=settings.get("quiet", False),
        verbose=settings.get("verbose", False),
    )


def _controls(settings: Mapping[str, Any]) -> ControlConfig:
    """Make what changes over time, and read the schedules: a wrong one is refused at once."""
    controls: ControlConfig = configure(ControlConfig, settings)
    try:
        read_schedules(controls.schedule)
    except FieldError as error:
        raise UsageError(f"{flag_of(error.field)} {error.problem}", error.field) from error
    return controls


def _split_at_dashes(arguments: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Divide arguments at the first ``--``: what follows it are names, whatever they begin with."""
    if "--" not in arguments:
        return arguments, ()
    place = list(arguments).index("--")
    return arguments[:place], arguments[place + 1 :]


def _tied(arguments: Sequence[str]) -> list[str]:
    """Tie ``--drift`` to what follows it: argparse takes -1,2 for a flag."""
    tied: list[str] = []
    for argument in arguments:
        if tied and tied[-1] == flag_of("drift"):
            tied[-1] += f"={argument}"
        else:
            tied.append(argument)
    return tied


def _divide(names: Sequence[str]) -> tuple[tuple[str, ...], str | None]:
    """Divide the names given into inputs and output.

    Raises:
        UsageError: The output is empty, or several inputs would go into one file.
    """
    if len(names) < 2:
        return tuple(names), None
    *inputs, output = names
    if not output:
        raise UsageError("the OUTPUT is empty; give a file, or leave it out for a window")
    if len(inputs) > 1 and not is_folder(output):
        raise UsageError(
            f"{len(inputs)} inputs can't all become {output}; give a folder as the last name, with "
            "a slash at its end if it is yet to be made"
        )
    return tuple(inputs), output


def _sheet_of(layer: str, inputs: Sequence[str], output: str | None) -> str:
    """Return the picture that a layer's channels are drawn into: the only name given."""
    try:
        LayerTerm.parse(layer)
    except ValueError as error:
        raise UsageError(f"--list-channels: {error}") from error
    if len(inputs) != 1 or output is not None:
        raise UsageError(
            "--list-channels: takes the layer and one picture to draw into, such as "
            "--list-channels eyes channels.png"
        )
    return inputs[0]


def _lay_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Lay settings over others, schedules name by name.

    A preset also lies over what the others' presets set.
    """
    if "preset" in above:
        of_presets = {"model", *(field.name for field in dataclasses.fields(Look))}
        below = {name: value for name, value in below.items() if name not in of_presets}
    schedules = {**below.get("schedule", {}), **above.get("schedule", {})}
    return {**below, **above, **({"schedule": schedules} if schedules else {})}


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, raised."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see dreamstream --help)")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        sys.stdout.flush()  # here a reader that has gone is an error one can catch
        super().exit(status, message)


_NO = "--no-"


def _is_negative(field: str) -> bool:
    return flag_of(field).startswith(_NO)


class _Switch(argparse.BooleanOptionalAction):
    """Sets a field, or unsets it where a TOML file has set it: ``--x`` and ``--no-x``.

    For a field ``no_x`` they are the same two, the other way round.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        setattr(namespace, self.dest, str(option_string).startswith(_NO) == _is_negative(self.dest))


class _Several(argparse.Action):
    """Gathers what a flag that is given several times names."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        setattr(namespace, self.dest, {**getattr(namespace, self.dest, {}), **values})


def _make_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="dreamstream",
        usage="dreamstream INPUT... [OUTPUT] [options]",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    parser.add_argument(
        "names", metavar="INPUT, OUTPUT", nargs="*", help="what to dream; last, where to write it"
    )
    preset = DreamConfig().preset
    groups = {
        name: parser.add_argument_group(title.format(preset=preset))
        for name, title in _GROUPS.items()
    }
    for defaults in (DreamConfig(), MediaConfig(), LiveConfig(), ControlConfig()):
        for field in dataclasses.fields(defaults):
            _add_field(groups[field.metadata["group"]], field, getattr(defaults, field.name))
    groups["input"].add_argument(
        "--preview",
        type=time_of,
        metavar="TIME",
        help="dream only the frame at this time, into OUTPUT or INPUT's name with -preview.png",
    )
    groups["motion"].add_argument(
        "--no-warm-start",
        dest="blend",
        action="store_const",
        const=0.0,
        help="dream each frame on its own, with --first-steps (--blend 0)",
    )
    _add_general(parser.add_argument_group("general"))
    return parser


def _add_field(group: Any, field: "dataclasses.Field[Any]", default: Any) -> None:
    """Add a configuration field's flag."""
    names = [*filter(None, [field.metadata.get("short")]), flag_of(field.name)]
    text = field.metadata["help"]
    if field.type is bool:
        negative = _is_negative(field.name)
        names = ["--" + flag_of(field.name).removeprefix(_NO)] if negative else names
        shown = f"{text} (default: {'on' if default != negative else 'off'})"
        group.add_argument(*names, dest=field.name, action=_Switch, help=shown)
        return
    group.add_argument(
        *names,
        dest=field.name,
        action=_Several if isinstance(default, dict) and not default else "store",
        type=reader(field),
        metavar=METAVARS.get(field.name, field.name.rsplit("_", maxsplit=1)[-1].upper()),
        help=f"{text} (default: {field.metadata.get('shown') or show(default, none_of(field))})",
    )


def _add_general(group: Any) -> None:
    group.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="TOML file that sets options of the groups above",
    )
    for name in ("models", "layers", "presets"):
        group.add_argument(
            f"--list-{name}",
            dest="listing",
            action="store_const",
            const=name,
            help=f"list the {name} there are" + (" in --model" if name == "layers" else ""),
        )
    group.add_argument(
        "--list-channels",
        dest="sheet",
        metavar="LAYER",
        help="draw what each channel of a layer (LAYER:FIRST-LAST: of some) dreams, into a picture",
    )
    group.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors")
    group.add_argument("-v", "--verbose", action="store_true", help="say more, tracebacks too")
    group.add_argument("--version", action="version", version=f"dreamstream {__version__}")


def list_presets_text() -> str:
    """Describe every preset in a line."""
    width = max(map(len, PRESETS))
    return "\n".join(f"{name:{width}}  {preset.about}" for name, preset in PRESETS.items())
