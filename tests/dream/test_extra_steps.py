"""Steps beyond the first one go where something moves by itself or is doubted."""

import numpy as np

from dreamstream.dream.extra_steps import extra_steps
from dreamstream.dream.new_ground import window_at

SIZE = (180, 320)
STILL = np.zeros((*SIZE, 2), np.float32)
TRUSTED = np.ones(SIZE, np.float32)


def test_what_stands_still_or_pans_as_a_whole_takes_none() -> None:
    assert extra_steps(3, TRUSTED, STILL).steps == 0
    assert extra_steps(3, TRUSTED, STILL + np.float32(5)).steps == 0


def test_a_single_step_is_never_more() -> None:
    moving = STILL.copy()
    moving[:90] = 6
    for most in (0, 1):
        assert extra_steps(most, TRUSTED, moving).steps == 0


def test_a_mover_takes_them_in_a_window_around_it() -> None:
    moving = STILL.copy()
    moving[60:110, 200:250] = 6
    found = extra_steps(3, TRUSTED, moving)
    assert found.steps == 2
    assert found.part is not None
    rows, columns = window_at(found.part.centre, found.part.side, SIZE).slices
    assert rows.start <= 60 < 110 <= rows.stop
    assert columns.start <= 200 < 250 <= columns.stop
    assert found.share[85, 225] == 1
    outside = found.share.copy()
    outside[rows, columns] = 0
    assert not outside.any()
    assert found.share[:, :100].max() == 0


def test_a_doubted_picture_takes_them_everywhere() -> None:
    found = extra_steps(4, np.zeros(SIZE, np.float32), STILL)
    assert found.steps == 3
    assert found.part is None
    assert found.share.min() == 1
