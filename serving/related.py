"""What is near by several signals at once: their lists fused by reciprocal rank.

Source: Cormack, Clarke and Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning
methods", SIGIR 2009. Ranks are fused and not scores, because scores of different signals are not comparable.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from foundation.errors import InvalidQuery

SIGNALS = ("similar", "ppr", "community", "search")
DEPTH = 100  # of every signal's list: what is further down adds less than a 160th
OFFSET = 60  # as in the paper: how fast the worth of a rank falls

Hit = dict[str, Any]


def chosen_weights(weights: Mapping[str, float] | None, built: Sequence[str], *, with_text: bool) -> dict[str, float]:
    """Weight of every signal that takes part: those asked for, or 1 for each that can.

    Raises
    ------
    InvalidQuery
        An unknown signal or one that cannot take part, a weight that is negative or not finite, or none above zero.
    """
    possible = [name for name in SIGNALS if name in built and (name != "search" or with_text)]
    if weights is None:
        weights = dict.fromkeys(possible, 1.0)
    for name, weight in weights.items():
        if name not in SIGNALS:
            raise InvalidQuery(what=f"no signal {name!r}", fix=f"known are {', '.join(SIGNALS)}")
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < math.inf:
            raise InvalidQuery(what=f"signal {name} has weight {weight!r}", fix="weights are finite and not negative")
        if weight > 0 and name not in possible:
            why = "without a text" if name in built else "that the index was not built for"
            raise InvalidQuery(what=f"signal {name} {why}", fix=f"leave it out; possible are {', '.join(possible)}")
    taking_part = {name: float(weights[name]) for name in SIGNALS if weights.get(name, 0) > 0}
    if not taking_part:
        raise InvalidQuery(what="no signal takes part", fix=f"possible are {', '.join(possible) or 'none'}")
    return taking_part


def fused(lists: Iterable[tuple[str, float, Sequence[Hit]]], seeds: Iterable[str | int], k: int) -> list[Hit]:
    """The best ``k`` of lists of hits, each named by its signal and weighted; ties by id, without the seeds.

    ``score`` is the sum over the lists of weight / (60 + rank), ``ranks`` the best rank in each signal that has it.
    """
    left_out = {str(seed) for seed in seeds}
    found: dict[str, Hit] = {}
    for signal, weight, hits in lists:
        others = [hit for hit in hits if str(hit["id"]) not in left_out]
        for rank, hit in enumerate(others, 1):
            known = found.setdefault(str(hit["id"]), {**hit, "score": 0.0, "ranks": {}})
            known["score"] += weight / (OFFSET + rank)
            known["ranks"][signal] = min(rank, known["ranks"].get(signal, rank))
    return sorted(found.values(), key=lambda hit: (-hit["score"], str(hit["id"])))[:k]
