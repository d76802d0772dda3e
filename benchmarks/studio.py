r"""Measure the studio: how soon a preview is seen, how the webcam dreams, what memory it takes.

Starts ``dreamstream studio`` and Debian's Chromium, turns a knob again and again, opens Chromium's
made-up camera, renders many short films, and prints what it saw; it asserts nothing.  Run from the
repository's root, on a machine that does nothing else:

    python -m benchmarks.studio --picture samples/meadow.mp4 --json studio.json
    python -m benchmarks.studio --changes 10 --seconds 20 --jobs 10     # quicker

Latencies are from the knob's release to the picture, in the page.  "coarse" is the first picture
of a change, "whole" the last.  The camera's rate and latency are of what is drawn on the canvas,
from the moment at which a picture left the camera's stream; Chromium draws on the same processors.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

from dreamstream.config import MediaConfig
from dreamstream.sinks import open_sink
from dreamstream.sources import open_source

CHROMIUM = "/usr/bin/chromium"
SETTLE = 10.0
"""Seconds of the camera's dream that are left out: networks load and sizes settle."""

_PATIENCE = 600.0


def main() -> None:
    """Measure, print, and write where asked."""
    options = parse_options()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(options.picture, folder / f"picture{options.picture.suffix}")
        write_short(options.picture, folder / "short.mp4")
        studio = start_studio(folder)
        try:
            found = measure(studio, folder, options)
        finally:
            studio.send_signal(signal.SIGTERM)
            studio.wait(60)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--picture", type=Path, default=Path("samples/meadow.mp4"), help="what is previewed")
    add("--changes", type=int, default=50, help="changes of a knob (default %(default)s)")
    add("--seconds", type=float, default=60, help="of the camera (default %(default)s)")
    add("--jobs", type=int, default=50, help="films rendered (default %(default)s)")
    add("--json", type=Path, help="write the figures here")
    return parser.parse_args()


def write_short(source: Path, target: Path) -> None:
    """Write 4 small frames of a film."""
    media = MediaConfig(frames=(0, 4), fps=Fraction(5))
    with open_source(source, media) as frames:
        out = MediaConfig(width=min(160, frames.info.width))
        with open_sink(target, frames.info, out) as sink:
            for frame in frames:
                sink.write(frame)


def start_studio(folder: Path) -> subprocess.Popen[str]:
    """Start the studio of a folder."""
    command = [sys.executable, "-m", "dreamstream", "studio", str(folder), "--no-browser"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def measure(studio: subprocess.Popen[str], folder: Path, options: Any) -> dict[str, Any]:
    """Take all figures, and print them as they come."""
    from playwright.sync_api import sync_playwright

    assert studio.stdout is not None
    address = next(word for word in studio.stdout.readline().split() if "://" in word)
    found: dict[str, Any] = {"memory at first": memory(studio.pid)}
    arguments = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    arguments += ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(1000 * _PATIENCE)
        page.goto(address)
        page.get_by_text("ready", exact=True).wait_for()
        found |= preview_figures(page, f"picture{options.picture.suffix}", options.changes)
        found |= camera_figures(page, options.seconds)
        browser.close()
    found["memory after previews and camera"] = memory(studio.pid)
    for number in range(options.jobs):
        render(address, number)
        if number in (0, options.jobs // 2, options.jobs - 1):
            found[f"memory after {number + 1} jobs"] = memory(studio.pid)
    for name, value in found.items():
        print(f"{name:42} {value}", flush=True)
    return found


def preview_figures(page: Any, name: str, changes: int) -> dict[str, Any]:
    """Choose a file, then turn a knob again and again, each time once the whole dream is there."""
    begun = time.monotonic()
    page.click(f"[data-path='{name}']")
    page.locator("#compare[data-stage]").wait_for()
    first = time.monotonic() - begun
    count = page.locator("#sheet button:not([disabled])").count()
    wait_for(lambda: page.locator("#sheet img").count() == count)
    sheet = time.monotonic() - begun
    done = "window.dreamstreamLatencies.filter((each) => each.last).length"
    for number in range(changes):
        before = page.evaluate(done)
        page.locator("#knob-chroma").evaluate(
            "(it, value) => { it.value = value; it.dispatchEvent(new Event('change')); }",
            round(0.1 + 0.8 * (number * 0.37 % 1), 2),
        )
        wait_for(lambda before=before: page.evaluate(done) > before)  # type: ignore[misc]
    records = page.evaluate("window.dreamstreamLatencies")[-2 * changes :]
    coarse: dict[int, float] = {}
    for record in records:
        coarse.setdefault(record["ticket"], record["milliseconds"])
    whole = [record["milliseconds"] for record in records if record["last"]]
    return {
        "first picture of a file, s": round(first, 2),
        "sheet of all looks, s": round(sheet, 2),
        "coarse preview, ms (median, p95)": middle_and_most(list(coarse.values())),
        "whole preview, ms (median, p95)": middle_and_most(whole),
    }


def camera_figures(page: Any, seconds: float) -> dict[str, Any]:
    """Watch the camera's dream."""
    page.click("#camera-button")
    wait_for(lambda: "dreamed at" in page.locator("#camera-figures").inner_text())
    time.sleep(SETTLE)
    before, begun = page.evaluate("window.dreamstreamCamera.frames"), time.monotonic()
    time.sleep(seconds)
    frames = page.evaluate("window.dreamstreamCamera.frames") - before
    rate = frames / (time.monotonic() - begun)
    latencies = page.evaluate("window.dreamstreamCamera.latencies")[-frames:]
    figures = page.locator("#camera-figures").inner_text()
    page.click("#camera-close")
    return {
        "camera, frames a second": round(rate, 1),
        "camera, latency in ms (median, p95)": middle_and_most(latencies),
        "camera, as it says": figures,
    }


def render(address: str, number: int) -> None:
    """Render a short film in one of a few looks, and wait for it."""
    settings = {"first_steps": "2", "chroma": str(round(0.2 + 0.1 * (number % 7), 1))}
    body = json.dumps({"source": "short.mp4", "suffix": ".mp4", "settings": settings}).encode()
    headers = {"x-dreamstream": "1", "content-type": "application/json"}
    request = urllib.request.Request(f"{address}api/jobs", body, headers)
    with urllib.request.urlopen(request) as answer:
        made = json.load(answer)["number"]

    def is_done() -> bool:
        with urllib.request.urlopen(f"{address}api/state") as answer:
            jobs = {job["number"]: job for job in json.load(answer)["jobs"]}
        return str(jobs[made]["state"]) in ("done", "failed")

    wait_for(is_done)


def memory(pid: int) -> dict[str, int]:
    """Return the resident megabytes of the studio's processes, the server first, then by size."""
    children = Path(f"/proc/{pid}/task").glob("*/children")
    numbers = {int(each) for path in children for each in path.read_text().split()}
    sizes = sorted((_resident(number) for number in numbers), reverse=True)
    names = ["engine", "media", "copies", "tracker"]
    return {"server": _resident(pid), **dict(zip(names, sizes, strict=False))}


def _resident(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)


def middle_and_most(values: list[float]) -> tuple[int, int]:
    """Return the median and the 95th percentile."""
    ordered = sorted(values)
    return round(statistics.median(ordered)), round(ordered[int(0.95 * (len(ordered) - 1))])


def wait_for(holds: Callable[[], Any]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + _PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError("it took too long")
        time.sleep(0.05)


if __name__ == "__main__":
    main()
