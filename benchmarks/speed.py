r"""Measure how fast dreams are made, beside the original program and what the machine can do.

Prints tables and, with ``--json``, writes the same figures; it asserts nothing.  Run from the
repository's root, with ``.[dev]`` installed, on a machine that does nothing else:

    python -m benchmarks.speed --clips FOLDER --weights inception_v3.h5 --json speed.json
    python -m benchmarks.speed --only step first
    python -m benchmarks.speed --quick       # small sizes, in about two minutes

- step: a gradient step (loss, gradient, normalise, add) on dreamstream's network, on the plain
  Keras model compiled and eager; arithmetic per second, a step taken for two forward passes, as a
  share of the machine's own matrix product.  Ways take turns; each one's best time counts.
- frame: seconds of a warm frame from file to file, and of the original program run on each frame
  with the same network and loss, with both dreams' log gain of that loss, as they are and with
  their residuals scaled to the weaker one's root mean square.
- stages: where a warm frame's time goes.
- scaling: seconds of a warm frame against pixels, frames and cores.
- memory: peak resident set of the command at two lengths; with ``--large`` of a large still too.
- precision: dreams in bfloat16 beside dreams in float32, and beside some with other shifts.
- first: seconds from the command's start to its first written frame.

Without ``--weights`` InceptionV3's are random, as large as trained ones: times and memory are the
same, and gains smaller.  The clip is cockatoo.mp4 of the folder, else a synthetic one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from benchmarks.pace import scaling
from benchmarks.pace.frames import compare_frames
from benchmarks.pace.networks import Network, make_networks
from benchmarks.pace.precision import compare_precisions
from benchmarks.pace.renders import Size, prepare_clip
from benchmarks.pace.stages import measure_stages
from benchmarks.pace.steps import measure_steps


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured.

    Attributes:
        sizes: (height, width) of the pictures whose time is compared.
        usual: The one at which all else is measured.
        rounds: Times that each way to step is timed.
        frames: Of a clip.
        compared: Frames of it that the original program dreams as well.
        long: Frames of the clip whose later frames are compared with its early ones.
        memory: (height, width) of the streams whose memory is measured.
        lengths: Their frames.
        precise: Pixels of the width of the frames that are dreamed in more than one precision.
        repeats: Times that the first frame is waited for.
    """

    sizes: tuple[Size, ...] = ((180, 320), (360, 640), (720, 1280))
    usual: Size = (360, 640)
    rounds: int = 10
    frames: int = 30
    compared: int = 3
    long: int = 60
    memory: Size = (720, 1280)
    lengths: tuple[int, ...] = (40, 160)
    precise: int = 480
    repeats: int = 3


QUICK = Extent(
    sizes=((180, 320),),
    usual=(180, 320),
    rounds=4,
    frames=10,
    compared=1,
    long=40,
    memory=(180, 320),
    lengths=(10, 40),
    precise=160,
    repeats=1,
)


@dataclass(frozen=True)
class Bench:
    """What the measurements share: where things lie, and the networks, made when first used."""

    folder: Path
    clips: Path | None
    weights: Path | None
    large: bool
    extent: Extent = field(default_factory=Extent)

    @cached_property
    def networks(self) -> list[Network]:
        """InceptionV3 and dreamnet."""
        return make_networks(self.weights, self.folder)

    def clip(self, size: Size, frames: int) -> Path:
        """Make a clip of a (height, width)."""
        return prepare_clip(self.folder, self.clips, size, frames)

    @property
    def usual_clip(self) -> Path:
        """The clip of the usual size and length."""
        return self.clip(self.extent.usual, self.extent.frames)


def main() -> None:
    """Measure, print, and write where asked."""
    options = parse_options()
    found: dict[str, Any] = {"machine": describe_machine()}
    print(", ".join(f"{name} {value}" for name, value in found["machine"].items()))
    with tempfile.TemporaryDirectory() as folder:
        extent = QUICK if options.quick else Extent()
        bench = Bench(Path(folder), options.clips, options.weights, options.large, extent)
        for name in options.only or PARTS:
            found[name] = PARTS[name](bench)
            if options.json:  # after each part: the next one may want more memory than there is
                options.json.write_text(json.dumps(found, indent=1) + "\n")
    print(f"\nload before {found['machine']['load']:.2f}, after {os.getloadavg()[0]:.2f}")


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add, clips = parser.add_argument, os.environ.get("DREAMSTREAM_CLIPS")
    add("--clips", type=Path, default=Path(clips) if clips else None, help="folder of real clips")
    add("--weights", type=Path, help="InceptionV3's, without its top, in a file of Keras's")
    add("--only", nargs="+", choices=list(PARTS), metavar="PART", help=", ".join(PARTS))
    add("--large", action="store_true", help="also a still of 3840x2160 with InceptionV3")
    add("--quick", action="store_true", help="small sizes, in about two minutes")
    add("--json", type=Path, help="write the figures here")
    return parser.parse_args()


def describe_machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    import keras
    import tensorflow as tf

    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "gpus": len(tf.config.list_physical_devices("GPU")),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "load": os.getloadavg()[0],
    }


def _measure_steps(bench: Bench) -> Any:
    return measure_steps(bench.networks, bench.extent.sizes, bench.extent.rounds)


def _measure_frames(bench: Bench) -> Any:
    extent = bench.extent
    return compare_frames(
        bench.networks, bench.usual_clip, bench.folder, extent.frames, extent.compared
    )


def _measure_stages(bench: Bench) -> Any:
    return measure_stages(bench.networks, bench.usual_clip, bench.folder)


def _measure_scaling(bench: Bench) -> Any:
    extent, folder = bench.extent, bench.folder
    return {
        "pixels": scaling.measure_pixels(folder, bench.clips, extent.sizes, extent.frames),
        "frames": scaling.measure_length(bench.clip(extent.usual, extent.long), folder),
        "cores": scaling.measure_cores(bench.usual_clip, folder),
    }


def _measure_memory(bench: Bench) -> Any:
    extent, folder = bench.extent, bench.folder
    found = {"stream": scaling.measure_memory(folder, bench.clips, extent.memory, extent.lengths)}
    if not bench.large:
        return found
    network = bench.networks[0]
    return {**found, "still": scaling.measure_still(folder, bench.clips, network.config)}


def _measure_precision(bench: Bench) -> Any:
    extent = bench.extent
    return compare_precisions(bench.usual_clip, extent.precise, extent.frames)


def _measure_first(bench: Bench) -> Any:
    return scaling.measure_first_frame(bench.usual_clip, bench.folder, bench.extent.repeats)


PARTS: Mapping[str, Callable[[Bench], Any]] = MappingProxyType(
    {
        "step": _measure_steps,
        "frame": _measure_frames,
        "stages": _measure_stages,
        "scaling": _measure_scaling,
        "memory": _measure_memory,
        "precision": _measure_precision,
        "first": _measure_first,
    }
)


if __name__ == "__main__":
    main()
