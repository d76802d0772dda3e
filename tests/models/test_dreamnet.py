"""dreamnet, the bundled network: what it is built of, and what it makes of pictures."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from dreamstream._libraries import cv2
from dreamstream.frames import FloatImage, to_model_range
from dreamstream.models import dreamnet
from dreamstream.models.design import Design

MEGABYTE = 1_000_000
PHOTO_SIDE = 256


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return dreamnet.build_dreamnet()


def read_square(path: Path) -> FloatImage:
    pixels = cv2.imread(str(path))
    assert pixels is not None
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = pixels[top : top + side, left : left + side, ::-1]
    resized = cv2.resize(square, (PHOTO_SIDE, PHOTO_SIDE), interpolation=cv2.INTER_AREA)
    return to_model_range(resized.astype(np.uint8))


def random_picture(height: int, width: int, seed: int = 0) -> FloatImage:
    """Coloured blotches of a photo's contrast, not white noise."""
    small = np.random.default_rng(seed).uniform(-1, 1, (height // 8 + 1, width // 8 + 1, 3))
    enlarged = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    picture: FloatImage = np.clip(enlarged, -1, 1).astype(np.float32)
    return picture


def maps(model: Any, picture: FloatImage) -> list[FloatImage]:
    return [np.asarray(each) for each in model(picture[None])]


def test_one_output_for_each_layer_of_its_description(model: keras.Model) -> None:
    assert tuple(dreamnet.LAYERS) == dreamnet.bundled_design().layers
    assert model.output_names == list(dreamnet.LAYERS)


def test_every_layer_says_what_it_shows() -> None:
    assert all(len(text) > 10 for text in dreamnet.LAYERS.values())


@pytest.mark.parametrize(("height", "width"), [(64, 96), (75, 101), (33, 64)])
def test_any_size_gives_maps_at_an_eighth_to_a_sixteenth(
    model: keras.Model, height: int, width: int
) -> None:
    sizes = [each.shape[1:3] for each in maps(model, random_picture(height, width))]
    strides = (8, 8, 8, 16, 16, 16, 16)
    assert sizes == [(-(-height // stride), -(-width // stride)) for stride in strides]


def test_activations_are_finite_and_never_negative(model: keras.Model) -> None:
    for each in maps(model, random_picture(80, 80)):
        assert np.isfinite(each).all()
        assert each.min() >= 0


def test_mean_colour_is_what_the_network_sees_as_zero(model: keras.Model) -> None:
    level = np.array(dreamnet.MEAN_RGB, np.float32) / np.float32(127.5) - np.float32(1)
    picture = np.broadcast_to(level, (1, 32, 32, 3))
    centred = keras.Model(model.input, model.get_layer("centre").output)(picture)
    np.testing.assert_allclose(centred, 0, atol=1e-6)


def test_swapping_red_and_blue_changes_what_is_seen(model: keras.Model) -> None:
    picture = random_picture(64, 64)
    assert not np.allclose(maps(model, picture)[0], maps(model, picture[..., ::-1].copy())[0])


def test_a_cut_at_one_layer_leaves_out_what_is_deeper(model: keras.Model) -> None:
    cut = keras.Model(model.input, model.get_layer("3a").output)
    picture = random_picture(64, 64)
    np.testing.assert_allclose(cut(picture[None]), maps(model, picture)[1], rtol=1e-4, atol=1e-4)
    assert cut.count_params() < model.count_params() / 2


def test_weights_are_plain_half_precision_arrays_of_at_most_six_megabytes() -> None:
    assert dreamnet.WEIGHTS_PATH.stat().st_size <= 6 * MEGABYTE
    weights = dict(dreamnet.read_weights())
    scales = weights.pop(dreamnet.SCALES_KEY)
    assert scales.shape == (len(dreamnet.LAYERS),)
    assert Design.from_json(str(weights.pop(dreamnet.DESIGN_KEY))).layers == tuple(dreamnet.LAYERS)
    assert {array.dtype for array in weights.values()} == {np.dtype(np.float16)}
    assert all(np.isfinite(array).all() for array in weights.values())


def test_scales_are_finite_and_positive() -> None:
    scales = dreamnet.layer_scales()
    assert list(scales) == list(dreamnet.LAYERS)
    assert all(np.isfinite(scale) and scale > 0 for scale in scales.values())


def test_other_weights_are_read_from_a_path(tmp_path: Path, model: keras.Model) -> None:
    changed: dict[str, Any] = dict(dreamnet.read_weights())
    changed["4d_1x1/bias"] = changed["4d_1x1/bias"] + np.float16(1000)
    np.savez(tmp_path / "other.npz", **changed)
    other = dreamnet.build_dreamnet(tmp_path / "other.npz")
    picture = random_picture(32, 32)
    assert maps(other, picture)[-1].mean() > maps(model, picture)[-1].mean() + 100
    np.testing.assert_array_equal(maps(other, picture)[1], maps(model, picture)[1])


def test_missing_weights_are_named(tmp_path: Path) -> None:
    weights: dict[str, Any] = dict(dreamnet.read_weights())
    del weights["conv1/kernel"]
    np.savez(tmp_path / "part.npz", **weights)
    with pytest.raises(ValueError, match="conv1/kernel"):
        dreamnet.build_dreamnet(tmp_path / "part.npz")


def test_weights_that_tell_no_network_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "empty.npz", nothing=np.zeros(1))
    with pytest.raises(ValueError, match="doesn't describe its network"):
        dreamnet.build_dreamnet(tmp_path / "empty.npz")


def test_names_and_scales_are_known_without_tensorflow() -> None:
    code = (
        "import sys; from dreamstream.models import dreamnet; dreamnet.layer_scales();"
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_photos_scaled_mean_square_is_about_one(model: keras.Model, real_clips: Path) -> None:
    photos = sorted(real_clips.glob("*.jpg"))
    energies = [
        [float(np.mean(each**2)) for each in maps(model, read_square(path))] for path in photos
    ]
    scaled = np.mean(energies, axis=0) * list(dreamnet.layer_scales().values())
    assert scaled.min() > 0.25
    assert scaled.max() < 4
