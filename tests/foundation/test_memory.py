"""Memory for results is zeros that can be written, small or large."""

from __future__ import annotations

import numpy as np
import pytest

from foundation.memory import written_once


@pytest.mark.parametrize("shape", [(0, 4), (3, 5), (1024, 300), (1 << 18, 2)])
def test_memory_for_a_result_is_writable_zeros(shape: tuple[int, int]) -> None:
    for dtype in (np.float32, np.int64):
        array = written_once(shape, dtype)
        assert array.shape == shape
        assert array.dtype == dtype
        assert array.flags.c_contiguous
        assert not array.any()
        array[...] = 1
        assert array.sum() == array.size
