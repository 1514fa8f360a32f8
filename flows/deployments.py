"""Deployments of the flow ``build``: a schedule, parameters, and a process pool whose worker imports it by name.

Nothing is copied or pulled: a worker that runs in an environment with this package finds ``flows.build``, and config
and store are absolute paths or URLs, so it does not matter where the worker was started. `prefect.yaml` declares the
same by hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolCreate
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId, FlowRunFilterStartTime
from prefect.client.schemas.objects import ConcurrencyLimitStrategy, ConcurrencyOptions, WorkerStatus
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import DeploymentSort, FlowRunSort
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.settings import get_current_settings
from prefect.utilities.callables import parameter_schema
from prefect.workers.process import ProcessWorker

from flows.build import build
from flows.schedules import dates, in_words
from flows.server import START, check_api
from foundation.errors import InvalidParams, ServerUnavailable, UnknownId

ENTRYPOINT = "flows.build.build"  # Prefect's spelling of a module path
POOL_TYPE = "process"
TAGS = ["purlieu"]
N_COMING = 3


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A deployment as it should be. ``parameters`` are those of the flow, ``schedule`` is one of Prefect's."""

    name: str
    pool: str
    schedule: Any
    parameters: Mapping[str, Any]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """A deployment as the server has it. ``workers`` are those that poll its pool now."""

    id: str
    name: str
    pool: str
    entrypoint: str
    parameters: Mapping[str, Any]
    schedules: Sequence[Any]
    paused: bool
    coming: Sequence[str]
    last: Mapping[str, Any] | None
    workers: Sequence[str]
    created: bool = False

    def to_json(self) -> dict[str, Any]:
        """The document of ``deploy --json``, as far as the server knows it."""
        return {
            "deployment": f"{build.name}/{self.name}",
            "id": self.id,
            "entrypoint": self.entrypoint,
            "pool": self.pool,
            "workers": list(self.workers),
            "parameters": dict(self.parameters),
            "schedules": [in_words(schedule) for schedule in self.schedules],
            "paused": self.paused,
            "coming": list(self.coming),
            "last_run": None if self.last is None else dict(self.last),
        }


def parameters_of(
    config: str, store: str, overrides: Sequence[str], catch_up: str, grace: float | None
) -> dict[str, Any]:
    """The flow's parameters; paths become absolute, URLs stay as they are."""
    return {
        "config": str(Path(config).absolute()),
        "store": store if "://" in store else str(Path(store).absolute()),
        "overrides": list(overrides),
        "catch_up": catch_up,
        "grace": grace,
    }


@contextmanager
def server() -> Iterator[SyncPrefectClient]:
    """A client of the server that Prefect's settings name; never one that starts a server of its own.

    Raises
    ------
    ServerUnavailable
        None is named, or it does not answer in time, now or later.
    """
    url = get_current_settings().api.url
    if not url:
        fix = f"{START}, then set it, e.g. PREFECT_API_URL=http://127.0.0.1:4200/api"
        raise ServerUnavailable(address="PREFECT_API_URL", what="it is not set", fix=fix)
    check_api(url)
    try:
        with get_client(sync_client=True) as client:
            yield client
    except httpx.TransportError as error:
        raise ServerUnavailable(address=url, what=str(error) or type(error).__name__, fix=START) from None


def deploy(client: SyncPrefectClient, wanted: Wanted) -> Deployed:
    """Create the deployment, or bring the one of that name up to date; one that is paused stays paused.

    Runs of one deployment exclude each other. One that falls due meanwhile waits: which of the waiting ones then work
    is for the flow's catch-up policy to say, since only a run that is not lost can be judged.

    Raises
    ------
    InvalidParams
        The pool exists and is not for processes.
    """
    _ensure_pool(client, wanted.pool)
    before = _read(client, wanted.name)
    client.create_deployment(
        flow_id=client.create_flow_from_name(build.name),
        name=wanted.name,
        entrypoint=ENTRYPOINT,
        work_pool_name=wanted.pool,
        parameters=dict(wanted.parameters),
        parameter_openapi_schema=parameter_schema(build).model_dump(exclude_unset=True),
        enforce_parameter_schema=True,
        schedules=[DeploymentScheduleCreate(schedule=wanted.schedule, active=True)],
        concurrency_limit=1,
        concurrency_options=ConcurrencyOptions(collision_strategy=ConcurrencyLimitStrategy.ENQUEUE),
        pull_steps=[],
        tags=TAGS,
        description=build.description,
    )
    return describe(client, wanted.name, created=before is None)


