"""What the server answers: the page, files, the queue, looks, and the pages' connections."""

import asyncio
import contextlib
import json
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from dreamstream.config.version import __version__
from dreamstream.errors import DreamstreamError
from dreamstream.studio import looks
from dreamstream.studio.folder import FolderError
from dreamstream.studio.hub import Studio
from dreamstream.studio.settings import check_names, command_line, dream_config, tables

_MOST_BYTES = 1 << 16
"""Bytes of a request that is no upload."""

_OWN_HEADER = "x-dreamstream"
"""A header that another site's form can't send."""

_MALFORMED = (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, OSError)
"""What a message of another form than the page's meets."""

_STAMP = struct.Struct("<d")

_KINDS = {
    **{".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
}
_MEDIA = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/mp4",
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".apng": "image/apng",
    ".gif": "image/gif",
    ".webp": "image/webp",
}
"""Types of files that are shown as they are; all others are only downloaded."""

Answer = Callable[[Request], Awaitable[Response]]


def make_app(studio: Studio) -> Starlette:
    """Make the application of a studio."""

    @contextlib.asynccontextmanager
    async def life(_app: Starlette) -> AsyncIterator[None]:
        studio.start()
        yield
        await studio.end()

    pages = _Pages(studio)
    get, post = ["GET"], ["POST"]
    routes = [
        Route("/", pages.index, methods=get),
        Route("/page/{name}", pages.static, methods=get),
        Route("/api/state", pages.state, methods=get),
        Route("/api/probe", pages.probe, methods=get),
        Route("/api/frame", pages.frame, methods=get),
        Route("/api/file", pages.file, methods=get),
        Route("/api/play", pages.play, methods=get),
        Route("/api/upload", pages.upload, methods=post),
        Route("/api/copy", pages.copy, methods=post),
        Route("/api/gif", pages.gif, methods=post),
        Route("/api/command", pages.command, methods=post),
        Route("/api/jobs", pages.add_job, methods=post),
        Route("/api/jobs/{number:int}/frame", pages.job_frame, methods=get),
        Route("/api/jobs/{number:int}/{act}", pages.act_on_job, methods=post),
        Route("/api/looks/{name}", pages.open_look, methods=get),
        Route("/api/looks/{name}", pages.change_look, methods=["PUT", "DELETE"]),
        WebSocketRoute("/ws", pages.connect),
    ]
    handlers: dict[Any, Any] = {DreamstreamError: _failed, ClientDisconnect: _gone}
    return Starlette(routes=routes, lifespan=life, exception_handlers=handlers)


