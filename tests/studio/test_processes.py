"""Processes that answer, fail, hang and die."""

import asyncio
import os
import time
from multiprocessing.connection import Connection
from typing import Any

import pytest

from dreamstream.studio.calls import CallError, Calls


def serve(connection: Connection) -> None:
    """Answer, fail, hang or die, as asked."""
    while (request := connection.recv()) is not None:
        ticket, name, arguments = request
        if name == "die":
            os._exit(3)
        if name == "hang":
            time.sleep(600)
        if name == "fail":
            connection.send((ticket, "failed", "a line"))
        else:
            connection.send((ticket, "progress", 0.5))
            connection.send((ticket, "done", (os.getpid(), *arguments)))


def test_a_process_that_ends_fails_its_calls_and_starts_again() -> None:
    async def all_of_it() -> None:
        calls = Calls(serve, "the process")
        shares: list[float] = []
        first: tuple[Any, ...] = await calls.call("add", 1, tell=shares.append)
        assert first[1:] == (1,)
        assert shares == [0.5]
        with pytest.raises(CallError, match="a line"):
            await calls.call("fail")
        with pytest.raises(CallError, match="the process stopped: it ended with code 3"):
            await calls.call("die")
        second = await calls.call("add", 2)
        assert second[0] != first[0]
        with pytest.raises(CallError, match="took more than"):
            await calls.call("hang", seconds=0.2)
        await asyncio.sleep(0.5)
        assert (await calls.call("add", 3))[1:] == (3,)
        await calls.end()

    asyncio.run(all_of_it())
