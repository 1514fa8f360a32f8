"""How good a run is by a set of judgements: one number for each query and measure.

The arithmetic is that of `ir_measures` over `pytrec_eval`, NIST's trec_eval in Python. Gains of nDCG are the grades
themselves, discounted by log2(rank + 1) (Järvelin & Kekäläinen 2002), as trec_eval and BEIR have it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidInput, InvalidParams
from vectors.judged.qrels import Qrels
from vectors.judged.runs import Scored

Float64s = npt.NDArray[np.float64]

MEASURES = ("nDCG@10", "R@100", "RR@10", "AP")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """What was measured, by query.

    Attributes
    ----------
    queries : ids of the queries that count: those with a relevant document, in the order of the judgements
    values : float64 (n_queries,) of each measure by its name; a query without an answer has 0
    n_unanswerable : judged queries without a relevant document, left out: no answer would be right
    n_unanswered : counted queries that the run does not answer
    n_unjudged : answered queries without a judgement, left out
    """

    queries: tuple[str, ...]
    values: dict[str, Float64s]
    n_unanswerable: int
    n_unanswered: int
    n_unjudged: int

    def mean(self, measure: str) -> float:
        """Over all queries that count."""
        return float(self.values[measure].mean())


def measure(qrels: Qrels, run: Mapping[str, Sequence[Scored]], measures: Sequence[str] = MEASURES) -> Measured:
    """Measure a run in the order of its lists, whatever their scores.

    Parameters
    ----------
    measures
        Names as `ir_measures` has them: ``nDCG@10``, ``R@100`` (recall), ``RR@10`` (reciprocal rank), ``AP``, ``P@5``,
        ``Judged@10``, …

    Raises
    ------
    InvalidParams
        When a name is none.
    InvalidInput
        When no query has a relevant document, or the run answers none of those that have.
    """
    wanted = {name: _provided(name) for name in measures}
    queries = tuple(query for query, grades in qrels.items() if any(grade > 0 for grade in grades.values()))
    answered = [query for query in queries if run.get(query)]
    if not queries:
        raise InvalidInput(source="judgements", what="no query has a relevant document", fix="check the grades")
    if not answered:
        what = f"the run answers none of the {len(queries)} judged queries"
        raise InvalidInput(source="run", what=what, fix="check that both have the same query ids")
    # Ranks stand for scores: they have no ties, which trec_eval would break by document ids.
    ranked = {query: {answer.doc: -float(rank) for rank, answer in enumerate(run[query])} for query in answered}
    judged = {query: qrels[query] for query in answered}
    place = {query: number for number, query in enumerate(queries)}
    values = {name: np.zeros(len(queries)) for name in wanted}
    for name, (provider, parsed) in wanted.items():
        for metric in provider.iter_calc([parsed], judged, ranked):
            values[name][place[metric.query_id]] = metric.value
    return Measured(
        queries=queries,
        values=values,
        n_unanswerable=len(qrels) - len(queries),
        n_unanswered=len(queries) - len(answered),
        n_unjudged=sum(query not in qrels for query in run),
    )


def _provided(name: str) -> tuple[Any, Any]:
    """What computes the measure, and the measure."""
    import ir_measures

    # Others need programs or packages that are not installed.
    providers = (ir_measures.pytrec_eval, ir_measures.msmarco, ir_measures.judged)
    try:
        parsed = ir_measures.parse_measure(name)
        provider = next((provider for provider in providers if provider.supports(parsed)), None)
    except (NameError, ValueError, TypeError, AttributeError, KeyError, AssertionError):
        provider = None
    if provider is None:
        allowed = "a measure of ir_measures such as nDCG@10, R@100, RR@10, AP, P@5 or Judged@10"
        raise InvalidParams(name="measure", value=name, allowed=allowed)
    return provider, parsed
