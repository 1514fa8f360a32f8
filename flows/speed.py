"""How fast this machine is beside the one on which the constants of the estimates were measured.

Three loops of some 30 ms of CPU each stand for what stages do: gather from memory at random, stream through it, and run
Python. CPU time of one thread is taken, so that a busy machine is not taken for a slow one.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from flows.stages.stage import Work

REFERENCE: Mapping[Work, float] = {"gather": 0.0085, "stream": 0.0070, "parse": 0.0025}  # seconds of one loop there
REPEATS = 3
LIMITS = (0.1, 10.0)  # a factor beyond these says more about the clock than about the machine


@functools.cache
def slowness() -> Mapping[Work, float]:
    """How many times longer each kind of work takes here; measured once per process, in less than 0.3 s."""
    least, most = LIMITS
    return {work: min(max(_seconds(loop) / REFERENCE[work], least), most) for work, loop in _loops().items()}


def _loops() -> dict[Work, Callable[[], object]]:
    values = np.arange(1 << 20, dtype=np.float64)
    rows = np.random.default_rng(0).integers(0, values.size, 1 << 20)
    text = json.dumps([{"id": f"node {number}", "weight": number / 3} for number in range(5_000)])
    data = values.tobytes()
    return {
        "gather": lambda: values[rows].sum(),
        "stream": lambda: hashlib.sha256(data).digest(),
        "parse": lambda: {record["id"].encode(): record["weight"] for record in json.loads(text)},
    }


def _seconds(loop: Callable[[], object]) -> float:
    loop()
    seconds = []
    for _ in range(REPEATS):
        begun = time.thread_time()
        loop()
        seconds.append(time.thread_time() - begun)
    return min(seconds)


def is_compiled(kernels: str) -> bool:
    """Whether compiled code of the module ``kernels`` waits in numba's cache on this machine."""
    module = importlib.import_module(kernels)
    stem = Path(str(module.__file__)).stem
    folders: set[Any] = {
        found.stats.cache_path for found in vars(module).values() if getattr(found, "__module__", "") == kernels
        and hasattr(found, "stats")
    }  # fmt: skip
    return any(folder and any(Path(folder).glob(f"{stem}.*.nbi")) for folder in folders)
