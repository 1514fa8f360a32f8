"""What becomes of runs that fell due while the worker or the server was down, or while another build ran.

The flow asks at its start, so the policy holds for every deployment of it, however it was made. A run that is not to
do the work ends at once in the state ``Skipped`` (of type Completed) with a message, having touched nothing; so do
those that still wait in the queue and would end the same way, without being started at all.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, final, get_args

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterExpectedStartTime,
)
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.sorting import FlowRunSort
from prefect.context import FlowRunContext
from prefect.states import Completed

from flows.schedules import interval_of

CatchUp = Literal["latest", "all", "none"]
POLICIES: tuple[CatchUp, ...] = get_args(CatchUp)
SKIPPED = "Skipped"
# A run that starts so soon after it was due is not late: a worker polls every 15 s and then starts a process.
PUNCTUAL = timedelta(seconds=30)
LOOK_BACK = 200  # runs, the most that the API gives at a time

log = logging.getLogger("purlieu.catch_up")


@final
@dataclass(frozen=True, slots=True)
class Due:
    """A scheduled run that has fallen due, in whatever state it is; ``waiting`` if it was not started yet."""

    id: Any
    at: datetime
    waiting: bool


def skipped(policy: CatchUp, grace: float | None) -> State[None] | None:
    """The state to return when this run is not to do the work; None when it is.

    A run that nobody scheduled (started by hand, from the command line, or tried again) always does the work.

    Parameters
    ----------
    grace : seconds a run may be late under the policy ``none``; None stands for the interval of the schedule
    """
    context = FlowRunContext.get()
    run = context.flow_run if context is not None else None
    if policy == "all" or run is None or run.deployment_id is None or not run.auto_scheduled or run.run_count > 1:
        return None
    now = datetime.now(UTC)
    mine = Due(run.id, run.expected_start_time or now, waiting=False)
    with get_client(sync_client=True) as client:
        due = [mine, *_others_due(client, run, now)]
        if policy == "latest":
            verdicts = judge_latest(due, mine, now)
        else:
            verdicts = judge_none(due, now, timedelta(seconds=grace) if grace is not None else _interval(client, run))
        for other in due:
            if other.waiting and other.id in verdicts:
                client.set_flow_run_state(other.id, _skip(verdicts[other.id]), force=True)
                log.info("the run due at %s is skipped: %s", other.at, verdicts[other.id])
    return _skip(verdicts[mine.id]) if mine.id in verdicts else None


def judge_latest(due: Sequence[Due], mine: Due, now: datetime) -> dict[Any, str]:
    """Why which runs are skipped: all but the newest, unless this one is on time and may just as well do it now."""
    newest = max(due, key=lambda run: run.at)
    worker = mine if now - mine.at <= PUNCTUAL else newest
    return {
        run.id: f"the newer run due at {_time(worker.at)} does the work (catch-up policy latest)"
        for run in due
        if run.at < worker.at
    }


def judge_none(due: Sequence[Due], now: datetime, grace: timedelta) -> dict[Any, str]:
    """Why which runs are skipped: those that are later than ``grace``."""
    return {
        run.id: f"{(now - run.at).total_seconds():.0f} s late, {grace.total_seconds():.0f} s are allowed "
        "(catch-up policy none)"
        for run in due
        if now - run.at > grace
    }


def _others_due(client: SyncPrefectClient, run: FlowRun, now: datetime) -> list[Due]:
    assert run.deployment_id is not None  # asked before
    found = client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[run.deployment_id]),
            expected_start_time=FlowRunFilterExpectedStartTime(before_=now),  # type: ignore[arg-type]  # Prefect's own datetime
        ),
        sort=FlowRunSort.EXPECTED_START_TIME_DESC,
        limit=LOOK_BACK,
    )
    return [
        Due(other.id, other.expected_start_time, waiting=other.state is not None and other.state.is_scheduled())
        for other in found
        if other.auto_scheduled and other.id != run.id and other.expected_start_time is not None
    ]


def _interval(client: SyncPrefectClient, run: FlowRun) -> timedelta:
    """The shortest time between two runs of the deployment; endless when it has no schedule any more."""
    assert run.deployment_id is not None  # asked before
    deployment = client.read_deployment(run.deployment_id)
    intervals = [interval_of(entry.schedule) for entry in deployment.schedules]
    return min(intervals, default=timedelta.max)


def _skip(why: str) -> State[None]:
    return Completed(name=SKIPPED, message=f"Skipped: {why}")


def _time(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(sep=" ", timespec="seconds")
