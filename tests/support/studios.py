"""A studio that runs, and a browser to visit it with."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from requirements import missing, require_browser

LONGEST = 300.0
"""Seconds that a loaded machine may take for any one thing."""


class RunningStudio:
    """``dreamstream studio`` in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        root = str(Path(__file__).parents[2])
        command = [sys.executable, "-m", "dreamstream", "studio", str(folder), "--no-browser"]
        self.process = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": root},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/", line)
        assert found, f"{line}{self.process.communicate()}"
        self.address = found[0]

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it, and wait for it."""
        self.process.send_signal(number)
        self.process.wait(LONGEST)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()

    def engine(self) -> int:
        """Return the process number of its engine: of its children the one with TensorFlow."""
        children = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        numbers = [int(each) for path in children for each in path.read_text().split()]
        return max(numbers, key=_mapped)


def _mapped(number: int) -> int:
    return int(Path(f"/proc/{number}/statm").read_text().split()[0])


@contextmanager
def open_browser() -> Iterator[Any]:
    """Start Chromium with a camera that is made up; skip the test where there is none."""
    path = require_browser()
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        missing("browser", "playwright is not installed (the extra dev)")
    arguments = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    arguments += ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


def wait_for(holds: Callable[[], Any], what: str, seconds: float = LONGEST) -> Any:
    """Wait until something holds, and return it; fail where it never does."""
    end = time.monotonic() + seconds
    while not (value := holds()):
        assert time.monotonic() < end, f"{what} never came"
        time.sleep(0.05)
    return value
