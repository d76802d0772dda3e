"""Masks that files hold: a picture, a film by its times, a folder by its pictures' numbers."""

import logging
import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from dreamstream._libraries import cv2
from dreamstream.config import MediaConfig
from dreamstream.controls.mask_maker import MaskMaker
from dreamstream.errors import SourceError, UsageError
from dreamstream.frames import NUMBER, FloatImage, Frame, Pixels, StreamInfo
from dreamstream.sources import Ground, open_source
from dreamstream.sources.images import numbered_images
from dreamstream.sources.pictures import read_image
from dreamstream.temporal.frame_analysis import FrameAnalysis

_LOG = logging.getLogger(__name__)

BLACK, WHITE = 10, 245
"""Levels up to which a mask is closed, and from which it is fully open: a codec's noise."""

MOST_STRETCH = 0.02
"""Share by which the shape of a mask may differ from that of its frames."""

LEAD = Fraction(10)
"""Seconds before the input's first frame from which a film of masks is read: the picture that is
shown there may have begun earlier."""

HELD = Fraction(1, 2)
"""Seconds for which the last mask of a film that ends too early stands on."""

_SHORT, _SHORT_SHARE = Fraction(1), Fraction(1, 10)
"""Seconds, and share of the input, by which a mask must be too short to be refused beforehand: the
lengths that files tell are often those of their sound."""

_EARLY = Fraction(1, 4)
"""Share of a film's period by which its picture may come before its time: containers round."""

_SLACK = 1
"""Pixels by which any size may be off."""

_OWN_LEVELS = np.arange(256, dtype=np.float32) / np.float32(255)
_LEVELS = np.clip((np.arange(256) - BLACK) / (WHITE - BLACK), 0, 1).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Stretch:
    """The part of a stream that is masked.

    Attributes:
        size: (height, width) of its frames.
        sample_aspect: Width of a pixel over its height.
        begin: Time of its first frame in the untrimmed stream, in seconds.
        end: Time of its last one, as far as is known.
        rate: Frames per second of the untrimmed stream; None of a still.
    """

    size: tuple[int, int]
    sample_aspect: Fraction
    begin: Fraction
    end: Fraction | None
    rate: Fraction | None

    @classmethod
    def of(cls, info: StreamInfo, own_rate: Fraction | None) -> "Stretch":
        """Take it from what is known of a stream."""
        end = None
        if info.frames is not None and info.rate is not None:
            end = info.begin + (info.frames - 1) / info.rate
        size = (info.height, info.width)
        return cls(size, info.sample_aspect, info.begin, end, own_rate)

    def fitted(self, pixels: Pixels, name: str, levels: FloatImage) -> FloatImage:
        """Make a picture a mask of the frames' size.

        Raises:
            UsageError: Its shape is another one.
        """
        grey = np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY), np.uint8)
        values: FloatImage = levels[grey]
        if values.shape == self.size:
            return values
        self._require_shape(name, (values.shape[0], values.shape[1]))
        shrinks = values.shape[0] >= self.size[0] and values.shape[1] >= self.size[1]
        way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        resized = cv2.resize(values, self.size[::-1], interpolation=way)
        return np.asarray(np.clip(resized, 0, 1), np.float32)

    def _require_shape(self, name: str, size: tuple[int, int]) -> None:
        height, width = self.size
        for aspect in {Fraction(1), self.sample_aspect}:  # as stored, and as shown
            shape = float(width * aspect / height)
            off = abs(size[1] - size[0] * shape)
            if off <= max(_SLACK * shape, _SLACK, MOST_STRETCH * size[1]):
                return
        raise UsageError(
            f"--mask: {name} is {size[1]}x{size[0]} and the input {width}x{height}, of another "
            "shape; crop it to the input's",
            "mask",
        )


class PictureMask(MaskMaker):
    """One mask for all frames.

    Args:
        target: The picture.
        stretch: What is masked.
        ground: What is seen where the picture is transparent.

    Raises:
        SourceError: It can't be read.
        UsageError: Its shape is not the frames'.
    """

    def __init__(self, target: str, stretch: Stretch, ground: Ground) -> None:
        with open_source(target, MediaConfig(), ground) as source:
            pixels = next(source).pixels
        self._mask = stretch.fitted(pixels, target, _levels_of(ground))

    def mask(self, frame: Frame, analysis: FrameAnalysis) -> FloatImage:
        """Return the mask."""
        return self._mask


