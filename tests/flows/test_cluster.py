"""Builds on a real Dask cluster: a scheduler and three workers, processes of their own."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import pytest

from artifacts.publish import damage, read_release
from artifacts.store import Store
from flows.run import create_store, run_build
from flows.settings import read_config
from foundation.errors import ClusterMismatch, ClusterUnavailable
from tests.dask_cluster import DaskCluster, dask_cluster
from tests.s3_server import reachable, s3_server

MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    with dask_cluster(tmp_path_factory.mktemp("dask"), 3) as running:
        yield running


def on(cluster: DaskCluster, *overrides: str) -> tuple[str, ...]:
    return (f'runtime.scheduler="{cluster.address}"', *overrides)


def manifests(store: Store) -> dict[str, object]:
    release = read_release(store, "small")
    assert damage(store, release)[1] == []
    return {stage: store.manifest(name) for stage, name in release.stages.items()}


def test_a_cluster_gives_the_same_bytes_and_nothing_large_travels(
    three: DaskCluster, small_config: Path, small_store: Store, tmp_path: Path
) -> None:
    store = Store.create(tmp_path / "store")
    run_build(read_config(small_config, on(three, "runtime.part_nodes=40", "runtime.part_docs=30")), store)
    assert manifests(store) == manifests(small_store)
    assert 0 < three.largest_message() < MEGABYTE


def test_a_store_in_a_bucket_is_built_by_a_cluster(small_config: Path, small_store: Store, tmp_path: Path) -> None:
    with s3_server() as server, reachable(server):
        environment = {**server.environment, "HOME": str(tmp_path / "home")}
        with dask_cluster(tmp_path / "dask", 2, environment) as cluster:
            config = read_config(small_config, on(cluster, f'runtime.cache="{tmp_path}/cache"'))
            store = create_store(f"{server.bucket()}/store", config)
            report = run_build(config, store)
            assert manifests(store) == manifests(small_store)
            assert run_build(config, store).unchanged
            assert store.place.names("work") == []
            assert store.place.names("locks") == []
            assert report.version == read_release(small_store, "small").version
            assert cluster.largest_message() < MEGABYTE


def test_a_worker_killed_during_a_build_is_done_without(small_config: Path, small_store: Store, tmp_path: Path) -> None:
    with dask_cluster(tmp_path / "dask", 2) as cluster:
        config = read_config(small_config, on(cluster, "runtime.part_nodes=10", "runtime.part_docs=10"))
        killer = Timer(2.0, os.killpg, (cluster.workers[0].pid, signal.SIGKILL))
        killer.start()
        store = Store.create(tmp_path / "store")
        run_build(config, store)
        killer.join()
        assert manifests(store) == manifests(small_store)


def test_a_scheduler_killed_during_a_build_is_noticed_and_the_next_build_goes_on(
    small_config: Path, small_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.stages.spread.PATIENCE_SECONDS", 1.0)
    store = Store.create(tmp_path / "store")
    run_build(read_config(small_config), store, only=["graph", "corpus"])
    with dask_cluster(tmp_path / "dask", 1) as cluster:
        config = read_config(small_config, on(cluster, "runtime.part_nodes=2", "runtime.part_docs=2"))
        killer = Timer(1.5, cluster.scheduler.kill)
        killer.start()
        begun = time.monotonic()
        with pytest.raises(ClusterUnavailable, match=f"Dask scheduler {cluster.address}: "):
            run_build(config, store)
        assert time.monotonic() - begun < 60
        killer.join()
    run_build(read_config(small_config), store)
    assert manifests(store) == manifests(small_store)


def test_a_worker_with_other_libraries_is_refused(small_config: Path, tmp_path: Path) -> None:
    preload = tmp_path / "older.py"
    preload.write_text(
        "import flows.stages.program as program\n"
        "theirs = {**program.program(), 'numpy': '1.0.0'}\n"
        "program.program.cache_clear()\n"
        "program._version = lambda name: theirs[name]\n"
    )
    with dask_cluster(tmp_path / "dask", 0) as cluster:
        cluster.add_worker(words=["--preload", str(preload)])
        cluster.wait_for_workers(1)
        with pytest.raises(ClusterMismatch, match=r"has numpy 1\.0\.0 \(here .*; install the same versions"):
            run_build(read_config(small_config, on(cluster)), Store.create(tmp_path / "store"), only=["minhash"])


def test_a_worker_that_cannot_see_the_store_is_refused(three: DaskCluster, small_config: Path, tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    config = read_config(small_config, on(three))
    run_build(read_config(small_config), store, only=["graph"])
    (tmp_path / "store" / "store.json").rename(tmp_path / "elsewhere.json")  # as if it were another machine's disk
    with pytest.raises(ClusterMismatch, match=r"cannot use the store .*no store here"):
        run_build(config, store, only=["minhash"])
