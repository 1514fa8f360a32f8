"""Spreads partitions over a Dask cluster and notices when that does not answer any more."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from typing import Any

from flows.stages.partition import PartReport, execute_part
from flows.stages.stage import Order, Range
from foundation.errors import ClusterUnavailable, PartitionFailed, StageTimeout

LOOK_SECONDS = 2.0
PATIENCE_SECONDS = 60.0  # without any worker, or without the scheduler


def spread(
    order: Order,
    round_: int,
    ranges: Sequence[Range],
    client: Any,
    done: Callable[[Range, PartReport], None],
    deadline: float,
    seconds: float,
) -> None:
    """Compute ``ranges`` on the cluster; ``done`` is told of each as it ends.

    Parameters
    ----------
    deadline, seconds : moment of `time.monotonic` after which to give up, and the limit it comes from

    Raises
    ------
    EngineError
        Whatever a partition raised, as it was raised; `StageTimeout`; `ClusterUnavailable` when the scheduler is lost
        or no worker is there for a minute; `PartitionFailed` when a partition takes its worker down again and again.
    """
    ended: queue.SimpleQueue[Any] = queue.SimpleQueue()
    spans = {}
    for span in ranges:
        future = client.submit(execute_part, order, round_, *span, pure=False)
        spans[future] = span
        future.add_done_callback(ended.put)
    watch = _Watch(client)
    try:
        while spans:
            if time.monotonic() > deadline:
                raise StageTimeout(stage=order.name, seconds=seconds)
            try:
                future = ended.get(timeout=min(LOOK_SECONDS, max(0.01, deadline - time.monotonic())))
            except queue.Empty:
                client.loop.add_callback(_hurry, client)
                watch.look()
                continue
            span = spans.pop(future)
            done(span, _result(order, span, future, client))
    except BaseException:
        if client.status == "running":
            client.cancel(list(spans))
        raise


def _result(order: Order, span: Range, future: Any, client: Any) -> PartReport:
    from distributed import KilledWorker
    from distributed.comm import CommClosedError

    try:
        report: PartReport = future.result()
        return report
    except KilledWorker:
        raise PartitionFailed(
            stage=order.name,
            start=span[0],
            stop=span[1],
            what="its worker died each time it was computed, probably for want of memory",
            fix="lower runtime.part_nodes or part_docs, or raise runtime.memory_limit",
        ) from None
    except (CancelledError, CommClosedError):  # the latter when it goes while it hands over a result
        raise ClusterUnavailable(
            address=_where(client), what="it lost the partitions it was given", fix="look at its log, then run again"
        ) from None


class _Watch:
    """Whether scheduler and workers are there, looked at while nothing ends."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._last_good = time.monotonic()

    def look(self) -> None:
        what = self._missing()
        now = time.monotonic()
        if not what:
            self._last_good = now
        elif now - self._last_good > PATIENCE_SECONDS:
            raise ClusterUnavailable(address=_where(self._client), what=what, fix="start it again, then run again")

    def _missing(self) -> str:
        if self._client.status != "running":
            return f"no connection for {PATIENCE_SECONDS:g} s"
        try:
            workers = self._client.nthreads()
        except (OSError, TimeoutError, CancelledError):
            return f"no answer for {PATIENCE_SECONDS:g} s"
        return "" if workers else f"no worker for {PATIENCE_SECONDS:g} s"


def _hurry(client: Any) -> None:
    """Let streams of this process go on that wait for a moment far ahead: Dask's wait by the wall clock, for a few
    milliseconds, which are hours when that clock went back in them."""
    streams = [client.scheduler_comm]
    cluster = client.cluster
    if cluster is not None:
        streams += [*cluster.scheduler.stream_comms.values(), *cluster.scheduler.client_comms.values()]
        streams += [getattr(worker, "batched_stream", None) for worker in cluster.workers.values()]
    for stream in streams:
        if stream is not None and (stream.next_deadline or 0.0) > time.time() + 1.0:
            stream.next_deadline = None
            stream.waker.set()


def _where(client: Any) -> str:
    scheduler = getattr(client, "scheduler", None)
    return str(getattr(scheduler, "address", "") or "of this build")
