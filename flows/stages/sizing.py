"""How many rows a partition may have, from what one thread of a worker may use.

The sizes asked for in the config are an upper limit; a partition that would need more than its share of the memory is
made smaller. No byte of the result depends on it.
"""

from __future__ import annotations

import dataclasses
import logging

from flows.stages.stage import Job, Order

SHARE = 0.5  # of a thread's memory for the rows: the rest is for what they are read from, the libraries, the writing
LIBRARIES = 300 << 20

log = logging.getLogger("purlieu.stages")


def fitted(order: Order, job: Job, memory: int) -> Job:
    """``job`` with partitions whose rows fit into half of ``memory`` bytes (per thread, libraries taken off).

    Sizes are halved until they fit, so that small changes of the limit change nothing; one row is the least.
    """
    if order.stage.row_bytes is None:
        return job
    row_bytes = max(1.0, order.stage.row_bytes(job))
    most = int(SHARE * max(0, memory - LIBRARIES) / row_bytes)

    def halved(rows: int) -> int:
        while rows > max(1, most):
            rows = (rows + 1) // 2
        return rows

    smaller = dataclasses.replace(job, part_nodes=halved(job.part_nodes), part_docs=halved(job.part_docs))
    if smaller != job:
        log.info("%s: partitions of at most %d rows fit %d MiB a thread", order.name, max(1, most), memory >> 20)
    return smaller
