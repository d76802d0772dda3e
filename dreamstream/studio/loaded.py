"""Dreamers that stay loaded, so that a knob costs no new network (TensorFlow)."""

import dataclasses
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

from dreamstream.config import DreamConfig
from dreamstream.dream.changeable import FIXED
from dreamstream.dream.dreamer import Dreamer

MOST_KEPT = 8
"""Dreamers kept: each holds some 50 MB of traced graphs."""


class LoadedDreamers:
    """Lends dreamers, one for each set of what a dreamer keeps for its life.

    Attributes:
        made: How many were made so far; TensorFlow keeps a part of each.
    """

    def __init__(self) -> None:
        self.made = 0
        self._kept: OrderedDict[Hashable, Dreamer] = OrderedDict()

    def lend(self, config: DreamConfig) -> Dreamer:
        """Return a dreamer of a configuration, as if new.

        Raises:
            ModelError: There is no such model or layer, or the weights can't be had.
        """
        key = kept_for_life(config)
        dreamer = self._kept.pop(key, None)
        if dreamer is not None:
            try:
                dreamer.change(**values_of(config))
            except ValueError:  # it differs in more than this module knows of
                dreamer = None
        if dreamer is None:
            dreamer = Dreamer(config)
            self.made += 1
        self._kept[key] = dreamer
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        dreamer.reset()
        return dreamer


def kept_for_life(config: DreamConfig) -> Hashable:
    """Return what tells configurations apart that no one dreamer can dream."""
    fixed = tuple(str(getattr(config, name)) for name in FIXED)
    return *fixed, tuple(config.layers), config.is_original


def values_of(config: DreamConfig) -> dict[str, Any]:
    """Return all of a configuration's fields."""
    return {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
