"""Ragged token vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidInput
from tests.vectors.strategies import coded_sets, plain
from vectors.tokens.multivector import MultiVectors, readonly


def test_documents_come_back_as_they_were_given() -> None:
    sets = [[[1.0, 2.0]], [], [[3.0, 4.0], [5.0, 6.0]]]
    vectors = MultiVectors.from_list(sets)
    assert (vectors.n_docs, vectors.n_tokens, vectors.dim) == (3, 3, 2)
    assert [vectors.doc(doc).tolist() for doc in range(3)] == sets
    assert vectors.offsets.tolist() == [0, 1, 1, 3]


def test_no_documents_and_only_empty_ones_need_a_width() -> None:
    assert MultiVectors.from_list([], dim=3).n_docs == 0
    assert MultiVectors.from_list([[], []], dim=3).doc(1).shape == (0, 3)
    with pytest.raises(InvalidInput, match="pass dim"):
        MultiVectors.from_list([[], []])


@pytest.mark.parametrize(
    "sets",
    [
        [[[1.0, 2.0]], [[1.0]]],
        [[1.0, 2.0]],
        [[[1.0, np.nan]]],
        [[[1.0, np.inf]]],
    ],
    ids=["widths differ", "not a matrix", "nan", "infinite"],
)
def test_sets_that_make_no_sense_are_refused(sets: Any) -> None:
    with pytest.raises(InvalidInput):
        MultiVectors.from_list(sets)


def test_a_width_that_differs_from_the_one_named_is_refused() -> None:
    with pytest.raises(InvalidInput, match="document 0 has shape"):
        MultiVectors.from_list([[[1.0, 2.0]]], dim=3)


GOOD: dict[str, Any] = {
    "vectors": np.zeros((3, 2), np.float32),
    "offsets": np.array([0, 1, 4], np.int64),
    "codes": np.array([0, 2, 2, 1], np.int32),
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"vectors": np.zeros((3, 2))},
        {"vectors": np.zeros(3, np.float32)},
        {"vectors": np.zeros((3, 0), np.float32)},
        {"vectors": np.asfortranarray(np.zeros((3, 2), np.float32))},
        {"offsets": np.array([0, 1, 4], np.int32)},
        {"offsets": np.array([1, 1, 4], np.int64)},
        {"offsets": np.array([0, 1, 3], np.int64)},
        {"offsets": np.array([0, 5, 4], np.int64)},
        {"offsets": np.array([0, -1, 4], np.int64)},
        {"offsets": np.zeros(0, np.int64)},
        {"offsets": np.zeros((1, 1), np.int64)},
        {"codes": np.array([0, 2, 2, 1], np.int64)},
        {"codes": np.array([0, 2, 3, 1], np.int32)},
        {"codes": np.array([0, 2, -1, 1], np.int32)},
        {"codes": np.zeros(8, np.int32)[::2]},
        {"codes": np.zeros((4, 1), np.int32)},
        {"codes": None},
    ],
)
def test_arrays_that_do_not_fit_are_refused(wrong: dict[str, Any]) -> None:
    MultiVectors(**GOOD)
    with pytest.raises(InvalidInput):
        MultiVectors(**{**GOOD, **wrong})


@settings(deadline=None, max_examples=50)
@given(sets=coded_sets(dim=2), data=st.data())
def test_a_slice_holds_the_same_documents_in_the_same_memory(sets: MultiVectors, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, sets.n_docs))
    stop = data.draw(st.integers(start, sets.n_docs))
    for layout in (sets, plain(sets)):
        part = layout.slice(start, stop)
        assert part.n_docs == stop - start
        for doc in range(part.n_docs):
            np.testing.assert_array_equal(part.doc(doc), layout.doc(start + doc))
        if part.n_tokens:
            held = part.vectors if part.codes is None else part.codes
            assert np.shares_memory(held, layout.vectors if layout.codes is None else layout.codes)


@settings(deadline=None, max_examples=50)
@given(sets=coded_sets(dim=3))
def test_coded_and_plain_layouts_hold_the_same_tokens(sets: MultiVectors) -> None:
    written_out = plain(sets)
    assert written_out.n_tokens == sets.n_tokens
    for doc in range(sets.n_docs):
        np.testing.assert_array_equal(sets.doc(doc), written_out.doc(doc))


def test_memory_mapped_arrays_are_taken_as_they_are(tmp_path: Path) -> None:
    for name, array in GOOD.items():
        np.save(tmp_path / f"{name}.npy", array)
    mapped: dict[str, Any] = {name: np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in GOOD}
    sets = MultiVectors(**mapped)
    assert isinstance(sets.vectors, np.memmap)
    np.testing.assert_array_equal(sets.doc(1), MultiVectors(**GOOD).doc(1))


def test_a_readonly_view_is_the_same_memory_and_leaves_the_original_writable() -> None:
    array = np.zeros(3)
    view = readonly(array)
    array[0] = 1.0
    assert view[0] == 1.0
    assert array.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 2.0
