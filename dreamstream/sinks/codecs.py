"""The video codecs we write, their settings, and which of them a container holds."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from types import MappingProxyType
from typing import cast

import numpy as np

from dreamstream._libraries import av
from dreamstream.config import MediaConfig
from dreamstream.errors import TargetError
from dreamstream.frames import StreamInfo
from dreamstream.machine import processor_flags

_LOG = logging.getLogger(__name__)

STILL_RATE = Fraction(25)
"""Frames per second of a video made from a still, which shows for one frame."""

KEY_FRAME_SECONDS = 2
"""Seconds between key frames: what a killed run loses at most of what it has encoded."""


@dataclass(frozen=True, slots=True)
class Codec:
    """How a codec is encoded.

    Attributes:
        encoder: FFmpeg's name of the encoder.
        containers: Suffixes of the files that hold it.
        pixel_format: How pictures are stored; yuv420p is what browsers and phones play.
        odd_pixel_format: The same for an odd width or height; None where the codec has none.
        crf: Default constant rate factor; None where the codec has no such setting.
        crf_option: The encoder's name of it.
        options: The encoder's other options.
        least_size: Smallest width and height.
        rgb: Whether pictures are stored as RGB, unconverted.
        tells_aspect: Whether the pictures themselves tell how wide their pixels are.
        most_rate: Most frames per second that the encoder takes; it may be told fewer, for the
            pictures' times are the file's.
    """

    encoder: str
    containers: tuple[str, ...]
    pixel_format: str = "yuv420p"
    odd_pixel_format: str | None = "yuv420p"
    crf: int | None = None
    crf_option: str = "crf"
    options: Mapping[str, str] = field(default_factory=dict)
    least_size: int = 1
    rgb: bool = False
    tells_aspect: bool = False
    most_rate: int | None = None


# B-frames are off throughout: with them and a variable frame rate the file's duration came out
# short, and a file that is cut off loses the pictures that others wait for.
CODECS: Mapping[str, Codec] = MappingProxyType(
    {
        "h264": Codec(
            "libx264",
            (".mp4", ".mov", ".mkv"),
            odd_pixel_format="yuv444p",  # 4:2:0 has no odd sizes here, and the size is kept
            crf=18,
            # medium took 84 ms of processor time for a 720p picture, this 32, for 10 % more bytes
            options={"preset": "veryfast", "bf": "0"},
            tells_aspect=True,
        ),
        "h265": Codec(
            "libx265",
            (".mp4", ".mov", ".mkv"),
            odd_pixel_format=None,  # x265 corrupted memory at 35x21 in 4:4:4
            crf=20,
            options={"preset": "fast", "x265-params": "log-level=none:bframes=0"},
            least_size=16,
            tells_aspect=True,
        ),
        "vp9": Codec(
            "libvpx-vp9",
            (".webm", ".mp4", ".mkv"),
            crf=24,
            # looking ahead held 25 pictures back, and made not a byte less of them
            options={
                "b": "0",
                "deadline": "good",
                "cpu-used": "4",
                "row-mt": "1",
                "lag-in-frames": "0",
            },
        ),
        "av1": Codec(
            "libsvtav1",
            (".mp4", ".webm", ".mkv"),
            crf=26,
            options={"preset": "8"},
            least_size=16,
            most_rate=240,
        ),
        "ffv1": Codec("ffv1", (".mkv",), "bgr0", "bgr0", options={"level": "3"}, rgb=True),
        "prores": Codec(
            "prores_ks",
            (".mov", ".mkv"),
            "yuv422p10le",
            "yuv422p10le",
            options={"profile": "3"},
            least_size=2,
        ),
    }
)

_HARDWARE_NAMES = {"h264": "h264", "hevc": "h265", "av1": "av1", "vp9": "vp9"}
"""FFmpeg's names of what hardware encodes to ours."""

_FAMILIES: Mapping[str, tuple[int | None, str, Mapping[str, str]]] = {
    "nvenc": (23, "cq", {"rc": "vbr", "b": "0", "bf": "0"}),
    "qsv": (23, "global_quality", {"bf": "0"}),
    "amf": (23, "qvbr_quality_level", {"rc": "qvbr", "bf": "0"}),
    "v4l2m2m": (None, "", {"b": "8M"}),
}
"""Makers' families of hardware encoders: default quality, its option, and other options."""

HARDWARE: Mapping[str, str] = MappingProxyType(
    {
        f"{hardware}_{family}": software
        for family in _FAMILIES
        for hardware, software in _HARDWARE_NAMES.items()
        if f"{hardware}_{family}" in av.codecs_available
    }
)
"""A hardware encoder to the codec in :data:`CODECS` that stands in for it where it doesn't work."""

