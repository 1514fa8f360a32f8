"""The endpoints that ask an engine: one for each question, and two that pages draw from."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from serving import asking
from serving.answering import answer_looked_up, answer_posted
from serving.bodies.common import Answer
from serving.bodies.communities import (
    CommunityAnswer,
    CommunityRequest,
    LabelsAnswer,
    LabelsRequest,
    MembersAnswer,
    MembersRequest,
)
from serving.bodies.compound import ExplainAnswer, ExplainRequest, RelatedAnswer, RelatedRequest
from serving.bodies.documents import SearchAnswer, SearchRequest
from serving.bodies.nodes import (
    NeighbourhoodAnswer,
    NeighbourhoodRequest,
    NodesAnswer,
    NodesQuery,
    PPRRequest,
    RankingAnswer,
    SimilarRequest,
)
from serving.looking_up import looked_up, mapped
from serving.openapi import gives_map, problems, takes

router = APIRouter(prefix="/v1/indexes/{index}", tags=["questions"])
_REFUSALS = problems(400, 404, 408, 413, 422, 429, 500, 503, 504)
_LOOKED_UP = problems(404, 429, 500, 503, 504)
MAP = "application/octet-stream"


@router.get(
    "/nodes",
    response_model=NodesAnswer,
    responses=problems(404, 422, 429, 500, 503, 504),
    openapi_extra=takes(),
)
async def nodes(request: Request, asked: Annotated[NodesQuery, Query()]) -> Response:
    """The first nodes whose id starts with a prefix."""
    return await answer_looked_up(request, "nodes", partial(looked_up, asked=asked))


@router.post("/similar", response_model=Answer, responses=_REFUSALS, openapi_extra=takes(SimilarRequest))
async def similar(request: Request) -> Response:
    """Nodes whose embeddings are nearest, one list per id or vector."""
    return await answer_posted(request, asking.SIMILAR)


@router.post("/ppr", response_model=RankingAnswer, responses=_REFUSALS, openapi_extra=takes(PPRRequest))
async def ppr(request: Request) -> Response:
    """Personalised PageRank, one list per weighted set of seeds, with a bound on its error."""
    return await answer_posted(request, asking.PPR)


@router.post(
    "/community",
    response_model=CommunityAnswer,
    responses=_REFUSALS,
    openapi_extra=takes(CommunityRequest),
)
async def community(request: Request) -> Response:
    """The community around all seeds together: one list, the seeds among its members."""
    return await answer_posted(request, asking.COMMUNITY)


@router.post("/labels", response_model=LabelsAnswer, responses=_REFUSALS, openapi_extra=takes(LabelsRequest))
async def labels(request: Request) -> Response:
    """The community of the whole graph that each node is in: one list of one hit per id."""
    return await answer_posted(request, asking.LABELS)


@router.post("/members", response_model=MembersAnswer, responses=_REFUSALS, openapi_extra=takes(MembersRequest))
async def members(request: Request) -> Response:
    """The nodes of one community of the whole graph: one list."""
    return await answer_posted(request, asking.MEMBERS)


@router.post(
    "/neighbourhood",
    response_model=NeighbourhoodAnswer,
    responses=_REFUSALS,
    openapi_extra=takes(NeighbourhoodRequest),
)
async def neighbourhood(request: Request) -> Response:
    """The nodes that matter most around weighted seeds, and the links among them: one list."""
    return await answer_posted(request, asking.NEIGHBOURHOOD)


@router.get("/map", response_class=Response, responses=_LOOKED_UP | gives_map(), openapi_extra=takes())
async def map(request: Request) -> Response:
    """Every node, or a sample of many, as a point in the plane; in the safetensors format."""
    return await answer_looked_up(request, "map", mapped, MAP)


@router.post("/search", response_model=SearchAnswer, responses=_REFUSALS, openapi_extra=takes(SearchRequest))
async def search(request: Request) -> Response:
    """Documents, one list per text or per set of token vectors."""
    return await answer_posted(request, asking.SEARCH)


@router.post("/related", response_model=RelatedAnswer, responses=_REFUSALS, openapi_extra=takes(RelatedRequest))
async def related(request: Request) -> Response:
    """What is near all seeds by every signal together: one list, fused by reciprocal rank."""
    return await answer_posted(request, asking.RELATED)


@router.post("/explain", response_model=ExplainAnswer, responses=_REFUSALS, openapi_extra=takes(ExplainRequest))
async def explain(request: Request) -> Response:
    """Why two nodes are near: the neighbours they share as one list, and what else brings them together."""
    return await answer_posted(request, asking.EXPLAIN)
