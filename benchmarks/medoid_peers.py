"""The kmedoids package on a matrix, in an interpreter that has it.

Run by `benchmarks.bench_medoids`; knows nothing of this project. Prints one line of JSON: wall and CPU seconds, loss
and swaps of what was asked for.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kmedoids
import numpy as np


def main(folder: str, names: str, n_cpu: str, repeats: str) -> None:
    matrix, start = np.load(Path(folder) / "matrix.npy"), np.load(Path(folder) / "start.npy").astype(np.uint64)
    work: dict[str, Callable[[], Any]] = {
        "fasterpam": lambda: kmedoids.fasterpam(matrix, start, max_iter=1000, n_cpu=int(n_cpu)),
        "fastpam1": lambda: kmedoids.fastpam1(matrix, start, max_iter=1000),
        "build": lambda: kmedoids.pam_build(matrix, start.size),
    }
    found = {}
    for name in names.split(","):
        laps = []
        for _ in range(int(repeats) if name == "fasterpam" else 1):
            wall, cpu = time.perf_counter(), time.process_time()
            answer = work[name]()
            laps.append((time.perf_counter() - wall, time.process_time() - cpu))
        seconds = np.median(laps, axis=0).tolist()
        swaps = 0 if name == "build" else int(answer.n_swap)
        found[name] = {"wall s": seconds[0], "CPU s": seconds[1], "loss": float(answer.loss), "swaps": swaps}
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
