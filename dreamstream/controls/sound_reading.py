"""The sound of a file as one voice at one rate, in place on its clock."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dreamstream._libraries import av, file_url
from dreamstream.errors import SourceError

RATE = 24_000
"""Samples a second: all that is measured lies below half of it, and it is a multiple of 100."""

Samples = npt.NDArray[np.float32]
"""(n,) float32, full scale is 1."""

_JUMP = RATE // 100
"""Samples by which a packet's time may be off before it counts: containers round times."""

_BLOCK = 10 * RATE
"""Samples of silence that are made at a time."""

_LONGEST = 24 * 3600 * RATE
"""Samples that are read at the most; a time beyond is damage."""


@dataclass(frozen=True, slots=True)
class SoundRange:
    """Which sound belongs to a film.

    Attributes:
        path: The file.
        begin: Seconds in its own clock of the film's time 0; None is where the file begins.
        end: Seconds in its own clock at which the film ends; None is the file's end.
    """

    path: Path
    begin: Fraction | None = None
    end: Fraction | None = None


def has_sound(path: Path) -> bool:
    """Return whether a file holds sound that can be decoded here."""
    try:
        with av.open(file_url(path), metadata_errors="replace") as container:
            return _stream_of(container) is not None
    except (av.error.FFmpegError, OSError, ValueError):
        return False


def read_sound(wanted: SoundRange) -> Iterator[Samples]:
    """Decode sound, from the film's time 0 on.

    Gaps are silence, damaged packets too; what overlaps is left out.

    Yields:
        Blocks of mono samples at RATE that follow one another.

    Raises:
        SourceError: The file can't be opened, or holds no sound that can be decoded.
    """
    try:
        with av.open(file_url(wanted.path), metadata_errors="replace") as container:
            stream = _stream_of(container)
            if stream is None:
                raise SourceError(
                    f"reading the sound of {wanted.path} failed: it holds none that can be "
                    "decoded; give --sound FILE"
                )
            yield from _placed(container, stream, wanted)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SourceError(
            f"reading the sound of {wanted.path} failed ({reason}); check that it is a file with "
            "sound that FFmpeg can play"
        ) from error


def _stream_of(container: Any) -> Any:
    """Return the sound that a listener expects: the default one, else the first."""
    streams = [each for each in container.streams.audio if each.codec_context is not None]
    default = [each for each in streams if each.disposition & av.stream.Disposition.default]
    return next(iter([*default, *streams]), None)


def _placed(container: Any, stream: Any, wanted: SoundRange) -> Iterator[Samples]:
    begin = wanted.begin
    if begin is None:
        begin = Fraction(container.start_time or 0, av.time_base)
    end = _LONGEST if wanted.end is None else round((wanted.end - begin) * RATE)
    at = 0
    for told, samples in _timed(container, stream, begin):
        if told is not None and abs(told - at) > _JUMP:
            if told > min(end, _LONGEST):
                break
            while at < told:
                gap = min(told - at, _BLOCK)
                yield np.zeros(gap, np.float32)
                at += gap
            samples = samples[at - told :]
        samples = samples[: max(end - at, 0)]
        at += len(samples)
        yield samples
        if at >= end:
            break


def _timed(container: Any, stream: Any, begin: Fraction) -> Iterator[tuple[int | None, Samples]]:
    """Decode packet by packet; yield where each part belongs, in samples from ``begin``."""
    resampler: Any = None
    form: Any = None
    for packet in container.demux(stream):
        frames: list[Any] = []
        with contextlib.suppress(av.error.FFmpegError):  # damage costs its own packet
            frames = packet.decode()
        for frame in frames:
            now = (frame.format.name, frame.layout.name, frame.sample_rate)
            if now != form:
                resampler, form = av.AudioResampler("flt", "mono", RATE), now
            told = None
            if frame.pts is not None and frame.time_base is not None:
                told = round((frame.pts * frame.time_base - begin) * RATE)
            parts = [part.to_ndarray()[0] for part in resampler.resample(frame)]
            samples = np.concatenate([np.zeros(0, np.float32), *parts])
            yield told, np.nan_to_num(samples.astype(np.float32))
