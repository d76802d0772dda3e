"""The queue of renderings, with an engine that only notes what it is told."""

import json
from pathlib import Path
from typing import Any

import pytest

from dreamstream.rendering.job import Job
from dreamstream.studio.folder import Folder, FolderError
from dreamstream.studio.jobs import Jobs
from dreamstream.studio.settings import SettingsError


class FakeEngine:
    def __init__(self) -> None:
        self.rendered: list[tuple[int, Job]] = []
        self.told: list[tuple[str, Any]] = []

    def render(self, number: int, job: Job) -> None:
        self.rendered.append((number, job))

    def cancel(self, number: int) -> None:
        self.told.append(("cancel", number))

    def pause(self, paused: bool) -> None:
        self.told.append(("pause", paused))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path)
    made.make()
    (tmp_path / "a.mp4").write_bytes(b"x")
    return made


def make_jobs(folder: Folder) -> tuple[Jobs, FakeEngine]:
    engine = FakeEngine()
    return Jobs(folder, engine, lambda _made: None), engine  # type: ignore[arg-type]


def states(jobs: Jobs) -> list[str]:
    return [made.state for made in jobs]


def test_one_is_rendered_after_another(folder: Folder) -> None:
    jobs, engine = make_jobs(folder)
    jobs.add("a.mp4", ".mp4", {"preset": "eyes"})
    jobs.add("a.mp4", ".mp4", {"preset": "eyes"})
    assert states(jobs) == ["running", "queued"]
    number, job = engine.rendered[0]
    assert job.source == str(folder.root / "a.mp4")
    assert job.dream.preset == "eyes"
    jobs.heard(number, {"done": 3, "frames": 9, "rate": 2.0, "left": 3.0}, b"jpeg")
    assert jobs.get(number).figures["done"] == 3
    assert jobs.get(number).picture == b"jpeg"
    jobs.heard(number, {"state": "done", "seconds": 4.0, "notes": []})
    assert states(jobs) == ["done", "running"]
    assert [Path(str(job.output)).name for _, job in engine.rendered] == [
        "a-eyes.mp4",
        "a-eyes-2.mp4",
    ]


def test_a_crash_fails_one_and_the_rest_go_on(folder: Folder) -> None:
    jobs, engine = make_jobs(folder)
    for _ in range(2):
        jobs.add("a.mp4", ".mp4", {})
    jobs.engine_ended("the engine stopped: it ended by SIGKILL")
    assert states(jobs) == ["failed", "running"]
    assert "SIGKILL" in jobs.get(1).line
    jobs.heard(2, {"state": "done"})
    jobs.resume(1)
    assert states(jobs) == ["running", "done"]
    assert engine.rendered[-1][1].media.resume
    assert engine.rendered[-1][1].output == engine.rendered[0][1].output


def test_cancelled_ones_are_resumed(folder: Folder) -> None:
    jobs, engine = make_jobs(folder)
    for _ in range(2):
        jobs.add("a.mp4", ".mp4", {})
    jobs.cancel(2)
    jobs.cancel(1)
    assert engine.told == [("cancel", 1)]
    assert states(jobs) == ["running", "cancelled"]  # until the frame in the making is done
    jobs.heard(1, {"state": "cancelled", "notes": [f"what was dreamed is in {folder.root}/x.mp4"]})
    assert jobs.get(1).line == "what was dreamed is in x.mp4"
    jobs.resume(1)
    assert engine.rendered[-1][1].media.resume


def test_pause_holds_it_up(folder: Folder) -> None:
    jobs, engine = make_jobs(folder)
    jobs.add("a.mp4", ".mp4", {})
    jobs.pause(1, True)
    assert states(jobs) == ["paused"]
    jobs.pause(1, False)
    assert engine.told == [("pause", True), ("pause", False)]
    assert states(jobs) == ["running"]


def test_a_restart_finds_the_queue_again(folder: Folder) -> None:
    jobs, _ = make_jobs(folder)
    for suffix in (".mp4", ".gif"):
        jobs.add("a.mp4", suffix, {"chroma": "0.5"})
    jobs.heard(1, {"state": "done", "seconds": 4.0})
    again, engine = make_jobs(folder)
    assert states(again) == ["done", "interrupted"]
    assert not engine.rendered
    again.resume(2)
    number, job = engine.rendered[0]
    assert (number, job.media.resume, job.dream.chroma) == (2, True, 0.5)
    again.remove(1)
    assert [made.number for made in make_jobs(folder)[0]] == [2]


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '[{"number": "x"}]', '[{"number": 1, "settings": {"stats": 3}}]']
)
def test_a_damaged_queue_is_left_out(folder: Folder, text: str) -> None:
    (folder.work / "queue.json").write_text(text)
    assert not list(make_jobs(folder)[0])


def test_a_forged_queue_writes_nowhere_else(folder: Folder) -> None:
    saved = {
        "number": 1,
        "source": "a.mp4",
        "output": "../x.mp4",
        "settings": {},
        "state": "failed",
    }
    (folder.work / "queue.json").write_text(json.dumps([saved]))
    jobs, engine = make_jobs(folder)
    jobs.resume(1)
    assert states(jobs) == ["failed"]
    assert not engine.rendered


def test_wrong_renderings_are_refused(folder: Folder) -> None:
    jobs, _ = make_jobs(folder)
    with pytest.raises(FolderError):
        jobs.add("../a.mp4", ".mp4", {})
    with pytest.raises(SettingsError):
        jobs.add("a.mp4", ".mp4", {"chroma": "7"})
    with pytest.raises(FolderError):
        jobs.get(5)
    assert not list(jobs)
