"""Blocks of codes, the rotation, heaps and placing, each beside a plain transcription."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vectors.kernels.rotation import rotate_rows
from vectors.kernels.spann_blocks import HEAD_BYTES, LANES, PAIR_BYTES, scan_block
from vectors.kernels.spann_closure import thin_out
from vectors.kernels.spann_clusters import hash_rows
from vectors.kernels.spann_codes import decode_row, encode_row, pack_lists, place_lists, quantize_query
from vectors.kernels.spann_heads import new_pool, scan_children
from vectors.kernels.spann_heap import push, push_once, sort_heap
from vectors.spann.space import Space

Float32s = npt.NDArray[np.float32]


def packed(rows: Float32s, origin: Float32s) -> tuple[npt.NDArray[np.int8], int]:
    """One list of all rows, and its block size."""
    n, n_values = rows.shape[0], rows.shape[1]
    block_bytes = HEAD_BYTES + 16 * n_values
    codes = np.zeros((n, n_values), dtype=np.int8)
    facts = [encode_row(row, origin, code) for row, code in zip(rows, codes, strict=True)]
    constants, steps = (np.array([fact[i] for fact in facts], dtype=np.float32) for i in (0, 1))
    data = np.zeros(-(-n // LANES) * block_bytes, dtype=np.int8)
    pack_lists(
        np.arange(n),
        np.array([0, n]),
        np.zeros(1, dtype=np.int64),
        np.arange(n, dtype=np.int32),
        constants,
        steps,
        codes,
        block_bytes,
        data,
        data.view(np.int32),
        data.view(np.float32),
    )
    return data, block_bytes


@numba.njit
def scan_blocks(
    data: npt.NDArray[np.int8],
    n: int,
    block_bytes: int,
    asked: npt.NDArray[np.int16],
    base: np.float32,
    scale: np.float32,
    out: Float32s,
) -> None:
    """``out[row]`` of one list; its length is a multiple of 16."""
    n_pairs = (block_bytes - HEAD_BYTES) // PAIR_BYTES
    for block in range((n + LANES - 1) // LANES):
        here = out[block * LANES : (block + 1) * LANES]
        scan_block(data, block * block_bytes, asked, n_pairs, base, scale, np.float32(np.inf), here)


def scanned(data: npt.NDArray[np.int8], block_bytes: int, n: int, query: Float32s, origin: Float32s) -> Float32s:
    """Squared distances to all rows of the list, by row."""
    width = -(-query.size // LANES) * LANES
    asked = np.empty(width, dtype=np.int16)
    wide = [np.pad(row, (0, width - row.size)) for row in (query, origin)]
    base, scale = quantize_query(*wide, 32767, asked)
    out = np.empty(-(-n // LANES) * LANES, dtype=np.float32)
    scan_blocks(data, n, block_bytes, asked, base, scale, out)
    return out[:n]


@pytest.mark.parametrize("n", [1, 15, 16, 17, 100])
@pytest.mark.parametrize("dim", [2, 32, 96, 130])
def test_distances_from_codes_are_those_of_the_decoded_vectors(n: int, dim: int) -> None:
    draw = np.random.default_rng(n * dim)
    rows = draw.standard_normal((n, dim)).astype(np.float32)
    origin, query = (draw.standard_normal(dim).astype(np.float32) for _ in range(2))
    data, block_bytes = packed(rows, origin)
    decoded = np.empty_like(rows)
    for i in range(n):
        block = data[i // 16 * block_bytes :][:block_bytes]
        codes = block[HEAD_BYTES:].reshape(-1, 16, 2)[:, i % 16].ravel()
        decode_row(codes, block[:HEAD_BYTES].view(np.float32)[32 + i % 16], origin, decoded[i])
    assert np.abs(decoded - rows).max() <= np.abs(rows - origin).max() / 127 * 0.501
    # The constant is the exact length, so what differs is the coded product.
    r = (query - origin).astype(np.float64)
    residual = rows.astype(np.float64) - origin
    expected = (r**2).sum() + (residual**2).sum(axis=1) - 2 * (decoded.astype(np.float64) - origin) @ r
    np.testing.assert_allclose(scanned(data, block_bytes, n, query, origin), expected, rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize("wanted", [1, 7, 48, 200, 900])
@pytest.mark.parametrize("order", ["any", "rising", "falling", "equal"])
def test_the_nearest_children_are_those_of_a_sort(order: str, wanted: int) -> None:
    draw = np.random.default_rng(wanted)
    rows = draw.integers(-3, 4, (700, 32)).astype(np.float32)
    origin, query = np.zeros(32, dtype=np.float32), draw.standard_normal(32).astype(np.float32)
    distances = ((rows - query) ** 2).sum(axis=1)
    if order in ("rising", "falling"):
        rows = rows[np.argsort(distances if order == "rising" else -distances)]
    if order == "equal":
        rows[100:] = rows[:100].repeat(6, axis=0)
    data, block_bytes = packed(rows, origin)
    keys, nearest = np.empty(wanted, dtype=np.float32), np.empty(wanted, dtype=np.int32)
    n = scan_children(
        query,
        np.zeros(1, dtype=np.int32),
        1,
        origin[None],
        np.zeros(1, dtype=np.int64),
        np.array([0, 700]),
        data,
        data.view(np.int32),
        block_bytes,
        32767,
        np.empty(32, dtype=np.int16),
        np.empty(LANES, dtype=np.float32),
        new_pool(wanted),
        keys,
        nearest,
    )
    all_of = scanned(data, block_bytes, 700, query, origin)
    expected = np.lexsort((np.arange(700), all_of))[:wanted]
    assert nearest[:n].tolist() == expected.tolist()
    assert np.array_equal(keys[:n], all_of[expected])


def test_the_scan_adds_integers_exactly() -> None:
    draw = np.random.default_rng(5)
    n, dim = 40, 64
    codes = draw.integers(-127, 128, (n, dim)).astype(np.int8)
    block_bytes = HEAD_BYTES + 16 * dim
    data = np.zeros(3 * block_bytes, dtype=np.int8)
    pack_lists(
        np.arange(n),
        np.array([0, n]),
        np.zeros(1, dtype=np.int64),
        np.arange(n, dtype=np.int32),
        np.zeros(n, dtype=np.float32),
        np.ones(n, dtype=np.float32),
        codes,
        block_bytes,
        data,
        data.view(np.int32),
        data.view(np.float32),
    )
    asked = draw.integers(-32767, 32768, dim).astype(np.int16)
    out = np.empty(3 * LANES, dtype=np.float32)
    scan_blocks(data, n, block_bytes, asked, np.float32(0), np.float32(1), out)
    expected = -(codes.astype(np.int64) @ asked.astype(np.int64)).astype(np.float32)
    assert np.array_equal(out[:n], expected)


@settings(deadline=None)  # loops are compiled at their first call
@given(dim=st.integers(1, 200), seed=st.integers(0, 9))
def test_the_rotation_keeps_lengths_and_products(dim: int, seed: int) -> None:
    space = Space.drawn("l2", dim, 1.0, seed)
    rows = np.random.default_rng(seed).standard_normal((4, space.width)).astype(np.float32)
    rows[:, dim:] = 0
    turned = rows.copy()
    rotate_rows(turned, space.signs, space.order)
    np.testing.assert_allclose(turned @ turned.T, rows @ rows.T, rtol=1e-4, atol=1e-4)
    assert not turned[:, dim:].any()


def test_the_rotation_spreads_one_axis_over_all_others() -> None:
    for dim in (96, 127, 129):
        space = Space.drawn("l2", dim, 1.0, 0)
        rows = np.zeros((dim, space.width), dtype=np.float32)
        rows[np.arange(dim), np.arange(dim)] = 1
        rotate_rows(rows, space.signs, space.order)
        assert np.abs(rows).max() < 0.75


@settings(deadline=None)  # loops are compiled at their first call
@given(pairs=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9)), max_size=30), size=st.integers(1, 8))
def test_the_heap_keeps_the_smallest(pairs: list[tuple[int, int]], size: int) -> None:
    keys, ids = np.empty(size, dtype=np.float32), np.empty(size, dtype=np.int32)
    n = 0
    for key, id in pairs:
        n = push(keys, ids, n, np.float32(key), id)
    sort_heap(keys, ids, n)
    assert list(zip(keys[:n].tolist(), ids[:n].tolist(), strict=True)) == sorted(pairs)[:size]


@settings(deadline=None)  # loops are compiled at their first call
@given(pairs=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9)), max_size=30))
def test_an_id_that_comes_twice_keeps_its_smaller_key(pairs: list[tuple[int, int]]) -> None:
    keys, ids = np.empty(10, dtype=np.float32), np.full(16, -1, dtype=np.int32)
    n = 0
    for key, id in pairs:
        n = push_once(keys, ids, n, np.float32(key), id)
    sort_heap(keys, ids, n)
    least = sorted((min(key for key, other in pairs if other == id), id) for id in {id for _, id in pairs})
    assert list(zip(keys[:n].tolist(), ids[:n].tolist(), strict=True)) == least


@settings(deadline=None)  # loops are compiled at their first call
@given(counts=st.lists(st.integers(0, 100), max_size=40), n_pairs=st.integers(1, 300))
def test_no_list_touches_more_pages_than_it_needs(counts: list[int], n_pairs: int) -> None:
    block_bytes = HEAD_BYTES + 32 * n_pairs
    sizes = [-(-count // 16) * block_bytes for count in counts]
    ats = np.zeros(len(counts), dtype=np.int64)
    end = place_lists(np.array(counts, dtype=np.int32), block_bytes, 4096, ats)
    last = 0
    for at, size in zip(ats.tolist(), sizes, strict=True):
        assert at >= last
        last = at + size
        if size:
            assert (at + size - 1) // 4096 - at // 4096 + 1 == -(-size // 4096)
    assert end == last


@settings(deadline=None)  # loops are compiled at their first call
@given(seed=st.integers(0, 200), replicas=st.integers(1, 8))
def test_heads_are_thinned_out_as_the_rule_says(seed: int, replicas: int) -> None:
    draw = np.random.default_rng(seed)
    row, heads = draw.integers(-3, 4, 16).astype(np.float32), draw.integers(-3, 4, (12, 16)).astype(np.float32)
    to_row = ((heads - row) ** 2).sum(axis=1).astype(np.float32)
    kept = np.empty(replicas, dtype=np.int64)
    n = thin_out(to_row, np.arange(12, dtype=np.int32), heads, np.empty(12, dtype=np.int64), 12, kept, replicas)
    expected: list[int] = []
    for one in sorted(range(12), key=lambda i: (to_row[i], i)):
        if len(expected) < replicas and all(((heads[one] - heads[s]) ** 2).sum() >= to_row[one] for s in expected):
            expected.append(one)
    assert kept[:n].tolist() == expected


def test_equal_rows_have_equal_hashes_and_others_do_not() -> None:
    rows = np.array([[0.0, 1.0], [-0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], dtype=np.float32)
    hashes = np.zeros(5, dtype=np.uint64)
    hash_rows(rows.view(np.uint32), hashes)
    assert hashes[0] == hashes[1] == hashes[3]
    assert len(set(hashes.tolist())) == 3
