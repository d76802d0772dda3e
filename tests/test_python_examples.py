"""The examples of docs/python.md, each run as it stands."""

import re
import subprocess
import sys
from pathlib import Path

import av
import clips
import cv2
import pytest
from pictures import fractal_pixels

TEXT = Path(__file__).parents[1].joinpath("docs", "python.md").read_text()
EXAMPLES = re.findall(r"^## (.+?)$.*?^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
MADE = {
    "Render a film": ("out.mp4", 5),
    "Cancel it": ("long.part.mp4", 4),
    "Dream arrays": (None, 0),
    "Change it on the way": ("fading.mp4", 8),
    "A source and a sink of your own": ("discs.gif", 5),
}
"""What each example leaves behind, and its frames at the least."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the examples want it."""
    folder = tmp_path_factory.mktemp("examples")
    clips.write_clip(folder / "in.mp4", clips.pictures(12, 90, 160))
    cv2.imwrite(str(folder / "photo.jpg"), fractal_pixels(90, 160))
    return folder


def test_every_example_is_known_here() -> None:
    assert [title for title, _ in EXAMPLES] == list(MADE)


@pytest.mark.parametrize(("title", "code"), EXAMPLES, ids=[title for title, _ in EXAMPLES])
def test_an_example_runs_as_it_stands(
    title: str, code: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    exec(compile(code, title, "exec"), {"__name__": "example"})
    made, frames = MADE[title]
    if made is not None:
        with av.open(str(folder / made)) as container:
            assert sum(1 for _ in container.decode(video=0)) >= frames


def test_from_python_nothing_is_printed_that_was_not_asked_for(tmp_path: Path) -> None:
    code = (
        "import numpy as np; from dreamstream import DreamConfig, Dreamer; "
        "dreamer = Dreamer(DreamConfig(first_steps=1, dream_size=160)); "
        "dreamer.dream(np.zeros((90, 160, 3), np.uint8))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
