"""Bucket tables and the candidates they yield."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.banding import LSHParams
from clustering.buckets import band_table, band_tables
from clustering.kernels.banding import run_of
from clustering.lsh import LSHIndex
from clustering.minhash import MinHashParams, minhash, signature_of
from clustering.sets import Sets, canonical
from clustering.sketches.packed import pack
from clustering.sketches.sketch import Sketches, SketchParams, sketch
from foundation.errors import InvalidInput, InvalidQuery
from tests.clustering.strategies import as_csr, set_families
from tests.oracles import minhash as oracle

HASHING = MinHashParams(num_perm=12, seed=2)
KIND = SketchParams(num_perm=12, seed=2)
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


@settings(deadline=None, max_examples=40)
@given(sets=set_families(max_sets=6), k=st.integers(1, 7))
def test_exact_scores_are_exact_and_may_rank_otherwise(sets: list[list[int]], k: int) -> None:
    family = Sets(*as_csr(sets))
    index = LSHIndex.build(sketch(*family, KIND), LSHParams(n_bands=12, n_rows=1))
    for node in range(len(sets)):
        truth = {int(c): oracle.jaccard(sets[node], sets[c]) for c in index.candidates(node)}
        expected = sorted(truth, key=lambda other: (-truth[other], other))[:k]
        top = index.top(node, k, sets=canonical(family))
        assert top.nodes.tolist() == expected
        assert top.similarity.tolist() == [truth[other] for other in expected]
        assert not top.standard_error.any()
        asked = index.top(set(sets[node]), k, sets=canonical(family))
        assert set(asked.nodes.tolist()) <= {*truth, node}
        assert asked.similarity.tolist() == [oracle.jaccard(sets[node], sets[c]) for c in asked.nodes]


@settings(deadline=None, max_examples=40)
@given(sets=set_families(max_sets=6))
def test_a_set_a_sketch_and_a_signature_ask_the_same(sets: list[list[int]]) -> None:
    made = sketch(*as_csr(sets), KIND)
    index = LSHIndex.build(made, LSHParams(n_bands=6, n_rows=2))
    for node, members in enumerate(sets):
        by_signature = index.candidates(made.signatures[node]).tolist()
        assert index.candidates(set(members)).tolist() == by_signature
        assert index.candidates(made.rows(node)).tolist() == by_signature
        assert [other for other in by_signature if other != node] == index.candidates(node).tolist()


def test_a_batch_answers_as_one_by_one_with_any_number_of_threads() -> None:
    rng = np.random.default_rng(3)
    sets = [[] if i % 11 == 0 else rng.integers(0, 40, 6).tolist() for i in range(700)]
    index = LSHIndex.build(sketch(*as_csr(sets), KIND), LSHParams(bucket_cap=20))
    family = canonical(Sets(*as_csr(sets)))
    queries = np.arange(700)
    for exact in (None, family):
        batch = index.top_batch(queries, 5, sets=exact)
        threaded = index.top_batch(queries, 5, sets=exact, n_threads=3)
        assert all(a.tobytes() == b.tobytes() for a, b in zip(batch, threaded, strict=True))
        assert batch.n_cut.sum() > 0
        for node in (0, 1, 2, 350, 699):
            one = index.top(node, 5, sets=exact)
            kept = batch.nodes[node] >= 0
            assert one.nodes.tolist() == batch.nodes[node][kept].tolist()
            assert one.similarity.tolist() == batch.similarity[node][kept].tolist()
            assert not batch.similarity[node][~kept].any()
            assert batch.n_candidates[node] == index.candidates(node).size
    by_set = index.top_batch([set(members) for members in sets[:40]], 5)
    by_row = index.top_batch(index.signatures[:40], 5)
    by_sketch = index.top_batch(Sketches(index.signatures[:40], KIND), 5)
    assert by_set.nodes.tolist() == by_row.nodes.tolist() == by_sketch.nodes.tolist()


def test_a_prefilter_that_keeps_all_changes_nothing_and_one_that_keeps_few_finds_most() -> None:
    signatures = _random_signatures(600, num_perm=128)
    index = LSHIndex.build(signatures, LSHParams())
    everything = index.top_batch(np.arange(600), 10)
    for bits, least in ((1, 0.75), (2, 0.85), (8, 0.97)):
        packed = pack(signatures, bits)
        assert (
            index.top_batch(np.arange(600), 10, prefilter=packed, n_kept=600).nodes.tolist()
            == everything.nodes.tolist()
        )
        few = index.top_batch(np.arange(600), 10, prefilter=packed, n_kept=20)
        # Ties are many here; found is what scores no worse than the tenth.
        worst = everything.similarity[:, 9:]
        found = (few.similarity >= worst) & (few.nodes >= 0)
        assert found.sum() / (everything.nodes >= 0).sum() > least


def test_sketches_of_another_kind_are_refused() -> None:
    sets = as_csr([[1, 2, 3], [2, 3]])
    index = LSHIndex.build(sketch(*sets, KIND), LSHParams())
    other = sketch(*sets, SketchParams(kind="one_permutation", num_perm=12, seed=2))
    for ask in (index.candidates, lambda query: index.top_batch(query, 2)):
        with pytest.raises(InvalidInput, match=r"one_permutation .* cannot be compared with minhash"):
            ask(other.rows(0))
    with pytest.raises(InvalidInput, match="num_perm = 12"):
        LSHIndex(np.zeros((2, 13), np.uint32), index.keys, index.nodes, index.params, KIND)


def test_questions_that_need_more_than_the_index_has_are_refused() -> None:
    sets = as_csr([[1, 2, 3], [2, 3]])
    bare = LSHIndex.build(minhash(*sets, HASHING), LSHParams())
    with pytest.raises(InvalidQuery, match="does not know how to sketch"):
        bare.candidates({1, 2})
    with pytest.raises(InvalidQuery, match="exact scores for a signature"):
        bare.top(bare.signatures[0], 2, sets=Sets(*sets))
    with pytest.raises(InvalidInput, match="1 for 2 signatures"):
        bare.top(0, 2, sets=Sets(*as_csr([[1]])))
    with pytest.raises(InvalidInput, match="pack the signatures"):
        bare.top(0, 2, prefilter=pack(bare.signatures[:1]))
    with pytest.raises(InvalidQuery, match="n_kept = 0"):
        bare.top(0, 2, prefilter=pack(bare.signatures), n_kept=0)
    with pytest.raises(InvalidQuery, match="node 9 of 2"):
        bare.top_batch(np.array([0, 9]), 1)
    with pytest.raises(InvalidQuery, match="pass uint32"):
        bare.top_batch(np.zeros((1, 5), np.uint32), 1)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_buckets_are_found_whatever_the_distribution_of_keys(data: st.DataObject) -> None:
    words = st.sampled_from([0, 1, 2**31, 2**32 - 1]) | st.integers(0, 2**32 - 1) | st.integers(0, 50)
    keys = np.sort(np.array(data.draw(st.lists(words, min_size=1, max_size=60)), dtype=np.uint32))
    wanted = data.draw(st.sampled_from(keys.tolist()) | words)
    near = data.draw(st.integers(0, keys.size - 1))
    expected = [int(np.searchsorted(keys, np.uint32(wanted), side)) for side in ("left", "right")]
    assert list(run_of(keys, np.uint32(wanted), near)) == expected
