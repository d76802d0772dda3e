r"""Measure dreamnet, the bundled network, against the teacher that it was distilled from.

Prints a table and, with ``--json``, writes the same figures; it asserts nothing. Run from the
repository's root, with nothing else running where time is measured:

    python -m benchmarks.dreamnet --teacher bvlc_googlenet.npz --photos photos/ \
        --json dreamnet.json --sheets sheets/

What it measures, on the held-out photos (every 25th):

- transfer: both networks dream a photo toward a layer; the student's residual is scaled to the
  teacher's root mean square; then the log gain of the teacher's loss on the student's dream, as a
  share of its log gain on the teacher's own. Once with the plain, jittered gradient and once
  with the gradient smoothed as the presets smooth it.
- error: each layer's squared error relative to the teacher's square, on photos and on the
  teacher's dreams of them.
- cost: floating point operations per pixel, and milliseconds of one gradient step to the layers
  of ``--layers``, beside the first dreamnet's to its default layer.
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
from dreamstream.models.design import CONTRAST, CONVOLUTION, Design
from dreamstream.models.dreamnet import (
    WEIGHTS_PATH,
    build_architecture,
    build_dreamnet,
    design_of,
    read_weights,
)
from tools.dreamnet_training.dreaming import BEAUTIFUL, PLAIN, Ascent, Manner
from tools.dreamnet_training.gradients import Tensor, compiled, normalised
from tools.dreamnet_training.photos import centre_crops, find_photos, split_photos
from tools.dreamnet_training.students import PLAIN_CHAIN
from tools.dreamnet_training.teacher import Features, Scaled, load_teacher
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
DEFAULT_LAYERS = "4a,4c"
FIRST_LAYER = "faces"
"""Of the first dreamnet's default preset."""
BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}
# Among the held-out photos, those that leave a dream the most freedom: landscapes.
SHEET_PHOTOS = (17, 20, 33, 39)
SHEET_GAP = 4


def measure_transfer(
    networks: tuple[Ascent, Ascent], layers: Sequence[str], photos: FloatImage, manner: Manner
) -> Figures:
    """Measure transfer by layer: mean and standard deviation over photos, and the gains.

    Args:
        networks: The student's ascent and the teacher's.
        layers: Names of their layers.
        photos: (photos, height, width, 3) float32 RGB in [-1, 1].
        manner: How both dream.
    """
    figures = {}
    for number, layer in enumerate(layers):
        gains = measure_gains(*networks, photos, number, len(layers), manner)
        figures[layer] = {
            "mean": float(gains.transfer.mean()),
            "deviation": float(gains.transfer.std()),
            "teacher_gain": float(gains.teacher.mean()),
            "student_gain": float(gains.student.mean()),
        }
        print(f"  {layer}: {figures[layer]['mean']:.3f} ± {figures[layer]['deviation']:.3f}")
    return figures


def measure_errors(
    student: Features,
    teacher: Features,
    scales: Tensor,
    layers: Sequence[str],
    photos: FloatImage,
) -> Figures:
    """Measure each layer's relative squared error on photos and on the teacher's dreams."""
    dreams = dreamed_by(Ascent(teacher, scales), photos, len(layers))
    return {
        name: dict(
            zip(layers, map(float, held_out_errors(student, teacher, pictures)), strict=True)
        )
        for name, pictures in (("photos", photos), ("dreamed", dreams))
    }


def count_operations(design: Design) -> dict[str, float]:
    """Count thousands of floating point operations per pixel of a forward pass to each layer.

    Returns:
        Layer name to the count.
    """
    counts = {}
    for layer in design.layers:
        cut = design.cut([layer])
        counts[layer] = sum(
            2
            * operation.side**2
            * cut.inputs_of(operation)
            * cut.channels[operation.name]
            / cut.strides[operation.name] ** 2
            / 1000
            for operation in cut.operations
            if operation.kind in (CONVOLUTION, CONTRAST)
        )
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


def measure_cost(options: argparse.Namespace, transfer: Figures) -> Figures:
    """Time gradient steps of the networks in the precisions at hand."""
    figures: Figures = {"kflop_per_pixel": count_operations(_design(options))}
    for precision in ("float32", "bfloat16"):
        if precision == "bfloat16" and not has_bfloat16():
            figures[precision] = "not measurable here (no AVX512_BF16/AMX)"
            continue
        figures[precision] = _time_networks(options, precision, transfer)
    return figures


def _time_networks(options: argparse.Namespace, precision: str, transfer: Figures) -> Figures:
    keras.config.set_dtype_policy(precision)
    networks = {
        "dreamnet": _dreamnet_loss(options.weights, options.layers),
        "first": _first_loss(),
        "teacher": _teacher_loss(options, precision),
        "inception_v3_mixed5": _inception_loss(),
    }
    times = time_steps(networks)
    keras.config.set_dtype_policy("float32")
    gains = [transfer["plain"][layer] for layer in options.layers]
    share = np.mean([gain["student_gain"] / gain["teacher_gain"] for gain in gains])
    return {
        "ms": times,
        "ratio_to_first": times["dreamnet"] / times["first"],
        "ratio_to_teacher": times["dreamnet"] / times["teacher"],
        "faster_than_inception": times["inception_v3_mixed5"] / times["dreamnet"],
        "gain_per_ms_to_teachers": float(share) * (times["teacher"] / times["dreamnet"]),
    }


def _design(options: argparse.Namespace) -> Design:
    return design_of(read_weights(options.weights))


