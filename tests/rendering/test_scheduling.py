"""Schedules of a job: what each frame is dreamed with, what is refused, what is drawn, resumed."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import clips
import cv2
import numpy as np
import numpy.typing as npt
import pytest
from music import clicks, write_music_clip, write_sound

from dreamstream.cli import main as cli
from dreamstream.config import ControlConfig, DreamConfig, MediaConfig
from dreamstream.dream.report import DreamReport
from dreamstream.errors import FieldError, UsageError
from dreamstream.frames import FloatImage, Pixels
from dreamstream.rendering.dreamers import Dreamers
from dreamstream.rendering.job import Job
from dreamstream.rendering.run import render
from dreamstream.rendering.schedule_plot import plot_schedules
from dreamstream.sources import Source, open_source
from dreamstream.temporal.frame_analysis import AnalysisState, FrameAnalysis


class Painter:
    """Dreams by adding ten levels a strength of 1; it remembers how many it has dreamed."""

    def __init__(self, dream: DreamConfig) -> None:
        self.config = dream
        self.report, self.octave_images = DreamReport(), list[FloatImage]()
        self.seen: list[dict[str, Any]] = []
        self.changes: list[dict[str, Any]] = []
        self.reset()

    def reset(self) -> None:
        self._count = 0

    def change(self, **settings: Any) -> None:
        self.changes.append(settings)
        moved = {name for name in settings if name in ("zoom", "rotate", "drift_x", "drift_y")}
        known = {name: value for name, value in settings.items() if name not in moved}
        self.config = self.config.changed(**known)

    def analyse(self, pixels: Pixels, state: AnalysisState | None = None) -> FrameAnalysis:
        return FrameAnalysis(state or AnalysisState())

    def dream(self, pixels: Pixels, analysis: FrameAnalysis | None = None) -> Pixels:
        self.seen.append(self.changes[-1] if self.changes else {})
        self._count += 1
        levels = round(10 * self.config.strength) + self._count % 3
        return np.asarray(np.clip(pixels.astype(int) + levels, 0, 255), np.uint8)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        return {"count": np.array(self._count)}

    def restore(self, state: Any) -> None:
        self._count = int(state["count"])


PAINTERS: list[Painter] = []


@pytest.fixture(autouse=True)
def painters(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def lend(_: Dreamers, job: Job, source: Source) -> Painter:
        PAINTERS.append(Painter(job.dream))
        return PAINTERS[-1]

    monkeypatch.setattr(Dreamers, "lend", lend)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    PAINTERS.clear()


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds at 25 frames a second, with a click in each half of one."""
    path = tmp_path_factory.mktemp("music") / "in.mov"
    frames, times = clips.pictures(100, 16, 16), clips.regular(100)
    sound = clicks(np.arange(0.5, 3.9, 0.5), 4)
    return write_music_clip(path, frames, times, sound, Fraction(25))


def dreamed(job: Job) -> Painter:
    for _ in render(job):
        pass
    return PAINTERS[-1]


def job_of(source: Path, output: Path, media: Any = None, **schedule: str) -> Job:
    controls = ControlConfig(
        schedule={name.replace("__", "."): text for name, text in schedule.items()}
    )
    return Job(
        source=str(source), output=str(output), media=media or MediaConfig(), controls=controls
    )


def test_every_frame_has_the_settings_of_its_time(clip: Path, tmp_path: Path) -> None:
    painter = dreamed(job_of(clip, tmp_path / "out.mkv", strength="0:(0), 24:(1.2)", chroma="0.5"))
    assert [one["strength"] for one in painter.seen] == pytest.approx(
        [0.05 * index for index in range(25)]
    )
    assert {one["chroma"] for one in painter.seen} == {0.5}


def test_after_the_film_the_dreamer_is_as_before(clip: Path, tmp_path: Path) -> None:
    painter = dreamed(job_of(clip, tmp_path / "out.mkv", strength="0:(t/30)", layers__eyes="0:(t)"))
    assert painter.config.strength == 1
    assert painter.config.layers == {"animals": 1.0, "eyes": 1.0}


def test_frames_left_out_change_nothing(clip: Path, tmp_path: Path) -> None:
    media = MediaConfig(fps=Fraction(5))
    painter = dreamed(job_of(clip, tmp_path / "out.mkv", media, strength="0:(0), 24:(1.2)"))
    assert [one["strength"] for one in painter.seen] == pytest.approx([0, 0.25, 0.5, 0.75, 1])


