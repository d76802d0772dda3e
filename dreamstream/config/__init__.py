"""Every setting and every default, once.

The command line derives its flags from the fields of :class:`DreamConfig`, :class:`MediaConfig`,
:class:`LiveConfig` and :class:`ControlConfig`; a TOML file may set the same names.
"""

from dreamstream.config.controls import ControlConfig
from dreamstream.config.dream import (
    FLOWS,
    MOST_MASK_BLUR,
    MOST_STRENGTH,
    OCTAVE_RULES,
    PRECISIONS,
    RAW_MAX_LOSS,
    TILINGS,
    DreamConfig,
)
from dreamstream.config.layer_terms import LayerTerm
from dreamstream.config.live import LiveConfig
from dreamstream.config.media import ANIMATION_RATE, CLIP_RATE, CLIP_SECONDS, MediaConfig
from dreamstream.config.presets import (
    DEFAULT_MODEL,
    DEFAULT_PRESET,
    ORIGINAL_PRESET,
    OTHER_MODELS,
    PRESETS,
    Look,
    Preset,
)

__all__ = [
    "ANIMATION_RATE",
    "CLIP_RATE",
    "CLIP_SECONDS",
    "DEFAULT_MODEL",
    "DEFAULT_PRESET",
    "FLOWS",
    "MOST_MASK_BLUR",
    "MOST_STRENGTH",
    "OCTAVE_RULES",
    "ORIGINAL_PRESET",
    "OTHER_MODELS",
    "PRECISIONS",
    "PRESETS",
    "RAW_MAX_LOSS",
    "TILINGS",
    "ControlConfig",
    "DreamConfig",
    "LayerTerm",
    "LiveConfig",
    "Look",
    "MediaConfig",
    "Preset",
]
