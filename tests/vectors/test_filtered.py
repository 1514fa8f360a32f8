"""How many candidates filters take: measured as by brute force, and what was asked for is found under them."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vectors.coded.test_index import topical
from vectors import filtered
from vectors.calibration import choose, evaluate, tried_candidates
from vectors.coded.index import CodedIndex
from vectors.coded.params import CodedParams
from vectors.fde.encode import FDEParams, encode_documents
from vectors.filtered import (
    NARROW,
    candidates_under,
    choose_filtered,
    curve_of,
    drawn_filters,
    filter_sizes,
    filtered_recalls,
    measured_queries,
)
from vectors.retriever import Retriever, RetrieverParams
from vectors.tokens.maxsim import maxsim
from vectors.tokens.multivector import MultiVectors
from vectors.tokens.packed import TokenSets

N_DOCS, FEW = 3000, 60
ENCODING = FDEParams(num_repetitions=4, k_sim=3, d_proj=8)
LADDER = (10, 40, 100, 400)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Filters that leave 60 documents count as wide, so that small collections show what large ones do."""
    monkeypatch.setattr(filtered, "NARROW", FEW)


@pytest.fixture(scope="module")
def searched() -> tuple[Retriever, MultiVectors]:
    documents, queries = topical(N_DOCS, 160, dim=16)
    index = CodedIndex.build(encode_documents(documents, ENCODING), CodedParams(kind="rabitq"))
    return Retriever(documents, ENCODING, index, 1), queries


class Searched(NamedTuple):
    """A retriever that is asked under every filter."""

    documents: TokenSets
    candidates: Any
    scans: bool = False


def scores_of(queries: MultiVectors, documents: MultiVectors) -> npt.NDArray[np.float32]:
    return maxsim(queries, documents, np.tile(np.arange(documents.n_docs), (queries.n_docs, 1)))


