"""Opens what a live view needs, runs it, and closes it all, whatever happens."""

import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from fractions import Fraction

from dreamstream.config import ControlConfig, DreamConfig, LiveConfig, MediaConfig
from dreamstream.controls.names import find_control
from dreamstream.controls.planning import (
    lay_out,
    read_sound_for,
    sound_range,
    timeline_of,
    why_no_sound,
)
from dreamstream.controls.program import Program, read_schedules, with_scheduled_layers
from dreamstream.dream.report import FrameRecord
from dreamstream.errors import FieldError, UsageError
from dreamstream.frames import StreamInfo
from dreamstream.live.capture import MOST_RATE, Camera, CaptureThread, Device, Film, NetStream
from dreamstream.live.engine import LiveEngine, LoadModel
from dreamstream.live.mask import open_live_mask
from dreamstream.live.outputs import Outputs
from dreamstream.live.view import LiveView, Parts
from dreamstream.live.virtual import VirtualCameraSink
from dreamstream.live.window import NoWindow, ScreenWindow, Window
from dreamstream.sinks import Sink
from dreamstream.sources import VideoSource, camera_number, open_source
from dreamstream.sources.camera import camera_name, describe_camera, open_camera
from dreamstream.sources.opening import locate

_CAMERA_PATH = re.compile(r"/dev/(video\d+|v4l/.+)")
"""Where Linux keeps its cameras."""

_CLOCK = StreamInfo(0, 0, rate=MOST_RATE)
"""What schedules take for a camera: frames of its clock, whatever rate it has."""

_NET_CAMERA = ("rtsp://", "rtsps://")


@dataclass(frozen=True, slots=True)
class LiveRun:
    """What a live view is to do.

    Attributes:
        target: The camera, stream or film.
        output: Where to record from the first frame on; None records only on demand.
        dream: How to dream.
        media: How to read and write.
        live: How to show.
        controls: What changes over time.
    """

    target: str
    output: str | None
    dream: DreamConfig
    media: MediaConfig
    live: LiveConfig
    controls: ControlConfig = field(default_factory=ControlConfig)


def is_live(target: str, live: LiveConfig) -> bool:
    """Return whether a target is shown live: a camera, an rtsp stream, or what is asked to be."""
    return live.live or target.lower().startswith(_NET_CAMERA) or _camera_of(target) is not None


def run_live(
    run: LiveRun,
    load: LoadModel,
    write_record: Callable[[FrameRecord], None] | None = None,
) -> int:
    """Show a camera's dream until it ends; recordings are finished whatever ends it.

    Args:
        run: What to do.
        load: Loads a network.
        write_record: Takes each shown frame's figures.

    Returns:
        The number of frames shown.

    Raises:
        SourceError: The camera is missing, busy or lost.
        SinkError: There is no display, or a recording can't be written.
    """
    program = live_program(run)
    run = replace(run, dream=_dream_of(run))
    device = open_device(run.target, run.media)
    return show_device(device, run, load, program=program, write_record=write_record)


def show_device(
    device: Device,
    run: LiveRun,
    load: LoadModel,
    *,
    program: Program | None = None,
    write_record: Callable[[FrameRecord], None] | None = None,
    window: Window | None = None,
    tap: Sink | None = None,
) -> int:
    """Show an open device's dream; see :func:`run_live`.

    Args:
        device: Where the frames come from; closed at the end.
        run: What to do.
        load: Loads a network.
        program: What changes over time.
        write_record: Takes each shown frame's figures.
        window: Where they are shown; by default as ``run`` says.
        tap: Another place for the frames; by default a virtual camera where ``run`` wants one.
    """
    rate = live_rate(device.info, run.live)
    info = _shown_info(device.info, rate)
    with ExitStack() as stack:
        capture = CaptureThread(device, rate)
        stack.callback(capture.stop)
        mask = open_live_mask(run.target, run.dream, info)
        engine = LiveEngine(
            *(run.dream, (info.height, info.width), float(1 / rate), capture.newest),
            *(load, program, mask),
        )
        stack.callback(engine.stop)
        if run.live.virtual_camera and tap is None:
            tap = stack.enter_context(VirtualCameraSink(info))
        outputs = Outputs(info, run.media, run.output)
        recorder = None if run.output is None else outputs.open_recording()
        if recorder is not None:
            stack.callback(recorder.close)
        window = window or _open_window(info, run.live)
        parts = Parts(device, capture, engine, window, outputs, tap, write_record)
        view = LiveView(parts, run.dream, recorder, run.media.duration)
        stack.callback(view.close)
        stack.callback(window.close)
        capture.start()
        engine.start()
        view.run()
    return view.frames


