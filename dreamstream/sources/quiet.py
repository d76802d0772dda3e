"""OpenCV kept from writing to the terminal: our one line says it all."""

from collections.abc import Iterator
from contextlib import contextmanager

from dreamstream._libraries import cv2


@contextmanager
def quiet_opencv() -> Iterator[None]:
    """Silence OpenCV's own messages of what fails inside."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
