"""The studio's parts together: what is heard of each reaches the pages that want it."""

from pathlib import Path
from typing import Any

from dreamstream.config import PRESETS
from dreamstream.studio.clients import Client, Clients, packed
from dreamstream.studio.engine import Engine
from dreamstream.studio.folder import Folder, free_path
from dreamstream.studio.jobs import Jobs, Rendering
from dreamstream.studio.media import Media
from dreamstream.studio.settings import SettingsError, check_names, preview_config
from dreamstream.studio.wanted import Wanted

_PREVIEWS = ("look", "sheet", "film")

_MOST_SIDE, _LEAST_SIDE = 1920, 16
"""Pixels of a camera's picture."""


class Studio:
    """All that the pages share.

    Args:
        folder: Where all lies.

    Attributes:
        folder: Likewise.
        clients: The pages.
        media: Decodes and encodes.
        engine: Has the networks.
        jobs: The queue.
    """

    def __init__(self, folder: Folder) -> None:
        self.folder, self.clients, self.media = folder, Clients(), Media(folder)
        self.engine = Engine(self._heard, self._engine_ended, self._engine_renewed)
        self.jobs = Jobs(folder, self.engine, self._job_changed)
        self._cameras: set[int] = set()

    def start(self) -> None:
        """Start what takes long to start."""
        self.engine.start()

    async def end(self) -> None:
        """End all; what is being rendered can be resumed."""
        self.jobs.interrupt()
        await self.engine.end()
        await self.media.end()

    # --- what pages ask ------------------------------------------------------------------------

    async def preview(self, client: Client, asked: dict[str, Any]) -> None:
        """Dream a frame, a sheet of looks, or two seconds of a film.

        Raises:
            DreamstreamError: The file or a setting can't be used.
        """
        kind, path = asked["kind"], self.folder.file(str(asked["path"]))
        if kind not in _PREVIEWS:
            raise SettingsError(f"there is no preview {kind!r}")
        found = await self.media.probe(path)
        settings = check_names(asked.get("settings", {}))
        names = [name for name in PRESETS if name in asked.get("presets", [])]
        if kind == "sheet":
            looks = {name: preview_config({"preset": name}, self.folder) for name in names}
        else:
            looks = {"": preview_config(settings, self.folder)}
        seconds = min(max(0.0, float(asked.get("time", 0))), found["seconds"])
        target = None
        if kind == "film":
            target = self.media.cache() / f"preview-{client.number}.mp4"
        wanted = Wanted(client.number, int(asked["ticket"]), path, seconds, looks, target)
        if not self.jobs.is_busy:
            self.engine.renew()
        self.engine.preview(kind, wanted)

    def camera(self, client: Client, asked: dict[str, Any]) -> None:
        """Open, change, record, save or close a page's camera.

        Raises:
            DreamstreamError: A setting can't be used.
        """
        act, number = asked["act"], client.number
        if act == "open":
            height, width = (
                min(max(int(asked[side]), _LEAST_SIDE), _MOST_SIDE) // 2 * 2
                for side in ("height", "width")
            )
            config = preview_config(check_names(asked.get("settings", {})), self.folder)
            self._cameras.add(number)
            self.engine.open_camera(number, config, height, width)
        elif act == "change":
            config = preview_config(check_names(asked.get("settings", {})), self.folder)
            self.engine.change_camera(number, config)
        elif act == "record":
            path = self._camera_path(".mp4") if asked.get("on") else None
            self.engine.record_camera(number, path)
        elif act == "snapshot":
            self.engine.save_camera(number, self._camera_path(".png"))
        elif act == "close":
            self._cameras.discard(number)
            self.engine.close_camera(number)

    def camera_frame(self, client: Client, stamp: float, data: bytes) -> None:
        """Hand on a picture of a page's camera."""
        if client.number in self._cameras:
            self.engine.camera_frame(client.number, stamp, data)

    def leave(self, client: Client) -> None:
        """Forget a page."""
        self.clients.remove(client)
        self._cameras.discard(client.number)
        self.engine.forget(client.number)

    def _camera_path(self, suffix: str) -> Path:
        return free_path(self.folder.work / "dreams" / f"camera{suffix}")

    # --- what is heard -------------------------------------------------------------------------

    def _heard(self, kind: str, number: int, *rest: Any) -> None:
        if kind == "job":
            self.jobs.heard(number, *rest)
            return
        client, (head, data) = self.clients.get(number), rest
        if client is None:
            return
        for name in ("path", "film"):
            if name in head:
                head[name] = self.folder.relative(Path(head[name]))
        keys = (kind, head.get("kind"), head.get("look"), head.get("state"))
        client.put(keys, packed({"type": kind, **head}, data))

    def _engine_ended(self, line: str) -> None:
        self._cameras.clear()
        self.clients.tell_all("engine", {"type": "engine", "line": line})
        self.jobs.engine_ended(line)

    def _engine_renewed(self) -> None:
        self.clients.tell_all("renewed", {"type": "renewed"})

    def _job_changed(self, made: Rendering | None) -> None:
        if made is None:
            jobs = [self.jobs.describe(each) for each in self.jobs]
            self.clients.tell_all("jobs", {"type": "jobs", "jobs": jobs})
        else:
            job = self.jobs.describe(made)
            self.clients.tell_all(("job", made.number), {"type": "job", "job": job})
