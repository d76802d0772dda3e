"""Where the journals of an output lie, and which of them a run resumes."""

import contextlib
import re
import shutil
from pathlib import Path

from dreamstream.errors import ResumeError
from dreamstream.journal.fingerprint import Terms
from dreamstream.journal.folder import Journal, has_state, is_placed, noted_parts
from dreamstream.journal.lock import FolderLock

_SUFFIX = ".resume"


def new_journal(target: Path, terms: Terms, overwrite: bool) -> Journal:
    """Make the journal of a run that begins anew, beside its output, under the first free name.

    Args:
        target: The output, or the pattern of numbered pictures.
        terms: What a run that resumes it must have in common with this one.
        overwrite: Whether the run may replace an existing output.
    """
    number = 1
    while True:
        count = "" if number == 1 else str(number)
        folder = target.with_name(f"{target.name}{_SUFFIX}{count}")
        if _is_remnant(folder):
            _clear(folder)
        if not folder.exists():
            return Journal(folder, terms, overwrite)
        number += 1


def find_journal(target: Path, terms: Terms) -> Journal | None:
    """Find what an output's latest interrupted run with the same terms has left, and hold it.

    Returns:
        The journal; None where no run was interrupted.

    Raises:
        ResumeError: There are only such as can't be resumed; the message says why.
    """
    obstacle: ResumeError | None = None
    for folder in interrupted(target):
        try:
            return Journal.resumed(folder, terms)
        except ResumeError as error:
            obstacle = obstacle or error
    if obstacle is not None:
        raise ResumeError(
            f"resuming {target} failed: {obstacle}; leave out --resume to begin anew"
        ) from obstacle
    return None


def interrupted(target: Path) -> list[Path]:
    """List the journals with a state that an output has, the latest first."""
    found = [(time, folder) for folder in _folders(target) if (time := has_state(folder))]
    return [folder for _, folder in sorted(found, reverse=True)]


def was_placed(target: Path) -> bool:
    """Tell whether a run was killed when its whole output was in place, and its journal not gone.

    Then the journal is of no more use.
    """
    return any(is_placed(folder, target) for folder in _folders(target))


def forget_journals(target: Path) -> None:
    """Remove the journals of an output that is whole, except those that a program holds."""
    for folder in _folders(target):
        if not _is_held(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _folders(target: Path) -> list[Path]:
    expected = re.compile(re.escape(target.name + _SUFFIX) + r"\d*")
    if not target.parent.is_dir():
        return []
    return [path for path in target.parent.iterdir() if expected.fullmatch(path.name)]


def _clear(folder: Path) -> None:
    """Remove a remnant, with the file in which its run had not made a picture yet."""
    for part in noted_parts(folder):
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _is_remnant(folder: Path) -> bool:
    """Tell whether a folder is what a run left that was killed before its first frame."""
    return folder.is_dir() and has_state(folder) is None and not _is_held(folder)


def _is_held(folder: Path) -> bool:
    lock = FolderLock(folder)
    try:
        return not lock.take()
    except OSError:  # someone else's, or no folder at all
        return True
    finally:
        lock.release()
