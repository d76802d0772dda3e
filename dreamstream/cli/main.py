"""The command: arguments to objects, exit codes, progress.  Only this module prints or exits."""

import logging
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any, Protocol

from dreamstream.cli.arguments import (
    Request,
    UsageError,
    list_presets_text,
    parse_request,
)
from dreamstream.cli.signals import Stopped, close_stdout, stop_signals
from dreamstream.errors import (
    DeviceError,
    DreamstreamError,
    ModelError,
    ResumeError,
    SinkError,
    SourceError,
    SourceLost,
    TargetError,
    UnknownNameError,
)
from dreamstream.models.tensorflow_setup import load_tensorflow
from dreamstream.render.checks import require_fit, require_live
from dreamstream.render.output_names import beside, output_in, preview_name, untaken

if TYPE_CHECKING:
    from tqdm import tqdm

    from dreamstream.dream.dreamer import Dreamer
    from dreamstream.dream.report import DreamReport, FrameRecord
    from dreamstream.frames import StreamInfo
    from dreamstream.journal import Journal
    from dreamstream.sinks import Sink
    from dreamstream.sources import Source

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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: What follows the program's name; by default the process's own.

    Returns:
        The exit code: 0 done, 1 failure, 2 usage, 3 bad input, 4 partial result, 128 + signal.
    """
    request: Request | None = None
    try:
        with stop_signals():
            request = parse_request(sys.argv[1:] if arguments is None else arguments)
            return _list(request) if request.listing else _dream(request)
    except Stopped as stop:
        return SIGNALLED + stop.number
    except BrokenPipeError:
        close_stdout()
        return FAILURE
    except Exception as error:
        return _complain(error, request)


def _complain(error: Exception, request: Request | None) -> int:
    """Say in one line what went wrong, and give its exit code."""
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


def _dream(request: Request) -> int:
    """Dream the inputs one after another; give the worst of their exit codes."""
    from dreamstream.models.catalog import find_model

    find_model(request.dream.model)
    with _logging(request):
        if request.into_folder:
            _make_folder(str(request.output))
        run = _Run(request)
        return max(map(run.attempt, request.inputs), key=_FROM_BEST_TO_WORST.index)


def _make_folder(folder: str) -> None:
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise TargetError(
            f"making the folder {folder} failed: a file is in its place; give another"
        ) from error
    except OSError as error:
        raise SinkError(
            f"making the folder {folder} failed ({error.strerror}); give another"
        ) from error


class _Run:
    """Dreams one input after another with one network."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._taken: set[Path] = set()
        self._dreamer: Dreamer | None = None

    def attempt(self, source: str) -> int:
        """Dream an input; where it is one of several an error of its own is but reported."""
        if len(self._request.inputs) == 1:
            return self._dream(source)
        try:
            return self._dream(source)
        except (ModelError, BrokenPipeError):  # so would the others end
            raise
        except Exception as error:
            return _complain(error, self._request)

    def _dream(self, target: str) -> int:
        """Open input and output, load the network at the first time, and dream."""
        from dreamstream.live.session import is_live
        from dreamstream.sources import open_source

        request, begun = self._request, time.perf_counter()
        if is_live(target, request.live):
            return _show_live(request, target)
        with ExitStack() as stack:
            source = stack.enter_context(open_source(target, request.media))
            output = self._output(target, source.info)
            require_fit(request, target, output, source.info)
            if _is_done(request, output):
                return DONE
            journal = _enter_journal(stack, request, target, output, source.info)
            source = _hold(request, source, output)
            if journal is not None and journal.replaces:  # only by a run that can dream
                self._fresh_dreamer(source, journal)
            sink = _enter_sink(stack, request, output, source.info, journal)
            stats = _enter_stats(stack, request, journal)
            dreamer = self._fresh_dreamer(source, journal)
            frames = _run(request, target, source, dreamer, sink, stats, journal)
        if request.media.save_octaves:
            _save_octaves(request, Path(str(output)), dreamer)
        _summarise(request, output, frames, time.perf_counter() - begun)
        return _damage(target, source.damaged)

    def _output(self, source: str, info: "StreamInfo") -> str | None:
        """Name an input's output; None is a window."""
        from dreamstream.render.still_clip import clip_options
        from dreamstream.sinks import written_through

        request = self._request
        is_still = info.rate is None and not any(clip_options(request.media))
        if request.into_folder:
            from dreamstream.sinks.images import PICTURE_SUFFIXES

            is_one = is_still or request.preview is not None
            path = output_in(str(request.output), source, is_one, PICTURE_SUFFIXES)
            return written_through(str(untaken(path, self._taken)))
        if request.output is not None:
            return written_through(request.output)
        return None if request.preview is None else preview_name(source)

    def _fresh_dreamer(self, source: "Source", journal: "Journal | None") -> "Dreamer":
        from dreamstream.render.resume import restore

        if self._dreamer is None:
            self._dreamer = _load_dreamer(self._request, source)
        self._dreamer.reset()
        if journal is not None and journal.dreamer is not None:
            restore(self._dreamer, journal.dreamer, str(self._request.output))
        return self._dreamer


