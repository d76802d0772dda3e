r"""Measure dreamnet, the bundled network, against the teacher that it was distilled from.

Prints a table and, with ``--json``, writes the same figures; it asserts nothing. Run from the
repository's root, with nothing else running where time is measured:

    python -m benchmarks.dreamnet --teacher squeezenet_v1_1.npz --photos photos/ \
        --json dreamnet.json --sheets sheets/

What it measures, on the held-out photos (every 25th):

- transfer: both networks dream a photo toward a layer; the student's residual is scaled to the
  teacher's root mean square; then the log gain of the teacher's loss on the student's dream, as a
  share of its log gain on the teacher's own. Once with the plain, jittered gradient and once
  with the gradient smoothed as the presets smooth it.
- error: each layer's squared error relative to the teacher's square, on photos and on the
  teacher's dreams of them.
- cost: floating point operations per pixel, and milliseconds of one gradient step.
- looks: contact sheets of both networks' dreams, one for each layer.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dreamstream._libraries import cv2
from dreamstream.frames import FloatImage, to_pixels
from dreamstream.machine import processor_flags
from dreamstream.models.dreamnet import LAYERS, POOL_STRIDES, TRUNK, WEIGHTS_PATH, build_dreamnet
from tools.dreamnet_training.dreaming import BEAUTIFUL, PLAIN, Ascent, Manner
from tools.dreamnet_training.gradients import Tensor, compiled, normalised
from tools.dreamnet_training.photos import centre_crops, find_photos, split_photos
from tools.dreamnet_training.teacher import Features, Scaled, SqueezeNet
from tools.dreamnet_training.validation import (
    dream_photos,
    dreamed_by,
    held_out_errors,
    layer_scales_of,
    measure_gains,
)

Figures = dict[str, Any]

MANNERS = {
    "plain": PLAIN,
    "smoothed": replace(PLAIN, step_size=0.014, smoothings=(0.6, 2.6)),
}
FRAME_SIZE = (360, 640)
TIMED_STEPS = 20
DEFAULT_LAYER = "faces"
BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}
# Among the held-out photos, those that leave a dream the most freedom: landscapes.
SHEET_PHOTOS = (17, 20, 33, 39)
SHEET_GAP = 4


def measure_transfer(
    student: Features, teacher: Features, scales: Tensor, photos: FloatImage, manner: Manner
) -> Figures:
    """Measure transfer by layer: mean and standard deviation over photos, and the gains."""
    student_ascent, teacher_ascent = Ascent(student, scales), Ascent(teacher, scales)
    figures = {}
    for number, layer in enumerate(LAYERS):
        gains = measure_gains(student_ascent, teacher_ascent, photos, number, len(LAYERS), manner)
        figures[layer] = {
            "mean": float(gains.transfer.mean()),
            "deviation": float(gains.transfer.std()),
            "teacher_gain": float(gains.teacher.mean()),
            "student_gain": float(gains.student.mean()),
        }
        print(f"  {layer}: {figures[layer]['mean']:.3f} ± {figures[layer]['deviation']:.3f}")
    return figures


def measure_errors(
    student: Features, teacher: Features, scales: Tensor, photos: FloatImage
) -> Figures:
    """Measure each layer's relative squared error on photos and on the teacher's dreams."""
    dreams = dreamed_by(Ascent(teacher, scales), photos, len(LAYERS))
    return {
        name: dict(
            zip(LAYERS, map(float, held_out_errors(student, teacher, pictures)), strict=True)
        )
        for name, pictures in (("photos", photos), ("dreamed", dreams))
    }


def count_operations() -> dict[str, float]:
    """Count thousands of floating point operations per pixel of a forward pass to each layer.

    Returns:
        Layer name to the count.
    """
    channels, area, trunk = 3, 1.0, 0.0
    counts = {}
    for convolution in TRUNK:
        area /= (convolution.strides * (POOL_STRIDES if convolution.pooled else 1)) ** 2
        trunk += 2 * convolution.side**2 * channels * convolution.filters * area / 1000
        channels = convolution.filters
        if convolution.name in LAYERS:
            counts[convolution.name] = trunk
    return counts


def time_steps(losses: Mapping[str, Callable[[Tensor], Tensor]]) -> dict[str, float]:
    """Time a gradient step at 640x360 of each network: loss, gradient, normalise, add.

    They take turns, and the shortest of each one's times counts: what else the machine does
    lengthens a step, nothing shortens it.

    Args:
        losses: Name to a function from a (1, height, width, 3) picture to a scalar.

    Returns:
        Name to milliseconds.
    """
    picture = tf.random.stateless_uniform((1, *FRAME_SIZE, 3), (0, 0), -1, 1)
    steps = {name: _gradient_step(loss) for name, loss in losses.items()}
    durations: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(TIMED_STEPS + 1):
        for name, step in steps.items():
            begun = time.perf_counter()
            step(picture).numpy()
            durations[name].append(time.perf_counter() - begun)
    return {name: 1000 * min(taken[1:]) for name, taken in durations.items()}


def _gradient_step(loss: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    @compiled
    def step(picture: Tensor) -> Tensor:
        with tf.GradientTape() as tape:
            tape.watch(picture)
            value = loss(picture)
        return picture + 0.01 * normalised(tape.gradient(value, picture))

    return step


def measure_cost(teacher_path: Path, transfer: Figures) -> Figures:
    """Time gradient steps of dreamnet, the teacher and InceptionV3, in the precisions at hand."""
    figures: Figures = {"kflop_per_pixel": count_operations()}
    for precision in ("float32", "bfloat16"):
        if precision == "bfloat16" and not has_bfloat16():
            figures[precision] = "not measurable here (no AVX512_BF16/AMX)"
            continue
        figures[precision] = _time_networks(teacher_path, precision, transfer)
    return figures


def _time_networks(teacher_path: Path, precision: str, transfer: Figures) -> Figures:
    keras.config.set_dtype_policy(precision)
    networks = {
        "dreamnet": _dreamnet_loss(),
        "teacher": _teacher_loss(teacher_path, precision),
        "inception_v3_mixed5": _inception_loss(),
    }
    times = time_steps(networks)
    keras.config.set_dtype_policy("float32")
    gains = transfer["plain"][DEFAULT_LAYER]
    return {
        "ms": times,
        "ratio_to_teacher": times["dreamnet"] / times["teacher"],
        "faster_than_inception": times["inception_v3_mixed5"] / times["dreamnet"],
        "gain_per_ms_to_teachers": gains["student_gain"]
        / gains["teacher_gain"]
        * (times["teacher"] / times["dreamnet"]),
    }


def _dreamnet_loss() -> Callable[[Tensor], Tensor]:
    whole = build_dreamnet()
    return _mean_square(keras.Model(whole.input, whole.get_layer(DEFAULT_LAYER).output))


def _teacher_loss(path: Path, precision: str) -> Callable[[Tensor], Tensor]:
    teacher = SqueezeNet(path, precision)
    number = list(LAYERS).index(DEFAULT_LAYER)
    return _mean_square(lambda picture: teacher(picture)[number])


def _inception_loss() -> Callable[[Tensor], Tensor]:
    # Random weights: the time is the same, and nothing need be downloaded.
    whole = keras.applications.InceptionV3(include_top=False, weights=None)
    return _mean_square(keras.Model(whole.input, whole.get_layer("mixed5").output))


def _mean_square(features: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    return lambda picture: tf.reduce_mean(tf.square(tf.cast(features(picture), tf.float32)))


def has_bfloat16() -> bool:
    """Return whether this machine computes in bfloat16 rather than emulating it."""
    if tf.config.list_physical_devices("GPU"):
        return True
    return not BFLOAT16_FLAGS.isdisjoint(processor_flags())


def measure_package() -> Figures:
    """Measure the weights' size and the time to build the network, TensorFlow being loaded."""
    begun = time.perf_counter()
    model = build_dreamnet()
    return {
        "load_seconds": time.perf_counter() - begun,
        "parameters": int(model.count_params()),
        "weights_megabytes": WEIGHTS_PATH.stat().st_size / 1e6,
    }


