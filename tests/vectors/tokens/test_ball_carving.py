"""Fewer query tokens."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidParams
from tests.vectors.strategies import coded_sets, random_sets
from vectors.tokens.ball_carving import carve_queries
from vectors.tokens.maxsim import maxsim
from vectors.tokens.multivector import MultiVectors


def test_a_query_asked_twice_has_as_many_groups_and_exactly_twice_the_score() -> None:
    queries, documents = random_sets(0, [8], 64), random_sets(1, [30, 1, 12], 64)
    assert np.abs(queries.vectors @ queries.vectors.T - np.eye(8)).max() < 0.7
    twice = MultiVectors.from_list([np.concatenate([queries.vectors, queries.vectors])])
    carved = carve_queries(twice)
    assert carved.n_tokens == 8
    once = maxsim(queries, documents, [[0, 1, 2]])
    assert maxsim(carved, documents, [[0, 1, 2]]).tolist() == (2 * once).tolist()


def by_definition(tokens: np.ndarray, threshold: float) -> list[list[float]]:
    left, sums = list(range(len(tokens))), []
    exact = tokens.astype(np.float64)
    while left:
        first = left[0]

        def near(other: int, first: int = first) -> bool:
            lengths = np.linalg.norm(exact[first]) * np.linalg.norm(exact[other])
            return other == first or (lengths > 0 and exact[first] @ exact[other] >= (threshold - 1e-9) * lengths)

        group = [token for token in left if near(token)]
        sums.append(exact[group].sum(axis=0).tolist())
        left = [token for token in left if token not in group]
    return sums


@settings(deadline=None, max_examples=60)
@given(
    queries=coded_sets(dim=3, min_docs=1, min_tokens=1),
    documents=coded_sets(dim=3, min_docs=1, min_tokens=1),
    threshold=st.sampled_from([0.3, 0.7, 0.99, 1.0]),
)
def test_groups_are_those_of_the_definition_and_never_score_more(
    queries: MultiVectors, documents: MultiVectors, threshold: float
) -> None:
    carved = carve_queries(queries, threshold)
    for query in range(queries.n_docs):
        np.testing.assert_allclose(carved.doc(query), by_definition(queries.doc(query), threshold), atol=1e-6)
    docs = np.tile(np.arange(documents.n_docs), (queries.n_docs, 1))
    assert (maxsim(carved, documents, docs) <= maxsim(queries, documents, docs) + 1e-4).all()


@pytest.mark.parametrize("threshold", [0.0, -0.5, 1.1, float("nan")])
def test_thresholds_that_are_no_cosine_are_refused(threshold: float) -> None:
    with pytest.raises(InvalidParams, match="threshold"):
        carve_queries(random_sets(0, [2], 3), threshold)
