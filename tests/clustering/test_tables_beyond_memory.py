"""Bucket tables that are larger than the memory there is: mapped, they answer all the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from clustering.banding import LSHParams
from clustering.lsh import LSHIndex
from clustering.minhash import MinHashParams, minhash
from tests.limited_memory import limited, run_limited

MIB = 1 << 20
N_SETS, N_ASKED = 500_000, 300
ASK = """
import sys
import numpy as np
from clustering.banding import LSHParams
from clustering.lsh import LSHIndex
folder = sys.argv[1]
signatures, keys, nodes = (np.load(f"{folder}/{name}.npy", mmap_mode="c") for name in ("signatures", "keys", "nodes"))
index = LSHIndex(signatures, keys, nodes, LSHParams(n_bands=64, n_rows=2))
for asked in np.load(f"{folder}/asked.npy").tolist():
    found = index.top(asked, 5)
    print(asked, *found.nodes, *found.similarity)
"""


def test_tables_larger_than_the_memory_there_is_answer_as_in_memory(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    indptr = np.arange(0, 8 * N_SETS + 1, 8, dtype=np.int64)
    indices = random.integers(0, 400_000, 8 * N_SETS).astype(np.int32)
    params = LSHParams(n_bands=64, n_rows=2)
    index = LSHIndex.build(minhash(indptr, indices, MinHashParams(), n_threads=2), params, n_threads=2)
    asked = random.integers(0, N_SETS, N_ASKED)
    wanted = []
    for node in asked.tolist():
        found = index.top(node, 5)
        wanted.append(" ".join(map(str, (node, *found.nodes, *found.similarity))))
    n_bytes = 0
    for name in ("signatures", "keys", "nodes"):
        np.save(tmp_path / f"{name}.npy", getattr(index, name))
        n_bytes += getattr(index, name).nbytes
    np.save(tmp_path / "asked.npy", asked)
    del index
    limit = 384 * MIB
    assert n_bytes > limit + 64 * MIB
    with limited(limit) as group:
        printed = run_limited(group, ASK, [str(tmp_path)])
    assert printed.splitlines() == wanted
