"""The dream in a window on the screen."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from dreamstream._libraries import cv2
from dreamstream.errors import SinkClosed, SinkError
from dreamstream.frames import Frame, StreamInfo
from dreamstream.sinks.base import Sink, require_size

_PROBE = "import cv2; cv2.namedWindow('probe'); cv2.destroyAllWindows()"
_PROBE_SECONDS = 30
_STILL_MILLISECONDS = 50
_FONT_FOLDER = "QT_QPA_FONTDIR"

_QUIT_KEYS = (ord("q"), ord("Q"), 27)
"""q and Esc end the stream."""


class WindowSink(Sink):
    """Shows each frame as it comes; q, Esc or the close button end the stream.

    Args:
        info: The stream to be shown.
        title: The window's title.

    Raises:
        SinkError: There is no display, or this OpenCV has no windows.
    """

    def __init__(self, info: StreamInfo, title: str = "dreamstream") -> None:
        require_display()
        self._info, self._title = info, title
        self._open = False

    @property
    def keeps_to_its_thread(self) -> bool:
        """It must."""
        return True

    def write(self, frame: Frame) -> None:
        """Show a frame.

        Raises:
            SinkClosed: The viewer has pressed q or Esc, or closed the window.
            ValueError: Its size is not the stream's.
        """
        require_size(frame, self._info)
        if not self._open:
            self._show()
        cv2.imshow(self._title, np.ascontiguousarray(frame.pixels[..., ::-1]))
        key = cv2.waitKey(1) & 0xFF
        if key in _QUIT_KEYS or not self._visible():
            raise SinkClosed(f"the window was closed at frame {frame.index}")

    def close(self) -> None:
        """Take the window from the screen; a still stays until a key is pressed or it is closed."""
        while self._open and self._info.frames == 1 and self._visible():
            if cv2.waitKey(_STILL_MILLISECONDS) >= 0:
                break
        self._take_down()

    def _take_down(self) -> None:
        if self._open:
            self._open = False
            with contextlib.suppress(cv2.error):  # the viewer may have closed it before
                cv2.destroyWindow(self._title)

    def abort(self) -> None:
        """Take the window from the screen at once."""
        self._take_down()

    def _show(self) -> None:
        """Open the window: with the first frame, since a network may take seconds to load."""
        find_fonts()
        cv2.namedWindow(
            self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL
        )
        cv2.resizeWindow(self._title, self._info.width, self._info.height)
        self._open = True

    def _visible(self) -> bool:
        try:
            return cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) >= 1
        except cv2.error:  # it raises once the window is gone
            return False


def find_fonts() -> None:
    """Point Qt at the system's fonts: the wheel names a folder of its own that isn't there."""
    if os.path.isdir(os.environ.get(_FONT_FOLDER, "")):
        return
    for font in Path("/usr/share/fonts").rglob("*.ttf"):
        os.environ[_FONT_FOLDER] = str(font.parent)
        return


def require_display() -> None:
    """Raise unless a window can be opened.

    Without a display OpenCV aborts the whole process, so another process tries it first.

    Raises:
        SinkError: It can't.
    """
    try:
        probe = subprocess.run(
            [sys.executable, "-c", _PROBE], capture_output=True, timeout=_PROBE_SECONDS
        )
        works = probe.returncode == 0
    except subprocess.TimeoutExpired:
        works = False
    if not works:
        raise SinkError(
            "opening a window failed: there is no display, or OpenCV is built without windows; "
            "give an OUTPUT file instead, or set DISPLAY"
        )
