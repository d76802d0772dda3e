"""The examples of channels and guides, each run as a file of settings."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from pictures import fractal_pixels

from dreamstream.cli import main as cli
from dreamstream.cli.settings_files import read_toml
from dreamstream.frames import FloatImage

EXAMPLES = Path(__file__).parents[1] / "examples"
NAMES = ("channels", "guide-daisies", "guide-letters")
QUICK = ("--octaves", "1", "--first-steps", "3", "--dream-size", "128")


def read(path: Path) -> FloatImage:
    return np.asarray(cv2.imread(str(path)), np.float32)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, FloatImage]:
    """A picture, and its dream without an example's channels or guide."""
    folder = tmp_path_factory.mktemp("plain")
    cv2.imwrite(str(folder / "in.png"), fractal_pixels(112, 128))
    command = [str(folder / "in.png"), str(folder / "out.png"), *QUICK]
    assert cli.main(["-q", *command, "--layers", "patterns=1,eyes=1"]) == 0
    return folder / "in.png", read(folder / "out.png")


@pytest.mark.parametrize("name", NAMES)
def test_an_example_runs_and_is_a_dream_of_its_own(
    name: str, plain: tuple[Path, FloatImage], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)  # paths in a file of settings are beside it
    source, unguided = plain
    settings = EXAMPLES / f"{name}.toml"
    assert cli.main(["-q", str(source), "out.png", "--config", str(settings), *QUICK]) == 0
    dream = read(Path("out.png"))
    change = np.abs(dream - read(source)).mean()
    assert change > 0.5
    assert np.abs(dream - unguided).mean() > 0.1 * change


@pytest.mark.parametrize("name", NAMES)
def test_an_example_says_how_it_is_run(name: str) -> None:
    text = (EXAMPLES / f"{name}.toml").read_text()
    assert f"--config examples/{name}.toml" in text
    guide = read_toml(EXAMPLES / f"{name}.toml", own=False).get("guide")
    assert guide is None or guide.is_file()
