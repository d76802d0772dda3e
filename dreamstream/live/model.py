"""A loaded network that looks at what was shown and returns what to change (TensorFlow)."""

import contextlib
import dataclasses
import math
import time
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from dreamstream._libraries import cv2
from dreamstream.config import DreamConfig
from dreamstream.dream.ascent import guarded_step
from dreamstream.dream.changeable import require_changeable
from dreamstream.dream.core import DreamCore, Headroom, Schedule
from dreamstream.dream.octaves import Octave
from dreamstream.dream.parameters import step_params
from dreamstream.dream.resampling import Size, fit_size, octave_sizes, shrink
from dreamstream.dream.start import root_mean_square
from dreamstream.dream.step_weights import step_weights, strength_gain
from dreamstream.errors import FieldError
from dreamstream.frames import FloatImage, to_model_range
from dreamstream.live.controller import Rung
from dreamstream.live.residual import Snapshot, Update, live_blend, resample
from dreamstream.models.extractor import FeatureExtractor
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

_TINY = 1e-6

TARGET_SHARE = 0.5
"""The strength that a shot is held at, over all the steps of a film's cold frame laid end to end;
offline dreams come to about that."""


class LiveModel:
    """Looks at snapshots at the sizes of a ladder.

    Args:
        config: How to dream; ``octaves`` of 1 leaves the coarse one out.
        extractor: The network; by default the configuration's is loaded.

    Raises:
        ModelError: There is no such model, layer or device, or the weights can't be had.
    """

    def __init__(self, config: DreamConfig, extractor: FeatureExtractor | None = None) -> None:
        self.config = config
        # shifted pictures have another loss, and the shown one's is wanted
        unshifted = dataclasses.replace(config, jitter=0)
        self._core = DreamCore(unshifted, extractor, guarded_step, endless=True)
        self._params = step_params(config.changed(strength=1.0))  # which each look is told
        self._target = target_strength(config)
        self._looks, self._begun = 0, time.monotonic()

    def change(self, config: DreamConfig) -> None:
        """Dream otherwise from the next look on; nothing is traced again.

        Args:
            config: It differs in numbers alone; see :func:`dreamstream.dream.changeable.FIXED`.

        Raises:
            ValueError: It differs in what a loaded network keeps for its life.
        """
        require_changeable(self.config, config)
        self.config = config
        self._params = step_params(config.changed(strength=1.0))  # which each look is told
        self._target = target_strength(config)

    def retune(self, settings: Mapping[str, Any]) -> None:
        """Dream with other settings from the next look on; nothing is traced again.

        Args:
            settings: Fields of :class:`DreamConfig`; coefficients of other layers than the look
                that the viewer has chosen are passed over, and so is what that look can't have.
        """
        wanted = dict(settings)
        if list(wanted.get("layers", self.config.layers)) != list(self.config.layers):
            del wanted["layers"]
        with contextlib.suppress(FieldError):
            self.config = self.config.changed(**wanted)
        self._params = step_params(self.config.changed(strength=1.0))
        self._target = target_strength(self.config)

    def warm_up(self, size: Size, side: int) -> None:
        """Run a dream size and its coarse octave once, so that no look has to wait for it.

        Args:
            size: (height, width) of the frames.
            side: Longest side of the dream size, in pixels.
        """
        finest = fit_size(size, side)
        self._try(np.zeros((*finest, 3), np.float32))
        if self.config.octaves > 1:
            self._try(_framed(np.zeros((*self._coarse(finest), 3), np.float32)))

    def _try(self, grey: FloatImage) -> None:
        if self.dreams_at((grey.shape[0], grey.shape[1])):
            self._step(grey, grey[..., 0])
            self._measure(grey)

    def look(self, snapshot: Snapshot, rung: Rung, strength: float) -> Update:
        """Measure a snapshot's loss and find what raises it.

        Args:
            snapshot: What was shown.
            rung: Dream size and steps.
            strength: As :attr:`DreamConfig.strength`; what is under 1 fades what is shown, and
                counts for nothing here.
        """
        size = fit_size((snapshot.pixels.shape[0], snapshot.pixels.shape[1]), rung.side)
        shown = shrink(to_model_range(snapshot.pixels), size)
        if not self.dreams_at(size):
            return _update(snapshot, rung, np.zeros_like(shown))
        if not self._core.objective.calibrated:
            self._core.objective.calibrate(resample(to_model_range(snapshot.source), size))
        self._looks += 1
        self._core.go_to(Fraction(round((time.monotonic() - self._begun) * 1000), 1000))
        weights = self._weights(snapshot, size, strength)
        if self._is_coarse_turn(size):
            loss = self._measure(shown)
            if loss < CEILING_SHARE * COARSE_UP_TO * self.config.loss_limit:
                change, steps = self._climb_coarse(shown, weights)
                return _update(snapshot, rung, change, loss, 1.0, steps)
        return self._look_fine(snapshot, rung, shown, weights)

    def _look_fine(
        self, snapshot: Snapshot, rung: Rung, shown: FloatImage, weights: FloatImage
    ) -> Update:
        """Step at the dream size itself, where the ceiling holds."""
        octave = self._step(shown, weights)
        loss, taken, limit = octave.loss, octave.steps, self.config.loss_limit
        if loss > limit:
            share = SCALE_BACK * limit / loss
            return _update(snapshot, rung, np.zeros_like(shown), loss, share)
        while 0 < taken < rung.steps:
            octave = self._step(octave.image, weights)
            if not octave.steps:
                break
            taken += 1
        return _update(snapshot, rung, octave.image - shown, loss, 1.0, taken)

    def _climb_coarse(self, shown: FloatImage, weights: FloatImage) -> tuple[FloatImage, int]:
        """Step at the coarse octave, for forms that the dream size is too fine for."""
        size = self._coarse((shown.shape[0], shown.shape[1]))
        start, factor = _framed(shrink(shown, size)), _framed(shrink(weights, size))
        octave = self._step(start, factor, up_to=math.inf)
        return _unframed(octave.image - start), octave.steps

    def _step(self, image: FloatImage, weights: FloatImage, up_to: float = CEILING_SHARE) -> Octave:
        """Take one step at one size, up to a share of the ceiling."""
        size = (image.shape[0], image.shape[1])
        schedule = Schedule([size], 1, Headroom(last=up_to))
        return self._core.run(image, weights, self._params, schedule)[0]

    def _weights(self, snapshot: Snapshot, size: Size, strength: float) -> FloatImage:
        residual = resample(snapshot.residual, size)
        confidence = resample(snapshot.confidence, size)
        flow = enlarge_flow(snapshot.backward_flow, size)
        rms, opened = root_mean_square(residual), None
        if snapshot.opened is not None:
            opened = np.asarray(resample(snapshot.opened, size) > 0, np.float32)
            rms /= math.sqrt(max(float(opened.mean()), _TINY))
        factor = max(strength, 1.0)
        gain = min(HOLDING_SHARE * strength_gain(rms, factor * self._target), MOST_HOLDING)
        blend = live_blend(self.config) ** BLEND_POWER
        weights = step_weights(residual, confidence, flow, blend, gain)
        if opened is not None:
            weights = weights * opened
        return np.asarray(factor * np.minimum(weights, LONGEST_STEP), np.float32)

    def _coarse(self, size: Size) -> Size:
        octaves = min(self.config.octaves - 1, COARSE_OCTAVES)
        return octave_sizes(size, octaves + 1, self.config.octave_scale)[0]

    def _is_coarse_turn(self, size: Size) -> bool:
        turn = self.config.octaves > 1 and self._looks % COARSE_EVERY == 0
        height, width = self._coarse(size)
        return turn and self.dreams_at((height + 2 * FRAME, width + 2 * FRAME))

    def dreams_at(self, size: Size) -> bool:
        """Whether a picture of a size is large enough to dream."""
        return self._core.is_dreamable(size, FEWEST_CELLS)

    def _measure(self, image: FloatImage) -> float:
        return self._core.measure(image, self._params)


def target_strength(config: DreamConfig) -> float:
    """Return the root mean square of the residual, in [-1, 1] units, at which a shot is held."""
    return TARGET_SHARE * config.first_steps * config.octaves * config.step_size


def _framed(image: FloatImage) -> FloatImage:
    """Mirror a picture outward, so that its own edge is dreamed too."""
    framed = cv2.copyMakeBorder(image, FRAME, FRAME, FRAME, FRAME, cv2.BORDER_REFLECT_101)
    return np.asarray(framed, np.float32)


def _unframed(image: FloatImage) -> FloatImage:
    return np.ascontiguousarray(image[FRAME:-FRAME, FRAME:-FRAME])


def _update(
    snapshot: Snapshot,
    rung: Rung,
    change: FloatImage,
    loss: float | None = None,
    share: float = 1.0,
    steps: int = 0,
) -> Update:
    return Update(snapshot.index, snapshot.shot, change, loss, share, steps, rung.side)
