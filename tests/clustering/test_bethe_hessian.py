"""Spectral communities of planted graphs, beside dense algebra."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.bethe_hessian import BetheHessianParams, bethe_hessian, spectral_communities
from clustering.evaluation import adjusted_rand_index
from foundation.errors import InvalidInput, InvalidParams
from tests.clustering.planted import planted, planted_tree


@pytest.mark.parametrize("k", [1, 2, 5, 20])
def test_the_number_of_planted_communities_is_found_and_they_are(k: int) -> None:
    block = np.repeat(np.arange(k), 60)
    links = planted(block, np.where(np.eye(k) > 0, 0.5, 0.02), seed=k)
    found = spectral_communities(links, BetheHessianParams())
    assert found.n_communities == k
    assert adjusted_rand_index(found.labels, block) >= 0.98
    assert np.count_nonzero(found.values < 0) == k


def test_values_are_the_smallest_of_a_dense_solver() -> None:
    links, leaf = planted_tree(60, (0.05, 0.1, 0.2, 0.6), seed=0)
    degree, r = links.toarray().sum(axis=1), np.sqrt(links.sum() / leaf.size)
    dense = (r**2 - 1) * np.eye(leaf.size) - r * links.toarray() + np.diag(degree)
    np.testing.assert_allclose(bethe_hessian(links).toarray(), dense, atol=1e-12)
    found = spectral_communities(links, BetheHessianParams())
    expected = np.linalg.eigvalsh(dense)
    assert found.n_communities == np.count_nonzero(expected < 0)
    np.testing.assert_allclose(found.values, expected[: found.values.size], atol=1e-7)


def test_a_given_number_is_kept_and_equal_seeds_give_equal_labels() -> None:
    links, _ = planted_tree(60, (0.05, 0.1, 0.2, 0.6), seed=0)
    first, again = (spectral_communities(links, BetheHessianParams(n_communities=4)) for _ in range(2))
    assert first.n_communities == 4
    np.testing.assert_array_equal(first.labels, again.labels)
    np.testing.assert_array_equal(first.values, again.values)
    assert spectral_communities(links, BetheHessianParams(max_communities=3)).n_communities == 3


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_weights_directions_and_loops_do_not_matter(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 9))
    entries = data.draw(st.lists(st.sampled_from([0.0, 0.0, 1.0, 2.5]), min_size=n * n, max_size=n * n))
    weights = np.array(entries).reshape(n, n)
    found = spectral_communities(scipy.sparse.csr_array(weights), BetheHessianParams())
    plain = ((weights + weights.T) > 0) & ~np.eye(n, dtype=bool)
    same = spectral_communities(scipy.sparse.csr_array(plain.astype(float)), BetheHessianParams())
    np.testing.assert_array_equal(found.labels, same.labels)
    assert found.labels.shape == (n,)
    assert 1 <= found.n_communities <= n


def test_what_cannot_be_clustered_is_refused() -> None:
    square = scipy.sparse.csr_array(np.ones((3, 3)))
    for weights in (square[:2], scipy.sparse.csr_array((0, 0)), np.ones((3, 3))):
        with pytest.raises(InvalidInput):
            spectral_communities(weights, BetheHessianParams())
    with pytest.raises(InvalidInput, match="3 nodes for 4"):
        spectral_communities(square, BetheHessianParams(n_communities=4))
    for name in ("n_communities", "max_communities", "n_starts"):
        with pytest.raises(InvalidParams, match=name):
            BetheHessianParams(**{name: 0})
