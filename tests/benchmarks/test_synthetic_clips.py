"""Synthetic clips, and the flow that is exact by construction."""

from functools import cache

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks.motion.synthetic import SYNTHETIC, Pair, SyntheticClip
from dreamstream.frames import FloatImage, Pixels
from dreamstream.temporal.flow import warp

SIZE = (96, 160)
FRAMES = 12
INDICES = (1, 5, 8, 11)
"""Frames whose pairs are looked at; the cut and the flash come at 6 and 7."""

LARGEST_ERROR = 3.0
"""RMS of 255 by which a warp's interpolation may err: the textures go down to 4 pixels."""

STILL = {"static", "static_noise"}
WITH_SPRITE = {"sprite_still", "sprite_pan"}
MOVING = sorted(set(SYNTHETIC) - STILL)
CLEAN = sorted(set(SYNTHETIC) - {"static_noise", "flash"})
"""Clips whose frames are those of their scene, with nothing added."""


@cache
def _clip(name: str, frames: int = FRAMES) -> SyntheticClip:
    return SYNTHETIC[name](SIZE, frames)


def _pairs(clip: SyntheticClip) -> list[tuple[int, Pair]]:
    pairs = [(index, clip.pair(index)) for index in INDICES]
    return [(index, pair) for index, pair in pairs if pair is not None]


def _error(
    clip: SyntheticClip, index: int, flow: FloatImage, where: npt.NDArray[np.bool_]
) -> float:
    """RMS of 255 between a frame and the warped one before it."""
    warped = warp(clip.frame(index - 1).astype(np.float32), flow)
    return float(np.sqrt(np.mean(np.square(warped - clip.frame(index))[where])))


def _at(image: FloatImage, columns: FloatImage, rows: FloatImage) -> FloatImage:
    """Sample at positions, to the nearest pixel."""
    nearest: FloatImage = image[np.rint(rows).astype(int), np.rint(columns).astype(int)]
    return nearest


def _positions(flow: FloatImage) -> tuple[FloatImage, FloatImage]:
    rows, columns = np.indices(flow.shape[:2], np.float32)
    return columns + flow[..., 0], rows + flow[..., 1]


@pytest.mark.parametrize("name", CLEAN)
def test_the_previous_frame_warped_along_the_exact_flow_is_the_current_one(name: str) -> None:
    clip = _clip(name)
    for index, pair in _pairs(clip):
        assert pair.trusted.mean() > 0.95
        assert _error(clip, index, pair.backward, pair.trusted) < LARGEST_ERROR


@pytest.mark.parametrize("name", MOVING)
def test_a_flipped_flow_direction_is_told(name: str) -> None:
    clip = _clip(name)
    index, pair = 3, clip.pair(3)
    assert pair is not None
    moving = pair.trusted & (np.linalg.norm(pair.backward, axis=-1) > 0.1)
    right = _error(clip, index, pair.backward, moving)
    assert _error(clip, index, -pair.backward, moving) > 3 * right


@pytest.mark.parametrize("name", ["sprite_still", "sprite_pan"])
def test_the_flow_follows_the_sprite_as_well_as_its_ground(name: str) -> None:
    clip = _clip(name)
    pair = clip.pair(3)
    assert pair is not None
    for layer in (pair.backward[..., 0] == value for value in np.unique(pair.backward[..., 0])):
        assert layer.sum() > 500
        assert _error(clip, 3, pair.backward, pair.trusted & layer) < LARGEST_ERROR


@pytest.mark.parametrize("name", sorted(SYNTHETIC))
def test_forward_and_backward_flow_are_inverse_where_trusted(name: str) -> None:
    for _, pair in _pairs(_clip(name)):
        columns, rows = (position[pair.trusted] for position in _positions(pair.backward))
        back, away = pair.backward[pair.trusted], _at(pair.forward, columns, rows)
        # A zoom's flow changes by a hundredth from pixel to pixel, and the nearest is sampled.
        np.testing.assert_allclose(back + away, 0, atol=0.02)


@pytest.mark.parametrize("name", sorted(WITH_SPRITE))
def test_revealed_pixels_lie_behind_the_place_that_the_sprite_left(name: str) -> None:
    clip = _clip(name)
    sprite = clip.shots[0].sprite
    assert sprite is not None
    for index, pair in _pairs(clip):
        columns, rows = (position[pair.revealed] for position in _positions(pair.backward))
        before = sprite.layer.motion(index - 1)[:2, 2]
        now = sprite.layer.motion(index)[:2, 2]
        assert len(columns) > 10
        assert np.all(np.hypot(columns - before[0], rows - before[1]) <= sprite.radius)
        shown_rows, shown_columns = np.nonzero(pair.revealed)
        assert np.all(np.hypot(shown_columns - now[0], shown_rows - now[1]) > sprite.radius)


@pytest.mark.parametrize("name", sorted(SYNTHETIC))
def test_no_revealed_pixel_is_trusted(name: str) -> None:
    assert not any((pair.revealed & pair.trusted).any() for _, pair in _pairs(_clip(name)))


@pytest.mark.parametrize("name", sorted(set(SYNTHETIC) - WITH_SPRITE))
def test_without_a_sprite_nothing_is_revealed(name: str) -> None:
    assert not any(pair.revealed.any() for _, pair in _pairs(_clip(name)))


