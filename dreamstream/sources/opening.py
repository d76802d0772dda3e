"""Streams opened for reading: files, URLs and standard input."""

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from dreamstream._libraries import av, file_url
from dreamstream.errors import SourceError
from dreamstream.sources.headers import picture_size
from dreamstream.sources.kinds import kind_of
from dreamstream.sources.limits import require_room

STDIN = "-"
"""Names standard input."""

OPEN_TIMEOUT, READ_TIMEOUT = 20.0, 20.0
"""Seconds after which a URL that does not answer, or a stream that stalls, is given up."""

_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)

_PASSWORD = re.compile(r"(?<=//)[^/@]*@")
"""What stands in a URL before the host and is no one's business in a message."""

_OPTIONS = {"rtsp": {"rtsp_transport": "tcp"}}
"""FFmpeg's options of a scheme: over UDP cameras' pictures came torn."""

_COVERS = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
"""Dispositions of pictures that stand for a film in a list."""

_HEAD_BYTES = 64

_STDIN_NUMBER = 0
_STDIN_FILE = Path("/proc/self/fd/0")
"""Where Linux lets one open a redirected file again."""


@dataclass(frozen=True, slots=True)
class Location:
    """Where a stream is.

    Attributes:
        name: What messages call it.
        path: The file, which can be opened a second time; None for a URL or a pipe.
        url: The URL; None otherwise.
    """

    name: str
    path: Path | None = None
    url: str | None = None


class Pipe:
    """Standard input as FFmpeg reads it.

    A signal would be swallowed in FFmpeg's callback, so it ends the stream there and is raised
    again by :meth:`check`.
    """

    def __init__(self) -> None:
        self._raised: BaseException | None = None

    def read(self, size: int) -> bytes:
        """Read what is there, at most ``size`` bytes; nothing at the end."""
        if self._raised is not None:
            return b""
        try:
            return os.read(_STDIN_NUMBER, size)
        except BaseException as error:
            self._raised = error
            return b""

    def check(self) -> None:
        """Raise what a read met."""
        if self._raised is not None:
            raise self._raised


def is_url(target: str | Path) -> bool:
    """Return whether a target is a URL rather than a path."""
    return isinstance(target, str) and _URL.match(target) is not None


def locate(target: str | Path) -> Location:
    """Find out what a target names: a URL, standard input, or a file."""
    if is_url(target):
        return Location(_PASSWORD.sub("", str(target)), url=str(target))
    if target != STDIN:
        return Location(str(target), path=Path(target))
    return Location("stdin", path=_STDIN_FILE if _is_redirected_file() else None)


def _is_redirected_file() -> bool:
    try:
        regular = stat.S_ISREG(os.fstat(_STDIN_NUMBER).st_mode)
        return regular and _STDIN_FILE.exists() and os.lseek(_STDIN_NUMBER, 0, os.SEEK_CUR) == 0
    except OSError:
        return False


def open_container(location: Location) -> tuple["av.container.InputContainer", Pipe | None]:
    """Open a stream for reading.

    Returns:
        The container, and the pipe it reads from where it is one.

    Raises:
        SourceError: It can't be opened, FFmpeg can't read it, or its pictures are larger than
            memory holds.
    """
    _require_content(location)
    _require_room(location)
    pipe = Pipe() if location.path is None and location.url is None else None
    try:
        return _opened(location, pipe), pipe
    except (av.error.InvalidDataError, av.error.EOFError) as error:
        if pipe is not None:
            pipe.check()
        raise SourceError(
            f"reading {location.name} failed: it is no video or picture that FFmpeg can read, or "
            "its header is damaged; convert or repair it first"
        ) from error
    except (av.error.FFmpegError, OSError) as error:
        raise _opening_error(location, error) from error


def _opened(location: Location, pipe: Pipe | None) -> "av.container.InputContainer":
    if pipe is not None:
        return av.open(pipe, "r", metadata_errors="replace")
    if location.path is not None:
        return av.open(file_url(location.path), metadata_errors="replace")
    url = str(location.url)
    scheme = url.partition(":")[0].lower().removesuffix("s")
    return av.open(
        url,
        metadata_errors="replace",
        options=_OPTIONS.get(scheme, {}),
        timeout=(OPEN_TIMEOUT, READ_TIMEOUT),
    )


def _require_content(location: Location) -> None:
    if location.path is not None and not location.path.stat().st_size:
        raise SourceError(
            f"reading {location.name} failed: the file is empty; give a video or a picture"
        )
    if location.path is None and location.url is None and os.isatty(_STDIN_NUMBER):
        raise SourceError("reading stdin failed: it is a terminal; pipe a video into it")


def _require_room(location: Location) -> None:
    """Look at the head of an animated picture, which FFmpeg decodes already when it is opened."""
    if location.path is None or not location.path.is_file():
        return
    with location.path.open("rb") as file:
        size = picture_size(file.read(_HEAD_BYTES), kind_of(location.path))
    if size is not None:
        require_room(location.name, size)


def _opening_error(location: Location, error: Exception) -> SourceError:
    """Say why a stream could not be opened."""
    if isinstance(error, av.error.ProtocolNotFoundError):
        reason, remedy = "FFmpeg here has no such scheme", "give http, https, rtsp or a file"
    elif location.url is not None:
        reason, remedy = reason_of(error), "check the address and the connection"
    else:
        reason, remedy = reason_of(error), "check that it may be read"
    return SourceError(f"opening {location.name} failed ({reason}); {remedy}")


def reason_of(error: Exception) -> str:
    """Say in a few words why FFmpeg or the system failed."""
    if isinstance(error, av.error.ExitError):
        return f"no answer for {READ_TIMEOUT:g} s"
    return str(getattr(error, "strerror", None) or error)


def video_streams(container: "av.container.InputContainer", name: str) -> list["av.VideoStream"]:
    """List the video streams that can be decoded, the one that a viewer expects first.

    Covers and thumbnails are passed over, and pictures beside a film; of several films the one that
    the file calls its default comes before larger ones, as FFmpeg chooses.

    Raises:
        SourceError: There is none, or nothing here decodes it.
    """
    films = [one for one in container.streams.video if not one.disposition & _COVERS]
    if not films:
        held = "only sound" if container.streams.audio else "no pictures"
        raise SourceError(
            f"reading {name} failed: it holds {held}; give a file with a video stream"
        )
    decodable = [one for one in films if one.codec_context is not None]
    if not decodable:
        raise SourceError(
            f"reading {name} failed: its video codec can't be decoded here; convert it to H.264 "
            "first"
        )
    return sorted(decodable, key=_fitness, reverse=True)


def _fitness(stream: "av.VideoStream") -> tuple[bool, bool, int]:
    """Rank a stream: films before single pictures, defaults before others, then by their size."""
    is_default = bool(stream.disposition & av.stream.Disposition.default)
    return stream.frames != 1, is_default, (stream.width or 0) * (stream.height or 0)
