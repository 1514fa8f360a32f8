"""How a question of HTTP becomes a question to an engine, alone or together with others like it.

Requests of one kind that wait are asked in one call, and each gets its part of the answer. That is what it would have
got alone, bytes and all, because engines answer every query of a call by itself; where one request of a call cannot be
answered, each is asked alone, so that it fails alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import orjson

from foundation.errors import EngineError, InvalidQuery
from serving.bodies.common import MAX_EXPLAINED, MAX_HITS
from serving.bodies.common import Request as Body
from serving.bodies.communities import CommunityRequest, LabelsRequest, MembersRequest
from serving.bodies.compound import ExplainRequest, RelatedRequest
from serving.bodies.documents import SearchRequest
from serving.bodies.nodes import NeighbourhoodRequest, PPRRequest, SimilarRequest
from serving.jobs import Job, Outcome
from serving.opener import Answer, EngineLike
from serving.ppr import shortages

HEAVY = 100  # a request of more queries than this, or of longer lists, takes a place of those for what takes long
_LIST = 400  # hits of one query that count as one query more, so that no call makes more than some 100,000
_EXPLAINED = 10  # the same of hits that are explained

Queries = Sequence[Any]


def _lists(answer: Answer, first: int, last: int, asked: Any) -> Answer:  # noqa: ARG001  # as `Question.part`
    return {**answer, "results": answer["results"][first:last]}


def _one(asked: Any) -> Queries:  # noqa: ARG001  # as `Question.queries`
    return (None,)


def _never(asked: Any) -> None:  # noqa: ARG001  # as `Question.kind`
    return None


@final
@dataclass(frozen=True, slots=True)
class Question:
    """One endpoint's question.

    Attributes
    ----------
    name : as `artifacts.publish.Release` has it, and as in the path
    model : what its body must be
    ask : the engine's answer to these queries, with everything else as in the request
    queries : those of a request, each of which gets one list of hits
    kind : requests of equal kinds may be asked together; None: this one alone
    part : queries ``[first, last)`` of an answer as an answer
    """

    name: str
    model: type[Body]
    ask: Callable[[EngineLike, Queries, Any], Answer]
    queries: Callable[[Any], Queries] = _one
    kind: Callable[[Any], Hashable | None] = _never
    part: Callable[[Answer, int, int, Any], Answer] = _lists

    def job(self, engine: EngineLike, asked: Body) -> Job:
        """What a pool runs to answer ``asked``.

        Raises
        ------
        InvalidQuery
            For more answers than one request may ask for.
        """
        fields = vars(asked)  # not `getattr`: what a model does not have takes it long to miss
        queries, k = self.queries(asked), fields.get("k", 1)
        explained = bool(fields.get("explain", False))
        _check_hits(len(queries), k, explained)
        kind = self.kind(asked)
        size = max(len(queries), len(queries) * k // (_EXPLAINED if explained else _LIST))
        heavy = size > HEAVY or bool(fields.get("exact", False))
        return Job(
            run=lambda several: self._answers(engine, several),
            what=(queries, asked),
            # The engine itself is part of it: versions are never mixed, and the old one goes with its last job.
            group=None if kind is None else (engine, self.name, kind),
            kind=None if heavy else (engine.index, self.name),
            size=size,
            heavy=heavy,
        )

    def _answers(self, engine: EngineLike, several: Sequence[tuple[Queries, Any]]) -> list[Outcome]:
        if len(several) == 1:
            return [self._alone(engine, *several[0])]
        try:
            return list(self._together(engine, several))
        except Exception:  # whose it is shows when each is asked alone
            return [self._alone(engine, queries, asked) for queries, asked in several]

    def _alone(self, engine: EngineLike, queries: Queries, asked: Any) -> Outcome:
        try:
            return _written(self.ask(engine, queries, asked))
        except EngineError as error:
            return error.with_traceback(None)  # told to who asked; its frames would keep the engine for a while
        except Exception as error:
            return error

    def _together(self, engine: EngineLike, several: Sequence[tuple[Queries, Any]]) -> list[bytes]:
        asked = several[0][1]  # of equal kinds: they differ in their queries alone
        whole = self.ask(engine, [query for queries, _ in several for query in queries], asked)
        parts, first = [], 0
        for queries, _ in several:
            last = first + len(queries)
            parts.append(_written(self.part(whole, first, last, asked)))
            first = last
        return parts


def _similar(engine: EngineLike, queries: Queries, asked: SimilarRequest) -> Answer:
    ids = None if asked.ids is None else queries
    vectors = None
    if asked.vectors is not None:
        vectors = np.asarray(queries if ids is None else asked.vectors, dtype=np.float32)
    return engine.similar(ids, vectors=vectors, k=asked.k, where=asked.where, near=asked.near)


def _similar_kind(asked: SimilarRequest) -> Hashable | None:
    if (asked.ids is None) == (asked.vectors is None):
        return None
    width = None if asked.vectors is None else len(asked.vectors[0])
    return asked.k, width, _text(asked.where), _text(asked.near)


def _ppr(engine: EngineLike, queries: Queries, asked: PPRRequest) -> Answer:
    return engine.ppr([query.seeds for query in queries], k=asked.k, exact=asked.exact, rmax=asked.rmax)


def _search(engine: EngineLike, queries: Queries, asked: SearchRequest) -> Answer:
    texts = None if asked.texts is None else queries
    vectors = None
    if asked.vectors is not None:
        given = queries if texts is None else asked.vectors
        vectors = [np.asarray(one, dtype=np.float32) for one in given]
    return engine.search(
        texts,
        vectors=vectors,
        k=asked.k,
        rerank=asked.rerank,
        ranking=asked.ranking,
        where=asked.where,
        within=None if asked.within is None else asked.within.model_dump(exclude_none=True),
        explain=asked.explain,
    )


def _search_kind(asked: SearchRequest) -> Hashable | None:
    if (asked.texts is None) == (asked.vectors is None):
        return None
    width = None if asked.vectors is None else len(asked.vectors[0][0])
    within = None if asked.within is None else asked.within.model_dump()
    return asked.k, asked.rerank, asked.ranking, width, _text(asked.where), _text(within), asked.explain


def _text(value: object) -> str | None:
    """As JSON, in the order it was written in: what differs there alone is not asked together, to keep every byte."""
    return None if value is None else json.dumps(value)


def _ranking(answer: Answer, first: int, last: int, asked: PPRRequest) -> Answer:
    results, residual = answer["results"][first:last], answer["residual"][first:last]
    return {
        **answer,
        "results": results,
        "error_bound": answer["error_bound"][first:last],
        "residual": residual,
        "notes": shortages(results, asked.k, residual),  # they number a request's own queries
    }


SIMILAR = Question("similar", SimilarRequest, _similar, lambda asked: asked.ids or asked.vectors or (), _similar_kind)
PPR = Question(
    "ppr",
    PPRRequest,
    _ppr,
    lambda asked: asked.queries,
    lambda asked: None if asked.exact else (asked.k, asked.rmax),
    _ranking,
)
COMMUNITY = Question(
    "community",
    CommunityRequest,
    lambda engine, _, asked: engine.community(asked.seeds, size=asked.size, after=asked.after, method=asked.method),
)
LABELS = Question(
    "labels",
    LabelsRequest,
    lambda engine, _, asked: engine.labels(asked.ids, communities=asked.communities),
)
MEMBERS = Question(
    "members",
    MembersRequest,
    lambda engine, _, asked: engine.members(asked.label, k=asked.k),
)
NEIGHBOURHOOD = Question(
    "neighbourhood",
    NeighbourhoodRequest,
    lambda engine, _, asked: engine.neighbourhood(asked.seeds, k=asked.k),
)
SEARCH = Question("search", SearchRequest, _search, lambda asked: asked.texts or asked.vectors or (), _search_kind)

RELATED = Question(
    "related",
    RelatedRequest,
    lambda engine, _, asked: engine.related(asked.seeds, text=asked.text, k=asked.k, weights=asked.weights),
)

EXPLAIN = Question(
    "explain",
    ExplainRequest,
    lambda engine, _, asked: engine.explain(asked.a, asked.b, k=asked.k),
)


def _check_hits(n_queries: int, k: int, explained: bool) -> None:
    most, which = (MAX_EXPLAINED, "explained answers") if explained else (MAX_HITS, "answers")
    if n_queries * k > most:
        raise InvalidQuery(
            what=f"{n_queries} queries for {k:,} {which} each",
            fix=f"ask for at most {most:,} {which} in one request, all queries together",
        )


def _written(answer: Answer) -> bytes:
    # JSON has no NaN, and would have null where the description promises a number.
    if not all(math.isfinite(hit["score"]) for hits in answer["results"] for hit in hits):
        raise ArithmeticError(f"a score of index {answer['index']}@{answer['version']} is not finite")
    return as_json(answer)


def as_json(document: Answer) -> bytes:
    """As it goes out."""
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
