"""Builds on a schedule: a real Prefect server, a real process worker, and nobody who starts a run by hand."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from artifacts.health import health
from artifacts.journal import read_attempts
from artifacts.publish import current_version
from artifacts.store import Store
from flows.catch_up import PUNCTUAL
from purlieu.main import main
from tests.prefect_server import Server, start_prefect, start_worker
from tests.small import write_small

ROOT = Path(__file__).parents[2]
INTERVAL = 15  # longer than a run takes beside other tests: late ones would be skipped for newer ones
FAR = "0 3 1 1 *"  # a schedule that does not fall due while tests run, but on one night
CONFIG = """
name = "{name}"
[graph]
source = "edges.tsv"
type_weights = {{ strong = 1.0, weak = 0.25, never = 0.0 }}
[communities]
num_perm = 32
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("deployments")
    write_small(path / "sources")
    return path


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Server]:
    with start_prefect(home / "prefect") as running:
        yield running


def write_config(home: Path, name: str) -> Path:
    path = home / "sources" / f"{name}.toml"
    path.write_text(CONFIG.format(name=name))
    return path


def purlieu(server: Server, home: Path, *words: str, code: int = 0) -> tuple[dict[str, Any], str]:
    """The command with --json, in this process: its document and what it said on stderr.

    That it finds the server by its environment when it is started by itself, `test_nightly` sees.
    """
    document, said = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        temporary_settings({PREFECT_API_URL: server.url}),
        contextlib.redirect_stdout(document),
        contextlib.redirect_stderr(said),
    ):
        patch.chdir(home)
        patch.setenv("NO_PROXY", "*")
        patch.setenv("PREFECT_LOGGING_LEVEL", "ERROR")  # the command would set it, for good
        assert main([*words, "--json"]) == code, said.getvalue()
    return json.loads(document.getvalue()), said.getvalue()


def ask(server: Server, path: str, **body: Any) -> Any:
    """What the server's own API says: no code of ours between."""
    with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as client:
        answer = client.post(path, json=body) if body else client.get(path)
        answer.raise_for_status()
        return answer.json()


def runs_of(server: Server, deployment: str) -> list[dict[str, Any]]:
    """The deployment's runs that have fallen due or have begun, oldest first."""
    found = ask(
        server,
        "/flow_runs/filter",
        flow_runs={"deployment_id": {"any_": [deployment]}},
        sort="EXPECTED_START_TIME_ASC",
        limit=200,
    )
    now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    return [run for run in found if run["expected_start_time"] < now]