def _show_live(request: Request, target: str) -> int:
    """Show a camera, a stream or a film live; it ends when its viewer, or the camera, ends it."""
    from dreamstream.live.loading import load_network
    from dreamstream.live.session import LiveRun, run_live

    require_live(request)
    begun = time.perf_counter()
    run = LiveRun(target, request.output, request.dream, request.media, request.live)
    with ExitStack() as stack:
        stats = _enter_stats(stack, request, None)
        frames = run_live(
            run,
            partial(load_network, quiet=not request.verbose),
            None if stats is None else stats.write,
        )
    _summarise(request, request.output, frames, time.perf_counter() - begun)
    return DONE


def _hold(request: Request, source: "Source", output: str | None) -> "Source":
    """Make a stream of a picture that is to become a clip."""
    from dreamstream.render.still_clip import becomes_clip, hold

    if request.preview is not None or not becomes_clip(request.media, source.info, output):
        return source
    return hold(source, request.media, request.dream, output)


def _is_done(request: Request, output: str | None) -> bool:
    """Tell whether an output is there already of a run that is to be resumed, and say so."""
    from dreamstream.render.resume import is_whole

    media = request.media
    if not media.resume or output is None or not is_whole(output, media.overwrite):
        return False
    if not request.quiet:
        print(f"dreamstream: {output} is there already: nothing to resume", file=sys.stderr)
    return True


def _enter_journal(
    stack: ExitStack, request: Request, source: str, output: str | None, info: "StreamInfo"
) -> "Journal | None":
    from dreamstream.render.resume import open_journal

    journal = open_journal(request, source, output, info)
    return None if journal is None else stack.enter_context(journal)


def _enter_sink(
    stack: ExitStack,
    request: Request,
    target: str | None,
    info: "StreamInfo",
    journal: "Journal | None",
) -> "Sink":
    """Open the output, the window or both; say what is left of them when they are given up."""
    from dreamstream.render.side_by_side import compared_info
    from dreamstream.sinks import TeeSink, WindowSink, open_sink

    if request.media.compare:
        info = compared_info(info)
    sinks: list[Sink] = []
    with ExitStack() as opened:
        if target is not None:
            sinks.append(opened.enter_context(open_sink(target, info, request.media, journal)))
        if target is None or request.media.show:
            sinks.append(opened.enter_context(WindowSink(info)))
        opened.pop_all()  # all are open, so they stay so
    sink = sinks[0] if len(sinks) == 1 else TeeSink(sinks)
    stack.push(_PartialNotice(sink, journal))
    return stack.enter_context(sink)


class _PartialNotice:
    """Says, after a sink was given up, what is left and where it lies."""

    def __init__(self, sink: "Sink", journal: "Journal | None") -> None:
        self._sink, self._journal = sink, journal

    def __enter__(self) -> None:
        """Nothing is to be done before."""

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        from dreamstream.render.resume import describe_left

        left = None if kind is None else describe_left(self._sink.partial, self._journal)
        if left is not None:
            print(f"dreamstream: {left}", file=sys.stderr)


