"""Arrays from files: as numpy reads them, from many threads, and never from what is not plain."""

from __future__ import annotations

import contextlib
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hn

from foundation.npy import open_npy

ARRAYS = hn.arrays(
    dtype=st.sampled_from(["<f4", "<f2", "<i8", ">i4", "|u1", "|b1", "<U3", "|S5"]),
    shape=hn.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
)


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(array=ARRAYS, version=st.sampled_from([(1, 0), (2, 0), (3, 0)]), fortran=st.booleans())
def test_what_numpy_writes_is_read_as_numpy_reads_it(
    tmp_path: Path, array: np.ndarray, version: tuple[int, int], fortran: bool
) -> None:
    path = tmp_path / "a.npy"
    with path.open("wb") as file:
        np.lib.format.write_array(file, np.asfortranarray(array) if fortran else array, version=version)
    found, wanted = open_npy(path), np.load(path, allow_pickle=False)
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    np.testing.assert_array_equal(found, wanted)


def test_a_map_does_not_write_through(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(5))
    open_npy(tmp_path / "a.npy")[:] = 0
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), np.arange(5))


@pytest.mark.parametrize("array", [np.array([None, "x"]), np.zeros(3, dtype=[("a", "<i4")])], ids=["objects", "fields"])
def test_what_is_not_plain_is_refused(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(ValueError, match="not that of a plain array"):
        open_npy(tmp_path / "a.npy")


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_is_a_value_error_or_another_array(tmp_path: Path, data: st.DataObject) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.arange(6, dtype=np.int32).reshape(2, 3))
    raw = bytearray(buffer.getvalue())
    if data.draw(st.booleans(), label="cut"):
        raw = raw[: data.draw(st.integers(0, len(raw) - 1))]
    else:
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    (tmp_path / "a.npy").write_bytes(raw)
    with contextlib.suppress(ValueError):
        assert isinstance(open_npy(tmp_path / "a.npy"), np.ndarray)


def test_many_threads_open_at_once(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(12).reshape(3, 4))
    with ThreadPoolExecutor(8) as pool:
        shapes = set(pool.map(lambda _: open_npy(tmp_path / "a.npy").shape, range(4000)))
    assert shapes == {(3, 4)}
