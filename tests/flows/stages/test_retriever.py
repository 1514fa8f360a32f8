"""Stage ``retriever``: what filters take is measured by the build, kept, and absent from older artifacts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from artifacts.artifact import Artifact
from artifacts.manifest import MANIFEST, read_manifest, sealed, unsealed
from artifacts.publish import read_release
from artifacts.retriever import KIND, READABLE, VERSION, open_retriever
from artifacts.store import Store
from flows.run import run_build
from flows.settings import read_config
from tests.vectors.coded.test_index import topical
from vectors import filtered
from vectors.calibration import LADDER

N_DOCS, FEW = 500, 40
CONFIG = """
name = "filtered"
[corpus]
source = "docs.jsonl"
vectors = "emb"
[corpus.encoder]
kind = "precomputed"
[muvera]
num_repetitions = 4
k_sim = 3
d_proj = 8
n_heldout = 60
recall = 0.9
[runtime]
workers = 1
"""


@pytest.fixture(scope="module", autouse=True)
def few() -> object:
    """Filters that leave 40 documents count as wide. Builds of one worker take it on; so do threads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filtered, "NARROW", FEW)
        yield


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    documents, _ = topical(N_DOCS, 1, dim=16)
    rows = [{"_id": f"d{doc:03d}", "text": "t", "emb": documents.doc(doc).tolist()} for doc in range(N_DOCS)]
    (folder / "docs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "filtered.toml").write_text(CONFIG)
    return folder


def build(sources: Path, place: Path, *changes: str) -> dict[str, Path]:
    store = Store.create(place)
    run_build(read_config(sources / "filtered.toml", changes), store)
    return {name: store.objects / found for name, found in read_release(store, "filtered").stages.items()}


@pytest.fixture(scope="module")
def stages(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return build(sources, tmp_path_factory.mktemp("store"))


def places(stages: dict[str, Path]) -> dict[str, Path]:
    return {"tokens": stages["tokens"], "fde": stages["muvera"], "ann": stages["ann.documents"]}


def test_what_filters_take_is_in_the_artifact_and_in_the_manifest(stages: dict[str, Path]) -> None:
    artifact = Artifact.open(stages["retriever"], KIND, READABLE)
    measured = artifact.manifest.measured
    rungs = artifact.array("filtered").tolist()
    assert rungs[0] == [N_DOCS, measured["n_candidates"]]
    assert rungs[1:] == [[one["n_docs"], one["n_candidates"]] for one in measured["filtered"]]
    assert [size for size, _ in rungs] == [N_DOCS, N_DOCS // 2, N_DOCS // 10, FEW]
    for one in measured["filtered"]:
        frontier = dict(one["frontier"])
        assert frontier[one["n_candidates"]] == one["recall_at_10"] >= 0.9
        tried = [n for n in frontier if measured["n_candidates"] <= n < one["n_candidates"]]
        assert all(frontier[n] < 0.9 for n in tried)
        assert set(frontier) <= {*LADDER, N_DOCS}


def test_bytes_do_not_depend_on_partitions(stages: dict[str, Path], sources: Path, tmp_path: Path) -> None:
    other = build(sources, tmp_path / "store", "runtime.part_docs=41", "runtime.workers=2")
    assert (stages["retriever"] / MANIFEST).read_bytes() == (other["retriever"] / MANIFEST).read_bytes()


def test_a_number_that_was_asked_for_is_kept_under_filters(sources: Path, tmp_path: Path) -> None:
    found = build(sources, tmp_path / "store", "muvera.n_candidates=30")
    assert Artifact.open(found["retriever"], KIND, READABLE).array("filtered").tolist() == [[N_DOCS, 30]]
    assert "filtered" not in read_manifest(found["retriever"]).measured


def test_a_retriever_from_before_filters_were_measured_answers_as_it_did(
    stages: dict[str, Path], tmp_path: Path
) -> None:
    old = tmp_path / "retriever"
    shutil.copytree(stages["retriever"], old)
    body = unsealed(json.loads((old / MANIFEST).read_text()))
    assert body["kind_version"] == VERSION
    body["kind_version"] = 2
    del body["files"]["filtered.npy"]
    (old / MANIFEST).write_text(sealed(body))
    (old / "filtered.npy").unlink()
    now, before = (open_retriever(path, **places(stages)) for path in (stages["retriever"], old))
    _, queries = topical(N_DOCS, 12, dim=16)
    assert now.search(queries, 10)[0].tolist() == before.search(queries, 10)[0].tolist()
    where = np.arange(N_DOCS) % 2 == 0
    wider, same = (retriever.search(queries, 10, where=where) for retriever in (now, before))
    assert where[wider[0]].all()
    assert (wider[1] >= same[1]).all()  # more candidates find no worse
