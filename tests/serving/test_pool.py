"""The pool: nothing waits while there is a thread, what waits is run together, what cannot wait is refused."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.jobs import Job, Outcome
from serving.limits import Limits
from serving.pool import Overloaded, Pool


class Work:
    """Runs that wait for a gate and remember what was run together."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.runs: list[list[Any]] = []
        self.busy = self.most_busy = 0
        self._lock = threading.Lock()

    def run(self, several: Sequence[Any]) -> list[Outcome]:
        with self._lock:
            self.runs.append(list(several))
            self.busy += 1
            self.most_busy = max(self.most_busy, self.busy)
        self.gate.wait(30)
        with self._lock:
            self.busy -= 1
        return [one if isinstance(one, Exception) else repr(one).encode() for one in several]

    def job(
        self, what: Any, group: str | None = None, size: int = 1, heavy: bool = False, kind: str | None = None
    ) -> Job:
        return Job(run=self.run, what=what, group=group, kind=kind, size=size, heavy=heavy)


@pytest.fixture
def work() -> Iterator[Work]:
    work = Work()
    yield work
    work.gate.set()


def playing(limits: Limits, play: Callable[[Pool], Coroutine[Any, Any, None]]) -> None:
    """Run ``play`` with a pool in a loop of its own."""

    async def whole() -> None:
        pool = Pool(limits)
        try:
            await play(pool)
        finally:
            pool.close()

    asyncio.run(whole())


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(4000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came true")


def test_a_job_begins_at_once_and_alone_while_there_is_a_thread(work: Work) -> None:
    async def play(pool: Pool) -> None:
        tasks = [asyncio.create_task(pool.run(work.job(number))) for number in range(3)]
        await until(lambda: work.busy == 3)
        assert pool.state().running == 3
        work.gate.set()
        assert await asyncio.gather(*tasks) == [b"0", b"1", b"2"]
        assert pool.state().calls == pool.state().jobs == 3

    playing(Limits(threads=3), play)
    assert sorted(work.runs) == [[0], [1], [2]]


def test_what_waits_of_one_group_is_run_together_in_order(work: Work) -> None:
    async def play(pool: Pool) -> None:
        first = asyncio.create_task(pool.run(work.job("first", "a")))
        await until(lambda: work.busy == 1)
        rest = [asyncio.create_task(pool.run(work.job(number, "ab"[number % 2]))) for number in range(6)]
        await until(lambda: pool.state().waiting == 6)
        work.gate.set()
        assert await asyncio.gather(first, *rest) == [b"'first'", *(str(number).encode() for number in range(6))]
        assert (pool.state().calls, pool.state().jobs) == (3, 7)

    playing(Limits(threads=1), play)
    assert work.runs == [["first"], [0, 2, 4], [1, 3, 5]]


def test_jobs_without_a_group_are_never_run_together(work: Work) -> None:
    async def play(pool: Pool) -> None:
        tasks = [asyncio.create_task(pool.run(work.job(number))) for number in range(5)]
        await until(lambda: pool.state().waiting == 4)
        work.gate.set()
        await asyncio.gather(*tasks)

    playing(Limits(threads=1), play)
    assert all(len(run) == 1 for run in work.runs)


def test_no_call_takes_more_queries_than_it_may(work: Work) -> None:
    async def play(pool: Pool) -> None:
        first = asyncio.create_task(pool.run(work.job("first")))
        await until(lambda: work.busy == 1)
        rest = [asyncio.create_task(pool.run(work.job(size, "a", size))) for size in (3, 4, 2, 9, 1)]
        await until(lambda: pool.state().waiting == 5)
        work.gate.set()
        await asyncio.gather(first, *rest)

    playing(Limits(threads=1, batch=6), play)
    assert work.runs == [["first"], [3, 2, 1], [4], [9]]


def test_calls_of_one_group_keep_to_their_lanes_and_others_pass_them_by(work: Work) -> None:
    async def play(pool: Pool) -> None:
        tasks = [asyncio.create_task(pool.run(work.job(0, "a")))]
        await until(lambda: work.busy == 1)
        tasks += [asyncio.create_task(pool.run(work.job(number, "a"))) for number in range(1, 4)]
        tasks.append(asyncio.create_task(pool.run(work.job("other", "b"))))
        await until(lambda: work.busy == 2)
        assert pool.state().waiting == 3
        work.gate.set()
        await asyncio.gather(*tasks)

    playing(Limits(threads=4, lanes=1), play)
    assert work.most_busy == 2
    assert work.runs[:2] == [[0], ["other"]]
    assert work.runs[2:] == [[1, 2, 3]]


def test_long_calls_of_one_group_share_the_cores_and_what_waits(work: Work) -> None:
    async def play(pool: Pool) -> None:
        tasks = [asyncio.create_task(pool.run(work.job(0, "a")))]
        await until(lambda: work.busy == 1)
        # Nobody knows how long a call takes: another begins, with its share of what waits.
        tasks += [asyncio.create_task(pool.run(work.job(number, "a"))) for number in range(1, 5)]
        await until(lambda: work.busy == 2)
        assert pool.state().waiting >= 2  # it took half of what had come by then
        work.gate.set()
        await asyncio.gather(*tasks)

    playing(Limits(threads=4, lanes=2), play)
    assert work.most_busy == 2
    assert sorted(number for run in work.runs for number in run) == list(range(5))


def test_who_waits_for_a_call_that_turns_out_long_begins_beside_it(work: Work) -> None:
    async def play(pool: Pool) -> None:
        work.gate.set()
        for number in range(50):  # short ones, whose mean says that the next is too
            await pool.run(work.job(number, "a", kind="short"))
        work.gate.clear()
        tasks = [asyncio.create_task(pool.run(work.job("long", "a", kind="short")))]
        await until(lambda: work.busy == 1)
        tasks.append(asyncio.create_task(pool.run(work.job("next", "a", kind="short"))))
        await until(lambda: work.busy == 2)
        work.gate.set()
        await asyncio.gather(*tasks)

    playing(Limits(threads=4, lanes=2), play)


def test_short_jobs_without_a_group_wait_for_each_other_and_are_run_one_by_one(work: Work) -> None:
    async def play(pool: Pool) -> None:
        work.gate.set()
        for number in range(50):
            await pool.run(work.job(number, kind="short"))
        work.gate.clear()
        tasks = [asyncio.create_task(pool.run(work.job(number, kind="short"))) for number in range(50, 54)]
        await until(lambda: work.busy == 1)
        await asyncio.sleep(0.05)
        assert work.busy == 1
        work.gate.set()
        assert await asyncio.gather(*tasks) == [b"50", b"51", b"52", b"53"]

    playing(Limits(threads=4, lanes=1), play)
    assert work.runs == [[number] for number in range(54)]


def test_what_takes_long_leaves_threads_for_the_rest(work: Work) -> None:
    async def play(pool: Pool) -> None:
        tasks = [asyncio.create_task(pool.run(work.job("heavy", heavy=True))) for _ in range(4)]
        await until(lambda: work.busy == 1)
        tasks.append(asyncio.create_task(pool.run(work.job("light"))))
        await until(lambda: work.busy == 2)
        assert work.runs == [["heavy"], ["light"]]
        work.gate.set()
        await asyncio.gather(*tasks)

    playing(Limits(threads=4, heavy=1), play)
    assert len(work.runs) == 5


def test_a_full_line_refuses_and_says_when_to_come_again(work: Work) -> None:
    async def play(pool: Pool) -> None:
        tasks = [asyncio.create_task(pool.run(work.job(number))) for number in range(3)]
        await until(lambda: work.busy == 1 and pool.state().waiting == 2)
        with pytest.raises(Overloaded) as refused:
            await pool.run(work.job("late"))
        assert 1 <= refused.value.retry_after <= 60
        assert pool.state().refused == 1
        work.gate.set()
        await asyncio.gather(*tasks)

    playing(Limits(threads=1, queue=2), play)
    assert ["late"] not in work.runs


def test_who_waited_too_long_is_refused_without_being_run(work: Work) -> None:
    async def play(pool: Pool) -> None:
        first = asyncio.create_task(pool.run(work.job("first")))
        await until(lambda: work.busy == 1)
        with pytest.raises(Overloaded):
            await pool.run(work.job("late"))
        assert pool.state().waiting == 0
        work.gate.set()
        assert await first == b"'first'"

    playing(Limits(threads=1, wait_seconds=0.05), play)
    assert work.runs == [["first"]]


def test_who_goes_away_while_waiting_is_not_run(work: Work) -> None:
    async def play(pool: Pool) -> None:
        first = asyncio.create_task(pool.run(work.job("first")))
        await until(lambda: work.busy == 1)
        gone = asyncio.create_task(pool.run(work.job("gone")))
        await until(lambda: pool.state().waiting == 1)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        work.gate.set()
        await first

    playing(Limits(threads=1), play)
    assert work.runs == [["first"]]


def test_who_goes_away_while_it_runs_disturbs_nobody(work: Work) -> None:
    async def play(pool: Pool) -> None:
        first = asyncio.create_task(pool.run(work.job("first")))
        await until(lambda: work.busy == 1)
        several = [asyncio.create_task(pool.run(work.job(number, "a"))) for number in range(3)]
        await until(lambda: pool.state().waiting == 3)
        first.cancel()
        work.gate.set()
        assert await asyncio.gather(*several) == [b"0", b"1", b"2"]

    playing(Limits(threads=1), play)


def test_an_outcome_that_is_an_error_is_raised_to_its_own_asker(work: Work) -> None:
    async def play(pool: Pool) -> None:
        first = asyncio.create_task(pool.run(work.job("first")))
        await until(lambda: work.busy == 1)
        good = asyncio.create_task(pool.run(work.job(1, "a")))
        bad = asyncio.create_task(pool.run(work.job(KeyError("x"), "a")))
        await until(lambda: pool.state().waiting == 2)
        work.gate.set()
        with pytest.raises(KeyError):
            await bad
        assert (await good, await first) == (b"1", b"'first'")

    playing(Limits(threads=1), play)


def test_a_closed_pool_takes_nothing(work: Work) -> None:
    async def play(pool: Pool) -> None:
        pool.close()
        with pytest.raises(Overloaded):
            await pool.run(work.job(1))

    playing(Limits(), play)


@settings(deadline=None)
@given(
    jobs=st.lists(
        st.tuples(st.sampled_from(["a", "b", None]), st.integers(1, 9), st.booleans()), min_size=1, max_size=40
    ),
    threads=st.integers(1, 4),
    lanes=st.integers(1, 3),
    batch=st.integers(1, 12),
)
def test_every_job_is_run_once_whatever_the_limits(
    jobs: list[tuple[str | None, int, bool]], threads: int, lanes: int, batch: int
) -> None:
    work = Work()
    work.gate.set()

    async def play(pool: Pool) -> None:
        runs = [pool.run(work.job((number, *job), job[0], job[1], job[2])) for number, job in enumerate(jobs)]
        answers = await asyncio.gather(*runs)
        assert answers == [repr((number, *job)).encode() for number, job in enumerate(jobs)]

    playing(Limits(threads=threads, lanes=lanes, batch=batch, heavy=1, queue=100), play)
    assert sorted(one[0] for run in work.runs for one in run) == list(range(len(jobs)))
    assert work.most_busy <= threads
    for run in work.runs:
        assert len({one[1] for one in run}) == 1
        assert len(run) == 1 or sum(one[2] for one in run) <= batch
