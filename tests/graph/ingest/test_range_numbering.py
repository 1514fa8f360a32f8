"""Numbering a range of ids at a time gives what numbering all of them at once gives, in ranges of about one cost."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.ids import Ids, StringIds
from foundation.pieces import Pieces
from graph import assembly
from graph.ids import integer_ids
from graph.ingest.chunk import Chunk
from graph.ingest.numbering import rows_of, unite_ids
from graph.ingest.range_numbering import number_chunks
from graph.ingest.spill import Spill

INTEGERS = st.one_of(st.integers(0, 12), st.integers(-(2**63), 2**63 - 1))
STRINGS = st.text(st.sampled_from("ab\x00é𝄞"), min_size=1, max_size=4)


def as_ids(values: set[Any], integers: bool) -> Ids:
    if integers:
        return integer_ids(np.array(sorted(values), dtype=np.int64))
    return StringIds.from_sorted(sorted(values))


def chunk_of(ids: Ids, degrees: list[int]) -> Chunk:
    indptr = np.concatenate(([0], np.cumsum(np.array(degrees, dtype=np.int64))))
    return Chunk(ids=ids, indptr=indptr, indices=np.zeros(int(indptr[-1]), dtype=np.int32), weights=None)


def whole(array: Any) -> Any:
    """An array that came in pieces, which must be what was announced."""
    if not isinstance(array, Pieces):
        return array
    made = np.concatenate([np.empty(0, dtype=array.dtype), *array.pieces])
    assert made.shape == array.shape
    assert made.nbytes == array.nbytes
    return made


@st.composite
def columns(draw: st.DrawFn) -> tuple[bool, list[Chunk]]:
    """Chunks that share ids or none, some without any, some whose ids are 0 … n-1."""
    integers = draw(st.booleans())
    sets = draw(st.lists(st.sets(INTEGERS if integers else STRINGS, max_size=12), min_size=1, max_size=5))
    degree = st.sampled_from([0, 1, 1, 2, 50])
    return integers, [
        chunk_of(as_ids(values, integers), [draw(degree) for _ in values])
        for values in (set(range(len(values))) if integers and draw(st.booleans()) else values for values in sets)
    ]


@settings(deadline=None)
@given(drawn=columns(), n_ranges=st.integers(1, 6), widest=st.sampled_from([3, 2**31 - 1]))
def test_ranges_give_what_numbering_at_once_gives(
    tmp_path_factory: pytest.TempPathFactory, drawn: tuple[bool, list[Chunk]], n_ranges: int, widest: int
) -> None:
    _, chunks = drawn
    ids = unite_ids([chunk.ids for chunk in chunks])
    with pytest.MonkeyPatch.context() as patch, Spill(tmp_path_factory.getbasetemp()) as spill:
        patch.setattr(assembly, "INT32_NODES", widest)
        rows = list(rows_of(ids, [chunk.ids for chunk in chunks]))
        numbered = number_chunks([partial(lambda chunk: chunk, chunk) for chunk in chunks], n_ranges, spill)
        found = {name: whole(array) for name, array in numbered.ids()}
        found_rows = [whole(numbered.rows(number)) for number in range(len(chunks))]
    assert found.keys() == ids.arrays().keys()
    for name, array in ids.arrays().items():
        np.testing.assert_array_equal(found[name], array, strict=True)
    for made, expected in zip(found_rows, rows, strict=True):
        np.testing.assert_array_equal(made, expected, strict=True)
    assert numbered.cuts.shape == (n_ranges + 1,)
    assert numbered.cuts[0] == 0
    assert numbered.cuts[-1] == len(ids)
    assert np.all(np.diff(numbered.cuts) >= 0)


def test_ranges_cost_about_the_same_where_few_ids_have_most_arcs(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    chunks = []
    for _ in range(8):
        values, counts = np.unique((2e6 * rng.random(50_000) ** 4).astype(np.int64), return_counts=True)
        chunks.append(chunk_of(integer_ids(values), counts.tolist()))
    with Spill(tmp_path) as spill:
        numbered = number_chunks([partial(lambda chunk: chunk, chunk) for chunk in chunks], 8, spill)
        rows = [whole(numbered.rows(number)) for number in range(8)]
    costs = np.zeros(8)
    for chunk, found in zip(chunks, rows, strict=True):
        np.add.at(costs, np.searchsorted(numbered.cuts, found, side="right") - 1, 1 + np.diff(chunk.indptr))
    assert costs.max() < 1.2 * costs.mean()


def test_what_was_spilled_can_be_read_when_the_file_is_closed_and_leaves_no_file(tmp_path: Path) -> None:
    with Spill(tmp_path) as spill:
        arrays = [np.arange(n, dtype=dtype) for n in (3, 0, 5000) for dtype in (np.uint8, np.int32, np.int64)]
        places = [spill.put(array) for array in arrays]
        assert list(tmp_path.iterdir()) == []
        found = [spill.get(place) for place in places]
        late = spill.put(np.arange(7))
        assert spill.get(late).tolist() == list(range(7))
    for array, got in zip(arrays, found, strict=True):
        np.testing.assert_array_equal(got, array, strict=True)
    found[0][0] = 9  # copy-on-write: nobody else sees it
    assert places[0].size == 3
