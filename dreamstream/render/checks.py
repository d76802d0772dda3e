"""Whether the options of a run fit one another, the input and the output."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dreamstream.cli.arguments import Request, UsageError, flag_of

if TYPE_CHECKING:
    from dreamstream.frames import StreamInfo


def require_live(request: Request) -> None:
    """Raise where an option can't act in a live view, or nothing would come of it."""
    from dreamstream.config import LiveConfig
    from dreamstream.live.session import is_live

    media, live = request.media, request.live
    is_film = not is_live(request.inputs[0], LiveConfig())
    if len(request.inputs) > 1 or request.into_folder:
        raise UsageError("a live view takes one INPUT, and a file as OUTPUT; give no more")
    for flag, given in _NOT_LIVE.items():
        if given(request):
            raise UsageError(f"{flag}: is not for a live view; leave it out")
    if live.no_window and request.output is None and not live.virtual_camera:
        raise UsageError("--no-window: nothing is left to see; give an OUTPUT or --virtual-camera")
    if not is_film and (media.start or media.loop):
        raise UsageError(f"{'--start' if media.start else '--loop'}: is for a film, not a camera")
    if media.stats is not None and _is_one_of(media.stats, [request.output, *request.inputs]):
        raise UsageError(f"--stats: {media.stats} is the input or the output; give another file")


_NOT_LIVE: Mapping[str, Callable[[Request], bool]] = {
    "--preview": lambda request: request.preview is not None,
    "--frames": lambda request: request.media.frames != (None, None),
    "--fps": lambda request: request.media.fps is not None,
    "--compare": lambda request: request.media.compare,
    "--save-octaves": lambda request: request.media.save_octaves,
    "--resume": lambda request: request.media.resume,
    "--zoom, --rotate, --drift": lambda request: request.media.moves,
}
"""Flags that a live view has no use for, and what tells that they are given."""


def require_fit(request: Request, source: str, output: str | None, info: "StreamInfo") -> None:
    """Raise where options contradict one another, the input or the output."""
    from dreamstream.render.resume import require_resumable
    from dreamstream.sinks.video import VIDEO_SUFFIXES

    media, live = request.media, request.live
    for flag in ("no_window", "virtual_camera"):
        if getattr(live, flag):
            raise UsageError(f"{flag_of(flag)}: is for a live view; give a camera, or --live")
    if media.resume:
        require_resumable(source, output, info)
    if request.preview is not None and Path(str(output)).suffix.lower() in VIDEO_SUFFIXES:
        raise UsageError(f"--preview: makes a picture, not {output}; give a .png or no OUTPUT")
    one = info.rate is None or request.preview is not None
    if media.save_octaves and not (one and output):
        raise UsageError("--save-octaves: is for a still with an OUTPUT; use --preview for a video")
    _require_clip(request, source, output, info)
    if media.width and output is None:
        raise UsageError("--width: is for an OUTPUT; a window is resized by its frame")
    if media.stats is not None and _is_one_of(media.stats, [output, info.path, source]):
        raise UsageError(f"--stats: {media.stats} is the input or the output; give another file")


def _require_clip(request: Request, source: str, output: str | None, info: "StreamInfo") -> None:
    """Raise where options of clips from a picture meet another input or output, or a trim."""
    from dreamstream.render.still_clip import becomes_clip, clip_options, holds_many

    media = request.media
    for name in clip_options(media):
        if info.rate is not None:
            raise UsageError(f"--{name}: is for a picture, and {source} is a film or a camera")
        if request.preview is not None or not holds_many(output):
            raise UsageError(f"--{name}: makes a clip, and {output} is one picture; give a .gif")
    if becomes_clip(media, info, output) and media.frames != (None, None):
        raise UsageError("--frames: is for films; --duration sets the length of a picture's clip")


def _is_one_of(path: Path, others: Sequence[str | Path | None]) -> bool:
    return path.resolve() in [Path(other).resolve() for other in others if other is not None]
