"""An encoder is a guest: it doesn't make the threads of the process more urgent than others."""

import contextlib
import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from dreamstream.config import MediaConfig
from dreamstream.frames import Frame, StreamInfo
from dreamstream.sinks import open_sink


def test_an_encoder_leaves_threads_their_ordinary_scheduling(tmp_path: Path) -> None:
    """For root, SVT-AV1 makes its threads and its caller's real-time, and all else waits."""
    tasks = Path("/proc/self/task")
    if not tasks.is_dir() or not hasattr(os, "sched_getscheduler"):
        pytest.skip("no Linux, whose threads' scheduling could be read")
    info = StreamInfo(96, 128, Fraction(25), Fraction(1, 12800))
    black = np.zeros((96, 128, 3), np.uint8)
    kinds = set()
    with open_sink(tmp_path / "out.mp4", info, MediaConfig(codec="av1")) as sink:
        for number in range(3):
            sink.write(Frame(black, Fraction(number, 25), number))
        for task in tasks.iterdir():
            with contextlib.suppress(OSError):  # it has ended
                kinds.add(os.sched_getscheduler(int(task.name)))
    assert kinds == {os.SCHED_OTHER}
