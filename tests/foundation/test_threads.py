"""Ranges cover every row once; threads change nothing but the time."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidParams
from foundation.threads import Crew, ahead, balanced_ranges, bounded_ranges, even_ranges, run_ranges


def rows_of(ranges: list[tuple[int, int]]) -> list[int]:
    return list(itertools.chain.from_iterable(range(start, stop) for start, stop in ranges))


@settings(deadline=None)
@given(n=st.integers(0, 500), size=st.integers(1, 600))
def test_even_ranges_cover_every_row_once_in_order(n: int, size: int) -> None:
    ranges = even_ranges(n, size)
    assert rows_of(ranges) == list(range(n))
    assert all(stop - start == size for start, stop in ranges[:-1])


@pytest.mark.parametrize("size", [0, -1])
def test_ranges_of_no_rows_are_refused(size: int) -> None:
    with pytest.raises(InvalidParams, match=f"size = {size} cannot be used"):
        even_ranges(10, size)


@settings(deadline=None)
@given(
    degrees=st.lists(st.integers(0, 20) | st.just(300), max_size=60),
    cost=st.integers(1, 400),
    row_cost=st.integers(0, 5),
)
def test_balanced_ranges_cover_every_row_once_and_none_is_much_dearer(
    degrees: list[int], cost: int, row_cost: int
) -> None:
    indptr = np.concatenate(([0], np.cumsum(degrees))).astype(np.int64)
    ranges = balanced_ranges(indptr, cost, row_cost)
    assert rows_of(ranges) == list(range(len(degrees)))
    assert all(start < stop for start, stop in ranges)
    dearest_row = max(degrees, default=0) + row_cost
    for start, stop in ranges:
        assert sum(degrees[start:stop]) + row_cost * (stop - start) <= cost + dearest_row + 1


@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_every_range_is_worked_once_whatever_the_threads(n_threads: int) -> None:
    seen = np.zeros(100, dtype=np.int64)

    def work(start: int, stop: int) -> None:
        seen[start:stop] += 1

    run_ranges(work, even_ranges(100, 7), n_threads)
    assert (seen == 1).all()


def test_two_threads_really_run_at_once() -> None:
    meeting = threading.Barrier(2, timeout=30)
    run_ranges(lambda start, stop: meeting.wait() and None, [(0, 1), (1, 2)], 2)


@pytest.mark.parametrize("n_threads", [1, 3])
def test_the_error_of_the_first_failed_range_is_raised_and_the_rest_is_left_out(n_threads: int) -> None:
    begun: list[int] = []

    def work(start: int, stop: int) -> None:
        begun.append(start)
        if start >= 5:
            raise ValueError(f"range {start}")

    with pytest.raises(ValueError, match="range 5"):
        run_ranges(work, even_ranges(10_000, 1), n_threads)
    assert len(begun) < 10_000


@pytest.mark.parametrize("n_threads", [0, 1, 3])
def test_a_crew_works_round_after_round_and_after_an_error(n_threads: int) -> None:
    seen, begun = np.zeros((20, 100), dtype=np.int64), []

    def fail(start: int, stop: int) -> None:
        begun.append(start)
        raise ValueError(f"range {start}")

    with Crew(n_threads) as crew:
        for round_ in range(20):

            def work(start: int, stop: int, round_: int = round_) -> None:
                assert (seen[:round_] == 1).all()  # the round before is over
                seen[round_, start:stop] += 1

            crew.run(work, even_ranges(100, 7))
            if round_ == 5:
                with pytest.raises(ValueError, match="range 0"):
                    crew.run(fail, even_ranges(10_000, 1))
                n_begun = len(begun)
    assert (seen == 1).all()
    assert len(begun) == n_begun < 10_000


@given(sizes=st.lists(st.integers(0, 60), max_size=80), size=st.integers(1, 30), row_cost=st.integers(1, 9))
def test_bounded_ranges_have_few_rows_and_none_is_much_dearer(sizes: list[int], size: int, row_cost: int) -> None:
    indptr = np.concatenate(([0], np.cumsum(sizes, dtype=np.int64)))
    ranges = bounded_ranges(indptr, size, row_cost)
    assert [row for start, stop in ranges for row in range(start, stop)] == list(range(len(sizes)))
    total = sum(sizes) + row_cost * len(sizes)
    mean = total / max(1, -(-len(sizes) // size))
    dearest_row = max(sizes, default=0) + row_cost
    for start, stop in ranges:
        assert 0 < stop - start <= size
        assert sum(sizes[start:stop]) + row_cost * (stop - start) <= mean + dearest_row + 1


@given(items=st.lists(st.integers()))
def test_items_made_ahead_are_the_same_in_the_same_order(items: list[int]) -> None:
    assert list(ahead(iter(items))) == items


def test_the_next_item_is_made_while_one_is_in_use() -> None:
    made = [threading.Event() for _ in range(3)]

    def items() -> Iterator[int]:
        for number, event in enumerate(made):
            event.set()
            yield number

    for number in ahead(items()):
        assert all(event.wait(30) for event in made[: number + 2])


def test_an_error_while_making_an_item_is_raised_in_its_place() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    seen = []
    with pytest.raises(ValueError, match="broken"):
        seen.extend(ahead(items()))
    assert seen == [1]
