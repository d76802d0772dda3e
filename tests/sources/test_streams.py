"""Inputs that are read but once: URLs and standard input."""

import http.server
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import clips
import numpy as np
import pytest

from dreamstream._libraries import av, cv2
from dreamstream.config import MediaConfig
from dreamstream.errors import SourceError
from dreamstream.frames import Frame
from dreamstream.sinks import open_sink
from dreamstream.sources import Source, VideoSource, open_source, opening

BLOCK = 4096


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of Matroska with sound, which can be read as it comes."""
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    return clips.write_clip(path, clips.pictures(50))


def pixels_of(frames: list[Frame]) -> list[bytes]:
    return [frame.pixels.tobytes() for frame in frames]


def sound_of(source: Source) -> list[tuple[Fraction, bytes]]:
    """Read the packets of the sound as who writes them does."""
    assert source.info.sound is not None
    assert source.info.sound.feed is not None
    feed = source.info.sound.feed()
    return [
        (packet.pts * packet.time_base, bytes(packet))
        for packet in feed.demux(feed.streams.audio)
        if packet.size
    ]


# --- URLs ------------------------------------------------------------------------------------


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves a folder whole, or as far as the first part of the path tells."""

    folder: Path
    ended: threading.Event

    def do_GET(self) -> None:
        way, _, name = self.path.strip("/").partition("/")
        if way == "mute":
            self.ended.wait()
        elif not (self.folder / name).is_file():
            self.send_error(404)
        else:
            data = (self.folder / name).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data if way == "whole" else data[: len(data) * 2 // 3])
            self.wfile.flush()
            if way == "stall":
                self.ended.wait()

    def log_message(self, *_arguments: object) -> None:
        """Print nothing."""


@pytest.fixture
def serve(film: Path) -> Iterator[Callable[[str], str]]:
    """Return the URL of a path on a server that serves the film's folder."""
    ended = threading.Event()
    handler = type("OfFolder", (Handler,), {"folder": film.parent, "ended": ended})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield lambda path: f"http://127.0.0.1:{server.server_port}/{path}"
    ended.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def short_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "OPEN_TIMEOUT", 0.5)
    monkeypatch.setattr(opening, "READ_TIMEOUT", 0.5)


def test_a_film_behind_a_url_is_read_as_a_file_is(serve: Callable[[str], str], film: Path) -> None:
    with open_source(film) as file, open_source(serve("whole/film.mkv")) as source:
        assert source.info.path is None
        assert pixels_of(list(source)) == pixels_of(list(file))
        assert source.damaged == 0


def test_a_url_can_be_trimmed(serve: Callable[[str], str], film: Path) -> None:
    media = MediaConfig(start=Fraction(1), duration=Fraction("0.4"))
    with open_source(film, media) as file, open_source(serve("whole/film.mkv"), media) as source:
        frames = list(source)
        assert [frame.time for frame in frames] == clips.regular(10)
        assert pixels_of(frames) == pixels_of(list(file))


def test_a_picture_behind_a_url_is_a_still(serve: Callable[[str], str], film: Path) -> None:
    pixels = clips.pictures(1)[0]
    cv2.imwrite(str(film.parent / "a.png"), pixels[..., ::-1])
    with open_source(serve("whole/a.png")) as source:
        assert (source.info.rate, source.info.frames) == (None, 1)
        np.testing.assert_array_equal(next(source).pixels, pixels)


def error_of(url: str) -> str:
    with pytest.raises(SourceError) as caught, open_source(url) as source:
        list(source)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_a_server_has_not_is_named(serve: Callable[[str], str]) -> None:
    message = error_of(serve("whole/none.mkv"))
    assert "none.mkv" in message
    assert "404" in message


@pytest.mark.usefixtures("short_timeouts")
def test_a_server_that_does_not_answer_is_given_up(serve: Callable[[str], str]) -> None:
    begun = time.monotonic()
    assert "no answer for 0.5 s" in error_of(serve("mute/film.mkv"))
    assert time.monotonic() - begun < 10


