"""The engine as the server sees it, with a process that only notes what it is told."""

import asyncio
import os
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from dreamstream.rendering.job import Job
from dreamstream.studio.engine import MOST_MADE, Engine

JOB = Job(source="a.mp4", output="b.mp4")


def serve(connection: Connection) -> None:
    """Say what was told, and die where a job is cancelled."""
    while (message := connection.recv()) is not None:
        connection.send(("told", os.getpid(), message))
        if message[:2] == ("preview", "look"):
            connection.send(("made", "previews", message[2]))
        if message[:2] == ("job", "cancel"):
            os._exit(9)


class Desk:
    def __init__(self) -> None:
        self.told: list[tuple[int, Any]] = []
        self.lines: list[str] = []
        self.renewed = 0
        self.engine = Engine(self._heard, self.lines.append, self._count, serve)

    def _heard(self, _kind: str, pid: int, message: Any) -> None:
        self.told.append((pid, message))

    def _count(self) -> None:
        self.renewed += 1


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.01)


def test_one_that_has_grown_is_started_anew_before_a_job() -> None:
    async def act() -> None:
        desk = Desk()
        desk.engine.preview("look", MOST_MADE - 1)
        desk.engine.render(1, JOB)
        await until(lambda: len(desk.told) == 2)
        desk.engine.preview("look", MOST_MADE)
        await until(lambda: len(desk.told) == 3)
        desk.engine.render(2, JOB)
        await until(lambda: len(desk.told) == 4)
        pids = [pid for pid, _ in desk.told]
        assert pids[0] == pids[1] == pids[2] != pids[3]
        assert (desk.renewed, desk.lines) == (1, [])
        await desk.engine.end()

    asyncio.run(act())


def test_a_camera_keeps_it() -> None:
    async def act() -> None:
        desk = Desk()
        desk.engine.preview("look", MOST_MADE)
        desk.engine.camera_frame(1, 0.0, b"")
        desk.engine.open_camera(1, JOB.dream, 90, 160)
        await until(lambda: len(desk.told) == 3)
        desk.engine.renew()
        assert desk.renewed == 0
        desk.engine.close_camera(1)
        desk.engine.renew()
        assert desk.renewed == 1
        await desk.engine.end()

    asyncio.run(act())


def test_one_that_dies_is_told_of_and_started_with_the_next_task() -> None:
    async def act() -> None:
        desk = Desk()
        desk.engine.render(1, JOB)
        desk.engine.cancel(1)
        await until(lambda: desk.lines)
        assert desk.lines == [
            "the engine stopped: it ended with code 9; it starts again with the next task"
        ]
        assert desk.engine.pid is None
        desk.engine.render(2, JOB)
        await until(lambda: len(desk.told) == 3)
        await desk.engine.end()

    asyncio.run(act())
