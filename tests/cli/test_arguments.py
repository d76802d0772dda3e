"""The command line and the TOML files, made into settings."""

import argparse
import dataclasses
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from dreamstream.cli.arguments import (
    Request,
    list_presets_text,
    parse_request,
)
from dreamstream.cli.settings_files import user_toml_path
from dreamstream.config import PRESETS, DreamConfig, MediaConfig
from dreamstream.errors import UsageError
from dreamstream.rendering.job import flag_of

FIELDS = [field for kind in (DreamConfig, MediaConfig) for field in dataclasses.fields(kind)]

GIVEN: dict[str, tuple[str | None, Any]] = {
    "preset": ("eyes", "eyes"),
    "strength": ("0.5", 0.5),
    "model": ("vgg16", "vgg16"),
    "weights": ("w.h5", Path("w.h5")),
    "layers": ("mixed3=3,mixed4=.5, mixed5 ", {"mixed3": 3.0, "mixed4": 0.5, "mixed5": 1.0}),
    "octaves": ("6", 6),
    "octave_scale": ("1.7", 1.7),
    "first_steps": ("31", 31),
    "steps": ("8", 8),
    "step_size": ("0.25", 0.25),
    "max_loss": ("7.5", 7.5),
    "jitter": ("3", 3),
    "seed": ("42", 42),
    "smoothing": ("0.5", 0.5),
    "evenness": ("0.25", 0.25),
    "chroma": ("0.75", 0.75),
    "octave_rule": ("classic", "classic"),
    "dream_size": ("320", 320),
    "tile": ("512", 512),
    "blend": ("0.5", 0.5),
    "flow": ("fast", "fast"),
    "no_cuts": (None, True),
    "guide": ("/a/flowers.png", Path("/a/flowers.png")),
    "guide_weight": ("0.5", 0.5),
    "mask": ("color:#00ff00~20", "color:#00ff00~20"),
    "mask_invert": (None, True),
    "mask_blur": ("2.5", 2.5),
    "precision": ("bfloat16", "bfloat16"),
    "device": ("gpu:1", "gpu:1"),
    "threads": ("3", 3),
    "start": ("1:02.5", Fraction(125, 2)),
    "duration": ("0.04", Fraction(1, 25)),
    "frames": ("3:8", (3, 8)),
    "fps": ("30000/1001", Fraction(30000, 1001)),
    "codec": ("h265", "h265"),
    "crf": ("30", 30),
    "width": ("320", 320),
    "compare": (None, True),
    "alpha": (None, True),
    "save_octaves": (None, True),
    "stats": ("s.jsonl", Path("s.jsonl")),
    "show": (None, True),
    "overwrite": (None, True),
    "zoom": ("1.02", 1.02),
    "rotate": ("-1.5", -1.5),
    "drift": ("-2,0.5", (-2.0, 0.5)),
    "loop": (None, True),
    "loop_fade": ("0.5", Fraction(1, 2)),
    "resume": (None, True),
}
"""Each field's flag argument, None for a switch, and the value that it stands for."""


@pytest.fixture(autouse=True)
def config_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty configuration folder, whatever the user's own holds."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "settings"


def parse(*arguments: str) -> Request:
    return parse_request(["in.mp4", "out.mp4", *arguments])


def value_of(request: Request, field: str) -> Any:
    return getattr(request.dream if hasattr(request.dream, field) else request.media, field)


def refusal_of(*arguments: str) -> str:
    with pytest.raises(UsageError) as refusal:
        parse_request(arguments)
    message = str(refusal.value)
    assert "\n" not in message
    return message


