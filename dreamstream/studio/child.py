"""A process of the studio's own: it is told things, tells things, and may end at any time."""

import asyncio
import contextlib
import multiprocessing
import queue
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

_PATIENCE = 5.0
"""Seconds that a process gets to end by itself."""

_SPAWN = multiprocessing.get_context("spawn")
"""Forked children would share the server's sockets and threads."""


class Child:
    """Runs a function in a process of its own, and exchanges messages with it.

    Args:
        serve: Takes the process's end of the connection; a function of a module.
        heard: Called in a thread for each message of the process.
        ended: Called in that thread when it has ended unasked, with a line that says how.
    """

    def __init__(
        self,
        serve: Callable[[Connection], None],
        heard: Callable[[Any], None],
        ended: Callable[[str], None],
    ) -> None:
        self._heard, self._ended = heard, ended
        ours, theirs = _SPAWN.Pipe()
        self._connection = ours
        self._unsent: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._process = _SPAWN.Process(target=_run, args=(serve, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self._asked_to_end = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        threading.Thread(target=self._write, daemon=True).start()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid or 0

    def tell(self, message: Any) -> None:
        """Send a message, without waiting for it; a process that has ended takes none."""
        self._unsent.put(message)

    def kill(self) -> None:
        """End it at once; ``ended`` is called."""
        self._process.kill()

    def end(self) -> None:
        """Ask it to end, and see to it; ``ended`` is not called."""
        self._asked_to_end = True
        self.tell(None)
        self._process.join(_PATIENCE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(_PATIENCE)
        self._reader.join(_PATIENCE)

    def _write(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while True:
                message = self._unsent.get()
                self._connection.send(message)
                if message is None:
                    return

    def _read(self) -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                self._heard(self._connection.recv())
        self._process.join()
        self._connection.close()
        self._unsent.put(None)  # the writer ends
        if not self._asked_to_end:
            self._ended(_describe(self._process.exitcode))


def soon(loop: asyncio.AbstractEventLoop, act: Callable[..., None], *arguments: Any) -> None:
    """Call a function in an event loop, from another thread; one that is closed calls nothing."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(act, *arguments)


def _run(serve: Callable[[Connection], None], connection: Connection) -> None:
    """Serve, and leave Ctrl-C, which the terminal sends to every process, to the server."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(EOFError, BrokenPipeError):
        serve(connection)


def _describe(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return f"it ended by {signal.Signals(-code).name}"
    return f"it ended with code {code}"