class _Pages:
    """The answers."""

    def __init__(self, studio: Studio) -> None:
        self._studio, self._folder = studio, studio.folder

    async def index(self, _request: Request) -> Response:
        return _page_file("index.html")

    async def static(self, request: Request) -> Response:
        return _page_file(request.path_params["name"])

    async def state(self, _request: Request) -> Response:
        entries = await asyncio.to_thread(self._folder.entries)
        names = ("path", "kind", "size", "modified")
        return JSONResponse(
            {
                "version": __version__,
                "folder": str(self._folder.root),
                "tables": tables(),
                "files": [{name: getattr(entry, name) for name in names} for entry in entries],
                "jobs": [self._studio.jobs.describe(job) for job in self._studio.jobs],
                "looks": looks.list_looks(self._folder),
            }
        )

    async def probe(self, request: Request) -> Response:
        return JSONResponse(await self._studio.media.probe(self._file_of(request)))

    async def frame(self, request: Request) -> Response:
        seconds, width = _number(request, "t"), int(_number(request, "w"))
        data = await self._studio.media.frame(self._file_of(request), seconds, width)
        return Response(data, media_type="image/jpeg")

    async def file(self, request: Request) -> Response:
        path = self._file_of(request)
        return _file_response(path, download="download" in request.query_params)

    async def play(self, request: Request) -> Response:
        path = await self._studio.media.playable(self._file_of(request), lambda share: None)
        return _file_response(path, download=False)

    async def upload(self, request: Request) -> Response:
        _require_own(request)
        name, length = request.query_params.get("name", ""), request.headers.get("content-length")
        size = int(length) if length and length.isdecimal() else None
        path = await self._folder.receive(name, size, request.stream())
        try:
            found = await self._studio.media.probe(path)
        except DreamstreamError as error:
            path.unlink(missing_ok=True)
            raise FolderError(f"{name} was refused: {error}", 415) from error
        return JSONResponse({"path": self._folder.relative(path), **found}, 201)

    async def copy(self, request: Request) -> Response:
        name = str((await _body(request))["path"])
        clients = self._studio.clients

        def tell(share: float) -> None:
            clients.tell_all(("copy", name), {"type": "copy", "path": name, "share": share})

        await self._studio.media.playable(self._folder.file(name), tell)
        return JSONResponse({"path": name})

    async def gif(self, request: Request) -> Response:
        asked = await _body(request)
        clients, path = self._studio.clients, self._folder.file(str(asked["path"]))

        def tell(share: float) -> None:
            clients.tell_all("gif", {"type": "gif", "share": share})

        span = float(asked["start"]), float(asked["seconds"])
        made = await self._studio.media.gif(path, *span, int(asked.get("width", 480)), tell)
        return JSONResponse({"path": self._folder.relative(made)}, 201)

    async def command(self, request: Request) -> Response:
        asked = await _body(request)
        settings = check_names(asked.get("settings", {}))
        preset = dream_config(settings, self._folder).preset
        source = str(asked["source"])
        path = self._folder.new_output(source, f"-{preset}{_suffix(asked)}")
        line = command_line(source, self._folder.relative(path), settings)
        return JSONResponse({"command": line})

    async def add_job(self, request: Request) -> Response:
        asked = await _body(request)
        source, settings = str(asked["source"]), check_names(asked.get("settings", {}))
        await self._studio.media.probe(self._folder.file(source))
        made = self._studio.jobs.add(source, _suffix(asked), settings)
        return JSONResponse(self._studio.jobs.describe(made), 201)

    async def act_on_job(self, request: Request) -> Response:
        _require_own(request)
        jobs, number = self._studio.jobs, request.path_params["number"]
        acts: dict[str, Callable[[], None]] = {
            "cancel": lambda: jobs.cancel(number),
            "pause": lambda: jobs.pause(number, True),
            "continue": lambda: jobs.pause(number, False),
            "resume": lambda: jobs.resume(number),
            "remove": lambda: jobs.remove(number),
        }
        act = acts.get(request.path_params["act"])
        if act is None:
            raise FolderError("there is no such act", 404)
        act()
        return JSONResponse({})

    async def job_frame(self, request: Request) -> Response:
        picture = self._studio.jobs.get(request.path_params["number"]).picture
        if not picture:
            raise FolderError("there is no frame yet", 404)
        return Response(picture, media_type="image/jpeg")

    async def open_look(self, request: Request) -> Response:
        return JSONResponse(looks.open_look(self._folder, request.path_params["name"]))

    async def change_look(self, request: Request) -> Response:
        name = request.path_params["name"]
        if request.method == "DELETE":
            _require_own(request)
            looks.delete_look(self._folder, name)
        else:
            settings = check_names((await _body(request))["settings"])
            dream_config(settings, self._folder)
            looks.save_look(self._folder, name, settings)
        return JSONResponse({"looks": looks.list_looks(self._folder)})

    async def connect(self, socket: WebSocket) -> None:
        await socket.accept()
        client = self._studio.clients.add(socket)
        client.put("hello", json.dumps({"type": "hello", "client": client.number}))
        sending = asyncio.create_task(client.send_all())
        try:
            while True:
                message = await socket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                await self._hear(client, message)
        except WebSocketDisconnect:
            return
        finally:
            sending.cancel()
            self._studio.leave(client)

    async def _hear(self, client: Any, message: Any) -> None:
        data = message.get("bytes")
        if data is not None:
            if len(data) > _STAMP.size:
                stamp = _STAMP.unpack_from(data)[0]
                self._studio.camera_frame(client, stamp, data[_STAMP.size :])
            return
        asked: Any = {}
        try:
            asked = json.loads(message["text"])
            if asked["type"] == "preview":
                await self._studio.preview(client, asked)
            elif asked["type"] == "camera":
                self._studio.camera(client, asked)
            elif asked["type"] == "forget":
                self._studio.engine.forget_previews(client.number)
        except (DreamstreamError, *_MALFORMED) as error:
            line = str(error) if isinstance(error, DreamstreamError) else "no such request"
            kind = asked.get("type") if isinstance(asked, dict) else None
            ticket = asked.get("ticket") if isinstance(asked, dict) else None
            refused = {"type": "refused", "what": kind, "ticket": ticket, "line": line}
            client.put(("refused", kind), json.dumps(refused))

    def _file_of(self, request: Request) -> Path:
        return self._folder.file(request.query_params.get("path", ""))


def _page_file(name: str) -> Response:
    """Return one of the page's own files."""
    page = files("dreamstream.studio") / "page"
    known = {each.name for each in page.iterdir() if each.is_file()}
    kind = _KINDS.get(Path(name).suffix)
    if name not in known or kind is None:
        return PlainTextResponse("there is no such page", 404)
    return Response((page / name).read_bytes(), media_type=kind)


def _file_response(path: Path, download: bool) -> Response:
    kind = _MEDIA.get(path.suffix.lower())
    shown = kind is not None and not download
    return FileResponse(
        path,
        media_type=kind or "application/octet-stream",
        filename=path.name,
        content_disposition_type="inline" if shown else "attachment",
        headers={"content-security-policy": "sandbox; default-src 'none'; media-src 'self'"},
    )


def _suffix(asked: dict[str, Any]) -> str:
    suffix = str(asked.get("suffix", ".mp4"))
    if suffix not in (".mp4", ".mov", ".mkv", ".webm", ".gif", ".apng", ".png", ".jpg", ".webp"):
        raise FolderError(f"{suffix} is no kind of output", 400)
    return suffix


def _number(request: Request, name: str) -> float:
    try:
        value = float(request.query_params.get(name, "0"))
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e7:
        raise FolderError(f"{name} is no number", 400)
    return value


def _require_own(request: Request) -> None:
    if _OWN_HEADER not in request.headers:
        raise FolderError("refused: the request is not the studio's page's", 403)


async def _body(request: Request) -> dict[str, Any]:
    """Read a request's JSON, of bounded size."""
    _require_own(request)
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > _MOST_BYTES:
            raise FolderError("the request is too long", 413)
    try:
        body = json.loads(data)
    except ValueError as error:
        raise FolderError("the request is no JSON", 400) from error
    if not isinstance(body, dict):
        raise FolderError("the request is no JSON object", 400)
    return body


async def _failed(_request: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, FolderError) else 400
    return JSONResponse({"line": str(error)}, status)


async def _gone(_request: Request, _error: Exception) -> Response:
    return PlainTextResponse("", 400)