def test_times_count_from_where_the_film_begins_to_be_dreamed(clip: Path, tmp_path: Path) -> None:
    media = MediaConfig(start=Fraction(1, 2))
    painter = dreamed(job_of(clip, tmp_path / "out.mkv", media, strength="t/100"))
    assert painter.seen[0]["strength"] == 0


def test_a_preview_shows_the_frame_as_the_film_has_it(music: Path, tmp_path: Path) -> None:
    job = Job(
        source=str(music),
        output=str(tmp_path / "look.png"),
        preview=Fraction(2),
        controls=ControlConfig(schedule={"strength": "0:(sec/2 + onset)", "chroma": "beat"}),
    )
    (settings,) = dreamed(job).seen
    assert settings["strength"] == pytest.approx(2, abs=0.1), "a click is at 2 seconds"
    assert settings["chroma"] > 0.9


def test_sound_moves_it_in_its_own_frames(music: Path, tmp_path: Path) -> None:
    painter = dreamed(job_of(music, tmp_path / "out.mkv", strength="0:(0.2 + onset)"))
    strengths = np.array([one["strength"] for one in painter.seen])
    for click in np.arange(0.5, 3.9, 0.5):
        frame = round(click * 25)
        near = strengths[frame - 4 : frame + 5]
        assert abs(int(np.argmax(near)) - 4) <= 1, click


def test_sound_of_another_file_does(clip: Path, tmp_path: Path) -> None:
    sound = write_sound(tmp_path / "other.wav", clicks([0.4], 1))
    controls = ControlConfig(schedule={"strength": "onset"}, sound=sound)
    job = Job(source=str(clip), output=str(tmp_path / "out.mkv"), controls=controls)
    strengths = [one["strength"] for one in dreamed(job).seen]
    assert abs(int(np.argmax(strengths)) - 10) <= 1


def test_a_tunnel_follows_its_schedule(tmp_path: Path) -> None:
    picture = tmp_path / "photo.png"
    cv2.imwrite(str(picture), clips.pictures(1, 32, 48)[0])
    media = MediaConfig(duration=Fraction(1), fps=Fraction(10))
    job = job_of(picture, tmp_path / "out.mkv", media, zoom="0:(1), 9:(1.09)", drift__x="2")
    painter = dreamed(job)
    assert [one["zoom"] for one in painter.seen] == pytest.approx(list(1 + 0.01 * np.arange(10)))
    assert {one["drift_x"] for one in painter.seen} == {2.0}


def test_a_preview_knows_the_whole_films_length(music: Path, tmp_path: Path) -> None:
    job = Job(
        source=str(music),
        output=str(tmp_path / "look.png"),
        preview=Fraction(2),
        controls=ControlConfig(schedule={"strength": "t/max_f"}),
    )
    assert dreamed(job).seen[0]["strength"] == pytest.approx(50 / 99)


# --- what is refused -----------------------------------------------------------------------------

