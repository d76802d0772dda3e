"""The ladder of dream sizes: up slowly, down soon, never to and fro."""

import pytest

from dreamstream.live.controller import FRAMES_PER_LOOK, SIDES, Controller, Rung, make_ladder

PERIOD = 1 / 30
COSTS = {192: 0.02, 256: 0.04, 384: 0.08, 640: 0.16}


def settle(controller: Controller, speed: float, looks: int = 300) -> list[Rung]:
    """Make a machine of some speed look again and again; return the rungs used."""
    used = []
    for _ in range(looks):
        rung = controller.rung
        controller.note_look(rung, COSTS[rung.side] * rung.steps / speed)
        used.append(rung)
    return used


def test_the_ladder_ends_at_the_longest_side_and_goes_on_in_steps() -> None:
    assert make_ladder(400) == [Rung(192), Rung(256), Rung(384), Rung(384, 2), Rung(384, 3)]


def test_a_tiny_picture_has_a_rung_of_its_own_size() -> None:
    assert make_ladder(64)[0] == Rung(64)


@pytest.mark.parametrize(("speed", "side"), [(0.2, 192), (1.0, 256), (2.0, 384), (5.0, 640)])
def test_a_machine_settles_on_what_it_can_afford(speed: float, side: int) -> None:
    used = settle(Controller(make_ladder(640), PERIOD), speed)
    assert {rung.side for rung in used[-100:]} == {side}


def test_a_fast_machine_takes_more_steps() -> None:
    used = settle(Controller(make_ladder(640), PERIOD), 30.0)
    assert used[-1] == Rung(640, 3)


def test_it_falls_within_a_few_looks() -> None:
    controller = Controller(make_ladder(640), PERIOD)
    settle(controller, 5.0)
    used = settle(controller, 0.5, looks=10)
    assert used[-1].side < 640


def test_one_slow_look_changes_nothing() -> None:
    controller = Controller(make_ladder(640), PERIOD)
    settle(controller, 1.0)
    before = controller.rung
    controller.note_look(before, 0.1)
    settle(controller, 1.0, looks=20)
    assert controller.rung == before


def test_a_look_on_a_rung_that_was_left_counts_for_nothing() -> None:
    controller = Controller(make_ladder(640), PERIOD)
    before = controller.rung
    for _ in range(50):
        controller.note_look(Rung(640, 3), 5.0)
    assert controller.rung == before


def test_a_slow_camera_leaves_time_for_a_larger_dream() -> None:
    slow = Controller(make_ladder(640), PERIOD)
    for _ in range(200):
        slow.note_frame(4 * PERIOD, 1)
    assert settle(slow, 1.0)[-1].side > settle(Controller(make_ladder(640), PERIOD), 1.0)[-1].side


def test_a_late_picture_gets_time_from_the_network() -> None:
    controller = Controller(make_ladder(640), PERIOD)
    settle(controller, 2.0)
    for _ in range(100):
        controller.note_frame(3 * PERIOD, 3)
    assert controller.is_late
    assert settle(controller, 2.0)[-1].side == SIDES[0]
    for _ in range(200):
        controller.note_frame(PERIOD, 1)
    assert not controller.is_late
    assert settle(controller, 2.0)[-1].side == 384


def test_a_frame_dropped_now_and_then_is_no_lateness() -> None:
    controller = Controller(make_ladder(640), PERIOD)
    for index in range(200):
        controller.note_frame(PERIOD, 2 if index % 20 == 0 else 1)
        assert not controller.is_late


def test_a_stall_is_no_frame_rate() -> None:
    controller = Controller(make_ladder(640), PERIOD)
    for _ in range(50):
        controller.note_frame(2.0, 1)
    assert settle(controller, 1.0)[-1].side == 256


def test_sizes_that_are_not_warm_yet_are_out_of_reach() -> None:
    controller = Controller(make_ladder(640), PERIOD)
    controller.reach = 1
    assert {rung.side for rung in settle(controller, 30.0)} == {SIDES[0]}


def test_more_than_half_of_the_frames_get_a_step_by_design() -> None:
    assert FRAMES_PER_LOOK < 2
