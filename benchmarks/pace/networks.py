"""The two networks that are timed, as dreamstream has them and as Keras does."""

import runpy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from benchmarks.pace.original import Features, OriginalLoss
from dreamstream.config import ORIGINAL_PRESET, PRESETS, DreamConfig
from dreamstream.models import dreamnet
from dreamstream.models.extractor import FeatureExtractor, load_configured

RANDOM_WEIGHTS = Path(__file__).parents[2] / "tests" / "calibrated.py"
"""Makes InceptionV3 weights whose activations are as large as trained ones'."""

STEP_LAYERS: Mapping[str, str] = {"inception_v3": "mixed5", "dreamnet": "4a"}
"""The one layer of the loss whose steps are timed: the deepest of the original program's, and of
the default preset's."""


@dataclass(frozen=True, slots=True)
class Network:
    """A network, and what is dreamed with it.

    Attributes:
        config: The default preset; with InceptionV3 on the original program's layers, so that ours
            and the original's ascend one loss.
        whole: The plain Keras model with the same weights.
        scales: Layer name to its unit in the loss.
    """

    config: DreamConfig
    whole: keras.Model
    scales: Mapping[str, float]

    @property
    def name(self) -> str:
        """The network's name in the catalog."""
        return self.config.model

    def load(self, layers: Mapping[str, float] | None = None) -> FeatureExtractor:
        """Return dreamstream's own extractor of these layers, by default the configuration's."""
        config = replace(self.config, layers=layers or self.config.layers)
        return load_configured(config)

    def plain_loss(self, layers: Mapping[str, float] | None = None) -> OriginalLoss:
        """Return the original program's loss on the plain Keras model."""
        chosen = layers or self.config.layers
        coefficients = [value * self.scales[name] for name, value in chosen.items()]
        return OriginalLoss(self.plain_features(list(chosen)), coefficients)

    def plain_features(self, layers: list[str]) -> Features:
        """Cut the plain Keras model at some layers."""
        outputs = [self.whole.get_layer(name).output for name in layers]
        cut = keras.Model(self.whole.inputs, outputs)

        def features(image: Any) -> Any:
            return keras.tree.flatten(cut(image, training=False))

        return features


def make_networks(weights: Path | None, folder: Path) -> list[Network]:
    """Make InceptionV3 and dreamnet.

    Args:
        weights: InceptionV3's, without its top, in a file of Keras's; None makes random ones.
        folder: Where random ones are kept.
    """
    return [_inception_v3(weights or _random_weights(folder)), _dreamnet()]


def describe_precision(extractor: FeatureExtractor) -> str:
    """Return in which precision an extractor computes."""
    return extractor.engine.precision


def _random_weights(folder: Path) -> Path:
    path = folder / "inception_v3.h5"
    # The tests are no package, so that their modules can't be imported from here.
    runpy.run_path(str(RANDOM_WEIGHTS))["write_inception_v3"](path)
    return path


def _inception_v3(weights: Path) -> Network:
    layers = PRESETS[ORIGINAL_PRESET].look("inception_v3").layers
    config = DreamConfig(model="inception_v3", layers=layers, weights=weights)
    whole = keras.applications.InceptionV3(weights=None, include_top=False)
    whole.load_weights(weights)
    return Network(config, whole, dict.fromkeys(layers, 1.0))


def _dreamnet() -> Network:
    return Network(DreamConfig(), dreamnet.build_dreamnet(), dreamnet.layer_scales())
