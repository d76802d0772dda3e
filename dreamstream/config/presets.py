"""The presets: named looks."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

DEFAULT_MODEL = "dreamnet"
DEFAULT_PRESET = "menagerie"
ORIGINAL_PRESET = "classic"


@dataclass(frozen=True, slots=True)
class Preset:
    """A named look: a value for each of these fields of :class:`DreamConfig`."""

    about: str
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
    model: str = DEFAULT_MODEL


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "menagerie": Preset("animals and their faces, whole and furry", {"faces": 1.0}),
        "creatures": Preset("whole, stranger beings", {"creatures": 1.0, "patterns": 0.3}),
        "eyes": Preset("eyes, beaks and feathers everywhere", {"eyes": 1.0}),
        "tapestry": Preset("woven ornaments and scales", {"patterns": 1.0}, octaves=3),
        "brush": Preset(
            "strokes of a painter", {"textures": 1.0}, octaves=3, step_size=0.006, smoothing=1.6
        ),
        "classic": Preset(
            "the original Keras program to the letter, each frame on its own",
            {"mixed2": 0.2, "mixed3": 3.0, "mixed4": 2.0, "mixed5": 1.5},
            octaves=3,
            steps=20,
            first_steps=20,
            step_size=0.01,
            jitter=0,
            smoothing=0.0,
            evenness=0.0,
            chroma=1.0,
            blend=0.0,
            dream_size=None,
            octave_rule="classic",
            model="inception_v3",
        ),
    }
)
