"""What is told of every frame (loads no network)."""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class DreamReport:
    """What happened to one frame.

    Attributes:
        cut: It begins a new shot; not looked for without a warm start.
        flash: Only its light changed: the dream was kept and no step taken; as for ``cut``.
        warm: It started from the carried dream.
        steps: Steps taken in each octave, smallest first; 0 where it was not its turn.
        dropped_octaves: Octaves left out because they are too small to dream.
        source_loss: Loss of the source frame; None where it was not measured.
        loss: Loss of the dream as given out, at dream size; None where no network ran, or where
            nobody asked for it and it is far below ``max_loss``.
        ascent_loss: Loss before the last step of the last octave, NaN where it took none; None
            where no network ran.
        confidence: Mean confidence in what was carried, in [0, 1]; None on a cold frame.
        residual_rms: Root mean square of dream minus source, in levels of 255.
        flow_seconds: Time for flow, confidence and cuts.
        dream_seconds: All other time in the dreamer.
    """

    cut: bool = False
    flash: bool = False
    warm: bool = False
    steps: tuple[int, ...] = ()
    dropped_octaves: int = 0
    source_loss: float | None = None
    loss: float | None = None
    ascent_loss: float | None = None
    confidence: float | None = None
    residual_rms: float = 0.0
    flow_seconds: float = 0.0
    dream_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """What became of one frame, and how long each stage took.

    Stages of neighbouring frames overlap: together they may be longer than ``wall_seconds``.

    Attributes:
        index: Position in the stream, from 0.
        time: Seconds since the start of the stream.
        report: What the dreamer says of it.
        read_seconds: Time for reading and decoding.
        write_seconds: Time for encoding and writing.
        wall_seconds: Time since the frame before it left, or since the loop began.
        latency: Seconds from a live frame's capture to its being shown; None for a film's.
        dream_size: Longest side, in pixels, at which the network looks at a live frame; None where
            none is loaded yet, and for a film's, whose size does not change.
    """

    index: int
    time: Fraction
    report: DreamReport
    read_seconds: float
    write_seconds: float
    wall_seconds: float
    latency: float | None = None
    dream_size: int | None = None
