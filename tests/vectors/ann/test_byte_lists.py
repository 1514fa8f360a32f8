"""Lists of bytes: scans by whole numbers find what arithmetic on the decoded vectors finds, on any width."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vectors.ann.test_index import mixture
from vectors.ann.answers import best_remaining
from vectors.ann.exact import exact_top_k
from vectors.ann.index import ANNIndex
from vectors.ann.lists import Lists
from vectors.ann.params import ANNParams
from vectors.kernels.lists import rerank, rerank_bytes, whole_bytes
from vectors.kernels.selection import keep_least, key_of, row_of, value_of
from vectors.metrics import Metric

Float32s = npt.NDArray[np.float32]
FLOATS = st.floats(allow_nan=False, width=32)


def built(vectors: Float32s, **others: Any) -> tuple[ANNIndex, Lists]:
    params: dict[str, Any] = {"kind": "ivfsq", "metric": "l2", "recall": 0.01, "allow_missed": True} | others
    index = ANNIndex.build(vectors, ANNParams(**params))
    lists = index.shards[0].lists
    assert lists is not None
    return index, lists


def decoded(lists: Lists) -> Float32s:
    """What FAISS makes of every code, by position."""
    rows = np.zeros((int(lists.sizes.sum()), lists.index.d), dtype=np.float32)
    lists.index.make_direct_map()
    for position in range(len(rows)):
        rows[position] = lists.index.reconstruct(position)
    return rows


@pytest.mark.parametrize("metric", ["l2", "inner_product"])
def test_many_who_ask_list_by_list_find_what_each_finds_alone(metric: str) -> None:
    both = mixture(5_300, 40, 60, 3)
    _, lists = built(both[:4_000], metric=metric, n_lists=64)
    wanted = np.random.default_rng(4).random(4_000) < 0.3
    queries = both[4_000:]  # more than are held against a list at a time
    for where in (None, wanted):
        found = lists.propose(queries, 7, 9, where)
        for query in range(0, len(queries), 41):
            assert np.array_equal(lists.propose(queries[query : query + 1], 7, 9, where)[0], found[query])


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_estimates_rank_as_the_decoded_vectors_do(data: st.DataObject) -> None:
    n, dim = data.draw(st.integers(1, 90), label="n"), data.draw(st.integers(1, 100), label="dim")
    metric: Metric = data.draw(st.sampled_from(("l2", "inner_product")), label="metric")
    n_lists = data.draw(st.integers(1, 7), label="n_lists")
    draw = np.random.default_rng(data.draw(st.integers(0, 99), label="seed"))
    vectors = (draw.standard_normal((n, dim)) * draw.uniform(0.01, 10, dim) + 3).astype(np.float32)
    queries = (draw.standard_normal((4, dim)) * 3).astype(np.float32)
    _, lists = built(vectors, metric=metric, n_lists=n_lists, projection=dim)
    plain = decoded(lists)
    wanted = draw.random(len(plain)) < 0.7
    for where in (None, wanted) if wanted.any() else (None,):
        positions = lists.propose(queries, 10, n_lists, where)
        values = queries @ plain.T if metric == "inner_product" else -((queries[:, None] - plain) ** 2).sum(axis=2)
        if where is not None:
            values[:, ~where] = -np.inf
        for query in range(len(queries)):
            found = positions[query][positions[query] >= 0]
            assert found.size == min(10, len(plain) if where is None else np.count_nonzero(where))
            assert np.unique(found).size == found.size
            assert where is None or where[found].all()
            # A word of the query is off by half a step at most, so a value by half a step for all of a row's codes.
            step = np.abs(queries[query] * lists.scanned.steps).max() / lists.scanned.largest  # type: ignore[union-attr]
            slack = 2 * (255 * dim * step + 1e-4 * np.abs(values[query][np.isfinite(values[query])]).max())
            own = values[query][found]
            assert own.min() >= np.sort(values[query])[::-1][found.size - 1] - slack
            assert (np.diff(own) <= slack).all()


def test_order_changes_nothing_but_the_order() -> None:
    vectors = mixture(3000, 40, 20)
    _, lists = built(vectors)
    for n in (1, 7, 200, 3000):
        ranked = lists.propose(vectors[:40], n, 9)
        loose = lists.propose(vectors[:40], n, 9, in_order=False)
        np.testing.assert_array_equal(np.sort(ranked, axis=1), np.sort(loose, axis=1))
        np.testing.assert_array_equal(ranked[:, : n // 2], lists.propose(vectors[:40], max(1, n // 2), 9)[:, : n // 2])


@pytest.mark.parametrize("dim", [3, 31, 32, 33, 64, 100])
def test_a_file_mapped_into_memory_answers_the_same(dim: int, tmp_path: Path) -> None:
    vectors = mixture(700, dim, 20)
    index, _ = built(vectors, recall=0.9)
    index.save(tmp_path)
    rows, values = index.search(vectors[:50], 10)
    again = ANNIndex.open(tmp_path).search(vectors[:50], 10)
    assert (again[0].tobytes(), again[1].tobytes()) == (rows.tobytes(), values.tobytes())


def test_columns_that_hold_one_value_and_queries_of_nothing_are_answered() -> None:
    vectors = np.zeros((300, 40), dtype=np.float32)
    vectors[:, 7] = np.arange(300)
    index, _ = built(vectors, metric="l2", recall=0.9)
    rows, distances = index.search(np.zeros((1, 40), dtype=np.float32), 3, n_probe=99, k_factor=9)
    assert rows.tolist() == [[0, 1, 2]]
    assert distances.tolist() == [[0.0, 1.0, 2.0]]


def test_copies_and_left_out_rows_are_as_a_scan_has_them() -> None:
    vectors = mixture(900, 40, 9)
    vectors[1::3] = vectors[::3]
    vectors[500:540] = vectors[3]
    queries, own = vectors[:120], np.arange(120)
    index, _ = built(vectors)
    for exclude in (None, own, np.stack((own, own + 1), axis=1)):
        for k in (1, 10, 60):
            rows, values = index.search(queries, k, exclude=exclude, n_probe=99, k_factor=90)
            true_rows, true_values = exact_top_k(vectors, queries, k, metric="l2", exclude=exclude)
            assert rows.tobytes() == true_rows.tobytes()
            assert values.tobytes() == true_values.tobytes()


def test_what_remains_keeps_its_order() -> None:
    rows = np.array([[5, 3, 9, -1], [1, 2, 3, 4]])
    values = np.array([[0.5, 1.0, 2.0, np.inf], [1.0, 2.0, 3.0, 4.0]], dtype=np.float32)
    kept, left = best_remaining(rows, values, 3, np.array([[5], [-1]]), "l2")
    assert kept.tolist() == [[3, 9, -1], [1, 2, 3]]
    assert left.tolist() == [[1.0, 2.0, np.inf], [1.0, 2.0, 3.0]]


@settings(deadline=None, max_examples=100)
@given(values=st.lists(FLOATS, min_size=2, max_size=80), data=st.data())
def test_the_least_keys_are_those_of_a_sort(values: list[float], data: st.DataObject) -> None:
    numbers = np.array(values, dtype=np.float32)
    keys = np.array([key_of(value, row) for row, value in enumerate(numbers)], dtype=np.int64)
    assert [value_of(key) for key in keys] == numbers.tolist()
    assert [row_of(key) for key in keys] == list(range(len(values)))
    ranked = np.sort(keys)
    assert [float(value_of(key)) for key in ranked] == sorted(numbers.tolist())
    n = data.draw(st.integers(1, len(values) - 1), label="n")
    greatest = keep_least(keys, len(keys), n)
    assert greatest == ranked[n - 1]
    np.testing.assert_array_equal(np.sort(keys[:n]), ranked[:n])
    np.testing.assert_array_equal(np.sort(keys), ranked)


@pytest.mark.parametrize("dim", [1, 31, 32, 33, 64, 100, 784])
@pytest.mark.parametrize("euclidean", [True, False])
def test_bytes_score_as_floats_do(dim: int, euclidean: bool) -> None:
    draw = np.random.default_rng(dim)
    codes = draw.integers(0, 256, (50, dim)).astype(np.uint8)
    codes[0], codes[1] = 0, 255
    queries = codes[:5].astype(np.float32)
    positions = np.stack([draw.permutation(50)[:30] for _ in range(5)])
    positions[2, 20:] = -1
    whole = np.empty(queries.shape, dtype=np.int16)
    assert whole_bytes(queries, whole)
    found = [(np.empty((5, 8), dtype=np.int64), np.empty((5, 8), dtype=np.float32)) for _ in range(2)]
    rerank_bytes(codes, positions, whole, euclidean, *found[0])
    rerank(codes.astype(np.float32), positions, queries, euclidean, *found[1])
    assert [part.tobytes() for part in found[0]] == [part.tobytes() for part in found[1]]


@pytest.mark.parametrize("value", [-1.0, 0.5, 256.0, 1e9, -1e9])
def test_only_whole_numbers_up_to_255_are_bytes(value: float) -> None:
    queries = np.full((2, 40), 255, dtype=np.float32)
    out = np.empty(queries.shape, dtype=np.int16)
    assert whole_bytes(queries, out)
    assert (out == 255).all()
    queries[1, 39] = value
    assert not whole_bytes(queries, out)


def test_threads_change_no_answer() -> None:
    vectors = mixture(2000, 40, 20)
    index, _ = built(vectors, recall=0.9)
    for n_queries in (1, 2, 7, 100):
        rows, values = index.search(vectors[:n_queries], 10)
        again = index.search(vectors[:n_queries], 10, n_threads=3)
        assert (again[0].tobytes(), again[1].tobytes()) == (rows.tobytes(), values.tobytes())


def test_plain_faiss_agrees_on_the_candidates() -> None:
    vectors = mixture(2000, 64, 20)
    index, lists = built(vectors)
    queries = mixture(50, 64, 20, seed=3)
    lists.index.nprobe = lists.index.nlist
    low = lists.nearest(queries, 1)[0]
    theirs = lists.index.search(low, 50)[1]
    ours = lists.propose(queries, 50, lists.index.nlist)
    shared = [np.intersect1d(a, b).size for a, b in zip(ours, theirs, strict=True)]
    assert np.mean(shared) >= 49.5
    assert index.shards[0].kind == "ivfsq"
    assert isinstance(lists.index, faiss.IndexIVFScalarQuantizer)
