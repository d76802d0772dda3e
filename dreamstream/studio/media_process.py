"""The process that decodes and encodes: what is in a file, its frames, playable copies, GIFs.

A file may be hostile: it is read here, where it can crash nothing else.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from dreamstream._libraries import av, file_url
from dreamstream.config import MediaConfig
from dreamstream.errors import DreamstreamError, SourceError
from dreamstream.frames import Frame, StreamInfo
from dreamstream.sinks import open_sink
from dreamstream.sources import open_source
from dreamstream.sources.kinds import STILLS, Kind, kind_of
from dreamstream.studio.pictures import jpeg, read_frame

FORMATS = (
    "mov,mp4,matroska,webm,avi,mpeg,mpegts,mpegvideo,asf,flv,ogg,gif,apng,mxf,h264,hevc,m4v,vob,"
    "ivf,obu,dv,nut,rm,webp_pipe,png_pipe,jpeg_pipe"
)
"""FFmpeg's names of formats that hold their own pictures.  Playlists (HLS, DASH, concat, SDP) name
other files and hosts, which no file here may."""

_MP4_CODECS, _WEBM_CODECS = frozenset({"h264", "av1", "vp9"}), frozenset({"vp8", "vp9", "av1"})
_SOUND_CODECS = frozenset({"aac", "mp3", "mp3float", "opus", "vorbis", "flac"})
"""Codecs that the usual browsers play."""

_SHOWN_PIXELS = frozenset({"yuv420p", "yuvj420p"})
_SHOWN_STILLS = frozenset({Kind.PNG, Kind.APNG, Kind.GIF, Kind.JPEG, Kind.WEBP, Kind.ANIMATED_WEBP})

_COPY_WIDTH, _GIF_RATE = 960, Fraction(25, 2)

Tell = Callable[[float], None]


def serve(connection: Connection) -> None:
    """Answer requests until the connection ends or None comes."""
    sending, worker = threading.Lock(), ThreadPoolExecutor(1)

    def send(ticket: int, kind: str, value: Any) -> None:
        with sending:
            connection.send((ticket, kind, value))

    def answer(ticket: int, name: str, arguments: tuple[Any, ...]) -> None:
        tell: tuple[Tell, ...] = ()
        if name in _SLOW:
            tell = (lambda share: send(ticket, "progress", share),)
        try:
            send(ticket, "done", _ACTS[name](*arguments, *tell))
        except (DreamstreamError, OSError, ValueError) as error:
            send(ticket, "failed", " ".join(str(error).split()))
        except Exception as error:  # a fault of ours, or memory gone: the page shows it
            send(ticket, "failed", f"{name} failed ({type(error).__name__}: {error})")

    while (request := connection.recv()) is not None:
        worker.submit(answer, *request)
    os._exit(0)  # what is being written has another name until it is whole


def probe(path: Path) -> dict[str, Any]:
    """Tell what a file holds.

    Returns:
        ``kind`` ("film" or "photo"), ``width``, ``height`` in pixels, ``seconds`` (0 of a photo),
        ``rate``, and ``plays``: whether browsers show it as it is.

    Raises:
        SourceError: It is empty, a playlist, or can't be read.
    """
    if not path.stat().st_size:
        raise SourceError(f"opening {path.name} failed: it is empty")
    kind = kind_of(path)
    plays = kind in _SHOWN_STILLS
    seconds = 0.0
    if kind not in STILLS and kind is not Kind.ANIMATED_WEBP:
        seconds, plays = _probe_stream(path)
    with open_source(path) as source:
        info = source.info
        first = next(source)
    if info.rate is not None and info.frames:
        seconds = seconds or float(info.frames / info.rate)
    height, width = first.pixels.shape[:2]
    return {
        "kind": "photo" if info.rate is None else "film",
        "width": width,
        "height": height,
        "seconds": seconds if info.rate is not None else 0.0,
        "rate": float(info.rate or 0),
        "frames": info.frames or 0,
        "plays": plays,
    }


def _probe_stream(path: Path) -> tuple[float, bool]:
    """Return a stream's seconds, and whether browsers play it."""
    try:
        with av.open(file_url(path), options={"format_whitelist": FORMATS}) as file:
            name, seconds = file.format.name, (file.duration or 0) / 1e6
            pictures = file.streams.video
            if not pictures:
                raise SourceError(f"opening {path.name} failed: there are no pictures in it")
            codec, pixels = pictures[0].codec_context.name, pictures[0].codec_context.pix_fmt
            sounds = {stream.codec_context.name for stream in file.streams.audio}
    except av.error.FFmpegError as error:
        raise SourceError(
            f"opening {path.name} failed: it holds no pictures that can be read ({error.strerror})"
        ) from error
    if name in ("gif", "apng"):
        return seconds, True
    known = _MP4_CODECS if "mp4" in name else _WEBM_CODECS if path.suffix == ".webm" else ()
    return seconds, codec in known and pixels in _SHOWN_PIXELS and sounds <= _SOUND_CODECS


def frame(path: Path, seconds: float, width: int) -> bytes:
    """Return a frame as a JPEG.

    Args:
        path: A file that was probed.
        seconds: Its time; one past the end is the last frame's.
        width: Most pixels in a row; 0 is all.
    """
    return jpeg(read_frame(path, seconds), width)


def copy(path: Path, target: Path, tell: Tell) -> None:
    """Write a copy that browsers play: H.264 or a JPEG, at most 960 pixels wide."""
    with open_source(path) as source:
        info = source.info
        if info.rate is None:
            target.write_bytes(jpeg(next(source).pixels))
            return
        media = MediaConfig(width=min(_COPY_WIDTH, info.width // 2 * 2), overwrite=True)
        _pour(source, target, media, tell)


def gif(path: Path, target: Path, start: float, seconds: float, width: int, tell: Tell) -> None:
    """Write a part of a film as a GIF that loops."""
    media = MediaConfig(start=Fraction(str(start)), duration=Fraction(str(seconds)), fps=_GIF_RATE)
    with open_source(path, media) as source:
        out = MediaConfig(width=min(width, source.info.width))
        _pour(source, target, out, tell)


def _pour(source: Any, target: Path, media: MediaConfig, tell: Tell) -> None:
    info: StreamInfo = source.info
    with open_sink(target, info, media) as sink:
        frame: Frame
        for frame in source:
            sink.write(frame)
            if info.frames and frame.index % 10 == 0:
                tell(min(1.0, frame.index / info.frames))


_ACTS: dict[str, Callable[..., Any]] = {"probe": probe, "frame": frame, "copy": copy, "gif": gif}
_SLOW = frozenset({"copy", "gif"})
