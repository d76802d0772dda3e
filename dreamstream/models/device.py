"""What a network runs on and the type that it computes in (loads TensorFlow at the last moment).

Devices and threads are the whole process's: TensorFlow takes them before it runs anything, and
never again.
"""

import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dreamstream.config import DreamConfig
from dreamstream.errors import DeviceError
from dreamstream.machine import processor_flags

Capability = tuple[int, int]

_MATRIX_UNITS, _VECTOR_PRODUCTS = "amx_bf16", "avx512_bf16"
"""What makes bfloat16 fast; without either it is emulated, several times slower than float32."""

_INTEL_SINCE_AMX, _AMD = "avx512_fp16", "sse4a"
"""Intel's processors with AMX do vector products of bfloat16 at half the rate of float32 (measured
on one whose virtual machine hides AMX: 163 GFLOP/s against 318 in float32); AMD's at twice it."""

_BFLOAT16_CAPABILITY, _FLOAT16_CAPABILITY = (8, 0), (7, 0)
"""Compute capabilities of the first NVIDIA GPUs with matrix units for them: Ampere and Volta."""

_GPUS = Path("/proc/driver/nvidia/gpus")

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Engine:
    """How a network computes.

    Attributes:
        precision: "float32", "bfloat16" or "float16".  Pictures, loss and the normalisation of
            gradients are float32 whatever it is.
        compiled: Whether XLA compiles the network: on a GPU.  On a CPU it is slower for it.
    """

    precision: str = "float32"
    compiled: bool = False


def choose_precision(
    wanted: str, flags: frozenset[str], capability: Capability | None = None
) -> str:
    """Choose the type in which the hardware is fastest.

    Args:
        wanted: As ``--precision`` takes it; all but "auto" is what is chosen.
        flags: The processor's, as Linux names them.
        capability: The GPU's compute capability; None on a CPU.

    Returns:
        "float32", "bfloat16" or "float16".
    """
    if wanted != "auto":
        return wanted
    if capability is None:
        return "bfloat16" if is_fast_in_bfloat16(flags) else "float32"
    if capability >= _BFLOAT16_CAPABILITY:
        return "bfloat16"
    return "float16" if capability >= _FLOAT16_CAPABILITY else "float32"


def is_fast_in_bfloat16(flags: frozenset[str]) -> bool:
    """Return whether a processor is faster in bfloat16 than in float32.

    Args:
        flags: The processor's, as Linux names them.
    """
    slow_products = _INTEL_SINCE_AMX in flags and _AMD not in flags
    return _MATRIX_UNITS in flags or (_VECTOR_PRODUCTS in flags and not slow_products)


def choose_gpu(wanted: str, gpus: int) -> int | None:
    """Choose among GPUs.

    Args:
        wanted: As ``--device`` takes it.
        gpus: How many TensorFlow can use.

    Returns:
        The GPU's number; None is the CPU.

    Raises:
        DeviceError: There is no such GPU.
    """
    if wanted == "cpu" or (wanted == "auto" and not gpus):
        return None
    number = int(wanted.partition(":")[2] or 0)
    if number >= gpus:
        there = f"gpu:0 to gpu:{gpus - 1}" if gpus else "no GPU"
        raise DeviceError(
            f"--device: there is no {wanted}, TensorFlow finds {there}; take another or cpu (on "
            "Linux pip install '.[cuda]' in dreamstream's source folder installs what NVIDIA's "
            "GPUs need)"
        )
    return number


def describe_hardware() -> str:
    """Name what ``auto`` chooses by, without loading TensorFlow."""
    gpus = len(list(_GPUS.iterdir())) if _GPUS.is_dir() else 0
    precision = choose_precision("auto", processor_flags())
    return f"a processor for {precision}" + (f" with NVIDIA GPUs ({gpus})" if gpus else "")


def claim_engine(config: DreamConfig) -> Engine:
    """Bind this process to the configuration's device and threads.

    To ask again for the same is free.

    Args:
        config: Whose ``device``, ``threads`` and ``precision`` count.

    Returns:
        How its network computes.

    Raises:
        DeviceError: There is no such device, or TensorFlow runs already on other terms.
    """
    import tensorflow as tf

    _set_threads(tf, config.threads)
    gpu = _claim_gpu(tf, config.device)
    details = {} if gpu is None else tf.config.experimental.get_device_details(gpu)
    capability = None if gpu is None else details.get("compute_capability", (0, 0))
    # what follows the original program to the letter follows its numbers
    wanted = "float32" if config.is_original and config.precision == "auto" else config.precision
    precision = choose_precision(wanted, processor_flags(), capability)
    _LOG.info("dreaming in %s on %s", precision, details.get("device_name", "the CPU"))
    return Engine(precision, compiled=gpu is not None)


def _set_threads(tf: Any, threads: int) -> None:
    if not threads:
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    except RuntimeError as error:
        raise _too_late(f"--threads {threads}") from error


def _claim_gpu(tf: Any, wanted: str) -> Any:
    """Hide all devices but the wanted one; give it, None where it is the CPU."""
    auto = wanted == "auto"
    gpus = tf.config.get_visible_devices("GPU") if auto else tf.config.list_physical_devices("GPU")
    number = choose_gpu(wanted, len(gpus))
    chosen = [] if number is None else [gpus[number]]
    if not auto:
        _show_only(tf, chosen, wanted)
    _let_memory_grow(tf, gpus if auto else chosen)
    return chosen[0] if chosen else None


def _show_only(tf: Any, chosen: Sequence[Any], wanted: str) -> None:
    try:
        tf.config.set_visible_devices(chosen, "GPU")
    except RuntimeError as error:
        raise _too_late(f"--device {wanted}") from error


def _let_memory_grow(tf: Any, gpus: Sequence[Any]) -> None:
    """Take a GPU's memory as it is needed: TensorFlow would take it all, from other programs too.

    One that runs already has its memory; that is no reason to give up.
    """
    for gpu in gpus:
        with contextlib.suppress(RuntimeError):
            tf.config.experimental.set_memory_growth(gpu, True)


def _too_late(what: str) -> DeviceError:
    return DeviceError(
        f"{what}: TensorFlow runs already on other terms in this process; ask for it before "
        "anything else uses TensorFlow, or leave it out"
    )
