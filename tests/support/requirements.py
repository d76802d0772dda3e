"""What a test needs of its machine: without it the test skips, or fails where it is required.

``DREAMSTREAM_REQUIRE`` names what must be there: screen, browser, clips, weights; with commas.
"""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

REQUIRED = frozenset(filter(None, os.environ.get("DREAMSTREAM_REQUIRE", "").split(",")))
CHROMIUM = "/usr/bin/chromium"


def missing(kind: str, reason: str) -> NoReturn:
    """Skip the test, or fail it where that kind of thing is required."""
    if kind in REQUIRED:
        pytest.fail(f"{reason}, and DREAMSTREAM_REQUIRE wants a {kind}", pytrace=False)
    pytest.skip(reason)


def require_tools(*tools: str) -> None:
    """Ask for programs that a screen needs."""
    for tool in tools:
        if not shutil.which(tool):
            missing("screen", f"{tool} is not installed (Debian's package {tool.lower()})")


def require_browser() -> str:
    """Return the path of Debian's Chromium."""
    if not Path(CHROMIUM).exists():
        missing("browser", f"{CHROMIUM} is not there (Debian's package chromium)")
    return CHROMIUM


def require_folder(kind: str, variable: str, what: str) -> Path:
    """Return the path that an environment variable names."""
    path = os.environ.get(variable)
    if not path:
        missing(kind, f"{variable} names no {what}")
    return Path(path)
