"""The settings files of examples/: each is read, and makes what it says."""

from pathlib import Path

import clips
import pytest

from dreamstream.cli.main import main
from dreamstream.sources import open_source

EXAMPLES = Path(__file__).parents[2] / "examples"
OUTPUTS = {
    "moving": "out.mp4",
    "green-screen": "out.mp4",
    "overlay": "out.mov",
    "loop": "out.gif",
}
FRAMES = 30
SHORT = ["-q", "--layers", "textures", "--octaves", "1", "--first-steps", "1", "--steps", "1"]


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_example_makes_what_it_says(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)
    clips.write_clip(Path("in.mp4"), clips.pictures(FRAMES), sound=None)
    config = str(EXAMPLES / f"{name}.toml")
    assert main(["in.mp4", OUTPUTS[name], "--config", config, *SHORT]) == 0
    with open_source(OUTPUTS[name]) as source:
        count = sum(1 for _ in source)
    assert 15 <= count <= FRAMES
