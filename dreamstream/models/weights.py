"""Weights: fetched once from Keras, or read from a file of the user's.

Keras and h5py are imported where they are used: dreamnet needs neither.

A file is only ever read as arrays, never as a program: ``keras.models.load_model`` ran code from
files in spite of its safe mode (CVE-2025-1550, -8747, -9905, -9906).
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import math
import re
import socket
import sys
import tempfile
import textwrap
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError

import numpy as np
from numpy.typing import NDArray

from dreamstream.errors import ModelError
from dreamstream.models import dreamnet
from dreamstream.models.catalog import (
    ModelEntry,
    PublishedWeights,
    cached_weights,
    weights_folder,
)
from dreamstream.models.plain import PlainDreamnet

if TYPE_CHECKING:
    import h5py
    import keras

_log = logging.getLogger(__name__)

DOWNLOAD_TIMEOUT = 30.0  # seconds without a byte; Keras itself would wait for ever

LARGEST_WEIGHTS = 1 << 30  # bytes; VGG19, the largest, takes 575 MB

LONGEST_REASON = 160  # characters of another library's message within ours

# The weights inside a .keras archive.
ARCHIVED_WEIGHTS = "model.weights.h5"

# Kernels of a VGG's two hidden dense layers; every other network has one dense layer.
VGG_HIDDEN_KERNELS = {(7 * 7 * 512, 4096), (4096, 4096)}


class _UnfitError(Exception):
    """A file that holds no weights, or others than asked for; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class _WeightsFile:
    """What a file of weights holds.

    Attributes:
        legacy: Whether it has Keras 2's form, weights listed by layer name.
        shapes: Those of its layers' arrays, as their heads tell them.
        classes: How many classes its classifier tells apart; None if it has no classifier.
    """

    legacy: bool
    shapes: Sequence[tuple[int, ...]]
    classes: int | None


def fetch_weights(published: PublishedWeights) -> Path:
    """Fetch published weights, unless they are here already.

    A progress bar goes to stderr if that is a terminal.

    Args:
        published: Which.

    Returns:
        The file, in the folder where Keras keeps them.

    Raises:
        ModelError: They can't be fetched or stored; the message says how to go on.
    """
    try:
        cached = cached_weights(published)
        if cached and _is_whole(cached, published):
            return cached
        return _download(published)
    # get_file raises a bare Exception where the network fails.
    except Exception as error:
        if isinstance(error.__context__, HTTPError):
            error.__context__.close()  # Keras leaves the server's answer open
        raise ModelError(
            f"fetching {published.url} failed ({_reason(error)}): go online, or fetch it "
            f"elsewhere and give it with --weights {published.file_name}, or use --model dreamnet"
        ) from error


def _is_whole(path: Path, published: PublishedWeights) -> bool:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "md5").hexdigest()
    return published.md5 in (None, digest)


def _download(published: PublishedWeights) -> Path:
    """Fetch a file beside its place and move it there when it is whole.

    Keras would write in place: a killed download, or a second process, leaves a torn file.
    """
    import keras

    folder = weights_folder()
    folder.mkdir(parents=True, exist_ok=True)
    _log.info("fetching %s", published.url)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetching-") as staging:
        with _socket_timeout(DOWNLOAD_TIMEOUT), _keras_progress_on_stderr():
            fetched = keras.utils.get_file(
                published.file_name,
                published.url,
                file_hash=published.md5,
                cache_dir=str(folder),
                cache_subdir=staging,
            )
        return Path(fetched).replace(folder / published.file_name)


@contextlib.contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    """Return sockets opened meanwhile a timeout, which get_file has no argument for."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextlib.contextmanager
def _keras_progress_on_stderr() -> Iterator[None]:
    """Keep Keras's progress bar off stdout, and out of logs, where it would be many lines."""
    target = sys.stderr if sys.stderr.isatty() else io.StringIO()
    with contextlib.redirect_stdout(target):
        yield


def load_dreamnet(path: Path, layers: Iterable[str]) -> PlainDreamnet:
    """Build the bundled network of a file of weights, without Keras.

    Args:
        path: An .npz as the network's training tool writes it.
        layers: Names of the layers to read.

    Raises:
        ModelError: The file is missing, damaged, or holds other weights.
    """
    try:
        if not zipfile.is_zipfile(path):
            _require_content(path)
            raise _UnfitError("it is no archive of arrays")
        arrays = dreamnet.read_checked(path)
        if dreamnet.SCALES_KEY not in arrays:
            raise _UnfitError(f"it lacks {dreamnet.SCALES_KEY}")
        _require_finite(array for array in arrays.values() if array.dtype.kind == "f")
        return PlainDreamnet(arrays, layers)
    # NumPy and zipfile raise all kinds of errors over what a damaged file holds.
    except Exception as error:
        raise ModelError(
            f"loading {path} into dreamnet failed ({_reason(error)}): expected an .npz that "
            f"dreamnet's training tool wrote; give such a file or leave --weights out"
        ) from error


