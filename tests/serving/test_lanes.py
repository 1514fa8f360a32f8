"""Lanes: short calls keep to one, long ones take the cores that are free and share what waits evenly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from serving.jobs import Job, Outcome
from serving.lanes import LONG, Call, Lanes
from serving.limits import Limits


class Clock:
    """Seconds that pass when told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def run(several: Sequence[Any]) -> list[Outcome]:
    raise AssertionError("nothing runs here")


def job(kind: str | None = "a", *, group: str | None = "g", size: int = 1, heavy: bool = False) -> Job:
    return Job(run=run, what=None, group=group, kind=kind, size=size, heavy=heavy)


def learnt(seconds: float, *, size: int = 1, group: str | None = "g", **limits: int) -> tuple[Lanes, Clock]:
    """Lanes that know how long a job takes."""
    clock = Clock()
    lanes = Lanes(Limits(**({"lanes": 2, "threads": 6} | limits)), clock)
    call = lanes.begin([job(size=size, group=group)])
    clock.now += seconds
    lanes.end([job(size=size, group=group)], call)
    return lanes, clock


def test_a_second_short_call_waits_for_the_first() -> None:
    lanes, _ = learnt(0.001)
    call = lanes.begin([job()])
    assert not lanes.may_begin(job())
    assert lanes.may_begin(job("b", group="h"))
    lanes.end([job()], call)
    assert lanes.may_begin(job())


def test_a_second_long_call_begins_on_a_free_core_and_a_third_does_not() -> None:
    lanes, _ = learnt(0.1)
    lanes.begin([job()])
    assert lanes.may_begin(job())
    lanes.begin([job()])
    assert not lanes.may_begin(job())


def test_no_second_call_begins_where_others_take_the_cores() -> None:
    lanes, _ = learnt(0.1)
    lanes.begin([job()])
    lanes.begin([job("b", group="h")])
    assert not lanes.may_begin(job())
    assert lanes.may_begin(job("c", group="i"))  # the first of its kind need not wait for those of another


def test_a_call_that_takes_longer_than_it_should_is_a_long_one() -> None:
    lanes, clock = learnt(0.001)
    lanes.begin([job()])
    clock.now += LONG / 2
    assert not lanes.may_begin(job())
    clock.now += LONG
    assert lanes.may_begin(job())


def test_of_what_nobody_knows_how_long_it_takes_several_begin() -> None:
    lanes = Lanes(Limits(lanes=2, threads=6), Clock())
    lanes.begin([job()])
    assert lanes.may_begin(job())


def test_one_lane_is_all_where_one_is_allowed() -> None:
    lanes, _ = learnt(0.1, lanes=1)
    lanes.begin([job()])
    assert not lanes.may_begin(job())


def test_what_takes_long_by_itself_has_places_of_its_own() -> None:
    lanes, _ = learnt(0.001, heavy=1)
    call = lanes.begin([job(None, heavy=True)])
    assert not lanes.may_begin(job(None, heavy=True))
    assert not lanes.may_begin(job(None, group=None, heavy=True))
    assert lanes.may_begin(job())
    lanes.end([job(None, heavy=True)], call)
    assert lanes.may_begin(job(None, heavy=True))


def test_short_calls_take_all_that_waits_up_to_what_is_no_long_time() -> None:
    lanes, _ = learnt(LONG / 50.5)
    assert lanes.most(job(), 31) == 50
    assert lanes.most(job(), 300) == 150


def test_long_calls_take_their_even_share() -> None:
    lanes, _ = learnt(0.1)
    assert lanes.most(job(), 31) == 16
    assert lanes.most(job(), 1) == 1
    assert learnt(0.1, lanes=1)[0].most(job(), 31) == 31


def test_no_call_takes_more_than_it_may() -> None:
    lanes, _ = learnt(1e-5, batch=8)
    assert lanes.most(job(), 300) == 8


def test_what_is_asked_one_by_one_is_run_in_rows_only_while_that_is_short() -> None:
    lanes, _ = learnt(LONG / 4.5, group=None)
    assert lanes.most(job(group=None), 300) == 4
    lanes, _ = learnt(2 * LONG, group=None)
    assert lanes.most(job(group=None), 300) == 0
    assert lanes.most(job("unknown", group=None), 300) == 1


@pytest.mark.parametrize("size", [1, 40])
def test_the_mean_follows_what_is_measured(size: int) -> None:
    lanes, clock = learnt(0.5, size=size)
    for _ in range(150):
        call = lanes.begin([job(size=size)])
        clock.now += LONG / 10 * size
        lanes.end([job(size=size)], call)
    assert 8 <= lanes.most(job(), 1) <= 10
    assert lanes.wait(20) == pytest.approx(20 * LONG / 10 * size / 2, rel=0.1)


def test_nothing_is_kept_of_calls_that_ended() -> None:
    lanes, _ = learnt(0.001)
    calls: list[Call] = [lanes.begin([job(None, group="one")]), lanes.begin([job(None, group="two")])]
    lanes.end([job(None, group="one")], calls[0])
    lanes.end([job(None, group="two")], calls[1])
    assert lanes.running == 0
    assert lanes.may_begin(job(None, group="one"))


def test_a_question_without_a_query_is_measured_like_one() -> None:
    lanes, _ = learnt(LONG / 4.5, size=0, group=None)
    assert lanes.most(job(group=None), 300) == 4
