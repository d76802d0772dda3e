"""How to dream."""

import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import InitVar, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dreamstream.config.fields import MOST_WIDTH, option, require, settle_types
from dreamstream.config.layer_terms import LayerTerm
from dreamstream.config.mask_rules import parse_mask
from dreamstream.config.presets import DEFAULT_PRESET, ORIGINAL_PRESET, PRESETS, Look, Preset
from dreamstream.errors import FieldError

OCTAVE_RULES = ("reinject", "classic")
TILINGS = ("auto", "off")
FLOWS = ("fast", "medium", "off")
PRECISIONS = ("auto", "float32", "bfloat16", "float16")

RAW_MAX_LOSS: Mapping[str, float] = MappingProxyType({"inception_v3": 10.0})
"""Highest default ceilings of models whose loss keeps the original program's units; every other
model's layers are scaled so that a photo's mean square is 1."""

MOST_STRENGTH = 2.0

_MOST_OCTAVES, _MOST_SCALE, _MOST_STEPS, _MOST_PIXELS = 64, 16, 100_000, 1000
_MOST_STEP, _MOST_LOSS, _MOST_COEFFICIENT = 2.0, 1e9, 1e6
"""Far beyond all use, and small enough that no number overflows."""

_DEVICE = re.compile(r"auto|cpu|gpu(:\d{1,3})?", re.ASCII)
_MOST_THREADS = 1024

_MOST_SMOOTHING = 4.0
"""The taps of the blur hold no wider one."""

MOST_MASK_BLUR = 250.0
"""Pixels; every pixel of a mask is weighed with as many in each direction."""

_SHAPING = ("jitter", "smoothing", "evenness", "chroma")
"""Settings that the original program doesn't have."""

_FROM_PRESET: Any = object()
"""Default of a field whose value the preset gives; no instance ever holds it."""


