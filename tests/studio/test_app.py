"""What the server answers, without a browser and without the engine."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import clips
import httpx

from dreamstream._libraries import cv2
from dreamstream.studio.app import make_app
from dreamstream.studio.folder import Folder
from dreamstream.studio.hub import Studio

OWN = {"x-dreamstream": "1"}
Visit = Callable[[httpx.AsyncClient, Studio], Awaitable[None]]


def visit(root: Path, act: Visit) -> None:
    """Ask a studio of a folder, and end its processes."""

    async def asked() -> None:
        folder = Folder(root)
        folder.make()
        studio = Studio(folder)
        transport = httpx.ASGITransport(make_app(studio))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            try:
                await act(client, studio)
            finally:
                await studio.end()

    asyncio.run(asked())


def test_ranges_files_and_uploads(clip: Path, tmp_path: Path) -> None:
    data = clip.read_bytes()
    (tmp_path / "a.mp4").write_bytes(data)
    (tmp_path / "page.html").write_text("<script>")
    (tmp_path / "out.mp4").symlink_to("/etc/hostname")

    async def act(client: httpx.AsyncClient, studio: Studio) -> None:
        part = await client.get("/api/file?path=a.mp4", headers={"range": "bytes=10-19"})
        assert (part.status_code, part.content) == (206, data[10:20])
        assert part.headers["content-range"] == f"bytes 10-19/{len(data)}"
        tail = await client.get("/api/file?path=a.mp4", headers={"range": "bytes=-5"})
        assert tail.content == data[-5:]
        beyond = await client.get("/api/file?path=a.mp4", headers={"range": "bytes=99999999-"})
        assert beyond.status_code == 416
        whole = await client.get("/api/file?path=a.mp4&download=1")
        assert whole.headers["content-disposition"].startswith("attachment")
        page = await client.get("/api/file?path=page.html")
        assert page.headers["content-type"] == "application/octet-stream"
        assert "sandbox" in page.headers["content-security-policy"]
        for path in ("../x", "/etc/passwd", "out.mp4", ""):
            refused = await client.get("/api/file", params={"path": path})
            assert refused.status_code == 403, path
        await uploads(client, studio, data)

    visit(tmp_path, act)


async def uploads(client: httpx.AsyncClient, studio: Studio, data: bytes) -> None:
    made = await client.post("/api/upload?name=b.mp4", content=data, headers=OWN)
    assert made.status_code == 201
    assert made.json()["kind"] == "film"
    foreign = await client.post("/api/upload?name=c.mp4", content=data)
    assert foreign.status_code == 403
    for name, content, status in (("d.mp4", b"", 400), ("e.mp4", b"x" * 99, 415)):
        refused = await client.post(f"/api/upload?name={name}", content=content, headers=OWN)
        assert refused.status_code == status
        assert "\n" not in refused.json()["line"]
    assert [path.name for path in (studio.folder.work / "uploads").iterdir()] == ["b.mp4"]
    frame = await client.get("/api/frame?path=a.mp4&t=0.5&w=32")
    assert frame.headers["content-type"] == "image/jpeg"
    assert (await client.get("/api/frame?path=a.mp4&t=x")).status_code == 400
    copied = await client.post("/api/copy", json={"path": "a.mp4"}, headers=OWN)
    assert copied.status_code == 200
    played = await client.get("/api/play?path=a.mp4", headers={"range": "bytes=0-3"})
    assert played.status_code == 206
    body = {"path": "a.mp4", "start": 0.2, "seconds": 0.4, "width": 32}
    gif = await client.post("/api/gif", json=body, headers=OWN)
    assert gif.json()["path"] == "dreamstream-studio/dreams/a.gif"


def test_looks_commands_and_wrong_requests(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), clips.pictures(1)[0])

    async def act(client: httpx.AsyncClient, studio: Studio) -> None:
        look = {"settings": {"preset": "eyes", "chroma": "0.5"}}
        saved = await client.put("/api/looks/mine", json=look, headers=OWN)
        assert saved.json() == {"looks": ["mine"]}
        assert (await client.get("/api/looks/mine")).json() == look["settings"]
        assert (await client.put("/api/looks/mine", json=look)).status_code == 403
        assert (await client.delete("/api/looks/mine", headers=OWN)).json() == {"looks": []}
        body = {"source": "a.png", "suffix": ".png", **look}
        line = (await client.post("/api/command", json=body, headers=OWN)).json()["command"]
        wanted = "dreamstream a.png dreamstream-studio/dreams/a-eyes.png --preset eyes --chroma 0.5"
        assert line == wanted
        for wrong in ({**body, "suffix": ".sh"}, {**body, "settings": {"stats": 1}}):
            assert (await client.post("/api/jobs", json=wrong, headers=OWN)).status_code == 400
        long = await client.post("/api/jobs", content=b" " * 70_000, headers=OWN)
        assert long.status_code == 413
        assert (await client.post("/api/jobs", content=b"[]", headers=OWN)).status_code == 400
        assert (await client.post("/api/jobs/7/cancel", headers=OWN)).status_code == 404
        assert (await client.get("/page/..%2f__init__.py")).status_code == 404
        assert (await client.get("/page/app.py")).status_code == 404
        state = (await client.get("/api/state")).json()
        assert [entry["path"] for entry in state["files"]] == ["a.png"]

    visit(tmp_path, act)


def test_the_page_asks_for_nothing_from_elsewhere() -> None:
    page = Path(__file__).parents[2] / "dreamstream" / "studio" / "page"
    for path in page.iterdir():
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        text = text.replace("http://127.0.0.1", "")
        assert not [scheme for scheme in ("http://", "https://") if scheme in text], path
        assert "innerHTML" not in text, path
