"""Channels and guides as they are typed, and as a file of settings has them."""

from pathlib import Path

import pytest

from dreamstream.cli.arguments import Request, parse_request
from dreamstream.errors import UsageError


@pytest.fixture(autouse=True)
def no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))


def parse(*arguments: str) -> Request:
    return parse_request(["in.mp4", "out.mp4", *arguments])


def test_channels_and_layers_are_read_with_their_coefficients() -> None:
    layers = parse("--layers", "eyes:12=1,eyes:30-35=-.5,patterns,eyes:7").dream.layers
    assert dict(layers) == {"eyes:12": 1, "eyes:30-35": -0.5, "patterns": 1, "eyes:7": 1}


def test_a_file_of_settings_names_channels_in_quotation_marks(tmp_path: Path) -> None:
    path = tmp_path / "look.toml"
    path.write_text('layers = { "eyes:12" = 1, "eyes:30-35" = -0.5, patterns = 0.1 }\n')
    layers = parse("--config", str(path)).dream.layers
    assert dict(layers) == {"eyes:12": 1, "eyes:30-35": -0.5, "patterns": 0.1}


def test_a_guide_in_a_file_of_settings_lies_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "look.toml"
    path.write_text('guide = "flowers.jpg"\nguide-weight = 0.5\n')
    dream = parse("--config", str(path)).dream
    assert (dream.guide, dream.guide_weight) == (tmp_path / "flowers.jpg", 0.5)
    assert parse("--config", str(path), "--guide", "other.png").dream.guide == Path("other.png")
    assert parse("--config", str(path), "--guide", "none").dream.guide is None
    path.write_text(f'guide = "{tmp_path}/elsewhere.png"\n')
    assert parse("--config", str(path)).dream.guide == tmp_path / "elsewhere.png"
    path.write_text('guide = "none"\n')
    assert parse("--config", str(path)).dream.guide is None


@pytest.mark.parametrize(
    "line",
    ["guide = 3", "guide = true", 'guide = ["a.png"]', "guide = { a = 1 }", "guide-weight = 2"],
)
def test_a_wrong_guide_in_a_file_of_settings_is_refused(line: str, tmp_path: Path) -> None:
    path = tmp_path / "look.toml"
    path.write_text(line)
    with pytest.raises(UsageError, match=r"look\.toml failed: .*guide"):
        parse("--config", str(path))


def test_a_preset_on_the_line_keeps_the_files_guide(tmp_path: Path) -> None:
    path = tmp_path / "look.toml"
    path.write_text('guide = "flowers.jpg"\nlayers = { patterns = 1 }\n')
    dream = parse("--config", str(path), "--preset", "eyes").dream
    assert dream.guide == tmp_path / "flowers.jpg"
    assert "patterns" not in dream.layers
