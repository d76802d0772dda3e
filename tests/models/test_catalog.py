import subprocess
import sys
from pathlib import Path

import pytest

from dreamstream.errors import ModelError
from dreamstream.models import dreamnet
from dreamstream.models.catalog import (
    DEPTHS,
    MODELS,
    ModelEntry,
    cached_weights,
    find_model,
    list_models_text,
)

every_model = pytest.mark.parametrize("entry", MODELS.values(), ids=MODELS)


@every_model
def test_every_model_answers_to_the_depth_words_from_shallow_to_deep(entry: ModelEntry) -> None:
    assert tuple(entry.depths) == DEPTHS
    described = list(entry.layers)
    places = [described.index(entry.resolve(word)) for word in DEPTHS]
    assert places == sorted(set(places))


@every_model
def test_every_layer_of_the_catalog_says_what_it_shows(entry: ModelEntry) -> None:
    assert all(entry.shows(layer) for layer in entry.layers)


def test_the_depth_words_are_all_of_the_bundled_networks_layers() -> None:
    assert [find_model("dreamnet").resolve(word) for word in DEPTHS] == list(dreamnet.LAYERS)


def test_only_inception_v3_keeps_the_original_programs_units() -> None:
    assert [entry.name for entry in MODELS.values() if entry.raw_units] == ["inception_v3"]


def test_an_unknown_model_is_refused_with_a_list_of_what_there_is() -> None:
    with pytest.raises(ModelError) as refusal:
        find_model("alexnet")
    assert "alexnet" in str(refusal.value)
    assert all(name in str(refusal.value) for name in MODELS)


def test_an_unknown_layer_is_answered_with_depth_words_and_named_blocks() -> None:
    message = str(find_model("inception_v3").unknown_layers(["mixed99"]))
    assert "mixed99" in message
    assert "\n" not in message
    assert all(name in message for name in (*DEPTHS, "mixed0", "mixed10", "--list-layers"))


def test_the_list_of_models_says_whose_weights_are_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    published = find_model("vgg16").published
    assert published
    assert cached_weights(published) is None
    here = tmp_path / "models" / "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    here.parent.mkdir()
    here.touch()
    assert cached_weights(published) == here
    lines = {line.split()[0]: line for line in list_models_text().splitlines()}
    assert "bundled" in lines["dreamnet"]
    assert "fetched" in lines["vgg16"]
    assert "to fetch, 88 MB" in lines["inception_v3"]


def test_without_keras_home_weights_are_kept_in_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    published = find_model("mobilenet_v2").published
    assert published
    name = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
    here = tmp_path / ".keras" / "models" / name
    here.parent.mkdir(parents=True)
    here.touch()
    assert cached_weights(published) == here


def test_reading_the_catalog_loads_neither_tensorflow_nor_keras() -> None:
    program = (
        "import sys; from dreamstream.models import catalog; catalog.list_models_text(); "
        "sys.exit(bool({'tensorflow', 'keras', 'h5py'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
