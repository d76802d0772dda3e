"""What networks there are: plain data, read without loading TensorFlow or Keras."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from dreamstream.config import RAW_MAX_LOSS
from dreamstream.errors import UnknownNameError
from dreamstream.models import dreamnet

DEPTHS = ("textures", "patterns", "eyes", "animals", "creatures", "places", "birds")
"""The words by which every model's layers can be called, from shallow to deep."""

KERAS_WEIGHTS_URL = "https://storage.googleapis.com/tensorflow/keras-applications"


@dataclass(frozen=True, slots=True)
class PublishedWeights:
    """A weights file that Keras publishes: ImageNet, without the classifier on top.

    Attributes:
        url: Where it is published.
        megabytes: Size of the download, in 10^6 bytes.
        md5: The digest in Keras's own source; None where Keras publishes none.
    """

    url: str
    megabytes: int
    md5: str | None = None

    @property
    def file_name(self) -> str:
        """The name under which Keras publishes and caches the file."""
        return self.url.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One network and how to treat it.

    Attributes:
        name: As ``--model`` takes it.
        about: What it is good for, in a few words.
        parameters: Number of weights without the classifier, in millions.
        depths: Each of :data:`DEPTHS` to the layer that shows it in this network.
        layers: The layers worth a try, from shallow to deep, to what each tends to show.
        application: Its constructor in ``keras.applications``; "" for the bundled network.
        published: The weights that Keras publishes; None for the bundled network.
        top_side: Height and width, in pixels, of the pictures that its classifier takes.
        preprocessing: What its weights expect: ``tf`` is RGB in [-1, 1]; ``caffe`` is BGR out of
            255 less ImageNet's mean colour.
    """

    name: str
    about: str
    parameters: float
    depths: Mapping[str, str]
    layers: Mapping[str, str]
    application: str = ""
    published: PublishedWeights | None = None
    top_side: int = 224
    preprocessing: str = "tf"

    @property
    def raw_units(self) -> bool:
        """Whether its loss stays in the original program's units, uncalibrated."""
        return self.name in RAW_MAX_LOSS

    def resolve(self, word: str) -> str:
        """Turn a depth word into this network's layer; any other word is a layer already."""
        return self.depths.get(word, word)

    def shows(self, layer: str) -> str:
        """Return what a layer tends to show; "" where that is not known."""
        return self.layers.get(layer, "")

    def unknown_layers(self, words: Iterable[str]) -> UnknownNameError:
        """Make the error to raise for layers that this network lacks."""
        unknown = ", ".join(words)
        known = ", ".join(dict.fromkeys((*DEPTHS, *self.layers)))
        return UnknownNameError(
            f"{self.name} has no layer {unknown}; it has {known}; "
            f"--model {self.name} --list-layers shows all"
        )


def _application(
    name: str,
    about: str,
    parameters: float,
    layers: Mapping[str, str],
    depths: Iterable[str],
    published: PublishedWeights,
    **options: str | int | bool,
) -> ModelEntry:
    """Make the entry of a Keras application; ``depths`` are its layers in the order of DEPTHS."""
    by_depth = MappingProxyType(dict(zip(DEPTHS, depths, strict=True)))
    return ModelEntry(
        name,
        about,
        parameters,
        by_depth,
        MappingProxyType(dict(layers)),
        published=published,
        **options,  # type: ignore[arg-type]
    )


def _published(
    path: str, megabytes: int, md5: str | None = None, suffix: str = "_notop.h5"
) -> PublishedWeights:
    """Make the entry of a file that follows Keras's scheme of names."""
    url = f"{KERAS_WEIGHTS_URL}/{path}_weights_tf_dim_ordering_tf_kernels{suffix}"
    return PublishedWeights(url, megabytes, md5)


_DREAMNET = ModelEntry(
    "dreamnet",
    "bundled: small, fast, made for video",
    1.9,
    MappingProxyType(dict(zip(DEPTHS, dreamnet.LAYERS, strict=True))),
    dreamnet.LAYERS,
)

