"""Calls into a process: each is awaited, and fails with a line where the process ends instead."""

import asyncio
import itertools
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from dreamstream.errors import DreamstreamError
from dreamstream.studio.child import Child, soon


class CallError(DreamstreamError):
    """A call failed; its message is a line."""


class Calls:
    """Calls functions in a process that is started at the first call, and again after it has ended.

    Args:
        serve: The process's function; it takes ``(ticket, name, arguments)`` and answers with
            ``(ticket, "done" or "failed" or "progress", value)``.
        what: What messages call it.
    """

    def __init__(self, serve: Callable[[Connection], None], what: str) -> None:
        self._serve, self._what = serve, what
        self._child: Child | None = None
        self._tickets = itertools.count()
        self._waiting: dict[int, tuple[asyncio.Future[Any], Callable[[float], None] | None]] = {}

    async def call(
        self,
        name: str,
        *arguments: Any,
        seconds: float | None = None,
        tell: Callable[[float], None] | None = None,
    ) -> Any:
        """Call a function.

        Args:
            name: Its name.
            arguments: What it takes.
            seconds: After which the process is ended, for a hostile file may keep it for ever.
            tell: Takes the share that is done, as it grows.

        Raises:
            CallError: It failed, or the process has ended.
        """
        loop, ticket = asyncio.get_running_loop(), next(self._tickets)
        answer: asyncio.Future[Any] = loop.create_future()
        self._waiting[ticket] = answer, tell
        self._started(loop).tell((ticket, name, arguments))
        try:
            return await asyncio.wait_for(answer, seconds)
        except TimeoutError as error:
            if self._child is not None:
                self._child.kill()
            raise CallError(f"{name} failed: it took more than {seconds:g} s") from error
        finally:
            self._waiting.pop(ticket, None)

    async def end(self) -> None:
        """End the process."""
        child, self._child = self._child, None
        if child is not None:
            await asyncio.to_thread(child.end)

    def _started(self, loop: asyncio.AbstractEventLoop) -> Child:
        if self._child is None:
            self._child = Child(
                self._serve,
                lambda message: soon(loop, self._heard, message),
                lambda line: soon(loop, self._ended, line),
            )
        return self._child

    def _heard(self, message: tuple[int, str, Any]) -> None:
        ticket, kind, value = message
        answer, tell = self._waiting.get(ticket, (None, None))
        if answer is None or answer.done():
            return
        if kind == "progress":
            if tell is not None:
                tell(value)
        elif kind == "done":
            answer.set_result(value)
        else:
            answer.set_exception(CallError(value))

    def _ended(self, line: str) -> None:
        self._child = None
        for answer, _ in self._waiting.values():
            if not answer.done():
                answer.set_exception(CallError(f"{self._what} stopped: {line}"))
