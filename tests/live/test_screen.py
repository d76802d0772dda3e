"""The live view in a real window, on a virtual screen with a window manager."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import clips
import numpy as np
import pytest
from PIL import Image, ImageGrab
from requirements import require_tools
from screens import virtual_screen

from dreamstream.sources import open_source

SIZE = (240, 320)
LONGEST = 120.0
"""Seconds that a loaded machine may take for any one thing."""


@pytest.fixture(scope="module")
def screen() -> Iterator[str]:
    """A display with a window manager."""
    require_tools("openbox", "xdotool")
    with virtual_screen() as display:
        manager = subprocess.Popen(
            ["openbox"], env={**os.environ, "DISPLAY": display}, stderr=subprocess.DEVNULL
        )
        yield display
        manager.terminate()
        manager.wait()


class Viewer:
    """The command, and a hand on its keyboard."""

    def __init__(self, folder: Path, display: str) -> None:
        self._display, self._folder = display, folder
        self._environment = {**os.environ, "DISPLAY": display}
        path = clips.write_clip(folder / "in.mp4", clips.pictures(50, *SIZE), sound=None)
        command = [sys.executable, "-m", "dreamstream", str(path), "out.mp4"]
        options = ["--live", "--loop", "--stats", "run.jsonl"]
        root = str(Path(__file__).parents[2])
        self.process = subprocess.Popen(
            [*command, *options],
            cwd=folder,
            env={**self._environment, "PYTHONPATH": root},
            stderr=subprocess.PIPE,
            text=True,
        )

    def lines(self) -> list[dict[str, object]]:
        path = self._folder / "run.jsonl"
        text = path.read_text() if path.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def press(self, key: str) -> None:
        self._xdotool("search", "--name", "^dreamstream$", "key", "--clearmodifiers", key)

    def close_window(self) -> None:
        """Press what the window manager takes for its close button: it asks the window to go."""
        self._xdotool("search", "--name", "^dreamstream$", "windowactivate", "--sync")
        self._xdotool("key", "alt+F4")

    def grab(self) -> Image.Image:
        return ImageGrab.grab(xdisplay=self._display).convert("RGB")

    def wait_for(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + LONGEST
        while not holds():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < end, "it never came"
            time.sleep(0.1)

    def _xdotool(self, *arguments: str) -> None:
        subprocess.run(
            ["xdotool", *arguments],
            env=self._environment,
            capture_output=True,
            timeout=LONGEST,
            check=False,
        )


@pytest.fixture
def viewer(tmp_path: Path, screen: str) -> Iterator[Viewer]:
    viewer = Viewer(tmp_path, screen)
    yield viewer
    if viewer.process.poll() is None:
        viewer.process.kill()
        viewer.process.wait()


def colours_of(picture: Image.Image) -> set[tuple[int, ...]]:
    return {colour for _, colour in picture.getcolors(1 << 24)}  # type: ignore[misc,union-attr]


def is_dreaming(viewer: Viewer) -> bool:
    return any(float(str(line["residual_rms"])) > 5 for line in viewer.lines())


def test_a_window_shows_the_dream_obeys_keys_and_closes_cleanly(
    viewer: Viewer, tmp_path: Path
) -> None:
    viewer.wait_for(lambda: bool(colours_of(viewer.grab()) - {(0, 0, 0)}))
    viewer.wait_for(lambda: is_dreaming(viewer))
    viewer.press("o")
    time.sleep(0.5)
    before = np.asarray(viewer.grab(), np.float64)
    viewer.press("h")
    time.sleep(1.0)
    assert np.asarray(viewer.grab(), np.float64).mean() < 0.9 * before.mean()
    viewer.press("s")
    viewer.wait_for(lambda: any(tmp_path.glob("dreamstream-*.png")))
    viewer.close_window()
    _, err = viewer.process.communicate(timeout=LONGEST)
    assert viewer.process.returncode == 0
    assert err.startswith("dreamstream: out.mp4: ")
    _check_recording(tmp_path / "out.mp4", viewer.lines())


def _check_recording(path: Path, lines: list[dict[str, object]]) -> None:
    """The recording's times are those at which its frames were captured."""
    with open_source(path) as source:
        times = [frame.time for frame in source]
    captured = {round(Fraction(str(line["time"])), 3) for line in lines}
    assert len(times) > 10
    assert {round(time, 3) for time in times} <= captured
