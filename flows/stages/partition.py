"""What runs on a Dask worker: one partition of one stage, from paths and a range to a part beside the others."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple, final

from artifacts.arrays import Array
from artifacts.disk import explained
from artifacts.parts import PART, part_name, write_part
from artifacts.patience import PAUSES, tried
from artifacts.store import Store, work_name
from flows.stages.memory import watched_memory
from flows.stages.program import program_digest
from flows.stages.stage import Order, Output
from foundation.errors import ClusterMismatch, EngineError, PartitionFailed
from foundation.pieces import Pieces


@final
class PartReport(NamedTuple):
    """What a partition tells the flow, beside the part it left in the store.

    ``seconds`` passed, ``cpu_seconds`` of its thread, tries, and ``n_bytes`` of the arrays it wrote.
    """

    seconds: float
    n_tries: int
    peak_memory: int
    cpu_seconds: float
    n_bytes: int


def execute_part(order: Order, round_: int, start: int, stop: int) -> PartReport:
    """Compute one partition and leave it beside the others.

    What the disk or the network refuses is tried again a few times; anything else that is not an error of ours
    is reported with the partition's range.

    Raises
    ------
    EngineError
    """
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)
    if order.program and order.program != program_digest():
        raise ClusterMismatch(
            worker=_address(),
            what="its program is not the one that gives the orders",
            fix="install the same version and libraries on every worker",
        )
    begun, cpu_begun = time.perf_counter(), time.thread_time()
    try:
        with watched_memory() as peak:
            n_bytes, n_tries = tried(lambda: _compute(order, round_, start, stop), PAUSES)
    except EngineError:
        raise
    except Exception as error:
        raise _failed(order, start, stop, error) from error
    seconds, cpu_seconds = time.perf_counter() - begun, time.thread_time() - cpu_begun
    return PartReport(seconds, n_tries, peak.n_bytes, cpu_seconds, n_bytes)


def _compute(order: Order, round_: int, start: int, stop: int) -> int:
    store = order.open_store()
    work = work_name(order.digest)
    try:
        job = order.job(store)
        for before in range(max(0, round_ - order.stage.looks_back), round_):
            for name in store.place.whole(f"{work}/parts", f"{before}-", PART):
                store.place.bring(f"{work}/parts/{name}", PART)
        with explained(job.work):
            output = order.stage.partition(job, round_, start, stop)
            name = f"{work}/{part_name(round_, start, stop)}"
            sizes: list[int] = []
            write_part(store.place, name, start, stop, _counted(output, sizes), output.stats, order.program)
            return sum(sizes)
    finally:
        store.close()


def _counted(output: Output, sizes: list[int]) -> Iterator[tuple[str, Array | Pieces]]:
    """The arrays, the bytes of each noted as it passes."""
    arrays = output.arrays
    for name, array in arrays.items() if isinstance(arrays, Mapping) else arrays:
        sizes.append(array.nbytes)
        yield name, array


def _failed(order: Order, start: int, stop: int, error: Exception) -> PartitionFailed:
    said = " ".join(str(error).split())
    fix = "smaller partitions need less memory: lower runtime.part_nodes or part_docs, or raise memory_limit"
    if not isinstance(error, MemoryError):
        fix = "look at these rows of its input; finished partitions are kept"
    return PartitionFailed(
        stage=order.name, start=start, stop=stop, what=f"{type(error).__name__}: {said}"[:500], fix=fix
    )


def _address() -> str:
    from distributed import get_worker

    try:
        return str(get_worker().address)
    except ValueError:
        return "of this process"


def see_store(address: str) -> str:
    """What keeps this worker from using the store at ``address``; empty when nothing does."""
    try:
        Store.open(address)
    except EngineError as error:
        return str(error)
    return ""
