"""Partitions over workers, simulated: who computes what when, and who waits for a core, the storage or the scheduler.

A task is handed out by the scheduler, reads, computes, writes. Tasks of a round are handed out in order to whoever is
free (list scheduling, as Dask does it with tasks that depend on nothing); the next round begins when all have ended.
Cores and storage are shared evenly among those who want them at the moment.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Seconds of one core, and bytes to and from the storage."""

    seconds: float
    read: float = 0.0
    written: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """What there is.

    Attributes
    ----------
    workers : tasks at a time
    cores : of all workers together
    handing_out : seconds of the scheduler per task, one task after the other
    link, storage : bytes a second of one worker's way to the storage, and of the storage itself
    """

    workers: int
    cores: int
    handing_out: float = 0.0
    link: float = math.inf
    storage: float = math.inf


@dataclass(slots=True)
class _Running:
    phases: list[tuple[str, float]]


def makespan(rounds: Sequence[Sequence[Task]], cluster: Cluster, first_read: float = 0.0) -> float:
    """Seconds until the last round has ended; ``first_read`` bytes are read once by every worker that gets a task."""
    return sum(_round(tasks, cluster, first_read if number == 0 else 0.0) for number, tasks in enumerate(rounds))


def _round(tasks: Sequence[Task], cluster: Cluster, first_read: float) -> float:
    now, handed_out = 0.0, 0.0
    waiting = list(reversed(tasks))
    running: list[_Running] = []
    fresh = cluster.workers
    while waiting or running:
        while waiting and len(running) < cluster.workers:
            task = waiting.pop()
            handed_out = max(handed_out, now) + cluster.handing_out
            extra = first_read if fresh > 0 else 0.0
            fresh -= 1
            phases = [
                ("wait", handed_out - now),
                ("io", task.read + extra),
                ("cpu", task.seconds),
                ("io", task.written),
            ]
            running.append(_Running([phase for phase in reversed(phases) if phase[1] > 0]))
        rates = _rates(running, cluster)
        step = min((one.phases[-1][1] / rates[one.phases[-1][0]] if one.phases else 0.0) for one in running)
        now += step
        for one in running:
            if one.phases:
                kind, left = one.phases[-1]
                left -= step * rates[kind] if math.isfinite(rates[kind]) else left
                one.phases[-1] = (kind, left)
                if left <= 1e-9 * max(1.0, rates[kind] if math.isfinite(rates[kind]) else 1.0):
                    one.phases.pop()
        running = [one for one in running if one.phases]
    return now


def _rates(running: Sequence[_Running], cluster: Cluster) -> dict[str, float]:
    kinds = [one.phases[-1][0] for one in running if one.phases]
    n_computing, n_moving = max(1, kinds.count("cpu")), max(1, kinds.count("io"))
    return {
        "wait": 1.0,
        "cpu": min(1.0, cluster.cores / n_computing),
        "io": min(cluster.link, cluster.storage / n_moving),
    }
