"""Recall measured on held-out queries, and the effort that reaches what was asked by the fewest reads.

Reads are counted and not timed, so the choice is the same on every run and machine. Pruning by distance ratio is taken
where it saves a twentieth of the counted cost at the recall asked for: less than that is chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from foundation.errors import TargetMissed
from foundation.seeds import stream
from vectors.ann.exact import exact_top_k
from vectors.evaluation import recall_at_k
from vectors.metrics import Float32s, Int64s, Metric, is_distance, parse_exclude, parse_queries
from vectors.spann.measured import Effort, K, Reads, Tried
from vectors.spann.params import SpannParams
from vectors.spann.search import Searcher

_N_QUERIES: Final = 1000
_LADDER: Final = (1, 2, 3, *(step << i for i in range(8) for step in (4, 5, 6, 7)), 1024)  # lists, a quarter apart
_RERANKS: Final = (15, 20, 30, 40)
_WIDE, _WIDEST = 80, 320  # compared while lists are counted, and at the last attempt
_RATIOS: Final = (4.0, 3.0, 2.5, 2.0, 1.75, 1.5, 1.3)
_PAYS: Final = 0.95  # of the cost without pruning


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The effort chosen, the cheapest without and with pruning that reach what was asked, all tried, queries."""

    chosen: Tried
    plain: Tried | None
    pruned: Tried | None
    frontier: tuple[Tried, ...]
    n_queries: int


def find_effort(
    searcher: Searcher,
    stored: npt.NDArray[Any],
    asking: Int64s,
    params: SpannParams,
    *,
    heldout: npt.ArrayLike | None = None,
    n_threads: int = 1,
) -> Found:
    """The cheapest effort whose recall@10, less 1.5 standard errors, reaches ``params.recall``.

    Held-out queries are ``heldout``, or up to 1,000 of the rows ``asking``, drawn by the seed and left out of their own
    truth and answer. First the least number of lists is found that does it, then fewer comparisons are tried, then
    pruning of as many lists and of some more, ever closer until it costs the recall.

    Raises
    ------
    TargetMissed
        When none does; carries the best recall seen.
    """
    trial = _Trial(searcher, stored, asking, params, heldout, n_threads)
    n_heads = max(1, searcher.heads.n_heads)
    ladder = [n for n in _LADDER if n < n_heads] + ([n_heads] if n_heads <= _LADDER[-1] else [])
    met = _least(trial, ladder)
    if met is None:
        last = Effort(n_lists=ladder[-1], rerank=_WIDEST)
        if not trial.reaches(last):
            best = max(trial.tried, key=lambda tried: tried.promised)
            raise TargetMissed(
                target="recall@10 less 1.5 standard errors",
                asked=params.recall,
                best=best.promised,
                candidate=f"spann reading {best.effort.n_lists} lists, comparing {best.effort.rerank} rows",
            )
        return trial.found()
    more = ladder[met : met + 5 : 2]
    for n_lists in more[:2]:
        for rerank in _RERANKS:
            if trial.reaches(Effort(n_lists=n_lists, rerank=rerank)):
                break
    rerank = trial.cheapest(pruned=False).effort.rerank  # type: ignore[union-attr]  # one has reached it
    for n_lists in more:
        for ratio in _RATIOS:
            if not trial.reaches(Effort(n_lists=n_lists, ratio=ratio, rerank=rerank)):
                break
    return trial.found()


def _least(trial: _Trial, ladder: Sequence[int]) -> int | None:
    """Place of the fewest lists that reach it: of every power of two, then of those before the first that does."""
    before = -1
    for place, n_lists in enumerate(ladder):
        if n_lists & (n_lists - 1) and place < len(ladder) - 1:
            continue
        if trial.reaches(Effort(n_lists=n_lists, rerank=_WIDE)):
            between = range(before + 1, place)
            return next((at for at in between if trial.reaches(Effort(n_lists=ladder[at], rerank=_WIDE))), place)
        before = place
    return None


class _Trial:
    """Held-out queries, their truth, and what was tried on them."""

    def __init__(
        self,
        searcher: Searcher,
        stored: npt.NDArray[Any],
        asking: Int64s,
        params: SpannParams,
        heldout: npt.ArrayLike | None,
        n_threads: int,
    ) -> None:
        # Stored rows are of length one under cosine, so their products are the scores that a search returns.
        self._metric: Metric = "inner_product" if params.metric == "cosine" else params.metric
        self._searcher, self._recall, self._n_threads = searcher, params.recall, n_threads
        n, dim = stored.shape
        if heldout is None:
            draw = stream(params.seed, "spann.heldout")
            rows = np.sort(draw.choice(asking, size=min(_N_QUERIES, asking.size), replace=False))
            asked, exclude, k = np.array(stored[rows]), rows, min(K, n - 1)
        else:
            asked, exclude, k = parse_queries(heldout, dim, params.metric), None, min(K, n)
        if k < 1:
            asked, exclude, k = asked[:0], None, 1
        self._asked, self._k = asked, k
        self._exclude = parse_exclude(exclude, asked.shape[0])
        _, true = exact_top_k(stored, asked, k, metric=self._metric, exclude=self._exclude, n_threads=n_threads)
        self._true_kth: Float32s = true[:, k - 1]
        self.tried: list[Tried] = []
        self.n_queries = asked.shape[0]

    def reaches(self, effort: Effort) -> bool:
        """Try it."""
        reads = Reads.none(self.n_queries)
        _, values = self._searcher.find(self._asked, self._k, self._exclude, effort, self._n_threads, reads)
        recall, error = self._measure(values)
        mean = {name: _mean(getattr(reads, name)) for name in ("lists", "vectors")}
        pages = _mean(reads.list_pages + reads.vector_pages)
        self.tried.append(Tried(effort=effort, recall=recall, standard_error=error, pages=pages, **mean))
        return self._is_met(self.tried[-1])

    def cheapest(self, *, pruned: bool) -> Tried | None:
        """Of those that reach what was asked."""
        met = (one for one in self.tried if self._is_met(one) and (one.effort.ratio is not None) == pruned)
        return min(met, key=lambda tried: tried.cost, default=None)

    def found(self) -> Found:
        """Call when something has reached it."""
        plain, pruned = self.cheapest(pruned=False), self.cheapest(pruned=True)
        assert plain is not None
        pays = pruned is not None and pruned.cost <= _PAYS * plain.cost
        chosen = pruned if pruned is not None and pays else plain
        return Found(chosen=chosen, plain=plain, pruned=pruned, frontier=tuple(self.tried), n_queries=self.n_queries)

    def _is_met(self, tried: Tried) -> bool:
        return tried.promised >= self._recall

    def _measure(self, values: Float32s) -> tuple[float, float]:
        """Mean over queries, and the standard error of that mean."""
        higher = not is_distance(self._metric)
        shares = np.array(
            [recall_at_k(values[i : i + 1], self._true_kth[i : i + 1], higher) for i in range(self.n_queries)]
        )
        if shares.size == 0:
            return 1.0, 0.0
        return round(float(shares.mean()), 6), round(float(shares.std()) / shares.size**0.5, 6)


def _mean(counts: Int64s) -> float:
    return round(float(counts.mean()), 2) if counts.size else 0.0
