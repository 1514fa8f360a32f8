"""What searches take on this machine, over what the choice of an index counts for them.

Run: PURLIEU_ANN_SET=SET python -m benchmarks ann_prices  (a minute or two for each set)

SET is sift, packages, fashion-mnist or clusters (of which the first 100,000 rows are taken; PURLIEU_ANN_ROWS names
another number), or several of them with commas between; sift when it is not set. Every kind of lists is asked at a
grid of lists read and vectors scored again, a graph at some beams; one thread, CPU time, the least of three rounds.
The choice compares counted work (`vectors.ann.cost`) and never looks at a clock, so what matters is that the ratios
here are alike for all kinds: the prices were fitted to them.
"""

from __future__ import annotations

import os
import time
from typing import Any, Final, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.ann_sets import INNER_PRODUCT, SETS
from benchmarks.bench import print_table
from vectors.ann.build import build_shards
from vectors.ann.cost import list_cost
from vectors.ann.exact import exact_top_k
from vectors.ann.forms import LISTED, Kind
from vectors.ann.index import ANNIndex, ANNParams
from vectors.ann.shard import Shard
from vectors.metrics import Float32s, parse_queries

K, N_QUERIES, ROUNDS = 10, 500, 3
PROBES, FACTORS, BEAMS = (4, 8, 16, 32, 64), (2, 5, 10, 20), (16, 32, 64, 128, 256)
WALKED: Final = 128  # columns up to which "auto" tries a graph
MOST_ROWS: Final = 100_000


class Setting(NamedTuple):
    """How hard an index looks, and what that counts, in microseconds."""

    index: ANNIndex
    effort: dict[str, int]
    counted: float


def settings(train: Float32s, queries: Float32s, kind: Kind) -> list[Setting]:
    """A grid of them over one index."""
    params = ANNParams(metric="l2", kind=kind, shard_rows=len(train))
    shards = [Shard.from_built(built) for built in build_shards(train, params)]
    shard, index = shards[0], ANNIndex(shards, params)
    if shard.lists is None:
        return [Setting(index, {"ef_search": beam}, shard.walk_cost(beam, len(shard.ids)) / 1000) for beam in BEAMS]
    asked, found, storage = parse_queries(queries, shard.dim, "l2"), [], shard.vectors.storage
    for n_probe in PROBES:
        numbers = shard.lists.nearest(asked, n_probe)[1]
        n_read = float(shard.lists.sizes[numbers].sum(axis=1).mean())
        for k_factor in FACTORS:
            form, n = shard.lists.form, len(shard.ids)
            again = min(K * k_factor, n)
            work = list_cost(form, shard.dim, storage, n, n_probe=n_probe, n_read=n_read, n_rescored=again)
            found.append(Setting(index, {"n_probe": n_probe, "k_factor": k_factor}, work / 1000))
    return found


def ratios(train: Float32s, queries: Float32s, kind: Kind) -> dict[str, Any]:
    """Measured over counted."""
    tried = settings(train, queries, kind)
    taken = np.full(len(tried), np.inf)
    for _ in range(ROUNDS):
        for nth, (index, effort, _) in enumerate(tried):
            begun = time.process_time()
            index.search(queries, K, **effort)  # type: ignore[arg-type]
            taken[nth] = min(taken[nth], 1e6 * (time.process_time() - begun) / len(queries))
    found = taken / np.array([each.counted for each in tried])
    low, middle, high = np.quantile(found, [0.0, 0.5, 1.0])
    return {
        "kind": kind,
        "settings": len(tried),
        "µs": f"{taken.min():.1f} to {taken.max():.1f}",
        "over counted: least": low,
        "middle": middle,
        "most": high,
    }


def main() -> None:
    table = []
    for name in os.environ.get("PURLIEU_ANN_SET", "sift").split(","):
        if name in INNER_PRODUCT:
            continue
        train, test = SETS[name]()
        train, test = train[: int(os.environ.get("PURLIEU_ANN_ROWS", MOST_ROWS))], test[:N_QUERIES]
        ANNIndex.build(train[:2000], ANNParams(metric="l2", kind="ivfsq", allow_missed=True)).search(test)  # compiles
        exact_top_k(train[:2000], test, K, metric="l2")
        with threadpool_limits(1):
            kinds: tuple[Kind, ...] = (*LISTED, "hnsw") if train.shape[1] <= WALKED else LISTED
            table += [{"set": name} | ratios(train, test, kind) for kind in kinds]
    print_table(table)


if __name__ == "__main__":
    main()
