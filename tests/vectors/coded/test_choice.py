"""The choice of an index of documents against all of its candidates, worked out one by one."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from foundation.errors import InvalidParams, TargetMissed
from tests.vectors.coded.test_index import topical
from vectors.ann.index import ANNIndex
from vectors.calibration import scored, true_kth
from vectors.coded.choice import Chosen, Wanted, choose_index, ladder_to
from vectors.coded.cost import rerank_cost, scan_cost
from vectors.coded.index import CodedIndex
from vectors.coded.params import CodedParams, Form, forms
from vectors.evaluation import candidate_recall, reranked_recall
from vectors.fde.encode import FDEParams, encode_documents, encode_queries
from vectors.retriever import Retriever
from vectors.tokens.multivector import MultiVectors
from vectors.tokens.packed import pack_tokens

N_DOCS = 1200
ENCODING = FDEParams(num_repetitions=8, k_sim=3, d_proj=16)
LADDER = ladder_to(400, (10, 20, 50, 100, 200))


@pytest.fixture(scope="module")
def known() -> tuple[MultiVectors, MultiVectors, npt.NDArray[np.float32]]:
    """Documents, queries, encodings."""
    documents, queries = topical(N_DOCS, 40)
    return documents, queries, encode_documents(documents, ENCODING)


def choice(
    known: tuple[MultiVectors, MultiVectors, npt.NDArray[np.float32]], params: CodedParams, **wanted: Any
) -> tuple[Any, Chosen]:
    documents, queries, encodings = known
    target = Wanted(**{"recall": 0.9, "ladder": LADDER, "rerank_cost": rerank_cost(documents, 6)} | wanted)
    asked, kth = encode_queries(queries, ENCODING), true_kth(queries, documents)
    return choose_index(encodings, asked, kth, lambda rows: scored(queries, documents, rows, None), params, target)


def test_it_is_the_cheapest_of_all_forms_and_numbers_that_reach_the_recall(
    known: tuple[MultiVectors, MultiVectors, npt.NDArray[np.float32]],
) -> None:
    documents, queries, encodings = known
    index, chosen = choice(known, CodedParams())
    kth, asked, costs = true_kth(queries, documents), encode_queries(queries, ENCODING), []
    for form in forms(*encodings.shape, CodedParams()):
        if form.kind == "flat":
            found = np.argsort(-(asked @ encodings.T), axis=1, kind="stable")[:, :400]
        elif form.kind != "ivfpq":
            found = CodedIndex.of(encodings, form, 0).candidates(asked, 400)[0]
        else:
            continue
        scores, _ = scored(queries, documents, found, None)
        enough = [n for n in LADDER if candidate_recall(scores[:, :n], kth, 10) >= 0.9]
        costs += [(scan_cost(form) + n * rerank_cost(documents, 6)) / 1000 for n in enough]
    assert chosen.recall >= 0.9
    assert chosen.cost <= min(costs) + 0.1
    found = index.candidates(asked, chosen.n_candidates)[0]
    assert candidate_recall(scored(queries, documents, found, None)[0], kth, 10) == pytest.approx(
        chosen.recall, abs=1e-4
    )


def test_a_form_is_not_built_when_it_cannot_be_cheaper(
    known: tuple[MultiVectors, MultiVectors, npt.NDArray[np.float32]],
) -> None:
    _, chosen = choice(known, CodedParams())
    built = {(form.kind, form.storage) for form in chosen.tried}
    for form in forms(*known[2].shape, CodedParams()):
        if form.kind != "ivfpq" and (form.kind, form.storage) not in built:
            assert scan_cost(form) / 1000 >= chosen.cost
    assert all(form.n_rows == N_DOCS for form in chosen.tried)


def test_lists_are_learned_where_they_are_asked_for_or_a_scan_is_long(
    known: tuple[MultiVectors, MultiVectors, npt.NDArray[np.float32]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "ivfpq" not in {form.kind for form in choice(known, CodedParams())[1].tried}
    monkeypatch.setattr("vectors.coded.choice._SHORT_SCAN", 0.0)
    assert "ivfpq" in {form.kind for form in choice(known, CodedParams())[1].tried}


def test_two_choices_are_equal(known: tuple[MultiVectors, MultiVectors, npt.NDArray[np.float32]]) -> None:
    assert choice(known, CodedParams(storage="codes"))[1] == choice(known, CodedParams(storage="codes"))[1]


def test_memory_that_nothing_fits_and_recall_that_nothing_reaches_are_told(
    known: tuple[MultiVectors, MultiVectors, npt.NDArray[np.float32]],
) -> None:
    with pytest.raises(InvalidParams, match="memory"):
        choice(known, CodedParams(memory=1000))
    with pytest.raises(TargetMissed) as caught:
        choice(known, CodedParams(kind="rabitq"), recall=1.0, ladder=(10,))
    _, best = choice(known, CodedParams(kind="rabitq"), recall=1.0, ladder=(10,), allow_missed=True)
    assert (best.n_candidates, best.recall) == (10, pytest.approx(caught.value.best))


def test_more_lists_are_read_for_more_recall(
    known: tuple[MultiVectors, MultiVectors, npt.NDArray[np.float32]],
) -> None:
    index, chosen = choice(known, CodedParams(kind="ivfpq"), recall=0.5)
    assert index.n_probe == chosen.n_probe > 0
    recalls = {n_probe: recall for n_probe, n, recall, _ in chosen.tried[0].points if n == LADDER[-1]}
    assert list(recalls.values()) == sorted(recalls.values())


def test_without_held_out_queries_something_is_built(
    known: tuple[MultiVectors, MultiVectors, npt.NDArray[np.float32]],
) -> None:
    documents, queries, encodings = known
    index, chosen = choice((documents, queries.slice(0, 0), encodings), CodedParams(kind="pq"))
    assert isinstance(index, CodedIndex)
    assert chosen.n_queries == 0


def test_a_retriever_refuses_what_does_not_belong_together(
    known: tuple[MultiVectors, MultiVectors, npt.NDArray[np.float32]],
) -> None:
    documents, _, encodings = known
    index = CodedIndex.build(encodings, CodedParams(kind="rabitq"))
    with pytest.raises(InvalidParams, match="rows of"):
        Retriever(documents, FDEParams(num_repetitions=9, k_sim=3), index, 10)
    with pytest.raises(InvalidParams, match="rows of"):
        Retriever(documents.slice(0, 50), ENCODING, index, 10)
    with pytest.raises(InvalidParams, match="int8"):
        Retriever(documents, ENCODING, index, 10, in_two_passes=True)
    made = ENCODING.config_hash(documents.dim)
    assert Retriever(documents, ENCODING, index, 10, encoded_as=made).n_candidates == 10
    other = dataclasses.replace(ENCODING, seed=ENCODING.seed + 1)  # of the same width
    with pytest.raises(InvalidParams, match=f"encoded_as.*{made}"):
        Retriever(documents, other, index, 10, encoded_as=made)


def test_two_passes_give_exact_scores_of_the_same_best(
    known: tuple[MultiVectors, MultiVectors, npt.NDArray[np.float32]],
) -> None:
    documents, queries, encodings = known
    packed = pack_tokens(documents, "int8")
    index = ANNIndex.build(encodings, metric="inner_product", kind="flat", recall=0.1)
    once, twice = (
        Retriever(packed, ENCODING, index, 200, in_two_passes=both).search(queries, 10) for both in (False, True)
    )
    same = (once[0] == twice[0]).all(axis=1)
    assert same.mean() > 0.9
    assert (once[1][same] == twice[1][same]).all()


def test_recall_of_a_ranking_is_that_of_the_ten_it_puts_first() -> None:
    random = np.random.default_rng(0)
    scores = random.standard_normal((5, 40)).astype(np.float32)
    ranking = scores + 0.5 * random.standard_normal(scores.shape).astype(np.float32)
    kth = np.sort(scores, axis=1)[:, -10]
    for n in (5, 10, 25, 40):
        by_hand = []
        for q in range(5):
            ten = sorted(range(n), key=lambda at, q=q: -ranking[q, at])[:10]
            by_hand.append(sum(scores[q, at] >= kth[q] for at in ten) / 10)
        assert reranked_recall(scores, ranking, n, kth, 10) == pytest.approx(np.mean(by_hand))
        assert reranked_recall(scores, None, n, kth, 10) == candidate_recall(scores[:, :n], kth, 10)


def test_a_wider_form_costs_more_to_scan_than_a_narrower_one() -> None:
    costs = [
        scan_cost(Form(kind=kind, storage=storage, n=100_000, dim=1024))  # type: ignore[arg-type]
        for kind, storage in (("rabitq", "codes"), ("pq", "codes"), ("flat", "float32"), ("flat", "int8"))
    ]
    assert costs == sorted(costs)
