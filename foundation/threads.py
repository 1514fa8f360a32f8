"""Ranges of rows over threads.

Kernels are single-threaded loops over ``[start, stop)`` that release the interpreter lock; this is
the one place that runs several at a time. Each range is written by one call, so the bytes cannot
depend on the number of threads.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Final, Self, TypeVar, final

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidParams

S = TypeVar("S")
T = TypeVar("T")
_END: Final = object()


def even_ranges(n: int, size: int) -> list[tuple[int, int]]:
    """``[0, n)`` cut into ranges of ``size`` (1 or more), the last one shorter; empty for ``n = 0``."""
    if size < 1:
        raise InvalidParams(name="size", value=size, allowed="1 or more")
    return [(start, min(start + size, n)) for start in range(0, n, size)]


def balanced_ranges(indptr: npt.NDArray[np.int64], cost: int, row_cost: int = 1) -> list[tuple[int, int]]:
    """Rows of a CSR cut into ranges of about ``cost`` each, a row costing its entries plus ``row_cost``.

    Boundaries depend on ``indptr`` and the costs only. A row is never cut.
    """
    n_rows = indptr.size - 1
    if n_rows == 0:
        return []
    total = int(indptr[-1] - indptr[0]) + n_rows * row_cost
    n_ranges = max(1, -(-total // max(1, cost)))
    cumulative = np.asarray(indptr[1:]) - indptr[0] + row_cost * np.arange(1, n_rows + 1, dtype=np.int64)
    targets = (np.arange(1, n_ranges, dtype=np.int64) * total) // n_ranges
    cuts = np.unique(np.concatenate(([0], np.searchsorted(cumulative, targets) + 1, [n_rows])))
    cuts = cuts[cuts <= n_rows]
    return [(int(start), int(stop)) for start, stop in itertools.pairwise(cuts)]


def bounded_ranges(indptr: npt.NDArray[np.int64], size: int, row_cost: int = 1) -> list[tuple[int, int]]:
    """Rows of a CSR cut into ranges of at most ``size`` rows, none of which costs much more than their mean.

    The cost is that of `balanced_ranges`. A range of few long rows is as much work as one of many short rows; a single
    row may still be more.
    """
    n_rows = indptr.size - 1
    n_ranges = max(1, -(-n_rows // max(1, size)))
    total = int(indptr[-1] - indptr[0]) + n_rows * row_cost
    return [
        (start + first, start + last)
        for start, stop in balanced_ranges(indptr, -(-total // n_ranges), row_cost)
        for first, last in even_ranges(stop - start, size)
    ]


def ahead(items: Iterable[T]) -> Iterator[T]:
    """The same items, the next one made in a thread of its own while the one before is in use."""
    source = iter(items)
    with ThreadPoolExecutor(max_workers=1) as pool:
        following = pool.submit(next, source, _END)
        while (item := following.result()) is not _END:
            following = pool.submit(next, source, _END)
            yield item  # type: ignore[misc]  # _END is no item


def run_ranges(work: Callable[[int, int], None], ranges: Sequence[tuple[int, int]], n_threads: int) -> None:
    """Call ``work(start, stop)`` for every range, ``n_threads`` at a time.

    An error of ``work`` (of the first range in order that failed) is raised as soon as the calls under way have
    ended; ranges not yet begun are then left out.
    """
    with Crew(min(n_threads, len(ranges))) as crew:
        crew.run(work, ranges)


@final
class Crew:
    """Threads that stay for round after round of ranges: to start them anew takes as long as a short round does."""

    def __init__(self, n_threads: int) -> None:
        self.n_threads = max(1, n_threads)
        self._pool = ThreadPoolExecutor(max_workers=n_threads) if n_threads > 1 else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def run(self, work: Callable[[int, int], None], ranges: Sequence[tuple[int, int]]) -> None:
        """As `run_ranges`."""
        if self._pool is None or len(ranges) <= 1:
            for start, stop in ranges:
                work(start, stop)
            return
        failed = threading.Event()

        def work_unless_failed(start: int, stop: int) -> None:
            if not failed.is_set():
                try:
                    work(start, stop)
                except BaseException:
                    failed.set()
                    raise

        futures = [self._pool.submit(work_unless_failed, start, stop) for start, stop in ranges]
        try:
            for future in futures:
                future.result()
        finally:  # after an error, too, or an interrupt, nothing is under way or still to come
            failed.set()
            wait(futures)


def in_order(work: Callable[[S], T], items: Iterable[S], n_threads: int) -> Iterator[T]:
    """``work(item)`` of every item, in the order of the items, ``n_threads`` at a time.

    At most ``n_threads + 1`` results wait to be taken, however fast they come. An error of ``work`` is raised where its
    result would stand.
    """
    if n_threads <= 1:
        yield from map(work, items)
        return
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(max_workers=n_threads) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > n_threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
