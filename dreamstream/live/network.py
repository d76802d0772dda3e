"""A loaded network that looks at what was shown and says what to change (TensorFlow)."""

import dataclasses
import math

import numpy as np

from dreamstream._libraries import cv2
from dreamstream.config import DreamConfig
from dreamstream.dream.ascent import GuardedAscent
from dreamstream.dream.objective import Loss
from dreamstream.dream.resampling import Size, fit_size, octave_sizes, shrink
from dreamstream.dream.step_weights import emphasise, holding
from dreamstream.frames import FloatImage, to_model_range
from dreamstream.live.carried import Snapshot, Thought, resample
from dreamstream.live.controller import Rung
from dreamstream.models.extractor import FeatureExtractor, load_configured
from dreamstream.temporal.flow import enlarge_flow

CEILING_SHARE = 0.85
"""Share of max_loss at which live steps aim: a step may be asked for before the one ahead of it is
seen, and the picture moves on before either is shown."""

SCALE_BACK = 0.97
"""Margin by which a residual over the ceiling is scaled back, beyond the ceiling's own share."""

COARSE_EVERY = 3
"""Looks from one at the coarse octave to the next."""

COARSE_OCTAVES = 2
"""How many octaves the coarse one lies under the dream size, where there are so many."""

FRAME = 32
"""Pixels that the coarse octave is mirrored beyond its edges: two cells of the deep layers, which
the loss leaves out."""

COARSE_UP_TO = 0.8
"""Share of the loss aimed at up to which the coarse octave has its turn: there no ceiling holds."""

FEWEST_CELLS = 6
"""Least height and width, in cells, of the deepest layer at a size that is dreamed live: a little
more than offline, where finer octaves follow."""

LONGEST_STEP = 6.0
"""Longest step, in step sizes: a new picture fades in over some frames and does not jump."""

BLEND_POWER, HOLDING_SHARE, MOST_HOLDING = 2.69, 1.4, 1.5
"""Power of ``blend`` by which new ground is measured, factor of a film's step on old ground, and
the most of it: less than a film's, so that a new picture fades in."""

TARGET_SHARE = 0.5
"""The strength that a shot is held at, over all the steps of a film's cold frame laid end to end;
offline dreams come to about that."""


