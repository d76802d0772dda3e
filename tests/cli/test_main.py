"""The whole command, as it is typed."""

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import clips
import numpy as np
import pytest
from pictures import fractal_pixels

from dreamstream._libraries import av, cv2
from dreamstream.cli import main as cli
from dreamstream.config import PRESETS, DreamConfig
from dreamstream.errors import SinkError
from dreamstream.frames import Pixels, StreamInfo
from dreamstream.models.catalog import MODELS
from dreamstream.rendering import output_names
from dreamstream.sinks import ArraySink, open_sink
from dreamstream.sources import open_source
from dreamstream.temporal.frame_analysis import FrameAnalysis

QUICK = [
    *("--layers", "textures", "--octaves", "1", "--first-steps", "1", "--steps", "1"),
    *("--dream-size", "640"),
]
"""A dream that takes no time; without it frames pass unchanged, for want of a dream size."""

TOO_SMALL = 16
"""A dream size at which the network sees nothing."""


@dataclass(frozen=True)
class Outcome:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line on stderr."""
        (line,) = self.err.splitlines()
        assert line.startswith("dreamstream: ")
        return line


Run = Callable[..., Outcome]


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """Run the command in an empty folder, as a user whose frames pass undreamed."""
    settings = tmp_path / "settings" / "dreamstream" / "config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(f"dream_size = {TOO_SMALL}\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def run_command(*arguments: str | Path) -> Outcome:
        capfd.readouterr()
        code = cli.main([str(argument) for argument in arguments])
        return Outcome(code, *capfd.readouterr())

    yield run_command
    logger = logging.getLogger("dreamstream")
    assert (logger.handlers, logger.level) == ([], logging.NOTSET)


def read(target: str | Path) -> list[Any]:
    with open_source(target) as source:
        return [frame.pixels for frame in source]


def save(path: Path, pixels: Any) -> Path:
    path.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(path), pixels[..., ::-1])
    return path


def files() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("photo") / "photo.png", fractal_pixels(64, 96, seed=2))


@pytest.fixture(scope="module")
def pngs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pngs")
    for number, pixels in enumerate(clips.pictures(4), start=7):
        save(folder / f"{number:05d}.png", pixels)
    return folder


# --- what goes in and what comes out ---------------------------------------------------------


def test_a_clip_becomes_a_dream_with_its_size_times_and_sound(run: Run, clip: Path) -> None:
    outcome = run(clip, "out.mp4", *QUICK)
    assert outcome.code == 0
    assert files() == ["out.mp4"]
    assert clips.video_times(Path("out.mp4")) == clips.video_times(clip)
    assert clips.sound_packets(Path("out.mp4")) == clips.sound_packets(clip)
    run(clip, "undreamed.mp4")
    dreams, undreamed = read("out.mp4"), read("undreamed.mp4")
    assert [dream.shape for dream in dreams] == [frame.shape for frame in read(clip)]
    assert all(np.any(a != b) for a, b in zip(dreams, undreamed, strict=True))


def test_a_run_says_in_a_line_on_stderr_where_how_long_and_with_what(run: Run, clip: Path) -> None:
    outcome = run(clip, "out.mp4", "--frames", ":2", "--preset", "eyes")
    assert outcome.out == ""
    line = outcome.err.splitlines()[-1]
    assert line.startswith("dreamstream: out.mp4: 2 frames in ")
    assert line.endswith("model dreamnet, preset eyes")


def test_a_quiet_run_says_nothing(run: Run, clip: Path) -> None:
    assert run(clip, "out.mp4", "-q") == Outcome(0, "", "")


def test_where_stderr_is_no_terminal_there_is_no_progress_bar(run: Run, clip: Path) -> None:
    err = run(clip, "out.mp4").err
    assert "\r" not in err
    assert "frame/s" not in err


def test_on_a_terminal_a_progress_bar_shows_frames_and_rate(
    run: Run, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    outcome = run(clip, "out.mp4", *QUICK, "--frames", ":2")
    assert outcome.out == ""
    assert "2/2" in outcome.err
    assert "frame/s" in outcome.err
    assert "loss=" in outcome.err


def test_a_picture_smaller_than_the_network_needs_is_dreamed_all_the_same(
    run: Run, tmp_path: Path
) -> None:
    path = save(tmp_path / "icon.png", fractal_pixels(30, 44, seed=2))
    outcome = run(path, "out.png", "--dream-size", "640", "--first-steps", "2")
    assert (outcome.code, len(outcome.err.splitlines())) == (0, 1)
    (before,), (after,) = read(path), read("out.png")
    assert after.shape == before.shape
    assert np.abs(after.astype(int) - before).mean() > 1


def test_frames_too_small_to_dream_pass_with_one_warning(run: Run, clip: Path) -> None:
    outcome = run(clip, "out.mp4")
    assert outcome.code == 0
    warning, _ = outcome.err.splitlines()
    assert warning.startswith("dreamstream: 16x12 is too small")
    for frame, dream in zip(read(clip), read("out.mp4"), strict=True):
        assert np.abs(frame.astype(int) - dream).mean() < 3


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 2), (21, 35)])
def test_tiny_and_odd_videos_are_fine(run: Run, tmp_path: Path, height: int, width: int) -> None:
    small = clips.write_clip(tmp_path / "s.mp4", clips.pictures(3, height, width), sound=None)
    assert run(small, "out.mp4").code == 0
    assert [pixels.shape for pixels in read("out.mp4")] == [(height, width, 3)] * 3


def test_numbered_pictures_become_numbered_pictures(run: Run, pngs: Path) -> None:
    Path("out").mkdir()
    assert run(pngs / "%05d.png", "out/%03d.png").code == 0
    assert sorted(path.name for path in Path("out").iterdir()) == [
        f"{number:03d}.png" for number in range(7, 11)
    ]
    np.testing.assert_array_equal(read("out"), read(pngs))


def test_a_folder_of_pictures_becomes_a_video(run: Run, pngs: Path) -> None:
    assert run(pngs, "out.mp4").code == 0
    assert clips.video_times(Path("out.mp4")) == clips.regular(4)


@pytest.mark.parametrize(
    ("trim", "kept"),
    [
        (["--start", "0.2"], range(5, 25)),
        (["--duration", "0.2"], range(5)),
        (["--frames", "3:8"], range(3, 8)),
        (["--start", "0:00.2", "--duration", "0.4", "--frames", "1:4"], range(6, 9)),
    ],
)
def test_a_trim_dreams_a_part(run: Run, clip: Path, trim: list[str], kept: range) -> None:
    assert run(clip, "%d.png", *trim).code == 0
    frames = read(clip)
    for number, index in enumerate(kept, start=1):
        np.testing.assert_array_equal(read(f"{number}.png")[0], frames[index])
    assert len(files()) == len(kept)


def test_a_still_becomes_a_still_and_compare_puts_the_two_side_by_side(
    run: Run, photo: Path
) -> None:
    assert run(photo, "dream.png", *QUICK).code == 0
    assert run(photo, "both.png", *QUICK, "--compare").code == 0
    (pixels,), (dream,), (both,) = read(photo), read("dream.png"), read("both.png")
    assert dream.shape == pixels.shape
    assert np.any(dream != pixels)
    np.testing.assert_array_equal(both, np.concatenate([pixels, dream], axis=1))


def test_a_codec_and_its_quality_can_be_chosen(run: Run, clip: Path) -> None:
    assert run(clip, "out.mp4", "--codec", "vp9", "--crf", "20").code == 0
    assert run(clip, "poor.mp4", "--codec", "vp9", "--crf", "60").code == 0
    with av.open("out.mp4") as file:
        assert file.streams.video[0].codec_context.name.startswith(("vp9", "libvpx-vp9"))
    assert Path("poor.mp4").stat().st_size < Path("out.mp4").stat().st_size


def test_stats_are_a_line_for_each_frame(run: Run, clip: Path) -> None:
    arguments = (clip, "out.mp4", *QUICK, "--frames", ":3", "--stats", "s.jsonl")
    assert run(*arguments).code == 0
    lines = [json.loads(line) for line in Path("s.jsonl").read_text().splitlines()]
    assert [(line["index"], line["time"]) for line in lines] == [(0, 0), (1, 0.04), (2, 0.08)]
    assert [line["warm"] for line in lines] == [False, True, True]
    # one, and up to two more where something moves
    assert lines[0]["steps"] == [1]
    assert all(1 <= steps <= 3 for line in lines[1:] for steps in line["steps"])
    assert all(line["loss"] > 0 and line["source_loss"] > 0 for line in lines)
    # a single step, on a shifted picture, need not raise the loss of so small a one at once
    assert lines[-1]["loss"] > lines[-1]["source_loss"]
    assert {line["max_loss"] for line in lines} == {DreamConfig().max_loss}


def test_stats_have_no_loss_where_no_network_ran(run: Run, clip: Path) -> None:
    run(clip, "out.mp4", "--frames", ":2", "--stats", "s.jsonl")
    lines = [json.loads(line) for line in Path("s.jsonl").read_text().splitlines()]
    assert [(line["loss"], line["steps"]) for line in lines] == [(None, [])] * 2
    assert lines[0]["dropped_octaves"] == DreamConfig().octaves


def test_each_octave_of_a_still_is_written_beside_it(run: Run, photo: Path) -> None:
    options = [*QUICK, "--octaves", "2", "--save-octaves"]
    assert run(photo, "out.jpg", *options).code == 0
    octaves = ["out-octave1-68x45.jpg", "out-octave2-96x64.jpg"]
    assert files() == [*octaves, "out.jpg"]
    assert [read(name)[0].shape for name in octaves] == [(45, 68, 3), (64, 96, 3)]


def test_a_previews_octaves_are_written_beside_it(run: Run, clip: Path) -> None:
    assert run(clip, "--preview", "0", *QUICK, "--save-octaves").code == 0
    assert files() == ["in-preview-octave1-64x48.png", "in-preview.png"]


def test_the_octaves_of_a_stills_video_are_pictures(run: Run, photo: Path) -> None:
    assert run(photo, "out.mp4", *QUICK, "--save-octaves", "--crf", "20").code == 0
    assert files() == ["out-octave1-96x64.png", "out.mp4"]


@pytest.mark.parametrize("output", [["out.mp4"], []])
def test_the_octaves_of_a_video_are_refused(run: Run, clip: Path, output: list[str]) -> None:
    outcome = run(clip, *output, "--save-octaves")
    assert outcome.code == 2
    assert "--preview" in outcome.error
    assert files() == []


def test_a_preview_is_the_frame_at_its_time(run: Run, clip: Path) -> None:
    assert run(clip, "frame.png", "--preview", "0.4").code == 0
    np.testing.assert_array_equal(read("frame.png")[0], read(clip)[10])


@pytest.mark.parametrize(
    ("source", "name"),
    [("in.mp4", "in-preview.png"), ("pngs", "pngs-preview.png"), ("pngs/%05d.png", None)],
)
def test_a_preview_without_output_is_a_picture_of_that_name_here(
    run: Run, clip: Path, pngs: Path, source: str, name: str | None
) -> None:
    Path("in.mp4").symlink_to(clip)
    Path("pngs").symlink_to(pngs)
    before = files()
    assert run(source, "--preview", "0").code == 0
    assert set(files()) - set(before) == {name or "dream-preview.png"}


def test_a_preview_is_no_video(run: Run, clip: Path) -> None:
    outcome = run(clip, "out.mp4", "--preview", "0.4")
    assert outcome.code == 2
    assert "--preview" in outcome.error
    assert files() == []


def test_show_opens_a_window_beside_the_file(
    run: Run, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[ArraySink] = []

    class FakeWindow(ArraySink):
        def __init__(self, info: StreamInfo) -> None:
            super().__init__(info)
            shown.append(self)

    monkeypatch.setattr("dreamstream.rendering.run.WindowSink", FakeWindow)
    assert run(clip, "out.mp4", "--show").code == 0
    assert run(clip).err.splitlines()[-1].startswith("dreamstream: a window: 25 frames")
    assert run(clip, "plain.mp4").code == 0
    assert [len(window.frames) for window in shown] == [25, 25]
    assert files() == ["out.mp4", "plain.mp4"]


def test_where_no_window_opens_nothing_is_left_of_the_file(
    run: Run, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_info: StreamInfo) -> None:
        raise SinkError("opening a window failed: there is no display")

    monkeypatch.setattr("dreamstream.rendering.run.WindowSink", refuse)
    outcome = run(clip, "out.mp4", "--show")
    assert (outcome.code, files()) == (1, [])
    assert "no display" in outcome.error


# --- several inputs --------------------------------------------------------------------------


def test_several_inputs_become_files_of_their_names_in_a_folder(
    run: Run, clip: Path, photo: Path, pngs: Path
) -> None:
    outcome = run(clip, photo, pngs, pngs / "%05d.png", "new/", *QUICK, "--frames", ":1")
    assert outcome.code == 0
    assert sorted(path.name for path in Path("new").iterdir()) == [
        "dream.mp4",
        "in.mp4",
        "photo.png",
        f"{pngs.name}.mp4",
    ]
    lines = outcome.err.splitlines()
    assert [line.split(": ")[1] for line in lines] == [
        "new/in.mp4",
        "new/photo.png",
        f"new/{pngs.name}.mp4",
        "new/dream.mp4",
    ]


def test_a_single_input_may_go_into_a_folder_too(run: Run, clip: Path) -> None:
    Path("out").mkdir()
    assert run(clip, "out", "--frames", ":1").code == 0
    assert run(clip, "out", "--preview", "0").code == 0
    assert sorted(path.name for path in Path("out").iterdir()) == ["in.mp4", "in.png"]


def test_inputs_of_one_name_are_numbered_and_never_overwrite_one_another(
    run: Run, clip: Path
) -> None:
    for folder in ("a", "b"):
        Path(folder).mkdir()
        Path(folder, "in.mkv").symlink_to(clip)
    assert run("a/in.mkv", "b/in.mkv", clip, "out/", "-y", "--frames", ":1").code == 0
    names = sorted(path.name for path in Path("out").iterdir())
    assert names == ["in-2.mp4", "in-3.mp4", "in.mp4"]


def test_a_failing_input_is_reported_and_the_others_go_on_with_the_worst_code(
    run: Run, clip: Path, tmp_path: Path
) -> None:
    (tmp_path / "text.mp4").write_text("Words and no pictures.\n" * 50)
    outcome = run("none.mp4", clip, tmp_path / "text.mp4", "out/", "--frames", ":1")
    assert outcome.code == 3
    assert "none.mp4 failed" in outcome.err.splitlines()[0]
    assert "text.mp4 failed" in outcome.err.splitlines()[-1]
    assert [path.name for path in Path("out").iterdir()] == ["in.mp4"]
    outcome = run("none.mp4", clip, "out/")
    assert outcome.code == 2, "an output that exists is worse than an input that does not"
    assert run("none.mp4", clip, "out/", "-y", "--frames", ":1").code == 3


def test_the_network_is_loaded_once_and_forgets_between_inputs(
    run: Run, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dreamstream.dream.dreamer import Dreamer
    from dreamstream.models.extractor import load_configured

    calls: list[str] = []
    reset = Dreamer.reset

    def loading(*arguments: Any) -> Any:
        calls.append("load")
        return load_configured(*arguments)

    def resetting(self: Any) -> None:
        calls.append("reset")
        reset(self)

    monkeypatch.setattr("dreamstream.dream.core.load_configured", loading)
    monkeypatch.setattr(Dreamer, "reset", resetting)
    Path("b.mp4").symlink_to(clip)
    assert run(clip, "b.mp4", "out/", *QUICK, "--frames", ":2").code == 0
    assert calls.count("load") == 1
    assert calls[-1] == "reset"
    alone = run("b.mp4", "alone.mp4", *QUICK, "--frames", ":2")
    assert alone.code == 0
    np.testing.assert_array_equal(read("out/b.mp4"), read("alone.mp4"))


def test_a_wrong_option_ends_all_inputs_at_once(run: Run, clip: Path, photo: Path) -> None:
    outcome = run(clip, photo, "out/", "--layers", "wings=1")
    assert outcome.code == 2
    assert "wings" in outcome.error
    assert list(Path("out").iterdir()) == []


def test_a_folder_that_can_not_be_made_is_one_line(run: Run, clip: Path) -> None:
    Path("file").touch()
    outcome = run(clip, "file/out/")
    assert outcome.code == 2
    assert "making the folder file/out/ failed" in outcome.error


def test_a_fault_of_one_input_does_not_end_the_others(
    run: Run, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dreamstream.dream.dreamer import Dreamer

    dream, seen = Dreamer.dream, []

    def failing_first(self: Dreamer, *frame: Any) -> Any:
        seen.append(1)
        if len(seen) == 1:
            raise MemoryError("all of it")
        return dream(self, *frame)

    monkeypatch.setattr(Dreamer, "dream", failing_first)
    Path("b.mp4").symlink_to(clip)
    outcome = run(clip, "b.mp4", "out/", "--frames", ":1", *QUICK)
    assert outcome.code == 1
    assert "MemoryError" in outcome.err.splitlines()[0]
    assert [path.name for path in Path("out").iterdir()] == ["b.mp4"]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("in/film.mov", "film.mp4"),
        ("photo.JPG", "photo.JPG"),
        ("scan.tiff", "scan.png"),
        ("https://me@host/a/film.webm?x=1.2", "film.mp4"),
        ("https://host", "host.mp4"),
        ("in/%05d.png", "dream.mp4"),
        ("in/shot-%05d.png", "shot.mp4"),
        ("camera:0", "camera0.mp4"),
        ("-", "dream.mp4"),
    ],
)
def test_an_output_is_named_after_its_input(source: str, name: str) -> None:
    still = source.startswith(("photo", "scan"))
    path = output_names.output_in("out", source, still, (".png", ".jpg"))
    assert path == Path("out", name)


# --- lists -----------------------------------------------------------------------------------


def test_the_lists_go_to_stdout(run: Run) -> None:
    presets, models = run("--list-presets"), run("--list-models")
    assert (presets.code, presets.err, models.code, models.err) == (0, "", 0, "")
    assert [line.split()[0] for line in presets.out.splitlines()] == list(PRESETS)
    assert [line.split()[0] for line in models.out.splitlines()[1:]] == list(MODELS)


def test_the_layers_of_a_model_are_listed(run: Run) -> None:
    layers = run("--list-layers")
    assert (layers.code, layers.err) == (0, "")
    assert [line.split()[0] for line in layers.out.splitlines()[1:]] == list(
        MODELS["dreamnet"].layers
    )


# --- bad input -------------------------------------------------------------------------------


def write_tone(path: Path) -> None:
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream("aac", rate=clips.SOUND_RATE, layout="mono")
        clips.write_tone(output, stream, Fraction(1, 2))


BAD: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "none.mp4": ("no such file", lambda path: None),
    "empty.mp4": ("empty", lambda path: path.touch()),
    "empty.png": ("empty", lambda path: path.touch()),
    "folder": ("no such pictures", lambda path: path.mkdir()),
    "%05d.png": ("no such pictures", lambda path: None),
    "text.mp4": ("no video", lambda path: path.write_text("Words and no pictures.\n" * 50)),
    "text.jpg": ("no picture", lambda path: path.write_text("Words and no pictures.\n" * 50)),
    "tone.m4a": ("only sound", write_tone),
    "x" * 300: ("too long", lambda path: None),
}


@pytest.mark.parametrize("name", BAD, ids=lambda name: name[:20])
def test_an_input_that_can_not_be_dreamed_is_code_3_and_one_line_that_names_it(
    run: Run, tmp_path: Path, name: str
) -> None:
    problem, make = BAD[name]
    make(tmp_path / name)
    outcome = run(tmp_path / name, "out.mp4")
    assert (outcome.code, outcome.out) == (3, "")
    assert problem in outcome.error
    assert name in outcome.error
    assert files() == []


@pytest.mark.parametrize("trim", [["--start", "60"], ["--frames", "99:100"], ["--preview", "60"]])
def test_a_trim_that_keeps_nothing_is_bad_input(run: Run, clip: Path, trim: list[str]) -> None:
    outcome = run(clip, "out.png", *trim)
    assert outcome.code == 3
    assert "no frame is left" in outcome.error


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--model", "alexnet"], MODELS),
        (["--preset", "nightmare"], PRESETS),
        (["--layers", "wings=1"], MODELS["dreamnet"].layers),
        (["--list-layers", "--model", "alexnet"], MODELS),
    ],
)
def test_an_unknown_model_preset_or_layer_is_code_2_and_lists_what_there_is(
    run: Run, clip: Path, arguments: list[str], names: Any
) -> None:
    outcome = run(clip, "out.mp4", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert all(name in outcome.error for name in names)
    assert files() == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["--steps", "-1"],
        ["--step-size", "nan"],
        ["--blend", "1.5"],
        ["--max-loss", "-3"],
        ["--octave-scale", "0.5"],
        ["--start", "-1"],
        ["--crf", "99"],
        ["--frames", "5:3"],
        ["--layers", "eyes=nan"],
        ["--foo"],
    ],
    ids=" ".join,
)
def test_an_option_out_of_range_is_code_2_and_one_line_that_names_it(
    run: Run, clip: Path, arguments: list[str]
) -> None:
    outcome = run(clip, "out.mp4", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert arguments[0] in outcome.error
    assert files() == []


def test_without_arguments_it_says_what_is_missing(run: Run) -> None:
    outcome = run()
    assert outcome.code == 2
    assert "no INPUT" in outcome.error


@pytest.mark.parametrize("content", [b"", b"These are no weights."])
def test_weights_that_do_not_fit_are_one_line_that_names_the_file(
    run: Run, clip: Path, tmp_path: Path, content: bytes
) -> None:
    weights = tmp_path / "w.h5"
    weights.write_bytes(content)
    for model in ("dreamnet", "mobilenet_v2"):
        outcome = run(clip, "out.mp4", "--weights", weights, "--model", model)
        assert (outcome.code, outcome.out) == (1, "")
        assert f"loading {weights} into {model} failed" in outcome.error
        assert files() == []


@pytest.mark.parametrize(
    ("output", "code", "problem"),
    [
        ("out.xyz", 2, ".mp4"),
        ("out", 2, "no suffix"),
        ("none/out.mp4", 2, "mkdir -p none"),
        ("/proc/out.mp4", 1, "/proc/out.mp4 failed"),
        ("out.png", 2, "--preview"),
        ("out.mp4 --codec cinepak", 2, "h264"),
        ("out.mp4 --codec prores", 2, ".mp4 can't hold it"),
        ("out.gif --crf 20", 2, "leave it out"),
    ],
)
def test_an_output_that_can_not_be_is_usage_and_one_line_with_the_remedy(
    run: Run, clip: Path, output: str, code: int, problem: str
) -> None:
    outcome = run(clip, *output.split())
    assert (outcome.code, outcome.out) == (code, "")
    assert problem in outcome.error
    assert files() == []


@pytest.mark.parametrize("output", ["out.mp4", "out-%d.png"])
def test_an_existing_output_is_refused_and_untouched_without_y(
    run: Run, clip: Path, output: str
) -> None:
    existing = Path(output.replace("%d", "1"))
    existing.write_text("earlier")
    outcome = run(clip, output)
    assert outcome.code == 2
    assert "-y" in outcome.error
    assert existing.read_text() == "earlier"
    assert run(clip, output, "-y", "--frames", ":1").code == 0
    assert len(read(existing)) == 1


@pytest.mark.parametrize("form", ["in.mp4", "./in.mp4", "link.mp4"])
def test_the_input_is_never_overwritten_not_even_with_y(run: Run, clip: Path, form: str) -> None:
    Path("in.mp4").write_bytes(clip.read_bytes())
    Path("link.mp4").symlink_to("in.mp4")
    for arguments in ([form], ["out.mp4", "--stats", form]):
        outcome = run("in.mp4", *arguments, "-y")
        assert outcome.code == 2
        assert "is the input" in outcome.error
        assert Path("in.mp4").read_bytes() == clip.read_bytes()


def test_stats_are_refused_where_they_would_be_the_output_or_exist(run: Run, clip: Path) -> None:
    outcome = run(clip, "out.mp4", "--stats", "./out.mp4")
    assert (outcome.code, files()) == (2, [])
    assert "--stats" in outcome.error
    Path("s.jsonl").write_text("earlier")
    outcome = run(clip, "out.mp4", "--stats", "s.jsonl")
    assert (outcome.code, files()) == (2, ["s.jsonl"])
    assert Path("s.jsonl").read_text() == "earlier"


def test_a_run_that_fails_before_its_first_frame_leaves_nothing_behind(
    run: Run, clip: Path
) -> None:
    assert run(clip, "out.mp4", "--stats", "s.jsonl", "--layers", "wings").code == 2
    assert files() == []


def test_settings_of_a_file_are_used_and_a_bad_file_is_code_2(run: Run, clip: Path) -> None:
    Path("look.toml").write_text("frames = ':2'\nquality = 3\n")
    outcome = run(clip, "out.mp4", "--config", "look.toml")
    assert outcome.code == 2
    assert "look.toml" in outcome.error
    Path("look.toml").write_text("frames = ':2'\n")
    assert run(clip, "out.mp4", "--config", "look.toml").code == 0
    assert len(read("out.mp4")) == 2


# --- partial results -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    return clips.write_clip(path, clips.pictures(60, 48, 64))


def test_a_damaged_clip_is_dreamed_as_far_as_it_goes_and_is_code_4(
    run: Run, long_clip: Path
) -> None:
    data = bytearray(long_clip.read_bytes())
    begin = data.index(b"mdat") + 4 + len(data) // 4
    data[begin : begin + 300] = np.random.default_rng(0).bytes(300)
    Path("damaged.mp4").write_bytes(data)
    outcome = run("damaged.mp4", "out.mp4")
    assert outcome.code == 4
    assert "damaged" in outcome.err.splitlines()[-1]
    assert 30 < len(read("out.mp4")) <= 60


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_torn_clip_is_dreamed_as_far_as_it_goes_and_is_code_4(
    run: Run, long_clip: Path, suffix: str
) -> None:
    with (
        open_source(long_clip) as source,
        open_sink(Path(f"whole{suffix}"), source.info) as sink,
    ):
        for frame in source:
            sink.write(frame)
    data = Path(f"whole{suffix}").read_bytes()
    Path(f"torn{suffix}").write_bytes(data[: len(data) // 2])
    assert run(f"whole{suffix}", "out.mp4").code == 0
    outcome = run(f"torn{suffix}", "part.mp4")
    assert outcome.code == 4
    assert "missing" in outcome.err.splitlines()[-1]
    assert 5 < len(read("part.mp4")) < 60
    assert run(f"torn{suffix}", "begin.mp4", "--frames", ":5").code == 0, "its end is not read"


def test_an_input_that_breaks_off_is_code_3_and_says_where_the_dream_so_far_is(
    run: Run, pngs: Path
) -> None:
    for number, path in enumerate(sorted(pngs.iterdir())):
        save(Path("in") / path.name, read(path)[0][: 40 if number == 3 else 48])
    outcome = run("in", "out.mp4")
    assert outcome.code == 3
    assert "what was dreamed is in out.part.mp4" in outcome.err
    assert "00010.png" in outcome.err.splitlines()[-1]
    assert len(read("out.part.mp4")) == 3


# --- what nobody foresaw ---------------------------------------------------------------------


@pytest.fixture
def broken_dreamer(monkeypatch: pytest.MonkeyPatch) -> None:
    from dreamstream.dream.dreamer import Dreamer

    def dream(_self: Dreamer, _pixels: Pixels, _analysis: FrameAnalysis | None = None) -> None:
        raise MemoryError("all\nof it")

    monkeypatch.setattr(Dreamer, "dream", dream)


@pytest.mark.usefixtures("broken_dreamer")
def test_an_error_that_nobody_foresaw_is_code_1_and_one_line(run: Run, clip: Path) -> None:
    outcome = run(clip, "out.mp4", *QUICK)
    assert outcome.code == 1
    assert "MemoryError: all of it" in outcome.error
    assert "-v" in outcome.error
    assert files() == []


@pytest.mark.usefixtures("broken_dreamer")
def test_verbose_errors_have_a_traceback(run: Run, clip: Path) -> None:
    assert "Traceback" in run(clip, "out.mp4", "-v").err
    assert "Traceback" in run("none.mp4", "out.mp4", "-v").err
    assert "Traceback" not in run("none.mp4", "out.mp4").err


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--device", "gpu:9", "no gpu:9"),
        ("--device", "tpu", "none of auto, cpu, gpu, gpu:N"),
        ("--precision", "int8", "none of auto, float32"),
        ("--threads", "-1", "at least 0"),
    ],
)
def test_an_engine_that_cannot_be_is_a_usage_error(
    option: str, value: str, said: str, run: Run, clip: Path
) -> None:
    outcome = run(clip, "out.mp4", option, value)
    assert outcome.code == 2
    assert said in outcome.error
    assert not files()
