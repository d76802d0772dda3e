"""What the command does to its own process: signals, noise, and what it loads when."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import clips
import pytest

import dreamstream
from dreamstream.cli.signals import Stopped, stop_signals
from dreamstream.models.tensorflow_setup import load_tensorflow
from dreamstream.sources import open_source

HEAVY = ["tensorflow", "keras", "cv2", "av"]

signals = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No settings of the user's, and the signals' handlers as a terminal's program has them."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    before = {number: signal.signal(number, signal.SIG_DFL) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def run_python(code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
    )


# --- signals ---------------------------------------------------------------------------------


@signals
def test_the_first_signal_stops_what_runs(number: signal.Signals) -> None:
    with pytest.raises(Stopped) as stop, stop_signals():
        signal.raise_signal(number)
    assert stop.value.number == number


@signals
def test_a_second_signal_ends_the_process_at_once(number: signal.Signals) -> None:
    def stop_twice() -> None:
        with stop_signals():
            try:
                signal.raise_signal(number)
            finally:
                assert signal.getsignal(number) == signal.SIG_DFL

    with pytest.raises(Stopped):
        stop_twice()


@signals
def test_afterwards_signals_do_what_they_did_before(number: signal.Signals) -> None:
    signal.signal(number, mine := lambda *_: None)
    with stop_signals():
        assert signal.getsignal(number) != mine
    assert signal.getsignal(number) == mine


@signals
def test_a_signal_that_is_ignored_stays_so_as_nohup_wants(number: signal.Signals) -> None:
    signal.signal(number, signal.SIG_IGN)
    with stop_signals():
        signal.raise_signal(number)


def test_what_catches_exceptions_does_not_catch_a_stop() -> None:
    assert not issubclass(Stopped, Exception)


RUN = """
    import signal, sys
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
    from dreamstream.rendering import run
    from dreamstream.cli.main import main
    dream_frames = run.dream_frames
    def telling(*arguments, **options):
        for record in dream_frames(*arguments, **options):
            if record.index == 5:
                print("dreaming", flush=True)
            yield record
    run.dream_frames = telling
    for output in sys.argv[1:]:
        print(main(["in.mp4", output, "-y"]), flush=True)
