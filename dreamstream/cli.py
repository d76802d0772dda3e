"""The command: arguments to objects, exit codes, progress.  Only this module prints or exits."""

import logging
import re
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any, Protocol

from dreamstream.arguments import Request, UsageError, list_presets_text, parse_request
from dreamstream.errors import DreamstreamError, SourceError, UnknownNameError
from dreamstream.process import Stopped, close_stdout, load_tensorflow, stop_signals

if TYPE_CHECKING:
    from dreamstream.dreamer import Dreamer
    from dreamstream.frames import StreamInfo
    from dreamstream.pipeline import FrameRecord
    from dreamstream.sinks import Sink
    from dreamstream.sources import Source

DONE, FAILURE, USAGE, BAD_INPUT, PARTIAL = 0, 1, 2, 3, 4
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
    except (UsageError, UnknownNameError) as error:
        return _complain(error, USAGE, request)
    except SourceError as error:
        return _complain(error, BAD_INPUT, request)
    except DreamstreamError as error:
        return _complain(error, FAILURE, request)
    except BrokenPipeError:
        close_stdout()
        return FAILURE
    except Exception as error:  # a fault of ours, or memory gone: still one line
        return _complain(_unforeseen(error), FAILURE, request)


def _complain(error: Exception, code: int, request: Request | None) -> int:
    """Say in one line what went wrong."""
    if request is not None and request.verbose:
        traceback.print_exception(error)
    print(f"dreamstream: {error}", file=sys.stderr)
    return code


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
    """Open input and output, load the network, and dream."""
    from dreamstream.models.catalog import find_model

    find_model(request.dream.model)
    from dreamstream.sources import open_source

    begun = time.perf_counter()
    with ExitStack() as stack:
        stack.enter_context(_logging(request))
        source = stack.enter_context(open_source(str(request.input), request.media))
        _require_fit(request, source.info)
        sink = _enter_sink(stack, request, source.info)
        stats = _enter_stats(stack, request)
        dreamer = _load_dreamer(request)
        frames = _run(request, source, dreamer, sink, stats)
    if request.media.save_octaves:
        _save_octaves(request, dreamer)
    _summarise(request, frames, time.perf_counter() - begun)
    return _damage(source.damaged)


def _require_fit(request: Request, info: "StreamInfo") -> None:
    """Raise where options contradict one another, the input or the output."""
    from dreamstream.sinks.video import VIDEO_SUFFIXES

    output, media = _output_path(request), request.media
    if request.preview is not None and Path(str(output)).suffix.lower() in VIDEO_SUFFIXES:
        raise UsageError(f"--preview: makes a picture, not {output}; give a .png or no OUTPUT")
    one = info.rate is None or request.preview is not None
    if media.save_octaves and not (one and output):
        raise UsageError("--save-octaves: is for a still with an OUTPUT; use --preview for a video")
    if media.stats is not None and _is_one_of(media.stats, [output, info.path, request.input]):
        raise UsageError(f"--stats: {media.stats} is the input or the output; give another file")


def _is_one_of(path: Path, others: Sequence[str | Path | None]) -> bool:
    return path.resolve() in [Path(other).resolve() for other in others if other is not None]


def _enter_sink(stack: ExitStack, request: Request, info: "StreamInfo") -> "Sink":
    """Open the output, the window or both; say what is left of them when they are given up."""
    from dreamstream.compare import compared_info
    from dreamstream.sinks import TeeSink, WindowSink, open_sink

    if request.media.compare:
        info = compared_info(info)
    target = _output_path(request)
    sinks: list[Sink] = []
    with ExitStack() as opened:
        if target is not None:
            sinks.append(opened.enter_context(open_sink(target, info, request.media)))
        if target is None or request.media.show:
            sinks.append(opened.enter_context(WindowSink(info)))
        opened.pop_all()  # all are open, so they stay so
    sink = sinks[0] if len(sinks) == 1 else TeeSink(sinks)
    stack.push(_PartialNotice(sink))
    return stack.enter_context(sink)


