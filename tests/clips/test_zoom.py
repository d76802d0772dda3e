"""The endless tunnel."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from networks import SMALL_LOOK, small_extractor
from pictures import fractal_pixels
from tracing import kept_bytes

from dreamstream._libraries import cv2
from dreamstream.clips.affine import AffineMotion
from dreamstream.clips.loop_crossfade import turning
from dreamstream.clips.zoom import CLOSING, FADE_IN, Zoomer
from dreamstream.config import DreamConfig
from dreamstream.frames import FloatImage, Pixels, to_model_range
from dreamstream.rendering.pipeline import Resumable

PHOTO = fractal_pixels(72, 96, seed=4)
QUICK: dict[str, Any] = {
    "layers": {"deep": 1.0},
    "octaves": 2,
    "first_steps": 6,
    "steps": 1,
    **SMALL_LOOK,
}
FALL = AffineMotion(zoom=1.03)


def make_zoomer(motion: AffineMotion = FALL, frames: int = 40, **settings: Any) -> Zoomer:
    given = {name: settings.pop(name) for name in ("loop", "measure_losses") if name in settings}
    config = DreamConfig(**{**QUICK, "max_loss": None, **settings})
    return Zoomer(config, small_extractor(), motion=motion, frames=frames, **given)


def run(zoomer: Zoomer, frames: int) -> list[Pixels]:
    return [zoomer.dream(PHOTO) for _ in range(frames)]


def change(a: Pixels, b: Pixels) -> float:
    return float(np.sqrt(np.square(a.astype(float) - b).mean()))


def detail(frame: Pixels) -> float:
    """Return the energy of a frame's Laplacian, which blur lowers."""
    return float(np.square(cv2.Laplacian(to_model_range(frame), cv2.CV_32F)).mean())


def moved(frame: Pixels, motion: AffineMotion, phase: float) -> FloatImage:
    matrix = motion.backward((72, 96), phase)[:2]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(to_model_range(frame), matrix, (96, 72), flags=flags))


# --- motion ----------------------------------------------------------------------------------


def test_the_first_frame_is_the_photo() -> None:
    np.testing.assert_array_equal(run(make_zoomer(), 1)[0], PHOTO)


def test_without_steps_a_whole_pixel_drift_is_exactly_a_shift_and_mirrors_the_edge() -> None:
    frames = run(make_zoomer(AffineMotion(drift=(2, -1)), steps=0), 6)
    for index, frame in enumerate(frames):
        right, up = 2 * index, index
        np.testing.assert_array_equal(frame[: 72 - up, right:], PHOTO[up:, : 96 - right])
    np.testing.assert_array_equal(frames[3][:69, :6], PHOTO[3:, 5::-1])


def test_frames_move_by_the_motion_and_hardly_change_else() -> None:
    frames = run(make_zoomer(), FADE_IN + 6)
    inner = np.s_[8:-8, 8:-8]
    for step in range(FADE_IN, FADE_IN + 5):
        here, there = (
            to_model_range(frames[step + 1])[inner],
            moved(frames[step], FALL, (step + 1) / 60),
        )
        still = np.square(here - to_model_range(frames[step])[inner]).mean()
        assert np.square(here - there[inner]).mean() < 0.6 * still


@pytest.mark.parametrize(
    "motion",
    [AffineMotion(zoom=0.95), AffineMotion(rotate=4), AffineMotion(drift=(-3, 2))],
    ids=["out", "turn", "drift"],
)
def test_what_comes_into_view_is_dreamed_and_is_no_streak(motion: AffineMotion) -> None:
    last = to_model_range(run(make_zoomer(motion), 40)[-1])
    rows, columns = np.diff(last[:, :10], axis=1), np.diff(last[:10], axis=0)
    inside = np.abs(np.diff(last, axis=1)).mean()
    assert np.abs(rows).mean() > 0.3 * inside
    assert np.abs(columns).mean() > 0.3 * inside


# --- a long run ------------------------------------------------------------------------------


def test_sharpness_contrast_and_colour_last() -> None:
    frames = run(make_zoomer(), 90)
    early, late = frames[FADE_IN + 5 : FADE_IN + 10], frames[-5:]
    for measure in (detail, np.std):
        assert np.mean([measure(f) for f in late]) == pytest.approx(
            np.mean([measure(f) for f in early]), rel=0.25
        )
    before, after = (np.mean(frame, axis=(0, 1)) for frame in (PHOTO, late[-1]))
    np.testing.assert_allclose(before, after, atol=12)


def test_the_dream_fades_in() -> None:
    zoomer = make_zoomer(AffineMotion(drift=(1, 0)))
    losses = []
    for _ in range(FADE_IN + 1):
        zoomer.dream(PHOTO)
        losses.append(zoomer.report.loss or 0.0)
    assert losses[FADE_IN] > 1.5 * losses[0]
    assert losses[3] < losses[0] + 0.2 * (losses[FADE_IN] - losses[0])