def _dreamnet_loss(weights: Path | None, layers: Sequence[str]) -> Callable[[Tensor], Tensor]:
    whole = build_dreamnet(weights)
    outputs = [whole.get_layer(layer).output for layer in layers]
    return _mean_squares(keras.Model(whole.input, outputs))


def _first_loss() -> Callable[[Tensor], Tensor]:
    """Make the first dreamnet's loss; its weights, which are random here, cost nothing."""
    whole = build_architecture(PLAIN_CHAIN)
    return _mean_squares(keras.Model(whole.input, whole.get_layer(FIRST_LAYER).output))


def _teacher_loss(options: argparse.Namespace, precision: str) -> Callable[[Tensor], Tensor]:
    teacher = load_teacher(str(options.teacher), precision)
    layers = _design(options).layers
    numbers = [layers.index(layer) for layer in options.layers]
    # what leads to deeper layers than those chosen is left out when this is compiled
    return _mean_squares(lambda picture: [teacher(picture)[number] for number in numbers])


def _inception_loss() -> Callable[[Tensor], Tensor]:
    # Random weights: the time is the same, and nothing need be downloaded.
    whole = keras.applications.InceptionV3(include_top=False, weights=None)
    return _mean_squares(keras.Model(whole.input, [whole.get_layer("mixed5").output]))


def _mean_squares(
    features: Callable[[Tensor], Tensor | Sequence[Tensor]],
) -> Callable[[Tensor], Tensor]:
    return lambda picture: tf.add_n(
        [
            tf.reduce_mean(tf.square(tf.cast(each, tf.float32)))
            for each in tf.nest.flatten(features(picture))
        ]
    )


def has_bfloat16() -> bool:
    """Return whether this machine computes in bfloat16 rather than emulating it."""
    if tf.config.list_physical_devices("GPU"):
        return True
    return not BFLOAT16_FLAGS.isdisjoint(processor_flags())


def measure_package(weights: Path | None) -> Figures:
    """Measure the weights' size and the time to build the network, TensorFlow being loaded."""
    begun = time.perf_counter()
    model = build_dreamnet(weights)
    return {
        "load_seconds": time.perf_counter() - begun,
        "parameters": int(model.count_params()),
        "weights_megabytes": (weights or WEIGHTS_PATH).stat().st_size / 1e6,
    }


def draw_sheets(
    networks: Sequence[Ascent], layers: Sequence[str], photos: FloatImage, folder: Path
) -> None:
    """Write a contact sheet for each layer: photos above, then a row for each network.

    Args:
        networks: The student's ascent and the teacher's.
        layers: Names of their layers.
        photos: (photos, height, width, 3) float32 RGB in [-1, 1].
        folder: Made if need be.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for layer, one in zip(layers, np.eye(len(layers), dtype=np.float32), strict=True):
        dreams = [dream_photos(ascent, photos, one, BEAUTIFUL) for ascent in networks]
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
    counts = figures["cost"]["kflop_per_pixel"]
    print(f"{'':28}" + "".join(f"{layer:>11}" for layer in counts))
    for name, layers in figures["transfer"].items():
        _print_row(f"transfer, {name}", [each["mean"] for each in layers.values()])
        _print_row("  its deviation over photos", [each["deviation"] for each in layers.values()])
    for name, errors in figures["error"].items():
        _print_row(f"relative error, {name}", errors.values())
    _print_row("kFLOP per pixel, forward", counts.values())
    for name in ("float32", "bfloat16"):
        print(f"gradient step at 640x360, {name}: {figures['cost'][name]}")
    print(f"package: {figures['package']}")


def _print_row(name: str, values: Iterable[float]) -> None:
    print(f"{name:28}" + "".join(f"{value:11.3f}" for value in values))


def measure(options: argparse.Namespace) -> Figures:
    """Measure everything that the options ask for."""
    _, held_out = split_photos(find_photos(options.photos))
    photos = centre_crops(held_out[:: max(1, len(held_out) // options.count)])
    raw = load_teacher(str(options.teacher))
    # in the units in which it was taught, which are those of the student's maps
    teacher = Scaled(raw, np.sqrt(layer_scales_of(raw, centre_crops(held_out))))
    student, layers = build_dreamnet(options.weights), _design(options).layers
    scales = layer_scales_of(teacher, photos)
    networks = Ascent(student, scales), Ascent(teacher, scales)
    transfer = {}
    for name, manner in MANNERS.items():
        print(f"transfer, {name}, {len(photos)} photos")
        transfer[name] = measure_transfer(networks, layers, photos, manner)
    if options.sheets:
        chosen = [held_out[number] for number in SHEET_PHOTOS if number < len(held_out)]
        draw_sheets(networks, layers, centre_crops(chosen), options.sheets)
    return {
        "photos": len(photos),
        "transfer": transfer,
        "error": measure_errors(student, teacher, scales, layers, photos),
        "cost": measure_cost(options, transfer),
        "package": measure_package(options.weights),
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--teacher", required=True, type=Path, help="SqueezeNet's or GoogLeNet's weights, .npz")
    add("--photos", required=True, type=Path, help="folder of photos; every 25th is measured")
    add("--weights", type=Path, help="another .npz of dreamnet weights than the bundled one")
    add("--layers", type=lambda text: text.split(","), default=DEFAULT_LAYERS, help="those to "
        "which steps are timed, by comma (default %(default)s)")  # fmt: skip
    add("--count", type=int, default=40, help="how many held-out photos (default %(default)s)")
    add("--json", type=Path, help="where to write the figures")
    add("--sheets", type=Path, help="folder for contact sheets")
    options = parser.parse_args()
    figures = measure(options)
    print_table(figures)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
