"""Masks of where an array is below another one."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from foundation.kernels.below import PLACES, below, first_bit


@numba.njit
def masked(values, limits, at):  # type: ignore[no-untyped-def]
    """The places as bools, bit by bit from the lowest."""
    found = np.zeros(PLACES, dtype=np.bool_)
    mask = below(values, limits, at)
    while mask != 0:
        found[first_bit(mask)] = True
        mask &= mask - np.uint64(1)
    return found


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(deadline=None)
@given(data=st.data())
def test_masks_are_comparisons(dtype: type, data: st.DataObject) -> None:
    width = 8 * np.dtype(dtype).itemsize
    elements = st.sampled_from([0, 1, np.inf, -np.inf, np.nan, -0.0]) | st.floats(width=width)
    values, limits = (data.draw(st_numpy.arrays(dtype, PLACES + 9, elements=elements)) for _ in range(2))
    at = data.draw(st.integers(0, 9))
    expected = values[at : at + PLACES] < limits[at : at + PLACES]
    assert masked(values, limits, at).tolist() == expected.tolist()