@given(st.integers(0, 50_000_000))
def test_filters_leave_ever_fewer_down_to_what_is_scored_whole(n_docs: int) -> None:
    sizes = filter_sizes(n_docs)
    assert (sizes == ()) == (n_docs <= NARROW)
    assert all(one > other for one, other in itertools.pairwise(sizes))
    assert not sizes or sizes[-1] == NARROW
    for part in (2, 10, 100, 1000):
        assert (n_docs // part in sizes) == (n_docs // part > NARROW or n_docs // part == NARROW < n_docs)


@pytest.mark.usefixtures("few")
def test_filters_are_at_random_or_what_answers_a_query_best(searched: tuple[Retriever, MultiVectors]) -> None:
    documents, queries = searched[0].documents, searched[1].slice(0, 8)
    assert isinstance(documents, MultiVectors)
    drawn = drawn_filters(documents, queries)
    assert len(drawn) == len(filter_sizes(N_DOCS)) == 3  # a half, a tenth, 60; a hundredth is fewer
    scores = scores_of(queries, documents)
    wider = [np.ones(N_DOCS, dtype=np.bool_)] * 3
    for size, masks in zip(filter_sizes(N_DOCS), drawn, strict=True):
        assert [int(mask.sum()) for mask in masks] == [size] * 3
        assert all((mask <= before).all() for mask, before in zip(masks, wider, strict=True))
        for mask, pivot in zip(masks[1:], (0, 4), strict=True):
            assert scores[pivot][mask].min() >= scores[pivot][~mask].max()
        wider = masks
    again = drawn_filters(documents, queries)
    assert all((one == other).all() for a, b in zip(drawn, again, strict=True) for one, other in zip(a, b, strict=True))
    assert drawn_filters(documents, queries.slice(0, 0)) == []
    assert drawn_filters(documents.slice(0, FEW), queries) == []


@given(st.integers(1, 1000), st.lists(st.integers(0, 1000), max_size=4))
def test_queries_are_spread_evenly_and_the_same_in_any_parts(n_queries: int, cuts: list[int]) -> None:
    whole = measured_queries(n_queries, 0, n_queries)
    assert 0 < len(whole) <= 100
    assert len(whole) >= min(n_queries, 50)
    bounds = [0, *sorted(min(cut, n_queries) for cut in cuts), n_queries]
    parts = [measured_queries(n_queries, a, b) for a, b in itertools.pairwise(bounds)]
    assert [query for part in parts for query in part] == whole


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("carve", [None, 0.3])
def test_recalls_are_those_of_brute_force(searched: tuple[Retriever, MultiVectors], carve: float | None) -> None:
    retriever, queries = searched[0], searched[1].slice(0, 5)
    documents = retriever.documents
    assert isinstance(documents, MultiVectors)
    filters = drawn_filters(documents, queries)
    found = filtered_recalls(retriever, queries, filters, LADDER, carve)
    assert found.shape == (5, 3, 3, 4)
    for query, scores in enumerate(scores_of(queries, documents)):
        for size, masks in enumerate(filters):
            for number, mask in enumerate(masks):
                kth = np.sort(scores[mask])[-10]
                asked = queries.slice(query, query + 1)
                index = retriever._index
                served = Retriever(documents, ENCODING, index, 1, carve=carve)
                for step, n in enumerate(LADDER):
                    served.n_candidates = n
                    docs, _ = served.search(asked, 10, where=mask)
                    assert mask[docs[0]].all()
                    assert found[query, size, number, step] == pytest.approx((scores[docs[0]] >= kth).mean())
    slowly = Searched(retriever.documents, retriever.candidates)  # as indexes are asked that do not scan
    assert filtered_recalls(slowly, queries, filters, LADDER, carve).tobytes() == found.tobytes()
    parts = [filtered_recalls(retriever, queries.slice(a, b), filters, LADDER, carve) for a, b in ((0, 2), (2, 5))]
    assert np.concatenate(parts).tobytes() == found.tobytes()


def test_filters_that_leave_documents_without_tokens_alone_lose_nothing() -> None:
    documents = MultiVectors.from_list([[[1.0, 0.0]], np.zeros((0, 2)), np.zeros((0, 2))], dim=2)
    params = FDEParams(num_repetitions=1, k_sim=1, d_proj=None)
    index = CodedIndex.build(encode_documents(documents, params), CodedParams(kind="rabitq"))
    masks = [np.array([False, True, True]), np.array([True, True, False])]
    queries = MultiVectors.from_list([[[0.5, 0.5]]])
    recalls = filtered_recalls(Retriever(documents, params, index, 1), queries, [masks], (1, 3), None)
    assert recalls[0, 0, :, 1].tolist() == [1.0, 1.0]


def test_the_fewest_candidates_that_do_under_every_filter_are_chosen() -> None:
    recalls = np.array([[[[0.5, 0.9, 1.0], [0.4, 0.8, 1.0]]], [[[0.7, 1.0, 1.0], [0.6, 0.9, 0.9]]]])
    (one,) = choose_filtered(recalls, (70,), (10, 20, 30), 0.85, 10)
    assert (one.n_docs, one.n_candidates, one.recall_at_10) == (70, 20, 0.85)
    assert one.frontier == ((10, 0.5), (20, 0.85), (30, 0.95))
    (most,) = choose_filtered(recalls, (70,), (10, 20, 30), 0.99, 10)
    assert (most.n_candidates, most.recall_at_10) == (30, 0.95)
    (whole,) = choose_filtered(recalls, (70,), (10, 20, 30), 0.4, 20)  # never fewer than of all documents
    assert (whole.n_candidates, whole.recall_at_10) == (20, 0.85)


def test_between_two_sizes_the_number_lies_between() -> None:
    curve = curve_of(np.array([[100_000, 300], [50_000, 500], [10_000, 750], [2_000, 400]]))
    for share, n in ((1.0, 300), (0.5, 500), (0.1, 750), (0.02, 400), (0.001, 400)):
        assert candidates_under(curve, 300, share) == n
    steps = [candidates_under(curve, 300, share) for share in (0.99, 0.9, 0.7, 0.5, 0.3, 0.2, 0.1)]
    assert steps == sorted(steps)
    assert 300 < steps[0] < 305
    assert candidates_under(curve, 300, 0.0) == 300
    assert candidates_under((), 300, 0.1) == 300


def clustered(n_docs: int, n_queries: int, dim: int) -> tuple[MultiVectors, MultiVectors]:
    """Twelve documents near each query, which are easily found, and others that are hard to tell apart."""
    random = np.random.default_rng(5)
    queries = random.standard_normal((n_queries, 6, dim))
    near = queries.repeat(12, axis=0) + 0.5 * random.standard_normal((12 * n_queries, 6, dim))
    documents = np.concatenate((near, random.standard_normal((n_docs - near.shape[0], 6, dim))))

    def sets(values: npt.NDArray[np.float64]) -> MultiVectors:
        units = values / np.linalg.norm(values, axis=2, keepdims=True)
        return MultiVectors.from_list(list(units.astype(np.float32)))

    return sets(documents[random.permutation(n_docs)]), sets(queries)


@pytest.mark.usefixtures("few")
def test_what_was_asked_of_all_documents_is_found_under_filters() -> None:
    """Exact MaxSim is the oracle; queries and filters are others than those measured."""
    documents, queries = clustered(N_DOCS, 160, dim=16)
    index = CodedIndex.build(encode_documents(documents, ENCODING), CodedParams(kind="rabitq"))
    base, params = Retriever(documents, ENCODING, index, 1), RetrieverParams(recall=0.9, max_candidates=2000)
    heldout, fresh = queries.slice(0, 100), queries.slice(100, 160)
    ladder = tried_candidates(params, N_DOCS)
    measured = evaluate(base, heldout, params)
    whole = choose(measured.true_kth, measured.scores, params, N_DOCS)
    recalls = filtered_recalls(base, heldout, drawn_filters(documents, heldout), ladder, None)
    chosen = choose_filtered(recalls, filter_sizes(N_DOCS), ladder, params.recall, whole.n_candidates)
    rungs = [(N_DOCS, whole.n_candidates), *((one.n_docs, one.n_candidates) for one in chosen)]
    wider = Retriever(documents, ENCODING, index, whole.n_candidates, filtered=curve_of(np.array(rungs)))
    plain = Retriever(documents, ENCODING, index, whole.n_candidates)
    everything, random, lost = scores_of(fresh, documents), np.random.default_rng(8), []
    for share in (1.0, 0.5, 0.3, 0.1, 0.05):
        for order in (random.permutation(N_DOCS), np.argsort(-everything[7])):
            mask = np.zeros(N_DOCS, dtype=np.bool_)
            mask[order[: int(share * N_DOCS)]] = True
            kth = np.sort(everything[:, mask], axis=1)[:, -10]
            found = [one.search(fresh, 10, where=mask)[1] >= kth[:, None] for one in (wider, plain)]
            assert found[0].mean() >= params.recall - 0.03
            assert (found[0].sum(axis=1) >= found[1].sum(axis=1)).all()
            lost.append(params.recall - float(found[1].mean()))
    assert max(lost) > 0.1  # so few candidates would not have done
