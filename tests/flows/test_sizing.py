"""Partitions are as small as a worker's memory asks, and no byte depends on it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.publish import read_release
from artifacts.store import Store
from flows.cluster import thread_memory
from flows.run import run_build
from flows.settings import read_config
from flows.stages.sizing import LIBRARIES, fitted
from flows.stages.stage import Job
from tests.flows.odd_stage import order

JOB = Job(inputs={}, sources={}, params={}, work=Path(), part_nodes=16_384, part_docs=8_192)


@settings(deadline=None, max_examples=100)
@given(row_bytes=st.floats(1, 1e12), memory=st.integers(0, 1 << 40))
def test_rows_fit_into_half_of_the_memory_or_are_one(row_bytes: float, memory: int) -> None:
    asked = order("store", "fine", Path())
    asked = dataclasses.replace(asked, stage=dataclasses.replace(asked.stage, row_bytes=lambda job: row_bytes))
    job = fitted(asked, JOB, memory)
    for rows, wanted in ((job.part_nodes, JOB.part_nodes), (job.part_docs, JOB.part_docs)):
        assert 1 <= rows <= wanted
        room = 0.5 * max(0, memory - LIBRARIES)
        assert rows == 1 or rows * row_bytes <= room
        assert rows == wanted or 2 * rows * row_bytes > room  # not smaller than it must be


def test_a_stage_that_says_nothing_of_its_rows_is_left_alone() -> None:
    assert fitted(order("store", "fine", Path()), JOB, 0) == JOB


@pytest.mark.parametrize(
    ("limit", "wanted"), [("2GiB", 1 << 30), ("4000", 2000)], ids=["two threads share it", "bytes"]
)
def test_a_limit_is_shared_by_the_threads_of_a_worker(limit: str, wanted: int) -> None:
    found = thread_memory(workers=4, threads_per_worker=2, memory_limit=limit, scheduler=None, client=lambda: None)
    assert found == wanted


def test_a_share_and_auto_are_of_the_whole_machine() -> None:
    def of(limit: str, workers: int) -> int:
        return thread_memory(
            workers=workers, threads_per_worker=1, memory_limit=limit, scheduler=None, client=lambda: None
        )

    assert of("auto", 4) == of("auto", 1) // 4
    assert of("0.25", 3) == pytest.approx(of("auto", 1) / 4, rel=1e-6)


def test_a_small_limit_makes_more_partitions_and_the_same_bytes(
    small_config: Path, small_store: Store, tmp_path: Path
) -> None:
    limit = (LIBRARIES >> 20) + 1
    config = read_config(small_config, (f'runtime.memory_limit="{limit}MiB"', "runtime.part_docs=300"))
    store = Store.create(tmp_path / "store")
    report = run_build(config, store)
    parts = {stage.name: stage.n_parts for stage in report.stages}
    assert parts["muvera"] > 1  # 300 documents would be one partition
    before, after = read_release(small_store, "small"), read_release(store, "small")
    assert [store.manifest(name) for name in after.stages.values()] == [
        small_store.manifest(name) for name in before.stages.values()
    ]
