"""A sheet of what each channel of a layer dreams out of noise, for choosing among them."""

import math
from collections.abc import Generator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from dreamstream._libraries import cv2
from dreamstream.config import DreamConfig, LayerTerm, MediaConfig
from dreamstream.dream.core import DreamCore, Schedule
from dreamstream.dream.parameters import step_params
from dreamstream.dream.tiles import BORDER
from dreamstream.frames import FloatImage, Frame, Pixels, StreamInfo, to_pixels
from dreamstream.models.extractor import LISTING_SIDE, FeatureExtractor, load_configured
from dreamstream.sinks import Sink, open_sink

TILE, CAPTION, GAP = 96, 16, 4
"""Pixels of a picture's side on the sheet, of its number's line, and between two."""

FEWEST_CELLS = 8
"""Cells of the layer along a side of a picture while it is dreamed, four of which count."""

LEAST_SIDE = 112
"""Pixels of that side, where the layer's cells are small."""

STEPS, STEP_SIZE, OCTAVES = 12, 0.02, 2

STARTS, CONTRASTS, LAYER_STEPS = 12, (0.2, 0.45), 5
"""Pictures of noise to begin from, their standard deviations, in [-1, 1], by turns, and the steps
in which each is dreamed for the whole layer: a channel that nothing stirs has no gradient to
follow, and one noise alone stirred a third of a deep layer's."""

GREY, SOFTNESS = 0.7, 1.0
"""How far the noise is without colours, and its blur, in pixels: what is left of it lies under the
dream."""

CONTRAST = 0.3
"""Standard deviation to which a picture is brought on the sheet; in photos it is 0.3 to 0.6."""

_GROUND, _INK = 24, (225, 225, 225)
_TEXT, _WEIGHT = 12, 420