def help_text(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as end:
        parse_request(["--help"])
    assert end.value.code == 0
    return capsys.readouterr().out


# --- flags -----------------------------------------------------------------------------------


def test_this_file_knows_every_field() -> None:
    assert sorted(GIVEN) == sorted(field.name for field in FIELDS)


@pytest.mark.parametrize("name", GIVEN)
def test_every_field_has_a_flag_of_its_name(name: str) -> None:
    text, value = GIVEN[name]
    assert value_of(parse(), name) != value
    flag = "--" + name.replace("_", "-")
    given = parse(flag) if text is None else parse(flag, text)
    assert value_of(given, name) == value


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_every_flag_shows_its_help_and_default(
    field: "dataclasses.Field[Any]", capsys: pytest.CaptureFixture[str]
) -> None:
    default = getattr(DreamConfig(), field.name, getattr(MediaConfig(), field.name, None))
    shown = {
        "layers": "animals=1",
        "frames": "all",
        "drift": "0,0",
        "max_loss": f"{DreamConfig().max_loss}",
        "dream_size": f"{DreamConfig().dream_size}",
    }.get(field.name, "none" if default is None else str(default))
    lines = re.sub(r"\n {20,}", " ", help_text(capsys)).splitlines()  # a flag's help behind it
    if field.name == "layers":
        shown = ",".join(f"{name}={number:g}" for name, number in DreamConfig().layers.items())
    (line,) = [line for line in lines if flag_of(field.name) in re.split(r"[ ,]+", line)[:4]]
    assert field.metadata["help"] in line
    if field.name.startswith("no_"):  # its flags say whether the thing is on
        shown = str(not default)
    shown = field.metadata.get("shown", {"True": "on", "False": "off"}.get(shown, shown))
    assert f"(default: {shown})" in line


def test_help_is_grouped_into_input_dream_motion_and_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = help_text(capsys)
    heads = ["\ninput:", "\ndream (", "\nmotion (", "\noutput:", "\ngeneral:"]
    places = [text.index(head) for head in heads]
    assert places == sorted(places)
    assert "exit codes: 0 done" in text
    assert places[1] < text.index("--octave-scale") < places[2] < text.index("--blend") < places[3]


def test_y_is_short_for_overwrite() -> None:
    assert parse("-y").media.overwrite


@pytest.mark.parametrize(
    "arguments",
    [
        ["-y", "in.mp4", "out.mp4"],
        ["in.mp4", "-y", "out.mp4"],
        ["in.mp4", "out.mp4", "-y"],
        ["in.mp4", "--steps", "3", "-y", "out.mp4"],
    ],
)
def test_options_may_stand_before_between_and_after_the_file_names(arguments: list[str]) -> None:
    request = parse_request(arguments)
    assert (request.inputs, request.output) == (("in.mp4",), "out.mp4")
    assert request.media.overwrite


def test_several_inputs_go_into_a_folder(tmp_path: Path) -> None:
    for folder in (str(tmp_path), "new/"):
        request = parse_request(["a.mp4", "--steps", "3", "b.mov", "-y", "camera:1", folder])
        assert (request.inputs, request.output) == (("a.mp4", "b.mov", "camera:1"), folder)
        assert request.into_folder
    assert parse_request(["a.mp4", "new/"]).into_folder
    assert not parse_request(["a.mp4", "new"]).into_folder


def test_several_inputs_and_a_file_are_refused() -> None:
    message = refusal_of("a.mp4", "b.mov", "c.mp4")
    assert "2 inputs" in message
    assert "folder" in message


def test_the_stats_of_several_inputs_are_refused() -> None:
    assert "--stats" in refusal_of("a.mp4", "b.mov", "out/", "--stats", "s.jsonl")


def test_stdin_and_stdout_are_a_dash() -> None:
    request = parse_request(["-", "-", "--steps", "3"])
    assert (request.inputs, request.output, request.dream.steps) == (("-",), "-", 3)


def test_without_output_there_is_none() -> None:
    assert parse_request(["in.mp4"]).output is None


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        ("mixed3=3,mixed4=2", {"mixed3": 3.0, "mixed4": 2.0}),
        ("animals", {"animals": 1.0}),
        ("animals=1e-1,", {"animals": 0.1}),
        ("eyes=-0.5", {"eyes": -0.5}),
    ],
)
def test_layers_are_names_with_coefficients(text: str, layers: dict[str, float]) -> None:
    assert dict(parse("--layers", text).dream.layers) == layers


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", Fraction(90)),
        ("1.04", Fraction(26, 25)),
        (".5", Fraction(1, 2)),
        ("1:30", Fraction(90)),
        ("01:02:03.25", Fraction(14893, 4)),
        ("0", Fraction(0)),
    ],
)
def test_times_are_exact_seconds_or_minutes_or_hours(text: str, seconds: Fraction) -> None:
    assert parse("--start", text).media.start == seconds


