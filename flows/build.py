"""The flow ``build``: one Prefect task per stage around the same functions that run without Prefect.

Entrypoint ``flows.build:build``. What a stage makes is cached in the store by digest, so the tasks keep no
results of their own; what Prefect adds is scheduling, retries of what the disk or the network refused, a
record of every run, and artifacts to look at.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import Any

from prefect import Task, flow
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State

from artifacts.patience import may_pass
from artifacts.reports import read_report
from artifacts.store import Store
from flows.catch_up import CatchUp, skipped
from flows.progress import FlowProgress
from flows.run import BuildReport, create_store, run_build
from flows.settings import read_config
from flows.stages.runner import StageReport
from foundation.errors import ArtifactCorrupt, ArtifactMissing, GateFailed

RETRIES = 2
RETRY_SECONDS = [2.0, 15.0]


@flow(name="build", persist_result=False, validate_parameters=True)
def build(
    config: str,
    store: str = "purlieu-store",
    overrides: list[str] | None = None,
    only: list[str] | None = None,
    force: list[str] | None = None,
    catch_up: CatchUp = "latest",
    grace: float | None = None,
    discard_added: bool = False,
) -> dict[str, Any] | State[None]:
    """Build the index declared in the TOML file ``config`` and publish it in ``store``.

    Parameters
    ----------
    overrides : ``key.path=value`` changes to the config, such as ``runtime.workers=4``
    only : stages to build without publishing
    force : stages to build anew
    catch_up : of scheduled runs that come late, the "latest" works, or "all", or "none" later than ``grace`` seconds
    discard_added : forget documents that were added and removed since the last build

    Returns
    -------
    The document of ``purlieu build --json``; a state named Skipped when the catch-up policy says so.
    """
    if (skip := skipped(catch_up, grace)) is not None:
        return skip
    settings = read_config(config, overrides or ())
    opened = create_store(store, settings)
    try:
        with FlowProgress(settings.name) as progress:
            report = run_build(
                settings,
                opened,
                only=only or (),
                force=force or (),
                wait=settings.runtime.lock_wait,
                on_wait=_say_waiting,
                progress=progress,
                around=_as_task,
                say=_say_note,
                discard_added=discard_added,
            )
    except GateFailed as failed:
        _leave_report(opened, failed.index, failed.version)
        raise
    _leave_artifacts(report)
    if report.published:
        _leave_report(opened, report.index, report.version)
    return report.to_json()


def _as_task(name: str, make: Callable[[], StageReport]) -> StageReport:
    stage_task = Task(
        fn=make,
        name=name,
        retries=RETRIES,
        retry_delay_seconds=RETRY_SECONDS,
        retry_condition_fn=_worth_a_retry,
        cache_policy=NO_CACHE,
        persist_result=False,
    )
    return stage_task()


def _worth_a_retry(task: Any, run: Any, state: Any) -> bool:  # noqa: ARG001  # Prefect's signature
    """What the disk or the network refused may work later; bad data and bad parameters never will."""
    error = state.result(raise_on_failure=False)
    return may_pass(error)


def _say_waiting(holder: str) -> None:
    print(f"waiting for {holder}", file=sys.stderr, flush=True)  # noqa: T201  # the flow's console


def _say_note(text: str) -> None:
    print(f"note: {text}", file=sys.stderr, flush=True)  # noqa: T201  # the flow's console


def _leave_artifacts(report: BuildReport) -> None:
    rows = [
        {
            "stage": stage.name,
            "cached": stage.cached,
            "why": stage.why,
            "seconds": round(stage.seconds, 2),
            "peak MiB": round(stage.peak_memory / 2**20),
            "MiB": round(stage.n_bytes / 2**20, 2),
            "partitions": stage.n_parts,
            "reused": stage.n_parts_reused,
            "counts": _short(report.stats.get(stage.name, {})),
        }
        for stage in report.stages
    ]
    create_table_artifact(
        rows, key=_key(report.index, "stages"), description=f"Stages of {report.index}@{report.version}"
    )


def _leave_report(store: Store, index: str, version: str) -> None:
    """The Markdown of the version's report; of one that was published without a report there is none."""
    with contextlib.suppress(ArtifactMissing, ArtifactCorrupt):
        text = read_report(store, index, version, "md")
        create_markdown_artifact(text, key=_key(index, "report"), description=f"Report of {index}@{version}")


def _key(index: str, what: str) -> str:
    """An artifact's key may hold small letters, digits and dashes."""
    name = "".join(letter if letter.isalnum() else "-" for letter in index.lower()).strip("-") or "index"
    return f"{name}-{what}"


def _short(stats: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {value:,}" for name, value in stats.items() if isinstance(value, int) and not isinstance(value, bool)
    )
