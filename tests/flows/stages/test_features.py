"""A build with node features gives what the library gives, for any workers, and is made anew only when it has to be."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from artifacts.embedding import open_embedding
from artifacts.features import open_features
from artifacts.graph import open_graph
from artifacts.manifest import MANIFEST
from artifacts.publish import damage, read_release
from artifacts.store import Store
from flows.estimate import estimate_build
from flows.run import BuildReport, run_build
from flows.settings import Config, read_config
from flows.stages import fastrp as fastrp_stage
from graph.fastrp import FastRPParams, fastrp
from graph.features import FeatureParams, read_features
from graph.orientation import oriented
from serving.engine import Engine

N_NODES = 400
CONFIG = """
name = "feats"
[graph]
source = "edges.tsv"
[fastrp]
dim = 200
iteration_weights = [1.0, 0.5]
self_influence = 1.0
property_ratio = 0.6
features = "nodes.parquet"
feature_id = "node"
missing_features = "mean"
[ann.nodes]
kind = "flat"
"""


def write_nodes(folder: Path, seed: int = 1) -> None:
    random = np.random.default_rng(seed)
    rows = random.permutation(N_NODES + 20)[: N_NODES - 10]
    pl.DataFrame(
        {
            "size": random.lognormal(3, 2, rows.size),
            "node": [f"n{row:03d}" for row in rows],
            "words": ["text"] * rows.size,
            "topic": pl.Series(random.normal(size=(rows.size, 30)), dtype=pl.Array(pl.Float64, 30)),
        }
    ).write_parquet(folder / "nodes.parquet")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    random = np.random.default_rng(2)
    ends = [(node, int(other)) for node in range(N_NODES) for other in random.integers(0, N_NODES, 4)]
    (tmp_path / "edges.tsv").write_text("".join(f"n{src:03d}\tn{dst:03d}\n" for src, dst in ends))
    write_nodes(tmp_path)
    (tmp_path / "feats.toml").write_text(CONFIG)
    return tmp_path / "feats.toml"


def built(config: Config, store: Store) -> BuildReport:
    report = run_build(config, store)
    assert damage(store, read_release(store, "feats"))[1] == []
    return report


def path_of(store: Store, stage: str) -> Path:
    return store.objects / read_release(store, "feats").stages[stage]


@pytest.mark.parametrize("mode", ["paper", "gds"])
def test_a_build_gives_the_bytes_of_the_library(config: Path, tmp_path: Path, mode: str) -> None:
    store = Store.create(tmp_path / "store")
    built(read_config(config, [f"fastrp.mode={mode}"]), store)
    graph = open_graph(path_of(store, "graph"))
    params = FeatureParams(feature_id="node", missing_features="mean")
    features = read_features(tmp_path / "nodes.parquet", graph.node_ids, params)
    assert open_features(path_of(store, "features")).tobytes() == features.values.tobytes()
    wanted = FastRPParams(
        mode=mode,
        dim=200,
        iteration_weights=(1.0, 0.5),
        self_influence=1.0,
        property_ratio=0.6,  # type: ignore[arg-type]
    )
    embedding = fastrp(oriented(graph, "undirected"), wanted, features=features.values)
    assert open_embedding(path_of(store, "fastrp")).tobytes() == embedding.tobytes()

    stats = store.manifest(read_release(store, "feats").stages["features"]).stats
    known = set(pl.read_parquet(tmp_path / "nodes.parquet")["node"])
    nodes = set(graph.node_ids.take(range(graph.n_nodes)))
    assert stats == {
        "n_nodes": graph.n_nodes,
        "n_features": 31,
        "columns": ["size", "topic[30]"],
        "columns_left_out": ["words"],
        "n_rows": N_NODES - 10,
        "n_nodes_without_row": len(nodes - known),
        "n_rows_without_node": len(known - nodes),
    }
    engine = Engine.open(store.address, "feats")
    assert len(engine.similar(["n001"], k=3)["results"][0]) == 3


def test_bytes_do_not_depend_on_workers_or_panels(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifests = set()
    for workers, width in ((1, 128), (2, 64), (3, 256)):
        monkeypatch.setattr(fastrp_stage, "PANEL", width)
        store = Store.create(tmp_path / f"store-{workers}")
        built(read_config(config, [f"runtime.workers={workers}"]), store)
        manifests.add(tuple((path_of(store, stage) / MANIFEST).read_text() for stage in ("features", "fastrp")))
    assert len(manifests) == 1


def made(report: BuildReport) -> dict[str, str]:
    """Why each stage that is not cached was made."""
    return {stage.name: stage.why for stage in report.stages if not stage.cached}


def test_a_night_makes_only_what_depends_on_what_changed(config: Path, tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    built(read_config(config), store)
    assert made(built(read_config(config), store)) == {}

    write_nodes(tmp_path, seed=3)
    after = made(built(read_config(config), store))
    assert set(after) == {"features", "fastrp", "ann.nodes"}
    assert after["features"].startswith("rebuilt: its source features changed (")
    assert after["fastrp"] == "rebuilt: its input features changed"

    assert set(made(built(read_config(config, ["fastrp.seed=9"]), store))) == {"fastrp", "ann.nodes"}
    after = made(built(read_config(config, ["fastrp.standardize=false"]), store))
    assert set(after) == {"features", "fastrp", "ann.nodes"}

    with (tmp_path / "edges.tsv").open("a") as file:
        file.write("n001\tn002\n")
    after = made(built(read_config(config), store))
    assert set(after) == {"graph", "graph.undirected", "features", "fastrp", "ann.nodes"}
    fresh = Store.create(tmp_path / "fresh")
    built(read_config(config), fresh)
    for stage in ("features", "fastrp"):
        assert (path_of(store, stage) / MANIFEST).read_text() == (path_of(fresh, stage) / MANIFEST).read_text()


def test_estimates_of_disk_hold_and_all_grow_with_the_features(config: Path, tmp_path: Path) -> None:
    rows = {row["name"]: row for row in estimate_build(read_config(config), str(tmp_path / "store"))["stages"]}
    assert list(rows) == ["graph", "graph.undirected", "features", "fastrp", "ann.nodes"]
    report = built(read_config(config), Store.create(tmp_path / "store"))
    (features,) = (stage for stage in report.stages if stage.name == "features")
    assert 0.5 < rows["features"]["disk"] / features.n_bytes < 2
    fewer = read_config(config, ['fastrp.feature_columns=["size"]'])
    less = {row["name"]: row for row in estimate_build(fewer, str(tmp_path / "none"))["stages"]}
    for name in ("memory", "disk", "seconds"):
        assert less["features"][name] <= rows["features"][name]
    assert less["features"]["disk"] < rows["features"]["disk"] / 10
    assert less["fastrp"]["memory"] < rows["fastrp"]["memory"]


def test_the_same_file_elsewhere_is_the_same_artifact(config: Path, tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    built(read_config(config), store)
    (tmp_path / "nodes.parquet").rename(tmp_path / "moved.parquet")
    again = read_config(config, ["fastrp.features=moved.parquet"])
    assert again.fastrp is not None
    assert again.fastrp.features is not None
    moved = dataclasses.replace(again.fastrp.features, source=str(tmp_path / "moved.parquet"))
    report = built(dataclasses.replace(again, fastrp=dataclasses.replace(again.fastrp, features=moved)), store)
    assert made(report) == {}