def _output_path(request: Request) -> str | None:
    """Name the output; a preview's default is a picture in the working folder."""
    if request.preview is None or request.output is not None:
        return request.output
    name = re.sub(r"%\d*d|:", "", Path(str(request.input)).stem).strip("-_. ")
    return f"{name or 'dream'}-preview.png"


class _PartialNotice:
    """Says, after a sink was given up, where what was written lies."""

    def __init__(self, sink: "Sink") -> None:
        self._sink = sink

    def __enter__(self) -> None:
        """Nothing is to be done before."""

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is not None and self._sink.partial is not None:
            print(f"dreamstream: what was dreamed is in {self._sink.partial}", file=sys.stderr)


class _RecordWriter(Protocol):
    def write(self, record: "FrameRecord") -> None: ...


def _enter_stats(stack: ExitStack, request: Request) -> _RecordWriter | None:
    media = request.media
    if media.stats is None:
        return None
    from dreamstream.stats import StatsFile

    return stack.enter_context(
        StatsFile(media.stats, request.dream.max_loss, overwrite=media.overwrite)
    )


def _load_dreamer(request: Request) -> "Dreamer":
    load_tensorflow(quiet=not request.verbose)
    from dreamstream.dreamer import Dreamer

    return Dreamer(request.dream, measure_source=request.media.stats is not None)


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
    source: "Source",
    dreamer: "Dreamer",
    sink: "Sink",
    stats: _RecordWriter | None,
) -> int:
    """Dream every frame behind a progress bar; give their number."""
    from tqdm import tqdm

    from dreamstream.pipeline import dream_frames

    disable = True if request.quiet else None  # None: no bar where stderr is no terminal
    total = source.info.frames
    records = dream_frames(source, dreamer, sink, compare=request.media.compare)
    with tqdm(total=total, unit="frame", disable=disable, dynamic_ncols=True) as bar:
        frames = 0
        for record in records:
            frames += 1
            if stats is not None:
                stats.write(record)
            if record.report.loss is not None:
                bar.set_postfix(loss=f"{record.report.loss:.3g}", refresh=False)
            bar.update()
        return frames


def _save_octaves(request: Request, dreamer: "Dreamer") -> None:
    """Write each octave's picture beside the output."""
    from dreamstream.config import MediaConfig
    from dreamstream.frames import Frame, StreamInfo, to_pixels
    from dreamstream.sinks import open_sink
    from dreamstream.sinks.images import PICTURE_SUFFIXES

    output = Path(str(_output_path(request)))
    suffix = output.suffix if output.suffix.lower() in PICTURE_SUFFIXES else ".png"
    media = MediaConfig(overwrite=request.media.overwrite)
    for number, image in enumerate(dreamer.octave_images, 1):
        height, width = image.shape[:2]
        path = output.with_name(f"{output.stem}-octave{number}-{width}x{height}{suffix}")
        with open_sink(path, StreamInfo(height, width, frames=1), media) as sink:
            sink.write(Frame(to_pixels(image), Fraction(0), 0))


def _summarise(request: Request, frames: int, seconds: float) -> None:
    if request.quiet:
        return
    where = _output_path(request) or "a window"
    count = f"{frames} frame{'' if frames == 1 else 's'}"
    rate = f"{frames / seconds:.2g} a second"
    config = request.dream
    print(
        f"dreamstream: {where}: {count} in {seconds:.1f} s ({rate}), "
        f"model {config.model}, preset {config.preset}",
        file=sys.stderr,
    )


def _damage(damaged: int) -> int:
    """Warn of frames that could not be decoded."""
    if not damaged:
        return DONE
    count = "a frame is" if damaged == 1 else f"{damaged} frames are"
    print(f"dreamstream: the input is damaged: {count} faulty or missing", file=sys.stderr)
    return PARTIAL
