"""What is known ground, what is new, and where a climb is wanted."""

import numpy as np
import pytest

from dreamstream.dream.new_ground import (
    AWAKE,
    POOL,
    REST,
    NewGround,
    Window,
    tapered,
    window_at,
)
from dreamstream.frames import FloatImage

SIZE = (160, 240)
STILL = np.zeros((*SIZE, 2), np.float32)
TRUSTED = np.ones(SIZE, np.float32)


def _lost(rows: slice, columns: slice) -> FloatImage:
    """Make a confidence that is 0 in a rectangle."""
    confidence = TRUSTED.copy()
    confidence[rows, columns] = 0
    return confidence


def _begun() -> NewGround:
    ground = NewGround()
    ground.begin(SIZE)
    return ground


def test_nothing_is_new_after_a_cold_frame_however_long_it_stands_still() -> None:
    ground = _begun()
    for _ in range(50):
        ground.carry(STILL, np.full(SIZE, 0.9, np.float32))
    assert not ground.candidates().any()
    assert ground.place() is None


def test_a_place_that_came_into_sight_wants_a_climb_there() -> None:
    ground = _begun()
    ground.carry(STILL, _lost(np.s_[40:100], np.s_[160:220]))
    place = ground.place()
    assert place is not None
    row, column = place[0] * SIZE[0], place[1] * SIZE[1]
    assert 40 < row < 100
    assert 160 < column < 220


def test_a_strip_waits_until_a_form_has_room_in_it() -> None:
    ground = _begun()
    moves = np.full((*SIZE, 2), 8.0, np.float32) * np.array([1, 0], np.float32)
    found = []
    for _ in range(6):  # the scene goes left by 8 pixels a frame
        ground.carry(moves, _lost(np.s_[:], np.s_[-8:]))
        found.append(ground.place() is not None)
    assert not found[0]
    assert found[-1]
    new = ground.candidates()
    assert new[:, -5:].min() > 0.9  # what came moved along
    assert new[:, :-8].max() < 0.1


def test_a_climb_is_not_made_again_until_the_place_has_rested() -> None:
    ground = _begun()
    lost = _lost(np.s_[:80], np.s_[:80])
    ground.carry(STILL, lost)
    ground.learn(np.ones((SIZE[0] // POOL, SIZE[1] // POOL), np.float32))
    assert ground.place() is None
    doubted = TRUSTED.copy()
    doubted[:80, :80] = 0.25  # a wing that beats: its dream fades, and it is not gone
    waited = 0
    while ground.place() is None and waited < 2 * REST:
        ground.carry(STILL, doubted)
        waited += 1
    assert waited == REST
    ground.learn(np.ones_like(ground.rest))
    ground.carry(STILL, lost)  # but something else has come into sight
    assert ground.place() is not None


def test_the_finest_octave_works_a_climb_out_for_a_few_frames() -> None:
    ground = _begun()
    ground.carry(STILL, _lost(np.s_[:80], np.s_[:80]))
    ground.learn(np.ones_like(ground.rest))
    seen = [float(ground.awake().max())]
    for _ in range(AWAKE):
        ground.carry(STILL, TRUSTED)
        seen.append(float(ground.awake().max()))
    assert seen[0] == 1
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] == 0


def test_another_goes_on_from_its_state() -> None:
    ground, other = _begun(), NewGround()
    ground.carry(STILL, _lost(np.s_[:80], np.s_[:80]))
    ground.learn(np.ones_like(ground.rest))
    other.restore(ground.state())
    for each in (ground, other):
        each.carry(np.full((*SIZE, 2), 0.3, np.float32), _lost(np.s_[90:], np.s_[90:]))
    np.testing.assert_array_equal(other.known, ground.known)
    np.testing.assert_array_equal(other.rest, ground.rest)
    other.reset()
    assert not other.state()


@pytest.mark.parametrize("centre", [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0), (0.2, 0.9)])
def test_windows_lie_inside_the_picture_and_have_one_shape(centre: tuple[float, float]) -> None:
    window = window_at(centre, 64, SIZE)
    assert (window.height, window.width) == (64, 64)
    rows, columns = window.slices
    assert 0 <= rows.start < rows.stop <= SIZE[0]
    assert 0 <= columns.start < columns.stop <= SIZE[1]
    assert window_at(centre, 200, SIZE) == Window(0, window_at(centre, 200, SIZE).left, 160, 200)


def test_a_window_fades_out_inside_the_picture_and_not_at_its_edge() -> None:
    ramp = tapered(Window(0, 40, 64, 64), SIZE, 16)
    assert ramp[0, 32] == 1
    assert ramp[-1, 32] < 0.1
    assert ramp[20, 0] < 0.1
    assert ramp[20, 20:44].min() == 1
