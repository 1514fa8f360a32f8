"""The map in a build: none unless asked for, what the library gives, and the same bytes for any partitions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load

from artifacts.embedding import open_embedding
from artifacts.manifest import MANIFEST
from artifacts.node_map import open_map
from artifacts.publish import artifact_path, read_release
from artifacts.store import Store
from flows.run import run_build
from flows.settings import read_config
from flows.stages import node_map as stage
from foundation.errors import InvalidConfig
from serving.engine import Engine
from tests.serving.test_map import about, ids_in
from vectors.pacmap import PaCMAPParams, pacmap

CONFIG = 'name = "groups"\n[graph]\nsource = "edges.tsv"\n[fastrp]\ndim = 32\n'
PLACED = '[map]\nmethod = "pacmap"\nn_neighbors = 6\n'
N_NODES = 150


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Five groups of thirty nodes, each linked to four of its own."""
    random = np.random.default_rng(4)
    links = [(node, other) for node in range(N_NODES) for other in node // 30 * 30 + random.integers(0, 30, 4)]
    (tmp_path / "edges.tsv").write_text("".join(f"n{one:03d}\tn{other:03d}\n" for one, other in links))
    (tmp_path / "groups.toml").write_text(CONFIG + PLACED)
    return tmp_path / "groups.toml"


def build(config: Path, root: Path, *overrides: str) -> Store:
    store = Store.create(root)
    run_build(read_config(config, overrides), store)
    return store


def path_of(store: Store, stage: str) -> Path:
    return artifact_path(store, read_release(store, "groups"), stage)


def test_a_build_places_nodes_as_the_library_does_for_any_partitions(config: Path, tmp_path: Path) -> None:
    store = build(config, tmp_path / "store")
    points = open_map(path_of(store, "map"))
    embedding = open_embedding(path_of(store, "fastrp"))
    np.testing.assert_array_equal(points, pacmap(embedding, PaCMAPParams(n_neighbors=6), n_threads=2))
    measured = read_release(store, "groups").measured["map"]["neighbours_kept"]
    assert 0.2 < measured <= 1.0
    other = build(config, tmp_path / "other", "runtime.part_nodes=37", "runtime.workers=3")
    assert (path_of(other, "map") / MANIFEST).read_bytes() == (path_of(store, "map") / MANIFEST).read_bytes()
    file = Engine.open(store, "groups").map_file()
    np.testing.assert_array_equal(load(file)["points"], points)
    assert about(file)["method"] == "pacmap"
    assert "explained" not in about(file)


def test_of_too_many_nodes_those_at_even_steps_are_placed(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "MAX_POINTS", 50)
    store = build(config, tmp_path / "store")
    assert len(open_map(path_of(store, "map"))) == 50
    file = Engine.open(store, "groups").map_file()
    assert ids_in(file) == [f"n{3 * place:03d}" for place in range(50)]
    assert about(file)["n_nodes"] == str(N_NODES)


@pytest.mark.parametrize("table", ["", "[map]\n", '[map]\nmethod = "pca"\n'])
def test_the_principal_components_need_no_stage(config: Path, tmp_path: Path, table: str) -> None:
    config.write_text(CONFIG + table)
    store = build(config, tmp_path / "store")
    assert "map" not in read_release(store, "groups").stages
    assert about(Engine.open(store, "groups").map_file())["method"] == "pca"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (CONFIG + "[map]\nn_neighbors = 5\n", 'map.n_neighbors: is of no use with method = "pca"'),
        (CONFIG + '[map]\nmethod = "umap"\n', "map.method: 'umap' is not known; use one of pca, pacmap"),
        (CONFIG + PLACED + "far = 1\n", "map.far: unknown key; did you mean 'far_ratio'"),
        (CONFIG + PLACED + "far_ratio = -1\n", "map.far_ratio: -1.0 cannot be used; allowed: 0 to 20"),
        (CONFIG.replace("[fastrp]\ndim = 32\n", PLACED), "map: needs the table [fastrp], which is absent"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused(config: Path, text: str, what: str) -> None:
    config.write_text(text)
    with pytest.raises(InvalidConfig) as refused:
        read_config(config)
    assert what in str(refused.value)
