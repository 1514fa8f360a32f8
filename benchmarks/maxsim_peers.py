"""torch and PyLate scoring the same tokens, in an interpreter that has them.

Run by `benchmarks.bench_maxsim` as ``python maxsim_peers.py FOLDER``; knows nothing of this project. Prints one line of
JSON: CPU-seconds of one thread, and the largest difference from the scores in the folder.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

REPEATS = 7


def seconds(work: Callable[[], Any]) -> float:
    """Median of some runs after one to warm up."""
    work()
    laps = []
    for _ in range(REPEATS):
        begun = time.process_time()
        work()
        laps.append(time.process_time() - begun)
    return statistics.median(laps)


def main() -> None:
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    tokens, query = (torch.from_numpy(np.load(folder / f"{name}.npy")) for name in ("tokens", "query"))
    exact = np.load(folder / "scores.npy")
    half, half_query = tokens.bfloat16(), query.bfloat16()
    works: dict[str, Callable[[], Any]] = {
        "torch matmul + amax": lambda: (tokens @ query.T).amax(dim=1).sum(dim=1),
        "torch matmul + amax, bfloat16": lambda: (half @ half_query.T).amax(dim=1).float().sum(dim=1),
    }
    try:
        from pylate.scores import colbert_scores

        works["PyLate colbert_scores"] = lambda: colbert_scores(query[None], tokens)[0]
    except ImportError:
        pass
    found = {}
    with torch.inference_mode():
        for name, work in works.items():
            error = float(np.abs(work().numpy() - exact).max())
            found[name] = {"seconds": seconds(work), "error": error}
    print(json.dumps(found))


main()
