"""The stage builds what `graph.powerwalk.choice.build` does in one process, byte for byte, however it is cut."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from artifacts.artifact import Artifact, ArtifactWriter
from artifacts.graph import write_graph
from artifacts.manifest import MANIFEST
from artifacts.parts import part_path, read_part, write_part
from artifacts.powerwalk import HUBS, LAYOUT, WALKS, open_powerwalk, write_powerwalk
from artifacts.store import Store
from flows.run import run_build
from flows.settings import read_config
from flows.stages import powerwalk
from flows.stages.stage import Findings, Job
from foundation.errors import ArtifactCorrupt, TargetMissed
from graph.csr import CSRGraph
from graph.powerwalk import Fingerprints, PowerWalkIndex, PowerWalkParams, QueryParams, fingerprints
from graph.powerwalk.candidates import Candidate
from graph.powerwalk.choice import Built, build
from tests.flows.killing import Kill

CONFIG = 'name = "made"\n[graph]\nsource = "edges.tsv"\n[powerwalk]\n'


def random_graph(n_nodes: int, n_edges: int, *, directed: bool, weighted: bool = False) -> CSRGraph:
    random = np.random.default_rng(5)
    src = (n_nodes * random.random(n_edges) ** 2).astype(int)
    weights = random.random(n_edges) if weighted else None
    return CSRGraph.from_edges(
        src, random.integers(0, n_nodes, n_edges), weights, n_nodes=n_nodes, directed=directed, duplicates="sum"
    )


GRAPHS = {
    "directed": random_graph(180, 700, directed=True),
    "undirected": random_graph(180, 700, directed=False),
    "weighted": random_graph(150, 600, directed=True, weighted=True),
    "weighted both ways": random_graph(150, 600, directed=False, weighted=True),
    "too small to measure": random_graph(30, 60, directed=True),
    "one node": CSRGraph.from_edges(np.zeros(0, int), np.zeros(0, int), n_nodes=1),
    "no arcs": CSRGraph.from_edges(np.zeros(0, int), np.zeros(0, int), n_nodes=7, directed=False),
    "nothing": CSRGraph.from_edges(np.zeros(0, int), np.zeros(0, int), n_nodes=0),
}


def publish_graph(store: Store, graph: CSRGraph, digest: str = "a" * 64) -> Path:
    writer = ArtifactWriter(store.root / "aside")
    stats = write_graph(writer, graph)
    writer.publish(
        store.place, f"objects/graph-{digest}", kind="graph", kind_version=1, stage="graph", code_version=1,
        digest=digest, params={}, inputs={}, stats=stats, measured={},
    )  # fmt: skip
    return store.objects / f"graph-{digest}"


def made(store: Store, graph: CSRGraph, params: PowerWalkParams, part_nodes: int) -> tuple[Artifact, Findings]:
    """All rounds in this process, as a build would run them."""
    path = publish_graph(store, graph)
    asked = {"index": dataclasses.asdict(params), "query": dataclasses.asdict(QueryParams())}
    job = Job(
        inputs={"graph": path}, sources={}, params=asked, work=store.root / "work" / "x", part_nodes=part_nodes,
        part_docs=1,
    )  # fmt: skip
    parts = []
    for round_, ranges in enumerate(powerwalk.split(job)):
        for start, stop in ranges:
            output = powerwalk.partition(job, round_, start, stop)
            write_part(store.place, f"work/x/parts/{round_}-{start}-{stop}", start, stop, output.arrays, output.stats)
        parts.append([read_part(part_path(job.work, round_, *span)) for span in ranges])
    writer = ArtifactWriter(store.root / "assembled")
    findings = powerwalk.assemble(job, writer, parts)
    writer.publish(
        store.place, "objects/made", kind=powerwalk.STAGE.kind, kind_version=powerwalk.STAGE.kind_version,
        stage="powerwalk", code_version=1, digest="b" * 64, params=asked, inputs={"graph": "a" * 64},
        stats=findings.stats, measured=findings.measured,
    )  # fmt: skip
    return Artifact.open(store.objects / "made", powerwalk.STAGE.kind, (powerwalk.STAGE.kind_version,)), findings


def arrays_of(index: PowerWalkIndex) -> dict[str, np.ndarray[Any, Any]]:
    found = {LAYOUT + name: array for name, array in index.layout.arrays().items()}
    if index.hubs is not None:
        found |= {HUBS + name: array for name, array in index.hubs.arrays().items()}
    if index.fingerprints is not None:
        found |= {WALKS + name: array for name, array in index.fingerprints.arrays().items()}
    return found


def check_equal(artifact: Artifact, findings: Findings, built: Built) -> None:
    wanted = arrays_of(built.index)
    assert artifact.arrays().keys() == wanted.keys()
    for name, array in wanted.items():
        assert artifact.array(name).dtype == array.dtype
        np.testing.assert_array_equal(artifact.array(name), array, err_msg=name)
    assert findings.measured.get("frontier", []) == [one.row() for one in built.frontier]


@pytest.mark.parametrize("method", ["auto", "hubs", "powerwalk", "push"])
@pytest.mark.parametrize("name", GRAPHS)
def test_the_artifact_is_the_index_that_one_process_builds(name: str, method: Any, tmp_path: Path) -> None:
    graph, params = GRAPHS[name], PowerWalkParams(method=method, n_walks=20, seed=3)
    store = Store.create(tmp_path / "store")
    artifact, findings = made(store, graph, params, 70)
    built = build(graph, params)
    check_equal(artifact, findings, built)
    opened = open_powerwalk(artifact.path, store.objects / f"graph-{'a' * 64}")
    assert (opened.effort, opened.background, opened.params) == (
        built.index.effort,
        built.index.background,
        built.index.params,
    )
    if graph.n_nodes:
        queries = [{0: 1.0}, {graph.n_nodes - 1: 2.0, 0: 1.0}]
        one, other = opened.query(queries, 9), built.index.query(queries, 9)
        for field in dataclasses.fields(one):
            np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))


@pytest.mark.parametrize("name", ["directed", "weighted both ways"])
def test_the_cut_into_partitions_changes_nothing(name: str, tmp_path: Path) -> None:
    manifests = []
    for part_nodes in (17, 90, 5_000):
        store = Store.create(tmp_path / f"store-{part_nodes}")
        artifact, _ = made(store, GRAPHS[name], PowerWalkParams(), part_nodes)
        manifests.append((artifact.path / MANIFEST).read_bytes())
    assert manifests[0] == manifests[1] == manifests[2]


def test_walks_in_proportion_to_degrees_are_kept_with_their_numbers(tmp_path: Path) -> None:
    params = PowerWalkParams(method="powerwalk", n_walks=9, allotment="degree")
    artifact, findings = made(Store.create(tmp_path / "store"), GRAPHS["weighted"], params, 40)
    assert np.unique(artifact.array(WALKS + "walks")).size > 3
    check_equal(artifact, findings, build(GRAPHS["weighted"], params))


def test_hubs_and_walks_together_are_written_when_both_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The choice falls on a quarter of the hubs, cut, beside walks: nothing but the least work decides otherwise."""

    def choose_mixture(frontier: Any, material: Any) -> Any:
        return next(one.candidate for one in frontier if one.candidate.n_hubs and one.candidate.walks)

    params = PowerWalkParams(n_walks=6, max_hub_entries=16)
    for module in (powerwalk, sys.modules["graph.powerwalk.choice"]):
        monkeypatch.setattr(module, "choose", choose_mixture)
    artifact, findings = made(Store.create(tmp_path / "store"), GRAPHS["directed"], params, 60)
    assert artifact.has(HUBS + "nodes")
    assert artifact.has(WALKS + "nodes")
    check_equal(artifact, findings, build(GRAPHS["directed"], params))


