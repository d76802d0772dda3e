"""Warm frames against the original program run on each frame: seconds, and gain when as strong."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.motion import metrics
from benchmarks.pace.networks import Network
from benchmarks.pace.original import STEP, OriginalProgram
from benchmarks.pace.renders import read_frames, render, render_original
from dreamstream.dream.dreamer import Dreamer
from dreamstream.frames import FloatImage, Pixels, to_model_range

Figures = dict[str, Any]


def compare_frames(
    networks: Sequence[Network], clip: Path, folder: Path, frames: int, compared: int
) -> Figures:
    """Dream a clip warm, and its last frames with the original program; print a row for each.

    Args:
        networks: What to dream with.
        clip: What is dreamed.
        folder: Where the outputs go.
        frames: Of the clip.
        compared: How many of them the original program dreams as well.
    """
    print(f"\nwarm frames of {clip.stem} from file to file, and the original program on each frame")
    print(
        f"{'network':14}{'':13}{'s/frame':>9}{'times':>8}{'steps':>7}{'step size':>11}"
        f"{'rms/255':>9}{'gain':>7}{'at equal rms':>14}{'gain':>7}"
    )
    rows = {each.name: _compare(each, clip, folder, frames, compared) for each in networks}
    ratio = rows["inception_v3"]["original"]["seconds"] / rows["dreamnet"]["ours"]["seconds"]
    print(f"the original with inception_v3 over dreamstream with dreamnet: {ratio:.1f}")
    return {"networks": rows, "original_inception_v3_over_dreamnet": ratio}


def _compare(network: Network, clip: Path, folder: Path, frames: int, compared: int) -> Figures:
    config = network.config
    made = render(clip, folder / "ours.mp4", Dreamer(config, network.load()), compared)
    program = OriginalProgram(network.plain_loss(), config.max_loss)
    first = frames - compared - 1
    dreams, walls, steps = render_original(clip, folder / "original.mp4", program, first)
    sources = list(read_frames(clip, first + 1))
    taken = [sum(record.report.steps) for record in made.settled]
    figures: Figures = {
        "ours": {
            "seconds": made.seconds,
            "steps": float(np.mean(taken)),
            "step_size": config.step_size,
        },
        "original": {
            "seconds": float(np.mean(walls)),
            "steps": float(np.mean(steps)),
            "step_size": STEP,
        },
    }
    strengths = weigh(sources, {"ours": made.dreams, "original": dreams}, program.measure)
    figures = {name: {**row, **strengths[name]} for name, row in figures.items()}
    figures["ratio"] = figures["original"]["seconds"] / figures["ours"]["seconds"]
    _print_rows(network.name, figures)
    return figures


def weigh(
    sources: Sequence[Pixels],
    dreams: dict[str, list[Pixels]],
    measure: Callable[[FloatImage], float],
) -> dict[str, Figures]:
    """Measure dreams of the same frames as they are, and at the strength of the weakest.

    Args:
        sources: (H, W, 3) uint8 each.
        dreams: Name to as many dreams.
        measure: Gives the loss of a (H, W, 3) float32 picture in [-1, 1].

    Returns:
        By name: "rms" of the residuals in levels of 255 and the mean log "gain" of the loss;
        "equal_rms" and "equal_gain" after all residuals were scaled to the least root mean square.
    """
    residuals = {name: metrics.residuals(sources, given) for name, given in dreams.items()}
    least = min(map(metrics.root_mean_square, residuals.values()))
    found = {}
    for name, given in residuals.items():
        same = metrics.added(sources, metrics.scaled(given, least))
        found[name] = {
            "rms": 255 * metrics.root_mean_square(given),
            "gain": _mean_gain(sources, dreams[name], measure),
            "equal_rms": 255 * metrics.root_mean_square(metrics.residuals(sources, same)),
            "equal_gain": _mean_gain(sources, same, measure),
        }
    return found


def _mean_gain(
    sources: Sequence[Pixels], dreams: Sequence[Pixels], measure: Callable[[FloatImage], float]
) -> float:
    gains = [
        math.log(measure(to_model_range(dream)) / measure(to_model_range(source)))
        for source, dream in zip(sources, dreams, strict=True)
    ]
    return float(np.mean(gains))


def _print_rows(name: str, figures: Figures) -> None:
    for way in ("ours", "original"):
        row = figures[way]
        times = row["seconds"] / figures["ours"]["seconds"]
        print(
            f"{name:14}{way:13}{row['seconds']:>9.3f}{times:>8.1f}{row['steps']:>7.1f}"
            f"{row['step_size']:>11g}{row['rms']:>9.1f}{row['gain']:>7.2f}"
            f"{row['equal_rms']:>14.1f}{row['equal_gain']:>7.2f}",
            flush=True,
        )
