"""The Dask cluster a build runs on: one in this process by default, or an existing one by address."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any

from foundation.errors import ClusterUnavailable

CONNECT_SECONDS = 10


@contextlib.contextmanager
def cluster(
    *, workers: int, threads_per_worker: int, processes: bool, memory_limit: str, scheduler: str | None
) -> Iterator[Callable[[], Any]]:
    """Yield a function that returns the ``distributed.Client``, made at its first call.

    A build in which everything is cached thus starts no cluster and imports no Dask. Kernels release the
    interpreter lock, so workers are threads of this process unless ``processes`` is set.

    Raises
    ------
    ClusterUnavailable
        From the yielded function, when no scheduler answers within 10 seconds.
    """
    stack = contextlib.ExitStack()
    opened: list[Any] = []

    def client() -> Any:
        if not opened:
            opened.append(_connect(stack, workers, threads_per_worker, processes, memory_limit, scheduler))
        return opened[0]

    with stack:
        yield client


def _connect(
    stack: contextlib.ExitStack,
    workers: int,
    threads_per_worker: int,
    processes: bool,
    memory_limit: str,
    scheduler: str | None,
) -> Any:
    import dask
    from distributed import Client, LocalCluster

    if scheduler is not None:
        try:
            return stack.enter_context(Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False))
        except (OSError, TimeoutError, ValueError) as error:
            raise ClusterUnavailable(address=scheduler, what=str(error) or type(error).__name__) from None
    # Partitions are seconds to minutes long: a worker that computes is not a worker that hangs.
    stack.enter_context(dask.config.set({"distributed.admin.tick.limit": "10m"}))
    local = stack.enter_context(
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
    return stack.enter_context(Client(local, set_as_default=False))
