"""What to read, and how to write it."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from dreamstream.config.fields import MOST_RATE, MOST_WIDTH, option, require, settle_types
from dreamstream.errors import FieldError

CLIP_SECONDS = Fraction(4)
"""Length of a clip that is made from a picture."""

CLIP_RATE, ANIMATION_RATE = Fraction(25), Fraction(25, 2)
"""Its frames per second in a video, and in a GIF or APNG, which stores each picture whole: a delay
of 8 hundredths is smooth enough for a dream, and half the file."""

_MOST_ZOOM, _MOST_TURN, _MOST_DRIFT = 2.0, 180.0, 1000.0


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
        alpha: Write the dreamed part alone, transparent elsewhere: as far as the mask shows it, and
            without a mask with the least opacity that makes the dream of the source.
        save_octaves: Write each octave's picture beside the output (stills only).
        stats: File that gets a JSON line for each frame.
        show: Also show the dream in a window.
        overwrite: Replace an existing output.
        zoom: Of a clip made from a picture: how much larger each frame is than the last one.
        rotate: Likewise: degrees by which each frame is turned, clockwise.
        drift: Likewise: pixels by which each frame is moved, right and down.
        loop: Let the last frame of such a clip lead to its first one, or of a film, whose dream
            then closes; begin a film that plays live again at its end.
        loop_fade: Seconds over which a film that loops dissolves into its own beginning, by which
            it gets shorter; None leaves its pictures as they are.
        resume: Go on with an interrupted run of the same input and settings.

    Raises:
        ValueError: A value is outside its range; the message names the field.
    """

    start: Fraction = option(Fraction(0), "time at which to begin", "input")
    duration: Fraction | None = option(
        None,
        "time to dream; from a picture, the length of a clip",
        "input",
        shown=f"to the end; from a picture {CLIP_SECONDS} s",
    )
    frames: tuple[int | None, int | None] = option(
        (None, None), "range of frames A:B, B left out, counted from --start", "input"
    )
    fps: Fraction | None = option(
        None,
        "frames a second at the most; the others are not dreamed; of a picture's clip its rate",
        "input",
        shown=f"all; {float(CLIP_RATE):g}, in a GIF or APNG {float(ANIMATION_RATE):g}",
    )
    codec: str | None = option(None, "video codec", "output", shown="the container's usual")
    crf: int | None = option(
        None, "constant quality, smaller is better", "output", shown="the codec's usual"
    )
    width: int = option(0, "width of the output; its shape stays", "output", shown="the input's")
    compare: bool = option(False, "put source and dream side by side", "output")
    alpha: bool = option(
        False, "write the dreamed part alone, transparent elsewhere, for compositing", "output"
    )
    save_octaves: bool = option(False, "write each octave of a still beside it", "output")
    stats: Path | None = option(None, "write a JSON line for each frame", "output")
    show: bool = option(
        False, "show it in a window as well; q ends and finishes the output", "output"
    )
    overwrite: bool = option(False, "replace an existing output", "output", short="-y")
    resume: bool = option(
        False, "go on with an interrupted run of the same input and settings", "output"
    )
    zoom: float = option(1.0, "how much larger each frame is, e.g. 1.02", "clip")
    rotate: float = option(0.0, "degrees by which each frame is turned, clockwise", "clip")
    drift: tuple[float, float] = option(
        (0.0, 0.0), "pixels by which each frame is moved, right and down", "clip"
    )
    loop: bool = option(
        False, "let the last frame lead to the first; a film with --live restarts", "clip"
    )
    loop_fade: Fraction | None = option(
        None,
        "with --loop, time over which a film's end dissolves into its beginning",
        "clip",
        shown="its pictures stay",
    )

    @property
    def moves(self) -> bool:
        """Whether a picture becomes an endless tunnel."""
        return (self.zoom, self.rotate, *self.drift) != (1, 0, 0, 0)

    def __post_init__(self) -> None:
        settle_types(self)
        require("start", self.start, least=0)
        if self.duration is not None:
            require("duration", self.duration, above=0)
        if self.loop_fade is not None:
            require("loop_fade", self.loop_fade, above=0)
        if self.fps is not None:
            require("fps", self.fps, above=0, most=MOST_RATE)
        if self.crf is not None:
            require("crf", self.crf, least=0, most=63)
        require("width", self.width, least=0, most=MOST_WIDTH)
        require("zoom", self.zoom, least=1 / _MOST_ZOOM, most=_MOST_ZOOM)
        require("rotate", self.rotate, least=-_MOST_TURN, most=_MOST_TURN)
        for pixels in self.drift:
            require("drift", pixels, least=-_MOST_DRIFT, most=_MOST_DRIFT)
        first, last = self.frames
        if (first or 0) < 0 or (last is not None and last <= (first or 0)):
            raise FieldError("frames", f"{first}:{last} holds no frame; give A:B with 0 <= A < B")
