"""Sound of the source: copied where the container's players know it, else encoded again."""

import logging
from fractions import Fraction
from typing import Any, cast

from dreamstream._libraries import av
from dreamstream.sinks.base import MP4_SUFFIXES
from dreamstream.sinks.encoded_sound import EncodedSound
from dreamstream.sinks.lane import Lane
from dreamstream.sinks.sound_survey import Sounding
from dreamstream.sinks.sound_trial import FAULTY, SoundTrial, can_mux
from dreamstream.sinks.tags import copy_stream_tags

_LOG = logging.getLogger(__name__)

_HOLDS = {
    # Browsers, phones or televisions play these; FFmpeg would write more, such as DTS or Vorbis
    ".mp4": ("aac", "mp3", "opus", "flac", "ac3", "eac3", "alac"),
    ".mov": ("aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s16be", "pcm_s24le"),
    ".webm": ("opus", "vorbis"),
}
"""What players find in a container; Matroska's take all that FFmpeg can write."""

_SUBSTITUTE = {".webm": "libopus"}
"""Encoder for sound that a container can't hold, where it is not AAC."""

_LATE = Fraction(1, 2)
"""Seconds behind the pictures' begin from which on sound begins late."""


def sound_lane(
    stream: "av.AudioStream",
    sounding: Sounding | None,
    output: "av.container.OutputContainer",
    suffix: str,
    begin: Fraction,
) -> Lane | None:
    """Choose how sound reaches the output.

    Args:
        stream: The source's.
        sounding: How it begins; None where there is none of it.
        output: The container to write to, before its header.
        suffix: Its suffix.
        begin: Time in the source's own clock, in seconds, of the output's time 0.

    Returns:
        The lane; None, with a warning, where there is no way.
    """
    if sounding is None:
        _LOG.warning("sound stream %d is left out: %s", stream.index, _why_left_out(stream))
        return None
    obstacle = _find_obstacle(stream, sounding, suffix)
    if obstacle is None:
        return _Copy(stream, output, suffix, begin)
    encoder = _SUBSTITUTE.get(suffix, "aac")
    _LOG.warning("%s: it is encoded again with %s", obstacle, encoder)
    return EncodedSound(stream, sounding, output, encoder, suffix, begin)


def is_copied(stream: "av.AudioStream", sounding: Sounding, suffix: str) -> bool:
    """Return whether sound is copied as it is; else it is encoded again."""
    return _find_obstacle(stream, sounding, suffix) is None


def _find_obstacle(stream: "av.AudioStream", sounding: Sounding, suffix: str) -> str | None:
    """Return what stands against a copy of a sound, None where nothing does.

    Late sound is not copied into an mp4 or mov: FFmpeg writes the index of a fragmented file when
    all streams have begun, and a film that is interrupted before would be lost.  Nor is a sound
    whose head is missing or damaged: FFmpeg finds that out when it writes the index, and refuses
    the whole film.
    """
    name = stream.codec_context.codec.canonical_name
    if name not in _HOLDS.get(suffix, (name,)):
        return f"{suffix} can't hold {name} sound"
    if sounding.changes:
        return f"sound stream {stream.index} changes its form midway"
    if suffix in MP4_SUFFIXES and sounding.begin > _LATE:
        return f"sound stream {stream.index} begins late, behind silence"
    if sounding.told and can_mux(stream, sounding.first, suffix):
        return None
    return f"{suffix} can't hold sound stream {stream.index} ({name}) as it is"


def _why_left_out(stream: "av.AudioStream") -> str:
    if stream.codec_context is None:
        return "its codec is unknown"
    return "none of it, or none that can be decoded, is in what is read"


class _Copy(Lane):
    """Copies packets as they are, moved to the stream's time 0."""

    def __init__(
        self,
        stream: "av.AudioStream",
        output: "av.container.OutputContainer",
        suffix: str,
        begin: Fraction,
    ) -> None:
        self._output, self._begin = output, begin
        self._target = output.add_stream_from_template(stream)
        copy_stream_tags(stream, self._target, suffix)
        self._trial = SoundTrial(stream, suffix) if suffix in MP4_SUFFIXES else None
        self._source, self._has_failed = stream.index, False

    def begin(self) -> None:
        """Nothing comes first."""

    def write(self, packet: "av.Packet[Any]") -> None:
        shift = round(self._begin / packet.time_base)
        packet.pts = cast(int, packet.pts) - shift
        packet.dts = packet.pts  # sound is never reordered, and Matroska may leave dts out
        if self._trial is not None and not self._trial.takes(packet):
            self._drop()
            return
        packet.stream = self._target
        try:
            self._output.mux_one(packet)
        except FAULTY:
            self._drop()

    def _drop(self) -> None:
        if not self._has_failed:
            self._has_failed = True
            _LOG.warning("sound stream %d is damaged: what is faulty is left out", self._source)

    def reach(self, time: Fraction) -> None:
        """Nothing falls due."""

    def flush(self, end: Fraction) -> None:
        """Nothing is held back."""
        if self._trial is not None:
            self._trial.close()
