"""Every setting and every default, once.

The command line derives its flags from the fields of :class:`DreamConfig`, :class:`MediaConfig` and
:class:`LiveConfig`; a TOML file may set the same names.
"""

import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any

DEFAULT_MODEL = "dreamnet"
DEFAULT_PRESET = "menagerie"
ORIGINAL_PRESET = "classic"
OCTAVE_RULES = ("reinject", "classic")
TILINGS = ("auto", "off")
FLOWS = ("fast", "medium", "off")
PRECISIONS = ("auto", "float32", "bfloat16", "float16")

RAW_MAX_LOSS: Mapping[str, float] = MappingProxyType({"inception_v3": 10.0})
"""Default ceilings of models whose loss keeps the original program's units; every other model's
layers are scaled so that a photo's mean square is 1, and the preset's ceiling serves them all."""

_MOST_OCTAVES, _MOST_SCALE, _MOST_STEPS, _MOST_PIXELS = 64, 16, 100_000, 1000
_MOST_STEP, _MOST_LOSS, _MOST_COEFFICIENT = 2.0, 1e9, 1e6
"""Far beyond all use, and small enough that no number overflows."""

_MOST_RATE = 1000

_DEVICE = re.compile(r"auto|cpu|gpu(:\d{1,3})?", re.ASCII)
_MOST_THREADS = 1024

CLIP_SECONDS = Fraction(4)
"""Length of a clip that is made from a picture."""

CLIP_RATE, ANIMATION_RATE = Fraction(25), Fraction(25, 2)
"""Its frames per second in a video, and in a GIF or APNG, which stores each picture anew: a delay
of 8 hundredths is smooth enough for a dream, and half the file."""

_MOST_ZOOM, _MOST_TURN, _MOST_DRIFT = 2.0, 180.0, 1000.0

_MOST_WIDTH = 16384
"""The widest picture that H.264 and WebP take."""

_MOST_SMOOTHING = 4.0
"""The taps of the blur hold no wider one."""

_SHAPING = ("jitter", "smoothing", "evenness", "chroma")
"""What the original program had not."""

_FROM_PRESET: Any = object()
"""Default of a field whose value the preset gives; no instance ever holds it."""


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


def _option(default: Any, text: str, group: str, **flag: Any) -> Any:
    """Make a field: its default, and what its flag shows in ``--help``."""
    return dataclasses.field(default=default, metadata={"help": text, "group": group, **flag})