def wait_for(what: Callable[[], Any], seconds: float = 200) -> Any:
    """The first true value of ``what``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.5)
    raise AssertionError(f"not within {seconds} s")


@pytest.fixture(scope="module")
def missed(server: Server, home: Path) -> str:
    """A deployment three runs of which fell due when no worker polled its pool; they grow late while others test."""
    config = str(write_config(home, "late"))
    words = ("deploy", config, "--pool", "late", "--store", "store")
    document, _ = purlieu(server, home, *words, "--interval", "4")
    wait_for(lambda: len(runs_of(server, document["id"])) >= 3)
    # Another schedule takes the future runs away and leaves those that have fallen due.
    purlieu(server, home, *words, "--cron", FAR)
    return str(document["id"])


def test_a_schedule_builds_again_and_again_until_it_is_paused(server: Server, home: Path, missed: str) -> None:
    config = write_config(home, "nightly")
    document, said = purlieu(server, home, "deploy", str(config), "--interval", str(INTERVAL), "--store", "store")
    assert document["action"] == "created"
    assert document["parameters"]["store"] == str(home / "store")
    assert "no worker polls the pool purlieu" in said

    def ended() -> list[dict[str, Any]]:
        return [run for run in runs_of(server, document["id"]) if run["state_name"] == "Completed"]

    with start_worker(server, "purlieu"):
        runs = wait_for(lambda: found if len(found := ended()) >= 2 else None)
        paused, _ = purlieu(server, home, "deploy", str(config), "--pause")
        wait_for(lambda: not [run for run in runs_of(server, document["id"]) if run["state_type"] != "COMPLETED"])
        after_pause = len(runs_of(server, document["id"]))
        time.sleep(1.5 * INTERVAL)
        assert len(runs_of(server, document["id"])) == after_pause
    assert all(run["auto_scheduled"] for run in runs)
    assert all(run["start_time"] >= run["expected_start_time"] for run in runs)
    store = Store.open(home / "store")
    outcomes = [attempt.outcome for attempt in read_attempts(store, "nightly")]
    assert outcomes[:2] == ["published", "unchanged"]
    assert current_version(store, "nightly") is not None
    assert health(store, "nightly", max_age=600).why == ()
    assert paused["paused"]
    assert paused["coming"] == []
    assert paused["last_run"]["state"] == "Completed"
    assert paused["workers"] == ["tester"]


def test_of_runs_that_come_late_only_the_newest_works(server: Server, home: Path, missed: str) -> None:
    due = runs_of(server, missed)
    newest = datetime.fromisoformat(due[-1]["expected_start_time"])
    time.sleep(max(0.0, (newest + PUNCTUAL - datetime.now(UTC)).total_seconds()))

    def all_ended() -> list[dict[str, Any]]:
        found = runs_of(server, missed)
        return found if all(run["state_type"] == "COMPLETED" for run in found) else []

    with start_worker(server, "late", "latecomer"):
        runs = wait_for(all_ended)
    assert [run["id"] for run in runs] == [run["id"] for run in due]
    assert len(runs) >= 3
    assert [run["state_name"] for run in runs] == ["Skipped"] * (len(runs) - 1) + ["Completed"]
    messages = {run["state"]["message"] for run in runs[:-1]}
    assert all("the newer run due at" in message and "catch-up policy latest" in message for message in messages)
    assert [attempt.outcome for attempt in read_attempts(Store.open(home / "store"), "late")] == ["published"]


def test_deploying_again_updates_in_place_and_keeps_a_pause(server: Server, home: Path) -> None:
    config = write_config(home, "again")
    first, _ = purlieu(server, home, "deploy", str(config), "--interval", "86400", "--store", "store")
    purlieu(server, home, "deploy", str(config), "--pause")
    words = ("--cron", FAR, "--timezone", "Europe/Berlin", "--catch-up", "none", "--grace", "60")
    second, _ = purlieu(
        server, home, "deploy", str(config), *words, "--store", "s3://bucket/store", "--set", "runtime.workers=1"
    )
    assert (first["action"], second["action"]) == ("created", "updated")
    assert second["id"] == first["id"]
    assert second["paused"]
    assert second["schedules"] == [f'cron "{FAR}" in Europe/Berlin']
    assert second["parameters"] == {
        "config": str(config),
        "store": "s3://bucket/store",
        "overrides": ["runtime.workers=1"],
        "catch_up": "none",
        "grace": 60.0,
    }
    stored = ask(server, f"/deployments/{first['id']}")
    assert stored["global_concurrency_limit"]["limit"] == 1
    assert stored["concurrency_options"]["collision_strategy"] == "ENQUEUE"
    resumed, _ = purlieu(server, home, "deploy", str(config), "--resume")
    assert resumed["action"] == "resumed"
    assert len(resumed["coming"]) == 3
    removed, _ = purlieu(server, home, "deploy", str(config), "--remove")
    assert removed["action"] == "removed"
    failed, said = purlieu(server, home, "deploy", str(config), code=3)
    assert failed["error"]["type"] == "UnknownId"
    assert "no deployment 'again'" in said


def test_a_build_slower_than_its_schedule_is_pointed_out(server: Server, home: Path) -> None:
    config = write_config(home, "slow")
    directory = home / "store" / "indexes" / "slow"
    directory.mkdir(parents=True)
    Store.create(home / "store")
    (directory / "last_build.json").write_text(json.dumps({"seconds": 7000.0}))
    _, said = purlieu(server, home, "deploy", str(config), "--interval", "3600", "--store", "store")
    (line,) = [line for line in said.splitlines() if "interval" in line]
    assert "the last build took 117 min and the schedule's interval is 60 min" in line
    assert "two builds never run at once" in line
    assert "the newest runs and the others end as Skipped" in line
    purlieu(server, home, "deploy", str(config), "--remove")


def test_a_pool_of_another_type_is_refused(server: Server, home: Path) -> None:
    ask(server, "/work_pools/", name="clouds", type="kubernetes")
    config = write_config(home, "cloudy")
    failed, said = purlieu(server, home, "deploy", str(config), "--cron", FAR, "--pool", "clouds", code=2)
    assert failed["error"]["type"] == "InvalidParams"
    assert "it is kubernetes" in said


def test_prefect_yaml_makes_what_the_command_makes(server: Server, home: Path) -> None:
    by_command, _ = purlieu(
        server,
        home,
        "deploy",
        str(ROOT / "config" / "debian.toml"),
        "--cron",
        "30 2 * * *",
        "--store",
        str(ROOT / "purlieu-store"),
    )
    made = ask(server, f"/deployments/{by_command['id']}")
    purlieu(server, home, "deploy", str(ROOT / "config" / "debian.toml"), "--remove")
    run = subprocess.run(
        [sys.executable, "-P", "-m", "prefect", "--no-prompt", "deploy", "--all"],
        env=server.environment | {"PWD": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "'build/debian' successfully created" in run.stdout, run.stdout + run.stderr
    declared = ask(server, "/deployments/name/build/debian")
    for key in (
        "name",
        "flow_id",
        "entrypoint",
        "path",
        "parameters",
        "parameter_openapi_schema",
        "enforce_parameter_schema",
        "tags",
        "description",
        "paused",
        "work_pool_name",
        "job_variables",
        "concurrency_options",
    ):
        assert declared[key] == made[key], key
    assert (declared["pull_steps"] or []) == (made["pull_steps"] or []) == []
    assert declared["global_concurrency_limit"]["limit"] == made["global_concurrency_limit"]["limit"] == 1
    schedules = [[(s["schedule"], s["active"]) for s in found["schedules"]] for found in (made, declared)]
    assert schedules[0] == schedules[1]
    assert os.path.isabs(declared["parameters"]["config"])
    assert Path(declared["parameters"]["config"]).is_file()
    purlieu(server, home, "deploy", str(ROOT / "config" / "debian.toml"), "--remove")