class FilmMask(MaskMaker):
    """A film, or an animation: a frame's mask is the picture that is shown at the frame's time.

    Times count from the beginning of both, before any trim.

    Raises:
        SourceError: It can't be read.
        UsageError: Its shape is not the frames', or it is much shorter.
    """

    def __init__(self, target: str, stretch: Stretch, ground: Ground) -> None:
        self._target, self._stretch, self._ground = target, stretch, ground
        self._told = False
        self._next: Frame | None = None
        self._made: FloatImage | None = None
        self._current = self._open()
        self._require_length()

    def mask(self, frame: Frame, analysis: FrameAnalysis) -> FloatImage:
        """Return the mask at a frame's time, which is never before that of the last one.

        Raises:
            SourceError: The film can't be read on, or has ended.
        """
        time = self._stretch.begin + frame.time
        while self._next is not None and self._time(self._next) <= time + _EARLY * self._period:
            self._current, self._made = self._next, None
            self._next = self._read()
        if self._next is None:
            self._require_time(time)
        if self._made is None:
            levels = _levels_of(self._ground)
            self._made = self._stretch.fitted(self._current.pixels, self._target, levels)
        return self._made

    def reset(self) -> None:
        """Begin again."""
        self.close()
        self._current = self._open()

    def rewind(self) -> None:
        """Begin again."""
        self.reset()

    def close(self) -> None:
        """Close the film."""
        self._source.close()

    def _open(self) -> Frame:
        """Open the film, and return its first picture."""
        begin = max(Fraction(0), self._stretch.begin - LEAD)
        self._source = open_source(self._target, MediaConfig(start=begin), self._ground)
        self._begin = self._source.info.begin
        self._period = 1 / (self._source.info.rate or Fraction(25))
        try:
            first = next(self._source)
            levels = _levels_of(self._ground)
            self._made = self._stretch.fitted(first.pixels, self._target, levels)
            self._next = self._read()
        except BaseException:
            self._source.close()
            raise
        return first

    def _read(self) -> Frame | None:
        try:
            return next(self._source, None)
        except SourceError as error:
            raise of_mask(error) from error

    def _time(self, frame: Frame) -> Fraction:
        return self._begin + frame.time

    def _require_time(self, time: Fraction) -> None:
        """Raise where the film has ended long before a time; warn where it has, but not long."""
        end = self._time(self._current) + (self._current.duration or self._period)
        if time <= end + self._period:
            return
        if time > end + HELD:
            raise SourceError(
                f"--mask: {self._target} ends at {float(end):.2f} s and the input goes on; give a "
                "mask as long as the input"
            )
        if not self._told:
            self._told = True
            _LOG.warning("--mask: %s ends before the input: its last picture stands", self._target)

    def _require_length(self) -> None:
        """Refuse a film that is much too short, before anything is dreamed."""
        info, end = self._source.info, self._stretch.end
        if info.frames is None or info.rate is None or end is None:
            return
        length = self._begin + info.frames / info.rate
        if end - length > max(_SHORT, _SHORT_SHARE * end):
            self.close()
            raise _too_short(self._target, f"ends at {float(length):.2f} s", end)


class FolderMask(MaskMaker):
    """Numbered pictures, or a folder of them: the first is the mask of the first frame, and so on.

    They are counted at the input's own rate, from its beginning before any trim.

    Raises:
        SourceError: There are none, or the first can't be read.
        UsageError: Its shape is not the frames', or they are too few.
    """

    def __init__(self, target: str, stretch: Stretch, ground: Ground) -> None:
        self._target, self._stretch, self._ground = target, stretch, ground
        self._paths = numbered_images(target)
        self._last = -1
        self._made = self._at(self._index(Fraction(0)))
        if stretch.end is not None and stretch.rate is not None:
            wanted = self._index(stretch.end - stretch.begin) + 1
            short = wanted - len(self._paths)
            if short > max(_SHORT * stretch.rate, _SHORT_SHARE * wanted):
                raise _too_short(target, f"holds {len(self._paths)} pictures", stretch.end)

    def mask(self, frame: Frame, analysis: FrameAnalysis) -> FloatImage:
        """Return the picture of a frame's number.

        Raises:
            SourceError: It can't be read, or there is none.
        """
        return self._at(self._index(frame.time))

    def _index(self, time: Fraction) -> int:
        rate = self._stretch.rate or Fraction(1)
        return math.floor((self._stretch.begin + time) * rate + Fraction(1, 2))

    def _at(self, index: int) -> FloatImage:
        if index >= len(self._paths):
            raise SourceError(
                f"--mask: {self._target} holds {len(self._paths)} pictures and the input goes on; "
                "give one for each frame"
            )
        if index != self._last:
            path = self._paths[index]
            try:
                pixels = read_image(path, ground=self._ground)
            except SourceError as error:
                raise of_mask(error) from error
            self._made = self._stretch.fitted(pixels, str(path), _levels_of(self._ground))
            self._last = index
        return self._made


def of_mask(error: SourceError) -> SourceError:
    """Return an error that says of what it is."""
    return error if str(error).startswith("--mask") else SourceError(f"--mask: {error}")


def is_folder_of_pictures(target: str) -> bool:
    """Return whether a target is a folder or a pattern of pictures."""
    path = Path(target)
    return not path.is_file() and (path.is_dir() or NUMBER.search(path.name) is not None)


def _levels_of(ground: Ground) -> FloatImage:
    """Return the table from a grey of 8 bits to a mask; only transparency is taken as it is."""
    return _OWN_LEVELS if ground is Ground.ALPHA else _LEVELS


def _too_short(target: str, what: str, end: Fraction) -> UsageError:
    return UsageError(
        f"--mask: {target} {what} and the input ends at about {float(end):.2f} s; give a mask as "
        "long as the input",
        "mask",
    )
