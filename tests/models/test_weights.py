import http.server
import io
import shutil
import socket
import sys
import threading
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import md5
from pathlib import Path
from typing import Any

import calibrated
import h5py
import keras
import numpy as np
import numpy.typing as npt
import pytest

from dreamstream.errors import ModelError
from dreamstream.models import dreamnet, weights
from dreamstream.models.applications import build_headless, build_with_classifier
from dreamstream.models.catalog import PublishedWeights, find_model
from dreamstream.models.extractor import load_model

MOBILENET = find_model("mobilenet_v2")
CLASSES = 7

Arrays = list[npt.NDArray[np.float32]]
Writer = Callable[[keras.Model, Path], None]


@pytest.fixture(scope="module")
def headless() -> keras.Model:
    """A small application whose every weight is random, batch norms' too."""
    return _randomised(build_headless(MOBILENET))


@pytest.fixture(scope="module")
def with_top() -> keras.Model:
    return _randomised(build_with_classifier(MOBILENET, CLASSES))


@pytest.fixture
def target(scratch_model: keras.Model) -> keras.Model:
    scratch_model.set_weights([np.zeros(w.shape) for w in scratch_model.weights])
    return scratch_model


@pytest.fixture(scope="module")
def scratch_model() -> keras.Model:
    return build_headless(MOBILENET)


