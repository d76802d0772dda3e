"""Whether a run keeps a journal, resumes an interrupted one, or has nothing left to do."""

import logging
from pathlib import Path

from dreamstream.errors import UsageError
from dreamstream.frames import StreamInfo
from dreamstream.journal import (
    Journal,
    Terms,
    find_journal,
    forget_journals,
    interrupted,
    new_journal,
    terms_of,
    was_placed,
)
from dreamstream.render.job import Job
from dreamstream.sinks import is_series, is_there
from dreamstream.sources.opening import STDIN

_LOG = logging.getLogger(__name__)


def require_resumable(source: str, output: str | None, info: StreamInfo) -> None:
    """Raise where ``--resume`` can have no sense.

    Args:
        source: What is read.
        output: What is written; None is a window.
        info: What is known of the source.

    Raises:
        UsageError: The output is no file, or the input can't be read from its beginning again.
    """
    if output is None or output == "-":
        raise UsageError(
            "--resume: is for an OUTPUT file; a window or stdout leaves nothing", "resume"
        )
    if not _is_file(source, info):
        raise UsageError(
            f"--resume: {source} can't be read again from its beginning; leave --resume out, or "
            "save it to a file first",
            "resume",
        )


def is_whole(output: str, overwrite: bool) -> bool:
    """Return whether an output that is to be resumed is there already.

    Args:
        output: The file, or the pattern of numbered pictures.
        overwrite: Whether one that is there may be replaced: then it may be an older one, and is
            taken for whole only where the journal says so.
    """
    path = Path(output)
    if was_placed(path):
        forget_journals(path)
        return True
    return not overwrite and is_there(output) and not interrupted(path)


def open_journal(job: Job, output: str | None, info: StreamInfo) -> Journal | None:
    """Open the journal of a run: a new one, or with ``--resume`` the interrupted run's.

    Args:
        job: What is to be dreamed.
        output: What is written; None is a window.
        info: What is known of the source.

    Returns:
        The journal; None where the run keeps none, since it has no file that could be read again,
        or writes none that holds a series of frames.

    Raises:
        ResumeError: The interrupted run can't be resumed; the message says why.
    """
    one = info.rate is None or job.preview is not None
    if output is None or one or not is_series(output) or not _is_file(job.source, info):
        return None
    terms = terms_of(job.dream, job.media, info)
    resumed = _find(Path(output), terms, job.media.resume)
    return resumed or new_journal(Path(output), terms, job.media.overwrite)


def _find(output: Path, terms: Terms, resume: bool) -> Journal | None:
    """Find the interrupted run's journal, where it is asked for, and say so."""
    if not resume:
        if interrupted(output):
            _LOG.warning("an interrupted run of %s begins anew; --resume goes on with it", output)
        return None
    journal = find_journal(output, terms)
    if journal is None:
        _LOG.warning("there is nothing of %s to resume: it begins anew", output)
    else:
        _LOG.warning("%s goes on after %d frames", output, journal.frames)
    return journal


def _is_file(source: str, info: StreamInfo) -> bool:
    return source != STDIN and info.path is not None