class Network:
    """Looks at snapshots at the sizes of a ladder.

    Args:
        config: How to dream; ``octaves`` of 1 leaves the coarse one out.
        extractor: The network; by default the configuration's is loaded.

    Raises:
        ModelError: There is no such model, layer or device, or the weights can't be had.
    """

    def __init__(self, config: DreamConfig, extractor: FeatureExtractor | None = None) -> None:
        self.config = config
        self._extractor = extractor or load_configured(config)
        self._loss = Loss(self._extractor, config.layers, config.tile)
        # shifted pictures have another loss, and the shown one's is wanted
        self._ascent = GuardedAscent(self._loss, dataclasses.replace(config, jitter=0))
        self._ceiling = math.inf if config.max_loss is None else config.max_loss
        self._target = target_strength(config)
        self._looks = 0

    def warm_up(self, size: Size, side: int) -> None:
        """Run a dream size and its coarse octave once, so that no look has to wait for it.

        Args:
            size: (height, width) of the frames.
            side: Longest side of the dream size, in pixels.
        """
        finest = fit_size(size, side)
        self._run(np.zeros((*finest, 3), np.float32))
        if self.config.octaves > 1:
            self._run(_framed(np.zeros((*self._coarse(finest), 3), np.float32)))

    def _run(self, grey: FloatImage) -> None:
        if self.dreams_at((grey.shape[0], grey.shape[1])):
            self._ascent.climb(grey, grey[..., 0], 1)
            self._measure(grey)

    def look(self, snapshot: Snapshot, rung: Rung, strength: float) -> Thought:
        """Measure a snapshot's loss and find what raises it.

        Args:
            snapshot: What was shown.
            rung: Dream size and steps.
            strength: The viewer's factor on how strong a shot is held.
        """
        size = fit_size((snapshot.pixels.shape[0], snapshot.pixels.shape[1]), rung.side)
        shown = shrink(to_model_range(snapshot.pixels), size)
        if not self.dreams_at(size):
            return _thought(snapshot, rung, np.zeros_like(shown))
        if not self._loss.calibrated:
            self._loss.calibrate(resample(to_model_range(snapshot.source), size))
        self._looks += 1
        emphasis = self._emphasis(snapshot, size, strength)
        if self._is_coarse_turn(size):
            loss = self._measure(shown)
            if loss < CEILING_SHARE * COARSE_UP_TO * self._ceiling:
                change, steps = self._climb_coarse(shown, emphasis)
                return _thought(snapshot, rung, change, loss, 1.0, steps)
        return self._look_fine(snapshot, rung, shown, emphasis)

    def _look_fine(
        self, snapshot: Snapshot, rung: Rung, shown: FloatImage, emphasis: FloatImage
    ) -> Thought:
        """Step at the dream size itself, where the ceiling holds."""
        image, loss, taken, _ = self._ascent.climb(shown, emphasis, 1, CEILING_SHARE)
        if loss > self._ceiling:
            share = SCALE_BACK * self._ceiling / loss
            return _thought(snapshot, rung, np.zeros_like(shown), loss, share)
        while 0 < taken < rung.steps:
            image, _, more, _ = self._ascent.climb(image, emphasis, 1, CEILING_SHARE)
            if not more:
                break
            taken += 1
        return _thought(snapshot, rung, image - shown, loss, 1.0, taken)

    def _climb_coarse(self, shown: FloatImage, emphasis: FloatImage) -> tuple[FloatImage, int]:
        """Step at the coarse octave, for forms that the dream size is too fine for."""
        size = self._coarse((shown.shape[0], shown.shape[1]))
        start, factor = _framed(shrink(shown, size)), _framed(shrink(emphasis, size))
        climbed = self._ascent.climb(start, factor, 1, up_to=math.inf)
        return _unframed(climbed.image - start), climbed.steps

    def _emphasis(self, snapshot: Snapshot, size: Size, strength: float) -> FloatImage:
        residual = resample(snapshot.residual, size)
        trust = resample(snapshot.trust, size)
        flow = enlarge_flow(snapshot.backward_flow, size)
        rms = math.sqrt(float(np.square(residual).mean(dtype=np.float64)))
        hold = min(HOLDING_SHARE * holding(rms, strength * self._target), MOST_HOLDING)
        blend = self.config.blend**BLEND_POWER
        emphasis = emphasise(residual, trust, flow, blend, hold)
        return np.asarray(np.minimum(emphasis, LONGEST_STEP), np.float32)

    def _coarse(self, size: Size) -> Size:
        octaves = min(self.config.octaves - 1, COARSE_OCTAVES)
        return octave_sizes(size, octaves + 1, self.config.octave_scale)[0]

    def _is_coarse_turn(self, size: Size) -> bool:
        turn = self.config.octaves > 1 and self._looks % COARSE_EVERY == 0
        height, width = self._coarse(size)
        return turn and self.dreams_at((height + 2 * FRAME, width + 2 * FRAME))

    def dreams_at(self, size: Size) -> bool:
        """Tell whether a picture of a size is large enough to dream."""
        cells = self._extractor.feature_sizes(*size).values()
        return min(min(layer) for layer in cells) >= FEWEST_CELLS

    def _measure(self, image: FloatImage) -> float:
        return self._loss.measure(image[None])


def target_strength(config: DreamConfig) -> float:
    """Tell the root mean square of the residual, in [-1, 1] units, at which a shot is held."""
    return TARGET_SHARE * config.first_steps * config.octaves * config.step_size


def _framed(image: FloatImage) -> FloatImage:
    """Mirror a picture outward, so that its own edge is dreamed too."""
    framed = cv2.copyMakeBorder(image, FRAME, FRAME, FRAME, FRAME, cv2.BORDER_REFLECT_101)
    return np.asarray(framed, np.float32)


def _unframed(image: FloatImage) -> FloatImage:
    return np.ascontiguousarray(image[FRAME:-FRAME, FRAME:-FRAME])


def _thought(
    snapshot: Snapshot,
    rung: Rung,
    change: FloatImage,
    loss: float | None = None,
    share: float = 1.0,
    steps: int = 0,
) -> Thought:
    return Thought(snapshot.index, snapshot.shot, change, loss, share, steps, rung.side)
