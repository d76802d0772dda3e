"""The whole way in a real browser: from a dropped film to its dream that plays."""

import base64
import json
import shutil
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clips
import httpx
import numpy as np
import pytest
import websockets.sync.client
from live_parts import textured
from studios import LONGEST, RunningStudio, open_browser, wait_for
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

pytestmark = pytest.mark.slow

SIZE = (96, 128)
WORK = "dreamstream-studio"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_browser() as started:
        yield started


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of a second, and one of four, outside of the studio's folder."""
    folder = tmp_path_factory.mktemp("films")
    for name, count in (("short", 12), ("long", 100)):
        frames = [textured(index % 8, *SIZE) for index in range(count)]
        clips.write_clip(folder / f"{name}.mp4", frames)
    return folder


@pytest.fixture(scope="module")
def studio(browser: Any, films: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A studio of a folder that holds the long film."""
    folder = tmp_path_factory.mktemp("studio")
    shutil.copy(films / "long.mp4", folder)
    running = RunningStudio(folder)
    yield running
    running.stop()


@pytest.fixture
def page(browser: Any, studio: RunningStudio) -> Iterator[Any]:
    """The studio's page; whatever it asks for elsewhere, or complains of, fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(1000 * LONGEST)
    opened = context.new_page()
    faults: list[str] = []

    def note(asked: Any) -> None:
        if not _is_own(asked.url, studio):
            faults.append(asked.url)

    opened.on("request", note)
    opened.on("pageerror", lambda error: faults.append(str(error)))
    visit(opened, studio)
    yield opened
    context.close()
    assert not faults


def _is_own(url: str, studio: RunningStudio) -> bool:
    local = studio.address.replace("http", "ws", 1)
    return url.startswith((studio.address, local, f"blob:{studio.address}", "data:", "chrome"))


def visit(page: Any, studio: RunningStudio) -> None:
    page.goto(studio.address)
    page.get_by_text("ready", exact=True).wait_for()


def drop(page: Any, path: Path) -> None:
    """Let a file fall on the page."""
    data = base64.b64encode(path.read_bytes()).decode()
    transfer = page.evaluate_handle(
        """([name, data]) => {
            const bytes = Uint8Array.from(atob(data), (each) => each.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], name));
            return transfer;
        }""",
        [path.name, data],
    )
    page.dispatch_event("body", "drop", {"dataTransfer": transfer})


def job(page: Any, name: str, state: str) -> Any:
    """Wait for a rendering of a name to come to a state; return its row."""
    row = page.locator(f"#jobs .job.{state}", has=page.locator(".title", has_text=name))
    row.first.wait_for()
    return row.first


def set_range(page: Any, selector: str, value: float) -> None:
    page.locator(selector).evaluate(
        """(control, value) => {
            control.value = value;
            for (const name of ["input", "change"]) control.dispatchEvent(new Event(name));
        }""",
        value,
    )


def test_from_a_dropped_film_to_its_dream_that_plays(
    page: Any, studio: RunningStudio, films: Path
) -> None:
    drop(page, films / "short.mp4")
    compare = page.locator("#compare")
    page.locator("#compare[data-stage=full]").wait_for()
    assert page.locator("#sheet button:not([disabled])").count() >= 4
    wanted = page.locator("#sheet button:not([disabled])").count()
    wait_for(lambda: page.locator("#sheet img").count() == wanted, "the sheet")
    set_range(page, "#split", 40)
    assert compare.get_attribute("data-split") == "40"
    before = compare.get_attribute("data-ticket")
    set_range(page, "#knob-first_steps", 2)  # it renders fast
    wait_for(lambda: compare.get_attribute("data-ticket") != before, "the newer look")
    assert "changed" in (page.locator("#field-first_steps").get_attribute("class") or "")
    page.click("#render")
    row = job(page, "short-", "done")
    row.get_by_text("Watch", exact=True).click()
    video = page.locator("#player-dream video")
    wait_for(lambda: video.evaluate("it => it.readyState >= 2"), "the dream")
    assert video.evaluate("it => it.videoWidth") == SIZE[1]
    page.click("#player-play")
    wait_for(lambda: video.evaluate("it => it.currentTime") > 0.2, "its playing")
    wait_for(
        lambda: page.locator("#player-source video").evaluate("it => it.currentTime") > 0,
        "the source beside it",
    )
    page.fill("#gif-seconds", "0.3")
    page.click("#gif-make")
    page.locator("#gif-done a").wait_for()
    with page.expect_download() as download:
        page.click("#player-download")
    assert download.value.suggested_filename.startswith("short-")
    assert list((studio.folder / WORK / "dreams").glob("*.gif"))


def test_seeking_asks_for_ranges(page: Any, studio: RunningStudio) -> None:
    output = next((studio.folder / WORK / "dreams").glob("short-*.mp4"))
    name = output.relative_to(studio.folder).as_posix()
    request = urllib.request.Request(
        f"{studio.address}api/file?path={name}", headers={"Range": "bytes=100-199"}
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 206
        assert answer.read() == output.read_bytes()[100:200]


def test_a_rendering_outlives_a_reload_is_cancelled_and_resumed_in_another_tab(
    page: Any, studio: RunningStudio
) -> None:
    page.click("[data-path='long.mp4']")
    page.locator("#compare[data-stage]").wait_for()
    set_range(page, "#knob-first_steps", 2)
    page.click("#render")
    job(page, "long-", "running").locator("progress[value]").wait_for()
    visit(page, studio)
    job(page, "long-", "running")
    other = page.context.new_page()
    visit(other, studio)
    job(other, "long-", "running").locator("[data-act=pause]").click()
    job(page, "long-", "paused").locator("[data-act=continue]").click()
    job(other, "long-", "running").locator("[data-act=cancel]").click()
    row = job(page, "long-", "cancelled")
    assert "was dreamed is in" in row.inner_text()
    row.locator("[data-act=resume]").click()
    job(other, "long-", "done")
    job(page, "long-", "done")
    dreams = studio.folder / WORK / "dreams"
    assert len(clips.video_times(next(dreams.glob("long-*.mp4")))) == 100
    assert not list(dreams.glob("*.part*"))
    other.close()


def test_a_crash_of_the_engine_leaves_the_page_and_the_queue(
    page: Any, studio: RunningStudio
) -> None:
    page.click("[data-path='long.mp4']")
    page.locator("#compare[data-stage]").wait_for()
    set_range(page, "#knob-first_steps", 3)
    page.click("#render")
    job(page, "-2.mp4", "running").locator("progress[value]").wait_for()
    kill(studio.engine())
    row = job(page, "-2.mp4", "failed")
    assert "the engine stopped: it ended by SIGKILL" in row.inner_text()
    row.locator("[data-act=resume]").click()
    job(page, "-2.mp4", "done")


def kill(number: int) -> None:
    import os

    os.kill(number, signal.SIGKILL)


def test_the_webcam_dreams_in_the_page(page: Any, studio: RunningStudio) -> None:
    page.click("#camera-button")
    figures = page.locator("#camera-figures")
    wait_for(lambda: "dreamed at" in figures.inner_text(), "the camera's dream")
    colours = page.locator("#camera-canvas").evaluate(
        "it => [...it.getContext('2d').getImageData(0, 0, it.width, it.height).data]"
        ".filter((_, place) => place % 997 === 0)"
    )
    assert np.std(colours) > 10
    dreams = studio.folder / WORK / "dreams"
    page.click("#camera-still")
    wait_for(lambda: list(dreams.glob("camera*.png")), "the snapshot")
    shown = page.evaluate("window.dreamstreamCamera.frames")
    page.click("#camera-record")
    wait_for(lambda: page.evaluate("window.dreamstreamCamera.frames") > shown + 10, "more frames")
    page.click("#camera-record")
    film = wait_for(lambda: list(dreams.glob("camera.mp4")), "the recording")[0]
    wait_for(lambda: len(clips.video_times(film)) >= 2, "its frames")
    page.click("#camera-close")
    assert page.locator("#camera").is_hidden()


def test_bad_files_are_refused_in_a_line(page: Any, studio: RunningStudio, tmp_path: Path) -> None:
    for name, data in (
        ("empty.mp4", b""),
        ("evil.mp4", b"#EXTM3U\n/etc/passwd\n"),
        ("a.exe", b"x"),
    ):
        (tmp_path / name).write_bytes(data)
        drop(page, tmp_path / name)
        page.locator("#notice", has_text=name).wait_for()
    uploads = studio.folder / WORK / "uploads"
    assert not [path for path in uploads.iterdir() if path.name != "short.mp4"]


def test_foreign_pages_paths_and_links_are_refused(studio: RunningStudio) -> None:
    (studio.folder / "link.mp4").symlink_to("/etc/hostname")
    with httpx.Client(base_url=studio.address) as client:
        assert client.get("/", headers={"origin": "http://evil.example"}).status_code == 403
        assert client.get("/", headers={"host": "evil.example"}).status_code == 403
        for name in ("../x.mp4", "/etc/hostname", "link.mp4"):
            assert client.get("/api/file", params={"path": name}).status_code == 403
    address = f"{studio.address.replace('http', 'ws', 1)}ws"
    with (
        pytest.raises(InvalidStatus),
        websockets.sync.client.connect(address, origin=Origin("http://evil.example")),
    ):
        pass


def test_malformed_messages_are_refused_and_the_connection_stays(studio: RunningStudio) -> None:
    address = f"{studio.address.replace('http', 'ws', 1)}ws"
    own = Origin(studio.address.rstrip("/"))
    wanted = {"type": "preview", "path": "long.mp4", "ticket": 1}
    with websockets.sync.client.connect(address, origin=own) as socket:
        assert json.loads(socket.recv())["type"] == "hello"
        for message in (
            "no JSON",
            "[]",
            json.dumps({"type": "preview"}),
            json.dumps({**wanted, "kind": "_run"}),
            json.dumps({**wanted, "kind": "look", "path": "../x.mp4"}),
            json.dumps({**wanted, "kind": "look", "settings": {"chroma": "9"}}),
            json.dumps({"type": "camera", "act": "open", "height": 1e999, "width": 1}),
        ):
            socket.send(message)
            assert json.loads(socket.recv(LONGEST))["type"] == "refused"
        socket.send(b"abc")


def test_everything_has_a_name_and_fits_a_phone(page: Any) -> None:
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, a, video, canvas, dialog")]
            .filter((it) => !(it.labels?.length || it.textContent.trim() || it.ariaLabel
                || it.getAttribute("aria-labelledby") || it.id === "camera-video"))
            .map((it) => it.outerHTML)"""
    )
    assert not unnamed
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"


def test_a_killed_studio_finds_its_renderings_again(
    browser: Any, films: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    shutil.copy(films / "long.mp4", tmp_path)
    first = RunningStudio(tmp_path)
    request.addfinalizer(first.process.kill)
    body = {"source": "long.mp4", "suffix": ".mp4", "settings": {"first_steps": "2"}}
    with httpx.Client(base_url=first.address, headers={"x-dreamstream": "1"}) as client:
        made = client.post("/api/jobs", json=body, timeout=LONGEST).json()

        def is_under_way() -> bool:
            jobs = client.get("/api/state", timeout=LONGEST).json()["jobs"]
            return bool(jobs[0]["figures"].get("done", 0) >= 5)

        wait_for(is_under_way, "the rendering")
    first.stop(signal.SIGKILL)
    second = RunningStudio(tmp_path)
    request.addfinalizer(second.process.kill)
    context = browser.new_context()
    context.set_default_timeout(1000 * LONGEST)
    page = context.new_page()
    visit(page, second)
    job(page, "long-", "interrupted").locator("[data-act=resume]").click()
    job(page, "long-", "done")
    context.close()
    second.stop()
    queue = json.loads((tmp_path / WORK / "queue.json").read_text())
    assert [each["state"] for each in queue] == ["done"]
    assert len(clips.video_times(tmp_path / made["output"])) == 100
