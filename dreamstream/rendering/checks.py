"""Whether the options of a job suit one another, the input and the output."""

from collections.abc import Sequence
from pathlib import Path

from dreamstream.config import MediaConfig
from dreamstream.config.mask_rules import FILE, parse_mask
from dreamstream.dream.guide_film import require_guide
from dreamstream.errors import UsageError
from dreamstream.frames import NUMBER, StreamInfo
from dreamstream.rendering.job import Job, flag_of
from dreamstream.rendering.looped import require_closing
from dreamstream.rendering.resume import require_resumable
from dreamstream.rendering.still_clip import becomes_clip, clip_options, holds_many
from dreamstream.sinks.alpha import require_alpha_target
from dreamstream.sinks.images import PICTURE_SUFFIXES
from dreamstream.sinks.pipe import STDOUT
from dreamstream.sinks.video import VIDEO_SUFFIXES


def require_fit(job: Job, output: str | None, info: StreamInfo) -> None:
    """Raise where options contradict one another, the input or the output.

    Args:
        job: What is to be dreamed.
        output: The output's name; None is a window.
        info: What is known of the input.

    Raises:
        UsageError: They do.
        SourceError: The guide can't be read.
    """
    media = job.media
    require_own_guide(job.dream.guide, output)
    if media.resume:
        require_resumable(job.source, output, info)
    if job.preview is not None and Path(str(output)).suffix.lower() in VIDEO_SUFFIXES:
        raise UsageError(
            f"--preview: makes a picture, not {output}; give a .png or no OUTPUT", "preview"
        )
    one = info.rate is None or job.preview is not None
    if media.save_octaves and not (one and output):
        raise UsageError(
            "--save-octaves: is for a still with an OUTPUT; use --preview for a video",
            "save_octaves",
        )
    _require_clip(job, output, info)
    _require_alpha(media, output)
    if job.dream.mask is not None and media.moves:
        raise UsageError(
            "--mask: is not for a tunnel, whose picture moves away from it; leave out --zoom, "
            "--rotate and --drift",
            "mask",
        )
    if media.width and output is None:
        raise UsageError("--width: is for an OUTPUT; a window is resized by its frame", "width")
    if job.dream.mask is None:
        _require_unmasked(job)
    _require_own_output(job.dream.mask, output)
    require_own_stats(media.stats, [output, info.path, job.source, job.dream.guide])


def require_own_guide(guide: Path | None, output: str | None) -> None:
    """Raise where the guide can't be read, or would be replaced: before anything is opened.

    Raises:
        SourceError: It can't be read, or holds no forms.
        UsageError: It is the output.
    """
    if guide is None:
        return
    require_guide(guide)
    if output is not None and Path(output).resolve() == guide.resolve():
        raise UsageError(f"--guide: {guide} is the output; give another OUTPUT", "guide")


def _require_unmasked(job: Job) -> None:
    """Raise where options of a mask are given without one."""
    for name in ("mask_invert", "mask_blur"):
        if getattr(job.dream, name) or name in job.controls.schedule:
            raise UsageError(f"{flag_of(name)}: there is no mask; give --mask", name)


def _require_own_output(mask: str | None, output: str | None) -> None:
    """Raise where the output would replace the mask, or pictures of it."""
    rule = None if mask is None else parse_mask(mask)
    if rule is None or rule.kind != FILE or output in (None, STDOUT):
        return
    path, other = Path(rule.path).resolve(), Path(str(output)).resolve()
    if path in (other, other.parent) and (path == other or NUMBER.search(other.name)):
        raise UsageError(f"--mask: {output} is the mask; give another output", "mask")


def require_own_stats(stats: Path | None, others: Sequence[str | Path | None]) -> None:
    """Raise a UsageError where the statistics would go into the input or the output."""
    taken = [Path(other).resolve() for other in others if other is not None]
    if stats is not None and stats.resolve() in taken:
        raise UsageError(f"--stats: {stats} is the input or the output; give another file", "stats")


def _require_alpha(media: MediaConfig, output: str | None) -> None:
    """Raise where transparency would be lost."""
    if not media.alpha:
        return
    if output is None or media.show:
        raise UsageError("--alpha: is for an OUTPUT; a window shows no transparency", "alpha")
    if media.compare:
        raise UsageError("--alpha: does not go with --compare; leave one of them out", "alpha")
    require_alpha_target(output)


def _require_clip(job: Job, output: str | None, info: StreamInfo) -> None:
    """Raise where options of clips from a picture meet another input or output, or a trim."""
    media = job.media
    for name in clip_options(media):
        if info.rate is not None and name != "loop":
            raise UsageError(
                f"--{name}: is for a picture, and {job.source} is a film or a camera", name
            )
        if job.preview is not None or not holds_many(output):
            raise UsageError(
                f"--{name}: makes a clip, and {output} is one picture; give a .gif", name
            )
    require_closing(job, info)
    if media.loop_fade is not None and not media.loop:
        raise UsageError("--loop-fade: is a part of a loop; give --loop too", "loop_fade")
    if media.loop_fade is not None and info.rate is None:
        raise UsageError(
            f"--loop-fade: is for a film, and {job.source} is a picture, which ends as it begins",
            "loop_fade",
        )
    if becomes_clip(media, info, output) and media.frames != (None, None):
        raise UsageError(
            "--frames: is for films; --duration sets the length of a picture's clip", "frames"
        )


def require_sheet(output: str | None) -> Path:
    """Return the path of a sheet.

    Raises:
        UsageError: It is not a single picture.
    """
    path = Path(output or "")
    if path.suffix.lower() not in PICTURE_SUFFIXES or NUMBER.search(path.name):
        raise UsageError(
            f"--list-channels: draws one picture, not {output or 'nothing'}; give a file such as "
            "channels.png"
        )
    return path