@pytest.mark.parametrize(
    "text", ["x", "", "nan", "inf", "1e400", "1e9", "1:2:3:4", "1:", "1:-2", "1_0", "0x1", "1/2"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    assert "--start" in refusal_of("in.mp4", "o.mp4", "--start", text)


@pytest.mark.parametrize(
    ("text", "frames"),
    [("3:8", (3, 8)), (":8", (None, 8)), ("3:", (3, None)), (":", (None, None))],
)
def test_frames_are_a_range_that_may_be_open(
    text: str, frames: tuple[int | None, int | None]
) -> None:
    assert parse("--frames", text).media.frames == frames


@pytest.mark.parametrize("field", ["weights", "max_loss", "duration", "codec", "crf", "stats"])
def test_the_default_none_can_be_given(field: str) -> None:
    assert value_of(parse(flag_of(field), "none"), field) is None


@pytest.mark.parametrize("text", ["full", "FULL"])
def test_the_dream_size_may_be_full(text: str) -> None:
    assert parse("--dream-size", text).dream.dream_size is None


def test_no_warm_start_is_no_blend() -> None:
    assert parse("--no-warm-start").dream.blend == 0
    assert parse("--no-warm-start", "--blend", ".5").dream.blend == 0.5


def test_a_preview_is_one_frame_from_its_time_on_whatever_the_trim() -> None:
    request = parse_request(
        ["in.mp4", "--preview", "1:00", "--start", "5", "--duration", "9", "--frames", "3:9"]
    )
    media = request.media
    assert request.preview == 60
    assert media.start == 60
    assert media.duration is None
    assert media.frames == (0, 1)


def test_a_preview_before_the_start_of_time_is_refused_by_its_own_name() -> None:
    assert refusal_of("in.mp4", "--preview", "-1").startswith("--preview: -1 must be")


@pytest.mark.parametrize("listing", ["models", "layers", "presets"])
def test_a_list_needs_no_input(listing: str) -> None:
    request = parse_request([f"--list-{listing}"])
    assert (request.listing, request.inputs) == (listing, ())


def test_the_list_of_presets_describes_each_in_a_line() -> None:
    lines = list_presets_text().splitlines()
    assert [line.split()[0] for line in lines] == list(PRESETS)
    assert all(preset.about in line for preset, line in zip(PRESETS.values(), lines, strict=True))


def test_quiet_and_verbose_are_off_unless_given() -> None:
    assert (parse().quiet, parse().verbose) == (False, False)
    assert (parse("-q").quiet, parse("-v").verbose) == (True, True)


# --- what is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["-y"],
        ["a", "--foo"],
        ["a", "--octav", "3"],
        ["a", "--octaves"],
        ["a", "--octaves", "three"],
        ["a", "--octaves", "2.5"],
        ["a", "--octaves", "nan"],
        ["a", "--layers", "x=y"],
        ["a", "--frames", "7"],
        ["a", "--frames", "1:2:3"],
        ["a", "--octave-rule", "golden"],
        ["a", "--max-loss", "much"],
        ["a", "--dream-size", "large"],
    ],
)
def test_what_the_command_line_does_not_know_is_refused_in_one_line(arguments: list[str]) -> None:
    message = refusal_of(*arguments)
    assert "INPUT" in message if "a" not in arguments else "--help" in message


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        (flag_of(field), value)
        for field in GIVEN
        if isinstance(GIVEN[field][1], int | float) and GIVEN[field][0] is not None
        for value in ("-999", "nan", "9" * 400)
    ],
    ids=lambda text: text[:20],
)
def test_a_number_outside_its_range_is_refused_by_its_flag(flag: str, value: str) -> None:
    assert flag in refusal_of("a", "b", flag, value)


