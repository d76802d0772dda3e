"""The presets: named looks, each with what it needs for every network."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

DEFAULT_MODEL = "dreamnet"
DEFAULT_PRESET = "menagerie"
ORIGINAL_PRESET = "classic"

OTHER_MODELS = ""
"""Key of the look for networks that a preset doesn't name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a preset dreams with one network: values for the fields of the same names."""

    layers: Mapping[str, float]
    octaves: int = 4
    octave_scale: float = 1.4
    steps: int = 1
    first_steps: int = 12
    step_size: float = 0.007
    max_loss: float | None = 150.0
    jitter: int = 8
    smoothing: float = 1.9
    evenness: float = 0.8
    chroma: float = 0.35
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


def _for_video(about: str, look: Look) -> Preset:
    """Make a preset that chooses layers by their depth, which every network has."""
    inception = replace(look, max_loss=10.0)
    return Preset(about, {DEFAULT_MODEL: look, "inception_v3": inception, OTHER_MODELS: look})


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
        "menagerie": _for_video(
            "animals and their faces, whole and furry", Look(layers={"animals": 1.0})
        ),
        "creatures": _for_video(
            "whole, stranger beings", Look(layers={"creatures": 1.0, "patterns": 0.3})
        ),
        "eyes": _for_video("eyes, beaks and feathers everywhere", Look(layers={"eyes": 1.0})),
        "tapestry": _for_video(
            "woven ornaments and scales", Look(layers={"patterns": 1.0}, octaves=3)
        ),
        "brush": _for_video(
            "strokes of a painter",
            Look(layers={"textures": 1.0}, octaves=3, step_size=0.006, smoothing=1.6),
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
