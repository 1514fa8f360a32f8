"""Search under filters from 50 % to 0.1 %: recall and time, where brute force is quicker, and how much wider to search.

Run: PURLIEU_ANN_SET=SET python -m benchmarks ann_filters  (three to six minutes)

SET is packages (the default), fashion-mnist, sift or clusters (`benchmarks.ann_sets`), of which PURLIEU_ANN_ROWS takes
the first so many; 200 rows that are not in the index are asked, for a recall of .95 without a filter. One thread, CPU
time, all queries at once. "random" passes rows at random, "region" those on one side of a plane, which lie together.

Three tables. Recall and time as served, and by each of the two ways: scoring the rows inside one by one, and searching
past the others. The crossover: the share of rows from which on searching past the others is quicker, as measured and
as the prices of `vectors.ann.cost` have it. And recall and time of searching past the others when a filter that passes
1 in s rows makes s to some power as many lists be read, and s to another as many rows be scored again:
`vectors.ann.effort` holds the powers that are used.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from benchmarks.ann_sets import SETS
from benchmarks.bench import print_table
from vectors.ann import effort as ann_effort
from vectors.ann import shard as ann_shard
from vectors.ann.exact import exact_top_k
from vectors.ann.forms import Kind
from vectors.ann.index import ANNIndex, ANNParams

K: Final = 10
N_QUERIES: Final = 200
FEWEST: Final = 10
SHARES: Final = (0.5, 0.1, 0.01, 0.001)
BETWEEN: Final = (0.3, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01, 0.005, 0.002)  # where the crossover is looked for
POWERS: Final = ((0.5, 0.35), (0.75, 0.0), (0.75, 0.2), (0.75, 0.35), (0.9, 0.35))  # of lists, of rows scored again
KINDS: Final[tuple[Kind, ...]] = ("hnsw", "ivf", "ivfsq", "ivfpq", "rabitq")
Bools = npt.NDArray[np.bool_]
# Every kind is made to go each way by the price of scoring one row.
PRICE: Final = ann_shard.inside_cost
WAYS: Final[dict[str, Any]] = {"served": PRICE, "one by one": lambda *_: 0.0, "past others": lambda *_: np.inf}


@contextmanager
def going(way: str, powers: tuple[float, float] | None = None) -> Iterator[None]:
    """Search in one way, and with lists read and rows scored again to some power."""
    used = ann_effort._LISTS_GROW, ann_effort._FACTOR_GROW
    ann_shard.inside_cost = WAYS[way]
    ann_effort._LISTS_GROW, ann_effort._FACTOR_GROW = used if powers is None else powers  # type: ignore[misc]
    try:
        yield
    finally:
        ann_shard.inside_cost = PRICE
        ann_effort._LISTS_GROW, ann_effort._FACTOR_GROW = used  # type: ignore[misc]


def microseconds(index: ANNIndex, queries: Any, where: Bools) -> tuple[Any, float]:
    """The values found, and CPU microseconds a query, the least of three.

    Of so many queries as take two seconds, but ten; what takes half a second is run once.
    """
    begun = time.process_time()
    index.search(queries[:FEWEST], K, where=where)
    one = (time.process_time() - begun) / FEWEST
    asked = queries[: max(FEWEST, min(len(queries), int(2 / max(one, 1e-9))))]
    seconds: list[float] = []
    while len(seconds) < 3 and sum(seconds) < 0.5:
        begun = time.process_time()
        values = index.search(asked, K, where=where)[1]
        seconds.append(time.process_time() - begun)
    return values, 1e6 * min(seconds) / len(asked)


class Filter:
    """Rows that pass, and the true tenth value of every query among them."""

    def __init__(self, train: Any, test: Any, law: str, share: float) -> None:
        key = np.random.default_rng(5).random(len(train)) if law == "random" else train @ (train[17] - train[4])
        self.where: Bools = key <= np.quantile(key, share)
        _, true = exact_top_k(train[np.flatnonzero(self.where)], test, K, metric="l2")
        self.limit = true[:, -1:]

    def asked(self, index: ANNIndex, test: Any) -> tuple[float, int]:
        """Recall, and microseconds."""
        values, taken = microseconds(index, test, self.where)
        return round(float((values <= self.limit[: len(values)]).mean()), 3), round(taken)


def crossover(index: ANNIndex, train: Any, test: Any) -> dict[str, object]:
    """The share of random rows where both ways take as long, between two that were measured, and by the prices."""
    found = {}
    for share in BETWEEN:
        where = np.random.default_rng(6).random(len(train)) < share
        with going("one by one"):
            alone = microseconds(index, test[:50], where)[1]
        with going("past others"):
            found[share] = alone / microseconds(index, test[:50], where)[1]
    slower = min((share for share in BETWEEN if found[share] >= 1), default=None)
    quicker = max((share for share in BETWEEN if found[share] < 1), default=None)
    measured = float(np.sqrt(slower * quicker)) if slower and quicker else slower or quicker or 0.0
    piece = index.shards[0]
    priced = next((share for share in sorted(np.geomspace(1e-4, 1, 400)) if beyond(index, piece, share)), 1.0)
    n = len(piece.ids)
    return {"measured": f"{measured:.2%}", "priced": f"{priced:.2%}", "rows": round(priced * n)} | {
        f"{share:.1%}": round(ratio, 2) for share, ratio in found.items()
    }


def beyond(index: ANNIndex, piece: ann_shard.Shard, share: float) -> bool:
    """Whether prices have a search past the others at this share."""
    measured, n_wanted = index.measured, max(1, int(share * len(piece.ids)))
    assert measured is not None
    effort = ann_effort.Effort(
        ef_search=measured.ef_search or 1, n_probe=measured.n_probe or 1, k_factor=measured.k_factor or 1
    )
    return PRICE(n_wanted, piece.dim, piece.vectors.storage) > piece._cost(
        K, effort.wider(len(piece.ids), n_wanted), n_wanted
    )


def main() -> None:
    name = os.environ.get("PURLIEU_ANN_SET", "packages")
    train, test = SETS[name]()
    train, test = train[: int(os.environ.get("PURLIEU_ANN_ROWS", len(train)))], test[:N_QUERIES]
    filters = {(law, share): Filter(train, test, law, share) for law in ("random", "region") for share in SHARES}
    served, crossed, wider = [], [], []
    with threadpool_limits(1):
        for kind in KINDS:
            params = ANNParams(kind=kind, metric="l2", recall=0.95, allow_missed=True, shard_rows=len(train))
            index = ANNIndex.build(train, params)
            for (law, share), each in filters.items():
                row: dict[str, object] = {"kind": kind, "filter": law, "passes": f"{share:.1%}"}
                for way in WAYS:
                    with going(way):
                        row[f"{way}: recall"], row[f"{way}: µs"] = each.asked(index, test)
                served.append(row)
                if kind == "hnsw":
                    continue
                row = {"kind": kind, "filter": law, "passes": f"{share:.1%}"}
                for powers in POWERS:
                    with going("past others", powers):
                        name_of = f"{powers[0]}, {powers[1]}"
                        row[f"{name_of}: recall"], row[f"{name_of}: µs"] = each.asked(index, test)
                wider.append(row)
            crossed.append({"kind": kind} | crossover(index, train, test))
    print(f"{name}: {len(train)} × {train.shape[1]}, {len(test)} queries, load {os.getloadavg()[0]:.1f}\n")
    print_table(served)
    print("\nTime of one by one over that of past others, by the share that passes:\n")
    print_table(crossed)
    print("\nPast others, lists read and rows scored again by some powers of the filter:\n")
    print_table(wider)


if __name__ == "__main__":
    main()
