"""Search over codes of encodings: chosen by exact MaxSim, equal bytes from any partitions, served, and refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from artifacts.ann import open_ann, open_candidates, open_truth
from artifacts.artifact import Artifact
from artifacts.fde import open_fde
from artifacts.manifest import MANIFEST, read_manifest
from artifacts.multivector import open_multivectors
from artifacts.publish import damage, read_release
from artifacts.retriever import KIND, READABLE, open_retriever
from artifacts.store import Store
from flows.estimate import estimate_build
from flows.report_figures import frontier_charts
from flows.run import run_build
from flows.settings import read_config
from foundation.errors import ArtifactCorrupt, InvalidConfig, InvalidInput, InvalidQuery, TargetMissed
from serving.engine import Engine
from tests.vectors.coded.test_index import topical
from vectors.ann.index import ANNIndex
from vectors.coded.index import CodedIndex
from vectors.tokens.maxsim import exact_top
from vectors.tokens.multivector import MultiVectors

N_DOCS = 400
CONFIG = """
name = "coded"
[corpus]
source = "docs.jsonl"
vectors = "emb"
[corpus.encoder]
kind = "precomputed"
[corpus.tokens]
storage = "int8"
[muvera]
num_repetitions = 6
k_sim = 3
d_proj = 8
n_heldout = 30
recall = 0.9
[ann.documents]
kind = "rabitq"
storage = "codes"
[runtime]
workers = 1
"""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    documents, _ = topical(N_DOCS, 1, dim=16)
    rows = [
        {"_id": f"d{doc:03d}", "text": f"document {doc}", "emb": documents.doc(doc).tolist()} for doc in range(N_DOCS)
    ]
    (folder / "docs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "coded.toml").write_text(CONFIG)
    return folder


def build(sources: Path, place: Path, *changes: str) -> dict[str, Path]:
    store = Store.create(place)
    run_build(read_config(sources / "coded.toml", changes), store)
    release = read_release(store, "coded")
    assert damage(store, release)[1] == []
    return {name: store.objects / found for name, found in release.stages.items()}


@pytest.fixture(scope="module")
def stages(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return build(sources, tmp_path_factory.mktemp("store"))


def test_search_over_codes_finds_the_share_that_was_asked_for(stages: dict[str, Path]) -> None:
    places = {"tokens": stages["tokens"], "fde": stages["muvera"], "ann": stages["ann.documents"]}
    retriever = open_retriever(stages["retriever"], **places)
    index = open_candidates(stages["ann.documents"])
    assert isinstance(index, CodedIndex)
    assert (index.n_rows, index.form.kind) == (N_DOCS, "rabitq")
    measured = {name: read_manifest(stages[name]).measured for name in ("ann.documents", "retriever")}
    chosen = measured["ann.documents"]
    assert measured["retriever"]["recall_at_10"] >= 0.9
    assert retriever.n_candidates == measured["retriever"]["n_candidates"] == chosen["n_candidates"] < N_DOCS
    documents = open_multivectors(stages["tokens"])
    queries = MultiVectors.from_list([documents.doc(doc) for doc in range(0, N_DOCS, 4)])  # as the held-out ones are
    kth = exact_top(queries, documents, 10)[1][:, -1]
    _, scores = retriever.search(queries, 10)
    assert float((scores >= kth[:, None]).mean()) > 0.85


def test_the_whole_frontier_is_in_the_manifest_and_in_the_report(stages: dict[str, Path]) -> None:
    measured = read_manifest(stages["ann.documents"]).measured
    (form,) = measured["tried"]
    recalls, costs = [point[2] for point in form["points"]], [point[3] for point in form["points"]]
    assert recalls == sorted(recalls)
    assert costs == sorted(costs)
    assert [measured["n_probe"], measured["n_candidates"], measured["recall"], measured["cost"]] in form["points"]
    charts = frontier_charts({"ann.documents": measured}, stages.__getitem__)
    assert [chart.name for chart in charts] == ["frontier-ann-documents"]


def test_the_exact_answers_are_found_once_and_used_again(stages: dict[str, Path]) -> None:
    truth = open_truth(stages["ann.documents"])
    assert truth is not None
    assert truth.shape == (30,)
    frontier = dict(read_manifest(stages["retriever"]).measured["frontier"])
    for n_probe, n_candidates, recall, _ in read_manifest(stages["ann.documents"]).measured["tried"][0]["points"]:
        assert n_probe == 0
        assert frontier[n_candidates] == recall


def test_bytes_do_not_depend_on_partitions(stages: dict[str, Path], sources: Path, tmp_path: Path) -> None:
    other = build(sources, tmp_path / "store", "runtime.part_docs=37", "runtime.workers=2")
    for name in ("ann.documents", "retriever"):
        assert (stages[name] / MANIFEST).read_bytes() == (other[name] / MANIFEST).read_bytes(), name


@pytest.mark.parametrize("kind", ["pq", "ivfpq"])
def test_other_codes_are_built_and_served(sources: Path, tmp_path: Path, kind: str) -> None:
    found = build(sources, tmp_path / "store", f"ann.documents.kind={kind!r}", "muvera.n_candidates=50")
    index = open_candidates(found["ann.documents"])
    assert isinstance(index, CodedIndex)
    assert index.form.kind == kind
    assert read_manifest(found["retriever"]).measured["n_candidates"] == 50
    asked = np.asarray(open_multivectors(found["tokens"]).doc(7), dtype=np.float32)
    engine = Engine.open(str(tmp_path / "store"), "coded")
    assert engine.search(vectors=[asked.tolist()], k=3)["results"][0][0]["id"] == "d007"


def test_few_encodings_are_scanned_as_they_are(sources: Path, tmp_path: Path) -> None:
    table = ["ann.documents.kind='auto'", "ann.documents.storage='float32'"]
    found = build(sources, tmp_path / "store", *table)
    index = open_ann(found["ann.documents"])
    assert isinstance(index, ANNIndex)
    assert (index.shards[0].kind, open_truth(found["ann.documents"])) == ("flat", None)


def test_an_open_choice_takes_what_costs_least_and_fits(sources: Path, tmp_path: Path) -> None:
    table = ["ann.documents.kind='auto'", "ann.documents.memory=100000"]
    found = build(sources, tmp_path / "store", *table)
    measured = read_manifest(found["ann.documents"]).measured
    reached = [point[3] for form in measured["tried"] for point in form["points"] if point[2] >= 0.9]
    assert measured["cost"] == min(reached)
    assert measured["n_bytes"] <= 100_000
    assert estimate_build(read_config(sources / "coded.toml", table), str(tmp_path / "new"))["stages"]


def test_recall_out_of_reach_fails_the_build_and_names_the_best(sources: Path, tmp_path: Path) -> None:
    changes = ["muvera.recall=1.0", "muvera.max_candidates=10"]
    with pytest.raises(TargetMissed, match="rabitq"):
        build(sources, tmp_path / "store", *changes)
    found = build(sources, tmp_path / "other", *changes, "muvera.allow_missed=true")
    assert read_manifest(found["retriever"]).measured["recall_at_10"] < 1.0


def test_carved_queries_are_measured_as_they_are_served(stages: dict[str, Path], sources: Path, tmp_path: Path) -> None:
    found = build(sources, tmp_path / "store", "muvera.carve=0.5", "muvera.allow_missed=true")
    plain, carved = (read_manifest(place["retriever"]).measured for place in (stages, found))
    assert carved["recall_at_10"] <= plain["recall_at_10"]
    both = dict(plain["frontier"]), dict(carved["frontier"])
    assert all(both[1][n] <= both[0][n] for n in both[0])
    places = {"tokens": found["tokens"], "fde": found["muvera"], "ann": found["ann.documents"]}
    _, queries = topical(N_DOCS, 10, dim=16)
    exact = exact_top(queries, open_multivectors(found["tokens"]), 1)[1]
    assert (open_retriever(found["retriever"], **places).search(queries, 1)[1] <= exact + 1e-4).all()


@pytest.mark.parametrize("first_pass", ["auto", "never"])
def test_a_first_pass_in_bytes_changes_no_answer(
    stages: dict[str, Path], sources: Path, tmp_path: Path, first_pass: str
) -> None:
    found = build(sources, tmp_path / "store", f"muvera.first_pass={first_pass!r}")
    artifact = Artifact.open(found["retriever"], KIND, READABLE)
    assert bool(artifact.array("in_two_passes")[0]) == (first_pass == "auto")
    assert artifact.manifest.measured.get("same_in_two_passes") == (1.0 if first_pass == "auto" else None)
    places = {"tokens": found["tokens"], "fde": found["muvera"], "ann": found["ann.documents"]}
    _, queries = topical(N_DOCS, 10, dim=16)
    answers = open_retriever(found["retriever"], **places).search(queries, 10)
    usual = {"tokens": stages["tokens"], "fde": stages["muvera"], "ann": stages["ann.documents"]}
    expected = open_retriever(stages["retriever"], **usual).search(queries, 10)
    assert [part.tolist() for part in answers] == [part.tolist() for part in expected]


@pytest.mark.parametrize("unnormalised", ["keep", "normalize", "refuse"])
def test_lengths_are_counted_and_treated_as_asked(sources: Path, tmp_path: Path, unnormalised: str) -> None:
    rows = [json.loads(line) for line in (sources / "docs.jsonl").read_text().splitlines()]
    for row in rows[:3]:
        row["emb"] = (3 * np.array(row["emb"])).tolist()
    (tmp_path / "docs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "coded.toml").write_text(CONFIG)
    change = f"corpus.tokens.unnormalised={unnormalised!r}"
    if unnormalised == "refuse":
        with pytest.raises(InvalidInput, match="do not have length 1"):
            build(tmp_path, tmp_path / "store", change)
        return
    found = build(tmp_path, tmp_path / "store", change, "muvera.allow_missed=true")
    assert read_manifest(found["tokens"]).stats["n_unnormalised"] == 3 * 12
    longest = np.linalg.norm(open_multivectors(found["tokens"]).doc(0), axis=1).max()
    assert longest == pytest.approx(3.0 if unnormalised == "keep" else 1.0, abs=0.05)


def test_query_vectors_of_another_length_are_refused_where_documents_are(sources: Path, tmp_path: Path) -> None:
    found = build(sources, tmp_path / "store", "corpus.tokens.unnormalised='refuse'")
    places = {"tokens": found["tokens"], "fde": found["muvera"], "ann": found["ann.documents"]}
    retriever = open_retriever(found["retriever"], **places)
    _, queries = topical(N_DOCS, 2, dim=16)
    assert retriever.search(queries, 3)[0].shape == (2, 3)
    with pytest.raises(InvalidQuery, match="do not have length 1"):
        retriever.search(MultiVectors(vectors=2 * queries.vectors, offsets=queries.offsets), 3)


def test_artifacts_of_another_configuration_are_refused(stages: dict[str, Path], sources: Path, tmp_path: Path) -> None:
    other = build(sources, tmp_path / "store", "muvera.seed=5")
    places = {"tokens": stages["tokens"], "fde": stages["muvera"], "ann": stages["ann.documents"]}
    for role, name in (("fde", "muvera"), ("ann", "ann.documents")):
        with pytest.raises(ArtifactCorrupt, match="another configuration"):
            open_retriever(stages["retriever"], **{**places, role: other[name]})


def test_documents_closest_by_their_codes_are_compared_between_versions(stages: dict[str, Path]) -> None:
    side = stages["muvera"], stages["ann.documents"]
    asked = np.asarray(open_fde(side[0])[:20], dtype=np.float32)
    found, _ = open_candidates(side[1]).search(asked, 10, exclude=np.arange(20))
    assert not (found == np.arange(20)[:, None]).any()


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("ann.documents.kind", "'hnsw'", "kind"),
        ("ann.documents.recall", "0.5", "say it once"),
        ("ann.documents.metric", "'cosine'", "inner_product"),
        ("ann.documents.shard_rows", "5", "unknown key"),
        ("ann.documents.memory", "'none'", "memory"),
        ("muvera.carve", "2.0", "cosine"),
        ("muvera.first_pass", "'always'", "first_pass"),
        ("corpus.tokens.unnormalised", "'drop'", "unnormalised"),
    ],
)
def test_what_cannot_be_meant_is_refused(sources: Path, key: str, value: str, said: str) -> None:
    with pytest.raises(InvalidConfig, match=said):
        read_config(sources / "coded.toml", [f"{key}={value}"])


def test_recall_may_be_asked_for_beside_the_memory(sources: Path, tmp_path: Path) -> None:
    text = CONFIG.replace("recall = 0.9\n", "").replace('kind = "rabitq"', 'kind = "auto"\nrecall = 0.7')
    (tmp_path / "docs.jsonl").write_bytes((sources / "docs.jsonl").read_bytes())
    (tmp_path / "coded.toml").write_text(text)
    config = read_config(tmp_path / "coded.toml")
    assert config.muvera is not None
    assert config.muvera.retriever.recall == 0.7
