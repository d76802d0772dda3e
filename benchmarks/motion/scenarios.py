"""Films that try one thing each: standing still, a cut, a flash, a fast pan, a low ceiling."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from benchmarks.motion.metrics import correlation, drift
from benchmarks.motion.synthetic import SYNTHETIC, SyntheticClip
from dreamstream.config import DreamConfig
from dreamstream.dream.dreamer import Dreamer
from dreamstream.dream.report import DreamReport
from dreamstream.frames import FloatImage, Pixels, to_model_range
from dreamstream.models.extractor import FeatureExtractor

SIZE, QUICK_SIZE = (270, 480), (135, 240)
STILL_FRAMES, QUICK_FRAMES = 300, 50
FRAMES = 24
CEILING_FRAMES = 40
REACHED = 0.9
HALF = 0.5
FEWER_FIRST_STEPS = 10

Figures = dict[str, Any]


def measure_all(
    config: DreamConfig,
    extractor: FeatureExtractor,
    quick: bool,
    films: Mapping[str, Sequence[Pixels]],
) -> Figures:
    """Run every scenario, print what it gave, and return the figures by name.

    Args:
        config: How to dream.
        extractor: The network.
        quick: Small and short.
        films: Name to the frames of films to dream under a low ceiling, beside synthetic ones.
    """
    size, frames = (QUICK_SIZE, QUICK_FRAMES) if quick else (SIZE, STILL_FRAMES)
    free = measure_still("static", config, extractor, size, frames)
    low = replace(config, max_loss=HALF * free["loss"])
    runs: dict[str, Callable[[], Figures]] = {
        "still": lambda: free,
        "still, noise": lambda: measure_still("static_noise", config, extractor, size, frames),
        "still, at ceiling": lambda: measure_still("static", low, extractor, size, frames),
        "still, noise, at ceiling": lambda: measure_still(
            "static_noise", low, extractor, size, frames
        ),
        "cut": lambda: measure_cut(config, extractor, size),
        "fast pan": lambda: count_changes("pan_fast", config, extractor, size),
        "flash": lambda: count_changes("flash", config, extractor, size),
        "cost": lambda: measure_cost(config, extractor, size),
    }
    kept = QUICK_FRAMES // 2 if quick else CEILING_FRAMES
    moving = {name: _frames(SYNTHETIC[name](size, kept)) for name in ("pan_slow", "zoom")}
    ceilings: dict[str, Callable[[], Figures]] = {
        f"half ceiling, {name}": partial(measure_ceiling, some[:kept], config, extractor)
        for name, some in {**moving, **films}.items()
    }
    found = {}
    for name, run in {**runs, **ceilings}.items():
        found[name] = run()
        told = ", ".join(f"{key} {_short(value)}" for key, value in found[name].items())
        print(f"{name}: {told}", flush=True)
    return found


def measure_still(
    name: str,
    config: DreamConfig,
    extractor: FeatureExtractor,
    size: tuple[int, int],
    frames: int,
) -> Figures:
    """Dream a film that stands still; its strength, colour and loss may not drift."""
    means, strengths, losses = [], [], []
    for residual, report in _dream(SYNTHETIC[name](size, frames), config, extractor):
        means.append(float(residual.mean()))
        strengths.append(math.sqrt(float(np.square(residual).mean())))
        losses.append(report.loss or 0.0)
    ceiling = math.inf if config.max_loss is None else config.max_loss
    level = float(np.mean(strengths[30:]))
    return {
        "rms drift per 100": drift(strengths),
        "mean drift per 100, of rms": drift(means) * abs(float(np.mean(means[30:]))) / level,
        "loss": losses[-1],
        "of ceiling": losses[-1] / ceiling,
        "over": sum(loss > ceiling for loss in losses),
    }


def measure_cut(config: DreamConfig, extractor: FeatureExtractor, size: tuple[int, int]) -> Figures:
    """Dream over a cut; the new shot's first frame carries nothing and has full strength."""
    clip = SYNTHETIC["cut"](size, FRAMES)
    kept = [(residual, report) for residual, report in _dream(clip, config, extractor)]
    (cut,) = clip.cuts
    alone = Dreamer(config, extractor).dream(clip.frame(cut))
    own = to_model_range(alone) - to_model_range(clip.frame(cut))
    return {
        "found": [index for index, (_, report) in enumerate(kept) if report.cut] == [cut],
        "correlation": correlation(kept[cut][0], kept[cut - 1][0]),
        "as if it began there": bool(np.array_equal(kept[cut][0], own)),
        "strength, first over later": kept[cut][1].residual_rms / kept[-1][1].residual_rms,
    }