def test_an_unknown_preset_lists_what_there_is() -> None:
    message = refusal_of("a", "b", "--preset", "nightmare")
    assert "nightmare" in message
    assert all(name in message for name in PRESETS)


# --- TOML ------------------------------------------------------------------------------------


def write_user_toml(text: str) -> None:
    user_toml_path().parent.mkdir(parents=True, exist_ok=True)
    user_toml_path().write_text(text)


def write_toml(tmp_path: Path, text: str) -> str:
    path = tmp_path / "look.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    "line", ['stats = "s.jsonl"', "overwrite = true", "overwrite = false", 'weights = "w.h5"']
)
def test_only_one_s_own_settings_may_name_files_or_let_them_be_replaced(
    tmp_path: Path, line: str
) -> None:
    name = line.split()[0]
    message = refusal_of("a", "b", "--config", write_toml(tmp_path, line))
    assert f"{name} is not for such a file; give --{name}, or set it in " in message
    write_user_toml(line)
    assert value_of(parse(), name) is not None


def test_behind_two_dashes_all_are_names() -> None:
    request = parse_request(["-y", "--", "-in.mp4", "--steps"])
    assert (request.inputs, request.output) == (("-in.mp4",), "--steps")
    assert request.media.overwrite


def test_the_users_file_yields_to_the_given_one_and_that_to_flags(tmp_path: Path) -> None:
    write_user_toml("octaves = 5\nsteps = 6\njitter = 7\n")
    given = write_toml(tmp_path, "steps = 60\njitter = 70\n")
    dream = parse("--config", given, "--jitter", "71").dream
    assert (dream.octaves, dream.steps, dream.jitter) == (5, 60, 71)


def test_without_a_users_file_nothing_is_missed() -> None:
    assert not user_toml_path().exists()
    assert parse().dream == DreamConfig()
    assert parse().media == MediaConfig()


def test_the_users_file_lies_in_the_folder_for_settings(
    config_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert user_toml_path() == config_folder / "dreamstream" / "config.toml"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", "/home/someone")
    assert user_toml_path() == Path("/home/someone/.config/dreamstream/config.toml")


@pytest.mark.parametrize("name", GIVEN)
@pytest.mark.parametrize("dashed", [False, True])
def test_every_field_can_be_set_as_its_flag_would(name: str, dashed: bool) -> None:
    text, value = GIVEN[name]
    written = "true" if text is None else f'"{text}"'
    key = name.replace("_", "-") if dashed else name
    write_user_toml(f"{key} = {written}\n")
    assert value_of(parse(), name) == value


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("layers = { animals = 1, eyes = 0.5 }", "layers", {"animals": 1.0, "eyes": 0.5}),
        ("[layers]\nanimals = 2", "layers", {"animals": 2.0}),
        ("octaves = 6", "octaves", 6),
        ("blend = 0.25", "blend", 0.25),
        ("blend = 0", "blend", 0.0),
        ("start = 12.5", "start", Fraction(25, 2)),
        ("start = 00:01:30", "start", Fraction(90)),
        ('max_loss = "none"', "max_loss", None),
        ('dream_size = "full"', "dream_size", None),
        ("dream_size = 400", "dream_size", 400),
        ("compare = false", "compare", False),
    ],
)
def test_values_of_toml_types_are_taken(tmp_path: Path, line: str, name: str, value: Any) -> None:
    request = parse("--config", write_toml(tmp_path, line))
    assert value_of(request, name) == value


