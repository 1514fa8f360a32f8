"""Search under filters from 50 % to 0.1 %: recall and time by the way taken, and by each of the two ways.

Run: python benchmarks/bench_ann_filters.py  (about two minutes)

61,702 packages of the Debian archive, FastRP with 256 values, of length one, Euclidean distance; 500 rows taken out
and asked. One thread, CPU time, all queries at once. "random" passes rows at random, "section" those on one side of a
plane, which lie together.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks.ann_sets import packages
from benchmarks.bench import print_table
from vectors.ann import shard as ann_shard
from vectors.ann.exact import exact_top_k
from vectors.ann.index import ANNIndex, ANNParams

K = 10
SHARES = (0.5, 0.1, 0.03, 0.01, 0.001)


def microseconds(index: ANNIndex, queries: Any, where: Any) -> tuple[Any, float]:
    """The values found, and CPU microseconds a query, the least of three."""
    seconds, values = [], None
    for _ in range(3):
        begun = time.process_time()
        values = index.search(queries, K, where=where)[1]
        seconds.append(time.process_time() - begun)
    return values, 1e6 * min(seconds) / len(queries)


def main() -> None:
    train, test = packages()
    test = test[:500]
    # Every kind is made to go each way by the price of scoring one row.
    price = ann_shard.rescored_cost
    ways = {"as built": price, "one by one": lambda *_: 0.0, "past others": lambda *_: np.inf}
    table = []
    for kind in ("hnsw", "ivf", "rabitq"):
        index = ANNIndex.build(train, ANNParams(kind=kind, metric="l2", recall=0.95))  # type: ignore[arg-type]
        for law in ("random", "section"):
            key = np.random.default_rng(5).random(len(train)) if law == "random" else train[:, 0]
            for share in SHARES:
                where = key <= np.quantile(key, share)
                inside = np.flatnonzero(where)
                _, true = exact_top_k(train[inside], test, K, metric="l2")
                row: dict[str, object] = {"kind": kind, "filter": law, "passes": f"{share:.1%}"}
                for name, counted in ways.items():
                    ann_shard.rescored_cost = counted  # type: ignore[assignment]
                    values, taken = microseconds(index, test, where)
                    row[f"{name}: recall"] = round(float((values <= true[:, K - 1 :]).mean()), 4)
                    row[f"{name}: µs"] = round(taken)
                ann_shard.rescored_cost = price
                table.append(row)
    print_table(table)


if __name__ == "__main__":
    main()
