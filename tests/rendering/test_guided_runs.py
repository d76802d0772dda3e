"""Films with a guide: matched by time, resumed to the byte, and refused where the guide changed."""

import threading
from fractions import Fraction
from pathlib import Path

import clips
import cv2
import numpy as np
import pytest

from dreamstream import DreamConfig, Job, MediaConfig, RenderCancelled, render
from dreamstream.dream.guide_film import GuideFilm
from dreamstream.errors import ResumeError, SourceError
from dreamstream.frames import Pixels
from dreamstream.rendering.run import Renderer
from dreamstream.sinks import segments

FRAMES = 10


def checks(number: int) -> Pixels:
    side = 4 + 2 * number
    rows, columns = np.indices((64, 64)) // side
    return np.repeat((200 * ((rows + columns) % 2) + 20)[..., None], 3, axis=2).astype(np.uint8)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return clips.write_clip(tmp_path / "in.mp4", clips.pictures(FRAMES, 64, 80))


@pytest.fixture
def guide(tmp_path: Path) -> Path:
    """A film of five frames at half the rate."""
    times = [Fraction(2 * number, 25) for number in range(FRAMES // 2)]
    pictures = [checks(number) for number in range(FRAMES // 2)]
    return clips.write_clip(tmp_path / "guide.mp4", pictures, times, sound=None)


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer()


def job_of(film: Path, guide: Path, output: str = "out.mp4", **media: object) -> Job:
    dream = DreamConfig(layers={"textures": 1.0}, octaves=1, first_steps=2, steps=1, guide=guide)
    settings = MediaConfig(**media)  # type: ignore[arg-type]
    return Job(source=str(film), output=str(film.parent / output), dream=dream, media=settings)


def test_a_guides_frames_come_at_their_times(
    film: Path, guide: Path, renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Fraction, bool]] = []
    at = GuideFilm.at

    def noting(self: GuideFilm, time: Fraction) -> Pixels | None:
        pixels = at(self, time)
        seen.append((time, pixels is not None))
        return pixels

    monkeypatch.setattr(GuideFilm, "at", noting)
    with renderer.render(job_of(film, guide)) as rendering:
        assert sum(1 for _ in rendering) == FRAMES
    assert seen[0] == (Fraction(0), True)  # as it is loaded
    assert [time for time, _ in seen[1:]] == [Fraction(number, 25) for number in range(FRAMES)]
    changed = [number for number, (_, new) in enumerate(seen[1:]) if new]
    assert changed == [2, 4, 6, 8]


def test_a_guided_run_is_resumed_to_the_same_bytes(
    film: Path, guide: Path, renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "LONGEST_SEGMENT", 5)
    with renderer.render(job_of(film, guide)) as whole:
        assert sum(1 for _ in whole) == FRAMES
    cancel = threading.Event()
    again = job_of(film, guide, "again.mp4")
    with pytest.raises(RenderCancelled):  # noqa: PT012 - it is raised by the iterator
        for record in renderer.render(again, cancel=cancel):
            if record.index == 6:
                cancel.set()
    with renderer.render(job_of(film, guide, "again.mp4", resume=True)) as resumed:
        assert resumed.first_frame == 5
        assert sum(1 for _ in resumed) == FRAMES - 5
    assert (film.parent / "again.mp4").read_bytes() == (film.parent / "out.mp4").read_bytes()


def test_a_run_is_not_resumed_with_another_guide(
    film: Path, guide: Path, renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "LONGEST_SEGMENT", 5)
    cancel = threading.Event()
    with pytest.raises(RenderCancelled):  # noqa: PT012 - it is raised by the iterator
        for record in renderer.render(job_of(film, guide), cancel=cancel):
            if record.index == 6:
                cancel.set()
    clips.write_clip(guide, [checks(9)] * 4, sound=None)
    with pytest.raises(ResumeError, match="--guide"):
        renderer.render(job_of(film, guide, resume=True))


def test_a_preview_is_guided_by_the_guides_own_time(
    film: Path, guide: Path, renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[Fraction] = []
    at = GuideFilm.at

    def noting(self: GuideFilm, time: Fraction) -> Pixels | None:
        times.append(time)
        return at(self, time)

    monkeypatch.setattr(GuideFilm, "at", noting)
    job = job_of(film, guide, "look.png")
    preview = Job(source=job.source, output=job.output, dream=job.dream, preview=Fraction(6, 25))
    with renderer.render(preview) as rendering:
        assert sum(1 for _ in rendering) == 1
    assert times[-1] == Fraction(6, 25)


def test_a_bad_guide_is_found_before_an_output_is_touched(film: Path) -> None:
    output = film.parent / "out.mp4"
    output.write_bytes(b"kept")
    with pytest.raises(SourceError, match=r"^guide: .*no such file"):
        render(job_of(film, film.parent / "missing.png", overwrite=True))
    assert output.read_bytes() == b"kept"
    assert sorted(path.name for path in film.parent.iterdir()) == ["in.mp4", "out.mp4"]


def test_a_picture_of_the_command_and_of_python_is_one_dream(
    film: Path, tmp_path: Path, renderer: Renderer
) -> None:
    from dreamstream import Dreamer

    cv2.imwrite(str(tmp_path / "guide.png"), checks(2))
    job = job_of(film, tmp_path / "guide.png", "%02d.png", frames=(0, 2))
    with renderer.render(job) as rendering:
        assert sum(1 for _ in rendering) == 2
    dreamer = Dreamer(job.dream)
    from dreamstream import open_source

    with open_source(film) as source:
        dreams = [dreamer.dream(next(source).pixels) for _ in range(2)]
    for number, dream in enumerate(dreams, 1):
        written = np.asarray(cv2.imread(str(tmp_path / f"{number:02d}.png")))
        np.testing.assert_array_equal(written[..., ::-1], dream)
