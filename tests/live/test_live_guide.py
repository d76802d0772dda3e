"""A guide in the live view: by the clock, and on and off by a key."""

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import clips
import numpy as np
import pytest
from live_parts import textured
from networks import small_extractor

from dreamstream._libraries import cv2
from dreamstream.config import DreamConfig
from dreamstream.dream.guide_film import GuideFilm
from dreamstream.frames import Pixels
from dreamstream.live.controller import Rung
from dreamstream.live.keys import Action, action_of
from dreamstream.live.looks import next_preset, toggled_guide
from dreamstream.live.model import LiveModel
from dreamstream.live.residual import Snapshot

HEIGHT, WIDTH = 72, 128


def snapshot() -> Snapshot:
    pixels, none = textured(0, HEIGHT, WIDTH), np.zeros((HEIGHT, WIDTH, 3), np.float32)
    sure, still = np.ones((HEIGHT, WIDTH), np.float32), np.zeros((HEIGHT, WIDTH, 2), np.float32)
    return Snapshot(4, 1, pixels, pixels, none, sure, still)


def config(guide: Path | None) -> DreamConfig:
    return DreamConfig(layers={"deep": 1.0}, max_loss=None, octaves=1, guide=guide)


def stripes(across: bool) -> Pixels:
    plane = np.indices((64, 64))[int(across)] // 5 % 2 * 200
    return np.repeat(plane[..., None], 3, axis=2).astype(np.uint8)


def test_a_look_is_guided(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "guide.png"), stripes(across=True))
    changes = [
        LiveModel(config(guide), small_extractor()).look(snapshot(), Rung(WIDTH), 1.0).change
        for guide in (None, tmp_path / "guide.png")
    ]
    assert np.abs(changes[0] - changes[1]).max() > 0.1 * np.abs(changes[0]).max()


def test_a_film_guides_by_the_clock_and_comes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = clips.write_clip(tmp_path / "guide.mp4", [stripes(bool(n % 2)) for n in range(6)])
    asked: list[tuple[Fraction, bool]] = []
    at = GuideFilm.at

    def noting(self: GuideFilm, time: Fraction) -> Pixels | None:
        pixels = at(self, time)
        asked.append((time, pixels is not None))
        return pixels

    monkeypatch.setattr(GuideFilm, "at", noting)
    clock = iter([100.0, 100.1, 100.11, 100.9])
    fake = SimpleNamespace(monotonic=lambda: next(clock))
    monkeypatch.setattr("dreamstream.live.model.time", fake)
    network = LiveModel(config(path), small_extractor())
    for _ in range(3):
        network.look(snapshot(), Rung(WIDTH), 1.0)
    assert [float(time) for time, _ in asked] == pytest.approx([0, 0.1, 0.11, 0.9])
    assert [new for _, new in asked] == [True, True, False, True]


def test_the_key_takes_the_guide_away_and_brings_it_back() -> None:
    assert action_of("G") is Action.GUIDE
    guided = config(Path("guide.png"))
    without = toggled_guide(guided, 0.7)
    assert without is not None
    assert (without.guide, without.guide_weight) == (Path("guide.png"), 0)
    for given, weight in ((0.7, 0.7), (0.0, 1.0)):
        again = toggled_guide(without, given)
        assert again is not None
        assert again.guide_weight == weight
    assert toggled_guide(config(None), 1.0) is None


def test_the_next_preset_keeps_the_guide() -> None:
    assert next_preset(DreamConfig(guide=Path("guide.png"))).guide == Path("guide.png")
