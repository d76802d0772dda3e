"""How time grows with pixels, frames and cores; memory; and the wait for the first frame."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.command import first_frame, peak_mebibytes
from benchmarks.pace.renders import SETTLING, Size, prepare_clip, read_frames, render_apart
from dreamstream._libraries import cv2
from dreamstream.config import DreamConfig

FULL_SIZE = {"dream_size": None}
"""The network sees every pixel; with the preset's default it sees 640 in a row at the most."""

EARLY = 20
"""Frames that are the early ones of a longer stream."""

STILL_SIZE: Size = (2160, 3840)
STILL_STEPS = "1"
"""Steps in each octave of the large still: more take longer, and no more memory."""

Figures = dict[str, Any]


def measure_pixels(
    folder: Path, clips: Path | None, sizes: Sequence[Size], frames: int
) -> list[Figures]:
    """Time warm frames of dreamnet at some sizes, and print a row for each."""
    print("\nscaling with pixels: dreamnet, warm; full is with --dream-size full")
    print(f"{'size':>11}{'default s':>12}{'full s':>10}{'full us/pixel':>15}{'peak MiB':>10}")
    return [
        _measure_size(size, prepare_clip(folder, clips, size, frames), folder) for size in sizes
    ]


def _measure_size(size: Size, clip: Path, folder: Path) -> Figures:
    usual, full = render_apart(clip, folder, {}), render_apart(clip, folder, FULL_SIZE)
    figures = {
        "size": f"{size[1]}x{size[0]}",
        "seconds": usual["seconds"],
        "full_seconds": full["seconds"],
        "full_microseconds_per_pixel": 1e6 * full["seconds"] / (size[0] * size[1]),
        "full_peak_mebibytes": full["peak"],
    }
    print(
        f"{figures['size']:>11}{figures['seconds']:>12.3f}{figures['full_seconds']:>10.3f}"
        f"{figures['full_microseconds_per_pixel']:>15.2f}{figures['full_peak_mebibytes']:>10.0f}",
        flush=True,
    )
    return figures


def measure_length(clip: Path, folder: Path) -> Figures:
    """Compare the early warm frames of a stream with its later ones, and print both."""
    found = render_apart(clip, folder, {})
    walls = np.where(found["warm"], found["walls"], np.nan)
    early, late = np.nanmedian(walls[SETTLING:EARLY]), np.nanmedian(walls[EARLY:])
    figures = {"early": float(early), "late": float(late), "ratio": float(late / early)}
    print(f"\nscaling with frames: dreamnet, {clip.stem}, median seconds of a warm frame")
    print(f"frames {SETTLING} to {EARLY}: {early:.3f}; later ones up to {len(walls)}: {late:.3f}")
    print(f"ratio {figures['ratio']:.3f}", flush=True)
    return figures


def measure_cores(clip: Path, folder: Path) -> list[Figures]:
    """Time warm frames with 1, 2, 4 ... cores, and with all; print a row for each."""
    whole = len(os.sched_getaffinity(0))
    counts = sorted({*(2**power for power in range(whole.bit_length())), whole})
    print(f"\nscaling with cores: dreamnet, warm frames of {clip.stem}")
    print(f"{'cores':>6}{'s/frame':>9}{'speedup':>9}{'efficiency':>12}")
    rows: list[Figures] = []
    for cores in counts:
        seconds = render_apart(clip, folder, {}, cores)["seconds"]
        speedup = (rows[0]["seconds"] if rows else seconds) / seconds
        rows.append({"cores": cores, "seconds": seconds, "speedup": speedup})
        print(f"{cores:>6}{seconds:>9.3f}{speedup:>9.2f}{speedup / cores:>12.0%}", flush=True)
    return rows


def measure_memory(
    folder: Path, clips: Path | None, size: Size, lengths: Sequence[int]
) -> list[Figures]:
    """Return the command's peak memory for streams of some lengths, and print a row each."""
    print(f"\npeak memory of the command, dreamnet, {size[1]}x{size[0]}, MiB")
    rows: list[Figures] = []
    for frames in lengths:
        clip = prepare_clip(folder, clips, size, frames)
        rows.append({"frames": frames, "mebibytes": peak_mebibytes(clip, folder / "memory.mp4")})
        print(f"{frames:>6} frames{rows[-1]['mebibytes']:>9.0f}", flush=True)
    return rows


def measure_still(folder: Path, clips: Path | None, config: DreamConfig) -> Figures:
    """Return the peak of a large still that a network dreams at full size, and print it.

    Args:
        folder: Where pictures go.
        clips: Of the picture.
        config: Names the network and its weights; the preset's layers are dreamed.
    """
    picture, output = folder / "still.png", folder / "still-dream.png"
    _write_still(prepare_clip(folder, clips, STILL_SIZE, 1), picture)
    network = ("--model", config.model, "--weights", str(config.weights))
    options = (*network, "--dream-size", "full", "--first-steps", STILL_STEPS)
    peak = peak_mebibytes(picture, output, *options)
    size = f"{STILL_SIZE[1]}x{STILL_SIZE[0]}"
    print(f"a still of {size}, {config.model} at full size: {peak:.0f} MiB", flush=True)
    return {"size": size, "mebibytes": peak}


def measure_first_frame(clip: Path, folder: Path, repeats: int) -> Figures:
    """Time the wait from the command to its first written frame, and print it."""
    waits = [first_frame(clip, folder) for _ in range(repeats)]
    print(f"\nfirst dreamed frame of {clip.stem} with dreamnet, from the command's start:")
    print(f"best of {repeats}: {min(waits):.2f} s", flush=True)
    return {"seconds": min(waits), "all": waits}


def _write_still(clip: Path, picture: Path) -> None:
    pixels = next(read_frames(clip, 0))
    cv2.imwrite(str(picture), np.ascontiguousarray(pixels[..., ::-1]))
