"""The procedures that rank a pool around seeds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.expansion import Pool, blend, initial_avgs, minrank, page_rank, ppr
from clustering.minhash import MinHashParams, minhash
from tests.clustering.strategies import as_csr
from tests.oracles import minhash as oracle

NUM_PERM = 24


@st.composite
def pools(draw: st.DrawFn) -> Pool:
    """Overlapping and empty sets, some of them seeds."""
    sets = draw(st.lists(st.lists(st.integers(0, 9), max_size=6), min_size=1, max_size=9))
    seeds = draw(st.lists(st.booleans(), min_size=len(sets), max_size=len(sets)).filter(any))
    nodes = np.cumsum(draw(st.lists(st.integers(1, 3), min_size=len(sets), max_size=len(sets))), dtype=np.int64)
    return Pool(
        nodes=nodes,
        signatures=minhash(*as_csr(sets), MinHashParams(num_perm=NUM_PERM)),
        is_seed=np.array(seeds),
    )


def _similarity(pool: Pool) -> np.ndarray:
    """All pairs, slot by slot; an empty set is like nobody."""
    similarity = (pool.signatures[:, None, :] == pool.signatures[None, :, :]).mean(axis=2)
    empty = pool.signatures[:, 0] == 2**32 - 1
    similarity[empty] = similarity[:, empty] = 0
    return similarity


def _ordered(pool: Pool, scores: np.ndarray) -> list[int]:
    outside = np.flatnonzero(~pool.is_seed).tolist()
    return sorted(outside, key=lambda i: (-scores[i], pool.nodes[i]))


@settings(deadline=None, max_examples=100)
@given(pool=pools())
def test_initial_avgs_ranks_by_the_mean_similarity_to_the_seeds(pool: Pool) -> None:
    ranking = initial_avgs(pool)
    expected = _similarity(pool)[:, pool.is_seed].mean(axis=1)
    np.testing.assert_allclose(ranking.scores, expected, atol=1e-12)
    assert ranking.order.tolist() == _ordered(pool, ranking.scores)


@settings(deadline=None, max_examples=100)
@given(pool=pools(), n_wanted=st.integers(0, 10))
def test_minrank_s_running_mean_is_the_mean_from_scratch_after_every_addition(pool: Pool, n_wanted: int) -> None:
    similarity = _similarity(pool)
    members, outside = np.flatnonzero(pool.is_seed).tolist(), set(np.flatnonzero(~pool.is_seed).tolist())
    running = pool.mean_similarity()
    joined = list(itertools.islice(minrank(pool, running, len(members)), n_wanted))
    assert len(joined) == min(n_wanted, len(outside))
    for taken, score in joined:
        mean = similarity[:, members].mean(axis=1)
        assert score == pytest.approx(mean[taken], abs=1e-12)
        assert mean[taken] >= max(mean[i] for i in outside) - 1e-12
        members.append(taken)
        outside.remove(taken)
    np.testing.assert_allclose(running, similarity[:, members].mean(axis=1), atol=1e-12)


@settings(deadline=None, max_examples=60)
@given(pool=pools())
def test_every_pair_s_equal_slots_are_counted(pool: Pool) -> None:
    expected = _similarity(pool) * NUM_PERM
    np.fill_diagonal(expected, 0)
    np.testing.assert_array_equal(pool.equal_slots(), np.round(expected))


def test_pools_wider_than_a_tile_are_counted_in_full() -> None:
    rng = np.random.default_rng(0)
    signatures = rng.integers(0, 4, (71, 40)).astype(np.uint32)
    pool = Pool(nodes=np.arange(71), signatures=signatures, is_seed=np.arange(71) == 3)
    expected = (signatures[:, None] == signatures[None]).sum(axis=2)
    np.fill_diagonal(expected, 0)
    np.testing.assert_array_equal(pool.equal_slots(), expected)


@settings(deadline=None, max_examples=100)
@given(pool=pools(), restart=st.sampled_from([0.1, 0.5, 0.9, 1.0]))
def test_ppr_is_the_solution_of_its_equations(pool: Pool, restart: float) -> None:
    similarity = _similarity(pool)
    np.fill_diagonal(similarity, 1)
    ranking = ppr(pool, restart)
    expected = oracle.restarted_rank(similarity**2, np.flatnonzero(pool.is_seed).tolist(), restart)
    np.testing.assert_allclose(ranking.scores, expected, atol=1e-6)
    assert ranking.order.tolist() == _ordered(pool, ranking.scores)


@settings(deadline=None, max_examples=100)
@given(pool=pools())
def test_page_rank_takes_three_steps_as_published(pool: Pool) -> None:
    similarity = _similarity(pool)
    np.fill_diagonal(similarity, 1)
    ranking = page_rank(pool)
    expected = oracle.page_rank(similarity, np.flatnonzero(pool.is_seed).tolist())
    np.testing.assert_allclose(ranking.scores, expected, atol=1e-12)
    assert ranking.scores.sum() == pytest.approx(pool.nodes.size)
    assert ranking.order.tolist() == _ordered(pool, ranking.scores)


@settings(deadline=None, max_examples=100)
@given(pool=pools(), data=st.data())
def test_blend_orders_like_the_sum_of_z_scores_over_all_nodes(pool: Pool, data: st.DataObject) -> None:
    size = pool.nodes.size
    heat = np.array(data.draw(st.lists(st.floats(0.01, 1), min_size=size, max_size=size)))
    n_nodes = int(pool.nodes[-1]) + 1 + data.draw(st.integers(1, 50))
    ranking, _ = blend(pool, heat, n_nodes)
    everywhere = np.zeros((2, n_nodes))
    everywhere[0, pool.nodes] = _similarity(pool)[:, pool.is_seed].mean(axis=1)
    everywhere[1, pool.nodes] = np.sqrt(heat)
    deviation = everywhere.std(axis=1, keepdims=True)
    z = np.divide(everywhere, deviation, out=np.zeros_like(everywhere), where=deviation > 1e-12).sum(axis=0)
    # Equal up to a factor, hence in order.
    scores = z[pool.nodes]
    if everywhere[0].any():
        factor = ranking.scores.max() / scores.max()
        np.testing.assert_allclose(ranking.scores, factor * scores, atol=1e-9)
    assert np.all((ranking.scores >= 0) & (ranking.scores <= 1 + 1e-12))
    assert ranking.order.tolist() == _ordered(pool, ranking.scores)


def test_blend_goes_by_heat_where_no_set_resembles_the_seeds() -> None:
    signatures = minhash(*as_csr([[], [1], [2], [3]]), MinHashParams(num_perm=NUM_PERM))
    pool = Pool(nodes=np.arange(4), signatures=signatures, is_seed=np.array([True, False, False, False]))
    ranking, _ = blend(pool, np.array([1.0, 0.04, 0.25, 0.04]), 10)
    assert ranking.order.tolist() == [2, 1, 3]
    np.testing.assert_allclose(ranking.scores, [1, 0.2, 0.5, 0.2])
