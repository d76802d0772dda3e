"""A screen of the tests' own."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


def require_tools(*tools: str) -> None:
    """Skip the test where a program is missing."""
    for tool in tools:
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed (Debian's package {tool.lower()})")


@contextmanager
def virtual_screen() -> Iterator[str]:
    """Start Xvfb, and return its display; skip the test where it does not start."""
    require_tools("Xvfb")
    reader, writer = os.pipe()
    arguments = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "640x480x24"]
    server = subprocess.Popen(arguments, pass_fds=[writer], stderr=subprocess.DEVNULL)
    os.close(writer)
    with os.fdopen(reader) as numbers:
        number = numbers.readline().strip()
    if not number:
        pytest.skip("Xvfb does not start")
    try:
        yield f":{number}"
    finally:
        server.terminate()
        server.wait()
