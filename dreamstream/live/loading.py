"""Networks loaded while a picture is shown, which they must not hold up."""

import os
import sys
import threading
from typing import TYPE_CHECKING

from dreamstream.config import DreamConfig
from dreamstream.models.tensorflow_setup import load_tensorflow

if TYPE_CHECKING:
    from dreamstream.live.model import LiveModel

_NICENESS = 3
"""Enough that a step of the network gives way to a frame, and little beside other programs."""


def load_model(config: DreamConfig, *, quiet: bool = True) -> "LiveModel":
    """Load TensorFlow, where that has not been done, and a network.

    The thread that calls this gives way to others from here on, and so do those of TensorFlow's
    that it starts.

    Args:
        config: How to dream.
        quiet: Keep TensorFlow's notes from the terminal.

    Raises:
        ModelError: There is no such model or layer, or its weights can't be had.
    """
    load_tensorflow(quiet=quiet)
    yield_to_the_picture()
    from dreamstream.live.model import LiveModel

    return LiveModel(config)


def yield_to_the_picture() -> None:
    """Make this thread give way to the others.

    On Linux alone a thread has a niceness of its own, which the threads that it starts inherit.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        nice = max(_NICENESS, os.getpriority(os.PRIO_PROCESS, thread))  # it may not take less
        os.setpriority(os.PRIO_PROCESS, thread, nice)