_TRIAL_BASE = Fraction(1, 25)
"""Time base of a hardware encoder's trial."""

USUAL_CODEC: Mapping[str, str] = MappingProxyType(
    {".mp4": "h264", ".mov": "h264", ".mkv": "h264", ".webm": "vp9"}
)
"""A container's suffix to the codec it gets unasked."""


def choose_codec(name: str | None, suffix: str, info: StreamInfo) -> Codec:
    """Choose the codec of a file; a hardware encoder that does not work gives way, with a notice.

    Args:
        name: A name in :data:`CODECS` or :data:`HARDWARE`; None is the container's usual one.
        suffix: The container's, such as ``.mp4``.
        info: The stream; its size must fit.

    Raises:
        SinkError: There is no such codec, or it does not fit the container or the size.
    """
    fitting = [other for other, codec in CODECS.items() if suffix in codec.containers]
    name = name or USUAL_CODEC[suffix]
    software = HARDWARE.get(name, name)
    if software not in fitting:
        problem = f"{suffix} can't hold it" if software in CODECS else "there is no such codec"
        raise TargetError(
            f"writing {suffix} with codec {name} failed: {problem}; {suffix} takes "
            f"{', '.join(fitting)}"
        )
    if name in HARDWARE:
        hardware = _hardware(name)
        if _works(hardware, info):
            return hardware
        _LOG.warning("codec %s does not work here: %s is encoded in software", name, software)
    _require_fit(software, suffix, info)
    return CODECS[software]


def encoder_options(codec: Codec, media: MediaConfig, info: StreamInfo) -> dict[str, str]:
    """Gather an encoder's options.

    Raises:
        SinkError: A CRF is given and the codec has none.
    """
    interval = max(1, round((info.rate or STILL_RATE) * KEY_FRAME_SECONDS))
    options = {**codec.options, "g": str(interval)}
    if codec.encoder == "libx264" and "avx512f" in processor_flags():
        # x264's AVX-512 code gives other bytes for the same pictures now and then
        options["x264-params"] = "asm=avx2"
    if codec.crf is not None:
        options[codec.crf_option] = str(codec.crf if media.crf is None else media.crf)
    elif media.crf is not None:
        raise TargetError(
            f"writing with codec {media.codec} failed: it has no --crf; leave that out or choose "
            "h264, h265, vp9 or av1"
        )
    return options


def pixel_format(codec: Codec, info: StreamInfo) -> str:
    """Return how a codec stores a stream's pictures."""
    odd = codec.odd_pixel_format or codec.pixel_format
    return odd if _is_odd(info) else codec.pixel_format


def _hardware(name: str) -> Codec:
    """Describe a hardware encoder; nv12 is what all of them take."""
    crf, crf_option, options = _FAMILIES[name.rsplit("_", 1)[1]]
    return replace(
        CODECS[HARDWARE[name]],
        encoder=name,
        pixel_format="nv12",
        odd_pixel_format=None,
        crf=crf,
        crf_option=crf_option,
        options=options,
    )


def _works(codec: Codec, info: StreamInfo) -> bool:
    """Try a hardware encoder on a black picture: only that tells whether it is really there."""
    if not _fits(codec, info):
        return False
    try:
        context = cast("av.VideoCodecContext", av.CodecContext.create(codec.encoder, "w"))
        context.width, context.height, context.pix_fmt = info.width, info.height, "nv12"
        context.time_base = _TRIAL_BASE
        context.options = dict(codec.options)
        black = np.zeros((info.height, info.width, 3), np.uint8)
        picture = av.VideoFrame.from_ndarray(black, format="rgb24").reformat(format="nv12")
        return bool([*context.encode(picture), *context.encode(None)])
    except (av.error.FFmpegError, OSError, ValueError):
        return False


def _require_fit(name: str, suffix: str, info: StreamInfo) -> None:
    """Raise unless a codec can hold pictures of a stream's size; name those that can."""
    if _fits(CODECS[name], info):
        return
    others = [
        f"--codec {other}"
        for other, codec in CODECS.items()
        if suffix in codec.containers and _fits(codec, info)
    ]
    remedy = " or ".join(others) or "an .mp4"
    raise TargetError(
        f"writing {info.width}x{info.height} pictures with codec {name} failed: it can't hold "
        f"this size; give {remedy}"
    )


def _fits(codec: Codec, info: StreamInfo) -> bool:
    if min(info.height, info.width) < codec.least_size:
        return False
    return codec.odd_pixel_format is not None or not _is_odd(info)


def _is_odd(info: StreamInfo) -> bool:
    """Return whether the width or the height is odd."""
    return bool(info.height % 2 or info.width % 2)
