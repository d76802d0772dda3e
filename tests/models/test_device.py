"""Devices, threads and types: chosen by pure functions, claimed before TensorFlow runs."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from networks import small_extractor
from pictures import fractal_pixels

from dreamstream.config import DreamConfig
from dreamstream.dream.dreamer import Dreamer
from dreamstream.errors import DeviceError, ModelError
from dreamstream.machine import processor_flags
from dreamstream.models.device import (
    Engine,
    choose_gpu,
    choose_precision,
    claim_engine,
    describe_hardware,
)
from dreamstream.models.extractor import FeatureExtractor


class FakeTensorFlow:
    """What ``claim_engine`` asks of TensorFlow, on a machine with some GPUs."""

    def __init__(self, gpus: int, capability: tuple[int, int] = (9, 0), started: bool = False):
        self.gpus = [f"GPU:{number}" for number in range(gpus)]
        self.visible, self.growing, self.threads = list(self.gpus), list[str](), 0
        self._started = started
        self.config = SimpleNamespace(
            list_physical_devices=lambda kind: self.gpus,
            get_visible_devices=lambda kind: self.visible,
            set_visible_devices=self._show,
            threading=SimpleNamespace(set_intra_op_parallelism_threads=self._use_threads),
            experimental=SimpleNamespace(
                get_device_details=lambda gpu: {"compute_capability": capability},
                set_memory_growth=self._let_grow,
            ),
        )

    def _refuse_late(self) -> None:
        if self._started:
            raise RuntimeError("cannot be modified after initialization")

    def _show(self, devices: list[str], kind: str) -> None:
        self._refuse_late()
        self.visible = devices

    def _use_threads(self, threads: int) -> None:
        self._refuse_late()
        self.threads = threads

    def _let_grow(self, gpu: str, grow: bool) -> None:
        self._refuse_late()
        self.growing += [gpu] * grow


def claim(monkeypatch: pytest.MonkeyPatch, fake: FakeTensorFlow, **settings: Any) -> Engine:
    monkeypatch.setitem(sys.modules, "tensorflow", fake)
    return claim_engine(DreamConfig(**settings))


# --- pure choices ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "capability", "chosen"),
    [
        ({"avx2", "fma"}, None, "float32"),
        ({"avx2", "avx512f"}, None, "float32"),
        ({"avx512f", "avx512_bf16"}, None, "bfloat16"),
        ({"amx_tile", "amx_bf16"}, None, "bfloat16"),
        ({"avx512_bf16", "avx512_fp16", "amx_bf16"}, None, "bfloat16"),
        ({"avx512_bf16", "avx512_fp16"}, None, "float32"),  # Intel's with AMX hidden
        ({"avx512_bf16", "avx512_fp16", "sse4a"}, None, "bfloat16"),  # AMD's
        (set(), None, "float32"),
        ({"avx512_bf16"}, (6, 1), "float32"),
        (set(), (7, 0), "float16"),
        (set(), (7, 5), "float16"),
        (set(), (8, 0), "bfloat16"),
        (set(), (12, 0), "bfloat16"),
    ],
)
def test_auto_takes_the_type_in_which_the_hardware_is_fastest(
    flags: set[str], capability: tuple[int, int] | None, chosen: str
) -> None:
    assert choose_precision("auto", frozenset(flags), capability) == chosen
    assert choose_precision("bfloat16", frozenset(flags), capability) == "bfloat16"


@pytest.mark.parametrize(
    ("wanted", "gpus", "chosen"),
    [("auto", 0, None), ("auto", 2, 0), ("cpu", 2, None), ("gpu", 1, 0), ("gpu:1", 2, 1)],
)
def test_a_device_is_chosen(wanted: str, gpus: int, chosen: int | None) -> None:
    assert choose_gpu(wanted, gpus) == chosen


@pytest.mark.parametrize(
    ("wanted", "gpus", "there"), [("gpu", 0, "no GPU"), ("gpu:2", 2, "gpu:0 to gpu:1")]
)
def test_a_gpu_that_is_not_there_is_named_with_a_remedy(wanted: str, gpus: int, there: str) -> None:
    with pytest.raises(DeviceError, match=rf"no {wanted}, .* finds {there}.*'\.\[cuda\]'"):
        choose_gpu(wanted, gpus)


def test_the_processors_flags_are_read_where_the_system_tells_them(tmp_path: Path) -> None:
    information = tmp_path / "cpuinfo"
    information.write_text("model name\t: A\nflags\t\t: fpu avx2 amx_bf16\nbugs\t: none\n")
    assert processor_flags(information) == {"fpu", "avx2", "amx_bf16"}
    information.write_text("model name\t: A\n")
    assert processor_flags(information) == frozenset()
    assert processor_flags(tmp_path / "none") == frozenset()
    assert "processor for" in describe_hardware()


# --- claiming -------------------------------------------------------------------------------------


def test_a_gpu_is_shown_alone_grows_and_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeTensorFlow(3)
    engine = claim(monkeypatch, fake, device="gpu:1", threads=4)
    assert engine == Engine("bfloat16", compiled=True)
    assert (fake.visible, fake.growing, fake.threads) == (["GPU:1"], ["GPU:1"], 4)


def test_the_cpu_hides_every_gpu_and_compiles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeTensorFlow(2)
    assert claim(monkeypatch, fake, device="cpu", precision="float16") == Engine("float16")
    assert (fake.visible, fake.growing) == ([], [])


def test_auto_takes_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    old = FakeTensorFlow(1, capability=(7, 5))
    assert claim(monkeypatch, old) == Engine("float16", compiled=True)
    assert old.growing == ["GPU:0"]
    assert not claim(monkeypatch, FakeTensorFlow(0)).compiled


def test_the_original_programs_preset_keeps_its_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert claim(monkeypatch, FakeTensorFlow(1), preset="classic").precision == "float32"
    asked = claim(monkeypatch, FakeTensorFlow(1), preset="classic", precision="bfloat16")
    assert asked.precision == "bfloat16"


@pytest.mark.parametrize(
    ("settings", "flag"),
    [({"threads": 2}, "--threads 2"), ({"device": "cpu"}, "--device cpu")],
)
def test_what_comes_too_late_is_refused_with_a_remedy(
    settings: dict[str, Any], flag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelError, match=rf"{flag}: TensorFlow runs already.*before"):
        claim(monkeypatch, FakeTensorFlow(1, started=True), **settings)
    claim(monkeypatch, FakeTensorFlow(1, started=True))


def run_python(code: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )


def test_a_process_is_bound_to_its_threads_and_device_from_the_first_dreamer_on() -> None:
    done = run_python(
        """
        from dreamstream import DreamConfig, Dreamer
        from dreamstream.errors import DeviceError

        for _ in range(2):
            Dreamer(DreamConfig(threads=1, device="cpu"))
        Dreamer(DreamConfig())
        import tensorflow as tf

        print(tf.config.threading.get_intra_op_parallelism_threads())
        try:
            Dreamer(DreamConfig(threads=2))
        except DeviceError as error:
            print(error)
        """
    )
    first, second = done.stdout.splitlines()
    assert first == "1"
    assert second.startswith("--threads 2: TensorFlow runs already")


@pytest.mark.parametrize(
    "engine", [Engine("bfloat16"), Engine(compiled=True), Engine("float16", compiled=True)], ids=str
)
def test_a_dream_on_another_engine_is_nearly_the_same(engine: Engine) -> None:
    config = DreamConfig(layers={"deep": 1.0}, octaves=2, first_steps=3, jitter=0)
    wide = small_extractor()
    narrow = FeatureExtractor("small", ("deep",), wide.model, {"deep": 1.0}, engine)
    source = fractal_pixels(48, 64)
    one, other = (
        Dreamer(config, extractor).dream(source).astype(float) - source
        for extractor in (wide, narrow)
    )
    assert np.abs(one).mean() > 1
    assert np.abs(one - other).mean() < 0.1 * np.abs(one).mean()


# --- tracing --------------------------------------------------------------------------------------


def test_a_stream_traces_each_of_its_functions_once() -> None:
    config = DreamConfig(layers={"deep": 1.0}, octaves=3, steps=1, first_steps=2)
    dreamer = Dreamer(config, small_extractor({}), measure_losses=True)
    first, second = fractal_pixels(60, 80), 255 - fractal_pixels(60, 80, seed=9)
    cuts = 0
    for pixels in [first, first, second, second, fractal_pixels(72, 50)]:
        dreamer.dream(pixels)
        cuts += dreamer.report.cut
    assert cuts
    assert len(dreamer.report.steps) == 3
    measuring = dreamer._core.objective._mean_squares
    assert [dreamer.traces, measuring.experimental_get_tracing_count()] == [1, 1]