@dataclass(frozen=True, kw_only=True)
class DreamConfig:
    """How to dream.  Frozen and validated; what is not given comes from the preset.

    Attributes:
        preset: A name in :data:`PRESETS`.
        model: A name of ``dreamstream --list-models``.
        weights: A file to use instead of the model's own weights: Keras's, or dreamnet's .npz.
        layers: Layer name to the coefficient of its mean-square activation in the loss.  Every
            model also answers to the five depths textures, patterns, eyes, faces, creatures.
        octaves: How many scales.
        octave_scale: Ratio of neighbouring octaves' sizes, > 1.
        steps: Ascent steps on a warm frame, in the last octave and in one of the others, which
            take turns; in all of them where much is new, and, at least two unless 0, near
            ``max_loss``.
        first_steps: Ascent steps per octave on a cold frame.  A frame that leaves short of a near
            ``max_loss`` takes up to two more on the last octave, or ``steps``.
        step_size: Mean absolute change of a pixel in one step, in the range [-1, 1].
        max_loss: Ceiling of the loss; None is no ceiling.
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
        precision: Type in which the network computes: ``float32``, ``bfloat16``, ``float16``, or
            ``auto``, the one in which the device is fastest; for the original program's
            preset that is float32.
        device: ``cpu``, ``gpu``, ``gpu:N``, or ``auto``, the first GPU if there is one.  It and the
            threads are the whole process's, and must be asked for before TensorFlow runs.
        threads: Threads that share an operation on the CPU; 0 leaves it to TensorFlow.

    Raises:
        ValueError: A value is outside its range; the message names the field.
    """

    preset: str = _option(
        DEFAULT_PRESET, f"named look that sets the options below: {', '.join(PRESETS)}", "dream"
    )
    model: str = _option(_FROM_PRESET, "network that dreams", "dream")
    weights: Path | None = _option(
        None, "weights file to load instead, of Keras or, for dreamnet, an .npz", "dream"
    )
    layers: Mapping[str, float] = _option(
        _FROM_PRESET, "what to amplify, e.g. faces=1,patterns=.3", "dream"
    )
    octaves: int = _option(_FROM_PRESET, "number of scales", "dream")
    octave_scale: float = _option(_FROM_PRESET, "ratio of neighbouring scales", "dream")
    first_steps: int = _option(_FROM_PRESET, "steps per octave on a cold frame", "dream")
    step_size: float = _option(_FROM_PRESET, "mean change of a pixel per step, of [-1, 1]", "dream")
    max_loss: float | None = _option(
        _FROM_PRESET,
        "ceiling of the loss, a number or none; 10 for inception_v3",
        "dream",
        none="none",
    )
    jitter: int = _option(_FROM_PRESET, "largest shift before a step, in pixels", "dream")
    seed: int = _option(0, "chooses the sequence of shifts", "dream")
    smoothing: float = _option(_FROM_PRESET, "blur of the gradient, in pixels; 0 is off", "dream")
    evenness: float = _option(
        _FROM_PRESET, "how evenly all regions dream, from 0 (strongest first) to 1", "dream"
    )
    chroma: float = _option(
        _FROM_PRESET, "how freely colours change, from 0 (lightness only) to 1", "dream"
    )
    octave_rule: str = _option(
        _FROM_PRESET,
        f"how lost detail comes back: {' or '.join(OCTAVE_RULES)}",
        "dream",
        choices=OCTAVE_RULES,
    )
    dream_size: int | None = _option(
        _FROM_PRESET, "longest side at which the network works, or full", "dream", none="full"
    )
    tile: int | str = _option(
        "auto",
        f"side of the tiles that save memory, in pixels, or {' or '.join(TILINGS)}",
        "dream",
    )
    steps: int = _option(
        _FROM_PRESET, "steps on a warm frame, in the last octave and another", "motion"
    )
    blend: float = _option(
        _FROM_PRESET, "how much of the carried dream a frame starts from; 0 is cold", "motion"
    )
    flow: str = _option(
        "medium", f"how carefully motion is followed: {', '.join(FLOWS)}", "motion", choices=FLOWS
    )
    no_cuts: bool = _option(False, "take it for one shot: look for no cuts or flashes", "motion")
    precision: str = _option(
        "auto",
        f"type the network computes in: {', '.join(PRECISIONS)}, by what is fastest on the device",
        "engine",
        choices=PRECISIONS,
    )
    device: str = _option("auto", "cpu, gpu, gpu:N, or auto, a GPU if there is one", "engine")
    threads: int = _option(
        0, "threads that share an operation on the CPU", "engine", shown="TensorFlow's choice"
    )

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise ValueError(
                f"preset: there is no {self.preset!r}; presets are {', '.join(PRESETS)}"
            )
        self._fill_in(PRESETS[self.preset])
        object.__setattr__(self, "layers", dict(self.layers))
        self._validate()

    @property
    def is_original(self) -> bool:
        """Whether the ascent is the original program's: bare, and stopped rather than guarded."""
        return self.preset == ORIGINAL_PRESET

    def _fill_in(self, preset: Preset) -> None:
        """Take what was not given from the preset; max_loss follows the model's units."""
        raw = preset.model if self.model is _FROM_PRESET else self.model
        if self.max_loss is _FROM_PRESET and raw in RAW_MAX_LOSS:
            object.__setattr__(self, "max_loss", RAW_MAX_LOSS[raw])
        for field in dataclasses.fields(self):
            if getattr(self, field.name) is _FROM_PRESET:
                object.__setattr__(self, field.name, getattr(preset, field.name))

    def _validate(self) -> None:
        _require_layers(self.layers)
        _require("octaves", self.octaves, least=1, most=_MOST_OCTAVES)
        _require("octave_scale", self.octave_scale, above=1, most=_MOST_SCALE)
        _require("steps", self.steps, least=0, most=_MOST_STEPS)
        _require("first_steps", self.first_steps, least=0, most=_MOST_STEPS)
        _require("step_size", self.step_size, above=0, most=_MOST_STEP)
        _require("jitter", self.jitter, least=0, most=_MOST_PIXELS)
        _require("seed", self.seed, least=0)
        _require("smoothing", self.smoothing, least=0, most=_MOST_SMOOTHING)
        _require("evenness", self.evenness, least=0, most=1)
        _require("chroma", self.chroma, least=0, most=1)
        _require("blend", self.blend, least=0, most=1)
        if self.max_loss is not None:
            _require("max_loss", self.max_loss, above=0, most=_MOST_LOSS)
        if self.dream_size is not None:
            _require("dream_size", self.dream_size, least=1)
        self._validate_tile()
        if self.octave_rule not in OCTAVE_RULES:
            raise ValueError(f"octave_rule: {self.octave_rule!r} is none of {OCTAVE_RULES}")
        if self.flow not in FLOWS:
            raise ValueError(f"flow: {self.flow!r} is none of {FLOWS}")
        self._validate_engine()
        if self.is_original:
            self._require_bare(PRESETS[self.preset])

    def _validate_tile(self) -> None:
        if isinstance(self.tile, int):
            _require("tile", self.tile, least=1, most=_MOST_WIDTH)
        elif self.tile not in TILINGS:
            raise ValueError(f"tile: {self.tile!r} is neither {' nor '.join(TILINGS)} nor pixels")

    def _validate_engine(self) -> None:
        _require("threads", self.threads, least=0, most=_MOST_THREADS)
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision: {self.precision!r} is none of {PRECISIONS}")
        if not _DEVICE.fullmatch(self.device):
            raise ValueError(f"device: {self.device!r} is none of auto, cpu, gpu, gpu:N")

    def _require_bare(self, preset: Preset) -> None:
        """Raise where the original program is asked for what it had not."""
        for name in _SHAPING:
            if getattr(self, name) != getattr(preset, name):
                raise ValueError(
                    f"{name}: the preset {self.preset} is the original program, which has none; "
                    "take another preset"
                )


