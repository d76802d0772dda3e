"""What a name in ``layers`` stands for: a whole layer, one of its channels, or a range of them."""

import re
from dataclasses import dataclass

_TERM = re.compile(r"(?P<layer>[^:]+)(?::(?P<first>\d{1,6})(?:-(?P<last>\d{1,6}))?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class LayerTerm:
    """A layer, or some of its channels.

    Attributes:
        layer: The layer's name or its depth word.
        channels: Numbers of the first and the last channel, from 0; None is the whole layer.
    """

    layer: str
    channels: tuple[int, int] | None = None

    @classmethod
    def parse(cls, name: str) -> "LayerTerm":
        """Read ``layer``, ``layer:channel`` or ``layer:first-last``.

        Raises:
            ValueError: It is none of these; the message says so.
        """
        found = _TERM.fullmatch(name)
        if found is None:
            raise ValueError(f"{name!r} is neither LAYER, LAYER:CHANNEL nor LAYER:FIRST-LAST")
        if found["first"] is None:
            return cls(found["layer"])
        first = int(found["first"])
        last = int(found["last"] or first)
        if last < first:
            layer = found["layer"]
            raise ValueError(f"{name!r} ends before it begins; give {layer}:{last}-{first}")
        return cls(found["layer"], (first, last))

    def __str__(self) -> str:
        if self.channels is None:
            return self.layer
        first, last = self.channels
        return f"{self.layer}:{first}" if first == last else f"{self.layer}:{first}-{last}"
