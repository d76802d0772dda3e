"""Which settings may change between two frames."""

from dreamstream.config import DreamConfig

FIXED = (
    *("model", "weights", "guide", "octave_rule", "tile", "seed", "jitter"),
    *("flow", "no_cuts", "precision", "device", "threads", "mask"),
)
"""Settings that a dreamer keeps for its life; so are the names of the layers, and whether the
preset is the original program's."""


def require_changeable(before: DreamConfig, after: DreamConfig) -> None:
    """Raise a ValueError where settings differ that a dreamer keeps for its life."""
    for name in FIXED:
        if getattr(before, name) != getattr(after, name):
            raise ValueError(f"{name}: can't change between frames; make another Dreamer")
    if list(before.layers) != list(after.layers):
        raise ValueError(
            f"layers: only coefficients of {', '.join(before.layers)} can change between frames; "
            "make another Dreamer"
        )
    if before.is_original != after.is_original:
        raise ValueError(
            f"preset: {before.preset} and {after.preset} ascend by different rules; make another "
            "Dreamer"
        )