def test_a_run_is_the_same_again_after_a_reset() -> None:
    zoomer = make_zoomer()
    first = run(zoomer, 5)
    zoomer.reset()
    np.testing.assert_array_equal(first, run(zoomer, 5))


def test_no_frame_of_a_tunnel_leaves_above_the_ceiling() -> None:
    free = make_zoomer()
    run(free, 1)
    source_loss = free.report.loss or 0.0
    run(free, FADE_IN + 5)
    ceiling = (source_loss + (free.report.loss or 0.0)) / 2
    held = make_zoomer(max_loss=ceiling)
    for _ in range(FADE_IN + 10):
        dream = held.dream(PHOTO)
        assert held.report.loss == pytest.approx(held._measure(to_model_range(dream)), rel=1e-5)
        assert (held.report.loss or 0.0) <= ceiling
    assert (held.report.loss or 0.0) > 0.7 * ceiling


def test_a_photo_above_the_ceiling_sets_it() -> None:
    zoomer = make_zoomer(max_loss=1e-6, measure_losses=True)
    for frame in run(zoomer, 4):
        own = zoomer.report.source_loss
        assert own is not None
        assert zoomer._measure(to_model_range(frame)) <= own * 1.0001


def test_a_photo_too_small_to_dream_is_enlarged_and_moves_as_far() -> None:
    tiny = PHOTO[:8, :8].copy()
    zoomer = make_zoomer(AffineMotion(drift=(1, 0)), steps=0)
    first, second = zoomer.dream(tiny), zoomer.dream(tiny)
    assert first.shape == second.shape == tiny.shape
    np.testing.assert_array_equal(first, tiny)
    moved = np.abs(second[:, 1:].astype(int) - tiny[:, :-1]).mean()
    assert moved < np.abs(second.astype(int) - tiny).mean() / 2
    assert zoomer.report.loss is not None


def test_memory_does_not_grow_with_the_tunnel() -> None:
    zoomer = make_zoomer(frames=500)
    run(zoomer, 5)
    grown = kept_bytes(lambda: zoomer.dream(PHOTO), 30)
    assert grown < 40 * PHOTO.nbytes  # a float picture and its octaves


# --- the loop --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "motion",
    [FALL, AffineMotion(zoom=0.97), AffineMotion(rotate=3), AffineMotion(drift=(2, 1))],
    ids=["in", "out", "turn", "drift"],
)
def test_a_loops_last_frame_is_as_near_to_its_first_as_neighbours_are(motion: AffineMotion) -> None:
    frames = run(make_zoomer(motion, 20, loop=True), 20)
    changes = [change(a, b) for a, b in pairwise(frames)]
    wrap = change(frames[-1], frames[0])
    assert wrap <= max(changes)
    assert wrap < 1.3 * np.median(changes)


def test_a_loop_begins_with_the_whole_dream() -> None:
    zoomer = make_zoomer(frames=10, loop=True, measure_losses=True)
    first = zoomer.dream(PHOTO)
    assert change(first, PHOTO) > 10
    assert (zoomer.report.loss or 0.0) > 1.3 * (zoomer.report.source_loss or 0.0)


def test_a_loop_does_not_fade_where_it_closes() -> None:
    frames = run(make_zoomer(frames=20, loop=True), 20)
    contrasts, details = [np.std(f) for f in frames], [detail(f) for f in frames]
    assert min(contrasts) > 0.85 * np.median(contrasts)
    assert min(details) > 0.7 * np.median(details)


def test_everything_has_turned_in_the_last_frame_and_some_places_turn_first() -> None:
    count = round(CLOSING * 20)
    shares = [turning(position, count, (40, 50)) for position in range(count)]
    np.testing.assert_array_equal(shares[-1], np.ones((40, 50)))
    assert all(share.min() >= 0 and share.max() <= 1 for share in shares)
    left = np.cumprod([1 - share for share in shares], axis=0)
    assert left[count // 2].min() < 0.05
    assert left[count // 2].max() > 0.5


def test_a_network_without_scales_of_its_own_is_calibrated_on_the_picture() -> None:
    config = DreamConfig(**QUICK, max_loss=None)
    extractor = small_extractor({})
    zoomer = Zoomer(config, extractor, motion=FALL, frames=9, measure_losses=True)
    zoomer.dream(PHOTO)
    assert zoomer.report.source_loss == pytest.approx(1, rel=1e-3)


def test_a_zoom_has_no_state_to_go_on_from() -> None:
    assert not isinstance(make_zoomer(), Resumable)