"""


def test_a_stopped_run_leaves_a_playable_part_and_the_old_output(tmp_path: Path) -> None:
    clip = clips.write_clip(tmp_path / "in.mp4", clips.pictures(500))
    stops = {"interrupted.mp4": signal.SIGINT, "terminated.mp4": signal.SIGTERM}
    for name in stops:
        (tmp_path / name).write_text("old")
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(RUN), *stops],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for number in stops.values():
            assert process.stdout.readline() == "dreaming\n"
            process.send_signal(number)
            assert process.stdout.readline() == f"{128 + number}\n"
        _, errors = process.communicate(timeout=60)
    assert "Traceback" not in errors
    for name in stops:
        assert (tmp_path / name).read_text() == "old"
        part = name.replace(".mp4", ".part.mp4")
        assert f"what was dreamed is in {part}" in errors
        with open_source(tmp_path / part) as source:
            assert 5 <= sum(1 for _ in source) < 500
        sound = clips.sound_packets(tmp_path / part)
        assert len(sound) > 0
        assert sound == clips.sound_packets(clip)[: len(sound)]


# --- noise -----------------------------------------------------------------------------------


def test_loading_tensorflow_keeps_stderr_as_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    load_tensorflow(quiet=True)
    assert capfd.readouterr().err == ""
    os.write(2, b"still here")
    assert capfd.readouterr().err == "still here"


def test_a_quiet_run_that_dreams_says_nothing_at_all(tmp_path: Path, clip: Path) -> None:
    quick = ["--layers", "textures", "--octaves", "1", "--first-steps", "1", "--frames", ":2"]
    command = [sys.executable, "-m", "dreamstream", str(clip), "o.mp4", "-q", *quick]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert (tmp_path / "o.mp4").stat().st_size > 0


# --- what is loaded --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], "0"),
        (["--version"], "0"),
        (["--list-presets"], "0"),
        (["in.mp4", "--octaves", "many"], "2"),
        (["in.mp4", "--blend", "2"], "2"),
        (["in.mp4", "--model", "alexnet"], "2"),
        (["in.mp4", "--device", "tpu"], "2"),
    ],
    ids=" ".join,
)
def test_help_and_errors_of_arguments_load_no_large_library(
    arguments: list[str], code: str
) -> None:
    run = run_python(
        f"""
        import sys
        from dreamstream.cli.main import main
        try:
            code = main({arguments!r})
        except SystemExit as end:
            code = end.code
        print("\\n", code, [name for name in {HEAVY!r} if name in sys.modules])
        """
    )
    assert run.stdout.splitlines()[-1] == f" {code} []"


def test_the_package_alone_loads_no_large_library() -> None:
    run = run_python(
        f"""
        import sys
        import dreamstream
        print([name for name in {HEAVY!r} if name in sys.modules])
        """
    )
    assert run.stdout == "[]\n"


def test_the_public_names_are_there() -> None:
    from dreamstream import DreamConfig, Dreamer, dream_stream, open_sink, open_source

    assert all(map(callable, [DreamConfig, Dreamer, dream_stream, open_sink, open_source]))
    assert all(hasattr(dreamstream, name) for name in dreamstream.__all__)
    with pytest.raises(AttributeError, match="no attribute 'dreamer_of_dreams'"):
        _ = dreamstream.dreamer_of_dreams


def test_opening_source_and_sink_loads_no_tensorflow(clip: Path, tmp_path: Path) -> None:
    run = run_python(
        f"""
        import sys
        from dreamstream import open_sink, open_source
        with open_source({str(clip)!r}) as source:
            with open_sink({str(tmp_path / "o.mp4")!r}, source.info) as sink:
                for frame in source:
                    sink.write(frame)
        print("tensorflow" in sys.modules)
        """
    )
    assert run.stdout == "False\n"


def test_the_bundled_network_dreams_without_keras_which_others_load_later(tmp_path: Path) -> None:
    run = run_python(
        """
        import sys
        import numpy as np
        from dreamstream.models.tensorflow_setup import load_tensorflow
        load_tensorflow(quiet=True)
        from dreamstream import DreamConfig, Dreamer
        config = DreamConfig(octaves=1, first_steps=1)
        Dreamer(config).dream(np.zeros((90, 90, 3), np.uint8))
        print("keras" in sys.modules)
        from dreamstream.models.applications import build_headless
        from dreamstream.models.catalog import find_model
        print(build_headless(find_model("mobilenet_v2"))(np.zeros((1, 64, 64, 3))).shape)
        """
    )
    assert run.stdout == "False\n(1, 2, 2, 1280)\n"


def test_missing_system_libraries_are_named_with_the_packages_that_hold_them(
    tmp_path: Path, clip: Path
) -> None:
    (tmp_path / "cv2.py").write_text(
        "raise ImportError('libGL.so.1: cannot open shared object file: No such file or directory')"
    )
    run = run_python(
        "import sys; from dreamstream.cli.main import main; "
        f"sys.exit(main([{str(clip)!r}, 'o.mp4']))",
        PYTHONPATH=str(tmp_path),
    )
    assert run.returncode == 1
    assert run.stdout == ""
    (line,) = run.stderr.splitlines()
    assert "libGL.so.1" in line
    assert "apt-get install libgl1 libglib2.0-0 libsm6 libxcb1" in line


@pytest.mark.parametrize("arguments", ["--help", "--list-models"])
def test_a_reader_of_stdout_that_has_gone_is_no_traceback(arguments: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "dreamstream", arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert process.returncode in (0, 1), "argparse swallows it where stdout has no buffer"