def test_what_the_manifest_says_was_measured_is_the_kept_candidate(tmp_path: Path) -> None:
    artifact, findings = made(Store.create(tmp_path / "store"), GRAPHS["directed"], PowerWalkParams(), 100)
    (row,) = (row for row in findings.measured["frontier"] if row["kept"])
    measured = findings.measured
    assert artifact.manifest.stats["kept"] == {name: row[name] for name in artifact.manifest.stats["kept"]}
    assert measured["precision_at_50"] == pytest.approx(row["precision"], abs=1e-4)
    assert measured["rag_at_100"] == pytest.approx(row["rag"], abs=1e-4)
    assert 0.9 < measured["rag_at_50"] <= 1
    assert 0 < measured["mean_l1"] <= measured["mean_error_bound"]
    assert measured["index_bytes"] <= PowerWalkParams().index_bytes
    assert 30 <= measured["n_sources"] <= 40


def config_of(directory: Path, graph: CSRGraph, options: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    sources = np.repeat(np.arange(graph.n_nodes), np.diff(graph.indptr))
    ends = np.stack([sources, graph.indices], axis=1)
    (directory / "edges.tsv").write_text("".join(f"{src}\t{dst}\n" for src, dst in ends.tolist()))
    (directory / "made.toml").write_text(f"{CONFIG}{options}\n")
    return directory / "made.toml"


def test_a_missed_target_fails_the_build_in_one_line_unless_it_is_accepted(tmp_path: Path) -> None:
    asked = 'method = "push"\nl1 = 1e-9'
    config = config_of(tmp_path, GRAPHS["directed"], asked)
    store = Store.create(tmp_path / "store")
    with pytest.raises(TargetMissed) as missed:
        run_build(read_config(config), store)
    assert str(missed.value).startswith("l1 of powerwalk = 1e-09 was asked for, the best candidate (push alone, rmax ")
    assert "\n" not in str(missed.value)
    measured = run_build(read_config(config, ["powerwalk.miss=accept"]), store).measured["powerwalk"]
    assert measured["kept"] == "push alone, rmax 1e-06"
    assert measured["mean_l1"] > 1e-9


@pytest.mark.parametrize("point", ["part 4", "part 9"])
def test_a_build_killed_in_any_round_is_finished_by_the_next(point: str, tmp_path: Path, kill: Kill) -> None:
    config = config_of(tmp_path, GRAPHS["directed"], "n_walks = 5")
    config.write_text(config.read_text() + "[runtime]\nworkers = 1\npart_nodes = 80\n")
    whole, broken = Store.create(tmp_path / "whole"), Store.create(tmp_path / "broken")
    (before,) = (stage for stage in run_build(read_config(config), whole).stages if stage.name == "powerwalk")
    kill(config, broken.root, "powerwalk", point)
    (after,) = (stage for stage in run_build(read_config(config), broken).stages if stage.name == "powerwalk")
    assert after.n_parts_reused == (before.n_parts if point == "assemble" else int(point.split()[1]))
    manifests = [(store.objects / before.artifact / MANIFEST).read_bytes() for store in (whole, broken)]
    assert manifests[0] == manifests[1]


def test_an_index_of_version_1_is_read_with_a_layout_made_when_it_is_opened(tmp_path: Path) -> None:
    graph = GRAPHS["directed"]
    params = PowerWalkParams(method="powerwalk", n_walks=12)
    store = Store.create(tmp_path / "store")
    path = publish_graph(store, graph)
    walks = fingerprints(graph, params)
    writer = ArtifactWriter(store.root / "aside")
    writer.arrays(walks.arrays())
    writer.publish(
        store.place, "objects/old", kind="fingerprints", kind_version=1, stage="powerwalk", code_version=1,
        digest="c" * 64, inputs={"graph": "a" * 64}, stats={"n_nodes": graph.n_nodes}, measured={},
        params={
            "index": {"n_walks": 12, "damping": 0.85, "max_entries": None, "seed": 0},
            "query": {"rmax": 1e-5, "max_rounds": None},
        },
    )  # fmt: skip
    opened = open_powerwalk(store.objects / "old", path)
    index = PowerWalkIndex(graph, params, fingerprints=Fingerprints(**walks.arrays()))
    one, other = (which.query([{3: 1.0}], 20, params=QueryParams(rmax=1e-5)) for which in (opened, index))
    np.testing.assert_array_equal(one.nodes, other.nodes)
    np.testing.assert_array_equal(one.scores, other.scores)


@pytest.mark.parametrize("method", ["auto", "hubs"])
@pytest.mark.parametrize("name", ["undirected", "weighted both ways"])
def test_hubs_ranked_by_sweeps_are_those_of_one_process_however_they_are_cut(
    name: str, method: Any, tmp_path: Path
) -> None:
    params = PowerWalkParams(method=method, hub_rmax=1e-2, hub_sweeps=3, max_hub_entries=40, miss="accept")
    manifests = []
    for part_nodes in (40, 5_000):
        store = Store.create(tmp_path / f"store-{part_nodes}")
        artifact, findings = made(store, GRAPHS[name], params, part_nodes)
        check_equal(artifact, findings, build(GRAPHS[name], params))
        manifests.append((artifact.path / MANIFEST).read_bytes())
    assert manifests[0] == manifests[1]
    assert artifact.has(HUBS + "off") == (artifact.manifest.stats["n_hubs"] > 0)
    opened = open_powerwalk(artifact.path, store.objects / f"graph-{'a' * 64}")
    asked = [{0: 1.0}, {5: 2.0, 9: 1.0}]
    one, other = opened.query(asked, 9), build(GRAPHS[name], params).index.query(asked, 9, n_threads=2)
    for field in dataclasses.fields(one):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))


