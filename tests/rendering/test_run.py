"""render(job): what the command, a page and a worker call."""

import threading
from pathlib import Path

import clips
import pytest

from dreamstream import DreamConfig, Job, MediaConfig, RenderCancelled, render
from dreamstream.errors import TargetError, UsageError
from dreamstream.rendering.run import Renderer, Rendering

QUICK = DreamConfig(layers={"textures": 1.0}, octaves=1, first_steps=2, steps=1)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return clips.write_clip(tmp_path / "in.mp4", clips.pictures(6))


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer()


def job_of(film: Path, output: str, **media: object) -> Job:
    return Job(
        source=str(film),
        output=f"{film.parent}/{output}",
        dream=QUICK,
        media=MediaConfig(**media),  # type: ignore[arg-type]
    )


def cancelled_at(renderer: Renderer, job: Job, index: int) -> list[int]:
    """Render until a frame, cancel, and return the frames whose records came."""
    cancel, frames = threading.Event(), []
    with renderer.render(job, cancel=cancel) as rendering:
        try:
            for record in rendering:
                frames.append(record.index)
                if record.index == index:
                    cancel.set()
        except RenderCancelled:
            frames.append(-1)
    return frames


def test_a_rendering_tells_its_frames_before_and_each_as_it_is_written(film: Path) -> None:
    with render(job_of(film, "out.mp4")) as rendering:
        assert isinstance(rendering, Rendering)
        assert rendering.frames == 6
        assert [record.index for record in rendering] == list(range(6))
    assert (film.parent / "out.mp4").is_file()


def test_what_a_cancel_leaves_is_resumed_after_the_last_record(
    film: Path, renderer: Renderer
) -> None:
    job = job_of(film, "%03d.png")
    assert cancelled_at(renderer, job, 2) == [0, 1, 2, -1]
    with renderer.render(job_of(film, "%03d.png", resume=True)) as rendering:
        assert not rendering.is_whole
        assert [record.index for record in rendering] == [3, 4, 5]
    assert len(list(film.parent.glob("0*.png"))) == 6


def test_one_picture_of_a_series_is_not_the_whole(film: Path, renderer: Renderer) -> None:
    assert cancelled_at(renderer, job_of(film, "%03d.png"), 0) == [0, -1]
    with renderer.render(job_of(film, "%03d.png", resume=True)) as rendering:
        assert not rendering.is_whole
        list(rendering)
    assert len(list(film.parent.glob("0*.png"))) == 6


def test_a_new_run_replaces_the_pictures_of_an_interrupted_one(
    film: Path, renderer: Renderer
) -> None:
    assert cancelled_at(renderer, job_of(film, "%03d.png"), 3)[-1] == -1
    with renderer.render(job_of(film, "%03d.png")) as rendering:
        assert len(list(rendering)) == 6


def test_a_cancel_at_the_last_frame_comes_too_late(film: Path, renderer: Renderer) -> None:
    assert cancelled_at(renderer, job_of(film, "out.mp4"), 5) == list(range(6))
    assert (film.parent / "out.mp4").is_file()


def test_a_statistics_file_that_is_there_costs_no_interrupted_run(
    film: Path, renderer: Renderer
) -> None:
    job = job_of(film, "out.mp4", stats=str(film.parent / "run.jsonl"))
    cancelled_at(renderer, job, 3)
    left = sorted(path.name for path in film.parent.iterdir())
    assert {"out.part.mp4", "out.mp4.resume", "run.jsonl"} <= set(left)
    with pytest.raises(TargetError, match=r"run\.jsonl"):
        renderer.render(job)
    assert sorted(path.name for path in film.parent.iterdir()) == left


def test_a_folder_that_is_yet_to_be_made_is_made(film: Path, renderer: Renderer) -> None:
    with renderer.render(job_of(film, "new/deep/")) as rendering:
        assert len(list(rendering)) == 6
    assert (film.parent / "new" / "deep" / "in.mp4").is_file()


def test_the_same_job_again_has_the_same_output_in_a_folder(film: Path, renderer: Renderer) -> None:
    for overwrite in (False, True):
        with renderer.render(job_of(film, "out/", overwrite=overwrite)) as rendering:
            assert len(list(rendering)) == 6
    with pytest.raises(TargetError, match=r"out/in\.mp4 failed: it exists"):
        renderer.render(job_of(film, "out/"))
    assert [path.name for path in (film.parent / "out").iterdir()] == ["in.mp4"]


def test_an_error_names_its_field(film: Path, renderer: Renderer) -> None:
    with pytest.raises(UsageError) as raised:
        renderer.render(job_of(film, "out.mp4", save_octaves=True))
    assert raised.value.field == "save_octaves"
