"""The process with the networks: previews, renderings and cameras (TensorFlow).

It is told tuples that begin with a word, and tells such: what begins with "preview" answers a
client, with "job" is of a rendering, with "camera" of a camera.
"""

import contextlib
import os
import threading
from multiprocessing.connection import Connection
from typing import Any

from dreamstream.studio.cameras import Cameras
from dreamstream.studio.previews import Previews
from dreamstream.studio.renders import Gate, Renders


def serve(connection: Connection) -> None:
    """Do what is asked until None comes or the server is gone."""
    sending = threading.Lock()

    def send(*message: Any) -> None:
        with contextlib.suppress(OSError), sending:
            connection.send(message)

    gate = Gate()
    previews, renders, cameras = Previews(send, gate), Renders(send, gate), Cameras(send)
    parts = {"preview": previews, "job": renders, "camera": cameras}
    with contextlib.suppress(EOFError):
        while (message := connection.recv()) is not None:
            kind, act, *arguments = message
            getattr(parts[kind], act)(*arguments)
    renders.end()
    cameras.end()
    os._exit(0)  # TensorFlow can't be left half-way through a step