def load_application_weights(
    model: keras.Model, entry: ModelEntry, path: Path, remedy: str = "leave --weights out"
) -> None:
    """Load a file of weights into a whole application, by the order of its layers.

    The file may be a legacy .h5, a .weights.h5 or a .keras archive, whatever its name, with or
    without the classifier on top.

    Args:
        model: The application without its classifier, as ``build_headless`` makes it.
        entry: Its entry in the catalog.
        path: The file.
        remedy: What else to do if it doesn't fit, for the message.

    Raises:
        ModelError: The file is missing, damaged, or holds other weights.
    """
    with tempfile.TemporaryDirectory(prefix="dreamstream-") as scratch:
        try:
            _load(model, entry, path, Path(scratch))
        # Keras, h5py and TensorFlow raise all kinds of errors over what a damaged file holds.
        except Exception as error:
            raise ModelError(
                f"loading {path} into {entry.name} failed ({_reason(error)}): expected the "
                f"weights of Keras's {entry.application}, with or without its top, as .h5, "
                f".weights.h5 or .keras; give such a file or {remedy}"
            ) from error


def _load(model: keras.Model, entry: ModelEntry, path: Path, scratch: Path) -> None:
    hdf5 = _as_hdf5(path, scratch)
    contents = _inspect(hdf5)
    # load_weights goes by the name, which may be anything; the link has the one it expects.
    named = scratch / ("linked.h5" if contents.legacy else "linked.weights.h5")
    named.symlink_to(hdf5.resolve())
    if contents.classes is None:
        _load_whole(model, contents, named)
    else:
        from dreamstream.models.applications import build_with_classifier

        whole = build_with_classifier(entry, contents.classes)
        _load_whole(whole, contents, named)
        model.set_weights(whole.get_weights()[: len(model.weights)])
    _require_finite(model.get_weights())


def _load_whole(model: keras.Model, contents: _WeightsFile, path: Path) -> None:
    # Keras counts the layers of a legacy file itself; of others it only warns that some are left
    # as they were.
    if not contents.legacy and len(contents.shapes) != len(model.weights):
        raise _UnfitError(f"it holds {len(contents.shapes)} arrays instead of {len(model.weights)}")
    # before Keras reads any of them: a head can promise more than memory holds
    strange = set(contents.shapes) - {tuple(weight.shape) for weight in model.weights}
    if strange:
        raise _UnfitError(
            f"an array of it is {max(strange, key=math.prod)}, as none of the model's"
        )
    with warnings.catch_warnings():
        # Each layer is stored once, though Keras also looks for it in its lists of operations.
        warnings.filterwarnings("ignore", "Skipping nested container", UserWarning)
        model.load_weights(path)


def _as_hdf5(path: Path, scratch: Path) -> Path:
    """Return the HDF5 file with the weights: the file itself or what its archive holds."""
    import h5py

    _require_content(path)
    if h5py.is_hdf5(path):
        return path
    if not zipfile.is_zipfile(path):
        raise _UnfitError("it is no file of weights")
    with zipfile.ZipFile(path) as archive:
        if ARCHIVED_WEIGHTS not in archive.namelist():
            raise _UnfitError(f"it is an archive without {ARCHIVED_WEIGHTS}")
        if archive.getinfo(ARCHIVED_WEIGHTS).file_size > LARGEST_WEIGHTS:
            raise _UnfitError("what it unpacks to is larger than any network here")
        return Path(archive.extract(ARCHIVED_WEIGHTS, scratch))


def _inspect(path: Path) -> _WeightsFile:
    """Find out the form of an HDF5 file and whether it has a classifier."""
    import h5py

    with h5py.File(path, "r") as file:
        group = file.get("model_weights", file)
        # Long lists are split: layer_names0, layer_names1, ...
        legacy = "layer_names" in group.attrs or "layer_names0" in group.attrs
        if not legacy:
            group = file.get("layers", file.get("_layer_checkpoint_dependencies"))
        if not isinstance(group, h5py.Group):
            raise _UnfitError("it holds no layers")
        shapes = _array_shapes(group)
    return _WeightsFile(legacy, shapes, _count_classes(shapes))


def _array_shapes(group: h5py.Group) -> list[tuple[int, ...]]:
    import h5py

    shapes: list[tuple[int, ...]] = []

    def note(_name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            shapes.append(item.shape)

    # This doesn't follow links, so that nothing outside the file is opened.
    group.visititems(note)
    return shapes


def _count_classes(shapes: Iterable[tuple[int, ...]]) -> int | None:
    """Read the number of classes off the last dense kernel; None where nothing is dense."""
    # No convolution's kernel has two dimensions.
    dense = [shape for shape in shapes if len(shape) == 2]
    last = [shape for shape in dense if shape not in VGG_HIDDEN_KERNELS]
    if not dense:
        return None
    if len(last) != 1:
        raise _UnfitError(f"it has {len(dense)} dense layers")
    return last[0][1]


def _require_content(path: Path) -> None:
    with path.open("rb") as file:
        if not file.read(1):
            raise _UnfitError("it is empty")


def _require_finite(arrays: Iterable[NDArray[np.floating[Any]]]) -> None:
    if not all(np.isfinite(array).all() for array in arrays):
        raise _UnfitError("it holds values that are not finite")


def _reason(error: Exception) -> str:
    """Put an error in a line, of a length that leaves room for the remedy."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, KeyError):
        return f"it lacks {error}"
    text = re.sub(r"\s+", " ", str(error)).strip() or type(error).__name__
    # Keras repeats the address and, for want of a number, says None.
    text = re.sub(r"URL fetch failure on \S+: (None -- )?", "", text)
    # Keras wraps the reason that tells something in a list of all layers that failed.
    example = re.search(r"Example error message for object .*?>: (.*)", text)
    return textwrap.shorten(example[1] if example else text, LONGEST_REASON)