def test_an_index_of_version_2_is_read_as_it_was(tmp_path: Path) -> None:
    """Before hubs were ranked by sweeps: the same arrays, and params without them."""
    graph, params = GRAPHS["undirected"], PowerWalkParams(method="hubs", miss="accept")
    store = Store.create(tmp_path / "store")
    path = publish_graph(store, graph)
    built = build(graph, params).index
    writer = ArtifactWriter(store.root / "aside")
    assert built.hubs is not None
    kept = Candidate(
        n_hubs=built.hubs.n_hubs, hub_entries=1024, walks=False, background=built.background, rmax=1e-4, cut=1e-6
    )
    stats = write_powerwalk(writer, built.layout, [built.hubs], None, kept)
    asked = dataclasses.asdict(params)
    del asked["hub_sweeps"]
    writer.publish(
        store.place, "objects/old", kind="fingerprints", kind_version=2, stage="powerwalk", code_version=3,
        digest="c" * 64, inputs={"graph": "a" * 64}, stats={**stats, "n_walks": 100}, measured={},
        params={"index": asked, "query": dataclasses.asdict(QueryParams())},
    )  # fmt: skip
    one, other = (
        index.query([{3: 1.0}, {4: 1.0}], 20, params=QueryParams(rmax=1e-4, cut=1e-6))
        for index in (open_powerwalk(store.objects / "old", path), built)
    )
    for field in dataclasses.fields(one):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))


def test_an_index_is_refused_with_another_graph(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    artifact, _ = made(store, GRAPHS["too small to measure"], PowerWalkParams(), 100)
    other = publish_graph(store, GRAPHS["too small to measure"], "d" * 64)
    with pytest.raises(ArtifactCorrupt, match="was built from graph aaaaaaaaaaaa, not from dddddddddddd; open it with"):
        open_powerwalk(artifact.path, other)
