"""The one folder that the studio reads, and the work folder in it to which alone it writes."""

import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from dreamstream.errors import DreamstreamError
from dreamstream.file_names import LONGEST_NAME, fitted_name
from dreamstream.rendering.output_names import beside, stem_of

WORK = "dreamstream-studio"
"""Name of the work folder."""

FILMS = frozenset(
    {
        *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".m2ts", ".mts"),
        *(".wmv", ".flv", ".ogv", ".3gp", ".vob", ".mxf", ".gif", ".apng"),
    }
)
PHOTOS = frozenset(
    {
        *(".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif"),
    }
)
"""Suffixes of what is listed and may be uploaded; the content is looked at when it is used."""

_MOST_FILES, _MOST_DEPTH = 2000, 4
"""Files that a listing holds at the most, and levels of folders that it goes down."""

_RESERVE = 256 << 20
"""Bytes that an upload leaves free on the disk."""

_PART = ".upload"


class FolderError(DreamstreamError):
    """A path may not be used, or an upload was refused.

    Attributes:
        status: HTTP's number for it.
    """

    def __init__(self, message: str, status: int = 403) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that can be chosen.

    Attributes:
        path: Relative to the folder, with slashes.
        kind: "film" or "photo".
        size: Bytes.
        modified: Seconds since the epoch.
    """

    path: str
    kind: str
    size: int
    modified: float


class Folder:
    """A folder whose files are read by names relative to it.

    Args:
        root: The folder; it must be there.

    Attributes:
        root: It, without links.
        work: Where the studio writes.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.work = self.root / WORK

    def make(self) -> None:
        """Make the work folder and those in it.

        Raises:
            FolderError: The system refuses, or a link lies in its place.
        """
        for folder in (self.work, *(self.work / name for name in ("dreams", "looks", "uploads"))):
            try:
                folder.mkdir(exist_ok=True)
            except OSError as error:
                raise FolderError(
                    f"making the folder {folder} failed ({error.strerror}); give a FOLDER that you "
                    "may write to"
                ) from error
            if folder.is_symlink():
                raise FolderError(f"{folder} is a link; remove it, or give another FOLDER")

    def file(self, name: str) -> Path:
        """Return the path of an ordinary file in the folder.

        Args:
            name: Relative to the folder, with slashes.

        Raises:
            FolderError: It lies outside, also by way of a link, or there is no such file.
        """
        path = self._inside(name)
        if not path.is_file():
            raise FolderError(f"opening {name} failed: there is no such file", 404)
        return path

    def relative(self, path: Path) -> str:
        """Return a path's name as the page knows it."""
        return path.relative_to(self.root).as_posix()

    def _inside(self, name: str) -> Path:
        refused = FolderError(f"opening {name!r} failed: it is outside of {self.root}")
        if not name or "\0" in name or name.startswith(("/", "~")) or ".." in Path(name).parts:
            raise refused
        try:
            path = (self.root / name).resolve()
        except (OSError, RuntimeError) as error:  # a circle of links
            raise refused from error
        if not path.is_relative_to(self.root):
            raise refused
        return path

    def entries(self) -> list[Entry]:
        """List the films and photos, newest first; links out of the folder are left out."""
        found = []
        for path in self._walk(self.root, _MOST_DEPTH):
            suffix = path.suffix.lower()
            kind = "film" if suffix in FILMS else "photo" if suffix in PHOTOS else None
            if kind is None or ".part" in path.suffixes:
                continue
            with contextlib.suppress(OSError, FolderError):
                status = self._inside(self.relative(path)).stat()
                name = self.relative(path)
                found.append(Entry(name, kind, status.st_size, status.st_mtime))
            if len(found) >= _MOST_FILES:
                break
        return sorted(found, key=lambda entry: -entry.modified)

    def _walk(self, folder: Path, depth: int) -> Iterator[Path]:
        try:
            children = sorted(os.scandir(folder), key=lambda child: child.name)
        except OSError:
            return
        for child in children:
            path = Path(child.path)
            if child.name.startswith(".") or child.name.endswith(".resume"):
                continue
            if child.is_dir(follow_symlinks=False):
                if depth and path != self.work / "cache":
                    yield from self._walk(path, depth - 1)
            elif path.is_file():
                yield path

    def new_output(self, source: str, ending: str) -> Path:
        """Name an output after its source, under a name that is free.

        Args:
            source: The source's name.
            ending: What follows its stem, with the suffix.
        """
        folder = self.work / "dreams"
        return free_path(folder / fitted_name(stem_of(Path(source).name), ending))

    async def receive(self, name: str, length: int | None, body: AsyncIterator[bytes]) -> Path:
        """Write an upload to the work folder, as it comes, under a name that is free.

        Args:
            name: The file's own name.
            length: Bytes announced; None where that is unknown.
            body: What comes.

        Raises:
            FolderError: The name's kind is unknown, it is empty, broken off, or the disk is full.
        """
        target = self.work / "uploads" / _upload_name(name)
        _require_room(target.parent, length or 0, name)
        part, received = free_path(target.with_name(f"{target.stem[:80]}{_PART}")), 0
        try:
            with part.open("xb") as file:
                async for chunk in body:
                    received += len(chunk)
                    if length is not None and received > length:
                        raise FolderError(f"uploading {name} failed: it is longer than said", 400)
                    _require_room(target.parent, len(chunk), name)
                    file.write(chunk)
            if not received or (length is not None and received != length):
                problem = "it broke off" if received else "it is empty"
                raise FolderError(f"uploading {name} failed: {problem}", 400)
            whole = free_path(target)
            os.close(os.open(whole, os.O_CREAT | os.O_EXCL | os.O_WRONLY))  # never another's file
            os.replace(part, whole)
            return whole
        except OSError as error:
            raise FolderError(f"uploading {name} failed ({error.strerror})", 507) from error
        finally:
            part.unlink(missing_ok=True)


def free_path(path: Path) -> Path:
    """Number a name that is taken, also by an output in the making: ``x.mp4``, ``x-2.mp4``."""
    free, number = path, 1
    while _is_taken(free):
        number += 1
        free = beside(path, f"-{number}{path.suffix}")
    return free


def _is_taken(path: Path) -> bool:
    from dreamstream.file_names import journal_path, part_path

    names = (path, part_path(path, 1, path.suffix), journal_path(path))
    return any(os.path.lexists(each) for each in names)


def _upload_name(name: str) -> str:
    """Make a file name of an upload's; a folder in it is left out.

    Raises:
        FolderError: It is of no known kind.
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    stem, _, suffix = last.rpartition(".")
    if f".{suffix.lower()}" not in FILMS | PHOTOS:
        kinds = " ".join(sorted(FILMS | PHOTOS))
        raise FolderError(
            f"uploading {name} failed: it is of no known kind; known are {kinds}", 415
        )
    kept = "".join(each for each in stem if each.isprintable() and each not in '<>:"|?*%')
    return fitted_name(kept.strip(" .-")[: LONGEST_NAME // 2] or "upload", f".{suffix.lower()}")


def _require_room(folder: Path, length: int, name: str) -> None:
    free = shutil.disk_usage(folder).free
    if length + _RESERVE > free:
        raise FolderError(
            f"uploading {name} failed: the disk has {max(0, free - _RESERVE) >> 20} MB left for "
            "it; free some space",
            507,
        )
