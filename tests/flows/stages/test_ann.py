"""The stage builds what the library builds, whether the kind is told or left open, and serves it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from artifacts.ann import open_ann
from artifacts.embedding import open_embedding
from artifacts.manifest import MANIFEST, read_manifest
from artifacts.publish import damage, read_release
from artifacts.store import Store
from flows.estimate import estimate_build
from flows.run import BuildReport, run_build
from flows.settings import read_config
from serving.engine import Engine
from tests.flows.killing import Kill
from vectors.ann.forms import LISTED
from vectors.ann.index import ANNIndex, ANNParams

N_NODES = 1500


@pytest.fixture
def config(tmp_path: Path) -> Path:
    random = np.random.default_rng(2)
    ends = [
        (node, int(other) if random.random() < 0.2 else (node // 30) * 30 + int(other) % 30)
        for node in range(N_NODES)
        for other in random.integers(0, N_NODES, 4)
    ]
    (tmp_path / "edges.tsv").write_text("".join(f"n{src:04d}\tn{dst:04d}\n" for src, dst in ends))
    (tmp_path / "near.toml").write_text(
        'name = "near"\n[graph]\nsource = "edges.tsv"\n[fastrp]\ndim = 64\n[ann.nodes]\nrecall = 0.9\n'
    )
    return tmp_path / "near.toml"


def built(config: Path, store: Store, *changes: str) -> BuildReport:
    report = run_build(read_config(config, list(changes)), store)
    assert damage(store, read_release(store, "near"))[1] == []
    return report


@pytest.mark.parametrize("change", ["kind='rabitq'", "latency=1e6"])
def test_the_stage_writes_what_the_library_builds(config: Path, change: str, tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    built(config, store, f"ann.nodes.{change}")
    stages = read_release(store, "near").stages
    vectors = open_embedding(store.objects / stages["fastrp"])
    name, _, value = change.partition("=")
    told = {name: value.strip("'") if name == "kind" else float(value)}
    params = ANNParams(recall=0.9, **told)  # type: ignore[arg-type]
    ANNIndex.build(vectors, params).save(tmp_path / "own")
    artifact = store.objects / stages["ann.nodes"]
    for path in (tmp_path / "own").iterdir():
        assert (artifact / path.name).read_bytes() == path.read_bytes(), path.name
    measured = read_manifest(artifact).measured
    assert measured["recall"] - measured["standard_error"] >= 0.9
    assert measured["tried"]
    assert open_ann(artifact).measured == ANNIndex.open(tmp_path / "own").measured
    answer = Engine.open(store.address, "near").similar(["n0000"], k=5)
    assert len(answer["results"][0]) == 5


def manifests(store: Store) -> dict[str, bytes]:
    return {
        name: (store.objects / place / MANIFEST).read_bytes()
        for name, place in read_release(store, "near").stages.items()
    }


@pytest.mark.parametrize("kind", LISTED)
def test_lists_have_the_same_bytes_for_any_partitions_and_workers(config: Path, kind: str, tmp_path: Path) -> None:
    change = f"ann.nodes.kind='{kind}'"
    found = []
    for name, more in (("one", []), ("two", ["runtime.part_nodes=170", "runtime.workers=2"])):
        store = Store.create(tmp_path / name)
        built(config, store, change, *more)
        found.append(manifests(store))
    assert found[0] == found[1]


@pytest.mark.parametrize(("point", "n_left"), [("part 1", 1), ("part 4", 4), ("assemble", 10)])
def test_lists_that_were_killed_go_on_where_they_were(
    config: Path, kill: Kill, point: str, n_left: int, tmp_path: Path
) -> None:
    with config.open("a") as file:
        file.write('kind = "ivfsq"\n[runtime]\nworkers = 1\npart_nodes = 170\n')
    undisturbed, store = Store.create(tmp_path / "undisturbed"), Store.create(tmp_path / "killed")
    built(config, undisturbed)
    kill(config, store.root, "ann.nodes", point)
    resumed = next(stage for stage in built(config, store).stages if stage.name == "ann.nodes")
    assert (resumed.n_parts, resumed.n_parts_reused) == (10, n_left)
    assert manifests(store) == manifests(undisturbed)


def test_an_open_choice_is_estimated_and_cached_like_any_other(config: Path, tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    change = "ann.nodes.latency=1e6"
    estimated = estimate_build(read_config(config, [change]), str(tmp_path / "store"))
    rows = {row["name"]: row for row in estimated["stages"]}
    assert rows["ann.nodes"]["disk"] > 0
    built(config, store, change)
    again = built(config, store, change)
    assert all(stage.cached for stage in again.stages)