@pytest.mark.parametrize("name", [name for name, (text, _) in GIVEN.items() if text is None])
def test_a_switch_that_a_file_turns_on_a_flag_turns_off(name: str) -> None:
    write_user_toml(f"{name} = true\n")
    flag = f"--no-{name.replace('_', '-')}".replace("--no-no-", "--")
    assert not value_of(parse(flag), name)


def test_no_flag_denies_twice(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse("--help")
    assert "--no-no-" not in capsys.readouterr().out
    with pytest.raises(UsageError, match="--no-no-cuts"):
        parse("--no-no-cuts")
    assert not parse("--no-cuts", "--cuts").dream.no_cuts
    assert parse("--cuts", "--no-cuts").dream.no_cuts


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("octavs = 3", "octavs"),
        ("preview = 3", "preview"),
        ("octaves = 'many'", "octaves"),
        ("octaves = 2.5", "octaves"),
        ("octaves = true", "octaves"),
        ("octaves = 0", "--octaves"),
        ("octaves = [3]", "octaves"),
        ("octaves = { a = 3 }", "octaves"),
        ("blend = nan", "--blend"),
        ("compare = 1", "compare"),
        ("compare = 'yes'", "compare"),
        ("layers = ['animals']", "layers"),
        ("layers = { animals = 'very' }", "layers"),
        ("layers = { animals = true }", "layers"),
        ("preset = 3", "preset"),
        ("preset = 'nightmare'", "nightmare"),
        ("weights = 3", "weights"),
        ("codec = { a = 1 }", "codec"),
        ("octave_rule = 'golden'", "octave_rule"),
        ("octaves = = 3", "line 1"),
        ("octaves = 3\noctaves = 4", "overwrite"),
    ],
)
def test_a_file_that_can_not_be_used_is_named_with_the_problem(
    tmp_path: Path, text: str, problem: str
) -> None:
    path = write_toml(tmp_path, text)
    message = refusal_of("a", "b", "--config", path)
    assert path in message
    assert problem in message.replace(path, "")


def test_a_users_file_that_can_not_be_used_is_named() -> None:
    write_user_toml("octavs = 3")
    assert str(user_toml_path()) in refusal_of("a", "b")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "none.toml" in refusal_of("a", "b", "--config", str(tmp_path / "none.toml"))


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "noise.toml"
    path.write_bytes(b"\xff\xfe\x00\x80")
    assert "noise.toml" in refusal_of("a", "b", "--config", str(path))


def test_a_folder_as_file_is_named(tmp_path: Path) -> None:
    assert str(tmp_path) in refusal_of("a", "b", "--config", str(tmp_path))


def test_no_error_leaves_the_parser_by_argparses_own_exit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(argparse.ArgumentParser, "exit", lambda *_: pytest.fail("left"))
    refusal_of("a", "--foo")
    assert capsys.readouterr() == ("", "")


def test_a_preset_discards_the_look_that_a_file_below_it_sets(config_folder: Path) -> None:
    path = config_folder / "dreamstream" / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("preset = 'eyes'\nsteps = 7\nmax-loss = 40\nseed = 5\ncrf = 30\n")
    assert (parse().dream.preset, parse().dream.steps) == ("eyes", 7)
    request = parse("--preset", "classic")
    assert request.dream == DreamConfig(preset="classic", seed=5)
    assert request.media.crf == 30


@pytest.mark.parametrize("arguments", [["", "out.mp4"], ["in.mp4", ""]])
def test_an_empty_file_name_is_a_missing_one(arguments: list[str]) -> None:
    assert "PUT" in refusal_of(*arguments)


@pytest.mark.parametrize("rate", ["0", "1/0", "1e9", "-5", "fast", "2000"])
def test_a_rate_that_is_none_is_refused(rate: str) -> None:
    with pytest.raises(UsageError, match="fps"):
        parse("--fps", rate)
