"""The look that a stream is held to."""

import numpy as np
import pytest
from pictures import fractal_pixels

from dreamstream._libraries import cv2
from dreamstream.clips.band_statistics import MOST_GAIN, BandStatistics
from dreamstream.frames import FloatImage, to_model_range

PHOTO = to_model_range(fractal_pixels(96, 128, seed=3))


def contrast(image: FloatImage) -> float:
    return float(image.std())


def detail(image: FloatImage) -> float:
    return float(np.square(cv2.Laplacian(image, cv2.CV_32F)).mean())


def saturation(image: FloatImage) -> float:
    return float((image - image.mean(axis=-1, keepdims=True)).std())


def held_for(image: FloatImage, look: BandStatistics, frames: int) -> FloatImage:
    for _ in range(frames):
        image = look.hold(image)
    return image


def test_a_picture_of_the_look_is_left_as_it_is() -> None:
    np.testing.assert_allclose(BandStatistics.of(PHOTO).hold(PHOTO), PHOTO, atol=1e-5)


def test_a_blurred_picture_gets_its_detail_back() -> None:
    blurred = np.asarray(cv2.GaussianBlur(PHOTO, (0, 0), 0.8), np.float32)
    held, wanted = (
        held_for(blurred, BandStatistics.of(PHOTO), 12),
        BandStatistics.of(PHOTO).layers[0],
    )
    np.testing.assert_allclose(
        BandStatistics.of(held).layers[0].strengths, wanted.strengths, rtol=0.12
    )
    assert detail(held) > 2 * detail(blurred)


@pytest.mark.parametrize("gain", [0.5, 2.0])
def test_contrast_and_colours_that_ran_away_come_back(gain: float) -> None:
    held = held_for(np.float32(gain) * PHOTO, BandStatistics.of(PHOTO), 60)
    assert contrast(held) == pytest.approx(contrast(PHOTO), rel=0.05)
    assert saturation(held) == pytest.approx(saturation(PHOTO), rel=0.05)


def test_a_tint_goes_soon_and_wrong_forms_go_slowly() -> None:
    tinted = PHOTO + np.array([0.3, 0, -0.3], np.float32)
    sloped = PHOTO + np.linspace(-0.3, 0.3, 128, dtype=np.float32)[None, :, None]
    for wrong, soon in ((tinted, 0.55), (sloped, 0.99)):
        once, often = (
            held_for(wrong, BandStatistics.of(PHOTO), 1),
            held_for(wrong, BandStatistics.of(PHOTO), 90),
        )
        off = [
            float(np.abs(cv2.GaussianBlur(image - PHOTO, (0, 0), 20)).max())
            for image in (wrong, once, often)
        ]
        assert 0.9 * soon * off[0] < off[1] < soon * off[0]
        assert off[2] < 0.1 * off[0]


def test_no_frame_changes_a_band_by_more_than_the_most_gain() -> None:
    held = BandStatistics.of(PHOTO).hold(np.float32(0.01) * PHOTO)
    assert contrast(held) < 1.5 * MOST_GAIN * 0.01 * contrast(PHOTO) + 0.07 * contrast(PHOTO)


def test_between_two_looks_strengths_and_forms_lie_between() -> None:
    plain, strong = BandStatistics.of(PHOTO), BandStatistics.of(2 * PHOTO)
    half = plain.toward(strong, 0.5)
    for a, b, c in zip(plain.layers, half.layers, strong.layers, strict=True):
        np.testing.assert_allclose(2 * np.array(b.strengths), np.add(a.strengths, c.strengths))
        np.testing.assert_allclose(b.coarse, 1.5 * a.coarse, atol=1e-6)
    assert plain.toward(strong, 0).layers[0].strengths == plain.layers[0].strengths


def test_a_look_over_another_has_its_own_strengths_and_the_others_forms() -> None:
    plain, strong = BandStatistics.of(PHOTO), BandStatistics.of(2 * PHOTO)
    mixed = strong.over(plain)
    assert mixed.layers[1].strengths == strong.layers[1].strengths
    np.testing.assert_array_equal(mixed.layers[0].coarse, plain.layers[0].coarse)


@pytest.mark.parametrize("shape", [(3, 5), (17, 96), (33, 47)])
def test_a_picture_of_any_size_has_a_look(shape: tuple[int, int]) -> None:
    picture = to_model_range(fractal_pixels(*shape))
    held = BandStatistics.of(picture).hold(picture)
    assert held.shape == picture.shape
    np.testing.assert_allclose(held, picture, atol=1e-5)
