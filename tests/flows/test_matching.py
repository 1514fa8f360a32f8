"""Rows and edges of two versions matched by id, against sets."""

from __future__ import annotations

import hashlib

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.matching import count_lost_edges, hash_ids, inverse_rows, match_rows, sample_rows
from foundation.ids import Ids, IntegerIds, StringIds
from graph.csr import CSRGraph

texts = st.sets(st.text(max_size=6), max_size=30)
pairs = st.sets(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=60)


def string_ids(found: set[str]) -> Ids:
    return StringIds.from_sorted(sorted(found, key=str.encode))


@given(texts, texts)
def test_rows_are_matched_by_their_ids(old: set[str], new: set[str]) -> None:
    before, after = string_ids(old), string_ids(new)
    rows = match_rows(hash_ids(before), hash_ids(after))
    found = {before[row]: after[int(to)] for row, to in enumerate(rows) if to >= 0}
    assert found == {id: id for id in old & new}
    back = inverse_rows(rows, len(after))
    assert {after[row]: before[int(to)] for row, to in enumerate(back) if to >= 0} == found


def test_integers_and_their_text_are_the_same_id() -> None:
    numbers = IntegerIds(3, np.array([-4, 7, 30]))
    assert set(hash_ids(numbers).tolist()) == set(hash_ids(string_ids({"-4", "7", "30"})).tolist())
    assert hash_ids(IntegerIds(2)).tolist() == hash_ids(string_ids({"0", "1"})).tolist()


def test_hashes_are_those_of_the_text() -> None:
    wanted = int.from_bytes(hashlib.blake2b("ä".encode(), digest_size=8).digest(), "little")
    assert hash_ids(string_ids({"ä"})).tolist() == [wanted]


@given(st.sets(st.integers(0, 2**64 - 1), min_size=1, max_size=50), st.integers(1, 60), st.data())
def test_a_sample_keeps_what_stays(hashes: set[int], n: int, data: st.DataObject) -> None:
    drawn = np.array(data.draw(st.permutations(sorted(hashes))), dtype=np.uint64)
    rows = np.arange(drawn.size)
    sampled = set(drawn[sample_rows(drawn, rows, n)].tolist())
    assert sampled == set(sorted(hashes)[:n])
    left = drawn[1:]
    again = set(left[sample_rows(left, np.arange(left.size), n)].tolist())
    assert sampled - {int(drawn[0])} <= again


def graph_of(arcs: set[tuple[int, int]], ids: list[int], duplicates: bool) -> CSRGraph:
    """A graph over ``ids`` whose arcs name ids."""
    row = {id: number for number, id in enumerate(ids)}
    kept = sorted((row[src], row[dst]) for src, dst in arcs if src in row and dst in row) * (2 if duplicates else 1)
    src, dst = ([arc[side] for arc in kept] for side in (0, 1))
    return CSRGraph.from_edges(
        np.array(src, dtype=np.int64),
        np.array(dst, dtype=np.int64),
        node_ids=IntegerIds(len(ids), np.array(ids, dtype=np.int64)),
        duplicates="keep",
    )


@settings(deadline=None)  # the first call may compile
@given(pairs, pairs, st.sets(st.integers(0, 12)), st.sets(st.integers(0, 12)), st.booleans())
def test_lost_edges_are_those_whose_ends_are_no_longer_joined(
    old: set[tuple[int, int]], new: set[tuple[int, int]], old_ids: set[int], new_ids: set[int], parallel: bool
) -> None:
    before, after = graph_of(old, sorted(old_ids), parallel), graph_of(new, sorted(new_ids), False)
    to_new = match_rows(hash_ids(before.node_ids), hash_ids(after.node_ids))
    there = {(src, dst) for src, dst in old if {src, dst} <= old_ids}
    kept = {(src, dst) for src, dst in new if {src, dst} <= new_ids}
    assert count_lost_edges(before, after, to_new) == len(there - kept) * (2 if parallel else 1)
