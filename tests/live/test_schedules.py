"""Schedules in a live view: by the film's clock or the camera's, and what is refused."""

import time
from fractions import Fraction
from pathlib import Path

import clips
import numpy as np
import pytest
from live_parts import FakeNetwork, textured, wait_until
from music import clicks, write_music_clip

from dreamstream.config import ControlConfig, DreamConfig, LiveConfig, MediaConfig
from dreamstream.controls.planning import lay_out
from dreamstream.controls.program import Program, read_schedules, with_scheduled_layers
from dreamstream.controls.timeline import Timeline
from dreamstream.errors import UsageError
from dreamstream.live.capture import Captured, Film
from dreamstream.live.engine import LiveEngine
from dreamstream.live.mailbox import Mailbox
from dreamstream.live.pilot import LivePilot
from dreamstream.live.session import LiveRun, live_program
from dreamstream.sources import open_source

PIXELS = textured()


def program(**texts: str) -> Program:
    dream = with_scheduled_layers(DreamConfig(), texts)
    return lay_out(read_schedules(texts), Timeline(Fraction(30)), dream, None)


def run_of(target: Path | str, **texts: str) -> LiveRun:
    controls = ControlConfig(schedule=texts)
    live = LiveConfig(live=True)
    return LiveRun(str(target), None, DreamConfig(), MediaConfig(), live, controls)


def test_a_camera_is_followed_by_seconds_since_its_first_picture() -> None:
    pilot = LivePilot(program(strength="0:(0), 2s:(1)", chroma="0:(sec/4)"))
    pilot.note(Captured(PIXELS, 100.0))
    assert (pilot.strength(1.0), pilot.settings) == (0.0, {"chroma": 0.0})
    pilot.note(Captured(PIXELS, 101.0))
    assert pilot.strength(1.0) == pytest.approx(0.5)
    assert pilot.strength(1.5) == pytest.approx(0.75), "the viewer's keys scale it"
    assert pilot.settings == {"chroma": pytest.approx(0.25)}


def test_a_film_is_followed_by_its_own_time() -> None:
    pilot = LivePilot(program(strength="0:(0), 2s:(1)"))
    pilot.note(Captured(PIXELS, 100.0, time=1.5))
    assert pilot.strength(1.0) == pytest.approx(0.75)


def test_what_holds_goes_on_where_a_formula_has_no_value() -> None:
    pilot = LivePilot(program(strength="0:(0.5 + 0/(t-30))"))
    pilot.note(Captured(PIXELS, 0.0))
    pilot.note(Captured(PIXELS, 1.0))
    assert pilot.strength(1.0) == pytest.approx(0.5)


def test_without_schedules_the_viewer_rules() -> None:
    pilot = LivePilot(None)
    pilot.note(Captured(PIXELS, 0.0))
    assert pilot.strength(1.3) == 1.3
    assert not pilot.settings


def test_a_looped_film_begins_its_schedule_anew(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "in.mp4", clips.pictures(5, 48, 64))
    now = [0.0]
    film = Film(lambda: open_source(path), "in.mp4", loop=True, clock=lambda: now[0])
    times = []
    for _ in range(12):
        captured = film.read()
        now[0] = max(now[0], captured.moment)
        times.append(captured.time)
    film.close()
    assert times[:7] == pytest.approx([0, 0.04, 0.08, 0.12, 0.16, 0, 0.04])


def test_the_network_is_told_and_the_picture_fades() -> None:
    captured: Mailbox[Captured] = Mailbox()
    network = FakeNetwork()
    schedule = program(strength="0:(0), 10s:(0)", chroma="0:(0.5)")
    size = (PIXELS.shape[0], PIXELS.shape[1])
    engine = LiveEngine(DreamConfig(), size, 0.01, captured, lambda config: network, schedule)
    engine.start()
    try:
        shown = []
        for _ in range(400):
            captured.put(Captured(PIXELS, time.monotonic()))
            frame = engine.dreams.take(0.1)
            shown += [] if frame is None else [frame]
            if len(network.looked) > 2:
                break
        wait_until(lambda: len(network.tuned) > 2)
    finally:
        engine.stop()
    assert network.tuned[-1] == {"chroma": 0.5}
    assert all(np.array_equal(frame.pixels, PIXELS) for frame in shown), "a strength of 0"


def test_a_films_own_sound_drives_it_one_way(tmp_path: Path) -> None:
    path = tmp_path / "in.mov"
    frames = clips.pictures(50, 16, 16)
    write_music_clip(path, frames, clips.regular(50), clicks([1.0], 2), clips.RATE)
    made = live_program(run_of(path, strength="0:(onset)"))
    assert made is not None
    strengths = [made.settings(moment)["strength"] for moment in np.arange(0, 2, 0.01)]
    assert max(strengths[:95]) < 0.1, "nothing moves before it is heard"
    assert 100 <= int(np.argmax(strengths)) <= 106


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({"zoom": "1.02"}, "--schedule zoom: is not for a live view"),
        ({"blend": "0.5"}, "--schedule blend: is not for a live view"),
        ({"strength": "bass"}, "needs sound, and camera has none"),
        ({"strength": "t/max_f"}, "there is no max_f"),
    ],
)
def test_what_a_camera_can_not_follow_is_refused(texts: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError) as raised:
        live_program(run_of("camera", **texts))
    assert said in str(raised.value)
