"""Names of outputs that are made from their inputs' names."""

import re
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from dreamstream.errors import SinkError, TargetError
from dreamstream.file_names import fitted_name

VIDEO_SUFFIX, PICTURE_SUFFIX = ".mp4", ".png"
"""Of a video's output, and of a still's whose own suffix can't be written."""

_NOT_OF_A_NAME = re.compile(r"%\d*d|:")
"""The number of a pattern, and what no Windows file may have."""

_NAMELESS = "dream"


def stem_of(source: str) -> str:
    """Make a file's stem of an input: a path, a pattern, a URL, stdin or a camera."""
    url = urlsplit(source)
    path = PurePosixPath(url.path) if "://" in source else Path(source)
    name = path.stem or Path(source).resolve().name
    return _NOT_OF_A_NAME.sub("", name).strip("-_. ") or _NAMELESS


def output_in(folder: str, source: str, still: bool, written: tuple[str, ...]) -> Path:
    """Name the output of an input in a folder.

    Args:
        folder: Where it goes.
        source: The input.
        still: Whether it is a single picture and not a stream.
        written: Suffixes of pictures that can be written.
    """
    suffix = Path(source).suffix if still else VIDEO_SUFFIX
    if still and suffix.lower() not in written:
        suffix = PICTURE_SUFFIX
    return Path(folder) / fitted_name(stem_of(source), suffix)


def preview_name(source: str) -> str:
    """Name the preview of an input, in the folder at hand."""
    return fitted_name(stem_of(source), "-preview.png")


def beside(path: Path, ending: str) -> Path:
    """Name a file beside another one: its stem with an ending."""
    return path.with_name(fitted_name(path.stem, ending))


def untaken(path: Path, source: str, taken: dict[Path, str]) -> Path:
    """Number a name that another input has taken: ``x.mp4``, ``x-2.mp4``.

    Args:
        path: The name that an input would have alone.
        source: The input.
        taken: The inputs by their outputs; this one joins them.
    """
    free, number = path, 1
    while taken.setdefault(free, source) != source:
        number += 1
        free = beside(path, f"-{number}{path.suffix}")
    return free


def make_folder(folder: str) -> None:
    """Make the folder of an output, with those above it.

    Raises:
        SinkError: The system refuses, or a file is in its place.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise TargetError(
            f"making the folder {folder} failed: a file is in its place; give another"
        ) from error
    except OSError as error:
        raise SinkError(
            f"making the folder {folder} failed ({error.strerror}); give another"
        ) from error