@pytest.mark.usefixtures("short_timeouts")
@pytest.mark.parametrize(("way", "reason"), [("stall", "no answer"), ("torn", "Input/output")])
def test_a_server_that_breaks_off_costs_only_what_it_did_not_send(
    serve: Callable[[str], str], way: str, reason: str
) -> None:
    frames: list[Frame] = []
    with open_source(serve(f"{way}/film.mkv")) as source:
        with pytest.raises(SourceError, match=reason) as caught:
            frames.extend(source)
        assert f"after {len(frames)} frames" in str(caught.value)
    assert len(frames) > 10


def test_no_server_at_all_and_an_unknown_scheme_are_said() -> None:
    assert "check the address" in error_of("http://127.0.0.1:9/a.mkv")
    assert "no such scheme" in error_of("gopher+x://host/a.mkv")


def test_a_password_is_not_said() -> None:
    message = error_of("http://me:secret@127.0.0.1:9/a.mkv")
    assert "secret" not in message
    assert "127.0.0.1" in message


def test_rtsp_comes_over_tcp(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, object] = {}

    def refuse(address: str, **options: object) -> None:
        asked.update(options, address=address)
        raise av.error.ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(av, "open", refuse)
    assert "Connection refused" in error_of("rtsp://127.0.0.1/live")
    assert asked["options"] == {"rtsp_transport": "tcp"}
    assert asked["timeout"] == (opening.OPEN_TIMEOUT, opening.READ_TIMEOUT)


# --- standard input --------------------------------------------------------------------------


@contextmanager
def stdin_of(data: bytes) -> Iterator[None]:
    """Make a pipe of data standard input."""
    reader, writer = os.pipe()

    def fill() -> None:
        with os.fdopen(writer, "wb", buffering=0) as pipe:
            for begin in range(0, len(data), BLOCK):
                try:
                    pipe.write(data[begin : begin + BLOCK])
                except BrokenPipeError:
                    return

    thread = threading.Thread(target=fill)
    kept = os.dup(0)
    os.dup2(reader, 0)
    os.close(reader)
    thread.start()
    try:
        yield
    finally:
        os.dup2(kept, 0)
        os.close(kept)
        thread.join()


def test_a_piped_film_is_read_as_a_file_is(film: Path) -> None:
    with stdin_of(film.read_bytes()), open_source("-") as source, open_source(film) as file:
        assert isinstance(source, VideoSource)
        assert source.info.path is None
        frames = list(source)
        assert [frame.time for frame in frames] == clips.regular(50)
        assert pixels_of(frames) == pixels_of(list(file))


def test_a_piped_film_can_be_trimmed(film: Path) -> None:
    media = MediaConfig(start=Fraction(1), frames=(2, 5))
    with (
        stdin_of(film.read_bytes()),
        open_source("-", media) as source,
        open_source(film, media) as file,
    ):
        assert pixels_of(list(source)) == pixels_of(list(file))


def test_a_piped_picture_is_a_still(tmp_path: Path) -> None:
    pixels = clips.pictures(1)[0]
    cv2.imwrite(str(tmp_path / "a.png"), pixels[..., ::-1])
    with stdin_of((tmp_path / "a.png").read_bytes()), open_source("-") as source:
        assert (source.info.rate, source.info.frames) == (None, 1)
        np.testing.assert_array_equal(next(source).pixels, pixels)


def test_a_file_that_stdin_is_redirected_from_is_read_as_that_file(film: Path) -> None:
    code = (
        "from dreamstream.sources import open_source; source = open_source('-'); "
        f"same = source.info.path.samefile({str(film)!r}); "
        "print(len(list(source)), source.info.sound.feed, same)"
    )
    with film.open("rb") as file:
        done = subprocess.run([sys.executable, "-c", code], stdin=file, capture_output=True)
    assert (done.stdout, done.stderr) == (b"50 None True\n", b"")


