"""The presets: named looks, each with what it needs for every network."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

DEFAULT_MODEL = "dreamnet"
DEFAULT_PRESET = "menagerie"
ORIGINAL_PRESET = "classic"

OTHER_MODELS = ""
"""Key of the look for networks that a preset doesn't name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a preset dreams with one network: values for the fields of the same names."""

    layers: Mapping[str, float]
    octaves: int = 5
    octave_scale: float = 1.4
    steps: int = 1
    first_steps: int = 14
    step_size: float = 0.011
    max_loss: float | None = 150.0
    jitter: int = 12
    smoothing: float = 2.6
    evenness: float = 0.9
    chroma: float = 0.7
    blend: float = 0.97
    dream_size: int | None = 640
    octave_rule: str = "reinject"


@dataclass(frozen=True, slots=True)
class Preset:
    """A named look.

    Attributes:
        about: What it shows, in a few words.
        looks: By the network's name; under :data:`OTHER_MODELS` for all that are not named.
        model: The network that dreams it where none is asked for.
    """

    about: str
    looks: Mapping[str, Look]
    model: str = DEFAULT_MODEL

    def look(self, model: str) -> Look:
        """Return how it dreams with a network."""
        return self.looks.get(model, self.looks[OTHER_MODELS])


def _for_film(about: str, look: Look, inception: Mapping[str, float], **others: Any) -> Preset:
    """Make a preset of layers by their depth, which every network has.

    Args:
        about: What it shows.
        look: With dreamnet.
        inception: Its layers with InceptionV3, whose maps are wider and whose steps must be longer.
        others: What else differs with InceptionV3.
    """
    original_units = replace(look, layers=inception, max_loss=10.0, **{**_INCEPTION, **others})
    return Preset(about, {DEFAULT_MODEL: look, "inception_v3": original_units, OTHER_MODELS: look})


_INCEPTION: Mapping[str, Any] = MappingProxyType(
    {"octaves": 4, "first_steps": 18, "step_size": 0.013, "evenness": 1.0}
)

_CLASSIC = Look(
    layers={"mixed2": 0.2, "mixed3": 3.0, "mixed4": 2.0, "mixed5": 1.5},
    octaves=3,
    steps=20,
    first_steps=20,
    step_size=0.01,
    max_loss=10.0,
    jitter=0,
    smoothing=0.0,
    evenness=0.0,
    chroma=1.0,
    blend=0.0,
    dream_size=None,
    octave_rule="classic",
)

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "menagerie": _for_film(
            "whole glossy animals among temples and trees",
            Look(layers={"animals": 1.0, "places": 1.0}),
            {"eyes": 0.5, "animals": 1.0},
        ),
        "creatures": _for_film(
            "lizards, sea creatures, spines and coral",
            Look(layers={"creatures": 1.0}),
            {"animals": 1.0},
        ),
        "temples": _for_film(
            "golden domes, streets, trees and small figures",
            Look(layers={"places": 1.0}, first_steps=18),
            {"animals": 0.3, "places": 1.0},
        ),
        "aviary": _for_film(
            "birds, long snouts and whole bodies",
            Look(layers={"birds": 1.0}),
            {"eyes": 0.3, "birds": 1.0},
        ),
        "eyes": _for_film(
            "eyes in whorls of fur, petals and spirals",
            Look(layers={"eyes": 1.0}, octaves=4),
            {"eyes": 1.0},
        ),
        "garden": _for_film(
            "animals, brass and small figures in a landscape",
            Look(layers={"eyes": 0.3, "places": 1.0}),
            {"patterns": 0.3, "eyes": 1.0},
        ),
        "feast": _for_film(
            "everything at once, dense and in neon colours",
            Look(
                layers={"eyes": 0.5, "animals": 1.0, "creatures": 1.0, "places": 1.0},
                octaves=4,
                first_steps=18,
                step_size=0.013,
                evenness=1.0,
                chroma=1.0,
            ),
            {"eyes": 0.5, "animals": 1.0},
            step_size=0.0138,
            chroma=0.8,
        ),
        "swarm": _for_film(
            "many small animals everywhere, in vivid colours",
            Look(
                layers={"animals": 1.0, "creatures": 1.0},
                octaves=3,
                first_steps=18,
                step_size=0.014,
                evenness=1.0,
                chroma=1.0,
            ),
            {"animals": 1.0},
            octaves=3,
            step_size=0.014,
        ),
        "reverie": _for_film(
            "calm: pale, soft forms that the picture shines through",
            Look(
                layers={"places": 1.0},
                first_steps=12,
                step_size=0.008,
                chroma=0.5,
            ),
            {"eyes": 1.0},
            first_steps=12,
            step_size=0.008,
        ),
        "tapestry": _for_film(
            "woven ornaments, rings and scales",
            Look(layers={"patterns": 1.0}, octaves=3, chroma=0.5),
            {"patterns": 1.0},
            octaves=3,
            step_size=0.010,
        ),
        "brush": _for_film(
            "folds and pebbles, as of thick paint",
            Look(layers={"textures": 1.0}, octaves=3, step_size=0.007, smoothing=1.6, chroma=0.5),
            {"textures": 1.0},
            octaves=3,
            step_size=0.008,
        ),
        "classic": Preset(
            "the original Keras program to the letter, each frame on its own",
            {
                "inception_v3": _CLASSIC,
                OTHER_MODELS: replace(_CLASSIC, max_loss=150.0),
            },
            model="inception_v3",
        ),
    }
)
