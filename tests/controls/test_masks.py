"""Masks: what they are made of, and that nothing outside of them changes."""

import json
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import clips
import cv2
import numpy as np
import pytest
from networks import small_extractor
from pictures import fractal_pixels

from dreamstream._libraries import av
from dreamstream.cli.main import main
from dreamstream.config import DreamConfig, MediaConfig
from dreamstream.config.mask_rules import parse_mask
from dreamstream.controls.mask_maker import MaskMaker
from dreamstream.controls.mask_rules import camera_flow
from dreamstream.controls.masks import Masked, open_mask
from dreamstream.dream.dreamer import Dreamer
from dreamstream.dream.gate import finished
from dreamstream.errors import FieldError, SourceError, UsageError
from dreamstream.frames import FloatImage, Frame, Pixels, StreamInfo
from dreamstream.sources import ArraySource, ThinnedSource, open_source
from dreamstream.temporal.frame_analysis import AnalysisState, FrameAnalysis

HEIGHT, WIDTH, COUNT = 72, 96, 8
SCENE = fractal_pixels(HEIGHT, 160, seed=4)
QUICK: dict[str, Any] = {
    "layers": {"deep": 1.0},
    "octaves": 2,
    "first_steps": 4,
    "steps": 1,
    "dream_size": None,
    "max_loss": None,
}
NOTHING = FrameAnalysis(AnalysisState())
INFO = StreamInfo(HEIGHT, WIDTH, Fraction(25), frames=COUNT)


def pan(count: int = COUNT, step: int = 2) -> list[Pixels]:
    return [np.ascontiguousarray(SCENE[:, step * i : step * i + WIDTH]) for i in range(count)]


def disc_mask(x: float) -> FloatImage:
    return np.asarray(disc(x)[..., 0] / 255, np.float32)