@pytest.fixture(scope="module")
def legacy_file(headless: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("legacy") / "mobilenet.h5"
    calibrated.write_legacy(headless, path)
    return path


def _randomised(model: keras.Model) -> keras.Model:
    rng = np.random.default_rng(1)
    model.set_weights([rng.random(w.shape, np.float32) for w in model.weights])
    return model


def _assert_loaded(target: keras.Model, expected: Arrays) -> None:
    for ours, theirs in zip(target.get_weights(), expected, strict=False):
        np.testing.assert_array_equal(ours, theirs)


def _save_with_keras(model: keras.Model, path: Path) -> None:
    """Save as the name asks: weights alone, a .keras archive, or Keras 2's whole model."""
    with warnings.catch_warnings():
        # Saving makes Keras's variables arrays without NumPy 2's copy keyword (Keras 3.15).
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        if path.name.endswith(".weights.h5"):
            model.save_weights(path)
        else:
            model.save(path)


FORMS: dict[str, tuple[str, Writer]] = {
    "legacy": ("m.h5", calibrated.write_legacy),
    "whole legacy model": ("whole.h5", _save_with_keras),
    "weights.h5": ("m.weights.h5", _save_with_keras),
    "keras archive": ("m.keras", _save_with_keras),
}
every_form = pytest.mark.parametrize(("name", "write"), FORMS.values(), ids=FORMS)


@every_form
def test_weights_without_top_load(
    name: str, write: Writer, headless: keras.Model, target: keras.Model, tmp_path: Path
) -> None:
    write(headless, tmp_path / name)
    weights.load_application_weights(target, MOBILENET, tmp_path / name)
    _assert_loaded(target, headless.get_weights())


@every_form
def test_weights_with_top_load_whatever_its_number_of_classes(
    name: str, write: Writer, with_top: keras.Model, target: keras.Model, tmp_path: Path
) -> None:
    write(with_top, tmp_path / name)
    weights.load_application_weights(target, MOBILENET, tmp_path / name)
    _assert_loaded(target, with_top.get_weights())


@pytest.mark.slow
@pytest.mark.parametrize("form", ["legacy", "weights.h5"])
def test_weights_with_a_flattening_top_load(form: str, tmp_path: Path) -> None:
    entry = find_model("vgg16")
    name, write = FORMS[form]
    whole = build_with_classifier(entry, CLASSES)
    write(whole, tmp_path / name)
    target = build_headless(entry)
    weights.load_application_weights(target, entry, tmp_path / name)
    _assert_loaded(target, whole.get_weights())


@pytest.mark.parametrize("name", ["weights", "legacy.weights.h5", "renamed.keras"])
def test_a_files_form_is_told_by_its_content_not_its_name(
    name: str, legacy_file: Path, headless: keras.Model, target: keras.Model, tmp_path: Path
) -> None:
    shutil.copy(legacy_file, tmp_path / name)
    weights.load_application_weights(target, MOBILENET, tmp_path / name)
    _assert_loaded(target, headless.get_weights())


def test_an_archives_program_is_not_even_read(
    headless: keras.Model, target: keras.Model, tmp_path: Path
) -> None:
    _save_with_keras(headless, tmp_path / "whole.keras")
    with (
        zipfile.ZipFile(tmp_path / "whole.keras") as whole,
        zipfile.ZipFile(tmp_path / "stripped.keras", "w") as stripped,
    ):
        stripped.writestr("config.json", "import os; os.abort()")
        stripped.writestr("model.weights.h5", whole.read("model.weights.h5"))
    weights.load_application_weights(target, MOBILENET, tmp_path / "stripped.keras")
    _assert_loaded(target, headless.get_weights())


def test_weights_load_from_a_file_that_stores_each_layer_once(
    headless: keras.Model, target: keras.Model, tmp_path: Path
) -> None:
    _save_with_keras(headless, tmp_path / "m.weights.h5")
    with h5py.File(tmp_path / "m.weights.h5", "a") as file:
        for group in set(file) - {"layers", "vars"}:  # what Keras before 3.15 did not write
            del file[group]
    weights.load_application_weights(target, MOBILENET, tmp_path / "m.weights.h5")
    _assert_loaded(target, headless.get_weights())


def test_a_file_that_lacks_a_layer_is_refused_in_keras_3s_form_too(
    headless: keras.Model, target: keras.Model, tmp_path: Path
) -> None:
    _save_with_keras(headless, tmp_path / "m.weights.h5")
    with h5py.File(tmp_path / "m.weights.h5", "a") as file:
        del file["layers/conv2d_3"]
    with pytest.raises(ModelError, match="it holds 259 arrays instead of 260"):
        weights.load_application_weights(target, MOBILENET, tmp_path / "m.weights.h5")


def _missing(_good: Path, _bad: Path) -> None:
    """Write nothing."""


def _folder(_good: Path, bad: Path) -> None:
    bad.mkdir()


def _empty(_good: Path, bad: Path) -> None:
    bad.touch()


def _text(_good: Path, bad: Path) -> None:
    bad.write_text("these are no weights\n" * 100)


def _torn(good: Path, bad: Path) -> None:
    bad.write_bytes(good.read_bytes()[:100_000])


def _hdf5_of_something_else(_good: Path, bad: Path) -> None:
    with h5py.File(bad, "w") as file:
        file["temperature"] = np.zeros(3)


def _archive_of_something_else(_good: Path, bad: Path) -> None:
    with zipfile.ZipFile(bad, "w") as archive:
        archive.writestr("readme.txt", "hello")


def _torn_archive(good: Path, bad: Path) -> None:
    with zipfile.ZipFile(bad, "w") as archive:
        archive.writestr("model.weights.h5", good.read_bytes()[:5000])


def _layer_missing(good: Path, bad: Path) -> None:
    shutil.copy(good, bad)
    with h5py.File(bad, "a") as file:
        file.attrs["layer_names"] = file.attrs["layer_names"][:-2]


def _named_layer_gone(good: Path, bad: Path) -> None:
    shutil.copy(good, bad)
    with h5py.File(bad, "a") as file:
        del file["Conv_1"]


def _other_shape(good: Path, bad: Path) -> None:
    shutil.copy(good, bad)
    _replace_first_kernel(bad, np.zeros((3, 3, 3, 31)))


def _more_than_memory_holds(good: Path, bad: Path) -> None:
    shutil.copy(good, bad)
    with h5py.File(bad, "a") as file:
        (name,) = file["Conv1"].attrs["weight_names"]
        del file["Conv1"][name]
        file["Conv1"].create_dataset(name, (10**6, 10**6, 32), "f4")  # takes no place in the file


def _not_finite(good: Path, bad: Path) -> None:
    shutil.copy(good, bad)
    _replace_first_kernel(bad, np.full((3, 3, 3, 32), np.nan))


def _link_to_another_file(good: Path, bad: Path) -> None:
    shutil.copy(good, bad)
    with h5py.File(bad, "a") as file:
        del file["Conv1"]
        file["Conv1"] = h5py.ExternalLink(str(good), "/Conv1")


def _replace_first_kernel(path: Path, kernel: npt.NDArray[np.float64]) -> None:
    with h5py.File(path, "a") as file:
        (name,) = file["Conv1"].attrs["weight_names"]
        del file["Conv1"][name]
        file["Conv1"][name] = kernel


DAMAGES = {
    _missing: "No such file",
    _folder: "directory",
    _empty: "empty",
    _text: "no file of weights",
    _torn: "truncated",
    _hdf5_of_something_else: "no layers",
    _archive_of_something_else: "archive without",
    _torn_archive: "truncated",
    _layer_missing: "found 103 saved layers",
    _named_layer_gone: "lacks 'Conv_1'",
    _other_shape: "(3, 3, 3, 31), as none of the model's",
    _more_than_memory_holds: "(1000000, 1000000, 32), as none of the model's",
    _not_finite: "not finite",
    _link_to_another_file: "Not allowed",
}


@pytest.mark.parametrize(
    ("damage", "reason"), DAMAGES.items(), ids=[damage.__name__[1:] for damage in DAMAGES]
)
def test_a_file_that_does_not_fit_is_refused_in_a_line_that_says_what_would(
    damage: Callable[[Path, Path], None],
    reason: str,
    legacy_file: Path,
    target: keras.Model,
    tmp_path: Path,
) -> None:
    damage(legacy_file, tmp_path / "bad.h5")
    with pytest.raises(ModelError) as refusal:
        weights.load_application_weights(target, MOBILENET, tmp_path / "bad.h5")
    message = str(refusal.value)
    assert reason in message
    assert "\n" not in message
    for part in (str(tmp_path / "bad.h5"), "mobilenet_v2", "MobileNetV2", "leave --weights out"):
        assert part in message


@every_form
def test_another_networks_weights_are_refused(
    name: str, write: Writer, target: keras.Model, tmp_path: Path
) -> None:
    picture = keras.Input((None, None, 3))
    write(keras.Model(picture, keras.layers.Conv2D(4, 3)(picture)), tmp_path / name)
    with pytest.raises(ModelError, match=r"expected the weights of Keras's MobileNetV2"):
        weights.load_application_weights(target, MOBILENET, tmp_path / name)


def test_the_bundled_network_takes_the_weights_of_its_training_tool(tmp_path: Path) -> None:
    bundled = dict(dreamnet.read_weights())
    described = {dreamnet.DESIGN_KEY: bundled.pop(dreamnet.DESIGN_KEY)}
    arrays = {**{name: array * 0.5 for name, array in bundled.items()}, **described}
    np.savez(tmp_path / "mine.npz", **arrays)  # type: ignore[arg-type]
    extractor = load_model("dreamnet", ["textures"], tmp_path / "mine.npz")
    assert extractor.layer_scales == pytest.approx(
        {"conv2": dreamnet.layer_scales()["conv2"] / 2}, rel=1e-2
    )
    kernel = extractor.model.get_weights()[0]
    np.testing.assert_allclose(kernel, arrays["conv1/kernel"], rtol=1e-3)


def _pickle(path: Path) -> None:
    np.savez(path, layer_scales=np.array([print], dtype=object))


def _bare_array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


def _without_scales(path: Path) -> None:
    arrays = dict(dreamnet.read_weights())
    del arrays[dreamnet.SCALES_KEY]
    np.savez(path, **arrays)  # type: ignore[arg-type]


def _without_a_kernel(path: Path) -> None:
    arrays = dict(dreamnet.read_weights())
    del arrays["3a_3x3/kernel"]
    np.savez(path, **arrays)  # type: ignore[arg-type]


def _promising_more_than_memory_holds(path: Path) -> None:
    arrays: dict[str, Any] = dict(dreamnet.read_weights())
    name = next(name for name in arrays if name.endswith("/kernel"))
    np.savez(path, **{each: array for each, array in arrays.items() if each != name})
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": "<f2", "fortran_order": False, "shape": (10**6, 10**6)}
    )
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"{name}.npy", head.getvalue())


