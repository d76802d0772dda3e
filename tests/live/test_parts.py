"""The smaller parts of the live view: figures, keys, looks, names."""

import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live_parts import textured

from dreamstream.config import MOST_STRENGTH, PRESETS, DreamConfig, MediaConfig
from dreamstream.dream.report import DreamReport, FrameRecord
from dreamstream.frames import StreamInfo
from dreamstream.live.keys import KEYS, Action, action_of, help_lines
from dreamstream.live.ledger import Ledger
from dreamstream.live.looks import name_look, next_preset, next_strength, single_layer
from dreamstream.live.meter import Meter
from dreamstream.live.model import target_strength
from dreamstream.live.outputs import Outputs
from dreamstream.live.overlay import Readout, draw_figures, draw_help, draw_notice

FRAME = textured(0, 360, 640)
READOUT = Readout(24.6, 0.043, 256, 12.3, 150.0, "menagerie")


# --- keys and looks --------------------------------------------------------------------------


def test_every_action_has_a_key_and_no_key_two_actions() -> None:
    assert {key.action for key in KEYS} == set(Action)
    codes = "".join(key.codes for key in KEYS)
    assert len(codes) == len(set(codes))


def test_the_help_lists_every_key() -> None:
    assert [shown for shown, _ in help_lines()] == [key.shown for key in KEYS]


@pytest.mark.parametrize(("code", "action"), [("Q", Action.QUIT), ("7", Action.LAYER), ("z", None)])
def test_keys_are_found_in_any_case(code: str, action: Action | None) -> None:
    assert action_of(code) is action


def test_p_goes_through_the_looks_that_the_network_has_and_comes_back() -> None:
    config, names = DreamConfig(dream_size=320), []
    for _ in range(len(PRESETS) - 1):
        config = next_preset(config)
        names.append(config.preset)
    films = [name for name in PRESETS if name != "classic"]
    assert names == [*films[1:], films[0]]
    assert config.dream_size == 320


def test_p_keeps_every_setting_that_is_no_part_of_a_look() -> None:
    kept: dict[str, Any] = {
        "precision": "float16",
        "tile": 256,
        "threads": 2,
        "device": "cpu",
        "seed": 5,
        "flow": "fast",
        "no_cuts": True,
        "dream_size": None,
        "strength": 0.4,
    }
    after = next_preset(DreamConfig(**kept))
    assert {name: getattr(after, name) for name in kept} == kept


def test_with_the_originals_network_p_reaches_the_original() -> None:
    config = DreamConfig(preset="brush", model="inception_v3")
    assert next_preset(config).preset == "classic"


def test_digits_choose_layers_from_the_shallowest() -> None:
    config = single_layer(DreamConfig(), 1)
    assert config is not None
    assert name_look(config) == "conv2"
    assert single_layer(DreamConfig(), 8) is None


def test_a_preset_is_called_by_its_name() -> None:
    assert name_look(DreamConfig(preset="eyes")) == "eyes"


def test_strength_has_bounds() -> None:
    strength = 0.95
    for _ in range(20):
        strength = next_strength(strength, stronger=True)
    assert strength == MOST_STRENGTH
    for _ in range(10):
        strength = next_strength(strength, stronger=False)
    assert strength == 1
    for _ in range(11):
        strength = next_strength(strength, stronger=False)
    assert strength == 0


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_has_a_strength_to_hold(preset: str) -> None:
    assert 0.05 < target_strength(DreamConfig(preset=preset)) < 0.5


# --- figures ---------------------------------------------------------------------------------


def test_the_meter_tells_rate_and_median_latency_of_the_last_seconds() -> None:
    meter = Meter()
    for index in range(300):
        meter.note(index / 25, 0.04 if index % 10 else 0.5)
    assert meter.rate == pytest.approx(25, rel=0.01)
    assert meter.latency == 0.04


def test_the_meter_begins_at_nothing() -> None:
    assert (Meter().rate, Meter().latency) == (0, 0)


def record(index: int) -> FrameRecord:
    return FrameRecord(index, Fraction(index), DreamReport(), 0.0, 0.0, 0.0)


def test_the_ledger_gives_each_loss_to_its_own_frame_in_order() -> None:
    told: list[FrameRecord] = []
    ledger = Ledger(told.append)
    for index in range(4):
        ledger.note(2 * index, record(index))
    ledger.note_look(2, 7.0)
    assert [each.report.loss for each in told] == [None, 7.0]
    ledger.note_look(5, 8.0)  # a frame that was not shown
    assert [each.report.loss for each in told] == [None, 7.0, None]
    ledger.close()
    assert [each.index for each in told] == [0, 1, 2, 3]


def test_the_ledger_holds_no_more_than_a_few_frames() -> None:
    told: list[FrameRecord] = []
    ledger = Ledger(told.append)
    for index in range(500):
        ledger.note(index, record(index))
    assert 430 < len(told) < 500


def test_figures_are_drawn_along_the_lower_edge_of_a_copy() -> None:
    before = FRAME.copy()
    drawn = draw_figures(FRAME, READOUT)
    assert np.array_equal(FRAME, before)
    assert np.array_equal(drawn[:300], FRAME[:300])
    assert not np.array_equal(drawn[330:], FRAME[330:])


def test_the_bar_of_the_loss_grows_to_the_whole_width_at_the_ceiling() -> None:
    def white(loss: float) -> int:
        drawn = draw_figures(FRAME, Readout(side=256, loss=loss, max_loss=150.0))
        row = drawn[-1].astype(int)
        return int((row[:, 0] > 235).sum())

    assert white(15) == pytest.approx(64, abs=4)
    assert white(300) == 640


@pytest.mark.parametrize("size", [(48, 64), (120, 160), (1080, 1920), (640, 360)])
def test_everything_can_be_drawn_at_any_size(size: tuple[int, int]) -> None:
    picture = np.full((*size, 3), 90, np.uint8)
    for readout in (Readout(), READOUT):
        assert draw_figures(picture, readout).shape == picture.shape
    assert draw_notice(picture, "saved x.png", 61.0).shape == picture.shape
    assert not np.array_equal(draw_help(picture, help_lines()), picture)


# --- outputs ---------------------------------------------------------------------------------


def outputs(target: str | None) -> Outputs:
    noon = time.struct_time((2030, 1, 2, 12, 30, 45, 0, 0, 0))
    return Outputs(StreamInfo(360, 640, Fraction(25)), MediaConfig(), target, lambda: noon)


def test_stills_lie_beside_the_output_and_are_named_by_the_clock(tmp_path: Path) -> None:
    stills = outputs(str(tmp_path / "out.mp4"))
    names = [stills.save_still(FRAME) for _ in range(2)]
    assert names == [
        tmp_path / "dreamstream-20300102-123045.png",
        tmp_path / "dreamstream-20300102-123045-2.png",
    ]


def test_recordings_on_demand_are_named_by_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recorder = outputs(None).open_recording()
    recorder.write(FRAME, 5.0)
    recorder.write(FRAME, 5.25)
    recorder.close()
    assert recorder.path == Path("dreamstream-20300102-123045.mp4")
    assert recorder.path.is_file()
    assert recorder.seconds == 0.25
    assert (recorder.frames, recorder.left_out) == (2, 0)
