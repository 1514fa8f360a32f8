"""Which graph is searched for communities, for every value of ``on``."""

from __future__ import annotations

import numpy as np
import pytest

from clustering.banding import LSHParams
from clustering.community_graph import community_graph
from clustering.global_communities import GlobalParams, find_communities
from clustering.lsh import LSHIndex
from clustering.minhash import MinHashParams, minhash
from clustering.neighbourhoods import neighbourhoods
from clustering.symmetric import undirected
from foundation.errors import InvalidInput
from graph.csr import CSRGraph
from tests.oracles.sketches import all_jaccard

# Two triangles with a link between them, a node that hangs on the second, and one alone.
GRAPH = CSRGraph.from_edges([0, 1, 2, 3, 4, 5, 2, 6], [1, 2, 0, 4, 5, 3, 3, 4], n_nodes=8, directed=False)
SETS = neighbourhoods(GRAPH, "both", include_self=True)
INDEX = LSHIndex.build(minhash(*SETS, MinHashParams(num_perm=64)), LSHParams(n_rows=1, bucket_cap=0))
JACCARD = all_jaccard([SETS.indices[SETS.indptr[i] : SETS.indptr[i + 1]].tolist() for i in range(8)])
LINKS = undirected(GRAPH).toarray()


def test_links_need_no_index() -> None:
    found = community_graph(GRAPH, None, GlobalParams(on="links"))
    np.testing.assert_array_equal(found.weights.toarray(), LINKS)
    assert found.notes == ()


def test_links_are_weighed_by_one_and_the_similarity_of_their_ends() -> None:
    found = community_graph(GRAPH, INDEX, GlobalParams(on="weighted_links"), sets=SETS)
    np.testing.assert_allclose(found.weights.toarray(), LINKS * (1 + JACCARD), rtol=1e-6)


def test_similar_pairs_are_linked() -> None:
    found = community_graph(GRAPH, INDEX, GlobalParams(on="similarity", threshold=0.4), sets=SETS)
    similar = np.where((JACCARD >= 0.4) & ~np.eye(8, dtype=bool), JACCARD, 0)
    np.testing.assert_allclose(found.weights.toarray(), similar, rtol=1e-6)
    np.testing.assert_array_equal(found.links.toarray(), LINKS)


def test_links_and_similar_pairs_add_up() -> None:
    found = community_graph(GRAPH, INDEX, GlobalParams(on="both", threshold=0.4), sets=SETS)
    similar = np.where((JACCARD >= 0.4) & ~np.eye(8, dtype=bool), JACCARD, 0)
    np.testing.assert_allclose(found.weights.toarray(), LINKS + similar, rtol=1e-6)


@pytest.mark.parametrize("on", ["links", "weighted_links", "similarity", "both"])
def test_the_two_triangles_are_found_in_all_of_them(on: str) -> None:
    params = GlobalParams(on=on, threshold=0.4, attach=True)  # type: ignore[arg-type]
    made = community_graph(GRAPH, INDEX, params, sets=SETS, n_threads=2)
    found = find_communities(made.weights, params, links=made.links)
    assert found.labels.tolist() == [1, 1, 1, 0, 0, 0, 0, 2]


@pytest.mark.parametrize("on", ["weighted_links", "similarity", "both"])
def test_similarities_need_an_index_of_the_same_nodes(on: str) -> None:
    other = LSHIndex.build(np.zeros((3, 4), dtype=np.uint32), LSHParams(n_rows=1))
    for index, told in ((None, "none"), (other, "3 nodes for 8")):
        with pytest.raises(InvalidInput, match=told):
            community_graph(GRAPH, index, GlobalParams(on=on))  # type: ignore[arg-type]
