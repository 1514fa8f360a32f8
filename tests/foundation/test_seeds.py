"""Random streams are functions of their address."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.kernels.splitmix import hash2, mix64, uniform01
from foundation.seeds import key, stream

MASK = 2**64 - 1
WORDS = st.integers(0, MASK)


def mix64_oracle(x: int) -> int:
    """splitmix64's finaliser in exact integers."""
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


@settings(deadline=None)
@given(x=WORDS, a=WORDS)
def test_the_mixer_agrees_with_exact_integers(x: int, a: int) -> None:
    assert int(mix64(np.uint64(x))) == mix64_oracle(x)
    counter = (x + 0x9E3779B97F4A7C15 * (a + 1)) & MASK
    assert int(hash2(np.uint64(x), np.uint64(a))) == mix64_oracle(counter)


@settings(deadline=None)
@given(word=WORDS)
def test_uniform_numbers_lie_in_the_half_open_unit_interval(word: int) -> None:
    assert uniform01(np.uint64(word)) == (word >> 11) / 2**53 < 1


def test_a_stream_depends_on_each_part_of_its_address_and_on_nothing_else() -> None:
    addresses = [(0, "a"), (1, "a"), (0, "b"), (0, "a", 0), (0, "a", 1), (0, "a", 1, 0), (0, "a", 10), (-1, "a")]
    assert len({key(*address) for address in addresses}) == len(addresses)
    assert all(0 <= key(*address) <= MASK for address in addresses)
    first, again = stream(3, "walk", 5).random(100), stream(3, "walk", 5).random(100)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, stream(3, "walk", 6).random(100))


def test_numpy_integers_address_the_same_stream() -> None:
    assert key(np.int64(7), "a", np.int32(3)) == key(7, "a", 3)


def test_hashed_counters_fill_the_unit_interval_evenly() -> None:
    even = np.uint64(key(0, "even"))
    drawn = [uniform01(np.uint64(hash2(even, np.uint64(counter)))) for counter in range(20_000)]
    counts = np.histogram(drawn, bins=20, range=(0, 1))[0]
    # 1000 expected a bin with a standard deviation of 31: five of them.
    assert np.abs(counts - 1000).max() < 155