@dataclass(frozen=True, kw_only=True)
class MediaConfig:
    """What to read, how to write it, and what else to tell.

    Attributes:
        start: Seconds at which to begin.
        duration: Seconds to dream, None is to the end; of a clip made from a picture its length.
        frames: First frame and the one after the last, counted from 0 at ``start``; either may be
            None.
        codec: Video codec; None is the container's usual one.
        crf: Constant rate factor of the encoder, smaller is better; None is the codec's default.
        width: Pixels in a row of the output, whose shape stays; 0 is the input's.
        fps: Frames a second at the most; those left out are not dreamed either.  None keeps all.
            Of a clip made from a picture: its rate.
        compare: Put source and dream side by side.
        save_octaves: Write each octave's picture beside the output (stills only).
        stats: File that gets a JSON line for each frame.
        show: Also show the dream in a window.
        overwrite: Replace an existing output.
        zoom: Of a clip made from a picture: how much larger each frame is than the last one.
        rotate: Likewise: degrees by which each frame is turned, clockwise.
        drift: Likewise: pixels by which each frame is moved, right and down.
        loop: Let the last frame of such a clip lead to its first one; begin a film that plays live
            anew at its end.
        resume: Go on with an interrupted run of the same input and settings.

    Raises:
        ValueError: A value is outside its range; the message names the field.
    """

    start: Fraction = _option(Fraction(0), "time at which to begin", "input")
    duration: Fraction | None = _option(
        None,
        "time to dream; from a picture, the length of a clip",
        "input",
        shown=f"to the end; from a picture {CLIP_SECONDS} s",
    )
    frames: tuple[int | None, int | None] = _option(
        (None, None), "range of frames A:B, B left out, counted from --start", "input"
    )
    fps: Fraction | None = _option(
        None,
        "frames a second at the most; the others are not dreamed; of a picture's clip its rate",
        "input",
        shown=f"all; {float(CLIP_RATE):g}, in a GIF or APNG {float(ANIMATION_RATE):g}",
    )
    codec: str | None = _option(None, "video codec", "output", shown="the container's usual")
    crf: int | None = _option(
        None, "constant quality, smaller is better", "output", shown="the codec's usual"
    )
    width: int = _option(0, "width of the output; its shape stays", "output", shown="the input's")
    compare: bool = _option(False, "put source and dream side by side", "output")
    save_octaves: bool = _option(False, "write each octave of a still beside it", "output")
    stats: Path | None = _option(None, "write a JSON line for each frame", "output")
    show: bool = _option(
        False, "show it in a window as well; q ends and finishes the output", "output"
    )
    overwrite: bool = _option(False, "replace an existing output", "output", short="-y")
    resume: bool = _option(
        False, "go on with an interrupted run of the same input and settings", "output"
    )
    zoom: float = _option(1.0, "how much larger each frame is, e.g. 1.02", "clip")
    rotate: float = _option(0.0, "degrees by which each frame is turned, clockwise", "clip")
    drift: tuple[float, float] = _option(
        (0.0, 0.0), "pixels by which each frame is moved, right and down", "clip"
    )
    loop: bool = _option(
        False, "let the last frame lead to the first; a film with --live begins anew", "clip"
    )

    @property
    def moves(self) -> bool:
        """Whether a picture becomes an endless tunnel."""
        return (self.zoom, self.rotate, *self.drift) != (1, 0, 0, 0)

    def __post_init__(self) -> None:
        _require("start", self.start, least=0)
        if self.duration is not None:
            _require("duration", self.duration, above=0)
        if self.fps is not None:
            _require("fps", self.fps, above=0, most=_MOST_RATE)
        if self.crf is not None:
            _require("crf", self.crf, least=0, most=63)
        _require("width", self.width, least=0, most=_MOST_WIDTH)
        _require("zoom", self.zoom, least=1 / _MOST_ZOOM, most=_MOST_ZOOM)
        _require("rotate", self.rotate, least=-_MOST_TURN, most=_MOST_TURN)
        for pixels in self.drift:
            _require("drift", pixels, least=-_MOST_DRIFT, most=_MOST_DRIFT)
        first, last = self.frames
        if (first or 0) < 0 or (last is not None and last <= (first or 0)):
            raise ValueError(f"frames: {first}:{last} holds no frame; give A:B with 0 <= A < B")


