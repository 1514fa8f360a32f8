"""Lists on disk by the ordinary flow: the library's files, killed and gone on with, served, refused if damaged."""

from __future__ import annotations

from pathlib import Path

import httpx
import numpy as np
import pytest

from artifacts.ann import open_candidates
from artifacts.embedding import open_embedding
from artifacts.fde import open_fde
from artifacts.graph import open_graph
from artifacts.manifest import read_manifest
from artifacts.publish import damage, read_release
from artifacts.store import Store
from flows.estimate import estimate_build
from flows.report_blocks import Curve
from flows.report_figures import frontier_charts
from flows.run import BuildReport, run_build
from flows.settings import read_config
from foundation.errors import ArtifactCorrupt, InvalidConfig, InvalidParams
from serving.api import create_app
from serving.engine import Engine
from tests.flows.killing import Kill
from tests.oracles.neighbours import nearest
from tests.serving.live import running, until
from tests.small import write_small
from vectors.spann.index import SpannIndex
from vectors.spann.params import SpannParams

N_NODES = 1500
NEAR = """
name = "near"
[graph]
source = "edges.tsv"
[fastrp]
dim = 48
[ann.nodes]
kind = "spann"
recall = 0.9
[runtime]
part_nodes = 400
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("near")
    random = np.random.default_rng(2)
    ends = [
        (node, int(other) if random.random() < 0.2 else (node // 30) * 30 + int(other) % 30)
        for node in range(N_NODES)
        for other in random.integers(0, N_NODES, 4)
    ]
    # Two nodes with the same links have the same embedding.
    ends += [(node, other) for node in (N_NODES, N_NODES + 1) for other in (3, 5, 8)]
    (directory / "edges.tsv").write_text("".join(f"n{src:04d}\tn{dst:04d}\n" for src, dst in ends))
    (directory / "near.toml").write_text(NEAR)
    return directory / "near.toml"


@pytest.fixture(scope="module")
def store(config: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store.create(tmp_path_factory.mktemp("store") / "store")
    built(config, store)
    return store


def built(config: Path, store: Store, *changes: str) -> BuildReport:
    report = run_build(read_config(config, list(changes)), store)
    assert damage(store, read_release(store, "near"))[1] == []
    return report


def artifact(store: Store, stage: str = "ann.nodes") -> Path:
    return store.objects / read_release(store, "near").stages[stage]


@pytest.mark.parametrize(
    "change", ["metric='cosine'", "metric='l2'", "metric='inner_product'", "heads='balanced'", "list_limit=40"]
)
def test_the_stage_writes_what_the_library_builds(config: Path, change: str, tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    built(config, store, f"ann.nodes.{change}")
    name, _, value = change.partition("=")
    told = {name: int(value) if value.isdigit() else value.strip("'")}
    vectors = open_embedding(artifact(store, "fastrp"))
    index = SpannIndex.build(vectors, SpannParams(recall=0.9, **told), directory=tmp_path / "own")  # type: ignore[arg-type]
    for path in (tmp_path / "own").iterdir():
        assert (artifact(store) / path.name).read_bytes() == path.read_bytes(), path.name
    measured = read_manifest(artifact(store)).measured
    assert (measured["kind"], measured["recall"]) == ("spann", index.measured.recall)
    assert measured["recall"] - measured["standard_error"] >= 0.9


@pytest.mark.parametrize("change", ["part_nodes=97", "workers=3", "processes=true"])
def test_bytes_do_not_depend_on_partitions_or_workers(config: Path, store: Store, change: str, tmp_path: Path) -> None:
    other = Store.create(tmp_path / "store")
    built(config, other, f"runtime.{change}")
    assert read_manifest(artifact(other)) == read_manifest(artifact(store))


@pytest.mark.parametrize("point", ["part 2", "part 5", "part 8", "part 11", "assemble"])
def test_a_killed_build_goes_on_with_the_ranges_it_has(
    config: Path, store: Store, kill: Kill, point: str, tmp_path: Path
) -> None:
    other = Store.create(tmp_path / "store")
    kill(config, other.root, "ann.nodes", point)
    report = built(config, other)
    (stage,) = (stage for stage in report.stages if stage.name == "ann.nodes")
    n_done = 13 if point == "assemble" else int(point.partition(" ")[2])
    assert (stage.n_parts, stage.n_parts_reused >= n_done) == (13, True)  # 4 of rows, 1 of heads, 4 of rows, 4 of lists
    assert read_manifest(artifact(other)) == read_manifest(artifact(store))


def test_similar_is_answered_as_the_index_does(store: Store) -> None:
    engine = Engine.open(store.address, "near")
    vectors = open_embedding(artifact(store, "fastrp"))
    ids = ["n0000", "n0400", "n1500"]
    answer = engine.similar(ids, k=5)
    node_ids = open_graph(artifact(store, "graph")).node_ids
    rows = [node_ids.find(id) for id in ids]
    found = SpannIndex.open(artifact(store)).search(vectors[rows], 5, exclude=np.array(rows))[0]
    assert [[hit["id"] for hit in hits] for hits in answer["results"]] == [
        [node_ids[int(row)] for row in nodes] for nodes in found
    ]
    assert answer["results"][2][0]["id"] == "n1501"
    assert answer["results"][2][0]["score"] == pytest.approx(1.0)
    by_vector = engine.similar(vectors=vectors[:2], k=3)
    assert len(by_vector["results"]) == 2


def test_the_service_answers_the_same_and_says_what_it_is(store: Store) -> None:
    ids = ["n0000", "n1500"]
    with running(create_app(store)) as address, httpx.Client(base_url=address, timeout=30) as client:
        until(lambda: client.get("/readyz").status_code == 200)
        answer = client.post("/v1/indexes/near/similar", json={"ids": ids, "k": 5}).json()
        stage = client.get("/v1/indexes/near").json()["stages"]["ann.nodes"]
    assert answer["results"] == Engine.open(store.address, "near").similar(ids, k=5)["results"]
    assert stage["measured"]["kind"] == "spann"
    assert stage["measured"]["recall"] >= 0.9


@pytest.mark.parametrize("harm", ["cut", "flip"])
def test_a_damaged_posting_file_is_refused(config: Path, harm: str, tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    built(config, store)
    path = artifact(store) / "lists.bin"
    content = bytearray(path.read_bytes())
    if harm == "cut":
        path.write_bytes(content[:-1])
        with pytest.raises(ArtifactCorrupt, match=r"lists\.bin"):
            Engine.open(store.address, "near").similar(["n0000"])
    else:
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    assert any("lists.bin" in bad for bad in damage(store, read_release(store, "near"))[1])
    with pytest.raises(ArtifactCorrupt):
        SpannIndex.open(path.parent)


def test_less_memory_makes_fewer_heads_and_too_little_is_refused(config: Path, store: Store, tmp_path: Path) -> None:
    whole = SpannIndex.open(artifact(store)).measured
    other = Store.create(tmp_path / "store")
    limit = whole.memory_bytes * 2 // 3
    built(config, other, f"ann.nodes.memory={limit}")
    less = SpannIndex.open(artifact(other)).measured
    assert less.n_heads < whole.n_heads
    assert less.memory_bytes <= limit
    with pytest.raises(InvalidParams, match="at least"):
        built(config, other, "ann.nodes.memory=300")


def test_the_report_draws_what_recall_costs(store: Store) -> None:
    measured = read_release(store, "near").measured
    (chart,) = frontier_charts(measured, lambda stage: artifact(store, stage))
    assert isinstance(chart, Curve)
    assert (chart.name, chart.asked) == ("frontier-ann-nodes", 0.9)
    assert chart.chosen == measured["ann.nodes"]["cost"]
    assert chart.chosen in {cost for cost, _ in [*chart.points, *chart.others]}


def test_estimates_and_the_cache_know_it(config: Path, store: Store) -> None:
    (row,) = (row for row in estimate_build(read_config(config), store.address)["stages"] if row["name"] == "ann.nodes")
    assert row["disk"] > 0
    assert all(stage.cached for stage in built(config, store).stages)


def test_documents_are_found_through_lists_on_disk(tmp_path: Path) -> None:
    config = write_small(tmp_path / "small")
    store = Store.create(tmp_path / "store")
    told = ["ann.documents.kind='spann'", "ann.documents.recall=1.0", "ann.nodes.kind='spann'"]
    (tmp_path / "small" / "small.toml").write_text(
        config.read_text().replace('kind = "hnsw"\nshard_rows = 128\n', 'kind = "hnsw"\n')
    )
    run_build(read_config(config, told), store)
    stages = read_release(store, "small").stages
    index = open_candidates(store.objects / stages["ann.documents"])
    assert isinstance(index, SpannIndex)
    fde = open_fde(store.objects / stages["muvera"])
    where = np.arange(len(fde)) % 3 == 0
    rows, values = index.candidates(fde[:4], 20, where=where)
    allowed = np.flatnonzero(where)
    true = nearest(np.asarray(fde)[allowed], np.asarray(fde[:4]), 20, "inner_product", [[]] * 4)[1]
    np.testing.assert_allclose(values, true, rtol=1e-5)
    assert where[rows].all()
    engine = Engine.open(store.address, "small")
    found = engine.search(["video codec stream"], k=3)["results"][0]
    assert {hit["topic"] for hit in found} == {"video"}
    near = engine.similar(["n000"], k=5, where={"topic": "video"})["results"][0]
    assert {hit["topic"] for hit in near} == {"video"}


def test_a_wrong_key_or_kind_is_refused_by_name(config: Path) -> None:
    with pytest.raises(InvalidConfig, match=r"ann\.nodes\.ef_construction"):
        read_config(config, ["ann.nodes.ef_construction=10"])
    with pytest.raises(InvalidConfig, match=r"ann\.nodes\.kind: 'span'.*spann"):
        read_config(config, ["ann.nodes.kind='span'"])
    with pytest.raises(InvalidConfig, match=r"ann\.nodes\.head_share"):
        read_config(config, ["ann.nodes.head_share=0.9"])