@pytest.mark.parametrize("name", sorted(STILL))
def test_a_still_scene_has_no_flow_and_is_trusted_everywhere(name: str) -> None:
    for _, pair in _pairs(_clip(name)):
        assert not pair.backward.any()
        assert not pair.forward.any()
        assert pair.trusted.all()


def test_a_pan_moves_the_scene_at_its_speed_scaled_to_the_width() -> None:
    pair = _clip("pan_fast").pair(1)
    assert pair is not None
    np.testing.assert_allclose(pair.forward[..., 0], 7.3 * 160 / 640, atol=1e-5)
    assert not pair.trusted[:, 0].any()
    assert pair.trusted[:, 2:].all()


@pytest.mark.parametrize("name", sorted(SYNTHETIC))
def test_a_frame_is_the_same_however_often_and_in_whatever_order_it_is_rendered(name: str) -> None:
    clip, again = _clip(name), SYNTHETIC[name](SIZE, FRAMES)
    wanted: list[Pixels] = [clip.frame(index) for index in (2, 9)]
    assert all(pixels.shape == (*SIZE, 3) and pixels.dtype == np.uint8 for pixels in wanted)
    np.testing.assert_array_equal(again.frame(9), wanted[1])
    np.testing.assert_array_equal(again.frame(2), wanted[0])


def test_the_noise_has_a_sigma_of_2_and_is_new_in_every_frame() -> None:
    still, noisy = _clip("static").frame(0), _clip("static_noise")
    first, second = (noisy.frame(index).astype(float) - still for index in (0, 1))
    assert 1.9 < first.std() < 2.2  # both are rounded, which adds a little
    assert abs(first.mean()) < 0.1
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.1


def test_only_the_first_frame_of_a_shot_has_no_pair() -> None:
    clip = _clip("cut")
    assert clip.cuts == {6}
    assert [index for index in range(FRAMES) if clip.pair(index) is None] == [0, 6]


def test_a_cut_shows_another_scene() -> None:
    clip = _clip("cut")
    before, after = (clip.frame(index).ravel().astype(float) for index in (5, 6))
    assert abs(np.corrcoef(before, after)[0, 1]) < 0.3


def test_a_flash_lights_the_scene_that_goes_on() -> None:
    clip, unlit = _clip("flash"), _clip("pan_slow")
    assert clip.flashes == {6, 7}
    assert not clip.cuts
    for index in range(5, 9):
        jump = clip.frame(index).mean() - unlit.frame(index).mean()
        assert jump > 20 if index in clip.flashes else jump == 0
    lit, plain = clip.pair(6), unlit.pair(6)
    assert lit is not None
    assert plain is not None
    np.testing.assert_array_equal(lit.backward, plain.backward)


@pytest.mark.parametrize("name", sorted(WITH_SPRITE))
def test_the_sprite_stays_in_view_and_never_rests(name: str) -> None:
    clip = _clip(name, 300)
    sprite = clip.shots[0].sprite
    assert sprite is not None
    places = np.array([sprite.layer.motion(index)[:2, 2] for index in range(300)])
    assert np.all(places >= sprite.radius)
    assert np.all(places <= np.array([159, 95]) - sprite.radius)
    speeds = np.linalg.norm(np.diff(places, axis=0), axis=1)
    assert np.median(speeds) == pytest.approx(4 * 160 / 640)
    assert speeds.min() > 0


def test_a_long_zoom_turns_before_it_loses_or_crowds_the_detail() -> None:
    motion = _clip("zoom", 300).shots[0].ground.motion
    scales = np.array([motion(index)[0, 0] for index in range(300)])
    assert scales.min() > 0.7
    assert scales.max() < 1.43
    assert np.all(np.isclose(scales[1:61] / scales[:60], 1.01))


@pytest.mark.parametrize("size", [SIZE, (120, 90), (180, 320)])
@pytest.mark.parametrize("name", sorted(SYNTHETIC))
def test_the_frames_have_natural_contrast_and_hardly_a_clipped_pixel(
    name: str, size: tuple[int, int]
) -> None:
    clip = SYNTHETIC[name](size, FRAMES)
    pixels = clip.frame(FRAMES - 1)
    assert 40 < pixels.std() < 62
    assert 105 < pixels.mean() < 150
    assert np.mean((pixels == 0) | (pixels == 255)) < 0.001


def test_no_detail_is_finer_than_a_warp_can_follow() -> None:
    pixels = _clip("zoom").frame(0).mean(axis=-1)
    window = np.hanning(SIZE[0])[:, None] * np.hanning(SIZE[1])
    power = np.square(np.abs(np.fft.fft2((pixels - pixels.mean()) * window)))
    frequency = np.hypot(np.fft.fftfreq(SIZE[0])[:, None], np.fft.fftfreq(SIZE[1]))
    assert power[frequency > 1 / 3].sum() < 0.01 * power.sum()


@pytest.mark.parametrize("index", [-1, FRAMES])
def test_a_frame_beyond_the_clip_is_refused(index: int) -> None:
    clip = _clip("static")
    with pytest.raises(IndexError, match="0 to 11"):
        clip.frame(index)
    with pytest.raises(IndexError, match="0 to 11"):
        clip.pair(index)


@pytest.mark.parametrize(("size", "frames"), [((16, 160), 12), (SIZE, 1)])
def test_a_size_or_length_that_is_too_small_is_refused(size: tuple[int, int], frames: int) -> None:
    with pytest.raises(ValueError, match=r"cut: .*at least"):
        SYNTHETIC["cut"](size, frames)
