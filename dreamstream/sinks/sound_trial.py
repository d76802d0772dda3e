"""Tries what FFmpeg makes of a copied sound before the film depends on it."""

import contextlib
import io
from fractions import Fraction
from typing import Any

from dreamstream._libraries import av
from dreamstream.sinks.base import MP4_SUFFIXES

FORMATS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""FFmpeg's names of the containers."""

FAULTY = (av.error.InvalidDataError, av.error.PatchWelcomeError, av.error.ArgumentError)
"""What FFmpeg says of packets that it can't wrap; all else is of the disk."""

_FRAGMENTED = {"movflags": "frag_keyframe", "frag_duration": "200000"}
"""Options with which an mp4 or mov needs no memory for what has been written."""

_DELAYED = {"movflags": "frag_keyframe+delay_moov"}
"""The same with the head written behind packets that tell more; it keeps FFmpeg from rewrapping."""

_REWRITTEN = {"movflags": "hybrid_fragmented+frag_keyframe+delay_moov"}
"""Options with which an mp4 or mov can't be closed where its film could not be."""


def is_rewrapped(stream: "av.AudioStream") -> bool:
    """Return whether FFmpeg rewraps a copy: AAC that tells its form in each packet, not before."""
    return stream.codec_context.name == "aac" and not stream.codec_context.extradata


def can_mux(stream: "av.AudioStream", first: bytes, suffix: str) -> bool:
    """Try whether FFmpeg makes a whole file of a sound's head and its first packet.

    Args:
        stream: The source's.
        first: The packet's data; none tries the head alone.
        suffix: The container's.
    """
    options = _REWRITTEN if suffix in MP4_SUFFIXES and not is_rewrapped(stream) else {}
    try:
        with av.open(io.BytesIO(), "w", format=FORMATS[suffix], options=options) as trial:
            target = trial.add_stream_from_template(stream)
            trial.start_encoding()
            if first:
                packet = av.Packet(first)
                packet.pts, packet.dts, packet.time_base = 0, 0, Fraction(1, 1000)
                packet.stream = target
                trial.mux_one(packet)
    except (av.error.FFmpegError, ValueError):
        return False
    return True


class SoundTrial:
    """Muxes the packets of a sound alone, into nothing.

    In a film FFmpeg interleaves: it refuses a packet when another stream's is written, or at the
    end, where nothing tells any more which one it was.

    Args:
        stream: The source's.
        suffix: The container's, ``.mp4`` or ``.mov``.
    """

    def __init__(self, stream: "av.AudioStream", suffix: str) -> None:
        options = _FRAGMENTED | ({} if is_rewrapped(stream) else _DELAYED)
        self._output = av.open(_Nowhere(), "w", format=FORMATS[suffix], options=options)
        self._target = self._output.add_stream_from_template(stream)

    def takes(self, packet: "av.Packet[Any]") -> bool:
        """Return whether FFmpeg takes a packet, which follows those that it has taken."""
        tried = av.Packet(bytes(packet))
        tried.pts, tried.dts, tried.duration = packet.pts, packet.dts, packet.duration
        tried.time_base, tried.is_keyframe = packet.time_base, packet.is_keyframe
        tried.stream = self._target
        try:
            self._output.mux_one(tried)
        except FAULTY:
            return False
        return True

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(av.error.FFmpegError):
            self._output.close()


class _Nowhere:
    """A file that forgets what is written."""

    name = "nowhere"

    def write(self, data: bytes) -> int:
        return len(data)
