"""Dream the same three pictures with every preset, a strip of film, and the fall into a picture.

Run from the repository's root, with dreamstream installed:

    python tools/make_gallery.py
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from dreamstream._libraries import cv2
from dreamstream.cli.main import main as dreamstream
from dreamstream.config import DEFAULT_MODEL, DEFAULT_PRESET, PRESETS
from dreamstream.frames import Pixels

HEIGHT, GAP, QUALITY = 200, 4, 84
"""Of a row: its height and the white between two pictures, in pixels; JPEG's quality."""

STRIP_FRAMES = (0, 12, 24, 36, 48)
"""Frames of the clip that the strip shows."""

SAMPLES = Path("samples")


def main() -> int:
    """Write the pictures; the first command that fails ends it with its exit code."""
    options = _parse_options()
    options.out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as name:
        folder = Path(name)
        sources = [folder / "0.png", *options.pictures]
        return _first_failure(
            lambda: _command(options.clip, sources[0], "--preview", options.time, *_AS_IT_IS),
            lambda: _show_rows(sources, options.presets, options.out, folder),
            lambda: _show_strip(options.clip, options.out / "strip.jpg", folder),
            lambda: _fall(sources[0], options.out / "tunnel.gif"),
        )


_AS_IT_IS = ("--first-steps", "0")


def _parse_options() -> argparse.Namespace:
    films = [name for name, preset in PRESETS.items() if preset.model == DEFAULT_MODEL]
    pictures = [SAMPLES / "photos" / name for name in ("pagoda.jpg", "coffee.jpg")]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Formatter)
    add = parser.add_argument
    add("--clip", type=Path, default=SAMPLES / "meadow.mp4")
    add("--time", default="2.5", help="which frame of the clip is the first picture, in seconds")
    add("--pictures", type=Path, nargs="+", default=pictures, help="the others")
    add("--presets", nargs="+", choices=films, default=films)
    add("--out", type=Path, default=SAMPLES / "gallery")
    return parser.parse_args()


def _first_failure(*works: Callable[[], int]) -> int:
    """Do one work after another, up to the first that returns another exit code than 0."""
    return next((code for code in (work() for work in works) if code), 0)


def _command(source: Path, output: Path, *flags: str) -> int:
    return dreamstream([str(source), str(output), *flags, "-y"])


def _show_rows(sources: Sequence[Path], presets: Iterable[str], out: Path, folder: Path) -> int:
    """Write a row of the sources, and one of their dreams for each preset."""
    _write_jpeg(out / "sources.jpg", _row(sources))
    for preset in presets:
        dreams = folder / preset
        dreams.mkdir()
        inputs = [str(source) for source in sources]
        if code := dreamstream([*inputs, f"{dreams}/", "--preset", preset, "-y"]):
            return code
        _write_jpeg(
            out / f"{preset}.jpg", _row([next(dreams.glob(f"{each.stem}.*")) for each in sources])
        )
    return 0


def _show_strip(clip: Path, output: Path, folder: Path) -> int:
    """Write frames of a film one beside the other, and under them their dreams."""
    dreams, plain = folder / "film", folder / "plain"
    frames = f":{STRIP_FRAMES[-1] + 1}"
    code = _first_failure(
        lambda: _command(clip, dreams / "%05d.png", "--frames", frames),
        lambda: _command(clip, plain / "%05d.png", "--frames", frames, *_AS_IT_IS, "--steps", "0"),
    )
    if code:
        return code
    rows = [
        _row([sorted(each.glob("*.png"))[index] for index in STRIP_FRAMES], HEIGHT * 2 // 3)
        for each in (plain, dreams)
    ]
    _write_jpeg(output, np.concatenate([rows[0], np.full_like(rows[0][:GAP], 255), rows[1]]))
    return 0


def _row(paths: Iterable[Path], height: int = HEIGHT) -> Pixels:
    """Read pictures and set them side by side, (height, W, 3), in OpenCV's order of colours."""
    shown: list[Pixels] = []
    for path in paths:
        picture = cv2.imread(str(path))
        if picture is None:
            raise SystemExit(f"{path} can't be read")
        width = round(picture.shape[1] * height / picture.shape[0])
        small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        shown += [np.asarray(small, np.uint8), np.full((height, GAP, 3), 255, np.uint8)]
    return np.concatenate(shown[:-1], axis=1)


def _write_jpeg(path: Path, pixels: Pixels) -> None:
    cv2.imwrite(str(path), pixels, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


def _fall(frame: Path, output: Path) -> int:
    """Make a loop of the tunnel into a picture, small enough for a page."""
    zoom = ("--zoom", "1.025", "--loop", "--duration", "3", "--fps", "9", "--width", "320")
    return _command(frame, output, *zoom, "--preset", DEFAULT_PRESET)


class _Formatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Shows defaults, and the description as it is written."""


if __name__ == "__main__":
    sys.exit(main())
