"""Frames, what is known of a stream of them, and the two ranges in which pixels live."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Pixels: TypeAlias = npt.NDArray[np.uint8]
"""(H, W, 3) uint8 RGB."""

FloatImage: TypeAlias = npt.NDArray[np.float32]
"""(H, W, C) or (H, W) float32; pictures in the model's range [-1, 1]."""

NUMBER = re.compile(r"%(?:0(\d+))?d")
"""Where the number stands in a pattern of numbered pictures, such as in/%05d.png."""

BT709 = 1
"""H.273 number of BT.709, the same for primaries, transfer function and matrix."""

HALF_RANGE = 127.5
"""Half of the uint8 range: pixel = (value + 1) * HALF_RANGE."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a stream.

    Attributes:
        pixels: (H, W, 3) uint8 RGB; (H, W, 4) with straight alpha where the stream has it.
        time: Seconds since the start of the (trimmed) stream.
        index: Position in the (trimmed) stream, from 0.
        duration: Seconds for which it is shown; None where the stream does not say.  It counts for
            the last frame alone: any other is shown until the next one comes.
    """

    pixels: Pixels
    time: Fraction
    index: int
    duration: Fraction | None = None


@dataclass(frozen=True, slots=True)
class SoundSpan:
    """Where a stream's sound lies, and all else that goes with pictures: subtitles, chapters, tags.

    Attributes:
        path: The file whose audio streams belong to the pictures.
        begin: Time in that file's own clock, in seconds, of the stream's time 0.
        end: Time in the file's own clock at which the stream is trimmed; None is the file's end.
        cut_in: Leave out what lies before ``begin``, as a trimmed start wants.  Otherwise it is
            kept: an encoder's lead-in, which players need and hide.
        ends_with_pictures: The sound also stops where the last picture does, as a range of frames
            wants, whose end in seconds is not known beforehand.
        feed: Gives streams, tags and packets as PyAV's input container does where ``path`` is a
            pipe or a URL, which is read but once; None for a file.
    """

    path: Path
    begin: Fraction
    end: Fraction | None = None
    cut_in: bool = False
    ends_with_pictures: bool = False
    feed: Callable[[], Any] | None = None


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What is known of a stream before its first frame.

    Attributes:
        height: Rows of every frame.
        width: Columns of every frame.
        rate: Nominal frames per second; None for a still.
        time_base: The unit, in seconds, of which every frame's time is a multiple.
        frames: Expected number of frames, after trimming; None where the file does not say.
        sample_aspect: Width of a pixel over its height.
        primaries: H.273 number of the colour primaries of the frames' RGB; 1 is BT.709.
        transfer: H.273 number of its transfer function.
        sound: Where the sound lies, and what else goes with the pictures: subtitles, chapters and
            tags; None where there is no such file.
        path: The file (of numbered images the first) that is read, so that no output replaces it;
            None where there is none.
        numbers: Of numbered images the numbers in their names, rising; None where there are none.
        reads: Of numbered images the resolved paths of all that are read, for the same purpose.
        begin: Time of its first frame, in seconds, in the stream as it was before it was trimmed.
        alpha: Whether every frame has transparency, as a fourth channel.
    """

    height: int
    width: int
    rate: Fraction | None = None
    time_base: Fraction = Fraction(1, 1000)
    frames: int | None = None
    sample_aspect: Fraction = Fraction(1)
    primaries: int = BT709
    transfer: int = BT709
    sound: SoundSpan | None = None
    path: Path | None = None
    reads: frozenset[Path] = frozenset()
    numbers: tuple[int, ...] | None = None
    begin: Fraction = Fraction(0)
    alpha: bool = False


def to_model_range(pixels: Pixels) -> FloatImage:
    """Map uint8 [0, 255] to float32 [-1, 1], as the original program's preprocessing does."""
    return pixels.astype(np.float32) / np.float32(HALF_RANGE) - np.float32(1)


def to_pixels(image: FloatImage) -> Pixels:
    """Map float32 [-1, 1] to the nearest uint8 [0, 255]; what lies outside is clipped.

    The original program truncated here, which darkens by half a level; we round, so that
    ``to_pixels(to_model_range(p))`` is ``p``.
    """
    from dreamstream._libraries import cv2  # whoever asks for a constant here needs no OpenCV

    scaled = cv2.addWeighted(image, HALF_RANGE, image, 0, HALF_RANGE, dtype=cv2.CV_8U)
    return np.asarray(scaled, np.uint8)
