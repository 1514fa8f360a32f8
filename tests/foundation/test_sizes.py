"""Sizes as people read and write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.sizes import parse_size, size_text


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (12_289, "12.0 KiB"),
        (1 << 20, "1.0 MiB"),
        (3 << 30, "3,072.0 MiB"),
    ],
)
def test_small_sizes_are_not_rounded_to_nothing(n_bytes: int, text: str) -> None:
    assert size_text(n_bytes) == text


@given(n_bytes=st.integers(0, 1 << 50))
def test_what_is_written_is_read_as_the_size_within_a_rounding(n_bytes: int) -> None:
    read = parse_size(size_text(n_bytes).replace(",", ""))
    assert abs(read - n_bytes) <= n_bytes * 0.05 + 1
    assert (read == 0) == (n_bytes == 0)
