"""The endpoints that ask an engine: nodes, similar, ppr, community, labels, members, neighbourhood, map, search."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
import orjson
from fastapi import APIRouter, Query
from fastapi.responses import Response

from foundation.errors import InvalidQuery
from serving import schemas
from serving.built import check_built
from serving.inputs import Body, OneIndex, parsed
from serving.openapi import gives_map, problems, takes
from serving.opener import Answer, EngineLike, Served

router = APIRouter(prefix="/v1/indexes/{index}", tags=["questions"])
_REFUSALS = problems(400, 404, 413, 422, 500, 503)
MAP = "application/octet-stream"


@router.get("/nodes", response_model=schemas.NodesAnswer, responses=problems(404, 422, 500, 503))
def nodes(served: OneIndex, asked: Annotated[schemas.NodesQuery, Query()]) -> Response:
    """The first nodes whose id starts with a prefix."""
    engine = served.engine
    check_built(engine.release, "nodes")
    found = engine.nodes(asked.prefix, limit=asked.limit)
    return _json({"index": engine.index, "version": engine.version, "results": [found]})


@router.post(
    "/similar", response_model=schemas.Answer, responses=_REFUSALS, openapi_extra=takes(schemas.SimilarRequest)
)
def similar(served: OneIndex, body: Body) -> Response:
    """Nodes whose embeddings are nearest, one list per id or vector."""
    engine = _built(served, "similar")
    asked = parsed(schemas.SimilarRequest, body)
    _check_hits(len(asked.ids or asked.vectors or ()), asked.k)
    vectors = None if asked.vectors is None else np.asarray(asked.vectors, dtype=np.float32)
    return _answered(engine.similar(asked.ids, vectors=vectors, k=asked.k))


@router.post("/ppr", response_model=schemas.RankingAnswer, responses=_REFUSALS, openapi_extra=takes(schemas.PPRRequest))
def ppr(served: OneIndex, body: Body) -> Response:
    """Personalised PageRank, one list per weighted set of seeds, with a bound on its error."""
    engine = _built(served, "ppr")
    asked = parsed(schemas.PPRRequest, body)
    _check_hits(len(asked.queries), asked.k)
    seeds = [query.seeds for query in asked.queries]
    return _answered(engine.ppr(seeds, k=asked.k, exact=asked.exact, rmax=asked.rmax))


@router.post(
    "/community",
    response_model=schemas.CommunityAnswer,
    responses=_REFUSALS,
    openapi_extra=takes(schemas.CommunityRequest),
)
def community(served: OneIndex, body: Body) -> Response:
    """The community around all seeds together: one list, the seeds among its members."""
    engine = _built(served, "community")
    asked = parsed(schemas.CommunityRequest, body)
    return _answered(engine.community(asked.seeds, size=asked.size, after=asked.after, method=asked.method))


@router.post(
    "/labels", response_model=schemas.LabelsAnswer, responses=_REFUSALS, openapi_extra=takes(schemas.LabelsRequest)
)
def labels(served: OneIndex, body: Body) -> Response:
    """The community of the whole graph that each node is in: one list of one hit per id."""
    engine = _built(served, "labels")
    asked = parsed(schemas.LabelsRequest, body)
    return _answered(engine.labels(asked.ids, communities=asked.communities))


@router.post(
    "/members", response_model=schemas.MembersAnswer, responses=_REFUSALS, openapi_extra=takes(schemas.MembersRequest)
)
def members(served: OneIndex, body: Body) -> Response:
    """The nodes of one community of the whole graph: one list."""
    engine = _built(served, "members")
    asked = parsed(schemas.MembersRequest, body)
    return _answered(engine.members(asked.label, k=asked.k))


@router.post(
    "/neighbourhood",
    response_model=schemas.NeighbourhoodAnswer,
    responses=_REFUSALS,
    openapi_extra=takes(schemas.NeighbourhoodRequest),
)
def neighbourhood(served: OneIndex, body: Body) -> Response:
    """The nodes that matter most around weighted seeds, and the links among them: one list."""
    engine = _built(served, "neighbourhood")
    asked = parsed(schemas.NeighbourhoodRequest, body)
    return _answered(engine.neighbourhood(asked.seeds, k=asked.k))


@router.get("/map", response_class=Response, responses=problems(404, 500, 503) | gives_map())
def map(served: OneIndex) -> Response:
    """Every node, or a sample of many, as a point in the plane; in the safetensors format."""
    engine = _built(served, "map")
    return Response(engine.map_file(), media_type=MAP)


@router.post("/search", response_model=schemas.Answer, responses=_REFUSALS, openapi_extra=takes(schemas.SearchRequest))
def search(served: OneIndex, body: Body) -> Response:
    """Documents, one list per text or per set of token vectors."""
    engine = _built(served, "search")
    asked = parsed(schemas.SearchRequest, body)
    _check_hits(len(asked.texts or asked.vectors or ()), asked.k)
    vectors = None if asked.vectors is None else [np.asarray(one, dtype=np.float32) for one in asked.vectors]
    return _answered(engine.search(asked.texts, vectors=vectors, k=asked.k, rerank=asked.rerank, ranking=asked.ranking))


def _built(served: Served, question: str) -> EngineLike:
    """The engine, before the body is read: what was never built cannot be asked rightly."""
    check_built(served.engine.release, question)
    return served.engine


def _check_hits(n_queries: int, k: int) -> None:
    if n_queries * k > schemas.MAX_HITS:
        raise InvalidQuery(
            what=f"{n_queries} queries for {k:,} answers each",
            fix=f"ask for at most {schemas.MAX_HITS:,} answers in one request, all queries together",
        )


def _answered(answer: Answer) -> Response:
    # JSON has no NaN, and would have null where the description promises a number.
    if not all(math.isfinite(hit["score"]) for hits in answer["results"] for hit in hits):
        raise ArithmeticError(f"a score of index {answer['index']}@{answer['version']} is not finite")
    return _json(answer)


def _json(document: Answer) -> Response:
    return Response(orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json")
