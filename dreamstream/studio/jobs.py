"""The queue of renderings, which is kept in a file so that a restart finds it again."""

import contextlib
import dataclasses
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dreamstream.controls.program import read_schedules
from dreamstream.errors import DreamstreamError, FieldError
from dreamstream.file_names import SPILL_SUFFIX, part_path
from dreamstream.rendering.job import Job
from dreamstream.studio.engine import Engine
from dreamstream.studio.folder import Folder, FolderError
from dreamstream.studio.settings import (
    SettingsError,
    check_names,
    command_line,
    control_config,
    dream_config,
    media_config,
)

OPEN, ENDED = ("queued", "running", "paused"), ("done", "failed", "cancelled", "interrupted")
_SAVED = (
    "number",
    "source",
    "output",
    "settings",
    "state",
    "line",
    "resumes",
    "created",
    "seconds",
)
_MOST_KEPT = 200


@dataclass(slots=True)
class Rendering:
    """One rendering of the queue.

    Attributes:
        number: Its own.
        source: The input, relative to the folder.
        output: The output, likewise.
        settings: As the page has set them.
        state: One of :data:`OPEN` or :data:`ENDED`.
        line: What went wrong, or is to be known; "" for nothing.
        resumes: Whether it goes on with an interrupted run.
        created: Seconds since the epoch.
        figures: ``done``, ``frames``, ``rate``, ``left``, ``phase``.
        seconds: What it took.
        picture: The latest frame, a JPEG.
        shown: Counts the pictures.
    """

    number: int
    source: str
    output: str
    settings: dict[str, str]
    state: str = "queued"
    line: str = ""
    resumes: bool = False
    created: float = field(default_factory=time.time)
    figures: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    picture: bytes = b""
    shown: int = 0


