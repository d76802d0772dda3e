"""The command: arguments to jobs, and exit codes.  Only this module and ``progress`` print."""

import logging
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from textwrap import shorten
from typing import TYPE_CHECKING

from dreamstream.cli.arguments import Request, list_presets_text, parse_request
from dreamstream.cli.live_checks import refuse_live_options, require_live
from dreamstream.cli.progress import Progress, announce, shown_rate
from dreamstream.cli.signals import Stopped, close_stdout, stop_signals
from dreamstream.errors import (
    DeviceError,
    DreamstreamError,
    ModelError,
    ResumeError,
    SourceError,
    SourceLost,
    TargetError,
    UnknownNameError,
    UsageError,
)
from dreamstream.models.tensorflow_setup import load_tensorflow

if TYPE_CHECKING:
    from dreamstream.rendering.run import Renderer

DONE, FAILURE, USAGE, BAD_INPUT, PARTIAL = 0, 1, 2, 3, 4
_FROM_BEST_TO_WORST = (DONE, PARTIAL, BAD_INPUT, USAGE, FAILURE)
_CODES: Mapping[type[Exception], int] = {
    UsageError: USAGE,
    UnknownNameError: USAGE,
    DeviceError: USAGE,
    SourceLost: PARTIAL,
    ResumeError: USAGE,
    TargetError: USAGE,
    SourceError: BAD_INPUT,
    DreamstreamError: FAILURE,
}
"""Exit codes of errors; the first kind that fits."""

SIGNALLED = 128
"""Added to a signal's number, as shells do."""


def main(
    arguments: Sequence[str] | None = None, run: Callable[[Sequence[str]], int] | None = None
) -> int:
    """Run the command.

    Args:
        arguments: What follows the program's name; by default the process's own.
        run: What to do with them instead of dreaming, under the same signals and exit codes.

    Returns:
        The exit code: 0 done, 1 failure, 2 usage, 3 bad input, 4 partial result, 128 + signal.
    """
    request: Request | None = None
    try:
        with stop_signals():
            if run is not None:
                return run(sys.argv[1:] if arguments is None else arguments)
            request = parse_request(sys.argv[1:] if arguments is None else arguments)
            return _list(request) if request.is_list else _dream(request)
    except Stopped as stop:
        return SIGNALLED + stop.number
    except BrokenPipeError:
        close_stdout()
        return FAILURE
    except Exception as error:
        return _complain(error, request)


def _complain(error: Exception, request: Request | None) -> int:
    """Print in one line what went wrong, and return its exit code."""
    if not isinstance(error, tuple(_CODES)):  # a fault of ours, or memory gone: still one line
        error = _unforeseen(error)
    if request is not None and request.verbose:
        traceback.print_exception(error)
    print(f"dreamstream: {error}", file=sys.stderr)
    return next(code for kind, code in _CODES.items() if isinstance(error, kind))


def _unforeseen(error: Exception) -> DreamstreamError:
    """Put an error that nobody foresaw in a line."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    made = DreamstreamError(f"dreaming failed ({shorten(text, 200)}); -v shows where")
    made.__cause__ = error
    return made


def _list(request: Request) -> int:
    if request.sheet is not None:
        return _draw_channels(request, request.sheet)
    print(_listing(request), flush=True)
    return DONE


def _listing(request: Request) -> str:
    if request.listing == "presets":
        return list_presets_text()
    from dreamstream.models.catalog import find_model, list_models_text

    if request.listing == "models":
        return list_models_text()
    find_model(request.dream.model)  # before the seconds that TensorFlow takes
    load_tensorflow(quiet=not request.verbose)
    from dreamstream.models.extractor import list_layers_text

    return list_layers_text(request.dream.model)


def _draw_channels(request: Request, layer: str) -> int:
    """Draw the sheet of a layer's channels."""
    from tqdm import tqdm

    from dreamstream.models.catalog import find_model
    from dreamstream.rendering.checks import require_sheet

    path = require_sheet(request.output)
    find_model(request.dream.model)
    load_tensorflow(quiet=not request.verbose)
    from dreamstream.rendering.channel_sheet import ChannelSheet

    config, overwrite = request.dream, request.media.overwrite
    with _logging(request):
        sheet = ChannelSheet(config, layer, path, overwrite=overwrite)
        total, hidden = len(sheet.channels), request.quiet
        for _ in tqdm(sheet.draw(), layer, total, unit="channel", disable=hidden, mininterval=1):
            pass
    return DONE


