"""Whether a run keeps a journal, resumes an interrupted one, or has nothing left to do."""

import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING

from dreamstream.config import DreamConfig
from dreamstream.dream.resampling import fit_size
from dreamstream.errors import ResumeError, UsageError
from dreamstream.frames import NUMBER, StreamInfo
from dreamstream.journal import (
    DreamerState,
    Journal,
    Run,
    find_journal,
    fingerprint_of,
    forget_placed,
    has_remains,
    new_journal,
    was_interrupted,
)
from dreamstream.rendering.job import Job
from dreamstream.sinks import is_series, is_there, segments
from dreamstream.sinks.images import numbered
from dreamstream.sources.opening import STDIN

if TYPE_CHECKING:
    from dreamstream.rendering.pipeline import Resumable

_LOG = logging.getLogger(__name__)

_SEGMENT_SECONDS, _FEWEST_FRAMES = 30.0, 5
"""Seconds of work that a segment is made for, and its frames at the least: every segment begins
with a key frame."""

_PIXEL_STEPS = 1_500_000
"""Pixels on which the bundled network takes a step in a second, on two processor cores: 480x270 ran
at 6 frames a second."""

_LARGE = 100_000
"""Bytes from which on a size is told in megabytes."""

_STATE_FLOOR, _STATE_BYTES = 1 << 26, 64
"""Most bytes of a dreamer's state: of a small picture, which may be enlarged for the network, and
for each pixel; it is two residuals of floats and a picture."""


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


def is_whole(output: str, overwrite: bool, frames: int | None = None) -> bool:
    """Return whether an output that is to be resumed is there already.

    Args:
        output: The file, or the pattern of numbered pictures.
        overwrite: Whether one that is there may be replaced: then it may be an older one, and is
            taken for whole only where the journal says so.
        frames: Of the input; where it is known, so many numbered pictures are whole.

    Raises:
        ResumeError: Something lies in the journal's place that is not this program's.
    """
    path = Path(output)
    if forget_placed(path):
        return True
    if overwrite or not is_there(output) or was_interrupted(path):
        return False
    if not NUMBER.search(path.name):
        return True
    count = sum(1 for _ in numbered(path))  # pictures come to their places one by one
    return not has_remains(path) and (frames is None or count >= frames)


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
        ResumeError: The interrupted run can't be resumed, or something lies in the journal's place
            that is not this program's; the message says why.
    """
    one = info.rate is None or job.preview is not None
    if output is None or one or not is_series(output) or not _is_file(job.source, info):
        return None
    run = Run(
        fingerprint_of(job.dream, job.media, info, job.controls),
        segment_frames(job.dream, info),
        _STATE_FLOOR + _STATE_BYTES * info.height * info.width,
        info.reads | {info.path} if info.path is not None else info.reads,
    )
    resumed = _find(Path(output), run) if job.media.resume else None
    return resumed or new_journal(Path(output), run)


def restore(dreamer: "Resumable", state: DreamerState, output: str) -> None:
    """Let a dreamer go on from a saved state.

    Raises:
        ResumeError: It is none of such a dreamer.
    """
    try:
        dreamer.restore(state)
    except (KeyError, ValueError, TypeError) as error:
        raise ResumeError(
            f"resuming {output} failed: the saved state is damaged; leave out --resume to restart"
        ) from error


def describe_left(partial: Path | None, journal: Journal | None) -> str | None:
    """Say in a line what an interrupted run has left, how large it is, and what may be done.

    Args:
        partial: The file that holds what was dreamed; None where there is none.
        journal: The run's; its latest state is saved first.
    """
    told = []
    if partial is not None:
        told.append(f"what was dreamed is in {partial} ({_shown_size(partial.stat().st_size)})")
    if journal is not None:
        journal.leave()
        if journal.size:
            told.append(_describe_journal(journal, partial))
    return "; ".join(told) or None


def _describe_journal(journal: Journal, partial: Path | None) -> str:
    folder = f"{journal.folder} ({_shown_size(journal.size)})"
    if not journal.saved_frames:
        return f"{folder} notes it for the next run, which restarts and replaces it"
    return (
        f"{folder} keeps what the same command with --resume needs to go on after "
        f"{journal.saved_frames} frames" + ("; without it both are replaced" if partial else "")
    )


def _shown_size(size: int) -> str:
    """Write a number of bytes as people read it."""
    return f"{size / 1e6:.1f} MB" if size >= _LARGE else f"{math.ceil(size / 1e3)} kB"


def segment_frames(dream: DreamConfig, info: StreamInfo) -> int:
    """Choose the frames of a segment, so that little work is lost with an open one.

    It depends on the settings alone, never on a clock, so that equal runs give equal files.

    Args:
        dream: How it dreams.
        info: What is dreamed.

    Returns:
        As many as take about half a minute on two processor cores, within bounds.
    """
    height, width = fit_size((info.height, info.width), dream.dream_size)
    ratio = dream.octave_scale**-2  # of an octave's area to that of the next
    area = height * width * sum(ratio**octave for octave in range(dream.octaves))
    work = area * max(1, dream.steps) / _PIXEL_STEPS
    return max(_FEWEST_FRAMES, min(segments.LONGEST_SEGMENT, round(_SEGMENT_SECONDS / work)))


def _find(output: Path, run: Run) -> Journal | None:
    """Find the interrupted run's journal, and say what is resumed."""
    journal = find_journal(output, run)
    if journal is None:
        _LOG.warning("there is nothing of %s to resume: it restarts", output)
    else:
        _LOG.warning("%s goes on after %d frames", output, journal.frames)
    return journal


def _is_file(source: str, info: StreamInfo) -> bool:
    return source != STDIN and info.path is not None