@dataclass(frozen=True, kw_only=True)
class DreamConfig:
    """How to dream.  Frozen and validated; what is not given comes from the preset.

    Attributes:
        preset: A name in :data:`PRESETS`.
        model: A name of ``dreamstream --list-models``.
        weights: A file to use instead of the model's own weights: Keras's, or dreamnet's .npz.
        layers: Layer name to the coefficient of its mean-square activation in the loss.  Every
            model also answers to the seven depths textures, patterns, eyes, animals,
            creatures, places, birds.
            ``layer:25`` is a single channel, ``layer:25-30`` are six, with the mean square of
            theirs alone; a negative coefficient pushes away.
        guide: A picture or a film whose forms the dream takes, as the chosen layers see them; of a
            film the frame at the same time since the beginning.
        guide_weight: How much it decides, in [0, 1]; 0 is nothing.
        octaves: How many scales.
        octave_scale: Ratio of neighbouring octaves' sizes, > 1.
        steps: Ascent steps on a warm frame, in the last octave and in one of the others, which
            take turns; in all of them where much is new, and, at least two unless 0, near
            ``max_loss``.  What moves by itself or can't be trusted takes three times as many, and
            new ground a climb through all octaves.
        first_steps: Ascent steps per octave on a cold frame.  A frame that leaves short of a near
            ``max_loss`` takes up to two more on the last octave, or ``steps``.
        step_size: Mean absolute change of a pixel in one step, in the range [-1, 1].
        max_loss: Ceiling of the loss; None is no ceiling.
        strength: How much of a dream, in [0, 2].  Up to 1 a frame shows that share of its
            residual, 0 the source itself; beyond 1 every step, and what a shot is held at, is as
            many times as large.
        jitter: Largest shift before a step, in pixels.
        seed: Chooses the sequence of shifts.
        smoothing: Standard deviation in pixels to which the gradient's blur grows over an
            octave's steps, and a single one has the middle; 0 is no blur.
        evenness: Power, in [0, 1], of the local mean by which the gradient is divided; 0 lets
            strong regions take the whole step, 1 makes every region dream alike.
        chroma: How freely colours change, in [0, 1], against lightness; 1 follows the gradient,
            whose colours are far more vivid than the world's.
        octave_rule: ``reinject`` adds lost detail before it ascends; ``classic`` after it, with
            corner-aligned resizing, as the original program did.
        blend: How much of the carried dream a frame starts from, in [0, 1]; 0 is cold.
        dream_size: Longest side in pixels at which the network works; None is the full size.
        tile: Side in pixels of the tiles in which the network works, not counting what it sees
            around them; ``auto`` is only for pictures that would take too much memory; ``off``.
            Tiles change nothing but the last digits.
        flow: How carefully motion is followed: ``fast``, ``medium``, or ``off`` for a world that
            stands still.
        no_cuts: Take the stream for a single shot: look for no cuts and flashes.
        mask: Where it dreams: the path of a picture, a film or a folder of pictures (white dreams,
            black stays), or a rule of :func:`dreamstream.config.mask_rules.parse_mask`.  It counts
            for a job; a dreamer of its own takes its masks as arrays.
        mask_invert: Dream where the mask says not to.
        mask_blur: Pixels of the frame over which a mask's edge fades, to either side.
        precision: Type in which the network computes: ``float32``, ``bfloat16``, ``float16``, or
            ``auto``, the one in which the device is fastest; for the original program's
            preset that is float32.
        device: ``cpu``, ``gpu``, ``gpu:N``, or ``auto``, the first GPU if there is one.  It and the
            threads are the whole process's, and must be asked for before TensorFlow runs.
        threads: Threads that share an operation on the CPU; 0 leaves it to TensorFlow.

    Raises:
        ValueError: A value is outside its range; the message names the field.
    """

    preset: str = option(
        DEFAULT_PRESET, f"named look that sets the options below: {', '.join(PRESETS)}", "dream"
    )
    model: str = option(_FROM_PRESET, "network that dreams", "dream")
    weights: Path | None = option(
        None, "weights file to load instead, of Keras or, for dreamnet, an .npz", "dream"
    )
    layers: Mapping[str, float] = option(
        _FROM_PRESET, "what to amplify, e.g. animals=1,patterns=.3; LAYER:N is a channel", "dream"
    )
    guide: Path | None = option(
        None, "picture or film whose forms the dream takes; none is none", "dream"
    )
    guide_weight: float = option(1.0, "how much the guide decides, from 0 to 1", "dream")
    octaves: int = option(_FROM_PRESET, "number of scales", "dream")
    octave_scale: float = option(_FROM_PRESET, "ratio of neighbouring scales", "dream")
    first_steps: int = option(_FROM_PRESET, "steps per octave on a cold frame", "dream")
    step_size: float = option(_FROM_PRESET, "mean change of a pixel per step, of [-1, 1]", "dream")
    max_loss: float | None = option(
        _FROM_PRESET,
        "ceiling of the loss, a number or none; 10 for inception_v3",
        "dream",
        none="none",
    )
    strength: float = option(
        1.0, "how much of a dream, from 0 (the source) to 2 (overwhelming)", "dream"
    )
    jitter: int = option(_FROM_PRESET, "largest shift before a step, in pixels", "dream")
    seed: int = option(0, "chooses the sequence of shifts", "dream")
    smoothing: float = option(_FROM_PRESET, "blur of the gradient, in pixels; 0 is off", "dream")
    evenness: float = option(
        _FROM_PRESET, "how evenly all regions dream, from 0 (strongest first) to 1", "dream"
    )
    chroma: float = option(
        _FROM_PRESET, "how freely colours change, from 0 (lightness only) to 1", "dream"
    )
    octave_rule: str = option(
        _FROM_PRESET,
        f"how lost detail comes back: {' or '.join(OCTAVE_RULES)}",
        "dream",
        choices=OCTAVE_RULES,
    )
    dream_size: int | None = option(
        _FROM_PRESET, "longest side at which the network works, or full", "dream", none="full"
    )
    tile: int | str = option(
        "auto",
        f"side of the tiles that save memory, in pixels, or {' or '.join(TILINGS)}",
        "dream",
    )
    steps: int = option(
        _FROM_PRESET, "steps on a warm frame, in the last octave and another", "motion"
    )
    blend: float = option(
        _FROM_PRESET, "how much of the carried dream a frame starts from; 0 is cold", "motion"
    )
    flow: str = option(
        "medium", f"how carefully motion is followed: {', '.join(FLOWS)}", "motion", choices=FLOWS
    )
    no_cuts: bool = option(False, "look for cuts and flashes; else it is one shot", "motion")
    mask: str | None = option(
        None,
        "where to dream: a picture, a film, a folder, alpha, color:#00ff00~20, luma:.6-1, moving "
        "or still",
        "mask",
        shown="everywhere",
    )
    mask_invert: bool = option(False, "dream where the mask says not to", "mask")
    mask_blur: float = option(0.0, "pixels over which a mask's edge fades, to either side", "mask")
    precision: str = option(
        "auto",
        f"type the network computes in: {', '.join(PRECISIONS)}, by what is fastest on the device",
        "engine",
        choices=PRECISIONS,
    )
    device: str = option("auto", "cpu, gpu, gpu:N, or auto, a GPU if there is one", "engine")
    threads: int = option(
        0, "threads that share an operation on the CPU", "engine", shown="TensorFlow's choice"
    )

    filled: InitVar[Mapping[str, Any] | None] = None
    """Not to be given: what a preset has filled in.  ``dataclasses.replace`` hands it on, so that
    another preset, or another model's units, fill it in again.  A given value that equals the old
    preset's is taken for filled in; `changed` has no such doubt."""

    def __post_init__(self, filled: Mapping[str, Any] | None) -> None:
        if self.preset not in PRESETS:
            raise FieldError(
                "preset", f"there is no {self.preset!r}; presets are {', '.join(PRESETS)}"
            )
        self._fill_in(PRESETS[self.preset], filled or {})
        settle_types(self)
        object.__setattr__(self, "layers", dict(self.layers))
        self._validate()

    @property
    def is_original(self) -> bool:
        """Whether the ascent is the original program's: bare, and stopped rather than guarded."""
        return self.preset == ORIGINAL_PRESET

    def changed(self, **settings: Any) -> "DreamConfig":
        """Return this configuration with other settings; what they don't name stays.

        Raises:
            FieldError: A value is out of its range.
        """
        kept = {name: value for name, value in vars(self)["filled"].items() if name not in settings}
        return dataclasses.replace(self, filled=kept, **settings)

    @property
    def loss_limit(self) -> float:
        """``max_loss`` as a number: inf where there is no ceiling."""
        return math.inf if self.max_loss is None else self.max_loss

    @property
    def guarded_limit(self) -> float:
        """The loss that no frame may pass; inf for the original program, which only stops there."""
        return math.inf if self.is_original else self.loss_limit

    @property
    def opacity(self) -> float:
        """Share of a dream's residual that is shown: the strength, up to 1."""
        return min(self.strength, 1.0)

    @property
    def step_factor(self) -> float:
        """How many times ``step_size`` a step is: the strength, from 1."""
        return max(self.strength, 1.0)

    def _fill_in(self, preset: Preset, filled: Mapping[str, Any]) -> None:
        """Take what was not given from the preset's look for the model.

        Args:
            preset: The look.
            filled: What an earlier one has filled in, where this replaces another configuration.
        """
        absent = [
            field.name
            for field in dataclasses.fields(self)
            if (value := getattr(self, field.name)) is _FROM_PRESET
            or (field.name in filled and value == filled[field.name])
        ]
        model = preset.model if "model" in absent else self.model
        look = preset.look(model)
        values = {name: model if name == "model" else getattr(look, name) for name in absent}
        for name, value in values.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "filled", values)

    def _validate(self) -> None:
        _require_layers(self.layers)
        require("guide_weight", self.guide_weight, least=0, most=1)
        require("octaves", self.octaves, least=1, most=_MOST_OCTAVES)
        require("octave_scale", self.octave_scale, above=1, most=_MOST_SCALE)
        require("steps", self.steps, least=0, most=_MOST_STEPS)
        require("first_steps", self.first_steps, least=0, most=_MOST_STEPS)
        require("step_size", self.step_size, above=0, most=_MOST_STEP)
        require("strength", self.strength, least=0, most=MOST_STRENGTH)
        require("jitter", self.jitter, least=0, most=_MOST_PIXELS)
        require("seed", self.seed, least=0)
        require("smoothing", self.smoothing, least=0, most=_MOST_SMOOTHING)
        require("evenness", self.evenness, least=0, most=1)
        require("chroma", self.chroma, least=0, most=1)
        require("blend", self.blend, least=0, most=1)
        if self.max_loss is not None:
            require("max_loss", self.max_loss, above=0, most=_MOST_LOSS)
        if self.dream_size is not None:
            require("dream_size", self.dream_size, least=1)
        self._validate_tile()
        if self.octave_rule not in OCTAVE_RULES:
            raise FieldError("octave_rule", f"{self.octave_rule!r} is none of {OCTAVE_RULES}")
        require("mask_blur", self.mask_blur, least=0, most=MOST_MASK_BLUR)
        if self.mask is not None:
            parse_mask(self.mask)
        if self.flow not in FLOWS:
            raise FieldError("flow", f"{self.flow!r} is none of {FLOWS}")
        self._validate_engine()
        if self.is_original:
            self._require_bare(PRESETS[self.preset].look(self.model))

    def _validate_tile(self) -> None:
        if isinstance(self.tile, int):
            require("tile", self.tile, least=1, most=MOST_WIDTH)
        elif self.tile not in TILINGS:
            raise FieldError("tile", f"{self.tile!r} is neither {' nor '.join(TILINGS)} nor pixels")

    def _validate_engine(self) -> None:
        require("threads", self.threads, least=0, most=_MOST_THREADS)
        if self.precision not in PRECISIONS:
            raise FieldError("precision", f"{self.precision!r} is none of {PRECISIONS}")
        if not _DEVICE.fullmatch(self.device):
            raise FieldError("device", f"{self.device!r} is none of auto, cpu, gpu, gpu:N")

    def _require_bare(self, look: Look) -> None:
        """Raise where the original program is asked for what it doesn't have."""
        for name in _SHAPING:
            if getattr(self, name) != getattr(look, name):
                raise FieldError(
                    name,
                    f"the preset {self.preset} is the original program, which has none; "
                    "take another preset",
                )


def _require_layers(layers: Mapping[str, float]) -> None:
    """Raise unless there is a layer and every coefficient is a finite number other than 0."""
    if not layers:
        raise FieldError("layers", "none given; --list-layers shows what there is")
    for name, coefficient in layers.items():
        try:
            LayerTerm.parse(name)
        except ValueError as error:
            raise FieldError("layers", str(error)) from error
        if not 0 < abs(coefficient) <= _MOST_COEFFICIENT:
            raise FieldError(
                "layers",
                f"{name}={coefficient} must be a number other than 0, of at most "
                f"{_MOST_COEFFICIENT:g}",
            )