def _dream(request: Request) -> int:
    """Dream the inputs one after another; return the worst of their exit codes."""
    if not request.quiet:
        announce(request.inputs[0])
    from dreamstream.models.catalog import find_model

    find_model(request.dream.model)
    with _logging(request):
        from dreamstream.rendering.run import Renderer

        renderer = Renderer(verbose=request.verbose)
        codes = [_attempt(request, renderer, source) for source in request.inputs]
        return max(codes, key=_FROM_BEST_TO_WORST.index)


def _attempt(request: Request, renderer: "Renderer", source: str) -> int:
    """Dream an input; where it is one of several, report an error of its own and go on."""
    if len(request.inputs) == 1:
        return _dream_one(request, renderer, source)
    try:
        return _dream_one(request, renderer, source)
    except (ModelError, BrokenPipeError):  # so would the others end
        raise
    except Exception as error:
        return _complain(error, request)


def _dream_one(request: Request, renderer: "Renderer", source: str) -> int:
    """Dream an input, live or not, and return its exit code."""
    from dreamstream.live.session import is_live

    begun = time.perf_counter()
    if is_live(source, request.live):
        return _show_live(request, source)
    refuse_live_options(request.live)
    if request.controls.plot_schedule is not None and request.output is None:
        return _plot(request, source)
    most_steps = request.dream.octaves * request.dream.first_steps
    with (
        Progress(source, quiet=request.quiet, most_steps=most_steps) as progress,
        renderer.render(request.job(source)) as rendering,
    ):
        frames = 0 if rendering.is_whole else progress.follow(rendering)
    if rendering.is_whole:
        if not request.quiet:
            print(
                f"dreamstream: {rendering.output} is there already: nothing to resume",
                file=sys.stderr,
            )
        return DONE
    _summarise(request, rendering.output, frames, time.perf_counter() - begun)
    return _damage(source, rendering.damaged)


def _plot(request: Request, source: str) -> int:
    """Draw the schedules over an input, and dream nothing."""
    from dreamstream.rendering.schedule_plot import plot_schedules

    path = plot_schedules(request.job(source))
    if not request.quiet:
        print(f"dreamstream: {path}: the schedules over {source}", file=sys.stderr)
    return DONE


def _show_live(request: Request, target: str) -> int:
    """Show a camera, a stream or a film live; it ends when its viewer, or the camera, ends it."""
    from dreamstream.live.loading import load_model
    from dreamstream.live.session import LiveRun, run_live
    from dreamstream.rendering.stats import StatsFile

    require_live(request)
    begun, media = time.perf_counter(), request.media
    run = LiveRun(target, request.output, request.dream, media, request.live, request.controls)
    with ExitStack() as stack:
        stats = None
        if media.stats is not None:
            file = StatsFile(media.stats, request.dream.max_loss, overwrite=media.overwrite)
            stats = stack.enter_context(file)
        frames = run_live(
            run,
            partial(load_model, quiet=not request.verbose),
            None if stats is None else stats.write,
        )
    _summarise(request, request.output, frames, time.perf_counter() - begun)
    return DONE


@contextmanager
def _logging(request: Request) -> Iterator[None]:
    """Show on stderr what the package logs, and let it pass a progress bar by."""
    from tqdm.contrib.logging import logging_redirect_tqdm

    logger, handler = logging.getLogger("dreamstream"), logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("dreamstream: %(message)s"))
    level = logging.DEBUG if request.verbose else logging.WARNING
    logger.setLevel(logging.ERROR if request.quiet else level)
    logger.addHandler(handler)
    try:
        with logging_redirect_tqdm([logger]):
            yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)


def _summarise(request: Request, output: str | None, frames: int, seconds: float) -> None:
    if request.quiet:
        return
    where = output or "a window"
    count = f"{frames} frame{'' if frames == 1 else 's'}"
    rate = f"{shown_rate(frames / seconds)} a second"
    config = request.dream
    print(
        f"dreamstream: {where}: {count} in {seconds:.1f} s ({rate}), "
        f"model {config.model}, preset {config.preset}",
        file=sys.stderr,
    )


def _damage(source: str, damaged: int) -> int:
    """Warn of frames that could not be decoded."""
    if not damaged:
        return DONE
    count = "a frame is" if damaged == 1 else f"{damaged} frames are"
    print(f"dreamstream: {source} is damaged: {count} faulty or missing", file=sys.stderr)
    return PARTIAL
