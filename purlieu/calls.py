"""The questions of a service as requests, once for all clients: what is sent, and how its answer is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, final

import numpy as np
import numpy.typing as npt

from foundation.errors import EngineError, InvalidQuery, NotBuilt, ServiceFailed, UnknownId
from purlieu.answers import (
    Answer,
    Community,
    Explanation,
    Found,
    Hit,
    Id,
    Labels,
    Members,
    Neighbourhood,
    Ranking,
    Related,
    answer_of,
    ids_of,
)

T = TypeVar("T")


@final
@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request of an index: ``path`` below it, a JSON ``body`` to post or ``params`` to get with."""

    path: str
    read: Callable[[Mapping[str, Any]], T]
    body: Mapping[str, Any] | None = None
    params: Mapping[str, str] | None = None


def similar(
    ids: Sequence[Id] | None = None,
    *,
    vectors: npt.ArrayLike | None = None,
    k: int = 10,
    where: Mapping[str, Any] | None = None,
    near: Mapping[Id, float] | None = None,
) -> Call[Answer]:
    """Nodes whose embeddings are nearest, one list per id or vector; of those near weighted seeds if they are given."""
    numbers = None if vectors is None else _numbers(vectors)
    body = {"k": k, **_given(ids=ids, vectors=numbers, where=where, near=_seeds(near))}
    return Call("similar", lambda found: answer_of(Answer, found), body)


def ppr(
    queries: Sequence[Mapping[Id, float]], *, k: int = 10, exact: bool = False, rmax: float | None = None
) -> Call[Ranking]:
    """Personalised PageRank seen from each weighted set of seeds."""
    seeds = [{"seeds": _seeds(query)} for query in queries]
    body = {"queries": seeds, "k": k, "exact": exact, **_given(rmax=rmax)}
    return Call("ppr", lambda found: answer_of(Ranking, found), body)


def community(
    seeds: Sequence[Id], *, size: int | None = None, after: int = 0, method: str | None = None
) -> Call[Community]:
    """The community around the seeds taken together."""
    body = {"seeds": list(seeds), "after": after, **_given(size=size, method=method)}
    return Call("community", lambda found: answer_of(Community, found), body)


def labels(ids: Sequence[Id], *, communities: int | None = None) -> Call[Labels]:
    """Which community of the whole graph each node is in."""
    body = {"ids": list(ids), **_given(communities=communities)}
    return Call("labels", lambda found: answer_of(Labels, found), body)


def members(label: int, *, k: int = 10) -> Call[Members]:
    """The nodes of one community of the whole graph."""
    return Call("members", lambda found: answer_of(Members, found), {"label": label, "k": k})


def search(
    texts: Sequence[str] | None = None,
    *,
    vectors: Sequence[npt.ArrayLike] | None = None,
    k: int = 10,
    rerank: bool = True,
    ranking: str | None = None,
    where: Mapping[str, Any] | None = None,
    within: Mapping[str, Any] | None = None,
    explain: bool = False,
) -> Call[Found]:
    """Documents that answer each text, or each set of token vectors."""
    tokens = None if vectors is None else [_numbers(one) for one in vectors]
    if within is not None and isinstance(within.get("seeds"), Mapping):
        within = {**within, "seeds": _seeds(within["seeds"])}
    given = _given(texts=texts, vectors=tokens, ranking=ranking, where=where, within=within)
    body = {"k": k, "rerank": rerank, "explain": explain, **given}
    return Call("search", lambda found: answer_of(Found, found), body)


def neighbourhood(seeds: Mapping[Id, float], *, k: int = 50) -> Call[Neighbourhood]:
    """The nodes that matter most as seen from weighted seeds, and the links among them."""
    return Call("neighbourhood", lambda found: answer_of(Neighbourhood, found), {"seeds": _seeds(seeds), "k": k})


def explain(a: Id, b: Id, *, k: int = 10) -> Call[Explanation]:
    """Why two nodes are near: the neighbours they share as one list, and what else brings them together."""
    return Call("explain", lambda found: answer_of(Explanation, found), {"a": a, "b": b, "k": k})


def related(
    seeds: Sequence[Id],
    *,
    text: str | None = None,
    k: int = 10,
    weights: Mapping[str, float] | None = None,
) -> Call[Related]:
    """What is near the seeds by all signals together; ``ranks`` is among the fields of a hit."""
    body = {"seeds": list(seeds), "k": k, **_given(text=text, weights=weights)}
    return Call("related", lambda found: answer_of(Related, found), body)


def nodes(prefix: str = "", *, limit: int = 20) -> Call[list[Hit]]:
    """The first nodes whose id starts with ``prefix``, in id order."""
    return Call("nodes", ids_of, params={"prefix": prefix, "limit": str(limit)})


def details() -> Call[Mapping[str, Any]]:
    """What is served of the index: version, sizes, parameters and measured quality of its stages."""
    return Call("", lambda found: found)


def error_of(address: str, index: str, status: int, problem: Mapping[str, Any]) -> EngineError:
    """The error that an engine in this process would have raised, or `ServiceFailed` for what only a service does."""
    detail = str(problem.get("detail") or problem.get("title") or "no reason given")
    match str(problem.get("type", "")).rpartition(":")[2]:
        case "unknown-id":
            where = "this service" if problem.get("kind") == "index" else f"index {index}"
            nearest = tuple(map(str, problem.get("nearest") or ()))
            return UnknownId(kind=str(problem["kind"]), id=str(problem["id"]), where=where, nearest=nearest)
        case "not-built":
            table = detail.partition("[")[2].partition("]")[0]
            question = detail.partition(" was not built for ")[2].partition(":")[0]
            return NotBuilt(
                index=index, question=question, table=table, questions=tuple(problem.get("questions") or ())
            )
        case "invalid-query" | "invalid-request":
            what, _, fix = detail.partition("; ")
            return InvalidQuery(what=what, fix=fix or "read /openapi.json for what it takes")
    return ServiceFailed(address=address, status=status, what=detail)


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _seeds(seeds: Mapping[Id, float] | None) -> dict[str, float] | None:
    """As JSON can have them: with strings for names."""
    return None if seeds is None else {str(id): weight for id, weight in seeds.items()}


def _numbers(vectors: npt.ArrayLike) -> Any:
    return np.asarray(vectors, dtype=np.float32).tolist()
