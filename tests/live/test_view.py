"""The live view, with a fake camera, a fake screen and a fake network."""

import json
import os
import signal
import subprocess
import sys
import time
import types
from fractions import Fraction
from pathlib import Path
from typing import Any

import clips
import numpy as np
import pytest
from live_parts import (
    HEIGHT,
    RATE,
    WIDTH,
    FakeDevice,
    FakeNetwork,
    FakeWindow,
    textured,
    wait_until,
)

from dreamstream._libraries import cv2
from dreamstream.cli.main import main
from dreamstream.config import DreamConfig, LiveConfig, MediaConfig
from dreamstream.dream.report import FrameRecord
from dreamstream.errors import MissingLibraryError, ModelError, SinkError, SourceError, SourceLost
from dreamstream.frames import Frame, StreamInfo
from dreamstream.live import session
from dreamstream.live.engine import InferenceModel, LoadModel
from dreamstream.live.outputs import Outputs
from dreamstream.live.session import LiveRun, show_device
from dreamstream.live.virtual import VirtualCameraSink
from dreamstream.sinks import ArraySink, Sink
from dreamstream.sources import open_source

FAST = LiveConfig(live_fps=RATE)


def show(
    device: FakeDevice,
    window: FakeWindow,
    network: InferenceModel | None = None,
    *,
    output: Path | None = None,
    tap: Sink | None = None,
    records: list[FrameRecord] | None = None,
    load: LoadModel | None = None,
    duration: Fraction | None = None,
) -> int:
    network = network or FakeNetwork()
    run = LiveRun(
        "camera:7",
        None if output is None else str(output),
        DreamConfig(no_cuts=True),
        MediaConfig(duration=duration),
        FAST,
    )
    return show_device(
        device,
        run,
        load or (lambda config: network),
        write_record=None if records is None else records.append,
        window=window,
        tap=tap,
    )


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


# --- the picture -----------------------------------------------------------------------------


def test_the_world_dreams_and_the_end_of_the_device_ends_it() -> None:
    sink, device = ArraySink(StreamInfo(HEIGHT, WIDTH)), FakeDevice(60)
    shown = show(device, FakeWindow(), tap=sink)
    assert shown == len(sink.frames) > 5
    assert device.closed
    change = sink.frames[-1].pixels.astype(int) - textured(60 % 8)
    assert np.median(change) > 10


def test_the_picture_is_there_before_the_network() -> None:
    window = FakeWindow()

    def load_late(config: DreamConfig) -> FakeNetwork:
        while len(window.shown) < 10:
            time.sleep(0.001)
        return FakeNetwork()

    records: list[FrameRecord] = []
    show(FakeDevice(100), window, records=records, load=load_late)
    assert not any(record.report.residual_rms for record in records[:5])
    assert records[-1].report.residual_rms


def test_a_slow_network_does_not_hold_the_picture_up() -> None:
    records: list[FrameRecord] = []
    show(FakeDevice(150), FakeWindow(), FakeNetwork(seconds=0.2), records=records)
    stepped = sum(bool(record.report.steps) for record in records)
    assert 2 <= stepped < len(records) / 4
    assert np.median([record.latency or 0 for record in records]) < 0.1


def test_a_loss_stands_beside_the_frames_that_were_looked_at_and_no_others() -> None:
    records: list[FrameRecord] = []
    network = FakeNetwork(seconds=0.05)
    show(FakeDevice(100), FakeWindow(), network, records=records)
    with_loss = [record for record in records if record.report.loss is not None]
    assert {record.report.loss for record in with_loss} == {5.0}
    assert 2 <= len(with_loss) <= len(network.looked)
    assert any(record.report.loss is None for record in records)
    assert [record.index for record in records] == list(range(len(records)))


def test_the_time_given_ends_it() -> None:
    records: list[FrameRecord] = []
    show(FakeDevice(1000), FakeWindow(), records=records, duration=Fraction(1, 2))
    assert 0.3 < records[-1].time < 0.5


def test_closing_the_window_ends_it() -> None:
    window, device = FakeWindow(closes_at=5), FakeDevice(1000)
    show(device, window)
    assert len(window.shown) <= 6
    assert window.closed == 1
    assert device.closed


