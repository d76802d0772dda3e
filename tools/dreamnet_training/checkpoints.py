"""A training's state on disk: to resume it, and to export its network."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dreamstream.models.design import Design
from dreamstream.models.dreamnet import (
    DESIGN_KEY,
    SCALES_KEY,
    WEIGHT_PARTS,
    set_weights,
    weighted_layers,
)

Arrays = Mapping[str, NDArray[Any]]

LATEST = "latest.npz"
FORMAT = "step-{:07d}.npz"


@dataclass
class Progress:
    """How far a training has come.

    Attributes:
        steps: Steps taken.
        seconds: Spent on them.
        forced: Whether norms stand beside the weights that belong into them.
    """

    steps: int = 0
    seconds: float = 0.0
    forced: bool = False


def model_arrays(model: keras.Model) -> dict[str, NDArray[Any]]:
    """Give a network's weights as "<layer>/kernel" and "<layer>/bias" arrays."""
    return {
        f"{layer.name}/{part}": np.asarray(value)
        for layer in weighted_layers(model)
        for part, value in zip(WEIGHT_PARTS, layer.get_weights(), strict=False)
    }


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write an .npz whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp.npz")
    keywords: Any = dict(arrays)
    np.savez_compressed(temporary, **keywords)
    os.replace(temporary, path)


def export(design: Design, model: keras.Model, scales: NDArray[Any], path: Path) -> None:
    """Write a network as the package bundles it.

    Args:
        design: What it is built of.
        model: The network.
        scales: (layers,) reciprocal of each layer's mean square on held-out photos.
        path: Where; float16 weights and float32 scales.
    """
    weights = {name: array.astype(np.float16) for name, array in model_arrays(model).items()}
    write_arrays(path, {**weights, **_about(design, scales)})


def _about(design: Design, scales: NDArray[Any]) -> dict[str, NDArray[Any]]:
    return {SCALES_KEY: scales.astype(np.float32), DESIGN_KEY: np.array(design.to_json())}


def save(
    folder: Path,
    design: Design,
    model: keras.Model,
    state: Sequence[keras.Variable | tf.Variable],
    scales: NDArray[Any],
    progress: Progress,
) -> None:
    """Keep the network under its step's name, and all that a resumed training needs.

    Args:
        folder: Made if need be; outside of any clone.
        design: What the network is built of.
        model: The network, which is written in full precision; under its step's name only where
            it is whole without norms.
        state: All else that changes in a training, in an order that stays.
        scales: (layers,) as `export` takes them.
        progress: So far.
    """
    weights = {**model_arrays(model), **_about(design, scales)}
    if not progress.forced:
        write_arrays(folder / FORMAT.format(progress.steps), weights)
    kept = {f"state/{number}": np.asarray(value) for number, value in enumerate(state)}
    reached = {name: np.array(value) for name, value in asdict(progress).items()}
    write_arrays(folder / LATEST, {**weights, **kept, **reached})


def resume(
    folder: Path, model: keras.Model, state: Sequence[keras.Variable | tf.Variable]
) -> Progress | None:
    """Take up a training where `save` left it.

    Returns:
        Its progress; None if the folder holds no training.
    """
    path = folder / LATEST
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as archive:
        set_weights(model, archive)
        for number, variable in enumerate(state):
            variable.assign(archive[f"state/{number}"])
        return Progress(**{field.name: archive[field.name].item() for field in fields(Progress)})
