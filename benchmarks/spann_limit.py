"""Searches in a process that may hold little more than what an index promises: heads and offsets, by ``RLIMIT_DATA``.

Run by `benchmarks.bench_spann` as: python spann_limit.py INDEX SMALL QUERIES.npy SHARE, both indexes of one width.
"""

from __future__ import annotations

import json
import resource
import sys
import threading
import time
from pathlib import Path

import numpy as np

from vectors.spann.index import SpannIndex


def data_bytes() -> int:
    """What counts against the limit: this process's private, writable memory."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmData:")[2].split()[0]) << 10


def main() -> None:
    large, small, queries, share = Path(sys.argv[1]), Path(sys.argv[2]), np.load(sys.argv[3]), float(sys.argv[4])
    threading.stack_size(256 << 10)
    SpannIndex.open(small, reading="read", verify=False).search(queries[:2])  # compiled loops are loaded
    raw = 4 * int(np.prod(np.load(large / "vectors.npy", mmap_mode="r").shape))
    before = data_bytes()
    limit = before + int(share * raw)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    index = SpannIndex.open(large, reading="read", verify=False)
    most, rows, begun = data_bytes(), [], time.process_time()
    for query in queries:
        rows.append(index.search(query[None, :], 10)[0][0].tolist())
        most = max(most, data_bytes())
    seconds = time.process_time() - begun
    try:
        np.empty(raw, dtype=np.int8)
        is_limited = False
    except MemoryError:
        is_limited = True
    print(json.dumps({"rows": rows, "is_limited": is_limited, "share": (most - before) / raw, "seconds": seconds}))


if __name__ == "__main__":
    main()
