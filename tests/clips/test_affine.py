"""The motion of a tunnel, and what lies beyond its picture."""

import numpy as np
import pytest
from pictures import fractal_pixels

from dreamstream.clips.affine import AffineMotion, MirroredBorder, flow_of, inside
from dreamstream.frames import to_model_range
from dreamstream.temporal.flow import warp

SIZE = (48, 64)
PICTURE = to_model_range(fractal_pixels(*SIZE, seed=1))


def moved_point(
    motion: AffineMotion, point: tuple[float, float], phase: float = 0.0
) -> list[float]:
    """Return where a point of the frame before comes to lie."""
    x, y, _ = np.linalg.inv(motion.backward(SIZE, phase)) @ (*point, 1)
    return [float(x), float(y)]


def test_drift_moves_right_and_down() -> None:
    assert moved_point(AffineMotion(drift=(3, 1.5)), (10, 20)) == pytest.approx([13, 21.5])


def test_turning_is_clockwise_about_the_centre() -> None:
    motion = AffineMotion(rotate=90)
    assert moved_point(motion, (31.5, 23.5)) == pytest.approx([31.5, 23.5])
    assert moved_point(motion, (41.5, 23.5)) == pytest.approx([31.5, 33.5])  # right goes down


@pytest.mark.parametrize("zoom", [1.25, 0.8])
def test_zoom_grows_distances_by_its_factor(zoom: float) -> None:
    motion = AffineMotion(zoom=zoom)
    a, b = moved_point(motion, (10, 20), 0.3), moved_point(motion, (14, 23), 0.3)
    assert np.hypot(b[0] - a[0], b[1] - a[1]) == pytest.approx(5 * zoom)


def test_the_point_that_a_zoom_falls_into_goes_round_near_the_centre() -> None:
    flows = [
        flow_of(AffineMotion(zoom=1.02).backward(SIZE, phase), SIZE) for phase in (0, 0.25, 0.5)
    ]
    points = [
        np.unravel_index(np.hypot(*np.moveaxis(flow, -1, 0)).argmin(), SIZE) for flow in flows
    ]
    assert len(set(points)) == 3
    for y, x in points:
        assert abs(y - 23.5) < 0.1 * 48
        assert abs(x - 31.5) < 0.1 * 64


def test_a_round_ends_where_it_began() -> None:
    motion = AffineMotion(zoom=1.02, rotate=1, drift=(1, 2))
    np.testing.assert_allclose(motion.backward(SIZE, 2.25), motion.backward(SIZE, 0.25))


def test_two_steps_are_one_of_both_matrices() -> None:
    motion = AffineMotion(zoom=1.1, rotate=5, drift=(2, -1))
    one, two = motion.backward(SIZE, 0.1), motion.backward(SIZE, 0.2)
    point = np.array([20, 30, 1])
    flow = flow_of(one @ two, SIZE)[30, 20]
    np.testing.assert_allclose(flow, (one @ (two @ point) - point)[:2], rtol=1e-5)


def test_a_whole_pixel_drift_is_a_shift_and_the_rest_is_outside() -> None:
    flow = flow_of(AffineMotion(drift=(3, -2)).backward(SIZE), SIZE)
    np.testing.assert_array_equal(flow, np.broadcast_to(np.array([-3, 2], np.float32), (*SIZE, 2)))
    np.testing.assert_allclose(warp(PICTURE, flow)[:-2, 3:], PICTURE[2:, :-3], atol=1e-6)
    within = inside(flow)
    assert within[:-2, 3:].all()
    assert not within[-2:].any()
    assert not within[:, :3].any()


def test_beyond_the_edges_lies_the_mirror_image_which_moves_in() -> None:
    world, motion = MirroredBorder(PICTURE), AffineMotion(drift=(2, 0))
    for step in (1, 2, 3):
        view = world.look(motion.backward(SIZE))
        mirrored = np.pad(PICTURE, ((0, 0), (2 * step, 0), (0, 0)), mode="symmetric")
        np.testing.assert_allclose(view, mirrored[:, : SIZE[1]], atol=1e-6)


def test_a_world_is_renewed_once_most_of_it_has_been_seen() -> None:
    world, motion = MirroredBorder(PICTURE), AffineMotion(drift=(16, 0))
    other = -PICTURE
    for step in (1, 2, 3):
        view = world.look(motion.backward(SIZE))
        world.renew(other)
        assert view[0, 60, 0] == pytest.approx(PICTURE[0, 60 - 16 * step, 0], abs=1e-6)
    view = world.look(motion.backward(SIZE))
    np.testing.assert_allclose(view[:, 16:], other[:, :-16], atol=1e-6)