@dataclass(frozen=True, kw_only=True)
class LiveConfig:
    """How to show a camera's dream.

    Attributes:
        live: Play a film as a camera would: at its own rate, dropping what is late.
        live_fps: Frames a second to aim at; None is the camera's own rate, at most 30.
        no_window: Open no window; record alone.
        virtual_camera: Send what is shown to a virtual camera.

    Raises:
        ValueError: A value is outside its range; the message names the field.
    """

    live: bool = _option(False, "play a film as a camera would, dropping what is late", "live")
    live_fps: Fraction | None = _option(
        None, "frames a second to aim at", "live", shown="the camera's, at most 30"
    )
    no_window: bool = _option(False, "open no window, record alone", "live")
    virtual_camera: bool = _option(
        False, "send it to a virtual camera too (needs dreamstream[virtualcam])", "live"
    )

    def __post_init__(self) -> None:
        if self.live_fps is not None:
            _require("live_fps", self.live_fps, above=0, most=_MOST_RATE)


def _require_layers(layers: Mapping[str, float]) -> None:
    """Raise unless there is a layer and every coefficient is a finite number other than 0."""
    if not layers:
        raise ValueError("layers: none given; --list-layers shows what there is")
    for name, coefficient in layers.items():
        if not 0 < abs(coefficient) <= _MOST_COEFFICIENT:
            raise ValueError(
                f"layers: {name}={coefficient} must be a number other than 0, of at most "
                f"{_MOST_COEFFICIENT:g}"
            )


def _require(
    name: str,
    value: float | Fraction,
    *,
    least: float | None = None,
    most: float | None = None,
    above: float | None = None,
) -> None:
    """Raise a ValueError that names the field and its range unless the value lies in it."""
    try:
        finite = math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        finite = False
    bounds = []
    if least is not None:
        bounds.append((value >= least, f"at least {least:g}"))
    if above is not None:
        bounds.append((value > above, f"more than {above:g}"))
    if most is not None:
        bounds.append((value <= most, f"at most {most:g}"))
    if not finite or not all(holds for holds, _ in bounds):
        raise ValueError(f"{name}: {value} must be {' and '.join(text for _, text in bounds)}")
