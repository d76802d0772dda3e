"""The optimizer: Muon for kernels, Adam for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from dreamstream.models.contrast import WEIGHTS_NAME

NARROW = 8
"""Inputs of a kernel up to which Adam trains it."""

ADAM_RATIO = 0.15


class KernelMuon(keras.optimizers.Muon):  # type: ignore[misc]
    """Muon (Jordan et al. 2024) on a convolution's kernel, as a matrix of its window's inputs.

    Each step's momentum is made orthogonal, so that directions in which the maps differ little
    are learned as fast as those in which they differ much.
    """

    def __init__(self, learning_rate: float) -> None:
        """Set it up; what Adam trains learns at ``ADAM_RATIO`` of the rate."""
        super().__init__(
            learning_rate, weight_decay=None, adam_weight_decay=None, adam_lr_ratio=ADAM_RATIO
        )

    def _should_use_adamw(self, variable: Any) -> bool:
        weighs = variable.name == WEIGHTS_NAME
        return weighs or len(variable.shape) != 4 or variable.shape[2] <= NARROW

    def _muon_update_step(self, gradient: Any, variable: Any, lr: Any, m: Any) -> None:
        self.assign(m, self.momentum * m + gradient)
        ahead = keras.ops.reshape(gradient + self.momentum * m, _matrix_of(variable.shape))
        update = self.lr_adjust(lr * self.zeropower_via_newtonschulz5(ahead, self.ns_steps))
        self.assign_sub(variable, keras.ops.reshape(update, variable.shape))


def _matrix_of(shape: Sequence[int]) -> tuple[int, int]:
    height, width, inputs, outputs = shape
    return height * width * inputs, outputs
