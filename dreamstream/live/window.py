"""The window of the live view, and what stands in for it where none is wanted."""

import contextlib
from typing import Protocol

from dreamstream._libraries import cv2
from dreamstream.frames import Pixels
from dreamstream.sinks.window import find_fonts, require_display

LONGEST_SIDE = 960
"""Longest side, in pixels, of a window that opens: one that fits on any screen."""

_MILLISECONDS = 1
"""What OpenCV waits for a key."""


class Window(Protocol):
    """Shows pictures and tells what is typed; used by the main thread alone."""

    @property
    def is_open(self) -> bool:
        """Whether the viewer has left it open."""
        ...

    def show(self, pixels: Pixels) -> None:
        """Show a (H, W, 3) uint8 RGB picture."""
        ...

    def key(self) -> str | None:
        """Return the character typed since the last call, if any."""
        ...

    def toggle_full_screen(self) -> None:
        """Fill the screen, or no longer."""
        ...

    def close(self) -> None:
        """Take it from the screen."""
        ...


class ScreenWindow:
    """A window on the screen.

    Args:
        height: Of the pictures.
        width: Of the pictures.
        title: The window's.

    Raises:
        SinkError: There is no display, or this OpenCV has no windows.
    """

    def __init__(self, height: int, width: int, title: str = "dreamstream") -> None:
        require_display()
        find_fonts()
        self._title, self._full = title, False
        cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        shrink = min(1.0, LONGEST_SIDE / max(width, height))
        cv2.resizeWindow(title, round(shrink * width), round(shrink * height))

    @property
    def is_open(self) -> bool:
        """See :class:`Window`."""
        try:
            return cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) >= 1
        except cv2.error:  # it raises once the window is gone
            return False

    def show(self, pixels: Pixels) -> None:
        """See :class:`Window`."""
        cv2.imshow(self._title, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))

    def key(self) -> str | None:
        """See :class:`Window`; this also lets the window draw itself."""
        code = cv2.waitKey(_MILLISECONDS)
        return None if code < 0 else chr(code & 0xFF)

    def toggle_full_screen(self) -> None:
        """See :class:`Window`."""
        self._full = not self._full
        state = cv2.WINDOW_FULLSCREEN if self._full else cv2.WINDOW_NORMAL
        cv2.setWindowProperty(self._title, cv2.WND_PROP_FULLSCREEN, state)

    def close(self) -> None:
        """See :class:`Window`."""
        with contextlib.suppress(cv2.error):  # the viewer may have closed it before
            cv2.destroyWindow(self._title)
        cv2.waitKey(_MILLISECONDS)


class NoWindow:
    """Shows nothing."""

    @property
    def is_open(self) -> bool:
        """See :class:`Window`."""
        return True

    def show(self, pixels: Pixels) -> None:
        """See :class:`Window`."""

    def key(self) -> str | None:
        """See :class:`Window`."""
        return None

    def toggle_full_screen(self) -> None:
        """See :class:`Window`."""

    def close(self) -> None:
        """See :class:`Window`."""
