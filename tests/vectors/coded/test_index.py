"""Codes of encodings: candidates as plain FAISS gives them, filters, files, bytes, and what codes cost in recall."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt
import pytest

from foundation.errors import ArtifactCorrupt, ArtifactMissing, InvalidInput, InvalidParams, InvalidQuery
from vectors.coded.files import CODES, open_codes, save_codes
from vectors.coded.index import CodedIndex
from vectors.coded.params import CODED, CodedParams, Form, forms
from vectors.evaluation import candidate_recall
from vectors.fde.encode import FDEParams, encode_documents, encode_queries
from vectors.tokens.maxsim import exact_top, maxsim
from vectors.tokens.multivector import MultiVectors

Float32s = npt.NDArray[np.float32]
N, DIM = 700, 44  # not whole groups of eight


def topical(n_docs: int, n_queries: int, dim: int = 32) -> tuple[MultiVectors, MultiVectors]:
    """Documents of 12 tokens around 40 topics, and queries of 6 tokens near some document's."""
    random = np.random.default_rng(4)
    topics = random.standard_normal((40, dim))
    tokens = topics[random.integers(0, 40, (n_docs, 3)).repeat(4, axis=1)] + 0.9 * random.standard_normal(
        (n_docs, 12, dim)
    )
    picked = tokens[random.integers(0, n_docs, n_queries)][:, ::2]
    asked = picked + 0.6 * random.standard_normal(picked.shape)

    def sets(values: npt.NDArray[Any]) -> MultiVectors:
        units = values / np.linalg.norm(values, axis=2, keepdims=True)
        return MultiVectors.from_list(list(units.astype(np.float32)))

    return sets(tokens), sets(asked)


@pytest.fixture(scope="module")
def encodings() -> tuple[Float32s, Float32s]:
    random = np.random.default_rng(1)
    centres = random.standard_normal((30, DIM))
    rows = centres[random.integers(0, 30, N + 20)] + 0.7 * random.standard_normal((N + 20, DIM))
    return rows[:N].astype(np.float32), rows[N:].astype(np.float32)


@pytest.fixture(scope="module", params=CODED)
def built(request: pytest.FixtureRequest, encodings: tuple[Float32s, Float32s]) -> CodedIndex:
    return CodedIndex.build(encodings[0], CodedParams(kind=request.param))


def test_the_best_rows_are_among_the_candidates(built: CodedIndex, encodings: tuple[Float32s, Float32s]) -> None:
    rows, queries = encodings
    exact = queries @ rows.T
    found, scores = built.candidates(queries, 100)
    best = np.argsort(-exact, axis=1)[:, :10]
    share = np.mean([np.isin(best[q], found[q]).mean() for q in range(len(queries))])
    assert share > 0.85
    assert (np.diff(scores, axis=1) <= 0).all()
    assert all(len(set(row)) == 100 for row in found.tolist())


def test_every_row_comes_back_when_all_are_asked_for(built: CodedIndex, encodings: tuple[Float32s, Float32s]) -> None:
    found, _ = built.candidates(encodings[1][:3], N)
    assert np.sort(found, axis=1).tolist() == [list(range(N))] * 3


def test_an_answer_is_the_same_alone_and_in_a_batch(built: CodedIndex, encodings: tuple[Float32s, Float32s]) -> None:
    together = built.candidates(encodings[1], 50)
    for query in range(len(encodings[1])):
        alone = built.candidates(encodings[1][query : query + 1], 50)
        assert alone[0].tobytes() == together[0][query].tobytes()
        assert alone[1].tobytes() == together[1][query].tobytes()


@pytest.mark.parametrize("share", [0.5, 0.05, 0.004])
def test_a_filter_lets_nothing_through_and_all_there_are_are_found(
    built: CodedIndex, encodings: tuple[Float32s, Float32s], share: float
) -> None:
    where = np.random.default_rng(3).random(N) < share
    found, _ = built.candidates(encodings[1], 40, where=where)
    assert where[found[found >= 0]].all()
    assert ((found >= 0).sum(axis=1) == min(40, int(where.sum()))).all()
    assert (built.candidates(encodings[1], 5, where=np.zeros(N, dtype=bool))[0] == -1).all()


def test_a_row_left_out_is_not_answered_with(built: CodedIndex, encodings: tuple[Float32s, Float32s]) -> None:
    rows = encodings[0][:6]
    found, scores = built.search(rows, 5, exclude=np.arange(6))
    assert not (found == np.arange(6)[:, None]).any()
    assert (found >= 0).all()
    assert np.isfinite(scores).all()


def test_files_open_as_they_were_and_plain_faiss_reads_them(
    built: CodedIndex, encodings: tuple[Float32s, Float32s], tmp_path: Path
) -> None:
    save_codes(built, tmp_path)
    before, after = built.candidates(encodings[1], 30), open_codes(tmp_path).candidates(encodings[1], 30)
    assert before[0].tobytes() == after[0].tobytes()
    plain = faiss.read_index(str(tmp_path / CODES))
    assert (plain.ntotal, plain.d) == (N, 48)


