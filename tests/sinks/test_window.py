"""The window, on a virtual screen of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from requirements import require_tools
from screens import virtual_screen

SHOW = """
import sys, time
from fractions import Fraction
import numpy as np
from dreamstream.errors import SinkClosed
from dreamstream.frames import Frame, StreamInfo
from dreamstream.sinks import WindowSink

info = StreamInfo(120, 160)
red = np.full((120, 160, 3), (200, 30, 40), np.uint8)
with WindowSink(info) as sink:
    try:
        for index in range(int(sys.argv[1])):
            sink.write(Frame(red, Fraction(index, 25), index))
            time.sleep(0.02)
            if index == 3:
                print("shown", flush=True)
    except SinkClosed:
        print("closed")
"""


@pytest.fixture(scope="module")
def screen() -> Iterator[dict[str, str]]:
    """An environment with a display."""
    with virtual_screen() as display:
        yield {**os.environ, "DISPLAY": display}


def _start(screen: dict[str, str], frames: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", SHOW, str(frames)],
        env=screen,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_frames_are_shown_and_the_window_goes_at_the_end_without_a_word(
    screen: dict[str, str],
) -> None:
    process = _start(screen, 6)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (0, "shown\n")
    assert err == ""


def test_q_in_the_window_ends_the_stream(screen: dict[str, str]) -> None:
    require_tools("xdotool")
    process = _start(screen, 3000)
    assert process.stdout is not None
    assert process.stdout.readline() == "shown\n"
    press = ["xdotool", "search", "--name", "dreamstream", "key", "q"]
    for _ in range(20):
        subprocess.run(press, env=screen, capture_output=True, timeout=60, check=False)
        if process.poll() is not None:
            break
        time.sleep(0.2)
    out, _ = process.communicate(timeout=60)
    assert out == "closed\n"
    assert process.returncode == 0
