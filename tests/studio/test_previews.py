"""Which preview is dreamed when, and how coarse."""

import threading
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live_parts import wait_until

from dreamstream._libraries import cv2
from dreamstream.config import PRESETS, DreamConfig
from dreamstream.dream.checkpoint import CHECKPOINT
from dreamstream.frames import Pixels
from dreamstream.studio import previews
from dreamstream.studio.previews import Previews, coarse, work_of
from dreamstream.studio.renders import Gate
from dreamstream.studio.wanted import Wanted


class SlowDreamers:
    """Lends itself: a dream goes on until it is let go on, and looks in meanwhile."""

    def __init__(self) -> None:
        self.made = 0
        self.begun: list[DreamConfig] = []
        self.go_on = threading.Event()
        self._config = DreamConfig()

    def is_at(self, seed: int) -> bool:
        return bool(self.begun) and self.begun[-1].seed == seed

    def lend(self, config: DreamConfig) -> "SlowDreamers":
        self._config = config
        return self

    def dream(self, pixels: Pixels) -> Pixels:
        self.begun.append(self._config)
        look_in = CHECKPOINT.get()
        assert look_in is not None
        while not self.go_on.wait(0.005):
            look_in()
        return pixels


class Desk:
    def __init__(self, path: Path) -> None:
        self.told: list[tuple[int, dict[str, Any]]] = []
        self.gate, self.dreamers = Gate(), SlowDreamers()
        self.previews = Previews(self._send, self.gate)
        self.previews._dreamers = self.dreamers  # type: ignore[assignment]
        self._path = path

    def wanted(
        self, ticket: int, client: int = 1, looks: Mapping[str, DreamConfig] | None = None
    ) -> Wanted:
        return Wanted(client, ticket, self._path, 0.0, looks or {"": DreamConfig(seed=ticket)})

    def _send(self, kind: str, client: Any, *rest: Any) -> None:
        if kind == "preview":
            self.told.append((client, rest[0]))

    def shown(self) -> list[tuple[int, int, str]]:
        return [(client, head["ticket"], head["kind"]) for client, head in self.told]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((400, 600, 3), np.uint8))
    made = Desk(tmp_path / "a.png")
    yield made
    made.dreamers.go_on.set()


def test_only_the_newest_wish_is_dreamed(desk: Desk) -> None:
    for ticket in range(1, 20):
        desk.previews.look(desk.wanted(ticket))
        wait_until(partial(desk.dreamers.is_at, ticket))
    desk.dreamers.go_on.set()
    wait_until(lambda: len(desk.told) == 2)
    assert desk.shown() == [(1, 19, "coarse"), (1, 19, "full")]


def test_a_look_interrupts_a_sheet_which_goes_on_after_it(desk: Desk) -> None:
    looks = {name: DreamConfig(preset=name, seed=99) for name in ("eyes", "brush")}
    desk.previews.sheet(desk.wanted(1, looks=looks))
    wait_until(lambda: len(desk.dreamers.begun) == 1)
    desk.previews.look(desk.wanted(2))
    wait_until(partial(desk.dreamers.is_at, 2))
    desk.dreamers.go_on.set()
    wait_until(lambda: len(desk.told) == 4)
    assert [kind for _, _, kind in desk.shown()] == ["coarse", "full", "sheet", "sheet"]


def test_two_pages_each_get_their_own(desk: Desk) -> None:
    desk.previews.look(desk.wanted(1, client=1))
    desk.previews.look(desk.wanted(1, client=2))
    desk.dreamers.go_on.set()
    wait_until(lambda: len(desk.told) == 4)
    assert sorted(desk.shown()) == [
        (client, 1, stage) for client in (1, 2) for stage in ("coarse", "full")
    ]


def test_a_page_that_leaves_wants_nothing(desk: Desk) -> None:
    desk.previews.look(desk.wanted(1))
    wait_until(lambda: bool(desk.dreamers.begun))
    desk.previews.forget(1)
    desk.previews.look(desk.wanted(2, client=2))
    desk.dreamers.go_on.set()
    wait_until(lambda: len(desk.told) == 2)
    assert {client for client, _, _ in desk.shown()} == {2}


def test_renderings_wait_for_previews(desk: Desk) -> None:
    passed = threading.Event()
    desk.previews.look(desk.wanted(1))
    wait_until(lambda: bool(desk.dreamers.begun))

    def render() -> None:
        desk.gate.pass_through()
        passed.set()

    thread = threading.Thread(target=render)
    thread.start()
    assert not passed.wait(0.1)
    desk.dreamers.go_on.set()
    thread.join(10)
    assert passed.is_set()


def test_what_fails_is_told_in_a_line(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_path: Path, _seconds: float) -> Pixels:
        raise RuntimeError("a\nb")

    monkeypatch.setattr(previews, "read_frame", broken)
    desk.previews.look(desk.wanted(1))
    wait_until(lambda: bool(desk.told))
    assert desk.told[0][1]["line"] == "dreaming failed (RuntimeError: a b)"


@pytest.mark.parametrize("preset", [name for name in PRESETS])
@pytest.mark.parametrize("size", [(2160, 3840), (360, 640), (96, 128)])
def test_a_coarse_dream_is_the_beginning_of_the_whole(preset: str, size: tuple[int, int]) -> None:
    config = DreamConfig(preset=preset)
    sketch = coarse(config, size, 500_000)
    least_steps = sketch.first_steps <= 3
    assert work_of(sketch, size) <= 510_000 or (sketch.octaves == 1 and least_steps)
    left_out = config.octaves - sketch.octaves
    whole = min(max(size), config.dream_size or max(size))
    if left_out:
        assert sketch.dream_size == round(whole / config.octave_scale**left_out)
    assert coarse(config, size, 10**12) == config
