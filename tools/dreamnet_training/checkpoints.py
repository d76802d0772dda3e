"""A training's state on disk: to resume it, and to export its network."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from dreamstream.models.dreamnet import SCALES_KEY, weighted_layers

Arrays = Mapping[str, NDArray[Any]]

LATEST = "latest.npz"
FORMAT = "step-{:07d}.npz"


@dataclass
class Progress:
    """How far a training has come: steps taken and seconds spent on them."""

    steps: int = 0
    seconds: float = 0.0


def model_arrays(model: keras.Model) -> dict[str, NDArray[Any]]:
    """Give a network's weights as "<layer>/kernel" and "<layer>/bias" arrays."""
    return {
        f"{layer.name}/{part}": np.asarray(value)
        for layer in weighted_layers(model)
        for part, value in zip(("kernel", "bias"), layer.get_weights(), strict=True)
    }


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write an .npz whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp.npz")
    keywords: Any = dict(arrays)
    np.savez_compressed(temporary, **keywords)
    os.replace(temporary, path)


def export(model: keras.Model, scales: NDArray[Any], path: Path) -> None:
    """Write a network as the package bundles it.

    Args:
        model: The network.
        scales: (layers,) reciprocal of each layer's mean square on held-out photos.
        path: Where; float16 weights and float32 scales.
    """
    weights = {name: array.astype(np.float16) for name, array in model_arrays(model).items()}
    write_arrays(path, {**weights, SCALES_KEY: scales.astype(np.float32)})


def save(
    folder: Path,
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    scales: NDArray[Any],
    progress: Progress,
) -> None:
    """Keep the network under its step's name, and all that a resumed training needs.

    Args:
        folder: Made if need be; outside of any clone.
        model: The network, which is written in full precision.
        optimizer: Its optimizer.
        scales: (layers,) as `export` takes them.
        progress: So far.
    """
    weights = {**model_arrays(model), SCALES_KEY: scales.astype(np.float32)}
    write_arrays(folder / FORMAT.format(progress.steps), weights)
    moments = {f"optimizer/{i}": np.asarray(v) for i, v in enumerate(optimizer.variables)}
    state = {"steps": np.array(progress.steps), "seconds": np.array(progress.seconds)}
    write_arrays(folder / LATEST, {**weights, **moments, **state})


def resume(
    folder: Path, model: keras.Model, optimizer: keras.optimizers.Optimizer
) -> Progress | None:
    """Take up a training where `save` left it.

    Returns:
        Its progress; None if the folder holds no training.
    """
    path = folder / LATEST
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as archive:
        for layer in weighted_layers(model):
            layer.set_weights([archive[f"{layer.name}/{part}"] for part in ("kernel", "bias")])
        for number, variable in enumerate(optimizer.variables):
            variable.assign(archive[f"optimizer/{number}"])
        return Progress(int(archive["steps"]), float(archive["seconds"]))
