"""Cuts and flashes."""

from functools import partial

import numpy as np
import pytest
from pictures import fractal_pixels

from dreamstream.frames import Pixels
from dreamstream.temporal.cuts import LONGEST_FLASH, Change, CutDetector, content_value
from dreamstream.temporal.flow import FlowEstimator, estimate_confidence, mean_doubt

SCENE = fractal_pixels(90, 400, seed=1)
OTHER = 255 - np.roll(fractal_pixels(90, 160, seed=9), 1, axis=2)


def _view(column: int) -> Pixels:
    return np.ascontiguousarray(SCENE[:, column : column + 160])


def _judge_all(frames: list[Pixels]) -> list[Change]:
    """Judge a stream as the dreamer does: a flash is no reference for the next frame."""
    detector, flow, changes, reference = CutDetector(), FlowEstimator(), [], frames[0]
    for frame in frames[1:]:
        backward = flow.backward(frame, reference)
        confidence = estimate_confidence(backward, frame, reference)
        doubt = partial(mean_doubt, flow, frame, reference, backward, confidence)
        changes.append(detector.judge(frame, reference, doubt))
        if changes[-1] is not Change.FLASH:
            reference = frame
    return changes


def test_a_new_shot_is_a_cut_and_the_frames_around_it_are_not() -> None:
    frames = [_view(0)] * 6 + [OTHER] * 6
    changes = _judge_all(frames)
    assert changes.index(Change.CUT) == 5
    assert changes.count(Change.CUT) == 1


def test_a_fast_pan_is_no_cut() -> None:
    columns = [0, 2, 6, 14, 28, 50, 74, 98, 122, 146, 170]
    assert set(_judge_all([_view(column) for column in columns])) == {Change.NONE}


def test_a_shot_that_begins_in_fast_motion_is_one_cut() -> None:
    changes = _judge_all([OTHER] * 4 + [_view(24 * i) for i in range(8)])
    assert changes.count(Change.CUT) == 1


def test_a_flash_is_no_cut_and_neither_is_its_end() -> None:
    bright = np.clip(_view(0).astype(int) + 90, 0, 255).astype(np.uint8)
    changes = _judge_all([_view(0), _view(0), bright, bright, _view(0), _view(0)])
    assert changes == [Change.NONE, Change.FLASH, Change.FLASH, Change.NONE, Change.NONE]


def test_light_that_stays_is_no_flash_for_ever() -> None:
    bright = np.clip(_view(0).astype(int) + 90, 0, 255).astype(np.uint8)
    changes = _judge_all([_view(0)] + [bright] * 8)
    assert changes[:LONGEST_FLASH] == [Change.FLASH] * LONGEST_FLASH
    assert Change.FLASH not in changes[LONGEST_FLASH:]


def test_a_brighter_new_shot_with_the_same_layout_is_no_flash() -> None:
    ramp = np.linspace(160, 0, 90)[:, None, None]
    dark = np.clip(0.3 * _view(0) + ramp * 0.5, 0, 255).astype(np.uint8)
    bright = np.clip(0.3 * OTHER + ramp + 60, 0, 255).astype(np.uint8)
    assert Change.FLASH not in _judge_all([dark, dark, bright, bright])


def test_the_content_value_of_a_frame_against_itself_is_zero() -> None:
    hsv = np.zeros((4, 4, 3), np.uint8)
    assert content_value(hsv, hsv) == 0
    assert content_value(hsv, hsv + 3) == pytest.approx(3)
