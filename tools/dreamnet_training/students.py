"""Networks that dreamnet can be trained to be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from dreamstream.models.design import (
    PICTURE,
    Design,
    Operation,
    contrast,
    convolution,
    join,
    maxima,
)
from dreamstream.models.dreamnet import PLAIN_CHAIN

from .googlenet import GOOGLENET_LAYERS


def _module(name: str, source: str, one: int, few: int, many: int) -> Iterable[Operation]:
    """Describe a module of two branches: what GoogLeNet's four give, in their order.

    Its 3x3 branch stands in for those of 5x5 and of maxima too. A branch of maxima would take as
    long as all else in the module.

    Args:
        name: Of the module.
        source: What it takes.
        one: Channels of its 1x1 branch.
        few: Channels of the 1x1 convolution of the other branch.
        many: Channels of the 3x3 convolution after it.
    """
    yield convolution(f"{name}_point", source, one)
    yield convolution(f"{name}_squeeze", source, few)
    yield convolution(f"{name}_look", f"{name}_squeeze", many, 3)
    yield join(name, (f"{name}_point", f"{name}_look"))


def _bottleneck(name: str, source: str, few: int, some: int, many: int) -> Iterable[Operation]:
    """Describe 1x1, 3x3 and 1x1 convolutions in turn."""
    yield convolution(f"{name}_squeeze", source, few)
    yield convolution(f"{name}_look", f"{name}_squeeze", some, 3)
    yield convolution(name, f"{name}_look", many)


def _modules() -> Design:
    """GoogLeNet's own modules to 4d, thin where they are costly, with two branches each."""
    operations = [
        convolution("conv1", PICTURE, 48, 5, 2),
        maxima("conv1_halved", "conv1"),
        contrast("conv1_contrast", "conv1_halved"),
        convolution("conv2_squeeze", "conv1_contrast", 32),
        convolution("conv2", "conv2_squeeze", 192, 3),
        maxima("conv2_halved", "conv2"),
        *_module("3a", "conv2_halved", 64, 48, 192),
        *_module("3b", "3a", 128, 56, 352),
        maxima("3b_halved", "3b"),
        *_module("4a", "3b_halved", 192, 96, 320),
        *_module("4b", "4a", 160, 112, 352),
        *_module("4c", "4b", 128, 112, 384),
        *_module("4d", "4c", 112, 128, 416),
    ]
    return Design(tuple(operations), GOOGLENET_LAYERS[:-1])


def _chain() -> Design:
    """One chain of bottlenecks to 4d."""
    operations = [
        convolution("conv1", PICTURE, 48, 5, 2),
        maxima("conv1_halved", "conv1"),
        *_bottleneck("conv2", "conv1_halved", 32, 96, 192),
        maxima("conv2_halved", "conv2"),
        *_bottleneck("3a", "conv2_halved", 64, 128, 256),
        *_bottleneck("3b", "3a", 96, 160, 480),
        maxima("3b_halved", "3b"),
        *_bottleneck("4a", "3b_halved", 128, 208, 512),
        *_bottleneck("4b", "4a", 128, 208, 512),
        *_bottleneck("4c", "4b", 128, 224, 512),
        *_bottleneck("4d", "4c", 144, 256, 528),
    ]
    return Design(tuple(operations), GOOGLENET_LAYERS[:-1])


STUDENTS: Mapping[str, Design] = MappingProxyType(
    {"plain": PLAIN_CHAIN, "modules": _modules(), "chain": _chain()}
)
"""Each by its name: ``plain`` is for a teacher of five layers, the others for GoogLeNet."""
