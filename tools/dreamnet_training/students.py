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
    linear,
    maxima,
)

from .googlenet import GOOGLENET_LAYERS


def _pair(number: int, layer: str, taken: str, few: int, many: int) -> tuple[Operation, ...]:
    """Describe a 1x1 convolution to a few channels and a 3x3 one to many.

    The arithmetic of the many is cheap where the few are looked at.
    """
    squeeze = f"squeeze{number}"
    return convolution(squeeze, taken, few), convolution(layer, squeeze, many, 3)


#: What the first dreamnet was, taught by SqueezeNet.
PLAIN_CHAIN = Design(
    (
        convolution("conv1", PICTURE, 64, 3, 2),
        maxima("squeeze2_pool", "conv1"),
        *_pair(2, "expand2", "squeeze2_pool", 16, 128),
        *_pair(3, "textures", "expand2", 16, 128),
        maxima("squeeze4_pool", "textures"),
        *_pair(4, "expand4", "squeeze4_pool", 32, 256),
        *_pair(5, "patterns", "expand4", 32, 256),
        maxima("squeeze6_pool", "patterns"),
        *_pair(6, "eyes", "squeeze6_pool", 48, 384),
        *_pair(7, "faces", "eyes", 48, 384),
        *_pair(8, "creatures", "faces", 64, 512),
    ),
    ("textures", "patterns", "eyes", "faces", "creatures"),
)


def _inception(
    name: str, source: str, filters: tuple[int, int, int, int, int, int], ranks: tuple[int, int]
) -> Iterable[Operation]:
    """Describe a module of GoogLeNet's, thin where it is costly.

    A 3x3 convolution is one to fewer channels and a 1x1 one without anything between, its outputs
    lie near a plane of so many dimensions; so is 5x5 where a rank is given.  The branch of
    maxima is one 1x1 and one 3x3 convolution: maxima of stride 1 take as long as all else.

    Args:
        name: Of the module.
        source: What it takes.
        filters: The teacher's: 1x1, 3x3 reduced, 3x3, 5x5 reduced, 5x5, after the maxima.
        ranks: Channels between the two halves of 3x3 and of 5x5; 0 for one whole.
    """
    one, few, many, little, some, rest = filters
    yield convolution(f"{name}_1x1", source, one)
    yield convolution(f"{name}_3x3_reduce", source, few)
    yield linear(f"{name}_3x3_rank", f"{name}_3x3_reduce", ranks[0], 3)
    yield convolution(f"{name}_3x3", f"{name}_3x3_rank", many)
    yield convolution(f"{name}_5x5_reduce", source, little)
    if ranks[1]:
        yield linear(f"{name}_5x5_rank", f"{name}_5x5_reduce", ranks[1], 5)
        yield convolution(f"{name}_5x5", f"{name}_5x5_rank", some)
    else:
        yield convolution(f"{name}_5x5", f"{name}_5x5_reduce", some, 5)
    yield linear(f"{name}_pool_reduce", source, rest)
    yield convolution(f"{name}_pool_proj", f"{name}_pool_reduce", rest, 3)
    yield join(name, (f"{name}_{branch}" for branch in ("1x1", "3x3", "5x5", "pool_proj")))


def _thinned() -> Design:
    """GoogLeNet to 4d with its four branches, the windows of low rank."""
    operations = [
        convolution("conv1", PICTURE, 64, 7, 2),
        maxima("pool1", "conv1"),
        contrast("norm1", "pool1"),
        convolution("conv2_reduce", "norm1", 64),
        linear("conv2_rank", "conv2_reduce", 56, 3),
        convolution("conv2_3x3", "conv2_rank", 192),
        maxima("pool2", "conv2_3x3"),
        contrast("conv2", "pool2"),
        *_inception("3a", "conv2", (64, 96, 128, 16, 32, 32), (64, 0)),
        *_inception("3b", "3a", (128, 128, 192, 32, 96, 64), (80, 48)),
        maxima("pool3", "3b"),
        *_inception("4a", "pool3", (192, 96, 208, 16, 48, 64), (72, 0)),
        *_inception("4b", "4a", (160, 112, 224, 24, 64, 64), (72, 0)),
        *_inception("4c", "4b", (128, 128, 256, 24, 64, 64), (80, 0)),
        *_inception("4d", "4c", (112, 144, 288, 32, 64, 64), (88, 0)),
    ]
    return Design(tuple(operations), GOOGLENET_LAYERS[:-1])


STUDENTS: Mapping[str, Design] = MappingProxyType({"plain": PLAIN_CHAIN, "thinned": _thinned()})
"""Each by its name: ``plain`` is for a teacher of five layers, ``thinned`` for GoogLeNet."""