def live_program(run: LiveRun) -> Program | None:
    """Lay a view's schedules out: over a film's times, or over a camera's clock.

    Returns:
        The program; None where nothing is scheduled.

    Raises:
        UsageError: A schedule is not for a live view, or asks for sound that there is none of.
        SourceError: The film or the sound can't be read.
    """
    curves = read_schedules(run.controls.schedule)
    if not curves:
        return None
    for curve in curves:
        if not find_control(curve.name).live:
            raise UsageError(f"--schedule {curve.name}: is not for a live view", "schedule")
    is_film = not is_live(run.target, LiveConfig())
    dream, info = _dream_of(run), _CLOCK
    if is_film:
        with open_source(run.target, MediaConfig(start=run.media.start)) as source:
            info = source.info
    timeline = timeline_of(dream, info, run.controls.bpm)
    wanted = sound_range(run.controls.sound, info if is_film else None)
    why = why_no_sound(run.target, info)
    sound = read_sound_for(curves, wanted, run.controls.bpm, why, causal=True)
    program = lay_out(curves, timeline, dream, sound)
    program.check()
    try:
        dream.changed(**program.dream_settings(0.0))
    except FieldError as error:
        raise UsageError(f"--schedule {error}", "schedule") from error
    return program


def _dream_of(run: LiveRun) -> DreamConfig:
    """Return how a view dreams: with all scheduled layers, at the strength that is scheduled."""
    dream = with_scheduled_layers(run.dream, run.controls.schedule)
    return dream.changed(strength=1.0) if "strength" in run.controls.schedule else dream


def open_device(target: str, media: MediaConfig) -> Device:
    """Open a camera, a stream from the net, or a film that plays at its own rate.

    Raises:
        SourceError: It can't be opened.
    """
    camera = _camera_of(target)
    if camera is not None:
        capture = open_camera(camera)
        return Camera(capture, camera_name(camera), describe_camera(capture))
    if target.lower().startswith(_NET_CAMERA):
        return NetStream(VideoSource(target), locate(target).name)
    kept = MediaConfig(start=media.start)
    return Film(lambda: open_source(target, kept), target, loop=media.loop)


def live_rate(info: StreamInfo, live: LiveConfig) -> Fraction:
    """Choose the frames a second to aim at: what is asked for, or the camera's, at most 30."""
    own = info.rate or MOST_RATE
    return min(own, live.live_fps or MOST_RATE)


def _shown_info(info: StreamInfo, rate: Fraction) -> StreamInfo:
    return StreamInfo(
        height=info.height,
        width=info.width,
        rate=rate,
        sample_aspect=info.sample_aspect,
        primaries=info.primaries,
        transfer=info.transfer,
        path=info.path,
        reads=info.reads,
    )


def _open_window(info: StreamInfo, live: LiveConfig) -> Window:
    return NoWindow() if live.no_window else ScreenWindow(info.height, info.width)


def _camera_of(target: str) -> int | str | None:
    """Return which camera a target names: by its number or by its device's path."""
    number = camera_number(target)
    if number is not None:
        return number
    return target if _CAMERA_PATH.fullmatch(target) else None
