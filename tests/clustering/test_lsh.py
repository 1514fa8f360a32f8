"""Bucket tables and the candidates they yield."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.banding import LSHParams
from clustering.buckets import band_table, band_tables
from clustering.lsh import LSHIndex
from clustering.minhash import MinHashParams, minhash, signature_of
from foundation.errors import InvalidInput, InvalidQuery
from tests.clustering.strategies import as_csr, set_families
from tests.oracles import minhash as oracle

HASHING = MinHashParams(num_perm=12, seed=2)
SPLITS = st.sampled_from([(12, 1), (6, 2), (5, 2), (2, 5), (1, 12)])


def _index(sets: list[list[int]], **params: int) -> LSHIndex:
    return LSHIndex.build(minhash(*as_csr(sets), HASHING), LSHParams(**params))


def _random_signatures(n_sets: int, num_perm: int = 32) -> np.ndarray:
    """Short sets over few elements, so that many meet; every eleventh is empty."""
    rng = np.random.default_rng(3)
    sets = [[] if i % 11 == 0 else rng.integers(0, 40, 6).tolist() for i in range(n_sets)]
    return minhash(*as_csr(sets), MinHashParams(num_perm=num_perm))


@settings(deadline=None, max_examples=100)
@given(sets=set_families(), split=SPLITS)
def test_candidates_are_those_that_agree_in_a_whole_band(sets: list[list[int]], split: tuple[int, int]) -> None:
    n_bands, n_rows = split
    index = _index(sets, n_bands=n_bands, n_rows=n_rows)
    for node, members in enumerate(sets):
        expected = [
            other
            for other, others in enumerate(sets)
            if other != node
            and members
            and others
            and oracle.meet(index.signatures[node].tolist(), index.signatures[other].tolist(), n_bands, n_rows)
        ]
        candidates = index.candidates(node)
        assert candidates.dtype == np.int32
        assert candidates.tolist() == expected


@settings(deadline=None, max_examples=50)
@given(sets=set_families(), split=SPLITS)
def test_equal_sets_always_meet_and_empty_ones_never(sets: list[list[int]], split: tuple[int, int]) -> None:
    index = _index(sets, n_bands=split[0], n_rows=split[1], bucket_cap=0)
    for node, members in enumerate(sets):
        candidates = set(index.candidates(node).tolist())
        twins = {other for other, others in enumerate(sets) if other != node and set(others) == set(members)}
        assert twins <= candidates if members else not candidates
        assert not any(node in index.candidates(other).tolist() for other in range(len(sets)) if not members)


@settings(deadline=None, max_examples=50)
@given(sets=set_families(max_sets=6), k=st.integers(1, 7))
def test_top_ranks_candidates_by_equal_slots_then_by_node(sets: list[list[int]], k: int) -> None:
    index = _index(sets, n_bands=12, n_rows=1)
    for node in range(len(sets)):
        share = {int(c): np.mean(index.signatures[node] == index.signatures[c]) for c in index.candidates(node)}
        expected = sorted(share, key=lambda other: (-share[other], other))[:k]
        top = index.top(node, k)
        assert top.nodes.tolist() == expected
        np.testing.assert_allclose(top.similarity, [share[other] for other in expected])
        assert np.all(top.standard_error > 0)


def test_a_set_that_is_no_node_is_found_by_its_signature() -> None:
    index = _index([[1, 2, 3], [9], [], [4, 5, 6]], n_bands=6, n_rows=2)
    assert index.top(signature_of([6, 5, 4], HASHING), 3).nodes.tolist() == [3]
    assert index.top(signature_of([6, 5, 4], HASHING), 3).similarity.tolist() == [1.0]
    assert index.candidates(signature_of([], HASHING)).size == 0


def test_tables_are_sorted_by_key_then_node_and_leave_out_empty_sets() -> None:
    signatures = _random_signatures(500)
    filled = [node for node in range(500) if node % 11]
    for band in (0, 7, 15):
        keys, nodes = band_table(signatures, LSHParams(), band)
        assert keys.dtype == np.uint32
        assert nodes.dtype == np.int32
        assert sorted(nodes.tolist()) == filled
        pairs = list(zip(keys.tolist(), nodes.tolist(), strict=True))
        assert pairs == sorted(pairs)
        assert len(set(keys.tolist())) < len(filled)


def test_bytes_depend_neither_on_threads_nor_on_how_bands_are_grouped() -> None:
    signatures, params = _random_signatures(300), LSHParams()
    whole = LSHIndex.build(signatures, params)
    threaded = LSHIndex.build(signatures, params, n_threads=3)
    assert threaded.keys.tobytes() == whole.keys.tobytes()
    assert threaded.nodes.tobytes() == whole.nodes.tobytes()
    for band in range(16):
        keys, nodes = band_table(signatures, params, band)
        np.testing.assert_array_equal(keys, whole.keys[band])
        np.testing.assert_array_equal(nodes, whole.nodes[band])
    keys, nodes = band_tables(signatures, params, 3, 9)
    np.testing.assert_array_equal(keys, whole.keys[3:9])
    np.testing.assert_array_equal(nodes, whole.nodes[3:9])


def test_an_index_over_mapped_files_answers_the_same(tmp_path: Path) -> None:
    built = LSHIndex.build(_random_signatures(200), LSHParams())
    for name in ("signatures", "keys", "nodes"):
        np.save(tmp_path / f"{name}.npy", getattr(built, name))
    arrays = [np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("signatures", "keys", "nodes")]
    opened = LSHIndex(*arrays, LSHParams())
    for node in range(200):
        assert opened.candidates(node).tolist() == built.candidates(node).tolist()


def test_a_cap_limits_what_a_bucket_yields_and_counts_the_rest() -> None:
    twins = [[1, 2, 3]] * 30 + [[7]] * 4
    uncapped, capped = (_index(twins, n_bands=6, n_rows=2, bucket_cap=cap) for cap in (0, 10))
    assert uncapped.candidates(0).tolist() == list(range(1, 30))
    found = capped.collide(capped.signatures[:1])
    assert set(found.nodes.tolist()) <= set(range(30))
    assert found.n_cut == 6 * 20
    assert found.n_met.sum() == 6 * 10
    # Each band shows another part of the bucket.
    assert found.nodes.size > 10
    assert capped.candidates(31).tolist() == [30, 32, 33]


def test_meetings_are_counted_over_all_queries_and_bands() -> None:
    index = _index([[1, 2]] * 3 + [[5]], n_bands=6, n_rows=2)
    found = index.collide(index.signatures[[0, 1]])
    assert found.nodes.tolist() == [0, 1, 2]
    assert found.n_met.tolist() == [12, 12, 12]
    assert found.n_cut == 0


def test_bucket_report_counts_what_the_cap_hides() -> None:
    index = _index([[1]] * 5 + [[2]] * 3 + [[3], []], n_bands=4, n_rows=3, bucket_cap=2)
    assert index.bucket_report() == (4 * 3, 5, 4 * 2, 4 * (3 + 1))
    assert _index([[], []], n_bands=4, n_rows=3).bucket_report() == (0, 0, 0, 0)


def test_bad_queries_say_what_to_do() -> None:
    index = _index([[1], [1, 2]], n_bands=6, n_rows=2)
    for node in (-1, 2):
        with pytest.raises(InvalidQuery, match=f"node {node} of 2"):
            index.candidates(node)
    with pytest.raises(InvalidQuery, match="k = 0"):
        index.top(0, 0)
    with pytest.raises(InvalidQuery, match=r"pass uint32 \(12,\)"):
        index.candidates(np.zeros(11, dtype=np.uint32))


def test_tables_that_do_not_fit_the_params_are_refused() -> None:
    index = _index([[1], [1, 2]], n_bands=6, n_rows=2)
    with pytest.raises(InvalidInput, match="6 bands"):
        LSHIndex(index.signatures, index.keys[:5], index.nodes[:5], index.params)
    with pytest.raises(InvalidInput, match="6 bands"):
        LSHIndex(index.signatures, index.keys, index.nodes[:, :1], index.params)
    with pytest.raises(InvalidInput, match="of 6"):
        band_table(index.signatures, index.params, 6)
