"""The settings files in ``examples`` that schedule something, each run."""

import re
from pathlib import Path

import clips
import cv2
import numpy as np
import pytest
from music import clicks, write_music_clip
from pictures import fractal_pixels

from dreamstream.cli import main as cli
from dreamstream.sources import open_source

EXAMPLES = Path(__file__).parents[2] / "examples"
OF_PICTURES = ("breathing-tunnel", "deforum")
OF_FILMS = ("music", "layers-over-time")
QUICK = ["--octaves", "1", "--first-steps", "2", "--dream-size", "96", "-q", "--fps", "5"]


def test_the_example_in_python_runs_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    clips.write_clip(Path("in.mp4"), clips.pictures(12, 90, 160))
    text = EXAMPLES.parent.joinpath("docs", "schedules.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    exec(compile(code, "docs/schedules.md", "exec"), {"__name__": "example"})
    with open_source("out.mp4") as made:
        assert sum(1 for _ in made) == 12


@pytest.mark.parametrize("name", [*OF_PICTURES, *OF_FILMS])
def test_an_example_runs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)
    frames = [fractal_pixels(64, 96)] * 26
    source = "photo.png"
    if name in OF_FILMS:
        source = "in.mov"
        sound = clicks(np.arange(0.1, 1, 0.25), 1.04)
        write_music_clip(Path(source), frames, clips.regular(26), sound, clips.RATE)
    else:
        cv2.imwrite(source, frames[0])
    arguments = [source, "out.mkv", "--config", str(EXAMPLES / f"{name}.toml"), *QUICK]
    assert cli.main([*arguments, "--duration", "1", "--plot-schedule", "plan.png"]) == 0
    assert "leaves its range" not in capfd.readouterr().err
    with open_source("out.mkv") as made:
        pictures = [frame.pixels for frame in made]
    assert len(pictures) >= 5
    assert any(np.abs(pictures[0].astype(int) - each).mean() > 0.5 for each in pictures)
    assert Path("plan.png").stat().st_size > 1000
