"""The newest frame, whatever the device does."""

import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import clips
import numpy as np
import pytest
from live_parts import FakeDevice, textured, wait_until

from dreamstream._libraries import cv2
from dreamstream.config import LiveConfig, MediaConfig
from dreamstream.errors import SourceError, SourceLost
from dreamstream.frames import StreamInfo
from dreamstream.live.capture import (
    REPEATING,
    Camera,
    Captured,
    CaptureThread,
    Film,
    Pacer,
    Watchdog,
)
from dreamstream.live.mailbox import Mailbox
from dreamstream.live.session import is_live, live_rate, open_device
from dreamstream.sources import open_source


class Clock:
    """Tells the seconds that it is set to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Capture:
    """OpenCV's capture, reading a list of BGR pictures and then nothing."""

    def __init__(self, pictures: list[Any]) -> None:
        self._pictures = list(pictures)
        self.released = False

    def read(self) -> tuple[bool, Any]:
        return (True, self._pictures.pop(0)) if self._pictures else (False, None)

    def release(self) -> None:
        self.released = True


INFO = StreamInfo(48, 64, rate=Fraction(30))


def camera_of(pictures: list[Any]) -> Camera:
    return Camera(Capture(pictures), "camera 7", INFO)  # type: ignore[arg-type]


def film_of(path: Path, clock: Callable[[], float], *, loop: bool = False) -> Film:
    return Film(lambda: open_source(path), path.name, loop=loop, clock=clock)


def test_a_slot_gives_the_newest_value_once() -> None:
    slot: Mailbox[int] = Mailbox()
    slot.put(1)
    slot.put(2)
    assert (slot.take(), slot.take()) == (2, None)


def test_a_closed_slot_holds_nobody_up() -> None:
    slot: Mailbox[int] = Mailbox()
    slot.close()
    begun = time.monotonic()
    assert slot.take(10) is None
    assert time.monotonic() - begun < 1


def test_a_camera_gives_rgb() -> None:
    blue = np.full((48, 64, 3), (200, 20, 10), np.uint8)
    assert camera_of([blue]).read().pixels[0, 0].tolist() == [10, 20, 200]


def test_an_unplugged_camera_is_lost_in_one_line() -> None:
    with pytest.raises(SourceLost, match=r"^camera 7 gives no picture any more: .*restart$"):
        camera_of([]).read()


def noisy(count: int) -> list[Any]:
    return list(np.random.default_rng(1).integers(0, 255, (count, 48, 64, 3), np.uint8))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("dreamstream.live.capture.time.monotonic", clock)
    return clock


def repeat_for(camera: Camera, clock: Clock, seconds: float) -> None:
    camera.read()
    clock.now += seconds
    camera.read()


def test_a_driver_that_repeats_its_last_picture_is_a_lost_camera(clock: Clock) -> None:
    pictures = noisy(40)
    camera = camera_of([*pictures, pictures[-1], pictures[-1]])
    for _ in pictures:
        camera.read()
    with pytest.raises(SourceLost):
        repeat_for(camera, clock, REPEATING + 1)


def test_a_scene_that_stood_still_before_is_no_lost_camera(clock: Clock) -> None:
    first, *others = noisy(40)
    camera = camera_of([first, first, *others, others[-1], others[-1]])
    repeat_for(camera, clock, 2.0)
    for _ in others:
        camera.read()
    repeat_for(camera, clock, REPEATING + 1)


def test_a_covered_lens_is_no_lost_camera(clock: Clock) -> None:
    black = np.zeros((48, 64, 3), np.uint8)
    camera = camera_of([*noisy(40), black, black, black])
    for _ in range(41):
        camera.read()
    repeat_for(camera, clock, REPEATING + 1)


def test_a_film_plays_at_its_own_times(clip: Path) -> None:
    clock = Clock()
    film = film_of(clip, clock)
    moments = []
    for _ in range(25):
        moments.append(film.read().moment)
        clock.now = max(clock.now, moments[-1])
    assert np.allclose(np.diff(moments), 0.04)
    with pytest.raises(StopIteration):
        film.read()
    film.close()


def test_a_film_drops_what_is_late_as_a_camera_would(clip: Path) -> None:
    clock = Clock()
    film = film_of(clip, clock)
    begin = film.read().moment
    clock.now += 0.21
    assert film.read().moment - begin == pytest.approx(0.2)
    film.close()


def test_a_film_that_can_not_be_decoded_in_time_plays_slower_and_is_never_late(clip: Path) -> None:
    clock = Clock()
    film = film_of(clip, clock)
    for _ in range(10):
        clock.now += 0.5
        assert clock.now - film.read().moment <= 0.25
    film.close()


