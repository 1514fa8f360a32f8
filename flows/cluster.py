"""The Dask cluster a build runs on: one in this process by default, or an existing one by address."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from typing import Any

from flows.stages.partition import see_store
from flows.stages.program import program
from foundation.errors import ClusterMismatch, ClusterUnavailable
from foundation.sizes import parse_size

CONNECT_SECONDS = 8
# One thread per partition: partitions are what runs in parallel.
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "1",
}


@contextlib.contextmanager
def cluster(
    *,
    workers: int,
    threads_per_worker: int,
    processes: bool,
    memory_limit: str,
    scheduler: str | None,
    store: str | None = None,
) -> Iterator[Callable[[], Any]]:
    """Yield a function that returns the ``distributed.Client``, made at its first call.

    A build in which everything is cached thus starts no cluster and imports no Dask. Kernels release the
    interpreter lock, so workers are threads of this process unless ``processes`` is set. Workers of an existing
    cluster must run the same program and see the store.

    Raises
    ------
    ClusterUnavailable
        From the yielded function, when no scheduler answers within 10 seconds.
    ClusterMismatch
        When a worker would give other bytes, or cannot read the store.
    """
    stack = contextlib.ExitStack()
    opened: list[Any] = []

    def client() -> Any:
        if not opened:
            if scheduler is not None:
                opened.append(_existing(stack, scheduler, store))
            else:
                opened.append(_local(stack, workers, threads_per_worker, processes, memory_limit))
        return opened[0]

    with stack:
        yield client


def thread_memory(
    *, workers: int, threads_per_worker: int, memory_limit: str, scheduler: str | None, client: Callable[[], Any]
) -> int:
    """Bytes that one thread of a worker may use; workers of an existing cluster say so themselves."""
    if scheduler is not None:
        known = client().scheduler_info(n_workers=-1)["workers"].values()
        return min(
            (int(worker["memory_limit"] or _machine_memory()) // max(1, worker["nthreads"]) for worker in known),
            default=_machine_memory(),
        )
    if memory_limit == "auto":
        return _machine_memory() // (workers * threads_per_worker)
    limit = parse_size(memory_limit) or int(float(memory_limit) * _machine_memory())  # "0.25" is a share of all
    return limit // threads_per_worker


def _machine_memory() -> int:
    """What this machine or its container has."""
    from distributed.system import MEMORY_LIMIT

    return int(MEMORY_LIMIT)


def _existing(stack: contextlib.ExitStack, address: str, store: str | None) -> Any:
    from distributed import Client
    from distributed.utils import silence_logging_cmgr

    # A scheduler that is lost is told in one line by whoever waits for it; Dask's own account of it is many.
    stack.enter_context(silence_logging_cmgr(logging.CRITICAL))
    try:
        client = stack.enter_context(Client(address, timeout=CONNECT_SECONDS, set_as_default=False))
    except (OSError, TimeoutError, ValueError) as error:
        what = f"it does not answer ({str(error) or type(error).__name__})"
        raise ClusterUnavailable(address=address, what=what) from None
    _check_workers(client, store)
    return client


def _check_workers(client: Any, store: str | None) -> None:
    """Every worker has our program and sees the store."""
    wanted = program()
    found = client.run(program, on_error="return")
    for worker, theirs in sorted(found.items()):
        if isinstance(theirs, Exception):
            raise ClusterMismatch(
                worker=worker, what=f"cannot run this program ({theirs})", fix="install purlieu on every worker"
            )
        other = [name for name in wanted if theirs.get(name) != wanted[name]]
        if other:
            said = ", ".join(f"{name} {theirs.get(name, 'absent')} (here {wanted[name]})" for name in other)
            raise ClusterMismatch(
                worker=worker, what=f"has {said}", fix="install the same versions on every worker, or bytes may differ"
            )
    if store is None:
        return
    for worker, what in sorted(client.run(see_store, store, on_error="return").items()):
        if what:
            fix = "give the store a directory that all machines share, or s3://…"
            raise ClusterMismatch(worker=worker, what=f"cannot use the store ({what})", fix=fix)


def _local(
    stack: contextlib.ExitStack, workers: int, threads_per_worker: int, processes: bool, memory_limit: str
) -> Any:
    import dask
    from distributed import Client, LocalCluster

    # When a build is stopped, a stream that is closed too early says so with a traceback, at level INFO.
    logging.getLogger("distributed.batched").setLevel(logging.WARNING)
    # Partitions are seconds to minutes long: a worker that computes is not a worker that hangs.
    settings: dict[str, Any] = {"distributed.admin.tick.limit": "10m"}
    if processes:
        settings["distributed.nanny.pre-spawn-environ"] = ONE_THREAD
    stack.enter_context(dask.config.set(settings))
    with _deaf():
        local: Any = stack.enter_context(
            LocalCluster(
                n_workers=workers,
                threads_per_worker=threads_per_worker,
                processes=processes,
                memory_limit=memory_limit if processes else 0,
                # No dashboard; its port is opened all the same, and must not be one that another build has.
                dashboard_address=None,
                scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
                # What a partition raises comes back through its future; Dask's own account of it is many lines.
                silence_logs=logging.CRITICAL,
            )
        )
    if not processes:
        stack.push(lambda kind, *_: None if kind is None else local.sync(_abandon, local))
    return stack.enter_context(Client(local, set_as_default=False))


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """Threads and processes started here never see SIGINT: a terminal sends it to all, and to end its workers is the
    build's business."""
    resource_tracker.ensure_running()  # its start would let the signal through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


async def _abandon(local: Any) -> None:
    """End the workers without waiting for partitions nobody wants any more: a thread cannot be stopped, and what it
    still writes is whole or ignored."""
    await asyncio.gather(*(worker.close(executor_wait=False) for worker in local.workers.values()))
