"""The one place where OpenCV and PyAV are imported, in the order that works.

``import av`` before ``import cv2`` makes cv2's windows hang under X (opencv/opencv#29195), and
import sorters prefer exactly that order.  So everyone says ``from dreamstream._libraries import av,
cv2``.
"""

import os

# isort: off
from dreamstream.errors import MissingLibraryError

try:
    import cv2
    import av
except ModuleNotFoundError as error:
    raise MissingLibraryError(
        f"loading OpenCV and PyAV failed ({error}): install them with "
        "'pip install av opencv-python'"
    ) from error
except ImportError as error:
    raise MissingLibraryError(
        f"loading OpenCV and PyAV failed ({error}): install the system's libraries, on Debian and "
        "Ubuntu with 'apt-get install libgl1 libglib2.0-0 libsm6 libxcb1'"
    ) from error
# isort: on

__all__ = ["av", "cv2", "file_url"]


def file_url(path: str | os.PathLike[str]) -> str:
    """Return a file's path so that FFmpeg takes it for one: a colon in it names no protocol."""
    text = os.fspath(path)
    return text if os.path.isabs(text) else os.path.join(os.curdir, text)