_INCEPTION_V3 = _application(
    "inception_v3",
    "the original program's network; beaded shells, furry heads with many eyes",
    21.8,
    {
        "mixed0": "brush strokes and hatching along the picture's own edges",
        "mixed1": "fine weave, waves and scales",
        "mixed2": "ornaments, spirals and mesh",
        "mixed3": "beaded shells, petals and glossy eyes",
        "mixed4": "furry heads with many eyes, fans of feathers",
        "mixed5": "wool, fur and nets",
        "mixed6": "heads and feathers, faintly",
        "mixed7": "whole animals and things, strangely joined, faintly",
        "mixed8": "large, loose shapes of things",
        "mixed9": "faint, blurred traces of things",
        "mixed10": "faint, blurred traces of things",
    },
    ("mixed1", "mixed2", "mixed3", "mixed4", "mixed5", "mixed6", "mixed7"),
    _published("inception_v3/inception_v3", 88, "bcbd6486424b2319ff4ef7d526e38f63"),
    application="InceptionV3",
    top_side=299,
)

_VGG_SHALLOW = {
    "block1_conv2": "edges and colour noise",
    "block2_conv2": "hatching and fine grain",
}

_VGG16 = _application(
    "vgg16",
    "painterly; thick ornaments and many eyes; slow",
    14.7,
    {
        **_VGG_SHALLOW,
        "block3_conv3": "braids, cells and curls",
        "block4_conv2": "curls, scales and the first eyes",
        "block4_conv3": "eyes, arches and scales",
        "block5_conv1": "heads, beaks and wheels",
        "block5_conv2": "parts of animals and wheels",
        "block5_conv3": "animals and buildings in parts",
    },
    (
        *("block2_conv2", "block3_conv3", "block4_conv2", "block4_conv3"),
        *("block5_conv1", "block5_conv2", "block5_conv3"),
    ),
    _published("vgg16/vgg16", 59, "6d6bbae143d832006294945121d1f1fc"),
    application="VGG16",
    preprocessing="caffe",
)

_VGG19 = _application(
    "vgg19",
    "like vgg16, a little deeper; slow",
    20.0,
    {
        **_VGG_SHALLOW,
        "block3_conv4": "braids, cells and curls",
        "block4_conv2": "curls, scales and the first eyes",
        "block4_conv4": "eyes, arches and scales",
        "block5_conv1": "heads, beaks and wheels",
        "block5_conv2": "parts of animals and wheels",
        "block5_conv4": "animals and buildings in parts",
    },
    (
        *("block2_conv2", "block3_conv4", "block4_conv2", "block4_conv4"),
        *("block5_conv1", "block5_conv2", "block5_conv4"),
    ),
    _published("vgg19/vgg19", 80, "253f8cb515780f3b799900260a226db6"),
    application="VGG19",
    preprocessing="caffe",
)

_RESNET50 = _application(
    "resnet50",
    "dense patterns with a fine grid; harsher",
    23.6,
    {
        "conv2_block3_out": "fine grain along edges",
        "conv3_block2_out": "hatching and mesh",
        "conv3_block4_out": "mesh, stripes and spots",
        "conv4_block3_out": "eyes and rings",
        "conv4_block6_out": "heads and limbs",
        "conv5_block1_out": "limbs and parts of things",
        "conv5_block2_out": "animals and things in parts",
        "conv5_block3_out": "animals and things in parts, more loosely",
    },
    (
        *("conv2_block3_out", "conv3_block4_out", "conv4_block3_out", "conv4_block6_out"),
        *("conv5_block1_out", "conv5_block2_out", "conv5_block3_out"),
    ),
    _published("resnet/resnet50", 95, "4d473c1dd8becc155b73f8504c6f6626"),
    application="ResNet50",
    preprocessing="caffe",
)

_INCEPTION_RESNET_V2 = _application(
    "inception_resnet_v2",
    "the largest; intricate, very slow",
    54.3,
    {
        "mixed_5b": "fine weave",
        "block35_5_ac": "weave and mesh",
        "block35_10_ac": "ornaments and mesh",
        "mixed_6a": "curls, spots and the first eyes",
        "block17_10_ac": "eyes and parts of faces",
        "block17_20_ac": "animals and things",
        "mixed_7a": "large parts of things",
        "block8_5_ac": "large parts of things, more loosely",
    },
    (
        *("mixed_5b", "block35_10_ac", "mixed_6a", "block17_10_ac"),
        *("block17_20_ac", "mixed_7a", "block8_5_ac"),
    ),
    _published("inception_resnet_v2/inception_resnet_v2", 219, "d19885ff4a710c122648d3b5c3b684e4"),
    application="InceptionResNetV2",
    top_side=299,
)