def draw_sheets(
    networks: dict[str, Ascent], photos: FloatImage, layers: Iterable[str], folder: Path
) -> None:
    """Write a contact sheet for each layer: photos above, then a row for each network.

    Args:
        networks: Name to ascent.
        photos: (photos, height, width, 3) float32 RGB in [-1, 1].
        layers: Which layers.
        folder: Made if need be.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for layer in layers:
        one = np.eye(len(LAYERS), dtype=np.float32)[list(LAYERS).index(layer)]
        dreams = [dream_photos(ascent, photos, one, BEAUTIFUL) for ascent in networks.values()]
        write_sheet(folder / f"{layer}.png", [photos, *dreams])


def write_sheet(path: Path, rows: Sequence[FloatImage]) -> None:
    """Write rows of pictures as one PNG, with gaps between them.

    Raises:
        OSError: It cannot be written.
    """
    margin = ((0, 0), (0, SHEET_GAP), (0, SHEET_GAP), (0, 0))
    strips = [np.concatenate(list(np.pad(to_pixels(row), margin)), axis=1) for row in rows]
    if not cv2.imwrite(str(path), np.concatenate(strips)[..., ::-1]):
        raise OSError(f"writing contact sheet {path} failed: is the folder writable?")


def print_table(figures: Figures) -> None:
    """Print the figures as a table of layers and a list of costs."""
    for name, layers in figures["transfer"].items():
        _print_row(f"transfer, {name}", [layers[each]["mean"] for each in LAYERS])
        _print_row("  its deviation over photos", [layers[each]["deviation"] for each in LAYERS])
    for name, errors in figures["error"].items():
        _print_row(f"relative error, {name}", errors.values())
    counts = figures["cost"]["kflop_per_pixel"]
    _print_row("kFLOP per pixel, forward", [counts[each] for each in LAYERS])
    for name in ("float32", "bfloat16"):
        print(f"gradient step at 640x360 to {DEFAULT_LAYER}, {name}: {figures['cost'][name]}")
    print(f"package: {figures['package']}")


def _print_row(name: str, values: Iterable[float]) -> None:
    print(f"{name:28}" + "".join(f"{value:11.3f}" for value in values))


def measure(options: argparse.Namespace) -> Figures:
    """Measure everything that the options ask for."""
    _, held_out = split_photos(find_photos(options.photos))
    photos = centre_crops(held_out[:: max(1, len(held_out) // options.count)])
    raw = SqueezeNet(options.teacher)
    # in the units in which it was taught, which are those of the student's maps
    teacher = Scaled(raw, np.sqrt(layer_scales_of(raw, centre_crops(held_out))))
    student = build_dreamnet(options.weights)
    scales = layer_scales_of(teacher, photos)
    transfer = {}
    for name, manner in MANNERS.items():
        print(f"transfer, {name}, {len(photos)} photos")
        transfer[name] = measure_transfer(student, teacher, scales, photos, manner)
    if options.sheets:
        networks = {"dreamnet": Ascent(student, scales), "teacher": Ascent(teacher, scales)}
        chosen = [held_out[number] for number in SHEET_PHOTOS if number < len(held_out)]
        draw_sheets(networks, centre_crops(chosen), LAYERS, options.sheets)
    return {
        "photos": len(photos),
        "transfer": transfer,
        "error": measure_errors(student, teacher, scales, photos),
        "cost": measure_cost(options.teacher, transfer),
        "package": measure_package(),
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--teacher", required=True, type=Path, help="SqueezeNet v1.1's weights, .npz")
    add("--photos", required=True, type=Path, help="folder of photos; every 25th is measured")
    add("--weights", type=Path, help="another .npz of dreamnet weights than the bundled one")
    add("--count", type=int, default=40, help="how many held-out photos (default %(default)s)")
    add("--json", type=Path, help="where to write the figures")
    add("--sheets", type=Path, help="folder for contact sheets")
    options = parser.parse_args()
    figures = measure(options)
    print(f"{'':28}" + "".join(f"{layer:>11}" for layer in LAYERS))
    print_table(figures)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
