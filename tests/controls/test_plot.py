"""The picture of schedules: curves where they belong, the waveform beneath."""

import numpy as np
import pytest
from music import clicks

from dreamstream.controls.plot import LANE, MARGIN, WIDTH, draw_schedules, sample_times
from dreamstream.controls.sound import SoundTrack
from dreamstream.controls.sound_analysis import listen
from dreamstream.frames import Pixels


def curve_rows(picture: Pixels, lane: int, columns: range) -> list[float]:
    """Return the mean row of what is drawn in colour in each column of a lane, without its name."""
    part = picture[lane * LANE + 30 : (lane + 1) * LANE - 5].astype(int)
    coloured = np.ptp(part, axis=-1) > 40
    return [float(np.flatnonzero(coloured[:, column]).mean()) for column in columns]


def test_a_curve_rises_where_its_value_does() -> None:
    times = sample_times(10)
    picture = draw_schedules({"strength": times / 10, "chroma": np.abs(times - 5)}, 10)
    columns = range(MARGIN + 20, WIDTH - 40, 100)
    assert picture.shape[1] == WIDTH
    assert np.all(np.diff(curve_rows(picture, 0, columns)) < 0), "rows count from the top"
    there_and_back = curve_rows(picture, 1, columns)
    assert there_and_back[0] < there_and_back[6] > there_and_back[-1]


@pytest.mark.parametrize("seconds", [0.04, 1, 75, 4000, 100_000])
def test_any_length_and_a_constant_can_be_drawn(seconds: float) -> None:
    values = np.full(len(sample_times(seconds)), 0.5)
    assert draw_schedules({"strength": values}, seconds).std() > 0


def test_the_waveform_lies_beneath_in_its_place() -> None:
    moments = [1.0, 2.5]
    track = SoundTrack(listen([clicks(moments, 4)[::2]]))
    picture = draw_schedules({"strength": sample_times(4)}, 4, track)
    assert picture.shape[0] > draw_schedules({"strength": sample_times(4)}, 4).shape[0]
    wave = picture[2 * LANE + 36 : 3 * LANE - 6].astype(int)
    heights = (np.abs(wave - (96, 120, 140)).sum(axis=-1) < 12).sum(axis=0)
    width = WIDTH - MARGIN - 16
    for moment in moments:
        around = MARGIN + round(width * moment / 4)
        assert heights[around - 8 : around + 9].max() > 20
    assert heights[MARGIN + round(width * 0.45) : MARGIN + round(width * 0.55)].max() <= 3