@pytest.mark.parametrize("data", [b"", b"Words and no pictures.\n" * 50])
def test_a_pipe_of_no_film_says_so(data: bytes) -> None:
    with (
        stdin_of(data),
        pytest.raises(SourceError, match="stdin failed: it is no video"),
    ):
        open_source("-")


def test_a_terminal_is_no_film() -> None:
    leader, follower = os.openpty()
    kept = os.dup(0)
    os.dup2(follower, 0)
    try:
        with pytest.raises(SourceError, match="it is a terminal"):
            open_source("-")
    finally:
        os.dup2(kept, 0)
        for number in (kept, leader, follower):
            os.close(number)


def test_a_signal_ends_the_wait_for_a_pipe_that_sends_nothing() -> None:
    code = (
        "from dreamstream.cli.signals import Stopped, stop_signals\n"
        "from dreamstream.sources import open_source\n"
        "print('ready', flush=True)\n"
        "try:\n"
        "    with stop_signals(): open_source('-')\n"
        "except Stopped as stop: print(stop.number)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == b"15\n"
        assert process.wait(timeout=10) == 0


# --- what goes with the pictures -------------------------------------------------------------


def test_the_sound_of_a_pipe_is_whole_when_it_is_read_beside_the_pictures(film: Path) -> None:
    with stdin_of(film.read_bytes()), open_source("-") as source:
        assert sound_of(source) == clips.sound_packets(film)
        assert len(list(source)) == 50, "the pictures were held meanwhile"


def test_sound_that_is_asked_for_is_held_while_the_pictures_are_read(film: Path) -> None:
    with stdin_of(film.read_bytes()), open_source("-") as source:
        assert source.info.sound is not None
        assert source.info.sound.feed is not None
        source.info.sound.feed()
        assert len(list(source)) == 50
        assert sound_of(source) == clips.sound_packets(film)


def test_sound_that_nobody_asks_for_is_not_hoarded(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dreamstream.sources.packet_feed._HELD_SECONDS", Fraction(1, 2))
    with stdin_of(film.read_bytes()), open_source("-") as source:
        for _ in source:
            pass
        left = sound_of(source)
    assert left
    assert left[0][0] > 1


def test_a_fault_met_by_the_reader_of_sound_is_raised_to_the_reader_of_pictures(
    serve: Callable[[str], str],
) -> None:
    with open_source(serve("torn/film.mkv")) as source:
        assert len(sound_of(source)) > 10
        with pytest.raises(SourceError, match="Input/output"):
            list(source)


@pytest.mark.parametrize("trim", [{}, {"start": Fraction(1), "duration": Fraction("0.4")}])
def test_a_piped_film_is_rendered_with_its_sound(
    film: Path, tmp_path: Path, trim: dict[str, Fraction]
) -> None:
    media = MediaConfig(**trim)  # type: ignore[arg-type]
    for name, target in (("file.mp4", str(film)), ("pipe.mp4", "-")):
        with (
            stdin_of(film.read_bytes()),
            open_source(target, media) as source,
            open_sink(tmp_path / name, source.info) as sink,
        ):
            for frame in source:
                sink.write(frame)
    assert clips.sound_packets(tmp_path / "pipe.mp4") == clips.sound_packets(tmp_path / "file.mp4")
    assert clips.sound_packets(tmp_path / "pipe.mp4")
    assert clips.video_times(tmp_path / "pipe.mp4") == clips.video_times(tmp_path / "file.mp4")


def test_a_film_behind_a_url_is_rendered_with_its_sound(
    serve: Callable[[str], str], film: Path, tmp_path: Path
) -> None:
    with (
        open_source(serve("whole/film.mkv")) as source,
        open_sink(tmp_path / "out.mkv", source.info) as sink,
    ):
        for frame in source:
            sink.write(frame)
    packets = clips.sound_packets(tmp_path / "out.mkv")
    assert [data for _, data in packets] == [data for _, data in clips.sound_packets(film)]