def test_a_failing_network_ends_it_with_its_own_words() -> None:
    with pytest.raises(ModelError, match="weights are gone"):
        show(FakeDevice(1000), FakeWindow(), FakeNetwork(failure=ModelError("weights are gone")))


# --- keys ------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["q", "Q", "\x1b"])
def test_q_and_escape_quit(key: str) -> None:
    assert show(FakeDevice(1000), FakeWindow([(3, key)])) <= 6


def test_space_freezes_and_lets_go() -> None:
    window = FakeWindow([(5, " "), (12, " "), (40, "q")])
    sink = ArraySink(StreamInfo(HEIGHT, WIDTH))
    show(FakeDevice(1000), window, tap=sink)
    gaps = np.diff([float(frame.time) for frame in sink.frames])
    assert gaps.max() > 0.25  # drawn again every tenth of a second meanwhile
    assert len(sink.frames) > 15


def test_m_mirrors_what_is_shown() -> None:
    sink = ArraySink(StreamInfo(HEIGHT, WIDTH))
    show(FakeDevice(40), FakeWindow([(1, "m")]), FakeNetwork(0.0), tap=sink)
    last = sink.frames[-1].pixels
    assert any(np.array_equal(last[:, ::-1], textured(shift)) for shift in range(8))


def test_o_and_h_draw_figures_and_help_over_the_picture_alone() -> None:
    window = FakeWindow([(1, "o"), (10, "h"), (20, "q")])
    sink = ArraySink(StreamInfo(HEIGHT, WIDTH))
    show(FakeDevice(1000), window, FakeNetwork(0.0), tap=sink)
    last = sink.frames[-1].pixels
    assert any(np.array_equal(last, textured(shift)) for shift in range(8))
    help_shown, before = window.shown[-1], window.shown[8]
    assert help_shown[10:38].mean() < 0.8 * before[10:38].mean()


def test_s_saves_stills_that_replace_nothing(folder: Path) -> None:
    show(FakeDevice(1000), FakeWindow([(3, "s"), (4, "s"), (6, "q")]), FakeNetwork(0.0))
    stills = sorted(folder.glob("dreamstream-*.png"))
    assert len(stills) == 2
    still = cv2.imread(str(stills[0]))
    assert still is not None
    assert still.shape == (HEIGHT, WIDTH, 3)


def test_brackets_make_the_dream_stronger_and_weaker() -> None:
    rms = []
    for key in ("]", "["):
        records: list[FrameRecord] = []
        keys = [(1, key)] * 6 + [(40, "q")]
        show(FakeDevice(1000), FakeWindow(keys), FakeNetwork(0.002), records=records)
        rms.append(records[-1].report.residual_rms)
    assert rms[0] > 3 * rms[1]


def test_p_and_digits_load_another_look_while_the_picture_goes_on() -> None:
    window = FakeWindow([(3, "p"), (30, "2"), (60, "9"), (90, "q")])
    loaded: list[DreamConfig] = []

    def load(config: DreamConfig) -> FakeNetwork:
        loaded.append(config)
        return FakeNetwork()

    records: list[FrameRecord] = []
    show(FakeDevice(3000), window, records=records, load=load)
    assert [config.preset for config in loaded] == ["menagerie", "creatures", "creatures"]
    assert dict(loaded[2].layers) == {"3a": 1.0}
    assert max(record.wall_seconds for record in records[1:]) < 1.0


def test_f_fills_the_screen() -> None:
    window = FakeWindow([(2, "f"), (4, "q")])
    show(FakeDevice(1000), window)
    assert window.full_screen


# --- recordings ------------------------------------------------------------------------------


def recorded_times(path: Path) -> list[Fraction]:
    with open_source(path) as source:
        return [frame.time for frame in source]


def test_a_recording_holds_what_was_shown_at_the_times_of_capture(folder: Path) -> None:
    records: list[FrameRecord] = []
    show(FakeDevice(60), FakeWindow(), output=folder / "out.mp4", records=records)
    times = recorded_times(folder / "out.mp4")
    shown = [record.time for record in records]
    assert set(times) <= set(shown)
    assert len(times) > len(shown) / 2
    assert times[0] == 0


@pytest.mark.parametrize("end", ["lost", "silent"])
def test_a_lost_camera_leaves_a_whole_recording_and_says_so(folder: Path, end: str) -> None:
    path = folder / "out.mp4"
    with pytest.raises(SourceLost, match=r"camera 7 gives no picture any more.*recorded is in"):
        show(FakeDevice(30, end), FakeWindow(), output=path)
    assert len(recorded_times(path)) > 5
    assert list(folder.iterdir()) == [path]


