"""Similarity graphs against the pairs of the join, exact similarities, and SciPy's components."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.banding import LSHParams
from clustering.join import similarity_join
from clustering.lsh import LSHIndex
from clustering.minhash import MinHashParams, minhash
from clustering.neighbourhoods import neighbourhoods
from clustering.sets import Sets, canonical, from_lists
from clustering.similarity_graph import (
    build_similarity_graph,
    link_similarities,
    similarity_components,
    similarity_graph,
)
from clustering.symmetric import symmetric_rows, undirected
from foundation.errors import InvalidInput, InvalidParams
from tests.clustering.strategies import as_csr, community_graphs, set_families
from tests.oracles.sketches import all_jaccard

HASHING = MinHashParams(num_perm=12, seed=2)


def index_of(sets: Sets, **params: int) -> LSHIndex:
    return LSHIndex.build(minhash(*sets, HASHING), LSHParams(**params))


@settings(deadline=None, max_examples=80)
@given(
    families=set_families(max_sets=10),
    threshold=st.sampled_from([0.0, 0.2, 1 / 3, 0.5, 1.0]),
    exact=st.booleans(),
)
def test_links_are_the_pairs_of_the_join_in_both_directions(
    families: list[list[int]], threshold: float, exact: bool
) -> None:
    sets = Sets(*as_csr(families))
    index = index_of(sets, n_bands=12, n_rows=1, bucket_cap=0)
    found = similarity_graph(index, threshold, sets=sets if exact else None)
    expected = np.zeros((len(families), len(families)), dtype=np.float32)
    for block in similarity_join(index, threshold, sets=sets if exact else None):
        expected[block.left, block.right] = expected[block.right, block.left] = block.similarity
    assert found.dtype == np.float32
    assert found.has_canonical_format
    np.testing.assert_array_equal(found.toarray(), expected)
    assert found.nnz == np.count_nonzero(expected)
    if exact:
        truth = all_jaccard(families).astype(np.float32)
        np.testing.assert_array_equal(found.data, truth[found.tocoo().coords])
    symmetric_rows(found)


@settings(deadline=None, max_examples=30)
@given(families=set_families(max_sets=40))
def test_bytes_do_not_depend_on_threads(families: list[list[int]]) -> None:
    sets = Sets(*as_csr(families))
    index = index_of(sets, n_bands=6, n_rows=2)
    one, two = similarity_graph(index, 0.2), similarity_graph(index, 0.2, n_threads=2)
    for name in ("indptr", "indices", "data"):
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes()


def test_what_the_cap_cut_is_told() -> None:
    index = index_of(from_lists([[1, 2, 3]] * 20), n_bands=6, n_rows=2, bucket_cap=4)
    capped = build_similarity_graph(index, 0.5)
    assert capped.n_cut == 20 * 6 * 16
    assert capped.weights.nnz < 20 * 19
    assert capped.notes == ("1920 members of large buckets were passed over; bucket_cap = 0 looks at all of them",)
    whole = build_similarity_graph(index_of(from_lists([[1, 2, 3]] * 20), n_bands=6, n_rows=2, bucket_cap=0), 0.5)
    assert (whole.weights.nnz, whole.n_cut, whole.n_compared, whole.notes) == (20 * 19, 0, 190, ())


@settings(deadline=None, max_examples=80)
@given(families=set_families(max_sets=12), threshold=st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_stars_give_the_components_of_all_pairs_or_finer_ones(families: list[list[int]], threshold: float) -> None:
    sets = Sets(*as_csr(families))
    index = index_of(sets, n_bands=6, n_rows=2, bucket_cap=0)
    found = similarity_components(index, threshold)
    _, truth = scipy.sparse.csgraph.connected_components(similarity_graph(index, threshold), directed=False)
    for node in range(len(families)):
        mine = np.flatnonzero(found == found[node])
        assert found[node] == mine.min()
        assert set(truth[mine]) == {truth[node]}
        if threshold == 0:
            assert mine.size == np.count_nonzero(truth == truth[node])


def test_stars_look_at_members_above_the_cap() -> None:
    index = index_of(from_lists([[1, 2, 3]] * 50 + [[7], []]), n_bands=6, n_rows=2, bucket_cap=2)
    assert similarity_components(index, 0.9).tolist() == [0] * 50 + [50, 51]


@settings(deadline=None, max_examples=60)
@given(graph=community_graphs(directed=False), exact=st.booleans(), include_self=st.booleans())
def test_links_weigh_the_similarity_of_their_ends(graph, exact: bool, include_self: bool) -> None:  # type: ignore[no-untyped-def]
    sets = canonical(neighbourhoods(graph, "both", include_self))
    index, links = index_of(sets), undirected(graph)
    found = link_similarities(links, index, sets=sets if exact else None)
    families = [sets.indices[sets.indptr[i] : sets.indptr[i + 1]].tolist() for i in range(graph.n_nodes)]
    rows = index.signatures
    src, dst = links.tocoo().coords
    for u, v, weight in zip(src.tolist(), dst.tolist(), found.data.tolist(), strict=True):
        alike = all_jaccard([families[u], families[v]])[0, 1] if exact else float(np.mean(rows[u] == rows[v]))
        assert weight == np.float32(alike if families[u] and families[v] else 0.0)
    two = link_similarities(links, index, sets=sets if exact else None, n_threads=2)
    assert two.data.tobytes() == found.data.tobytes()


def test_what_does_not_fit_together_is_refused() -> None:
    sets = from_lists([[1, 2], [2, 3], [9]])
    index = index_of(sets)
    with pytest.raises(InvalidParams, match="threshold"):
        similarity_graph(index, 1.5)
    with pytest.raises(InvalidParams, match="threshold"):
        similarity_components(index, -0.5)
    with pytest.raises(InvalidInput, match="2 for 3 nodes"):
        similarity_graph(index, 0.5, sets=from_lists([[1], [2]]))
    with pytest.raises(InvalidInput, match="make all of them from one graph"):
        link_similarities(scipy.sparse.csr_array((4, 4)), index)
    with pytest.raises(InvalidInput, match="make all of them from one graph"):
        link_similarities(scipy.sparse.csr_array((3, 3)), index, sets=from_lists([[1], [2]]))
