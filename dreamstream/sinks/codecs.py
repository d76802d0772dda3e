"""The video codecs we write, their settings, and which of them a container holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from dreamstream.errors import SinkError
from dreamstream.frames import StreamInfo


@dataclass(frozen=True, slots=True)
class Codec:
    """How a codec is encoded.

    Attributes:
        encoder: FFmpeg's name of the encoder.
        containers: Suffixes of the files that hold it.
        pixel_format: How pictures are stored; yuv420p is what browsers and phones play.
        odd_pixel_format: The same for an odd width or height; None where the codec has none.
        crf: Default constant rate factor; None where the codec has no such setting.
        options: The encoder's other options.
        least_size: Smallest width and height.
        rgb: Whether pictures are stored as RGB, unconverted.
    """

    encoder: str
    containers: tuple[str, ...]
    pixel_format: str = "yuv420p"
    odd_pixel_format: str | None = "yuv420p"
    crf: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    least_size: int = 1
    rgb: bool = False


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
        ),
        "h265": Codec(
            "libx265",
            (".mp4", ".mov", ".mkv"),
            odd_pixel_format=None,  # x265 corrupted memory at 35x21 in 4:4:4
            crf=20,
            options={"preset": "fast", "x265-params": "log-level=none:bframes=0"},
            least_size=16,
        ),
        "vp9": Codec(
            "libvpx-vp9",
            (".webm", ".mp4", ".mkv"),
            crf=24,
            options={"b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"},
        ),
        "av1": Codec(
            "libsvtav1", (".mp4", ".webm", ".mkv"), crf=26, options={"preset": "8"}, least_size=16
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

USUAL_CODEC: Mapping[str, str] = MappingProxyType(
    {".mp4": "h264", ".mov": "h264", ".mkv": "h264", ".webm": "vp9"}
)
"""A container's suffix to the codec it gets unasked."""


def choose_codec(name: str | None, suffix: str, info: StreamInfo) -> Codec:
    """Choose the codec of a file.

    Args:
        name: A name in :data:`CODECS`; None is the container's usual one.
        suffix: The container's, such as ``.mp4``.
        info: The stream; its size must fit.

    Raises:
        SinkError: There is no such codec, or it does not fit the container or the size.
    """
    fitting = [other for other, codec in CODECS.items() if suffix in codec.containers]
    name = name or USUAL_CODEC[suffix]
    if name not in fitting:
        problem = f"{suffix} can't hold it" if name in CODECS else "there is no such codec"
        raise SinkError(
            f"writing {suffix} with codec {name} failed: {problem}; {suffix} takes "
            f"{', '.join(fitting)}"
        )
    _require_fit(name, suffix, info)
    return CODECS[name]


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
    raise SinkError(
        f"writing {info.width}x{info.height} pictures with codec {name} failed: it can't hold "
        f"this size; give {remedy}"
    )


def _fits(codec: Codec, info: StreamInfo) -> bool:
    if min(info.height, info.width) < codec.least_size:
        return False
    return codec.odd_pixel_format is not None or not is_odd(info)


def is_odd(info: StreamInfo) -> bool:
    """Tell whether the width or the height is odd."""
    return bool(info.height % 2 or info.width % 2)