def test_a_camera_that_never_gives_a_picture_leaves_no_file(folder: Path) -> None:
    with pytest.raises(SourceError, match="camera 7 gives no picture: another program may hold"):
        show(FakeDevice(0, "silent"), FakeWindow(), output=folder / "out.mp4")
    assert not list(folder.iterdir())


def test_a_failing_network_leaves_a_whole_recording(folder: Path) -> None:
    class Late(FakeNetwork):
        def look(self, *arguments: Any) -> Any:
            if len(self.looked) > 5:
                raise ModelError("weights are gone")
            return super().look(*arguments)

    with pytest.raises(ModelError):
        show(FakeDevice(1000), FakeWindow(), Late(), output=folder / "out.mp4")
    assert recorded_times(folder / "out.mp4")


def test_r_records_until_it_is_pressed_again(folder: Path) -> None:
    show(FakeDevice(1000), FakeWindow([(3, "r"), (20, "r"), (40, "q")]))
    (path,) = folder.glob("dreamstream-*.mp4")
    assert 5 < len(recorded_times(path)) < 25


def test_r_makes_a_second_recording_like_named(folder: Path) -> None:
    window = FakeWindow([(5, "r"), (10, "r"), (20, "q")])
    show(FakeDevice(1000), window, output=folder / "out.mp4")
    assert recorded_times(folder / "out.mp4")
    assert recorded_times(folder / "out-2.mp4")


def test_an_existing_output_stays_and_nothing_opens(folder: Path) -> None:
    path = folder / "out.mp4"
    path.write_text("mine")
    window, device = FakeWindow(), FakeDevice(10)
    with pytest.raises(SinkError, match="it exists"):
        show(device, window, output=path)
    assert path.read_text() == "mine"
    assert device.closed
    assert not window.shown


def test_a_full_disk_ends_the_view_in_one_line_with_what_was_recorded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(ArraySink):
        partial = folder / "out.part.mp4"

        def write(self, frame: Frame) -> None:
            if len(self.frames) == 5:
                raise SinkError("writing out.mp4 failed (No space left on device); free some")
            super().write(frame)

    sink = Full(StreamInfo(HEIGHT, WIDTH))
    monkeypatch.setattr(Outputs, "_open", lambda self, target: sink)
    with pytest.raises(SinkError, match=r"No space left.*what was recorded is in .*out\.part"):
        show(FakeDevice(1000), FakeWindow(), output=folder / "out.mp4")
    assert sink.aborted


# --- the virtual camera ----------------------------------------------------------------------


class FakeVirtualCamera:
    """pyvirtualcam's camera, as far as it is used."""

    def __init__(self, width: int, height: int, fps: float, fmt: str) -> None:
        self.device, self.sent, self.closed = "/dev/video9", [], False  # type: ignore[var-annotated]
        assert (width, height, fmt) == (WIDTH, HEIGHT, "rgb")

    def send(self, pixels: Any) -> None:
        self.sent.append(pixels.copy())

    def close(self) -> None:
        self.closed = True


def install_virtual_camera(monkeypatch: pytest.MonkeyPatch, camera: Any) -> None:
    module = types.ModuleType("pyvirtualcam")
    module.Camera = camera  # type: ignore[attr-defined]
    module.PixelFormat = types.SimpleNamespace(RGB="rgb")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pyvirtualcam", module)


def test_a_virtual_camera_gets_the_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    install_virtual_camera(monkeypatch, FakeVirtualCamera)
    sink = VirtualCameraSink(StreamInfo(HEIGHT, WIDTH, rate=RATE))
    show(FakeDevice(30), FakeWindow(), tap=sink)
    camera = sink._camera
    assert len(camera.sent) > 5
    sink.close()
    assert camera.closed


def test_without_pyvirtualcam_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(
        MissingLibraryError, match=r"pip install '\.\[virtualcam\]'.* \(it is GPL-2\)"
    ):
        VirtualCameraSink(StreamInfo(HEIGHT, WIDTH, rate=RATE))


