"""Errors as lines."""

from textwrap import shorten

from dreamstream.errors import DreamstreamError

_LONGEST = 400


def line_of(error: BaseException) -> str:
    """Return an error as a line: its own message, or what it is where nobody foresaw it."""
    text = " ".join(str(error).split())
    if isinstance(error, DreamstreamError | ValueError):
        return text
    return shorten(f"dreaming failed ({type(error).__name__}: {text})", _LONGEST)
