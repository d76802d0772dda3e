"""How to show a camera's dream."""

from dataclasses import dataclass
from fractions import Fraction

from dreamstream.config.fields import MOST_RATE, option, require, settle_types


@dataclass(frozen=True, kw_only=True)
class LiveConfig:
    """How to show a camera's dream.

    Attributes:
        live: Play a film as a camera would: at its own rate, dropping what is late.
        live_fps: Frames a second to aim at; None is the camera's own rate, at most 30.
        no_window: Open no window; record alone.
        virtual_camera: Send what is shown to a virtual camera.

    Raises:
        ValueError: A value is outside its range; the message names the field.
    """

    live: bool = option(False, "play a film as a camera would, dropping what is late", "live")
    live_fps: Fraction | None = option(
        None, "frames a second to aim at", "live", shown="the camera's, at most 30"
    )
    no_window: bool = option(False, "open a window; without one it is only recorded", "live")
    virtual_camera: bool = option(
        False, "send it to a virtual camera too (needs the extra virtualcam)", "live"
    )

    def __post_init__(self) -> None:
        settle_types(self)
        if self.live_fps is not None:
            require("live_fps", self.live_fps, above=0, most=MOST_RATE)
