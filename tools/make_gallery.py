"""Dream one frame of the sample clip with every preset, source beside dream, and fall into it.

Run from the repository's root, with dreamstream installed:

    python tools/make_gallery.py
"""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from dreamstream.cli.main import main as dreamstream
from dreamstream.config import DEFAULT_MODEL, PRESETS


def main() -> int:
    """Write the pictures; the first command that fails ends it with its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Formatter)
    parser.add_argument("--clip", type=Path, default=Path("samples/meadow.mp4"))
    parser.add_argument("--time", default="2.5", help="which frame, in seconds")
    parser.add_argument("--out", type=Path, default=Path("samples/gallery"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name, preset in PRESETS.items():
        if preset.model == DEFAULT_MODEL:
            code = _dream(options.clip, options.time, options.out / f"{name}.jpg", name)
            if code:
                return code
    return _fall(options.clip, options.time, options.out / "tunnel.gif")


def _dream(clip: Path, time: str, output: Path, preset: str) -> int:
    flags = ["--preview", time, "--compare", "--preset", preset, "-y"]
    return dreamstream([str(clip), str(output), *flags])


def _fall(clip: Path, time: str, output: Path) -> int:
    """Make a loop of the tunnel into a frame, small enough for a page."""
    with TemporaryDirectory() as folder:
        frame = str(Path(folder) / "frame.png")
        code = dreamstream([str(clip), frame, "--preview", time, "--first-steps", "0"])
        flags = ["--zoom", "1.025", "--loop", "--duration", "3", "--fps", "9", "--width", "320"]
        return code or dreamstream([frame, str(output), *flags, "-y"])


class _Formatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Shows defaults, and the description as it is written."""


if __name__ == "__main__":
    sys.exit(main())
