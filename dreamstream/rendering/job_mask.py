"""The mask of a job: opened with its input, given to its dreamer."""

from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, cast

from dreamstream.rendering.job import Job

if TYPE_CHECKING:
    from dreamstream.controls.mask_maker import MaskMaker
    from dreamstream.rendering.pipeline import FrameDreamer
    from dreamstream.sources import Source


def open_job_mask(stack: ExitStack, job: Job, source: "Source") -> "MaskMaker | None":
    """Open the mask that a job asks for.

    Args:
        stack: Closes it at the end.
        job: What is to be dreamed.
        source: Its input, before a still is held.

    Returns:
        The mask; None where it asks for none.

    Raises:
        SourceError: A file of it can't be read.
        UsageError: It does not fit the input.
    """
    from dreamstream.controls.masks import Masked, open_mask

    dream = job.dream
    if dream.mask is None:
        return None
    follows = dream.blend > 0 and dream.flow != "off"
    masked = Masked.of(job.source, source, follows_motion=follows)
    return stack.enter_context(closing(open_mask(dream.mask, masked)))


def with_mask(dreamer: "FrameDreamer", mask: "MaskMaker | None") -> "FrameDreamer":
    """Return a dreamer that gives each frame its mask, where there is one."""
    from dreamstream.rendering.masked import MaskableDreamer, MaskedDreamer

    return dreamer if mask is None else MaskedDreamer(cast(MaskableDreamer, dreamer), mask)
