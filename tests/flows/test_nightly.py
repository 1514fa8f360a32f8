"""Nights as they are meant to be: a Prefect server and worker, a Dask cluster, a query service, and nobody at the keys.

All of them are processes of their own on loopback. A scheduled run builds and publishes, the service picks it up, the
next run finds nothing to do, and after the sources changed one computes what changed and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from artifacts.health import health
from artifacts.journal import read_attempts
from artifacts.publish import current_version, damage, read_release
from artifacts.reports import read_report
from artifacts.store import Store
from flows.run import run_build
from flows.settings import read_config
from tests.dask_cluster import DaskCluster, dask_cluster
from tests.flows.two_versions import GONE, change_sources
from tests.prefect_server import Server, start_prefect, start_worker
from tests.small import write_small

INTERVAL = 25
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nightly")


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Server]:
    with start_prefect(home / "prefect") as running:
        yield running


@pytest.fixture(scope="module")
def cluster(home: Path) -> Iterator[DaskCluster]:
    with dask_cluster(home / "dask", 3) as running:
        yield running


@contextlib.contextmanager
def service(store: Store) -> Iterator[str]:
    """``purlieu serve`` in a process of its own; its address."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "purlieu.main", "serve", "--store", store.address, "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "NO_PROXY": "*"},
    )
    try:
        assert process.stderr is not None
        found = re.search(r"http://\S+", process.stderr.readline())
        assert found is not None
        yield found[0]
    finally:
        process.kill()
        process.communicate()


def wait_for(what: Callable[[], Any], seconds: float) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.3)
    raise AssertionError(f"not within {seconds} s")


def served_version(address: str) -> str | None:
    answer = httpx.post(f"{address}/v1/indexes/small/similar", json={"ids": ["n001"], "k": 3}, timeout=60)
    return None if answer.status_code == 404 else str(answer.json()["version"])


def manifests(store: Store) -> dict[str, object]:
    release = read_release(store, "small")
    assert damage(store, release)[1] == []
    return {stage: store.manifest(name) for stage, name in release.stages.items()}


@pytest.mark.timeout(600)
def test_a_schedule_builds_on_a_cluster_what_changed_and_the_service_follows(
    server: Server, cluster: DaskCluster, home: Path
) -> None:
    config = write_small(home / "sources")
    store = Store.create(home / "store")

    def outcomes() -> list[str]:
        return [attempt.outcome for attempt in read_attempts(store, "small") if attempt.outcome != "running"]

    words = ("deploy", str(config), "--interval", str(INTERVAL), "--store", str(home / "store"), "--set")
    with start_worker(server, "purlieu"), service(store) as address:
        assert served_version(address) is None
        subprocess.run(
            [sys.executable, "-P", "-m", "purlieu.main", *words, f"runtime.scheduler={cluster.address}"],
            env=server.environment,
            check=True,
            timeout=120,
            capture_output=True,
        )
        wait_for(lambda: outcomes()[:1] == ["published"], 180)
        first = current_version(store, "small")
        wait_for(lambda: served_version(address) == first, 30)
        wait_for(lambda: outcomes()[:2] == ["published", "unchanged"], 120)

        changed = home / "changed"
        shutil.copytree(config.parent, changed)
        change_sources(changed)
        for name in ("edges.tsv", "docs.jsonl"):
            (changed / name).replace(config.parent / name)
        second = wait_for(lambda: (found := current_version(store, "small")) != first and found, 180)
        wait_for(lambda: served_version(address) == second, 30)
        gone = httpx.post(f"{address}/v1/indexes/small/similar", json={"ids": [GONE[0]], "k": 3}, timeout=60)
        assert gone.status_code == 404
        wait_for(lambda: "published" in outcomes()[2:], 60)  # after the pointer come the report and the journal

    assert health(store, "small", max_age=600).why == ()
    assert 0 < cluster.largest_message() < MEGABYTE
    kept = {
        stage["name"]: (stage["rows_reused"], stage["rows"])
        for stage in json.loads(read_report(store, "small", second, "json"))["stages"]
    }
    assert 0 < kept["tokens"][0] < kept["tokens"][1]
    assert 0 < kept["muvera"][0] < kept["muvera"][1]
    whole = Store.create(home / "whole")
    run_build(read_config(config), whole)
    assert read_release(whole, "small").version == second
    assert manifests(store) == manifests(whole)