@pytest.mark.parametrize("name", [CODES, "codes.json"])
def test_files_that_were_changed_are_refused(encodings: tuple[Float32s, Float32s], tmp_path: Path, name: str) -> None:
    save_codes(CodedIndex.build(encodings[0], CodedParams(kind="rabitq")), tmp_path)
    data = bytearray((tmp_path / name).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ArtifactCorrupt):
        open_codes(tmp_path)
    (tmp_path / name).write_bytes(data[: len(data) // 3])
    with pytest.raises(ArtifactCorrupt):
        open_codes(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ArtifactMissing):
        open_codes(tmp_path)


def test_bytes_are_those_of_the_rows_whatever_type_they_are_kept_as(
    built: CodedIndex, encodings: tuple[Float32s, Float32s], tmp_path: Path
) -> None:
    params = CodedParams(kind=built.form.kind)  # type: ignore[arg-type]  # codes are no flat form
    halves = encodings[0].astype(np.float16)
    hashes = set()
    for nth, rows in enumerate((halves, halves.astype(np.float32))):
        (place := tmp_path / str(nth)).mkdir()
        save_codes(CodedIndex.build(rows, params), place)
        hashes.add(hashlib.sha256((place / CODES).read_bytes()).hexdigest())
    assert len(hashes) == 1


@pytest.mark.parametrize("kind", CODED)
@pytest.mark.parametrize("n", [0, 1, 5])
def test_few_rows_and_none_are_an_index_too(kind: Any, n: int, tmp_path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal((n, 8)).astype(np.float32)
    save_codes(CodedIndex.build(rows, CodedParams(kind=kind)), tmp_path)
    found, scores = open_codes(tmp_path).candidates(np.ones((2, 8), dtype=np.float32), 7)
    assert np.sort(found, axis=1).tolist() == [[-1] * (7 - n) + list(range(n))] * 2
    assert (np.isfinite(scores) == (found >= 0)).all()


def test_equal_rows_and_zeros_are_all_found() -> None:
    rows = np.zeros((300, 16), dtype=np.float32)
    rows[100:200] = 1.0
    for kind in CODED:
        index = CodedIndex.build(rows, CodedParams(kind=kind))
        found, _ = index.candidates(np.ones((1, 16), dtype=np.float32), 100)
        assert sorted(found[0].tolist()) == list(range(100, 200)), kind


def test_bad_rows_and_questions_are_refused(encodings: tuple[Float32s, Float32s]) -> None:
    bad = encodings[0].copy()
    bad[5, 3] = np.nan
    with pytest.raises(InvalidInput):
        CodedIndex.build(bad, CodedParams(kind="rabitq"))
    index = CodedIndex.build(encodings[0], CodedParams(kind="rabitq"))
    with pytest.raises(InvalidQuery):
        index.candidates(encodings[1][:, :-1], 5)
    with pytest.raises(InvalidQuery):
        index.candidates(encodings[1], 0)
    with pytest.raises(InvalidQuery):
        index.candidates(encodings[1], 5, where=np.ones(N + 1, dtype=bool))
    with pytest.raises(InvalidQuery):
        CodedIndex.build(encodings[0], CodedParams())


def test_parameters_that_cannot_run_are_refused() -> None:
    for wrong in (
        {"kind": "hnsw"},
        {"metric": "cosine"},
        {"storage": "bits"},
        {"recall": 1.5},
        {"memory": "much"},
        {"n_lists": 0},
    ):
        with pytest.raises(InvalidParams):
            CodedParams(**wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidParams, match="at least"):
        forms(1000, 64, CodedParams(memory=100))


def test_memory_and_storage_narrow_what_may_be_built() -> None:
    def kinds(**told: Any) -> set[tuple[str, str]]:
        return {(form.kind, form.storage) for form in forms(100_000, 1024, CodedParams(**told))}

    codes = {("pq", "codes"), ("ivfpq", "codes"), ("rabitq", "codes")}
    assert kinds() == codes | {("flat", storage) for storage in ("float32", "float16", "int8")}
    assert kinds(storage="codes") == codes
    assert kinds(memory="150 MB") == codes | {("flat", "int8")}
    assert kinds(kind="pq") == {("pq", "codes")}


@pytest.mark.parametrize("kind", CODED)
def test_sizes_are_those_of_what_faiss_writes(kind: Any, encodings: tuple[Float32s, Float32s], tmp_path: Path) -> None:
    index = CodedIndex.build(encodings[0], CodedParams(kind=kind))
    save_codes(index, tmp_path)
    assert (tmp_path / CODES).stat().st_size == pytest.approx(index.n_bytes, rel=0.1, abs=4096)


def test_product_codes_of_the_paper_are_a_thirtysecond_and_cost_less_than_a_hundredth_of_the_recall() -> None:
    """10,240 numbers to 1,280 bytes; recall of exact MaxSim's top 10 at 100 candidates of 2,000 documents."""
    documents, queries = topical(2000, 60)
    params = FDEParams()
    encoded, asked = encode_documents(documents, params), encode_queries(queries, params)
    assert encoded.shape[1] == 10_240
    index = CodedIndex.build(encoded, CodedParams(kind="pq"))
    assert Form(kind="pq", storage="codes", n=1, dim=10_240).code_bytes == 1280
    kth = exact_top(queries, documents, 10)[1][:, -1]
    whole = np.argsort(-(asked @ encoded.T), axis=1, kind="stable")[:, :100]
    recalls = [
        candidate_recall(maxsim(queries, documents, found), kth, 10)
        for found in (whole, index.candidates(asked, 100)[0])
    ]
    assert 0.6 < recalls[0] < 1.0
    assert recalls[1] > recalls[0] - 0.01
