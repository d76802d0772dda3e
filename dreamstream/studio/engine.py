"""The engine as the server sees it: it is told what to do; one that ended starts with the next."""

import asyncio
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from dreamstream.config import DreamConfig
from dreamstream.rendering.job import Job
from dreamstream.studio.child import Child, soon

MOST_MADE = 24
"""Networks traced after which the engine is started anew when it has nothing to do: TensorFlow
keeps some 50 MB of each."""


def serve(connection: Connection) -> None:
    """Be the engine's process, which alone loads TensorFlow."""
    from dreamstream.live.loading import yield_to_the_picture
    from dreamstream.models.tensorflow_setup import load_tensorflow

    yield_to_the_picture()  # so do TensorFlow's threads: the page and its pictures go first
    load_tensorflow(quiet=True)
    from dreamstream.studio import engine_process

    engine_process.serve(connection)


class Engine:
    """Tells the engine's process what to do.

    Args:
        heard: Called in the event loop with each message: a word, whose it is, and the rest.
        ended: Called in the event loop with a line when the process has ended unasked.
        renewed: Called when it was started anew: a preview that was being dreamed is lost.
        serve: The process's function.
    """

    def __init__(
        self,
        heard: Callable[..., None],
        ended: Callable[[str], None],
        renewed: Callable[[], None],
        serve: Callable[[Connection], None] = serve,
    ) -> None:
        self._heard, self._ended, self._serve = heard, ended, serve
        self._renewed = renewed
        self._child: Child | None = None
        self._made: dict[str, int] = {}
        self._cameras: set[int] = set()
        self._ending: set[asyncio.Future[None]] = set()

    @property
    def pid(self) -> int | None:
        """The process's number; None while there is none."""
        return None if self._child is None else self._child.pid

    def start(self) -> None:
        """Start the process, where there is none."""
        self._tell()

    def preview(self, kind: str, wanted: Any) -> None:
        """Ask for a "look", a "sheet" or a "film"."""
        self._tell("preview", kind, wanted)

    def forget_previews(self, client: int) -> None:
        """Drop the previews that a client has asked for; its camera stays."""
        if self._child is not None:
            self._tell("preview", "forget", client)

    def forget(self, client: int) -> None:
        """Drop what a client that has gone had asked for."""
        self._cameras.discard(client)
        self.forget_previews(client)
        if self._child is not None:
            self._tell("camera", "close", client)

    def render(self, number: int, job: Job) -> None:
        """Render a job."""
        self.renew()
        self._tell("job", "render", number, job)

    def cancel(self, number: int) -> None:
        """Cancel it."""
        self._tell("job", "cancel", number)

    def pause(self, paused: bool) -> None:
        """Hold renderings up, or let them go on."""
        self._tell("job", "pause", paused)

    def open_camera(self, client: int, config: DreamConfig, height: int, width: int) -> None:
        """Begin to dream a page's camera."""
        self._cameras.add(client)
        self._tell("camera", "open", client, config, height, width)

    def camera_frame(self, client: int, stamp: float, data: bytes) -> None:
        """Hand on a camera's picture."""
        self._tell("camera", "frame", client, stamp, data)

    def change_camera(self, client: int, config: DreamConfig) -> None:
        """Dream a camera otherwise."""
        self._tell("camera", "change", client, config)

    def record_camera(self, client: int, path: Path | None) -> None:
        """Begin or end a recording."""
        self._tell("camera", "record", client, path)

    def save_camera(self, client: int, path: Path) -> None:
        """Save a camera's next picture."""
        self._tell("camera", "snapshot", client, path)

    def close_camera(self, client: int) -> None:
        """End a page's camera."""
        self._cameras.discard(client)
        self._tell("camera", "close", client)

    def renew(self) -> None:
        """Start it anew where it has grown; call this where it renders nothing."""
        if self._child is None or self._cameras or sum(self._made.values()) < MOST_MADE:
            return
        ending = asyncio.get_running_loop().run_in_executor(None, self._child.end)
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
        self._child = None
        self._made.clear()
        self.start()
        self._renewed()

    async def end(self) -> None:
        """End it; what is being rendered is kept."""
        child, self._child = self._child, None
        self._made.clear()
        if child is not None:
            await asyncio.to_thread(child.end)
        await asyncio.gather(*self._ending)

    def _tell(self, *message: Any) -> None:
        if self._child is None:
            loop = asyncio.get_running_loop()
            self._child = Child(
                self._serve,
                lambda heard: soon(loop, self._hear, *heard),
                lambda line: soon(loop, self._end, line),
            )
        if message:
            self._child.tell(message)

    def _hear(self, kind: str, *rest: Any) -> None:
        if kind == "made":
            self._made[rest[0]] = rest[1]
        else:
            self._heard(kind, *rest)

    def _end(self, line: str) -> None:
        self._child = None
        self._made.clear()
        self._cameras.clear()
        self._ended(f"the engine stopped: {line}; it starts again with the next task")
