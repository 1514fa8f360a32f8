"""Which of the runs that fell due are to do the work: the policies as functions, without a server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect.client.schemas.objects import State, StateType
from prefect.states import Completed, Running, Scheduled

from flows.build import build
from flows.catch_up import PUNCTUAL, CatchUp, Due, judge_latest, judge_none, skipped
from flows.schedules import cron, dates, interval, interval_of
from foundation.errors import InvalidParams

NOW = datetime(2031, 5, 1, 12, tzinfo=UTC)
DEPLOYMENT = UUID(int=7)
AGES = st.lists(st.integers(0, 10_000), min_size=1, max_size=12, unique=True)


def due(ages: list[int]) -> list[Due]:
    return [Due(age, NOW - timedelta(seconds=age), waiting=True) for age in ages]


@given(ages=AGES, data=st.data())
def test_latest_leaves_exactly_one_late_run_and_every_later_one(ages: list[int], data: st.DataObject) -> None:
    runs = due(ages)
    mine = data.draw(st.sampled_from(runs))
    verdicts = judge_latest(runs, mine, NOW)
    if mine.id > PUNCTUAL.total_seconds():
        assert set(ages) - set(verdicts) == {min(ages)}
    else:
        assert set(verdicts) == {age for age in ages if age > mine.id}


@given(ages=AGES)
def test_a_run_that_is_on_time_always_works_so_that_no_interval_is_too_short(ages: list[int]) -> None:
    runs = due([*ages, 3])
    assert 3 not in judge_latest(runs, next(run for run in runs if run.id == 3), NOW)


@given(ages=AGES, grace=st.integers(0, 10_000))
def test_none_leaves_those_within_the_grace(ages: list[int], grace: int) -> None:
    verdicts = judge_none(due(ages), NOW, timedelta(seconds=grace))
    assert set(verdicts) == {age for age in ages if age > grace}
    assert all(f"{grace} s are allowed" in message for message in verdicts.values())


@pytest.mark.parametrize("policy", ["latest", "all", "none"])
def test_outside_a_scheduled_run_every_policy_builds(policy: str) -> None:
    assert skipped(policy, None) is None  # type: ignore[arg-type]


class FakeClient:
    """A server with one deployment, every five minutes, and the runs it is given."""

    def __init__(self, runs: list[Any]) -> None:
        self.runs = runs
        self.forced: dict[str, State] = {}

    def __enter__(self) -> FakeClient:
        return self

    def __exit__(self, *error: object) -> None: ...

    def read_flow_runs(self, **asked: Any) -> list[Any]:
        assert asked["flow_run_filter"].deployment_id.any_ == [DEPLOYMENT]
        return self.runs

    def read_deployment(self, id: UUID) -> Any:
        return SimpleNamespace(schedules=[SimpleNamespace(schedule=interval(300))])

    def set_flow_run_state(self, id: str, state: State, force: bool) -> None:
        assert force
        self.forced[id] = state


def run_due(name: str, age: float, state: State | None = None, **facts: Any) -> Any:
    at = datetime.now(UTC) - timedelta(seconds=age)
    known = {"deployment_id": DEPLOYMENT, "auto_scheduled": True, "run_count": 1, "state": state or Scheduled()}
    return SimpleNamespace(id=name, expected_start_time=at, **{**known, **facts})


@pytest.mark.parametrize(
    ("policy", "grace", "age", "mine_is_skipped", "others_skipped"),
    [
        ("latest", None, 1000, True, {"older"}),
        ("latest", None, 5, False, {"older", "newer"}),
        ("none", None, 400, True, {"older"}),
        ("none", None, 200, False, {"older"}),
        ("none", 60, 200, True, {"older", "newer"}),
        ("all", None, 1000, False, set()),
    ],
)
def test_a_run_asks_for_the_others_and_ends_those_that_wait_for_nothing(
    monkeypatch: pytest.MonkeyPatch,
    policy: CatchUp,
    grace: float | None,
    age: float,
    mine_is_skipped: bool,
    others_skipped: set[str],
) -> None:
    mine = run_due("mine", age, Running())
    by_hand = run_due("by hand", 90, auto_scheduled=False)
    client = FakeClient(
        [run_due("newer", 100), by_hand, mine, run_due("older", 2000), run_due("done", 3000, Completed())]
    )
    monkeypatch.setattr("flows.catch_up.get_client", lambda sync_client: client)
    monkeypatch.setattr("flows.catch_up.FlowRunContext.get", lambda: SimpleNamespace(flow_run=mine))
    state = skipped(policy, grace)
    assert (state is not None) == mine_is_skipped
    assert set(client.forced) == others_skipped
    for ended in [*client.forced.values(), *([state] if state else [])]:
        assert (ended.type, ended.name) == (StateType.COMPLETED, "Skipped")
        assert f"catch-up policy {policy}" in (ended.message or "")


@pytest.mark.parametrize("facts", [{"auto_scheduled": False}, {"run_count": 2}, {"deployment_id": None}])
def test_what_somebody_wanted_runs_however_late(monkeypatch: pytest.MonkeyPatch, facts: dict[str, Any]) -> None:
    mine = run_due("mine", 10_000, Running(), **facts)
    monkeypatch.setattr("flows.catch_up.FlowRunContext.get", lambda: SimpleNamespace(flow_run=mine))
    assert skipped("latest", None) is None


def test_the_flow_knows_the_policies() -> None:
    schema = build.parameters.model_dump()["properties"]
    assert schema["catch_up"]["enum"] == ["latest", "all", "none"]
    assert schema["catch_up"]["default"] == "latest"


@pytest.mark.parametrize(
    ("line", "zone", "hours"),
    [
        ("30 2 * * *", None, 24),
        ("*/30 * * * *", "Europe/Berlin", 0.5),
        ("0 3 * * 1", None, 168),
        ("0 2,5 * * *", None, 3),
    ],
)
def test_the_interval_of_a_cron_line_is_its_shortest(line: str, zone: str | None, hours: float) -> None:
    # Across a change of the clocks a night is an hour shorter or longer.
    assert abs(interval_of(cron(line, zone)) - timedelta(hours=hours)) <= timedelta(hours=1 if zone else 0)


def test_deploying_again_does_not_shift_an_interval() -> None:
    first, second = dates(interval(3600), 2)
    assert (first.minute, first.second, second - first) == (0, 0, timedelta(hours=1))


@pytest.mark.parametrize(
    "line", ["", "30 2 * *", "61 2 * * *", "30 2 * * someday", "H 2 * * *", "0 0 31 2 *", "@never"]
)
def test_a_wrong_cron_line_is_refused(line: str) -> None:
    with pytest.raises(InvalidParams, match="--cron"):
        cron(line, None)


def test_a_wrong_time_zone_is_refused() -> None:
    with pytest.raises(InvalidParams, match="--timezone = 'Mars/Base'"):
        cron("30 2 * * *", "Mars/Base")


@pytest.mark.parametrize("seconds", [0, -5, float("nan"), float("inf"), 1e9])
def test_a_wrong_interval_is_refused(seconds: float) -> None:
    with pytest.raises(InvalidParams, match="--interval"):
        interval(seconds)