def test_arrays_that_the_bundled_network_has_not_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "more.npz"
    arrays: dict[str, Any] = dict(dreamnet.read_weights())
    np.savez(path, **arrays)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("stray.npy", b"no array at all")
    load_model("dreamnet", ["eyes"], path)


def test_an_archive_that_unpacks_to_more_than_any_network_is_refused(
    tmp_path: Path, target: keras.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "LARGEST_WEIGHTS", 1000)
    with zipfile.ZipFile(tmp_path / "bomb.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(weights.ARCHIVED_WEIGHTS, bytes(2000))
    with pytest.raises(ModelError, match="larger than any network here"):
        weights.load_application_weights(target, MOBILENET, tmp_path / "bomb.keras")


@pytest.mark.parametrize(
    "write",
    [
        *(_pickle, _bare_array, _without_scales, _without_a_kernel, Path.touch, Path.mkdir),
        _promising_more_than_memory_holds,
    ],
    ids=["pickle", "bare array", "without scales", "without a kernel", "empty", "folder", "bomb"],
)
def test_the_bundled_network_refuses_what_its_tool_did_not_write(
    write: Callable[[Path], None], tmp_path: Path
) -> None:
    write(tmp_path / "bad.npz")
    with pytest.raises(ModelError, match=r"bad.npz into dreamnet failed.*expected an .npz") as bad:
        load_model("dreamnet", ["eyes"], tmp_path / "bad.npz")
    assert "\n" not in str(bad.value)


class _Server(http.server.ThreadingHTTPServer):
    """Serves one file and counts how often it was asked for."""

    body = b""
    delay = 0.0
    requests = 0


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.requests += 1
        time.sleep(self.server.delay)
        self.send_response(200 if self.path.endswith(".h5") else 404)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.body = b"weights" * 1000
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def published(server: _Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PublishedWeights:
    """What the server serves, to be kept in a new folder."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    url = f"http://127.0.0.1:{server.server_port}/net/net_notop.h5"
    return PublishedWeights(url, 1, md5(server.body).hexdigest())


def test_weights_are_fetched_once_and_kept_where_keras_keeps_them(
    server: _Server, published: PublishedWeights, tmp_path: Path
) -> None:
    path = weights.fetch_weights(published)
    assert path == tmp_path / "keras" / "models" / "net_notop.h5"
    assert path.read_bytes() == server.body
    assert weights.fetch_weights(published) == path
    assert server.requests == 1
    assert list(path.parent.iterdir()) == [path]


def test_fetching_writes_nothing_to_stdout(
    published: PublishedWeights, capsys: pytest.CaptureFixture[str]
) -> None:
    weights.fetch_weights(published)
    assert capsys.readouterr() == ("", "")


def test_progress_goes_to_a_terminal_on_stderr(
    published: PublishedWeights,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    weights.fetch_weights(published)
    out, err = capsys.readouterr()
    assert out == ""
    assert published.url in err


def test_a_torn_file_is_fetched_anew(server: _Server, published: PublishedWeights) -> None:
    path = weights.fetch_weights(published)
    path.write_bytes(b"torn")
    assert weights.fetch_weights(published).read_bytes() == server.body


def test_the_sockets_timeout_is_set_only_while_fetching(
    server: _Server, published: PublishedWeights, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "DOWNLOAD_TIMEOUT", 0.2)
    server.delay = 0.6
    with pytest.raises(ModelError, match="timed out"):
        weights.fetch_weights(published)
    assert socket.getdefaulttimeout() is None


def _wrong_hash(published: PublishedWeights) -> PublishedWeights:
    return replace(published, md5="0" * 32)


def _not_found(published: PublishedWeights) -> PublishedWeights:
    return replace(published, url=published.url.replace(".h5", ".gone"))


def _refused(published: PublishedWeights) -> PublishedWeights:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return replace(published, url=f"http://127.0.0.1:{free.getsockname()[1]}/net_notop.h5")


@pytest.mark.parametrize(
    ("spoil", "reason"), [(_wrong_hash, "hash"), (_not_found, "404"), (_refused, "refused")]
)
def test_a_failed_fetch_says_in_a_line_how_to_go_on_and_leaves_nothing(
    spoil: Callable[[PublishedWeights], PublishedWeights],
    reason: str,
    published: PublishedWeights,
    tmp_path: Path,
) -> None:
    published = spoil(published)
    with pytest.raises(ModelError) as refusal:
        weights.fetch_weights(published)
    message = str(refusal.value)
    assert "\n" not in message
    for part in (reason, published.url, f"--weights {published.file_name}", "--model dreamnet"):
        assert part in message
    assert not list((tmp_path / "keras" / "models").iterdir())


def test_a_folder_that_cannot_be_made_is_reported(
    published: PublishedWeights, tmp_path: Path
) -> None:
    (tmp_path / "keras").touch()
    with pytest.raises(ModelError, match=r"Not a directory"):
        weights.fetch_weights(published)


def test_a_model_loads_the_weights_that_are_here(
    legacy_file: Path, headless: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert MOBILENET.published
    here = tmp_path / "models" / MOBILENET.published.file_name
    here.parent.mkdir()
    shutil.copy(legacy_file, here)
    extractor = load_model("mobilenet_v2", ["block_3_expand_relu"])
    assert isinstance(extractor.model, keras.Model)
    kernel = extractor.model.get_layer("Conv1").get_weights()[0]
    np.testing.assert_array_equal(kernel, headless.get_layer("Conv1").get_weights()[0])


def test_damaged_weights_of_keras_are_to_be_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert MOBILENET.published
    here = tmp_path / "models" / MOBILENET.published.file_name
    here.parent.mkdir()
    here.write_text("torn")
    with pytest.raises(ModelError, match="delete it to have it fetched again"):
        load_model("mobilenet_v2", ["textures"])
