"""Turn a network of the catalog into a function from a picture to its layers' activations.

Keras is imported where it is used: the bundled network does without.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamstream.config import DreamConfig, LayerTerm
from dreamstream.errors import UnknownNameError
from dreamstream.models import dreamnet
from dreamstream.models.catalog import ModelEntry, find_model, format_table
from dreamstream.models.compile import Program, make_program
from dreamstream.models.device import Engine, claim_engine
from dreamstream.models.graph import Graph
from dreamstream.models.plain import PlainDreamnet
from dreamstream.models.receptive_field import Footprint
from dreamstream.models.weights import (
    fetch_weights,
    load_application_weights,
    load_dreamnet,
)

if TYPE_CHECKING:
    import keras

# A side on which every network's strides come out even, for telling the scale of its layers.
LISTING_SIDE = 1024


@dataclass(frozen=True, eq=False, slots=True)
class FeatureExtractor:
    """A network cut at the deepest of the chosen layers.

    Attributes:
        name: The network's name in the catalog.
        layers: The chosen layers' canonical names, each once, in the order of the terms.
        model: Of (batch, height, width, 3) float32 RGB in [-1, 1], with one output per entry of
            ``layers``; nothing in it is trainable.
        layer_scales: Canonical name to the number that brings the layer's mean-square activation
            to the unit of the loss; None where the caller must measure it on the first frame.
        engine: How it computes.
        terms: What was asked for, in that order, by the layers' canonical names; by default the
            layers as a whole.

    Raises:
        UnknownNameError: A layer has no such channel.
    """

    name: str
    layers: tuple[str, ...]
    model: keras.Model | PlainDreamnet
    layer_scales: Mapping[str, float] | None
    engine: Engine = Engine()
    terms: tuple[LayerTerm, ...] = ()
    _graph: Graph = field(init=False, repr=False)
    _program: Program = field(init=False, repr=False)

    def __post_init__(self) -> None:
        graph = _graph_of(self.model)
        object.__setattr__(self, "_graph", graph)
        object.__setattr__(self, "terms", self.terms or tuple(map(LayerTerm, self.layers)))
        self._require_channels()
        object.__setattr__(self, "_program", make_program(graph, self.engine))

    def __call__(self, image: Any) -> tuple[Any, ...]:
        """Compute the chosen layers' activations.

        Args:
            image: (1, height, width, 3) float32 tensor, RGB in [-1, 1].

        Returns:
            One (1, h, w, channels) float32 tensor per entry of ``layers``, in that order.
        """
        return tuple(self._program(image))

    def channels(self) -> dict[str, int]:
        """Return how many channels each of the chosen layers has."""
        shapes = self._graph.output_shapes((LISTING_SIDE, LISTING_SIDE, 3))
        return {layer: shape[2] for layer, shape in zip(self.layers, shapes, strict=True)}

    def footprint(self) -> Footprint:
        """Return what the chosen layers see of a picture, and how much is computed for them.

        Raises:
            ModelError: Something in the network sees all of it.
        """
        return self._graph.footprint()

    def feature_sizes(self, height: int, width: int) -> dict[str, tuple[int, int]]:
        """Return the size of the chosen layers' activations, without computing them.

        Args:
            height: Rows of the picture.
            width: Columns of the picture.

        Returns:
            Canonical name to (rows, columns); all (0, 0) for a picture too small for the network.
        """
        try:
            shapes = self._graph.output_shapes((height, width, 3))
        except ValueError:
            return dict.fromkeys(self.layers, (0, 0))
        return {layer: shape[:2] for layer, shape in zip(self.layers, shapes, strict=True)}

    def _require_channels(self) -> None:
        """Raise where a term names a channel that its layer lacks."""
        named = [term for term in self.terms if term.channels is not None]
        counts = self.channels() if named else {}
        for term in named:
            count = counts[term.layer]
            if term.channels is not None and term.channels[1] >= count:
                raise UnknownNameError(
                    f"layers: {self.name} has no {term}: the channels of {term.layer} are 0 to "
                    f"{count - 1}; --list-channels {term.layer} FILE.png draws them"
                )


def load_configured(config: DreamConfig) -> FeatureExtractor:
    """Load the network that a configuration names, on its device.

    Args:
        config: How to dream.

    Returns:
        The extractor.

    Raises:
        ModelError: There is no such model, layer or device, or the weights can't be had.
    """
    engine = claim_engine(config)  # before Keras makes its first weight
    return load_model(config.model, config.layers, config.weights, engine)


def load_model(
    name: str, layers: Iterable[str], weights: Path | None = None, engine: Engine | None = None
) -> FeatureExtractor:
    """Build a network with its weights, cut at the deepest of the chosen layers.

    Args:
        name: A name in the catalog.
        layers: Layers to read, by canonical name or by depth word, or channels of theirs.
        weights: A file of weights to load; by default the network's own, fetched if need be.
        engine: How it computes; by default in float32, on whatever TensorFlow chooses.

    Returns:
        The extractor.

    Raises:
        UnknownNameError: The network or a layer is unknown; the message lists what there is.
        ModelError: The weights can't be fetched or don't fit.
        ValueError: No layer is given, or a name is none of a layer or channel.
    """
    entry = find_model(name)
    terms = tuple(_canonical(entry, LayerTerm.parse(word)) for word in layers)
    chosen = tuple(dict.fromkeys(term.layer for term in terms))
    if not chosen:
        raise ValueError("layers: none given; a model is cut at the deepest of some")
    build = _build_application if entry.application else _build_dreamnet
    model, scales = build(entry, chosen, weights), _layer_scales(entry, chosen, weights)
    return FeatureExtractor(name, chosen, model, scales, engine or Engine(), terms)


def _canonical(entry: ModelEntry, term: LayerTerm) -> LayerTerm:
    return replace(term, layer=entry.resolve(term.layer))


def list_layers_text(name: str) -> str:
    """Describe every layer of a network in a line: name, depth word, scale, channels, look.

    Args:
        name: A name in the catalog.

    Returns:
        One line for each layer, from shallow to deep.

    Raises:
        UnknownNameError: The network is unknown.
    """
    entry = find_model(name)
    import keras

    whole = _build(entry)
    layers = _readable_layers(entry, whole)
    side = LISTING_SIDE
    probe = keras.Model(whole.input, [layer.output for layer in layers.values()])
    shapes = probe.compute_output_shape((1, side, side, 3))
    words = {layer: word for word, layer in entry.depths.items()}
    rows = [
        (layer, words.get(layer, ""), f"1/{side / rows:.0f}", str(channels), entry.shows(layer))
        for layer, (_, rows, _, channels) in zip(layers, shapes, strict=True)
    ]
    return format_table([("layer", "depth", "scale", "channels", "tends to show"), *rows])


def _graph_of(model: keras.Model | PlainDreamnet) -> Graph:
    if isinstance(model, PlainDreamnet):
        return model.graph()
    from dreamstream.models.keras_import import read_graph

    return read_graph(model)


def _build_dreamnet(
    entry: ModelEntry, chosen: tuple[str, ...], weights: Path | None
) -> PlainDreamnet:
    if weights is None:  # other weights may be another network's, of other layers
        _require_known(entry, chosen, entry.layers)
    return load_dreamnet(weights or dreamnet.WEIGHTS_PATH, chosen)


def _build_application(
    entry: ModelEntry, chosen: tuple[str, ...], weights: Path | None
) -> keras.Model:
    whole = _build(entry)
    known = _readable_layers(entry, whole)
    _require_known(entry, chosen, known)
    # Files of weights match whole networks, so loading comes before cutting.
    _load_weights(entry, whole, weights)
    return _cut(entry, whole, [known[layer].output for layer in chosen])


def _require_known(entry: ModelEntry, chosen: Iterable[str], known: Iterable[str]) -> None:
    if unknown := [layer for layer in chosen if layer not in known]:
        raise entry.unknown_layers(unknown)


def _build(entry: ModelEntry) -> keras.Model:
    from dreamstream.models.applications import build_headless

    return (
        build_headless(entry)
        if entry.application
        else dreamnet.build_architecture(dreamnet.bundled_design())
    )


def _readable_layers(entry: ModelEntry, whole: keras.Model) -> Mapping[str, keras.Layer]:
    """Return the layers that may be chosen: all, but of the bundled network those with a scale."""
    from dreamstream.models.applications import canonical_layers

    layers = canonical_layers(whole)
    return layers if entry.application else {name: layers[name] for name in entry.layers}


def _load_weights(entry: ModelEntry, whole: keras.Model, weights: Path | None) -> None:
    if weights is not None:
        load_application_weights(whole, entry, weights)
    elif entry.published is not None:
        fetched = fetch_weights(entry.published)
        load_application_weights(whole, entry, fetched, remedy="delete it to have it fetched again")


def _cut(entry: ModelEntry, whole: keras.Model, outputs: list[Any]) -> keras.Model:
    """Keep what leads to some outputs, put the preprocessing in front and freeze it all."""
    import keras

    from dreamstream.models.applications import caffe_preprocessing

    cut = keras.Model(whole.input, outputs)
    if entry.preprocessing == "caffe":
        picture = keras.Input((None, None, 3), name="picture")
        cut = keras.Model(picture, cut(caffe_preprocessing(picture)))
    cut.trainable = False
    return cut


def _layer_scales(
    entry: ModelEntry, layers: Iterable[str], weights: Path | None
) -> dict[str, float] | None:
    if entry.raw_units:
        return dict.fromkeys(layers, 1.0)
    if entry.application:
        return None
    scales = dreamnet.layer_scales(weights)
    return {layer: scales[layer] for layer in layers}
