"""Similarity joins against all pairs by brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.banding import LSHParams, collision_probability
from clustering.join import NODES_AT_ONCE, measured_recall, similarity_join
from clustering.lsh import LSHIndex
from clustering.minhash import MinHashParams, minhash
from clustering.sets import Sets
from foundation.errors import InvalidInput, InvalidParams
from tests.clustering.strategies import as_csr, set_families
from tests.oracles.minhash import meet
from tests.oracles.sketches import all_jaccard

HASHING = MinHashParams(num_perm=12, seed=2)


def index_of(sets: Sets, **params: int) -> LSHIndex:
    return LSHIndex.build(minhash(*sets, HASHING), LSHParams(**params))


def joined(index: LSHIndex, threshold: float, sets: Sets | None = None, n_threads: int = 1) -> list[tuple[int, int]]:
    return [
        pair
        for block in similarity_join(index, threshold, sets=sets, n_threads=n_threads)
        for pair in zip(block.left.tolist(), block.right.tolist(), strict=True)
    ]


@settings(deadline=None, max_examples=80)
@given(
    families=set_families(max_sets=10),
    threshold=st.sampled_from([0.0, 0.2, 1 / 3, 0.5, 1.0]),
    split=st.sampled_from([(12, 1), (4, 3)]),
)
def test_the_join_is_that_of_brute_force_over_pairs_that_share_a_bucket(
    families: list[list[int]], threshold: float, split: tuple[int, int]
) -> None:
    sets = Sets(*as_csr(families))
    index = index_of(sets, n_bands=split[0], n_rows=split[1], bucket_cap=0)
    rows, truth = index.signatures, all_jaccard(families)
    sharing = [
        (u, v)
        for u in range(len(families))
        for v in range(u + 1, len(families))
        if families[u] and families[v] and meet(rows[u].tolist(), rows[v].tolist(), *split)
    ]
    assert joined(index, threshold, sets) == [pair for pair in sharing if truth[pair] >= threshold]
    assert joined(index, threshold) == [(u, v) for u, v in sharing if np.mean(rows[u] == rows[v]) >= threshold]


@settings(deadline=None, max_examples=40)
@given(families=set_families(max_sets=10))
def test_equal_sets_are_always_joined_and_empty_ones_never(families: list[list[int]]) -> None:
    sets = Sets(*as_csr(families))
    found = set(joined(index_of(sets, n_bands=1, n_rows=12, bucket_cap=0), 1.0, sets))
    expected = {
        (u, v)
        for u in range(len(families))
        for v in range(u + 1, len(families))
        if families[u] and set(families[u]) == set(families[v])
    }
    assert found == expected


def planted(n_groups: int = 400, size: int = 4) -> Sets:
    """Groups of alike sets, so that the join has several blocks; every fifth set is empty."""
    rng = np.random.default_rng(6)
    families: list[list[int]] = []
    for _ in range(n_groups):
        base = rng.integers(0, 100_000, 12)
        families += [[*base[rng.random(12) < 0.8].tolist()] for _ in range(size)] + [[]]
    return Sets(*as_csr(families))


def test_blocks_and_threads_give_the_same_pairs_in_the_same_order() -> None:
    sets = planted()
    index = index_of(sets, n_bands=6, n_rows=2)
    assert index.n_nodes > NODES_AT_ONCE
    blocks = list(similarity_join(index, 0.3, sets=sets))
    assert len(blocks) == -(-index.n_nodes // NODES_AT_ONCE)
    pairs = joined(index, 0.3, sets)
    assert pairs == sorted(set(pairs))
    assert joined(index, 0.3, sets, n_threads=3) == pairs
    assert sum(block.n_compared for block in blocks) >= len(pairs) > 1000


def test_a_block_with_more_pairs_than_it_had_room_for_is_whole() -> None:
    sets = Sets(*as_csr([[1, 2]] * 300))
    assert len(joined(index_of(sets, n_bands=2, n_rows=6, bucket_cap=0), 1.0)) == 300 * 299 // 2


def test_what_the_cap_passes_over_is_counted() -> None:
    index = index_of(Sets(*as_csr([[1, 2]] * 30)), n_bands=2, n_rows=6, bucket_cap=10)
    (block,) = similarity_join(index, 0.0)
    assert block.n_cut == 30 * 2 * 20
    assert 0 < block.left.size < 30 * 29 // 2


def test_the_measured_recall_is_that_of_all_pairs_and_near_the_curve() -> None:
    sets = planted()
    index = index_of(sets, n_bands=6, n_rows=2, bucket_cap=0)
    families = [sets.indices[a:b].tolist() for a, b in zip(sets.indptr[:-1], sets.indptr[1:], strict=True)]
    truth = all_jaccard(families[:250])
    first = Sets(sets.indptr[:251], sets.indices[: sets.indptr[250]])
    part = index_of(first, n_bands=6, n_rows=2, bucket_cap=0)
    found = measured_recall(part, first, 0.3, n_nodes=250)
    np.fill_diagonal(truth, 0)
    assert found.n_true == int((truth >= 0.3).sum())
    assert found.n_found == 2 * len(joined(part, 0.3, first))
    met = measured_recall(index, sets, 0.3, n_nodes=10_000)
    expected = collision_probability(truth[truth >= 0.3], 6, 2).mean()
    assert met.share == pytest.approx(expected, abs=0.05)
    assert (
        measured_recall(index_of(Sets(*as_csr([[], [1]])), n_bands=6, n_rows=2), Sets(*as_csr([[], [1]])), 1).share == 1
    )


def test_what_cannot_be_joined_is_refused() -> None:
    sets = Sets(*as_csr([[1], [2]]))
    index = index_of(sets, n_bands=6, n_rows=2)
    for threshold in (-0.1, 1.1, float("nan"), True):
        with pytest.raises(InvalidParams, match="from 0 to 1"):
            similarity_join(index, threshold)
    with pytest.raises(InvalidInput, match="1 for 2 nodes"):
        similarity_join(index, 0.5, sets=Sets(*as_csr([[1]])))
