"""What a stage does when partitions fail, hang or take their worker down, on threads of this process."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from artifacts.artifact import Artifact
from artifacts.store import Store
from flows.cluster import cluster
from flows.stages.program import program_digest
from flows.stages.runner import StageReport, run_stage
from foundation.errors import ClusterMismatch, PartitionFailed, StageTimeout
from foundation.progress import Silent
from tests.flows.odd_stage import N_PARTS, order


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "store")


def run(
    store: Store,
    tmp_path: Path,
    what: str,
    *,
    seconds: float = 0.0,
    timeout: float | None = None,
    program: str = "",
    processes: bool = False,
) -> StageReport:
    with cluster(workers=1, threads_per_worker=1, processes=processes, memory_limit="1GiB", scheduler=None) as client:
        return run_stage(
            order(store.address, what, tmp_path, seconds, program), {}, store, client, Silent(), timeout=timeout
        )


def rows(store: Store) -> np.ndarray:
    name = store.find("odd", "0dd")
    assert name is not None
    return np.asarray(Artifact.open(store.bring(name), "odd", (1,)).array("rows"))


def tries(tmp_path: Path) -> int:
    return len((tmp_path / "tried").read_text())


def test_a_poisoned_partition_is_named_by_its_range_and_not_tried_again(store: Store, tmp_path: Path) -> None:
    with pytest.raises(PartitionFailed) as caught:
        run(store, tmp_path, "raise")
    assert str(caught.value).startswith("stage odd, rows 30 to 40: ValueError: row 33 is not a number; ")
    assert tries(tmp_path) == 1
    assert store.find("odd", "0dd") is None
    report = run(store, tmp_path, "fine")
    assert report.n_parts_reused >= 3
    np.testing.assert_array_equal(rows(store), np.arange(10 * N_PARTS))


def test_what_the_disk_refused_is_tried_again(store: Store, tmp_path: Path) -> None:
    report = run(store, tmp_path, "flaky")
    assert (report.n_tries, tries(tmp_path)) == (2, 3)
    np.testing.assert_array_equal(rows(store), np.arange(10 * N_PARTS))


def test_a_disk_that_goes_on_refusing_is_reported(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.stages.partition.PAUSES", (0.0, 0.0))
    with pytest.raises(PartitionFailed, match=r"rows 30 to 40: OSError: .*Input/output error"):
        run(store, tmp_path, "broken disk")
    assert tries(tmp_path) == 3


def test_a_partition_that_takes_its_worker_down_is_given_up(store: Store, tmp_path: Path) -> None:
    with pytest.raises(PartitionFailed, match="rows 30 to 40: its worker died each time"):
        run(store, tmp_path, "die", processes=True)
    assert tries(tmp_path) == 4  # the scheduler's three retries after the first


def test_a_worker_that_dies_once_is_replaced(store: Store, tmp_path: Path) -> None:
    run(store, tmp_path, "die once", processes=True)
    np.testing.assert_array_equal(rows(store), np.arange(10 * N_PARTS))


@pytest.mark.parametrize("where", ["hang", "hang in assembly"])
def test_a_stage_that_takes_too_long_is_given_up_and_goes_on_next_time(
    store: Store, tmp_path: Path, where: str
) -> None:
    begun = time.monotonic()
    with pytest.raises(StageTimeout, match=r"stage odd did not end within 0\.5 s; finished partitions are kept"):
        run(store, tmp_path, where, seconds=8.0, timeout=0.5)
    assert time.monotonic() - begun < 7.5  # it does not wait for what it gave up
    assert store.find("odd", "0dd") is None
    report = run(store, tmp_path, "fine")
    assert report.n_parts_reused >= 3
    np.testing.assert_array_equal(rows(store), np.arange(10 * N_PARTS))


def test_a_worker_process_gives_every_library_one_thread(store: Store, tmp_path: Path) -> None:
    run(store, tmp_path, "count threads", processes=True)
    assert (tmp_path / "threads").read_text() == "1 1 1"


def test_a_worker_of_another_program_refuses(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ClusterMismatch, match="its program is not the one that gives the orders"):
        run(store, tmp_path, "fine", program="another")


def test_partitions_of_another_program_are_made_again(store: Store, tmp_path: Path) -> None:
    with pytest.raises(PartitionFailed):
        run(store, tmp_path, "raise")
    digest = program_digest()
    report = run(store, tmp_path, "fine", program=digest)
    assert (report.n_parts_reused, report.n_parts) == (0, N_PARTS)
    np.testing.assert_array_equal(rows(store), np.arange(10 * N_PARTS))
