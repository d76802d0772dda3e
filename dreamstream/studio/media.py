"""What the server asks the media process: what is in a file, its frames, copies, GIFs."""

import asyncio
import hashlib
import os
from collections import OrderedDict
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from dreamstream.studio.calls import Calls
from dreamstream.studio.folder import Folder, free_path

_LONGEST_LOOK = 120.0
"""Seconds after which a file that can't be read is given up, on a loaded machine too."""

_FRAMES_KEPT = 256
_MOST_GIF_SECONDS = 30.0

Tell = Callable[[float], None]


def serve(connection: Connection) -> None:
    """Be the media process."""
    from dreamstream.studio import media_process

    media_process.serve(connection)


class Media:
    """Asks the media process, and remembers its answers.

    Args:
        folder: Where all lies.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._calls = Calls(serve, "the media process")
        self._slow = Calls(serve, "the media process")  # looks never wait for a copy
        self._known: dict[str, dict[str, Any]] = {}
        self._frames: OrderedDict[tuple[str, float, int], bytes] = OrderedDict()
        self._copying: dict[Path, asyncio.Task[Any]] = {}

    async def probe(self, path: Path) -> dict[str, Any]:
        """Tell what a file holds; see :func:`dreamstream.studio.media_process.probe`.

        Raises:
            CallError: It holds nothing that can be shown.
        """
        key = _identity(path)
        if key not in self._known:
            self._known[key] = await self._calls.call("probe", path, seconds=_LONGEST_LOOK)
        return self._known[key]

    async def frame(self, path: Path, seconds: float, width: int) -> bytes:
        """Return a frame as a JPEG of at most so many pixels in a row; 0 is all.

        Raises:
            CallError: It can't be read.
        """
        await self.probe(path)
        key = _identity(path), round(seconds, 3), width
        if key not in self._frames:
            call = self._calls.call("frame", path, seconds, width, seconds=_LONGEST_LOOK)
            self._frames[key] = await call
            while len(self._frames) > _FRAMES_KEPT:
                self._frames.popitem(last=False)
        return self._frames[key]

    async def playable(self, path: Path, tell: Tell) -> Path:
        """Return a file that browsers play: the file itself, or a copy, which is made once.

        Raises:
            CallError: It can't be copied.
        """
        found = await self.probe(path)
        if found["plays"]:
            return path
        suffix = ".jpg" if found["kind"] == "photo" else ".mp4"
        name = hashlib.sha256(_identity(path).encode()).hexdigest()[:24]
        copy = self._folder.work / "cache" / f"{name}{suffix}"
        if not copy.is_file():
            if copy not in self._copying:
                self._copying[copy] = asyncio.create_task(self._copy(path, copy, tell))
            await asyncio.shield(self._copying[copy])
        return copy

    async def _copy(self, path: Path, copy: Path, tell: Tell) -> None:
        try:
            self.cache()
            await self._slow.call("copy", path, copy, tell=tell)
        finally:
            self._copying.pop(copy, None)

    def cache(self) -> Path:
        """Make the folder of what can be made again, and return it."""
        folder = self._folder.work / "cache"
        folder.mkdir(exist_ok=True)
        return folder

    async def gif(self, path: Path, start: float, seconds: float, width: int, tell: Tell) -> Path:
        """Make a GIF of a part of a film, and return its path.

        Raises:
            CallError: It can't be read or written.
        """
        await self.probe(path)
        target = free_path(self._folder.work / "dreams" / f"{path.stem[:100]}.gif")
        length = min(max(seconds, 0.1), _MOST_GIF_SECONDS)
        await self._slow.call("gif", path, target, max(0.0, start), length, width, tell=tell)
        return target

    async def end(self) -> None:
        """End the processes."""
        await self._calls.end()
        await self._slow.end()


def _identity(path: Path) -> str:
    """Tell a file from what another of its name was before."""
    status = os.stat(path)
    return f"{path}\n{status.st_ino} {status.st_size} {status.st_mtime_ns}"
