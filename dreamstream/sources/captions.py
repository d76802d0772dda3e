"""Closed captions that lie within the pictures' own data, which are left out."""

import logging
from typing import cast

from dreamstream._libraries import av

_LOG = logging.getLogger(__name__)

_TRIPLET = 3
"""Bytes of a caption's part: a head and two of data."""

_VALID = 0b100
"""Bit of the head that says that the data count."""

_EMPTY = (b"\x80\x80", b"\0\0")
"""Data that fill an empty channel."""


class CaptionWatch:
    """Warns at the first picture that has closed captions, if any has.

    Args:
        name: What messages call the stream.
    """

    def __init__(self, name: str) -> None:
        self._name, self._has_warned = name, False

    def look(self, picture: "av.VideoFrame") -> None:
        """Look at a picture's side data."""
        if self._has_warned:
            return
        try:
            captions = cast("av.buffer.Buffer | None", picture.side_data.get("A53_CC"))
        except ValueError:  # PyAV doesn't know every kind of data: a still's EXIF is one
            return
        if captions is not None and _has_text(bytes(captions)):
            self._has_warned = True
            _LOG.warning(
                "%s has closed captions in its pictures, which are left out; to keep them, "
                "extract them first as a subtitle file",
                self._name,
            )


def _has_text(data: bytes) -> bool:
    parts = (data[at : at + _TRIPLET] for at in range(0, len(data), _TRIPLET))
    return any(
        len(part) == _TRIPLET and part[0] & _VALID and part[1:] not in _EMPTY for part in parts
    )
