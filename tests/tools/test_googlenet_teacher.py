"""GoogLeNet as a teacher: the numbers of Caffe's layers, of which TensorFlow's are a pixel off."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from tools.dreamnet_training.googlenet import GOOGLENET_LAYERS, MEAN_BGR, GoogLeNet
from tools.dreamnet_training.teacher import InnerMaps, SqueezeNet, load_teacher

Array = NDArray[np.float32]
FEW = 6


def module_shapes(name: str, taken: int) -> dict[str, tuple[int, ...]]:
    sides = {"1x1": 1, "3x3_reduce": 1, "3x3": 3, "5x5_reduce": 1, "5x5": 5, "pool_proj": 1}
    return {
        f"inception_{name}/{step}": (side, side, FEW if side > 1 else taken, FEW)
        for step, side in sides.items()
    }


@pytest.fixture(scope="module")
def weights() -> dict[str, Array]:
    """GoogLeNet's weights at random, of few channels."""
    shapes = {
        "conv1/7x7_s2": (7, 7, 3, FEW),
        "conv2/3x3_reduce": (1, 1, FEW, FEW),
        "conv2/3x3": (3, 3, FEW, FEW),
        **module_shapes("3a", FEW),
    }
    for name in GOOGLENET_LAYERS[2:]:
        shapes.update(module_shapes(name, 4 * FEW))
    rng = np.random.default_rng(5)
    arrays = {}
    for name, shape in shapes.items():
        scale = np.sqrt(2 / np.prod(shape[:3]))
        arrays[f"{name}/w"] = rng.normal(0, scale, shape).astype(np.float32)
        arrays[f"{name}/b"] = rng.normal(0, 1, FEW).astype(np.float32)
    return arrays


@pytest.fixture(scope="module")
def path(weights: dict[str, Array], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("teacher") / "googlenet.npz"
    keywords: Any = weights
    np.savez(path, **keywords)
    return path


@pytest.fixture(scope="module")
def picture() -> Array:
    return np.random.default_rng(1).uniform(-1, 1, (64, 96, 3)).astype(np.float32)


def convolved(features: Array, kernel: Array, bias: Array, stride: int = 1) -> Array:
    """Cross-correlate as Caffe does, with half a window of zeros on every side, and rectify."""
    side = kernel.shape[0]
    padded = np.pad(features, ((side // 2,) * 2, (side // 2,) * 2, (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), (0, 1))
    found = np.einsum("hwcij,ijco->hwo", windows[::stride, ::stride], kernel) + bias
    rectified: Array = np.maximum(found, 0)
    return rectified


def pooled(features: Array) -> Array:
    """Take the greatest of each 3x3 from the first pixel on, the last beyond the border."""
    height, width = features.shape[:2]
    return np.stack(
        [
            [features[r : r + 3, c : c + 3].max((0, 1)) for c in range(0, width - 1, 2)]
            for r in range(0, height - 1, 2)
        ]
    )


def normalised(features: Array) -> Array:
    given = tf.nn.local_response_normalization(features[None], 2, 1.0, 1e-4 / 5, 0.75)
    divided: Array = np.asarray(given)[0]
    return divided


def conv2_of(picture: Array, weights: dict[str, Array]) -> Array:
    levels = (picture[..., ::-1] + 1) * 127.5 - np.array(MEAN_BGR, np.float32)
    first = convolved(levels, weights["conv1/7x7_s2/w"], weights["conv1/7x7_s2/b"], 2)
    features = normalised(pooled(first))
    for name in ("conv2/3x3_reduce", "conv2/3x3"):
        features = convolved(features, weights[f"{name}/w"], weights[f"{name}/b"])
    return pooled(normalised(features))


def test_the_first_map_is_caffes(path: Path, weights: dict[str, Array], picture: Array) -> None:
    (given,) = GoogLeNet(path, ["conv2"])(picture[None])
    np.testing.assert_allclose(given[0], conv2_of(picture, weights), rtol=1e-3, atol=1e-3)


def test_a_module_lays_its_branches_in_caffes_order(
    path: Path, weights: dict[str, Array], picture: Array
) -> None:
    (given,) = GoogLeNet(path, ["3a"])(picture[None])
    features = conv2_of(picture, weights)

    def step(taken: Array, name: str) -> Array:
        name = f"inception_3a/{name}"
        return convolved(taken, weights[f"{name}/w"], weights[f"{name}/b"])

    around = np.asarray(tf.nn.max_pool2d(features[None], 3, 1, "SAME"))[0]
    branches = [
        step(features, "1x1"),
        step(step(features, "3x3_reduce"), "3x3"),
        step(step(features, "5x5_reduce"), "5x5"),
        step(around, "pool_proj"),
    ]
    np.testing.assert_allclose(given[0], np.concatenate(branches, -1), rtol=1e-3, atol=1e-3)


def test_maps_have_the_size_of_a_students_at_every_scale(path: Path) -> None:
    maps = GoogLeNet(path, GOOGLENET_LAYERS)(tf.zeros((1, 64, 96, 3)))
    strides = (8, 8, 8, 16, 16, 16, 16, 16)
    assert [tuple(each.shape[1:3]) for each in maps] == [(64 // s, 96 // s) for s in strides]


def test_maps_are_given_as_asked_for(path: Path, picture: Array) -> None:
    every = dict(
        zip(GOOGLENET_LAYERS, GoogLeNet(path, GOOGLENET_LAYERS)(picture[None]), strict=True)
    )
    chosen = GoogLeNet(path, ["3b", "4b"])(picture[None])
    np.testing.assert_array_equal(chosen[0], every["3b"])
    np.testing.assert_array_equal(chosen[1], every["4b"])


def test_inner_maps_are_of_mean_square_one_where_they_have_a_unit_of_their_own(
    path: Path, picture: Array
) -> None:
    teacher = GoogLeNet(path, ["conv2", "3a"])
    maps = InnerMaps(teacher, ["conv2", "3a"], picture[None])(picture[None])
    squares = {name: float(tf.reduce_mean(tf.square(given))) for name, given in maps.items()}
    for name in ("norm1", "conv2_reduce", "conv2", "3a_3x3_reduce", "3a"):
        assert squares[name] == pytest.approx(1, rel=1e-3)
    raw = teacher.maps(picture[None])
    # what is divided, in its quotient's unit
    for names in (("conv1", "norm1"), ("conv2_3x3", "conv2")):
        ratios = [np.mean(maps[name]) / np.mean(raw[name]) for name in names]
        assert ratios[0] == pytest.approx(ratios[1], rel=1e-4)
    branches = [maps[f"3a_{branch}"] for branch in ("1x1", "3x3", "5x5", "pool_proj")]
    np.testing.assert_array_equal(maps["3a"], tf.concat(branches, -1))


def test_a_file_says_whose_weights_it_holds(path: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", nothing=np.zeros(1, np.float32))
    assert isinstance(load_teacher(str(path)), GoogLeNet)
    assert isinstance(load_teacher(str(tmp_path / "other.npz")), SqueezeNet)
