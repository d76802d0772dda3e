"""Dream the sample clip in the live view and keep what its window shows as a GIF.

The view is the command's own, figures and all; only the window is one that keeps pictures instead
of showing them.  Run from the repository's root, with dreamstream installed, on an idle machine:

    python tools/make_live_gif.py
"""

import argparse
import time
from fractions import Fraction
from pathlib import Path

from dreamstream.config import DreamConfig, LiveConfig, MediaConfig
from dreamstream.dream.report import FrameRecord
from dreamstream.frames import Frame, Pixels, StreamInfo
from dreamstream.live.loading import load_model
from dreamstream.live.session import LiveRun, open_device, show_device
from dreamstream.sinks import ScaledSink, open_sink
from dreamstream.sinks.scaled import scaled_info

TICK = Fraction(1, 1000)


def main() -> None:
    """Write the GIF."""
    options = parse_options()
    media, live = MediaConfig(loop=True), LiveConfig(live=True)
    device = open_device(str(options.clip), media)
    info = StreamInfo(device.info.height, device.info.width, rate=options.fps, time_base=TICK)
    window = KeepingWindow(options.seconds, options.settle, float(1 / options.fps))
    config = DreamConfig(preset=options.preset)
    run = LiveRun(str(options.clip), None, config, media, live)
    show_device(device, run, load_model, window=window, write_record=window.note)
    scaled = scaled_info(info, options.width)
    gif = open_sink(options.out, scaled, MediaConfig(overwrite=True))
    with ScaledSink(gif, info, scaled) as sink:
        for index, (moment, pixels) in enumerate(window.kept):
            sink.write(Frame(pixels, round((moment - window.kept[0][0]) / TICK) * TICK, index))


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Formatter)
    add = parser.add_argument
    add("--clip", type=Path, default=Path("samples/meadow.mp4"))
    add("--out", type=Path, default=Path("samples/gallery/live.gif"))
    add("--preset", default=DreamConfig().preset)
    add("--seconds", type=float, default=3.0, help="how much is kept")
    add("--settle", type=float, default=0.4, help="seconds of the plain picture before the dream")
    add("--fps", type=Fraction, default=Fraction(10), help="of the GIF")
    add("--width", type=int, default=360, help="of the GIF")
    return parser.parse_args()


class KeepingWindow:
    """Keeps some of the pictures that it is to show, from just before the dream begins.

    Args:
        seconds: How long.
        settle: Seconds of the plain picture that are kept.
        period: Seconds from one that is kept to the next.

    Attributes:
        kept: When each was shown, in seconds, and the (H, W, 3) picture.
    """

    def __init__(self, seconds: float, settle: float, period: float) -> None:
        self.kept: list[tuple[float, Pixels]] = []
        self._seconds, self._settle, self._period = seconds, settle, period
        self._dreaming = False

    def note(self, record: FrameRecord) -> None:
        """Learn from a frame's figures whether the dream has begun."""
        self._dreaming = self._dreaming or record.report.residual_rms > 0

    @property
    def is_open(self) -> bool:
        """Whether there is more to keep."""
        return len(self.kept) < 2 or self.kept[-1][0] - self.kept[0][0] < self._seconds

    def show(self, pixels: Pixels) -> None:
        """Keep a picture if its turn has come; before the dream only the last few."""
        now = time.monotonic()
        if not self._dreaming:
            self.kept = [each for each in self.kept if now - each[0] < self._settle]
        if not self.kept or now - self.kept[-1][0] >= 0.9 * self._period:
            self.kept.append((now, pixels))

    def key(self) -> str | None:
        """Return no key."""
        return None

    def toggle_full_screen(self) -> None:
        """There is no screen."""

    def close(self) -> None:
        """Nothing is to be taken from a screen."""


class _Formatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Shows defaults, and the description as it is written."""


if __name__ == "__main__":
    main()
