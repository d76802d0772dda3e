"""A screen of the tests' own."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from requirements import missing, require_tools


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
        missing("screen", "Xvfb does not start")
    try:
        yield f":{number}"
    finally:
        server.terminate()
        server.wait()
