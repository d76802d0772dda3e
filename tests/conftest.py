"""Clips that many tests read, and what spares them time."""

import sys
from pathlib import Path

import clips
import pytest
from requirements import require_folder

from dreamstream.cli import progress


@pytest.fixture(autouse=True)
def no_progress_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep lines of progress, which come where a machine is slow, out of what tests compare."""
    monkeypatch.setattr(progress, "LINE_SECONDS", 3600.0)


@pytest.fixture(autouse=True)
def shared_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let dreamers of one network share their compiled steps, each of which takes a second."""
    core = sys.modules.get("dreamstream.dream.core")
    if core is None:
        return
    import traces  # only here, for it loads TensorFlow

    monkeypatch.setattr(core, "Objective", traces.shared_objective)
    monkeypatch.setattr(core, "Ascent", traces.shared_ascent)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of 64x48 video at 25 frames per second, with sound."""
    return clips.write_clip(tmp_path_factory.mktemp("clip") / "in.mp4", clips.pictures(25))


@pytest.fixture(scope="session")
def real_clips() -> Path:
    """The folder of real clips."""
    return require_folder("clips", "DREAMSTREAM_CLIPS", "folder of real clips")


@pytest.fixture(scope="session")
def trained_weights() -> Path:
    """A file of InceptionV3's trained weights."""
    return require_folder("weights", "DREAMSTREAM_WEIGHTS", "file of InceptionV3's weights")


@pytest.fixture(scope="session")
def inception_v3_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A legacy .h5 file of InceptionV3 weights, without the top, that behave like trained ones."""
    import calibrated  # only here, for it loads TensorFlow

    path = tmp_path_factory.mktemp("weights") / "inception_v3_notop.h5"
    calibrated.write_inception_v3(path)
    return path