class Jobs:
    """Renders one after another.

    Args:
        folder: Where all lies.
        engine: Renders them.
        changed: Told of each rendering that has changed; None where one has gone.
    """

    def __init__(
        self, folder: Folder, engine: Engine, changed: Callable[[Rendering | None], None]
    ) -> None:
        self._folder, self._engine, self._changed = folder, engine, changed
        self._all: dict[int, Rendering] = {}
        self._file = folder.work / "queue.json"
        self._read()

    def __iter__(self) -> Any:
        """Iterate over all renderings, oldest first."""
        return iter(self._all.values())

    @property
    def is_busy(self) -> bool:
        """Whether one is being rendered."""
        return self._running is not None

    @property
    def _running(self) -> Rendering | None:
        states = ("running", "paused")
        return next((each for each in self._all.values() if each.state in states), None)

    def get(self, number: int) -> Rendering:
        """Return a rendering.

        Raises:
            FolderError: There is none of that number.
        """
        if number not in self._all:
            raise FolderError(f"there is no rendering {number}", 404)
        return self._all[number]

    def add(self, source: str, suffix: str, settings: dict[str, str]) -> Rendering:
        """Put a rendering at the end of the queue.

        Raises:
            FolderError: The source may not be read.
            SettingsError: A setting is wrong.
        """
        settings = check_names(settings)
        self._folder.file(source)
        preset = dream_config(settings, self._folder).preset
        media_config(settings, self._folder)
        try:
            read_schedules(control_config(settings, self._folder).schedule)
        except FieldError as error:
            raise SettingsError(f"--{error}") from error
        path = self._folder.new_output(source, f"-{preset}{suffix}")
        taken = {each.output for each in self._all.values() if each.state in OPEN}
        stem, number = path.stem, 1
        while self._folder.relative(path) in taken:
            number += 1
            path = path.with_name(f"{stem}-{number}{path.suffix}")
        number = max(self._all, default=0) + 1
        made = Rendering(number, source, self._folder.relative(path), settings)
        self._all[number] = made
        self._note(made)
        self.next()
        return made

    def next(self) -> None:
        """Begin the next one, if none is being rendered."""
        if self._running is not None:
            return
        made = next((each for each in self._all.values() if each.state == "queued"), None)
        if made is None:
            return
        try:
            job = self._job(made)
        except (DreamstreamError, ValueError) as error:
            made.state, made.line = "failed", str(error)
            self._note(made)
            self.next()
            return
        made.state, made.line, made.figures = "running", "", {"phase": "loading"}
        self._engine.render(made.number, job)
        self._note(made)

    def _job(self, made: Rendering) -> Job:
        media = media_config(made.settings, self._folder)
        output = self._folder.root / made.output
        if output.parent.resolve() != (self._folder.work / "dreams").resolve():
            raise SettingsError(f"{made.output} is not in the studio's own folder")
        return Job(
            source=str(self._folder.file(made.source)),
            output=str(output),
            dream=dream_config(made.settings, self._folder),
            media=replace(media, resume=made.resumes),
            controls=control_config(made.settings, self._folder),
        )

    def heard(self, number: int, figures: dict[str, Any], picture: bytes = b"") -> None:
        """Take in what the engine tells of a rendering."""
        made = self._all.get(number)
        if made is None or made.state not in ("running", "paused"):
            return
        if picture:
            made.picture, made.shown = picture, made.shown + 1
        state, notes = figures.pop("state", made.state), figures.pop("notes", [])
        made.state = made.state if state == "running" else state
        made.line = figures.pop("line", made.line)
        made.seconds = figures.pop("seconds", made.seconds)
        made.figures.update(figures)
        if made.state in ENDED:
            made.line = made.line or " · ".join(self._shown_line(note) for note in notes)
            made.line = self._shown_line(made.line)
            self._note(made)
            self.next()
        else:
            self._changed(made)

    def _shown_line(self, line: str) -> str:
        return line.replace(f"{self._folder.root}/", "")

    def engine_ended(self, line: str) -> None:
        """Let the rendering fail that the engine was at; the others go on."""
        made = self._running
        if made is not None:
            made.state, made.line = "failed", line
            self._note(made)
        self.next()

    def pause(self, number: int, paused: bool) -> None:
        """Hold a rendering up, or let it go on."""
        made = self.get(number)
        if made.state in ("running", "paused"):
            made.state = "paused" if paused else "running"
            self._engine.pause(paused)
            self._changed(made)

    def cancel(self, number: int) -> None:
        """Cancel a rendering; what was dreamed is kept."""
        made = self.get(number)
        if made.state == "queued":
            made.state = "cancelled"
            self._note(made)
        elif made.state in ("running", "paused"):
            made.state = "running"
            made.figures["phase"] = "cancelling"
            self._engine.cancel(number)
            self._changed(made)

    def resume(self, number: int) -> None:
        """Put a rendering that has ended early into the queue again; it goes on where it was."""
        made = self.get(number)
        if made.state in ("failed", "cancelled", "interrupted"):
            made.state, made.resumes, made.line = "queued", True, ""
            self._note(made)
            self.next()

    def remove(self, number: int) -> None:
        """Take a rendering that has ended from the list; its files stay."""
        if self.get(number).state in ENDED:
            del self._all[number]
            self._write()
            self._changed(None)

    def interrupt(self) -> None:
        """Note that the studio ends."""
        for made in self._all.values():
            if made.state in OPEN:
                made.state = "interrupted"
        self._write()

    def describe(self, made: Rendering) -> dict[str, Any]:
        """Return what the page shows of a rendering."""
        described = {name: getattr(made, name) for name in (*_SAVED, "figures", "shown")}
        described["command"] = command_line(made.source, made.output, made.settings)
        shown = self._folder.root / made.output
        described["part"] = "" if made.state == "done" else self._part_of(shown)
        described["there"] = made.state == "done" and shown.is_file()
        return described

    def _part_of(self, output: Path) -> str:
        parts = (part_path(output, 1, suffix) for suffix in (output.suffix, SPILL_SUFFIX))
        return next((self._folder.relative(part) for part in parts if part.is_file()), "")

    def _note(self, made: Rendering) -> None:
        self._write()
        self._changed(made)

    def _write(self) -> None:
        """Save the queue; where the disk refuses, it lives on in memory."""
        ended = [each.number for each in self._all.values() if each.state in ENDED]
        for number in ended[:-_MOST_KEPT]:
            del self._all[number]
        kept = [{name: getattr(each, name) for name in _SAVED} for each in self._all.values()]
        part = self._file.with_name(f".{self._file.name}.part")
        with contextlib.suppress(OSError):
            part.write_text(json.dumps(kept, indent=1), encoding="utf-8")
            os.replace(part, self._file)

    def _read(self) -> None:
        """Read the queue of an earlier studio; what is damaged in it is left out."""
        if self._file.is_symlink() or not self._file.is_file():
            return
        with contextlib.suppress(OSError, ValueError, TypeError, DreamstreamError):
            for saved in json.loads(self._file.read_text(encoding="utf-8")):
                made = _read_one(saved)
                self._all[made.number] = made


def _read_one(saved: dict[str, Any]) -> Rendering:
    known = {each.name: each for each in dataclasses.fields(Rendering)}
    values = {name: saved[name] for name in _SAVED if name in saved and name in known}
    made = Rendering(**values)
    check_names(made.settings)
    texts = (made.source, made.output, made.state, made.line)
    if not isinstance(made.number, int) or not all(isinstance(text, str) for text in texts):
        raise TypeError("no rendering")
    if made.state in OPEN:
        made.state = "interrupted"
    return made