def disc(x: float, radius: int = 16, level: int = 255) -> Pixels:
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    cv2.circle(picture, (round(x), HEIGHT // 2), radius, (level,) * 3, -1)
    return picture


def write_film(path: Path, pictures: list[Pixels], rate: int = 25, codec: str = "ffv1") -> Path:
    lossless = codec == "ffv1"
    with av.open(str(path), "w") as output:
        stream = cast("av.VideoStream", output.add_stream(codec, rate=rate))
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "bgr0" if lossless else "yuv420p"
        for pixels in pictures:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        output.mux(stream.encode(None))
    return path


def masks_of(maker: MaskMaker, count: int = COUNT, rate: int = 25) -> list[Any]:
    frames = [Frame(pixels, Fraction(i, rate), i) for i, pixels in enumerate(pan(count))]
    return [maker.mask(frame, NOTHING).copy() for frame in frames]


def fits(text: str, info: StreamInfo = INFO, target: str = "in.mkv") -> MaskMaker:
    return open_mask(text, Masked(target, info, info.rate))


# --- the dreamer -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def extractor() -> Any:
    return small_extractor()


@pytest.mark.parametrize("settings", [{}, {"mask_blur": 6.0}, {"mask_invert": True}])
@pytest.mark.parametrize("dream_size", [None, 64])
def test_outside_a_mask_that_moves_every_frame_stays_as_it_is(
    extractor: Any, settings: dict[str, Any], dream_size: int | None
) -> None:
    dreamer = Dreamer(DreamConfig(**{**QUICK, "dream_size": dream_size, **settings}), extractor)
    config, changes = dreamer.config, []
    for index, frame in enumerate(pan()):
        mask = disc_mask(20 + 8 * index)
        dream = dreamer.dream(frame, mask=mask)
        shown = finished(mask, invert=config.mask_invert, blur=config.mask_blur)
        np.testing.assert_array_equal(dream[shown == 0], frame[shown == 0])
        changes.append(np.abs(dream[shown > 0.5].astype(int) - frame[shown > 0.5]).mean())
    assert np.mean(changes) > 3


def test_a_ceiling_and_a_tiny_frame_leave_the_outside_alone_too(extractor: Any) -> None:
    half = np.zeros((HEIGHT, WIDTH), np.float32)
    half[:, :40] = 1
    near = Dreamer(DreamConfig(**{**QUICK, "max_loss": 0.05}), extractor)
    tiny = Dreamer(DreamConfig(**QUICK), extractor)
    for frame in pan(3):
        np.testing.assert_array_equal(near.dream(frame, mask=half)[:, 40:], frame[:, 40:])
        small = np.ascontiguousarray(frame[:12, 30:46])
        dream = tiny.dream(small, mask=half[:12, 30:46])
        np.testing.assert_array_equal(dream[:, 10:], small[:, 10:])


def test_no_dream_comes_back_where_a_mask_has_left(extractor: Any) -> None:
    """A place that was closed for a frame starts anew; what was dreamed there is gone."""
    dreamer = Dreamer(DreamConfig(**QUICK), extractor)
    frame, left, right = (
        pan(1)[0],
        np.zeros((HEIGHT, WIDTH), np.float32),
        np.zeros((HEIGHT, WIDTH), np.float32),
    )
    left[:, :48], right[:, 48:] = 1, 1
    dreamer.dream(frame, mask=left)
    dreamer.dream(frame, mask=right)
    residual = dreamer._warper.residual
    assert residual is not None
    assert not residual[:, :48].any()
    assert np.abs(residual[:, 48:]).mean() > 0.005
    dreamer.change(steps=0)
    np.testing.assert_array_equal(dreamer.dream(frame, mask=left), frame)


def test_a_mask_that_opens_dreams_as_strongly_as_one_that_was_open(extractor: Any) -> None:
    frame = pan(1)[0]
    closed, opened = np.zeros((HEIGHT, WIDTH), np.float32), np.ones((HEIGHT, WIDTH), np.float32)
    late, early = (Dreamer(DreamConfig(**QUICK), extractor) for _ in range(2))
    np.testing.assert_array_equal(late.dream(frame, mask=closed), frame)
    assert late.report.steps == (0, 0) or not any(late.report.steps)
    late.dream(frame, mask=opened)
    early.dream(frame, mask=opened)
    assert late.report.residual_rms == pytest.approx(early.report.residual_rms, rel=0.1)


def test_the_strength_inside_does_not_depend_on_how_much_is_masked(extractor: Any) -> None:
    strengths = []
    for columns in (24, 96):
        dreamer = Dreamer(DreamConfig(**QUICK), extractor)
        mask = np.zeros((HEIGHT, WIDTH), np.float32)
        mask[:, :columns] = 1
        for frame in pan(10, step=0):
            dream = dreamer.dream(frame, mask=mask)
        strengths.append(np.abs(dream[:, :24].astype(int) - frame[:, :24]).mean())
    assert strengths[0] == pytest.approx(strengths[1], rel=0.35)


def test_an_open_mask_changes_nothing_and_the_state_goes_on(extractor: Any) -> None:
    plain, masked = (Dreamer(DreamConfig(**QUICK), extractor) for _ in range(2))
    opened = np.ones((HEIGHT, WIDTH), np.float32)
    for frame in pan(4):
        np.testing.assert_array_equal(plain.dream(frame), masked.dream(frame, mask=opened))
    first, second = (Dreamer(DreamConfig(**QUICK), extractor) for _ in range(2))
    frames, masks = pan(6), [disc_mask(20 + 9 * i) for i in range(6)]
    for frame, mask in zip(frames[:3], masks[:3], strict=True):
        first.dream(frame, mask=mask)
    second.restore({name: value.copy() for name, value in first.state().items()})
    for frame, mask in zip(frames[3:], masks[3:], strict=True):
        np.testing.assert_array_equal(first.dream(frame, mask=mask), second.dream(frame, mask=mask))


def test_the_blur_may_change_between_frames_and_reaches_no_further(extractor: Any) -> None:
    dreamer = Dreamer(DreamConfig(**QUICK), extractor)
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    mask[:, :40] = 1
    for blur in (0.0, 4.0, 7.5):
        dreamer.change(mask_blur=blur)
        frame = pan(1)[0]
        changed = (dreamer.dream(frame, mask=mask) != frame).any(axis=(0, 2))
        reach = 40 + int(np.ceil(blur))
        assert not changed[reach:].any()
        assert changed[: 40 - 8].all()
        assert blur == 0 or changed[40:reach].any()


@pytest.mark.parametrize(
    "mask",
    [
        np.ones((HEIGHT, WIDTH - 1), np.float32),
        np.ones((HEIGHT, WIDTH, 1), np.float32),
        np.full((HEIGHT, WIDTH), 1.5, np.float32),
        np.full((HEIGHT, WIDTH), -0.1, np.float32),
        np.full((HEIGHT, WIDTH), np.nan, np.float32),
    ],
)
def test_a_dreamer_refuses_a_mask_of_another_size_or_range(extractor: Any, mask: Any) -> None:
    with pytest.raises(ValueError, match=r"^mask: "):
        Dreamer(DreamConfig(**QUICK), extractor).dream(pan(1)[0], mask=mask)


def test_a_dreamer_of_its_own_reads_no_mask(extractor: Any) -> None:
    with pytest.raises(ValueError, match=r"^mask: "):
        Dreamer(DreamConfig(mask="moving", **QUICK), extractor)


# --- what makes masks ------------------------------------------------------------------------


def test_a_film_of_masks_follows_the_times_and_not_the_numbers(tmp_path: Path) -> None:
    film = write_film(tmp_path / "m.mkv", [disc(0, level=25 * i) for i in range(11)], rate=50)
    levels = [float(mask[HEIGHT // 2, 0]) for mask in masks_of(fits(str(film)), 5)]
    wanted = [np.clip((25 * i - 10) / 235, 0, 1) for i in (0, 2, 4, 6, 8)]
    np.testing.assert_allclose(levels, wanted, atol=0.01)


def test_a_trimmed_input_has_its_own_part_of_a_film_and_of_a_folder(tmp_path: Path) -> None:
    pictures = [disc(0, level=10 + 20 * i) for i in range(12)]
    source = write_film(tmp_path / "in.mkv", pan(12))
    film = write_film(tmp_path / "m.mkv", pictures)
    (tmp_path / "m").mkdir()
    for index, picture in enumerate(pictures):
        cv2.imwrite(str(tmp_path / "m" / f"{index:03d}.png"), picture)
    for media in (MediaConfig(start=Fraction(1, 5)), MediaConfig(frames=(5, None))):
        for mask in (film, tmp_path / "m"):
            with open_source(source, media) as opened:
                maker = open_mask(str(mask), Masked.of(str(source), opened, follows_motion=True))
                levels = [float(maker.mask(f, NOTHING)[HEIGHT // 2, 0]) for f in opened]
                maker.close()
            wanted = [(20 * i) / 235 for i in range(5, 12)]
            np.testing.assert_allclose(levels, np.clip(wanted, 0, 1), atol=0.01)


def test_frames_that_are_left_out_leave_their_masks_out(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    for index in range(8):
        cv2.imwrite(str(tmp_path / "m" / f"{index}.png"), disc(0, level=10 + 20 * index))
    source = ThinnedSource(ArraySource(pan(8), rate=Fraction(25)), Fraction(25, 2))
    maker = open_mask(str(tmp_path / "m"), Masked.of("x", source, follows_motion=True))
    levels = [float(maker.mask(frame, NOTHING)[HEIGHT // 2, 0]) for frame in source]
    np.testing.assert_allclose(levels, [40 * i / 235 for i in range(4)], atol=0.01)


@pytest.mark.parametrize("scale", [0.5, 2, 3])
def test_a_mask_of_another_size_is_scaled(tmp_path: Path, scale: float) -> None:
    size = (round(WIDTH * scale), round(HEIGHT * scale))
    halves = np.zeros((size[1], size[0]), np.uint8)
    halves[:, : size[0] // 2] = 255
    cv2.imwrite(str(tmp_path / "m.png"), halves)
    (mask,) = masks_of(fits(str(tmp_path / "m.png")), 1)
    assert mask.shape == (HEIGHT, WIDTH)
    assert mask[:, : WIDTH // 2 - 2].min() == 1
    assert mask[:, WIDTH // 2 + 2 :].max() == 0


def test_a_mask_of_pixels_that_are_not_square_fits_as_stored_and_as_shown(tmp_path: Path) -> None:
    info = StreamInfo(576, 720, Fraction(25), frames=3, sample_aspect=Fraction(64, 45))
    for width in (720, 1024):
        cv2.imwrite(str(tmp_path / "m.png"), np.full((576, width), 255, np.uint8))
        open_mask(str(tmp_path / "m.png"), Masked("in", info, info.rate))
    cv2.imwrite(str(tmp_path / "m.png"), np.full((576, 860), 255, np.uint8))
    with pytest.raises(UsageError, match="of another shape"):
        open_mask(str(tmp_path / "m.png"), Masked("in", info, info.rate))


def test_what_is_transparent_in_a_mask_is_closed_and_codecs_noise_too(tmp_path: Path) -> None:
    rgba = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
    rgba[:, 40:, 3], rgba[:, 70:, 3] = 9, 0
    rgba[:10, :40, :3] = 246
    cv2.imwrite(str(tmp_path / "m.png"), rgba)
    (mask,) = masks_of(fits(str(tmp_path / "m.png")), 1)
    assert (mask[:, :40] == 1).all()
    assert not mask[:, 40:].any()


def test_the_inputs_own_transparency_is_its_mask(tmp_path: Path) -> None:
    alpha = np.tile(np.arange(WIDTH, dtype=np.uint8), (HEIGHT, 1))
    rgba = np.dstack([pan(1)[0][..., ::-1], alpha])
    cv2.imwrite(str(tmp_path / "in.png"), rgba)
    info = StreamInfo(HEIGHT, WIDTH)
    maker = fits("alpha", info, str(tmp_path / "in.png"))
    np.testing.assert_allclose(masks_of(maker, 1)[0], alpha / 255, atol=1e-6)
    cv2.imwrite(str(tmp_path / "in.png"), rgba[..., :3])
    with pytest.raises(SourceError, match="it has none"):
        fits("alpha", info, str(tmp_path / "in.png"))


def test_a_colour_and_a_range_of_lightness_are_found() -> None:
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture[:, :30], picture[:, 30:60], picture[:, 60:] = (10, 240, 12), (90, 120, 90), 255
    frame = Frame(picture, Fraction(0), 0)
    for text, wanted in (
        ("color:#00ff00", (1, 0, 0)),
        ("color:#00ff00~45", (1, 1, 0)),
        ("color:#ffffff~1", (0, 0, 1)),
        ("luma:.6-1", (1, 0, 1)),
        ("luma:0-.5", (0, 1, 0)),
        ("luma:.9-1.", (0, 0, 1)),
    ):
        mask = fits(text).mask(frame, NOTHING)
        assert tuple(mask[5, [15, 45, 80]]) == wanted, text


@pytest.mark.parametrize("settings", [{}, {"camera": 3}])
def test_what_moves_against_the_camera_is_found(settings: dict[str, int], extractor: Any) -> None:
    speed, background = settings.get("camera", 0), fractal_pixels(120, 260, seed=1)
    sprite = fractal_pixels(40, 40, seed=9)
    dreamer = Dreamer(DreamConfig(**QUICK), extractor)
    maker, still = fits("moving"), fits("still")
    state, masks, truths = None, [], []
    for index in range(6):
        pixels = np.ascontiguousarray(background[:, speed * index : speed * index + 200])
        place = 20 + 6 * index
        pixels[40:80, place : place + 40] = sprite
        analysis = dreamer.analyse(pixels, state)
        state = analysis.state
        frame = Frame(pixels, Fraction(index, 25), index)
        masks.append(maker.mask(frame, analysis))
        np.testing.assert_array_equal(still.mask(frame, analysis), 1 - masks[-1])
        truth = np.zeros(pixels.shape[:2], bool)
        truth[40:80, place : place + 40] = True
        truths.append(truth)
    assert not masks[0].any()
    for mask, truth in zip(masks[2:], truths[2:], strict=True):
        assert mask[truth].mean() > 0.85
        assert mask[~truth].mean() < 0.1


def test_the_cameras_motion_is_fitted_past_what_moves_by_itself() -> None:
    y, x = np.mgrid[:60, :80].astype(np.float32)
    flow = np.stack([2 + 0.05 * x, -1 + 0.03 * y], axis=-1)
    moved = flow.copy()
    moved[10:40, 20:50] += (5, 3)
    fitted = camera_flow(moved, np.ones((60, 80), np.float32))
    np.testing.assert_allclose(fitted, flow, atol=0.02)


def test_the_moving_mask_goes_on_from_its_state(extractor: Any) -> None:
    dreamer, state = Dreamer(DreamConfig(**QUICK), extractor), None
    one, other = fits("moving"), fits("moving")
    for index in range(6):
        pixels = pan(1)[0]
        pixels[20:50, 10 + 5 * index : 40 + 5 * index] = fractal_pixels(30, 30, seed=3)
        analysis = dreamer.analyse(pixels, state)
        state = analysis.state
        frame = Frame(pixels, Fraction(index, 25), index)
        mask = one.mask(frame, analysis)
        if index >= 3:
            np.testing.assert_array_equal(other.mask(frame, analysis), mask)
        other.restore(one.state())


# --- the command -----------------------------------------------------------------------------

SHORT = ["-q", "--layers", "textures", "--octaves", "1", "--first-steps", "2", "--steps", "1"]

Run = Callable[..., int]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in a folder with a film, its masks, and a picture."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    (tmp_path / "work" / "masks").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    write_film(Path("in.mkv"), pan())
    write_film(Path("mask.mp4"), [disc(10 + 8 * i) for i in range(COUNT)], codec="libx264")
    for index in range(COUNT):
        cv2.imwrite(f"masks/{index:02d}.png", disc(80 - 8 * index))
    cv2.imwrite("mask.png", disc(48))
    cv2.imwrite("photo.png", pan(1)[0][..., ::-1])
    return lambda *arguments: main([str(argument) for argument in (*arguments, *SHORT)])


def read(path: str) -> list[Pixels]:
    with open_source(path) as source:
        return [frame.pixels for frame in source]


@pytest.mark.parametrize("mask", ["mask.mp4", "masks", "masks/%02d.png", "mask.png", "luma:0-.45"])
def test_every_kind_of_mask_leaves_a_film_alone_outside(run: Run, mask: str) -> None:
    assert run("in.mkv", "out.mkv", "--codec", "ffv1", "--mask", mask, "--mask-blur", "3") == 0
    sources, dreams = pan(), read("out.mkv")
    with open_source("in.mkv") as opened:
        maker = open_mask(mask, Masked.of("in.mkv", opened, follows_motion=True))
        frames = list(opened)
    changed = 0.0
    for frame, source, dream in zip(frames, sources, dreams, strict=True):
        shown = finished(maker.mask(frame, NOTHING), invert=False, blur=3)
        np.testing.assert_array_equal(dream[shown == 0], source[shown == 0])
        changed += float(np.abs(dream[shown == 1].astype(int) - source[shown == 1]).mean())
    assert changed > len(frames)


def test_a_still_and_its_clip_are_masked(run: Run) -> None:
    assert run("photo.png", "out.png", "--mask", "mask.png") == 0
    outside = disc(48)[..., 0] == 0
    photo = pan(1)[0]
    (dream,) = read("out.png")
    np.testing.assert_array_equal(dream[outside], photo[outside])
    assert (dream != photo).any()
    assert run("photo.png", "out.apng", "--duration", ".5", "--mask", "mask.png") == 0
    for dream in read("out.apng"):
        np.testing.assert_array_equal(dream[outside], photo[outside])


@pytest.mark.parametrize("mask", ["mask.mp4", "moving"])
def test_a_masked_run_that_was_broken_off_is_resumed_to_the_byte(
    run: Run, mask: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dreamstream.journal import folder as journal_folder
    from dreamstream.rendering import pipeline
    from dreamstream.sinks import segments

    monkeypatch.setattr(segments, "LONGEST_SEGMENT", 3)
    monkeypatch.setattr(journal_folder, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(journal_folder, "PAUSE", 0.0)
    options = ("--mask", mask, "--mask-blur", 2)
    assert run("in.mkv", "whole.mkv", *options) == 0
    write = pipeline._Writing._write

    def broken(self: Any, frame: Frame) -> Any:
        if frame.index == 5:
            raise MemoryError("enough")
        return write(self, frame)

    monkeypatch.setattr(pipeline._Writing, "_write", broken)
    assert run("in.mkv", "out.mkv", *options) == 1
    monkeypatch.setattr(pipeline._Writing, "_write", write)
    assert run("in.mkv", "out.mkv", *options, "--resume") == 0
    assert Path("out.mkv").read_bytes() == Path("whole.mkv").read_bytes()


def test_a_run_is_resumed_with_a_touched_mask_and_not_with_another(
    run: Run, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from dreamstream.journal import folder as journal_folder
    from dreamstream.rendering import pipeline
    from dreamstream.sinks import segments

    monkeypatch.setattr(segments, "LONGEST_SEGMENT", 3)
    monkeypatch.setattr(journal_folder, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(journal_folder, "PAUSE", 0.0)
    write = pipeline._Writing._write

    def broken(self: Any, frame: Frame) -> Any:
        if frame.index == 5:
            raise MemoryError("enough")
        return write(self, frame)

    monkeypatch.setattr(pipeline._Writing, "_write", broken)
    assert run("in.mkv", "out.mkv", "--mask", "mask.png") == 1
    monkeypatch.setattr(pipeline._Writing, "_write", write)
    cv2.imwrite("mask.png", disc(30))
    capfd.readouterr()
    assert run("in.mkv", "out.mkv", "--mask", "mask.png", "--resume") == 2
    assert "the file of --mask has changed" in capfd.readouterr().err
    cv2.imwrite("mask.png", disc(48))
    shutil.copy("mask.png", "copy.png")
    Path("copy.png").touch()
    assert run("in.mkv", "out.mkv", "--mask", "copy.png", "--resume") == 0


def test_a_settings_file_may_mask(run: Run) -> None:
    Path("look.toml").write_text('mask = "luma:0-.45"\nmask-blur = 2\nmask-invert = true\n')
    assert run("in.mkv", "out.mkv", "--config", "look.toml", "--stats", "run.jsonl") == 0
    assert len(Path("run.jsonl").read_text().splitlines()) == COUNT
    assert json.loads(Path("run.jsonl").read_text().splitlines()[0])["residual_rms"] > 0


# --- what is refused -------------------------------------------------------------------------

WRONG_TEXTS = [
    *("", " ", "\n", "-", "camera", "camera:1", "http://host/m.png", "rtsp://host/m"),
    *("color:", "color:green", "color:#0f0", "color:#00ff0", "color:#00ff000", "color:00ff00"),
    *("color:#00ff00~", "color:#00ff00~x", "color:#00ff00~-5", "color:#00ff00~101"),
    *("color:#00ff00~1e3", "color:#gg0000", "color:#00ff00~20%", "color:#00ff00,#ff0000"),
    *("colour:#00ff00", "Color:#00ff00", "color=#00ff00", "key:#00ff00", "chroma:#00ff00"),
    *("luma:", "luma:.5", "luma:.6-", "luma:-.6", "luma:.6-.4", "luma:.5-.5", "luma:0-2"),
    *("luma:a-b", "luma:.6..1", "luma:60-100", "luma:.6:1", "luma:.2-.4-.6", "luma=.2-.4"),
    *("Luma:.2-.4", "luma:nan-1", "luma:0-inf", "moving:2", "alpha:.5", "still=1", "a\0b"),
]


@pytest.mark.parametrize("text", WRONG_TEXTS)
def test_a_wrong_rule_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(FieldError, match=r"^mask: ") as refusal:
        DreamConfig(mask=text)
    assert refusal.value.field == "mask"
    assert "\n" not in str(refusal.value)
    assert "luma:.6-1" in str(refusal.value)


def test_names_of_rules_with_a_path_are_files() -> None:
    assert parse_mask("./moving").path == "./moving"
    assert parse_mask("masks/luma.png").path == "masks/luma.png"


def _make_wrong() -> None:
    """Make files that are no masks for the film and the picture of ``run``."""
    shutil.copy("photo.png", "a.txt")
    Path("text.png").write_text("no picture")
    Path("empty.png").write_bytes(b"")
    Path("void").mkdir()
    Path("cut.mp4").write_bytes(Path("mask.mp4").read_bytes()[:200])
    for name, size in {"wide": (200, 72), "tall": (96, 100), "square": (72, 72)}.items():
        cv2.imwrite(f"{name}.png", np.zeros((size[1], size[0]), np.uint8))
    write_film(Path("wide.mkv"), [np.zeros((72, 200, 3), np.uint8)] * COUNT)
    write_film(Path("short.mkv"), [disc(20)] * 4, rate=100)
    Path("few").mkdir()
    cv2.imwrite("few/1.png", disc(20))
    Path("mixed").mkdir()
    for index in range(COUNT):
        wide = index == 5
        cv2.imwrite(f"mixed/{index}.png", np.zeros((72, 200 if wide else 96), np.uint8))
    write_film(Path("long.mkv"), pan(1) * 60)
    clips.write_clip(Path("sound.mp4"), pan(COUNT))


WRONG: dict[str, tuple[str, ...]] = {
    "missing.png": ("in.mkv",),
    "missing/%d.png": ("in.mkv",),
    "missing.mp4": ("in.mkv",),
    "text.png": ("in.mkv",),
    "empty.png": ("in.mkv",),
    "void": ("in.mkv",),
    "/dev/null": ("in.mkv",),
    "cut.mp4": ("in.mkv",),
    "wide.png": ("in.mkv",),
    "tall.png": ("in.mkv",),
    "square.png": ("in.mkv",),
    "wide.mkv": ("in.mkv",),
    "short.mkv": ("long.mkv",),
    "few": ("in.mkv",),
    "mixed": ("in.mkv",),
    "mask.mp4": ("photo.png",),
    "moving": ("photo.png",),
    "still": ("photo.png",),
    "alpha": ("in.mkv",),
    "./moving": ("in.mkv",),
    "luma:0-.5": ("photo.png", "--zoom", "1.02"),
}


@pytest.mark.parametrize("mask", WRONG)
def test_a_mask_that_does_not_fit_is_refused_in_one_line(
    run: Run, mask: str, capfd: pytest.CaptureFixture[str]
) -> None:
    _make_wrong()
    source, *options = WRONG[mask]
    output = "out.mp4" if source != "photo.png" or options else "out.png"
    code = run(source, output, "--mask", mask, *options)
    lines = [line for line in capfd.readouterr().err.splitlines() if ".resume" not in line]
    assert code in (2, 3), lines
    assert len(lines) == 1 or (len(lines) == 2 and "what was dreamed" in lines[0]), lines
    assert "--mask" in lines[-1], lines
    assert not Path(output).exists()


@pytest.mark.parametrize(
    ("mask", "output"), [("mask.mp4", "mask.mp4"), ("masks", "masks/%03d.png")]
)
def test_a_mask_is_never_replaced(run: Run, mask: str, output: str) -> None:
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    assert run("in.mkv", output, "--mask", mask, "-y") == 2
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("option", [("--blend", "0"), ("--flow", "off"), ("--no-warm-start",)])
def test_what_moves_needs_the_motion(
    run: Run, option: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("in.mkv", "out.mp4", "--mask", "moving", *option) == 2
    assert capfd.readouterr().err.startswith("dreamstream: --mask: moving: needs the motion")


@pytest.mark.parametrize("blur", ["-1", "251", "nan", "inf", "x", "1e400", "1,5"])
def test_a_wrong_blur_is_refused_by_name(
    run: Run, blur: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("in.mkv", "out.mp4", "--mask", "mask.png", "--mask-blur", blur) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert "--mask-blur" in line
