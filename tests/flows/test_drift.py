"""Drift between two versions of the small index, against brute force over sources and served answers."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from artifacts.corpus import open_corpus
from artifacts.fde import open_fde
from artifacts.publish import Release, artifact_path
from artifacts.store import Store
from flows.churn import DOCUMENTS, NODES, SEEDS, TOP, Churn, changed_share
from flows.drift import Counts, Drift, measure_drift
from foundation.errors import ArtifactCorrupt
from serving.engine import Engine
from tests.flows.conftest import Versions
from tests.flows.two_versions import COME, GONE, doc_ids, edge_pairs


@pytest.fixture(scope="module")
def drift(versions: Versions) -> Drift:
    return measure_drift(versions.store, versions.old, versions.new)


def hashed(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def lowest(ids: set[str], n: int) -> list[str]:
    """The ``n`` ids whose hash is lowest."""
    return sorted(ids, key=hashed)[:n]


def nodes_of(directory: Path) -> set[str]:
    rows = [line.split("\t") for line in (directory / "edges.tsv").read_text().splitlines()[2:]]
    return {node for src, dst, _ in rows for node in (src, dst)}


def mean_change(before: list[set[str]], after: list[set[str]]) -> float:
    return float(np.mean([1 - len(old & new) / TOP for old, new in zip(before, after, strict=True)]))


def test_nodes_edges_and_documents_are_counted_by_id(drift: Drift, versions: Versions) -> None:
    old, new = (edge_pairs(directory) for directory in (versions.old_sources, versions.new_sources))
    assert drift.edges == Counts(before=len(old), after=len(new), added=len(new - old), lost=len(old - new))
    assert drift.nodes is not None
    assert (drift.nodes.added, drift.nodes.lost) == (len(COME), len(GONE))
    was, now = doc_ids(versions.old_sources), doc_ids(versions.new_sources)
    assert drift.documents == Counts(before=len(was), after=len(now), added=len(COME), lost=len(GONE))
    assert drift.documents.lost_share == pytest.approx(10 / 300)


def test_neighbour_churn_is_that_of_the_served_answers(drift: Drift, versions: Versions) -> None:
    engines = [Engine.open(versions.store, "small", release.version) for release in (versions.old, versions.new)]
    sampled = lowest(nodes_of(versions.old_sources) & nodes_of(versions.new_sources), NODES)
    answers = [
        [{hit["id"] for hit in hits} for hits in engine.similar(sampled, k=TOP)["results"]] for engine in engines
    ]
    wanted = mean_change(*answers)
    assert 0.05 < wanted < 1
    assert drift.neighbours == Churn(mean=round(wanted, 4), n_sampled=NODES)


def test_ranking_churn_is_that_of_the_served_answers(drift: Drift, versions: Versions) -> None:
    engines = [Engine.open(versions.store, "small", release.version) for release in (versions.old, versions.new)]
    sampled = lowest(nodes_of(versions.old_sources) & nodes_of(versions.new_sources), SEEDS)
    answers = []
    for engine in engines:
        ranked = engine.ppr([{seed: 1.0} for seed in sampled], k=TOP + 1)["results"]
        answers.append(
            [
                set([hit["id"] for hit in hits if hit["id"] != seed][:TOP])
                for seed, hits in zip(sampled, ranked, strict=True)
            ]
        )
    wanted = mean_change(*answers)
    assert 0.01 < wanted < 1
    assert drift.rankings == Churn(mean=round(wanted, 4), n_sampled=SEEDS)


def test_document_churn_is_that_of_exact_inner_products(drift: Drift, versions: Versions) -> None:
    def nearest(release: Release, ids: list[str]) -> list[set[str]]:
        corpus = open_corpus(artifact_path(versions.store, release, "corpus"))
        vectors = open_fde(artifact_path(versions.store, release, "muvera")).astype(np.float64)
        rows = [corpus.ids.find(id) for id in ids]
        scores = vectors[rows] @ vectors.T
        scores[np.arange(len(rows)), rows] = -np.inf
        return [{str(corpus.ids[int(doc)]) for doc in np.argsort(-line, kind="stable")[:TOP]} for line in scores]

    sampled = lowest(doc_ids(versions.old_sources) & doc_ids(versions.new_sources), DOCUMENTS)
    wanted = mean_change(*(nearest(release, sampled) for release in (versions.old, versions.new)))
    assert drift.similar_documents is not None
    assert 0 < wanted < 1
    assert drift.similar_documents.mean == pytest.approx(wanted, abs=0.004)  # float32 may order a near-tie otherwise


def test_measured_qualities_are_set_side_by_side(drift: Drift, versions: Versions) -> None:
    assert drift.measured["ann.nodes"]["recall"] == tuple(
        release.measured["ann.nodes"]["recall"] for release in (versions.old, versions.new)
    )
    assert "kind" not in drift.measured["ann.nodes"]


def test_a_version_has_not_drifted_from_itself(versions: Versions) -> None:
    drift = measure_drift(versions.store, versions.new, versions.new)
    for churn in (drift.neighbours, drift.rankings, drift.similar_documents):
        assert churn == Churn(mean=0.0, n_sampled=0)
    for counts in (drift.nodes, drift.edges, drift.documents):
        assert counts is not None
        assert (counts.added, counts.lost) == (0, 0)


def test_drift_does_not_depend_on_threads(drift: Drift, versions: Versions) -> None:
    again = measure_drift(versions.store, versions.old, versions.new, n_threads=3)
    assert {**again.to_json(), "seconds": 0} == {**drift.to_json(), "seconds": 0}


@pytest.mark.parametrize("stage", ["graph", "ann.nodes", "powerwalk", "muvera"])
def test_a_damaged_old_version_is_refused_before_it_is_asked(versions: Versions, tmp_path: Path, stage: str) -> None:
    store = Store.open(shutil.copytree(versions.store.root, tmp_path / "store"))
    victim = max(artifact_path(store, versions.old, stage).glob("*.*"), key=lambda path: path.stat().st_size)
    data = bytearray(victim.read_bytes())
    data[-9] ^= 64
    victim.write_bytes(data)
    with pytest.raises(ArtifactCorrupt, match="its SHA-256 is not the manifest's"):
        measure_drift(store, versions.old, versions.new)


def test_rows_without_answers_are_left_out_and_lost_ones_count() -> None:
    to_new = np.array([0, -1, 1, 2])
    old = np.array([[-1, -1], [0, 1], [2, 3]])
    new = np.array([[-1, -1], [0, 1], [2, 1]])
    assert changed_share(old, new, to_new) == Churn(mean=0.25, n_sampled=2)
    assert changed_share(old[:1], new[:1], to_new) == Churn(mean=None, n_sampled=0)