def test_without_a_loopback_device_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_there(*arguments: Any, **options: Any) -> Any:
        raise RuntimeError("No v4l2\n loopback device")

    install_virtual_camera(monkeypatch, none_there)
    with pytest.raises(SinkError, match=r"\(No v4l2 loopback device\); on Linux load v4l2loopback"):
        VirtualCameraSink(StreamInfo(HEIGHT, WIDTH, rate=RATE))


# --- the command -----------------------------------------------------------------------------


@pytest.fixture
def fake_camera(monkeypatch: pytest.MonkeyPatch) -> list[FakeDevice]:
    """The command sees a fake camera and a fake network."""
    devices: list[FakeDevice] = []

    def open_fake(target: str, media: MediaConfig) -> FakeDevice:
        devices.append(FakeDevice(40, "lost" if target == "camera:1" else "over"))
        return devices[-1]

    monkeypatch.setattr(session, "open_device", open_fake)
    monkeypatch.setattr("dreamstream.live.loading.load_model", lambda config, quiet: FakeNetwork())
    return devices


def test_the_command_records_a_camera_without_a_window(
    fake_camera: list[FakeDevice], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["camera", "out.mkv", "--no-window", "--stats", "run.jsonl", "--live-fps", "100"]
    assert main(arguments) == 0
    lines = [json.loads(line) for line in (folder / "run.jsonl").read_text().splitlines()]
    assert len(recorded_times(folder / "out.mkv")) > 5
    assert all(line["latency"] >= 0 for line in lines)
    assert capsys.readouterr().err.startswith("dreamstream: out.mkv: ")


def test_a_camera_lost_midway_is_a_partial_result(
    fake_camera: list[FakeDevice], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["camera:1", "out.mp4", "--no-window"]) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("; what was recorded is in out.mp4")
    assert recorded_times(folder / "out.mp4")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["camera", "--no-window"], "--no-window: nothing is left to see"),
        (["camera", "x.mp4", "--compare"], "--compare: is not for a live view"),
        (["camera", "x.mp4", "--frames", "0:5"], "--frames: is not for a live view"),
        (["camera", "--preview", "1"], "--preview: is not for a live view"),
        (["camera", "x.mp4", "--fps", "5"], "--fps: is not for a live view"),
        (["camera", "folder/"], "a live view takes one INPUT, and a file as OUTPUT"),
        (["camera", "x.mp4", "--start", "5"], "--start: is for a film, not a camera"),
        (["camera", "x.mp4", "--loop"], "--loop: is for a film, not a camera"),
        (["camera", "x.mp4", "--live-fps", "0"], "--live-fps: 0 must be more than 0"),
    ],
)
def test_what_a_live_view_can_not_do_is_refused(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert complaint in line


@pytest.mark.parametrize("flag", ["--no-window", "--virtual-camera"])
def test_flags_of_the_live_view_are_refused_for_a_film(
    flag: str, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(clip), "x.mp4", flag]) == 2
    assert f"{flag}: is for a live view" in capsys.readouterr().err


def test_ctrl_c_leaves_a_whole_recording(clip: Path, folder: Path) -> None:
    command = [sys.executable, "-X", "faulthandler", "-m", "dreamstream", str(clip), "out.mp4"]
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        [*command, "--live", "--loop", "--no-window", "--stats", "run.jsonl"],
        env={**os.environ, "PYTHONPATH": root},
        stderr=subprocess.PIPE,
        # a shell's background job, as these tests may be, hands on that it ignores Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    stats = folder / "run.jsonl"
    wait_until(lambda: stats.exists() and stats.read_text().count("\n") > 5, 120)
    process.send_signal(signal.SIGINT)
    try:
        process.communicate(timeout=120)
    except subprocess.TimeoutExpired:  # see where all its threads are
        process.send_signal(signal.SIGABRT)
        pytest.fail(process.communicate()[1].decode())
    assert process.returncode == 130
    assert len(recorded_times(folder / "out.mp4")) > 5


def test_a_missing_camera_is_bad_input_in_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["camera:97"]) == 3
    (line,) = capfd.readouterr().err.splitlines()
    assert "opening camera 97 failed" in line


def test_without_a_display_a_live_view_is_one_line_and_no_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = clips.write_clip(folder / "in.mp4", clips.pictures(10), sound=None)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert main([str(path), "out.mp4", "--live"]) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert "there is no display" in line
    assert list(folder.iterdir()) == [path]