_XCEPTION = _application(
    "xception",
    "soft, flowing shapes",
    20.9,
    {
        "block3_sepconv1_act": "fine grain along edges",
        "block4_sepconv1_act": "waves and mesh",
        "block5_sepconv1_act": "waves, spots and curls",
        "block6_sepconv1_act": "curls and eyes",
        "block9_sepconv1_act": "parts of faces",
        "block12_sepconv1_act": "parts of animals",
        "block13_sepconv1_act": "animals and things",
        "block14_sepconv1_act": "animals and things, more loosely",
    },
    (
        *("block4_sepconv1_act", "block5_sepconv1_act", "block6_sepconv1_act"),
        *("block9_sepconv1_act", "block12_sepconv1_act"),
        *("block13_sepconv1_act", "block14_sepconv1_act"),
    ),
    _published("xception/xception", 84, "b0042744bf5b25fce3cb969f33bebb97"),
    application="Xception",
    top_side=299,
)

_MOBILENET_V2 = _application(
    "mobilenet_v2",
    "small and fast; rougher",
    2.3,
    {
        "block_3_expand_relu": "fine grain along edges",
        "block_6_expand_relu": "stripes and mesh",
        "block_8_expand_relu": "spots and curls",
        "block_10_expand_relu": "curls and the first eyes",
        "block_11_expand_relu": "eyes and parts of faces",
        "block_12_expand_relu": "parts of faces and of animals",
        "block_13_expand_relu": "animals in parts",
        "block_14_expand_relu": "animals in parts, more loosely",
    },
    (
        *("block_6_expand_relu", "block_8_expand_relu", "block_10_expand_relu"),
        *("block_11_expand_relu", "block_12_expand_relu"),
        *("block_13_expand_relu", "block_14_expand_relu"),
    ),
    _published("mobilenet_v2/mobilenet_v2", 9, suffix="_1.0_224_no_top.h5"),
    application="MobileNetV2",
)

MODELS: Mapping[str, ModelEntry] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            _DREAMNET,
            _INCEPTION_V3,
            _VGG16,
            _VGG19,
            _RESNET50,
            _INCEPTION_RESNET_V2,
            _XCEPTION,
            _MOBILENET_V2,
        )
    }
)
"""Every network by its name, the bundled one first."""


def find_model(name: str) -> ModelEntry:
    """Look a network up.

    Args:
        name: As ``--model`` takes it.

    Returns:
        Its entry.

    Raises:
        UnknownNameError: There is none of that name; the message lists what there is.
    """
    if name not in MODELS:
        raise UnknownNameError(f"there is no model {name}; models are {', '.join(MODELS)}")
    return MODELS[name]


def weights_folder() -> Path:
    """Name the folder in which Keras keeps the weights it has fetched."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras").expanduser() / "models"


def cached_weights(published: PublishedWeights) -> Path | None:
    """Find published weights among those already fetched.

    Args:
        published: The file to look for.

    Returns:
        Where it lies; None if it has not been fetched.
    """
    path = weights_folder() / published.file_name
    return path if path.is_file() else None


def list_models_text() -> str:
    """Describe every network in a line: name, size, where its weights are, what it is good for."""
    rows = [
        (entry.name, f"{entry.parameters:.1f} M", _whereabouts(entry), entry.about)
        for entry in MODELS.values()
    ]
    return format_table([("model", "weights", "here", "about"), *rows])


def _whereabouts(entry: ModelEntry) -> str:
    if entry.published is None:
        return "bundled"
    if cached_weights(entry.published):
        return "fetched"
    return f"to fetch, {entry.published.megabytes} MB"


def format_table(rows: Iterable[tuple[str, ...]]) -> str:
    """Align rows of text in columns.

    Args:
        rows: The cells of each row; every row has as many.

    Returns:
        One line for each row, without a newline at the end.
    """
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
