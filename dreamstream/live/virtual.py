"""A virtual camera that other programs can open, through pyvirtualcam (GPL-2, an extra)."""

from fractions import Fraction
from typing import Any

import numpy as np

from dreamstream.errors import MissingLibraryError, SinkError
from dreamstream.frames import Frame, StreamInfo
from dreamstream.live.capture import MOST_RATE
from dreamstream.sinks.base import Sink, require_size


class VirtualCameraSink(Sink):
    """Sends each frame to a virtual camera.

    Args:
        info: The stream to be sent.

    Attributes:
        device: The camera that other programs see.

    Raises:
        MissingLibraryError: pyvirtualcam is not installed.
        SinkError: The system has no virtual camera.
    """

    def __init__(self, info: StreamInfo) -> None:
        self._info = info
        self._camera = _open(info.width, info.height, info.rate or MOST_RATE)
        self.device = str(self._camera.device)

    def write(self, frame: Frame) -> None:
        """Send a frame.

        Raises:
            SinkError: The virtual camera is gone.
            ValueError: Its size is not the stream's.
        """
        require_size(frame, self._info)
        try:
            self._camera.send(np.ascontiguousarray(frame.pixels))
        except (RuntimeError, OSError) as error:
            raise SinkError(
                f"sending to the virtual camera {self.device} failed ({error}); restart"
            ) from error

    def close(self) -> None:
        """Release the virtual camera."""
        self._camera.close()

    def abort(self) -> None:
        """Release the virtual camera."""
        self._camera.close()


def _open(width: int, height: int, rate: Fraction) -> Any:
    try:
        import pyvirtualcam
    except ImportError as error:
        raise MissingLibraryError(
            "opening a virtual camera failed: pyvirtualcam is not installed; install it with "
            "pip install '.[virtualcam]' in dreamstream's source folder (it is GPL-2)"
        ) from error
    try:
        return pyvirtualcam.Camera(width, height, float(rate), fmt=pyvirtualcam.PixelFormat.RGB)
    except (RuntimeError, OSError) as error:
        reason = " ".join(str(error).split())
        raise SinkError(
            f"opening a virtual camera failed ({reason}); on Linux load v4l2loopback, elsewhere "
            "install OBS"
        ) from error
