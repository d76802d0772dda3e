"""Knobs from the tables, commands and looks from knobs."""

import dataclasses
import shlex
from pathlib import Path
from typing import Any

import pytest

from dreamstream.cli.arguments import parse_request
from dreamstream.cli.settings_files import read_toml
from dreamstream.config import PRESETS, DreamConfig, MediaConfig
from dreamstream.studio import looks, settings
from dreamstream.studio.folder import Folder, FolderError
from dreamstream.studio.settings import SettingsError

SETTINGS = {
    "preset": "eyes",
    "layers": "eyes=1,patterns=0.3",
    "octaves": "3",
    "chroma": "0.5",
    "max_loss": "none",
    "dream_size": "full",
    "no_cuts": "true",
    "start": "1.500",
    "duration": "2.000",
    "drift": "-1,2",
    "loop": "true",
    "compare": "false",
    "schedule": "chroma=0:(0), 1s:(1)\nstrength=0:(-0.5*bass)",
    "bpm": "120",
}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path)
    made.make()
    return made


@pytest.fixture(autouse=True)
def no_own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))


def test_there_is_a_knob_for_every_field_that_fits() -> None:
    knobs = {knob["name"]: knob for knob in settings.tables()["knobs"]}
    for field in dataclasses.fields(DreamConfig):
        shown = field.name not in ("preset", "weights", "precision", "device", "threads")
        assert (field.name in knobs) == shown
    assert {"codec", "crf", "width", "zoom", "loop"} <= set(knobs)
    assert not {"stats", "overwrite", "resume", "show", "start"} & set(knobs)
    chroma = knobs["chroma"]
    assert (chroma["kind"], chroma["least"], chroma["most"]) == ("range", 0, 1)
    assert knobs["octave_rule"]["kind"] == "choice"
    assert knobs["no_cuts"]["kind"] == "switch"


def test_every_preset_is_described_with_all_its_values(folder: Folder) -> None:
    presets = settings.tables()["presets"]
    assert [preset["name"] for preset in presets] == list(PRESETS)
    for preset in presets:
        if preset["missing"] is None:
            values = {name: text for name, text in preset["values"].items() if name != "weights"}
            kept = {name: text for name, text in values.items() if name in values}
            for name in ("precision", "device", "threads"):
                kept.pop(name)
            assert settings.dream_config(kept, folder) == DreamConfig(preset=preset["name"])


def test_the_command_does_what_the_page_does(folder: Folder) -> None:
    line = settings.command_line("my film.mp4", "dreams/out it.mp4", SETTINGS)
    program, *arguments = shlex.split(line)
    request = parse_request(arguments)
    assert program == "dreamstream"
    assert request.inputs == ("my film.mp4",)
    assert request.output == "dreams/out it.mp4"
    assert request.dream == settings.dream_config(SETTINGS, folder)
    assert request.media == settings.media_config(SETTINGS, folder)
    assert request.controls == settings.control_config(SETTINGS, folder)


@pytest.mark.parametrize("name", ["-x.mp4", "camera", "http:x.mp4"])
def test_a_commands_input_is_always_a_file(name: str) -> None:
    arguments = shlex.split(settings.command_line(name, "o.mp4", {}))[1:]
    assert parse_request(arguments).inputs == (f"./{name}",)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("chroma", "2"),
        ("chroma", "x"),
        ("preset", "none-such"),
        ("octave_rule", "other"),
        ("model", "inception_v3"),
        ("weights", "/etc/passwd"),
        ("device", "gpu"),
        ("layers", ""),
        ("mask", "/etc/passwd"),
        ("mask", "none-such.png"),
        ("guide", "../x.png"),
    ],
)
def test_a_wrong_setting_is_told_in_a_line(
    folder: Folder, name: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "cached_weights", lambda _published: None)
    with pytest.raises(SettingsError) as error:
        settings.dream_config({name: text}, folder)
    assert "\n" not in str(error.value)


def test_masks_are_rules_or_files_of_the_folder(folder: Folder) -> None:
    (folder.root / "mask.png").write_bytes(b"x")
    assert settings.dream_config({"mask": "luma:.6-1"}, folder).mask == "luma:.6-1"
    found = settings.dream_config({"mask": "mask.png"}, folder).mask
    assert found == str(folder.root / "mask.png")
    shown = settings.preview_config({"mask": "mask.png", "mask_invert": "true"}, folder)
    assert shown == settings.dream_config({}, folder)


def test_only_known_names_and_texts_are_settings() -> None:
    for given in ({"nonsense": "1"}, {"chroma": 1}, {"filled": "x"}):
        with pytest.raises(SettingsError, match="there is no setting"):
            settings.check_names(given)


def test_a_saved_look_is_opened_again_also_by_the_command(folder: Folder) -> None:
    path = looks.save_look(folder, "My *look*", SETTINGS)
    assert looks.list_looks(folder) == ["My look"]
    opened = looks.open_look(folder, "My look")
    assert settings.dream_config(opened, folder) == settings.dream_config(SETTINGS, folder)
    look = {name: text for name, text in SETTINGS.items() if name not in ("start", "duration")}
    assert settings.media_config(opened, folder) == settings.media_config(look, folder)
    assert settings.control_config(opened, folder) == settings.control_config(look, folder)
    request = parse_request(["a.mp4", "b.mp4", "--config", str(path)])
    assert request.dream == settings.dream_config(SETTINGS, folder)
    assert request.media == MediaConfig(**_media(read_toml(path)))
    looks.delete_look(folder, "My look")
    assert not looks.list_looks(folder)


def _media(values: dict[str, Any]) -> dict[str, Any]:
    names = {field.name for field in dataclasses.fields(MediaConfig)}
    return {name: value for name, value in values.items() if name in names}


def test_a_look_has_a_name_and_names_no_file_elsewhere(folder: Folder) -> None:
    for name in ("", "  ", "../", "/"):
        with pytest.raises(FolderError):
            looks.save_look(folder, name, {})
    assert looks.save_look(folder, "../../up", {}).parent == folder.work / "looks"
    (folder.work / "looks" / "link.toml").symlink_to("/etc/hostname")
    with pytest.raises(FolderError, match="no such file"):
        looks.open_look(folder, "link")


def test_a_look_of_another_may_not_name_files(folder: Folder) -> None:
    (folder.work / "looks" / "bad.toml").write_text('weights = "/etc/passwd"\n')
    with pytest.raises(SettingsError, match="weights"):
        looks.open_look(folder, "bad")