class ChannelSheet:
    """Draws the pictures of a layer's channels one after another, in the memory of the sheet.

    Each is noise, of some the one that stirs it most, dreamed for one channel; coefficients choose
    it, so that the step is compiled once for them all.

    Args:
        config: ``model``, ``weights``, ``seed`` and the engine's options count, and how the
            gradient is shaped.
        name: The layer, by its name or its depth word; ``layer:first-last`` draws these alone.
        output: The picture that is written: .png, .jpg or .webp.
        overwrite: Replace an existing one.

    Attributes:
        channels: The numbers that are drawn.

    Raises:
        FieldError: The name is none of a layer.
        ModelError: There is no such model, layer or channel, or the weights can't be had.
    """

    def __init__(
        self, config: DreamConfig, name: str, output: Path, *, overwrite: bool = False
    ) -> None:
        self._output, self._overwrite = output, overwrite
        wanted = config.changed(layers={name: 1.0}, guide=None)
        extractor = load_configured(wanted)
        (term,), (count,) = extractor.terms, extractor.channels().values()
        first, last = term.channels or (0, count - 1)
        self.channels = range(first, last + 1)
        each = (LayerTerm(term.layer, (channel, channel)) for channel in self.channels)
        terms = (*each, LayerTerm(term.layer))
        self._config = wanted.changed(max_loss=None)
        self._core = DreamCore(self._config, replace(extractor, terms=terms))
        self._best: list[int] = []
        side = _side(extractor)
        self._starts = [
            noise(side, config.seed + number, CONTRASTS[number % len(CONTRASTS)])
            for number in range(STARTS)
        ]
        if not self._core.objective.calibrated:
            self._core.objective.calibrate(self._starts[-1])

    def draw(self) -> Generator[int]:
        """Draw the sheet, and yield the number of each channel once it is drawn.

        Raises:
            SinkError: The sheet can't be written.
        """
        columns = math.ceil(math.sqrt(len(self.channels)))
        rows = math.ceil(len(self.channels) / columns)
        if not self._best:
            self._best = self._choose_starts()
        height, width = rows * (TILE + CAPTION + GAP) + GAP, columns * (TILE + GAP) + GAP
        sheet = np.full((height, width, 3), _GROUND, np.uint8)
        with self._open(height, width) as sink:
            for place, channel in enumerate(self.channels):
                row, column = divmod(place, columns)
                top, left = GAP + row * (TILE + CAPTION + GAP), GAP + column * (TILE + GAP)
                sheet[top : top + TILE, left : left + TILE] = self._picture(place)
                _write(sheet, str(channel), left, top + TILE + CAPTION - GAP)
                yield channel
            sink.write(Frame(sheet, Fraction(0), 0))

    def _open(self, height: int, width: int) -> Sink:
        media = MediaConfig(overwrite=self._overwrite)
        return open_sink(self._output, StreamInfo(height, width, frames=1), media)

    def _choose_starts(self) -> list[int]:
        """Return which start stirs each channel most; those dreamed for the layer are added."""
        whole = self._only(len(self.channels))
        self._starts += [self._dream(each, whole, LAYER_STEPS) for each in self._starts]
        stirred = []
        for start in self._starts:
            (activations,) = self._core.extractor(start[None])
            inner = activations.numpy()[0, BORDER:-BORDER, BORDER:-BORDER]
            stirred.append(np.square(inner[..., self.channels]).mean(axis=(0, 1)))
        return [int(number) for number in np.argmax(stirred, axis=0)]

    def _picture(self, place: int) -> Pixels:
        """Dream a channel's picture, (TILE, TILE, 3); grey where nothing in the noise stirs it."""
        one = self._only(place)
        dreamed = self._dream(self._starts[self._best[place]], one, STEPS)
        if not self._core.objective.measure(dreamed[None], one):
            return np.full((TILE, TILE, 3), 128, np.uint8)
        return _shown(dreamed)

    def _only(self, place: int) -> FloatImage:
        """Return the coefficients of one channel alone, or behind the last one's the layer's."""
        return np.asarray(np.eye(len(self.channels) + 1)[place], np.float32)

    def _dream(self, start: FloatImage, coefficients: FloatImage, steps: int) -> FloatImage:
        params = step_params(self._config)._replace(
            coefficients=coefficients, step_size=np.array(STEP_SIZE, np.float32)
        )
        height, width = start.shape[:2]
        sizes = self._core.dreamable_sizes((height, width), OCTAVES, self._config.octave_scale)
        even = np.ones((height, width), np.float32)
        return self._core.run(start, even, params, Schedule(sizes, steps))[-1].image


def noise(side: int, seed: int, contrast: float) -> FloatImage:
    """Return noise whose spectrum falls as a photo's does, (side, side, 3) float32 around 0."""
    generator = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(generator.standard_normal((3, side, side))) / frequency
    waves = np.moveaxis(np.fft.irfft2(spectrum, (side, side)), 0, -1)
    waves = GREY * waves.mean(axis=-1, keepdims=True) + (1 - GREY) * waves
    waves = cv2.GaussianBlur(waves, (0, 0), SOFTNESS)
    return np.asarray(waves * contrast / waves.std(), np.float32)


def _side(extractor: FeatureExtractor) -> int:
    """Choose the side of the pictures, so that the layer has cells enough."""
    (size,) = extractor.feature_sizes(LISTING_SIDE, LISTING_SIDE).values()
    return max(LEAST_SIDE, math.ceil(FEWEST_CELLS * LISTING_SIDE / size[0]))


def _shown(image: FloatImage) -> Pixels:
    """Bring a picture to the sheet's size, and to the contrast of a photo."""
    small = cv2.resize(image, (TILE, TILE), interpolation=cv2.INTER_AREA)
    small = small - small.mean(axis=(0, 1))
    return to_pixels(np.asarray(small * np.float32(CONTRAST / max(small.std(), 1e-6)), np.float32))


def _write(sheet: Pixels, words: str, left: int, base: int) -> None:
    cv2.putText(sheet, words, (left, base), _INK, cv2.FontFace("sans"), _TEXT, _WEIGHT)
