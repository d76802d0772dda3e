"""What the keys change in how a live view dreams (pure)."""

import dataclasses

from dreamstream.config import DEFAULT_MODEL, MOST_STRENGTH, PRESETS, DreamConfig, Look
from dreamstream.models.catalog import find_model

_LOOK = {field.name for field in dataclasses.fields(Look)} - {"dream_size"}
_KEPT = [
    field.name
    for field in dataclasses.fields(DreamConfig)
    if field.name != "preset" and field.name not in _LOOK
]
"""Settings that are no part of a preset's look."""

STRENGTH_STEP = 0.1
"""What a key press adds to the strength, or takes from it."""


def next_preset(config: DreamConfig) -> DreamConfig:
    """Return the look after this one, of those that the same network can dream.

    The next preset sets its own look; all other settings stay.
    """
    names = [
        name
        for name, preset in PRESETS.items()
        if preset.model in (DEFAULT_MODEL, config.model) or name == config.preset
    ]
    following = names[(names.index(config.preset) + 1) % len(names)]
    kept = {name: getattr(config, name) for name in _KEPT}
    return DreamConfig(preset=following, **kept)


def single_layer(config: DreamConfig, number: int) -> DreamConfig | None:
    """Return the look that one layer alone makes; None where the network has not so many.

    Args:
        config: The look so far.
        number: Of the layers worth a try, from 1, the shallowest.
    """
    layers = list(find_model(config.model).layers)
    if number > len(layers):
        return None
    return dataclasses.replace(config, layers={layers[number - 1]: 1.0})


def toggled_guide(config: DreamConfig, weight: float) -> DreamConfig | None:
    """Return the look without its guide, or with it again; None where there is none.

    Args:
        config: The look so far.
        weight: How much the guide decides where it is brought back; 0 is in full.
    """
    if config.guide is None:
        return None
    return config.changed(guide_weight=0.0 if config.guide_weight else weight or 1.0)


def name_look(config: DreamConfig) -> str:
    """Name a look by its preset, or by its layers where they are not the preset's."""
    if config.layers == PRESETS[config.preset].look(config.model).layers:
        return config.preset
    return " + ".join(config.layers)


def next_strength(strength: float, *, stronger: bool) -> float:
    """Return the strength after a key press."""
    after = strength + (STRENGTH_STEP if stronger else -STRENGTH_STEP)
    return min(max(round(after, 2), 0.0), MOST_STRENGTH)
