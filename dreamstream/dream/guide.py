"""A dream's guide: its picture at each time, and what the network sees in it."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from dreamstream.dream.guide_features import GuideFeatures
from dreamstream.dream.guide_film import GuideFilm, guide_pixels
from dreamstream.dream.tiles import BORDER
from dreamstream.errors import SourceError
from dreamstream.frames import Pixels, to_model_range
from dreamstream.models.extractor import FeatureExtractor


class Guide:
    """Has the network look at the guide, once for each of its frames.

    Args:
        path: A picture or a film.
        extractor: The network.
        again: Begin a film again at its end; otherwise its last frame stays.

    Attributes:
        features: What the loss matches with.

    Raises:
        SourceError: It can't be read, or is no guide for these layers.
    """

    def __init__(self, path: Path, extractor: FeatureExtractor, *, again: bool = False) -> None:
        self._path, self._extractor = path, extractor
        self.features = GuideFeatures([*extractor.channels().values()])
        self._look = _looker(extractor)
        self._film = GuideFilm(path, again=again)
        self.go_to(Fraction(0))

    def go_to(self, time: Fraction) -> None:
        """Let the guide's picture at a time guide what is dreamed next.

        Args:
            time: Seconds since the dream's first frame.

        Raises:
            SourceError: It can't be read on.
        """
        pixels = self._film.at(time)
        if pixels is not None:
            self.features.take(self._activations(guide_pixels(pixels)))

    def _activations(self, pixels: Pixels) -> list[npt.NDArray[np.float32]]:
        """Return the layers' (h, w, channels) activations of a picture, without the border."""
        activations = [each.numpy()[0] for each in self._look(to_model_range(pixels)[None])]
        inner = [each[BORDER:-BORDER, BORDER:-BORDER] for each in activations]
        if not all(each.size for each in inner):
            raise SourceError(
                f"guide: {self._path} is too narrow for the chosen layers; crop it, or choose "
                "shallower ones"
            )
        return inner


def _looker(extractor: FeatureExtractor) -> Callable[..., Any]:
    signature = [tf.TensorSpec([1, None, None, 3], tf.float32)]
    look: Callable[..., Any] = tf.function(
        lambda picture: extractor(picture), signature, autograph=False
    )
    return look