class _RecordWriter(Protocol):
    def write(self, record: "FrameRecord") -> None: ...


def _enter_stats(
    stack: ExitStack, request: Request, journal: "Journal | None"
) -> _RecordWriter | None:
    media = request.media
    if media.stats is None:
        return None
    follows = journal is not None and media.resume and journal.follows
    first = journal.frames if journal is not None and follows else None
    from dreamstream.render.stats import StatsFile

    return stack.enter_context(
        StatsFile(media.stats, request.dream.max_loss, overwrite=media.overwrite, first=first)
    )


def _load_dreamer(request: Request, source: "Source") -> "Dreamer":
    """Load what dreams a stream, and every one after it: all of a run are of one kind."""
    load_tensorflow(quiet=not request.verbose)
    from dreamstream.clips.grow import Unfolder
    from dreamstream.dream.dreamer import Dreamer
    from dreamstream.sources import HeldSource

    measure, frames = request.media.stats is not None, source.info.frames
    if not isinstance(source, HeldSource) or frames is None:
        return Dreamer(request.dream, measure_losses=measure)
    if request.media.moves:
        return _make_tunneller(request, frames)
    return Unfolder(request.dream, frames=frames, measure_losses=measure)


def _make_tunneller(request: Request, frames: int) -> "Dreamer":
    from dreamstream.clips.affine import Motion
    from dreamstream.clips.zoom import Tunneller

    media = request.media
    return Tunneller(
        request.dream,
        motion=Motion(media.zoom, media.rotate, media.drift),
        frames=frames,
        loop=media.loop,
        measure_losses=media.stats is not None,
    )


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


def _run(
    request: Request,
    target: str,
    source: "Source",
    dreamer: "Dreamer",
    sink: "Sink",
    stats: _RecordWriter | None,
    journal: "Journal | None",
) -> int:
    """Dream every frame behind a progress bar; give their number."""
    from tqdm import tqdm

    from dreamstream.render.pipeline import dream_frames

    disable = True if request.quiet else None  # None: no bar where stderr is no terminal
    first = 0 if journal is None else journal.frames
    records = dream_frames(source, dreamer, sink, compare=request.media.compare, journal=journal)
    name = target if len(request.inputs) > 1 else None
    bar = tqdm(
        *(records, name, source.info.frames),
        initial=first,
        unit="frame",
        disable=disable,
        dynamic_ncols=True,
    )
    with closing(records), bar:  # before the source, from which frames are read ahead
        frames = 0
        for record in bar:
            frames += 1
            if stats is not None:
                stats.write(record)
            _show_loss(bar, record.report)
        return frames


def _show_loss(bar: "tqdm[FrameRecord]", report: "DreamReport") -> None:
    """Tell the loss, or else that of a step before."""
    loss = report.ascent_loss if report.loss is None else report.loss
    if loss is not None:
        bar.set_postfix(loss=f"{loss:.3g}", refresh=False)


def _save_octaves(request: Request, output: Path, dreamer: "Dreamer") -> None:
    """Write each octave's picture beside the output."""
    from dreamstream.config import MediaConfig
    from dreamstream.frames import Frame, StreamInfo, to_pixels
    from dreamstream.sinks import open_sink
    from dreamstream.sinks.images import PICTURE_SUFFIXES

    suffix = output.suffix if output.suffix.lower() in PICTURE_SUFFIXES else ".png"
    media = MediaConfig(overwrite=request.media.overwrite)
    for number, image in enumerate(dreamer.octave_images, 1):
        height, width = image.shape[:2]
        path = beside(output, f"-octave{number}-{width}x{height}{suffix}")
        with open_sink(path, StreamInfo(height, width, frames=1), media) as sink:
            sink.write(Frame(to_pixels(image), Fraction(0), 0))


def _summarise(request: Request, output: str | None, frames: int, seconds: float) -> None:
    if request.quiet:
        return
    where = output or "a window"
    count = f"{frames} frame{'' if frames == 1 else 's'}"
    rate = f"{frames / seconds:.2g} a second"
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
