"""Arrays on disk: what was written comes back, and damage is named."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from artifacts.arrays import open_array, write_array, write_pieces
from artifacts.disk import hash_file
from foundation.errors import ArtifactCorrupt, ArtifactMissing

DTYPES = st.sampled_from(["<f4", "<f8", "<i4", "<i8", "|u1", "<u2", "|b1"])


@settings(deadline=None, max_examples=60)
@given(
    array=DTYPES.flatmap(
        lambda d: hnp.arrays(np.dtype(d), hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=6))
    )
)
def test_an_array_comes_back_as_it_was_written(array: np.ndarray[Any, Any]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        entry = write_array(Path(directory), "a", array)
        again = open_array(Path(directory), "a", {"a.npy": entry})
        assert again.dtype == array.dtype
        np.testing.assert_array_equal(again, array)
        assert entry.sha256 == hash_file(Path(directory) / "a.npy")
        assert entry.bytes == (Path(directory) / "a.npy").stat().st_size


def test_pieces_give_the_same_file_as_the_whole(tmp_path: Path) -> None:
    whole = np.arange(60, dtype=np.float32).reshape(20, 3)
    one = write_array(tmp_path, "one", whole)
    many = write_pieces(tmp_path, "many", [whole[:1], whole[1:1], whole[1:13], whole[13:]], np.float32, (20, 3))
    assert one.sha256 == many.sha256


def test_pieces_that_do_not_fill_the_shape_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="pieces hold 3 values, shape \\(5,\\) needs 5"):
        write_pieces(tmp_path, "a", [np.zeros(3)], np.float64, (5,))


def test_writing_through_an_opened_array_does_not_change_the_file(tmp_path: Path) -> None:
    entry = write_array(tmp_path, "a", np.zeros(4))
    open_array(tmp_path, "a", {"a.npy": entry})[0] = 7
    assert hash_file(tmp_path / "a.npy") == entry.sha256


def test_numpy_reads_the_file_without_us(tmp_path: Path) -> None:
    write_array(tmp_path, "a", np.arange(5))
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), np.arange(5))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    entry = write_array(tmp_path, "a", np.arange(5))
    (tmp_path / "a.npy").unlink()
    with pytest.raises(ArtifactMissing, match=r"a\.npy"):
        open_array(tmp_path, "a", {"a.npy": entry})


@settings(deadline=None, max_examples=80)
@given(data=st.data())
def test_a_damaged_file_raises_our_error_or_keeps_its_type(data: st.DataObject) -> None:
    """Flipped bytes in the values are found by `verify`; here nothing but our own errors may come out."""
    array = np.arange(20, dtype=np.float32).reshape(4, 5)
    with tempfile.TemporaryDirectory() as directory:
        entry = write_array(Path(directory), "a", array)
        path = Path(directory) / "a.npy"
        raw = bytearray(path.read_bytes())
        if data.draw(st.booleans(), label="truncate"):
            raw = raw[: data.draw(st.integers(0, len(raw) - 1), label="length")]
        else:
            where = data.draw(st.integers(0, len(raw) - 1), label="where")
            raw[where] ^= data.draw(st.integers(1, 255), label="flip")
        path.write_bytes(raw)
        try:
            again = open_array(Path(directory), "a", {"a.npy": entry})
        except ArtifactCorrupt:
            return
        assert (again.dtype, again.shape) == (array.dtype, array.shape)
