"""Which journal a run keeps: a new one, or the one that it resumes."""

from pathlib import Path

from dreamstream.errors import ResumeError
from dreamstream.journal.fingerprint import differences
from dreamstream.journal.folder import Journal, Run, is_placed
from dreamstream.journal.lock import FolderLock
from dreamstream.journal.remains import Remains, find_remains


def new_journal(target: Path, run: Run) -> Journal:
    """Make the journal of a run that starts from its first frame, beside its output.

    What an interrupted run has left there is replaced when the journal begins.

    Args:
        target: The output, or the pattern of numbered pictures.
        run: The run.

    Raises:
        ResumeError: Another program is writing the output, or something lies in the journal's
            place that can't be proved to be this program's.
    """
    remains = find_remains(target)
    if remains is not None and remains.is_held:
        raise ResumeError(f"writing {target} failed: another program is writing it")
    return Journal(target, run, remains)


def find_journal(target: Path, run: Run) -> Journal | None:
    """Find what an output's interrupted run with the same fingerprint has left, and hold it.

    Returns:
        The journal; None where no run was interrupted, or none that had come to save its state.

    Raises:
        ResumeError: There is one that can't be resumed; the message says why.
    """
    remains = find_remains(target)
    if remains is None or remains.saved_at is None:
        return None
    try:
        return _resumed(remains, run)
    except ResumeError as error:
        raise ResumeError(
            f"resuming {target} failed: {error}; leave out --resume to restart"
        ) from error


def _resumed(remains: Remains, run: Run) -> Journal:
    """Open an interrupted run's journal, and hold it."""
    lock = FolderLock(remains.folder)
    if not lock.take():
        raise ResumeError("another program is writing it")
    try:
        changed = differences(remains.run, run.fingerprint)
        if changed:
            raise ResumeError(changed)
        return Journal(remains.target, run, remains, lock)
    except BaseException:
        lock.release()
        raise


def was_interrupted(target: Path) -> bool:
    """Return whether an interrupted run of an output has left a state.

    Raises:
        ResumeError: Something lies in the journal's place that can't be proved to be its.
    """
    remains = find_remains(target)
    return remains is not None and remains.saved_at is not None


def has_remains(target: Path) -> bool:
    """Return whether an interrupted run of an output has left anything, a state or none.

    Raises:
        ResumeError: Something lies in the journal's place that can't be proved to be its.
    """
    return find_remains(target) is not None


def forget_placed(target: Path) -> bool:
    """Remove the journal of a run that was killed when its whole output was in place already.

    Returns:
        Whether there was such a one.
    """
    remains = find_remains(target)
    if remains is None or remains.is_held or not is_placed(remains):
        return False
    remains.remove([target])
    return True