def test_a_film_loops_without_a_jump_in_its_times(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "short.mp4", clips.pictures(4), sound=None)
    clock = Clock()
    film = film_of(path, clock, loop=True)
    moments = []
    for _ in range(10):
        moments.append(film.read().moment)
        clock.now = max(clock.now, moments[-1])
    assert np.allclose(np.diff(moments), 0.04)
    film.close()


def test_a_still_does_not_play_live(tmp_path: Path) -> None:
    path = tmp_path / "still.png"
    cv2.imwrite(str(path), textured())
    with pytest.raises(SourceError, match="it is a still; leave --live out"):
        open_device(str(path), MediaConfig())


def test_the_thread_keeps_only_the_newest_frame() -> None:
    device = FakeDevice(20)
    thread = CaptureThread(device, Fraction(1000))
    thread.start()
    wait_until(lambda: thread.over)
    newest = thread.newest.take()
    assert thread.frames == 20
    assert newest is not None
    assert np.array_equal(newest.pixels, textured(20 % 8))
    assert thread.newest.take() is None
    assert device.closed
    assert thread.failure is None


def test_the_thread_keeps_what_the_device_failed_with() -> None:
    thread = CaptureThread(FakeDevice(2, "lost"), Fraction(1000))
    thread.start()
    wait_until(lambda: thread.over)
    assert isinstance(thread.failure, SourceLost)


def test_frames_that_change_size_are_fitted_into_the_first() -> None:
    class Changing(FakeDevice):
        def read(self) -> Captured:
            captured = super().read()
            return Captured(captured.pixels[:24, :32], captured.moment)

    thread = CaptureThread(Changing(1), Fraction(1000))
    thread.start()
    wait_until(lambda: thread.over)
    newest = thread.newest.take()
    assert newest is not None
    assert newest.pixels.shape == (48, 64, 3)


def test_a_thread_that_never_began_lets_go_of_its_device() -> None:
    device = FakeDevice(1)
    CaptureThread(device, Fraction(30)).stop()
    assert device.closed


def test_the_pacer_halves_sixty_frames_a_second_evenly() -> None:
    pacer = Pacer(Fraction(30))
    admitted = [index for index in range(60) if pacer.admits(index / 60)]
    assert admitted == list(range(0, 60, 2))


def test_the_pacer_lets_every_frame_of_its_own_rate_pass_though_they_jitter() -> None:
    pacer = Pacer(Fraction(30))
    jitter = np.random.default_rng(0).uniform(-0.004, 0.004, 60)
    assert all(pacer.admits(index / 30 + jitter[index]) for index in range(60))


def test_the_watchdog_bites_after_its_patience_and_not_before() -> None:
    watchdog = Watchdog(1.0)
    assert not any(watchdog.bites(5, tick / 10) for tick in range(11))
    assert watchdog.bites(5, 1.2)


def test_a_frame_calms_the_watchdog() -> None:
    watchdog = Watchdog(1.0)
    assert not any(watchdog.bites(tick // 9, tick / 10) for tick in range(100))


def test_the_watchdog_does_not_count_its_own_stall() -> None:
    watchdog = Watchdog(5.0)
    watchdog.bites(5, 0.0)
    assert not watchdog.bites(5, 60.0)


@pytest.mark.parametrize(
    ("target", "live"),
    [
        ("camera", True),
        ("camera:1", True),
        ("/dev/video0", True),
        ("/dev/v4l/by-id/usb-cam", True),
        ("rtsp://host/live", True),
        ("film.mp4", False),
        ("https://host/film.mp4", False),
        ("./camera", False),
        ("-", False),
    ],
)
def test_cameras_and_net_cameras_are_live_and_films_are_not(target: str, live: bool) -> None:
    assert is_live(target, LiveConfig()) is live
    assert is_live(target, LiveConfig(live=True))


@pytest.mark.parametrize(
    ("own", "asked", "rate"), [(60, None, 30), (25, None, 25), (25, 60, 25), (25, 12, 12)]
)
def test_the_rate_is_the_cameras_own_up_to_thirty(own: int, asked: int | None, rate: int) -> None:
    config = LiveConfig(live_fps=None if asked is None else Fraction(asked))
    assert live_rate(StreamInfo(4, 4, rate=Fraction(own)), config) == rate


@pytest.mark.parametrize("target", ["camera:97", "/dev/video97"])
def test_a_missing_camera_is_one_line(target: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceError, match=r"opening camera .*97 failed: there is none, or another"):
        open_device(target, MediaConfig())
    assert capfd.readouterr().err == ""
