"""Steps beyond the first one go where something moves by itself or is doubted."""

import numpy as np

from dreamstream.dream.extra_steps import MORE, SHORTER, extra_steps
from dreamstream.dream.new_ground import window_at

SIZE = (180, 320)
STILL = np.zeros((*SIZE, 2), np.float32)
TRUSTED = np.ones(SIZE, np.float32)


def test_what_stands_still_or_pans_as_a_whole_takes_none() -> None:
    assert extra_steps(1, TRUSTED, STILL).steps == 0
    assert extra_steps(1, TRUSTED, STILL + np.float32(5)).steps == 0


def test_no_steps_are_never_more() -> None:
    moving = STILL.copy()
    moving[:90] = 6
    assert extra_steps(0, TRUSTED, moving).steps == 0


def test_a_mover_takes_them_in_a_window_around_it() -> None:
    moving = STILL.copy()
    moving[60:110, 200:250] = 6
    found = extra_steps(1, TRUSTED, moving)
    assert found.steps == MORE
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
    assert found.steps == 4 * MORE
    assert found.part is None
    assert found.share.min() == 1


def test_many_steps_are_shorter_each_and_only_there() -> None:
    moving = STILL.copy()
    moving[60:110, 200:250] = 6
    weights = extra_steps(1, TRUSTED, moving).shortened(np.full(SIZE, 2, np.float32))
    assert weights[85, 225] == np.float32(2 * SHORTER)
    assert weights[0, 0] == 2
    assert extra_steps(1, TRUSTED, STILL).shortened(weights) is weights
