"""Whether a request's options suit a live view, or a rendering."""

from collections.abc import Callable, Mapping

from dreamstream.cli.arguments import Request
from dreamstream.config import LiveConfig
from dreamstream.errors import UsageError
from dreamstream.rendering.job import flag_of


def require_live(request: Request) -> None:
    """Raise a UsageError where an option can't act in a live view, or nothing would come of it.

    Raises:
        UsageError: One can't.
        SourceError: The guide can't be read.
    """
    from dreamstream.live.session import is_live
    from dreamstream.rendering.checks import require_own_guide, require_own_stats

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
    require_own_guide(request.dream.guide, request.output)
    require_own_stats(media.stats, [request.output, *request.inputs])


_NOT_LIVE: Mapping[str, Callable[[Request], bool]] = {
    "--preview": lambda request: request.preview is not None,
    "--frames": lambda request: request.media.frames != (None, None),
    "--fps": lambda request: request.media.fps is not None,
    "--compare": lambda request: request.media.compare,
    "--alpha": lambda request: request.media.alpha,
    "--loop-fade": lambda request: request.media.loop_fade is not None,
    "--save-octaves": lambda request: request.media.save_octaves,
    "--resume": lambda request: request.media.resume,
    "--plot-schedule": lambda request: request.controls.plot_schedule is not None,
    "--zoom, --rotate, --drift": lambda request: request.media.moves,
}
"""Flags that a live view has no use for, and what tells that they are given."""


def refuse_live_options(live: LiveConfig) -> None:
    """Raise a UsageError where an option of the live view is given for a rendering."""
    for field in ("no_window", "virtual_camera"):
        if getattr(live, field):
            raise UsageError(
                f"{flag_of(field)}: is for a live view; give a camera, or --live", field
            )
