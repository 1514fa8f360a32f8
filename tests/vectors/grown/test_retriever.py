"""Search by tokens over parts, against one retriever of the same documents with every document a candidate."""

from __future__ import annotations

import numpy as np
import pytest

from foundation.ids import IntegerIds
from vectors.ann.index import ANNIndex
from vectors.ann.params import ANNParams
from vectors.fde.encode import FDEParams, encode_documents
from vectors.grown.retriever import GrownRetriever, chosen_tokens
from vectors.grown.rows import GrownRows, live_rows
from vectors.retriever import Retriever
from vectors.tokens.maxsim import maxsim
from vectors.tokens.multivector import MultiVectors

PARAMS = FDEParams(num_repetitions=3, k_sim=2, d_proj=4)
N, K = 24, 7


def retriever(documents: MultiVectors) -> Retriever:
    index = ANNIndex.build(encode_documents(documents, PARAMS), ANNParams(metric="inner_product", kind="flat"))
    return Retriever(documents, PARAMS, index, N)


@pytest.fixture(scope="module")
def both() -> tuple[GrownRetriever, Retriever, GrownRows, MultiVectors]:
    """Ids 0 to 15 in the base, 10 to 19 in a first segment, 18 to 20 in a second; 3, 12 and 20 are removed."""
    dice = np.random.default_rng(2)
    spans = ((0, 16), (10, 20), (18, 21))
    sets = [[dice.normal(size=(dice.integers(0, 5), 8)).astype(np.float32) for _ in range(*span)] for span in spans]
    ids = [IntegerIds(stop - start, np.arange(start, stop)) for start, stop in spans]
    rows = live_rows(ids, ["3", "12", "20"])
    grown = GrownRetriever([retriever(MultiVectors.from_list(part, dim=8)) for part in sets], rows)
    whole = MultiVectors.from_list(
        [sets[part][row] for part, row in zip(rows.parts.tolist(), rows.rows.tolist(), strict=True)], dim=8
    )
    assert [int(ids[part][row]) for part, row in zip(rows.parts.tolist(), rows.rows.tolist(), strict=True)] == [
        id for id in range(20) if id not in (3, 12)
    ]
    queries = MultiVectors.from_list([dice.normal(size=(n, 8)) for n in (1, 3, 2)])
    return grown, retriever(whole), rows, queries


@pytest.mark.parametrize("filtered", [False, True])
@pytest.mark.parametrize("rerank", [False, True])
def test_parts_answer_as_one(
    both: tuple[GrownRetriever, Retriever, GrownRows, MultiVectors], filtered: bool, rerank: bool
) -> None:
    grown, whole, rows, queries = both
    where = np.arange(rows.n_docs) % 3 != 1 if filtered else None
    mine = grown.search(queries, K, rerank=rerank, where=where)
    theirs = whole.search(queries, K, rerank=rerank, where=where)
    np.testing.assert_array_equal(mine[0], theirs[0])
    np.testing.assert_allclose(mine[1], theirs[1], rtol=1e-6)
    assert grown.candidates(queries, 100, where=where)[0].shape == (3, rows.n_docs)


def test_candidates_found_otherwise_are_scored_too(
    both: tuple[GrownRetriever, Retriever, GrownRows, MultiVectors],
) -> None:
    grown, whole, rows, queries = both
    nowhere = np.zeros(rows.n_docs, dtype=np.bool_)
    assert (grown.search(queries, K, where=nowhere)[0] == -1).all()
    also = np.tile(np.array([-1, 0, 9, 17], dtype=np.int64), (3, 1))
    for mine, theirs in zip(grown.search(queries, K, also=also), whole.search(queries, K, also=also), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_chosen_documents_have_the_scores_of_the_whole(
    both: tuple[GrownRetriever, Retriever, GrownRows, MultiVectors],
) -> None:
    grown, whole, _, queries = both
    docs = np.tile(np.array([17, -1, 0, 9, 9], dtype=np.int64), (3, 1))
    np.testing.assert_array_equal(
        maxsim(queries, *chosen_tokens(grown.documents, docs)), maxsim(queries, whole.documents, docs)
    )
    assert chosen_tokens(whole.documents, docs)[1] is docs
