"""What dreamnet is built of, as a value: a file of its weights says so itself.

Loads no TensorFlow.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

PICTURE = "picture"
PICTURE_CHANNELS = 3

CONVOLUTION, MAXIMA, JOIN, CONTRAST = "convolution", "maxima", "join", "contrast"
KINDS = (CONVOLUTION, MAXIMA, JOIN, CONTRAST)

Value = TypeVar("Value")


@dataclass(frozen=True)
class Operation:
    """One operation of a network; every window is padded at the borders ("same").

    Attributes:
        name: Of the operation, and of its weights.
        kind: ``convolution``, with a ReLU; ``maxima``, the greatest of each window; ``join``, all
            inputs' channels one behind another; ``contrast``, each channel divided by what it
            and others hold at its place (see :class:`dreamstream.models.operations.Contrast`).
        inputs: Names of the operations whose outputs it takes, or :data:`PICTURE`.
        filters: Output channels of a convolution.
        side: Height and width of the window.
        strides: 2 halves the map.
        linear: Whether a convolution has no ReLU: it and the one after it are one of fewer
            weights.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    filters: int = 0
    side: int = 1
    strides: int = 1
    linear: bool = False

    @property
    def weighted(self) -> bool:
        """Whether it has weights."""
        return self.kind in (CONVOLUTION, CONTRAST)


@dataclass(frozen=True)
class Design:
    """A network: its operations, each after those whose outputs it takes.

    Attributes:
        operations: From the picture on.
        layers: Names of those that are read, from shallow to deep.

    Raises:
        ValueError: It takes what isn't there, or is otherwise not a network.
    """

    operations: tuple[Operation, ...]
    layers: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        known = {PICTURE}
        for operation in self.operations:
            _require_sound(operation, known)
            known.add(operation.name)
        if missing := [layer for layer in self.layers if layer not in known - {PICTURE}]:
            raise ValueError(f"the network has no operation {', '.join(missing)}")

    def walk(self, start: Value, step: Callable[[Operation, Sequence[Value]], Value]) -> dict[
        str, Value
    ]:  # fmt: skip
        """Go through the network, and make a value of each operation's.

        Args:
            start: The picture's value.
            step: From an operation and its inputs' values to its own.

        Returns:
            Name of the operation to its value.
        """
        values = {PICTURE: start}
        for operation in self.operations:
            values[operation.name] = step(operation, [values[name] for name in operation.inputs])
        del values[PICTURE]
        return values

    @cached_property
    def channels(self) -> Mapping[str, int]:
        """Each operation's channels."""
        return self.walk(PICTURE_CHANNELS, lambda operation, taken: operation.filters or sum(taken))

    @cached_property
    def strides(self) -> Mapping[str, int]:
        """Pixels of the picture from one place of each operation's map to the next."""
        return self.walk(1, lambda operation, taken: operation.strides * taken[0])

    def inputs_of(self, operation: Operation) -> int:
        """Count the channels that an operation takes."""
        return sum(
            PICTURE_CHANNELS if name == PICTURE else self.channels[name]
            for name in operation.inputs
        )

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Give the shape of each array of weights by its name."""
        shapes: dict[str, tuple[int, ...]] = {}
        for operation in self.operations:
            taken = self.inputs_of(operation)
            if operation.weighted:
                window = (operation.side, operation.side)
                shapes[f"{operation.name}/kernel"] = (*window, taken, operation.filters or taken)
            if operation.kind == CONVOLUTION:
                shapes[f"{operation.name}/bias"] = (operation.filters,)
        return shapes

    def cut(self, layers: Iterable[str]) -> Design:
        """Keep what some layers depend on.

        Args:
            layers: Names of operations, in the order in which they are wanted.
        """
        layers = tuple(layers)
        needed = set(layers)
        for operation in reversed(self.operations):
            if operation.name in needed:
                needed.update(operation.inputs)
        kept = tuple(operation for operation in self.operations if operation.name in needed)
        return Design(kept, layers)

    def with_filters(self, filters: Mapping[str, int]) -> Design:
        """Give the same network with other numbers of channels.

        Args:
            filters: Name of a convolution to its output channels.
        """
        return Design(
            tuple(
                replace(each, filters=filters.get(each.name, each.filters))
                if each.kind == CONVOLUTION
                else each
                for each in self.operations
            ),
            self.layers,
        )

    def to_json(self) -> str:
        """Write it as text, defaults left out."""
        defaults = {"filters": 0, "side": 1, "strides": 1, "linear": False}
        operations = [
            {key: value for key, value in asdict(each).items() if value != defaults.get(key)}
            for each in self.operations
        ]
        return json.dumps({"operations": operations, "layers": self.layers}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Design:
        """Read what `to_json` wrote.

        Raises:
            ValueError: It is no such text, or no network.
        """
        try:
            read: dict[str, Any] = json.loads(text)
            operations = [
                Operation(**{**each, "inputs": tuple(each["inputs"])})
                for each in read["operations"]
            ]
            return cls(tuple(operations), tuple(read["layers"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"the network's description cannot be read: {error}") from error


def _require_sound(operation: Operation, known: set[str]) -> None:
    name, inputs = operation.name, operation.inputs
    if operation.kind not in KINDS:
        raise ValueError(f"{name} is a {operation.kind}; operations are {', '.join(KINDS)}")
    if name in known or not inputs or (operation.kind != JOIN and len(inputs) != 1):
        raise ValueError(f"{name} is there twice, or takes {len(inputs)} maps")
    if missing := [taken for taken in inputs if taken not in known]:
        raise ValueError(f"{name} takes {', '.join(missing)}, which isn't there before it")
    if (operation.kind == CONVOLUTION) != (operation.filters > 0):
        raise ValueError(f"{name} is a {operation.kind} of {operation.filters} filters")


def convolution(name: str, taken: str, filters: int, side: int = 1, strides: int = 1) -> Operation:
    """Describe a convolution with a ReLU."""
    return Operation(name, CONVOLUTION, (taken,), filters, side, strides)


def linear(name: str, taken: str, filters: int, side: int = 1) -> Operation:
    """Describe a convolution without a ReLU."""
    return Operation(name, CONVOLUTION, (taken,), filters, side, linear=True)


def maxima(name: str, taken: str, strides: int = 2) -> Operation:
    """Describe the maxima of each 3x3."""
    return Operation(name, MAXIMA, (taken,), side=3, strides=strides)


def join(name: str, taken: Iterable[str]) -> Operation:
    """Describe a concatenation."""
    return Operation(name, JOIN, tuple(taken))


def contrast(name: str, taken: str) -> Operation:
    """Describe a division of channels by each other."""
    return Operation(name, CONTRAST, (taken,))
