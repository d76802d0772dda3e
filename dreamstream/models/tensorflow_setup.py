"""Load TensorFlow: quickly, and without its start-up notes."""

import gc
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def load_tensorflow(*, quiet: bool) -> None:
    """Import TensorFlow and find its devices.

    Args:
        quiet: Keep its start-up notes from the terminal.  It writes some of them to the file
            descriptor before it reads its own log level, so the descriptor is turned away.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever else the user's Keras is set to
    if not quiet:
        with _keras_held_off(), _no_garbage_collected():
            import tensorflow as tf

        tf.__path__ = list(filter(None, tf.__path__))  # it looked for Keras, and noted its absence
        tf.config.list_physical_devices()
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _stderr_turned_away():
        load_tensorflow(quiet=False)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


@contextmanager
def _keras_held_off() -> Iterator[None]:
    """Let TensorFlow load without Keras, a quarter of its time, which not every network needs.

    It loads Keras for programs that read saved models, and does without where it finds none.
    """
    if "keras" in sys.modules:
        yield
        return
    sys.modules["keras"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["keras"]


@contextmanager
def _no_garbage_collected() -> Iterator[None]:
    """Collect no garbage meanwhile: an import makes millions of objects and hardly any garbage."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def _stderr_turned_away() -> Iterator[None]:
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
