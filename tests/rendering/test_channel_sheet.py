"""A sheet of what channels dream."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dreamstream._libraries import cv2
from dreamstream.cli import main as cli
from dreamstream.config import DreamConfig
from dreamstream.errors import TargetError, UnknownNameError
from dreamstream.frames import FloatImage, Pixels
from dreamstream.rendering import channel_sheet
from dreamstream.rendering.channel_sheet import CAPTION, GAP, TILE, ChannelSheet

CONFIG = DreamConfig()


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel_sheet, "STEPS", 3)
    monkeypatch.setattr(channel_sheet, "STARTS", 2)
    monkeypatch.setattr(channel_sheet, "LAYER_STEPS", 1)
    monkeypatch.setattr(channel_sheet, "OCTAVES", 1)


def read(path: Path) -> Pixels:
    return np.asarray(cv2.imread(str(path)), np.uint8)


def tile(sheet: Pixels, row: int, column: int) -> Pixels:
    top, left = GAP + row * (TILE + CAPTION + GAP), GAP + column * (TILE + GAP)
    return sheet[top : top + TILE, left : left + TILE]


def test_a_sheet_has_a_picture_and_a_number_for_each_channel(tmp_path: Path) -> None:
    sheet = ChannelSheet(CONFIG, "eyes:5-9", tmp_path / "sheet.png")
    assert [*sheet.draw()] == [5, 6, 7, 8, 9]
    drawn = read(tmp_path / "sheet.png")
    assert drawn.shape == (2 * (TILE + CAPTION + GAP) + GAP, 3 * (TILE + GAP) + GAP, 3)
    tiles = [tile(drawn, *divmod(place, 3)).astype(float) for place in range(5)]
    stirred = [each.ravel() for each in tiles if each.std() > 10]
    assert len(stirred) >= 2
    assert all(each.std() > 10 or np.ptp(each) == 0 for each in tiles)  # else it is grey
    assert (np.corrcoef(stirred) - np.eye(len(stirred))).max() < 0.98
    assert tile(drawn, 1, 2).std() == 0
    number = drawn[GAP + TILE : GAP + TILE + CAPTION, GAP : GAP + 12]
    assert number.max() > 150


def test_a_sheet_is_the_same_each_time(tmp_path: Path) -> None:
    drawn: list[Pixels] = []
    for name in ("a.png", "b.png"):
        assert [*ChannelSheet(CONFIG, "eyes:2", tmp_path / name).draw()] == [2]
        drawn.append(read(tmp_path / name))
    np.testing.assert_array_equal(drawn[0], drawn[1])


def test_a_picture_shows_what_stirs_its_channel(tmp_path: Path) -> None:
    sheet = ChannelSheet(CONFIG, "eyes:2-5", tmp_path / "sheet.png")
    core = sheet._core
    kept: list[tuple[FloatImage, FloatImage]] = []
    run = core.run

    def noting(*arguments: Any) -> Any:
        octaves = run(*arguments)
        kept.append((arguments[0], octaves[-1].image))
        return octaves

    core.run = noting  # type: ignore[assignment,method-assign]
    assert [*sheet.draw()] == [2, 3, 4, 5]
    assert len(kept) == 2 + 4  # the starts for the whole layer, then each channel
    grown = []
    for channel, (start, dreamed) in zip(np.eye(5, dtype=np.float32), kept[2:], strict=False):
        measures = [core.objective.measure(each[None], channel) for each in sheet._starts]
        assert core.objective.measure(start[None], channel) == max(measures)
        grown.append(core.objective.measure(dreamed[None], channel) / max(*measures, 1e-9))
    assert max(grown) > 1.5
    assert core.traces == 1


def test_a_sheet_left_half_way_leaves_nothing(tmp_path: Path) -> None:
    drawing = ChannelSheet(CONFIG, "eyes:0-3", tmp_path / "sheet.png").draw()
    assert next(drawing) == 0
    drawing.close()
    assert not list(tmp_path.iterdir())


def test_another_picture_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "sheet.png").write_bytes(b"kept")
    with pytest.raises(TargetError, match=r"sheet\.png"):
        [*ChannelSheet(CONFIG, "eyes:0-1", tmp_path / "sheet.png").draw()]
    assert (tmp_path / "sheet.png").read_bytes() == b"kept"


def test_there_is_no_sheet_of_channels_that_the_layer_lacks(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="0 to"):
        ChannelSheet(CONFIG, "eyes:4-9999", tmp_path / "sheet.png")


def test_the_command_draws_a_sheet_and_says_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = tmp_path / "sheet.png"
    assert cli.main(["--list-channels", "eyes:3-4", str(path)]) == 0
    assert "2/2" in capfd.readouterr().err
    assert cli.main(["-q", "-y", "--list-channels", "eyes:3-4", str(path)]) == 0
    assert capfd.readouterr() == ("", "")
