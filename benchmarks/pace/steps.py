"""Gradient steps: ours, plain Keras compiled and eager, and the machine's matrix product."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.dreamnet import has_bfloat16
from benchmarks.pace.networks import STEP_LAYERS, Network, describe_precision
from benchmarks.pace.original import LEAST_DIVISOR, STEP, Features, Tensor
from dreamstream.dream.objective import Objective
from dreamstream.frames import FloatImage
from dreamstream.models.extractor import FeatureExtractor

MATRIX_SIDE = 2048
STEP_FORWARDS = 2
"""A step costs a forward pass and an input gradient of as much arithmetic."""

Figures = dict[str, Any]
Size = tuple[int, int]
"""(height, width) in pixels."""


def measure_steps(networks: Sequence[Network], sizes: Sequence[Size], rounds: int) -> list[Figures]:
    """Time a gradient step of every network at every size, and print a row for each."""
    print("\ngradient step: milliseconds, and how many times as long as dreamstream's")
    print(
        f"{'network':14}{'size':>11}{'kFLOP/px':>10}{'ours':>9}{'compiled':>10}{'eager':>9}"
        f"{'x compiled':>12}{'x eager':>9}{'GFLOP/s':>9}{'f32 peak':>10}{'share':>7}"
        f"{'bf16 peak':>11}{'share':>7}  precision"
    )
    return [_measure(network, size, rounds) for network in networks for size in sizes]


def _measure(network: Network, size: Size, rounds: int) -> Figures:
    layers = {STEP_LAYERS[network.name]: 1.0}
    extractor = network.load(layers)
    operations = count_operations(network.plain_features(list(layers)), size)
    picture = tf.random.stateless_uniform((1, *size, 3), (0, 0), -1, 1)
    steps = {name: _bind(step, picture) for name, step in _steps(network, layers, extractor, size)}
    best = best_of({**steps, **_products()}, rounds)
    figures = {
        "network": network.name,
        "size": f"{size[1]}x{size[0]}",
        "kflop_per_pixel": operations / math.prod(size) / 1000,
        "precision": describe_precision(extractor),
        "ms": {name: 1000 * best[name] for name in steps},
        "gflops": STEP_FORWARDS * operations / best["ours"] / 1e9,
        "peak_gflops": {
            name: 2 * MATRIX_SIDE**3 / best[name] / 1e9 for name in best if name not in steps
        },
    }
    _print_row(figures)
    return figures


def _steps(
    network: Network, layers: Mapping[str, float], extractor: FeatureExtractor, size: Size
) -> list[tuple[str, Callable[[Tensor], Tensor]]]:
    plain = gradient_step(network.plain_loss(layers))
    coefficients = np.array(list(layers.values()), np.float32)
    step = _our_step(Objective(extractor, "off"), coefficients, size)
    ours = tf.function(step, autograph=False)
    return [("ours", ours), ("compiled", tf.function(plain)), ("eager", plain)]


def _our_step(loss: Objective, coefficients: FloatImage, size: Size) -> Callable[[Tensor], Tensor]:
    tiling = loss.tiling(size)
    return lambda image: _stepped(image, loss.value_and_gradient(image, tiling, coefficients)[1])


def gradient_step(loss: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Return the original program's step: loss, gradient, normalise, add."""

    def step(image: Tensor) -> Tensor:
        with tf.GradientTape() as tape:
            tape.watch(image)
            value = loss(image)
        return _stepped(image, tape.gradient(value, image))

    return step


def _stepped(image: Tensor, gradient: Tensor) -> Tensor:
    divisor = tf.maximum(tf.reduce_mean(tf.abs(gradient)), LEAST_DIVISOR)
    return image + STEP * gradient / divisor


def count_operations(features: Features, size: Size) -> int:
    """Count the floating point operations of a forward pass.

    Convolutions and matrix products alone, two for each product and sum, as their graph has them:
    all else is a per mille of them.

    Args:
        features: A network.
        size: (height, width) of the picture.
    """
    traced = tf.function(features).get_concrete_function(tf.TensorSpec((1, *size, 3), tf.float32))
    return sum(_operations_of(operation) for operation in traced.graph.get_operations())


def _operations_of(operation: Any) -> int:
    if operation.type == "MatMul":
        inner = operation.inputs[0].shape[0 if operation.get_attr("transpose_a") else 1]
        return 2 * int(inner * math.prod(operation.outputs[0].shape))
    if operation.type not in ("Conv2D", "DepthwiseConv2dNative"):
        return 0
    height, width, inputs, outputs = operation.inputs[1].shape
    if operation.type == "DepthwiseConv2dNative":
        inputs, outputs = 1, inputs * outputs  # each output channel sees one input
    rows, columns = operation.outputs[0].shape[1:3]
    return 2 * int(height * width * inputs * outputs * rows * columns)


def best_of(ways: Mapping[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """Run some ways in turn, and return the shortest of each one's times, in seconds.

    What else the machine does lengthens a step, and nothing shortens it.
    """
    best = dict.fromkeys(ways, math.inf)
    for call in ways.values():  # traces
        call()
    for _ in range(rounds):
        for name, call in ways.items():
            begun = time.perf_counter()
            call()
            best[name] = min(best[name], time.perf_counter() - begun)
    return best


def _bind(step: Callable[[Tensor], Tensor], picture: Tensor) -> Callable[[], None]:
    return lambda: step(picture).numpy()


def _products() -> dict[str, Callable[[], None]]:
    """Return matrix products in the precisions that the machine has units for."""
    kinds = [tf.float32, tf.bfloat16] if has_bfloat16() else [tf.float32]
    return {kind.name: _product(kind) for kind in kinds}


def _product(kind: Any) -> Callable[[], None]:
    matrix = tf.cast(tf.random.stateless_normal((MATRIX_SIDE, MATRIX_SIDE), (0, 0)), kind)
    multiply = tf.function(lambda: tf.matmul(matrix, matrix)[:1, :1])  # hands hardly anything over
    return lambda: multiply().numpy()


def _print_row(figures: Figures) -> None:
    ms, peaks = figures["ms"], figures["peak_gflops"]
    cells = [f"{figures['network']:14}{figures['size']:>11}{figures['kflop_per_pixel']:>10.1f}"]
    cells.append(f"{ms['ours']:>9.1f}{ms['compiled']:>10.1f}{ms['eager']:>9.1f}")
    cells.append(f"{ms['compiled'] / ms['ours']:>12.2f}{ms['eager'] / ms['ours']:>9.2f}")
    cells.append(f"{figures['gflops']:>9.0f}")
    for kind, width in (("float32", 10), ("bfloat16", 11)):
        peak = peaks.get(kind)
        cells.append(
            f"{peak:>{width}.0f}{figures['gflops'] / peak:>7.0%}"
            if peak
            else f"{'-':>{width}}{'-':>7}"
        )
    print("".join(cells) + f"  {figures['precision']}", flush=True)
