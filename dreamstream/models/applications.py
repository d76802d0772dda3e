"""Keras's applications without weights: with and without their classifier, names made canonical."""

import re
from typing import Any

import keras

from dreamstream.frames import HALF_RANGE
from dreamstream.models.catalog import ModelEntry
from dreamstream.models.dreamnet import MEAN_RGB


def build_headless(entry: ModelEntry) -> keras.Model:
    """Build an application without its classifier, with random weights.

    Args:
        entry: One of the catalog's Keras applications.

    Returns:
        A model of (batch, height, width, 3) pictures of any size, preprocessed.
    """
    return _construct(entry, include_top=False, input_shape=(None, None, 3))


def build_with_classifier(entry: ModelEntry, classes: int) -> keras.Model:
    """Build an application with its classifier, with random weights.

    Args:
        entry: One of the catalog's Keras applications.
        classes: How many classes it tells apart.

    Returns:
        A model of (batch, side, side, 3) preprocessed pictures of ``entry.top_side``.
    """
    # A classifier with a flatten layer (VGG) has weights only for one size of picture.
    shape = (entry.top_side, entry.top_side, 3)
    return _construct(entry, include_top=True, input_shape=shape, classes=classes)


def _construct(entry: ModelEntry, **options: Any) -> keras.Model:
    return getattr(keras.applications, entry.application)(weights=None, **options)


def caffe_preprocessing(picture: Any) -> Any:
    """Bring a picture to what networks trained with caffe expect, as part of the graph.

    Args:
        picture: (batch, height, width, 3) symbolic RGB in [-1, 1].

    Returns:
        A symbolic tensor of the same shape: BGR out of 255, less ImageNet's mean colour.
    """
    offset = [HALF_RANGE - mean for mean in MEAN_RGB]
    return keras.layers.Rescaling(HALF_RANGE, offset=offset)(picture)[..., ::-1]


def canonical_layers(model: keras.Model) -> dict[str, keras.Layer]:
    """Name a model's layers as if nothing had been built before it.

    Keras numbers the layers that get no name with a counter of the whole process, so that the
    94th activation of a network is ``activation_93`` only in the first network built.  Sorted by
    that counter they are in the order of creation, which is always the same.

    Args:
        model: A model whose layers lie side by side, not nested.

    Returns:
        Canonical name to layer, inputs left out, in the order of the graph.
    """
    canonical: dict[str, str] = {}
    for prefix in {_automatic_name(layer) for layer in model.layers}:
        numbered = {
            int(match[1] or 0): layer.name
            for layer in model.layers
            if _automatic_name(layer) == prefix
            and (match := re.fullmatch(rf"{prefix}(?:_(\d+))?", layer.name))
        }
        for place, (_, name) in enumerate(sorted(numbered.items())):
            canonical[name] = f"{prefix}_{place}" if place else prefix
    return {
        canonical.get(layer.name, layer.name): layer
        for layer in model.layers
        if not isinstance(layer, keras.layers.InputLayer)
    }


def _automatic_name(layer: keras.Layer) -> str:
    """Spell a layer's class the way Keras does when the layer is given no name."""
    words = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", type(layer).__name__)
    return re.sub("([a-z])([A-Z])", r"\1_\2", words).lower()