def count_changes(
    name: str, config: DreamConfig, extractor: FeatureExtractor, size: tuple[int, int]
) -> Figures:
    """Dream a film without a cut, and count what was taken for cuts and flashes."""
    clip = SYNTHETIC[name](size, FRAMES)
    reports = [report for _, report in _dream(clip, config, extractor)]
    return {
        "false cuts": sum(report.cut for report in reports),
        "flashes": sum(report.flash for report in reports),
        "flashes there": len(clip.flashes),
    }


def measure_ceiling(
    frames: Sequence[Pixels], config: DreamConfig, extractor: FeatureExtractor
) -> Figures:
    """Dream under half of the loss that a film reaches freely: the share of it that is used."""
    free = [report.loss or 0.0 for _, report in _dream_frames(frames, config, extractor)]
    ceiling = HALF * float(np.mean(free[len(free) // 2 :]))
    low = replace(config, max_loss=ceiling)
    reports = [report for _, report in _dream_frames(frames, low, extractor)]
    shares = [(report.loss or 0.0) / ceiling for report in reports]
    begun = next((index for index, share in enumerate(shares) if share >= REACHED), 0)
    return {
        "free loss": ceiling / HALF,
        "reached in frame": begun,
        "least of ceiling": min(shares[begun:]),
        "mean": float(np.mean(shares[begun:])),
        "under 0.9": sum(share < REACHED for share in shares[begun:]),
        "most": max(shares),
        "over": sum(share > 1 for share in shares),
        "rms/255, first and last": [round(reports[i].residual_rms, 1) for i in (0, -1)],
    }


def measure_cost(
    config: DreamConfig, extractor: FeatureExtractor, size: tuple[int, int]
) -> Figures:
    """Time a warm frame against a cold one of ten first steps, medians of interleaved frames."""
    config = replace(config, first_steps=FEWER_FIRST_STEPS)
    frames = [SYNTHETIC["pan_slow"](size, FRAMES).frame(index) for index in range(FRAMES)]
    dreamer, cold, warm = Dreamer(config, extractor), [], []
    for index in range(1, FRAMES):
        dreamer.reset()
        dreamer.dream(frames[index - 1])
        cold.append(dreamer.report.flow_seconds + dreamer.report.dream_seconds)
        dreamer.dream(frames[index])
        warm.append(dreamer.report.flow_seconds + dreamer.report.dream_seconds)
    ratio = float(np.median(warm[1:]) / np.median(cold[1:]))
    return {"warm over cold": ratio, "warm seconds": float(np.median(warm[1:]))}


def _dream(
    clip: SyntheticClip, config: DreamConfig, extractor: FeatureExtractor
) -> Iterator[tuple[FloatImage, DreamReport]]:
    return _dream_frames(map(clip.frame, range(clip.frames)), config, extractor)


def _dream_frames(
    frames: Iterable[Pixels], config: DreamConfig, extractor: FeatureExtractor
) -> Iterator[tuple[FloatImage, DreamReport]]:
    dreamer = Dreamer(config, extractor, measure_losses=True)
    for frame in frames:
        dream = dreamer.dream(frame)
        yield to_model_range(dream) - to_model_range(frame), dreamer.report


def _frames(clip: SyntheticClip) -> list[Pixels]:
    return [clip.frame(index) for index in range(clip.frames)]


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
