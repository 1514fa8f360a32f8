"""Containment queries against brute force."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.containment import ContainmentIndex, estimated_containment
from clustering.sets import Sets, from_lists
from foundation.errors import InvalidInput, InvalidQuery
from tests.clustering.strategies import ELEMENTS, as_csr, set_families
from tests.oracles.minhash import jaccard
from tests.oracles.sketches import containment

THRESHOLDS = st.sampled_from([0.0, 0.07, 0.3, 1 / 3, 0.5, 2 / 3, 0.9, 1.0])


@settings(deadline=None, max_examples=150)
@given(families=set_families(max_sets=10), members=st.lists(ELEMENTS, max_size=9), threshold=THRESHOLDS)
def test_answers_are_those_of_brute_force(families: list[list[int]], members: list[int], threshold: float) -> None:
    index = ContainmentIndex.build(Sets(*as_csr(families)))
    shares = {i: containment(members, others) for i, others in enumerate(families)}
    expected = [i for i in sorted(shares, key=lambda i: (-shares[i], i)) if shares[i] > 0]
    expected = [i for i in expected if shares[i] >= threshold - 1e-12]
    found = index.query(members, threshold)
    assert found.sets.tolist() == expected
    assert found.containment.tolist() == [shares[i] for i in expected]
    assert found.n_counted >= len(expected)
    assert index.query(members, threshold, k=2).sets.tolist() == expected[:2]


@settings(deadline=None, max_examples=60)
@given(families=set_families(max_sets=8), threshold=THRESHOLDS, kind=st.sampled_from([np.int64, np.uint64]))
def test_a_set_of_the_index_asks_for_the_others(families: list[list[int]], threshold: float, kind: Any) -> None:
    indptr, indices = as_csr(families)
    index = ContainmentIndex.build(Sets(indptr, indices.astype(kind)))
    for i, members in enumerate(families):
        by_elements = [int(other) for other in index.query(members, threshold).sets if other != i]
        assert index.query(i, threshold).sets.tolist() == by_elements


def test_elements_may_be_an_array() -> None:
    index = ContainmentIndex.build(Sets(np.array([0, 2, 3]), np.array([5, 2**63 + 1, 5], dtype=np.uint64)))
    found = index.query(np.array([2**63 + 1, 5, 5], dtype=np.uint64), 0.5)
    assert (found.sets.tolist(), found.containment.tolist()) == ([0, 1], [1.0, 0.5])
    with pytest.raises(InvalidInput, match="float64"):
        index.query(np.array([5.0]), 0.5)


def test_rare_elements_are_looked_up_first() -> None:
    # All have 0; asking for all of {0, 1, 2} must not count those that have 0 alone.
    index = ContainmentIndex.build(from_lists([[0]] * 500 + [[0, 1, 2], [0, 2]]))
    found = index.query([0, 1, 2], 1.0)
    assert found.sets.tolist() == [500]
    assert found.n_counted == 1


def test_a_mapped_index_answers_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    index = ContainmentIndex.build(from_lists([rng.integers(0, 60, 8).tolist() for _ in range(200)]))
    arrays = {"indptr": index.sets.indptr, "indices": index.sets.indices, "values": index.values}
    arrays |= {"starts": index.starts, "owners": index.owners}
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
    indptr, indices, *rest = (np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in arrays)
    opened = ContainmentIndex(Sets(indptr, indices), *rest)
    for i in range(200):
        assert opened.query(i, 0.3).sets.tolist() == index.query(i, 0.3).sets.tolist()


@given(left=st.lists(ELEMENTS, min_size=1), right=st.lists(ELEMENTS, min_size=1))
def test_containment_follows_from_similarity_and_sizes(left: list[int], right: list[int]) -> None:
    found = estimated_containment(jaccard(left, right), len(set(left)), len(set(right)))
    assert found == pytest.approx(containment(left, right))


def test_bad_questions_are_refused() -> None:
    index = ContainmentIndex.build(from_lists([[1], [1, 2]]))
    for threshold in (-0.1, 1.1, float("nan"), True):
        with pytest.raises(InvalidQuery, match="from 0 to 1"):
            index.query([1], threshold)
    for query in (-1, 2):
        with pytest.raises(InvalidQuery, match=f"set {query} of 2"):
            index.query(query, 0.5)
    with pytest.raises(InvalidQuery, match="k = 0"):
        index.query([1], 0.5, k=0)
    with pytest.raises(InvalidInput, match="pass integers"):
        index.query(["a"], 0.5)  # type: ignore[list-item]
    with pytest.raises(InvalidInput, match="build it from sets"):
        ContainmentIndex(index.sets, index.values, index.starts[:-1], index.owners)