def describe(client: SyncPrefectClient, name: str, *, created: bool = False) -> Deployed:
    """The deployment called ``name``.

    Raises
    ------
    UnknownId
        There is none.
    """
    found = _existing(client, name)
    schedules = [entry.schedule for entry in found.schedules if entry.active]
    coming = sorted(when for schedule in schedules for when in dates(schedule, N_COMING))[:N_COMING]
    return Deployed(
        id=str(found.id),
        name=found.name,
        pool=found.work_pool_name or "",
        entrypoint=found.entrypoint or "",
        parameters=found.parameters,
        schedules=schedules,
        paused=found.paused,
        coming=[] if found.paused else [when.isoformat(timespec="seconds") for when in coming],
        last=_last_run(client, found),
        workers=_workers(client, found.work_pool_name),
        created=created,
    )


def pause(client: SyncPrefectClient, name: str) -> Deployed:
    """Schedule no more runs, and drop those that wait; one that is under way goes on."""
    client.pause_deployment(_existing(client, name).id)
    return describe(client, name)


def resume(client: SyncPrefectClient, name: str) -> Deployed:
    """Schedule runs again."""
    client.resume_deployment(_existing(client, name).id)
    return describe(client, name)


def remove(client: SyncPrefectClient, name: str) -> Deployed:
    """Delete the deployment and the runs it has scheduled; returns what it was. Nothing in the store is touched."""
    was = describe(client, name)
    client.delete_deployment(_existing(client, name).id)
    return was


def _read(client: SyncPrefectClient, name: str) -> DeploymentResponse | None:
    try:
        return client.read_deployment_by_name(f"{build.name}/{name}")
    except ObjectNotFound:
        return None


def _existing(client: SyncPrefectClient, name: str) -> DeploymentResponse:
    found = _read(client, name)
    if found is None:
        known = client.read_deployments(limit=200, sort=DeploymentSort.NAME_ASC)
        near = tuple(other.name for other in known if other.entrypoint == ENTRYPOINT)[:5]
        raise UnknownId(kind="deployment", id=name, where=str(client.api_url), nearest=near)
    return found


def _ensure_pool(client: SyncPrefectClient, name: str) -> None:
    try:
        pool = client.read_work_pool(name)
    except ObjectNotFound:
        template = ProcessWorker.get_default_base_job_template()
        try:
            client.create_work_pool(WorkPoolCreate(name=name, type=POOL_TYPE, base_job_template=template))
        except ObjectAlreadyExists:  # a worker of that name was faster
            _ensure_pool(client, name)
        return
    if pool.type != POOL_TYPE:
        raise InvalidParams(name="--pool", value=name, allowed=f"a new pool or one of type process; it is {pool.type}")


def _workers(client: SyncPrefectClient, pool: str | None) -> list[str]:
    if pool is None:
        return []
    try:
        found = client.read_workers_for_work_pool(pool, limit=200, offset=0)
    except ObjectNotFound:
        return []
    return sorted(worker.name for worker in found if worker.status == WorkerStatus.ONLINE)


def _last_run(client: SyncPrefectClient, found: DeploymentResponse) -> dict[str, Any] | None:
    runs = client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[found.id]),
            start_time=FlowRunFilterStartTime(is_null_=False),
        ),
        sort=FlowRunSort.START_TIME_DESC,
        limit=1,
    )
    for run in runs:
        return {
            "name": run.name,
            "state": run.state_name,
            "message": run.state.message if run.state else None,
            "started": run.start_time.isoformat(timespec="seconds") if run.start_time else None,
            "seconds": round(run.total_run_time.total_seconds(), 1),
        }
    return None