NO_SOUND = {"strength": "0:(0.4+0.6*bass)"}


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ({"zoom": "1.02"}, "is for a picture"),
        ({"strength": "0:(1/(t-20))"}, "no finite number at frame 20 (0.80 s)"),
        ({"strength": "0:(1), 8b:(0)"}, "needs --bpm"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_dreamed(
    schedule: dict[str, str], said: str, clip: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as raised:
        dreamed(job_of(clip, tmp_path / "out.mkv", **schedule))
    assert said in str(raised.value)
    assert not any(tmp_path.glob("out*"))


def test_a_picture_that_unfolds_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    picture = tmp_path / "photo.png"
    cv2.imwrite(str(picture), clips.pictures(1, 32, 48)[0])
    with pytest.raises(UsageError, match=r"--schedule strength: .*give --zoom"):
        dreamed(job_of(picture, tmp_path / "out.mkv", strength="1"))
    assert not any(tmp_path.glob("out*"))


def test_the_original_program_has_no_shape_to_schedule(clip: Path, tmp_path: Path) -> None:
    controls = ControlConfig(schedule={"smoothing": "1"})
    dream = DreamConfig(preset="classic")
    job = Job(source=str(clip), output=str(tmp_path / "out.mkv"), dream=dream, controls=controls)
    with pytest.raises(UsageError, match=r"--schedule smoothing: the preset classic"):
        dreamed(job)
    assert not any(tmp_path.glob("out*"))


def test_sound_must_be_there(tmp_path: Path) -> None:
    silent = clips.write_clip(tmp_path / "silent.mp4", clips.pictures(5, 16, 16), sound=None)
    with pytest.raises(UsageError, match=r"silent.mp4 has none; give --sound FILE: .*>>>bass<<<"):
        dreamed(job_of(silent, tmp_path / "out.mkv", **NO_SOUND))


def test_from_python_a_wrong_one_is_a_value_error() -> None:
    with pytest.raises(FieldError, match=r"schedule: strength: .*>>>foo<<<"):
        Job(source="in.mp4", controls=ControlConfig(schedule={"strength": "0:(foo)"}))


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--schedule", "strength=0:(foo)"], "--schedule strength: there is no name foo"),
        (["--schedule", "strength"], "is not NAME=KEYS"),
        (["--schedule", "=1"], "is not NAME=KEYS"),
        (["--schedule", "strange=1"], "did you mean strength?"),
        (["--bpm", "0"], "--bpm: 0.0 must be at least 1"),
        (["--plot-schedule", "p.png"], "--plot-schedule: nothing is scheduled"),
        (["--schedule", "strength=1", "--plot-schedule", "p.txt"], "p.txt is no picture"),
        (["--schedule", "strength=bass", "--sound", "missing.wav"], "opening missing.wav failed"),
    ],
)
def test_the_command_says_in_one_line_what_is_wrong(
    flags: list[str],
    said: str,
    clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    code = cli.main([str(clip), "out.mkv", "-q", *flags])
    err = capfd.readouterr().err
    assert code in (2, 3)
    assert err.startswith("dreamstream: ")
    assert err.count("\n") == 1
    assert said in err
    assert not Path("out.mkv").exists()


# --- the command, drawing, resuming --------------------------------------------------------------


def test_flags_lie_over_a_file_name_by_name(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("look.toml").write_text(
        "[schedule]\nstrength = '0:(0.5)'\nchroma = 0.3\nlayers.eyes = '0:(2)'\n"
    )
    code = cli.main(
        [str(clip), "out.mkv", "-q", "--config", "look.toml", "--schedule", "strength=1.5"]
    )
    assert code == 0
    settings = PAINTERS[-1].seen[-1]
    assert (settings["strength"], settings["chroma"]) == (1.5, 0.3)
    assert settings["layers"]["eyes"] == 2


def test_values_are_drawn_over_the_film(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    flags = ["--schedule", "strength=0:(0.2), 2s:(bass)", "--plot-schedule", "plan.png", "-q"]
    assert cli.main([str(music), *flags]) == 0
    assert not PAINTERS, "without an OUTPUT nothing is dreamed"
    with open_source("plan.png") as source:
        picture = next(source).pixels
    assert picture.shape[1] == 1280
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 50
    assert cli.main([str(music), *flags]) == 2, "it is there already"
    assert cli.main([str(music), *flags, "-y"]) == 0
    controls = ControlConfig(schedule={"strength": "t/99"}, plot_schedule=Path("silent.png"))
    assert plot_schedules(Job(source=str(music), controls=controls)) == Path("silent.png")


def test_a_resumed_film_is_the_same_to_the_byte(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dreamstream.sinks.segments.LONGEST_SEGMENT", 10)
    monkeypatch.setattr("dreamstream.journal.folder.SAVE_SECONDS", 0.0)
    monkeypatch.setattr("dreamstream.journal.folder.PAUSE", 0.0)
    schedule = {"strength": "0:(0.2 + onset), 2s:(1.5)", "layers__eyes": "0:(0), 50:(1)"}
    dreamed(job_of(music, tmp_path / "whole.mkv", **schedule))
    with render(job_of(music, tmp_path / "out.mkv", **schedule)) as rendering:
        for record in rendering:
            if record.index == 57:
                break
    assert (tmp_path / "out.mkv.resume").exists()
    other = job_of(music, tmp_path / "out.mkv", MediaConfig(resume=True), strength="1")
    with pytest.raises(Exception, match=r"--schedule was strength=.* and is strength='1'"):
        dreamed(other)
    painter = dreamed(job_of(music, tmp_path / "out.mkv", MediaConfig(resume=True), **schedule))
    assert len(painter.seen) == 50
    assert (tmp_path / "out.mkv").read_bytes() == (tmp_path / "whole.mkv").read_bytes()
