"""What goes over HTTP: bodies of requests, answers, and problems.

Requests are strict JSON: an unknown field, a number written as a string, NaN or an infinity is refused. Answers are
described here and not checked again: the engine makes them, `serving.api` writes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema, field_validator

from serving.ppr import MAX_RMAX, MIN_RMAX
from serving.related import DEPTH

MAX_BODY = 16 << 20  # bytes of a request's body
MAX_QUERIES = 1_000  # queries of one request
MAX_SEEDS = 10_000  # seeds of one query
MAX_HITS = 100_000  # answers of one request: its queries times k
MAX_WIDTH = 65_536  # numbers of one vector
MAX_RELATED = 100  # seeds of one question for what is related: each is asked for by itself
MAX_TOKENS = 10_000  # vectors of one query of search
MAX_TEXT = 100_000  # characters of one text
MAX_ID = 4_096  # characters of one id
MAX_LIMIT = 1_000  # ids of one look-up by prefix
MAX_DRAWN = 500  # nodes of one neighbourhood
FLOAT32_MAX = 3.4028234663852886e38
_INT64 = range(-(2**63), 2**63)


def _check_id(value: object) -> str | int:
    if isinstance(value, str) and len(value) <= MAX_ID:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value in _INT64:
        return value
    raise ValueError(f"an id is a string of at most {MAX_ID:,} characters, or an integer of 64 bits")


def _same_width(vectors: Iterable[Sequence[float]]) -> None:
    widths = sorted({len(vector) for vector in vectors})
    if len(widths) > 1:
        raise ValueError(f"vectors of different widths: {widths[0]} and {widths[-1]} numbers")


# A union would report every id twice, once as no string and once as no integer.
Id = Annotated[
    str | int,
    PlainValidator(_check_id),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "maxLength": MAX_ID},
                {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
            ]
        }
    ),
]
Number = Annotated[float, Field(ge=-FLOAT32_MAX, le=FLOAT32_MAX)]
# fail_fast: one error of a million bad numbers is enough, and the rest would fill the memory.
Vector = Annotated[list[Number], Field(min_length=1, max_length=MAX_WIDTH, fail_fast=True)]
Tokens = Annotated[list[Vector], Field(min_length=1, max_length=MAX_TOKENS, fail_fast=True)]
Weight = Annotated[float, Field(gt=0, le=1e100)]
Text = Annotated[str, Field(max_length=MAX_TEXT)]
Index = Annotated[str, Field(description="Name of the index.", examples=["debian"])]
Version = Annotated[str, Field(description="The version that gave all of this answer.", examples=["0a1b2c3d4e5f"])]


class Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class SimilarRequest(Request):
    """Nodes whose embeddings are nearest to those of nodes, or to vectors: exactly one of ``ids`` and ``vectors``."""

    ids: Annotated[list[Id], Field(min_length=1, max_length=MAX_QUERIES, fail_fast=True)] | None = Field(
        default=None,
        description="One query per node; a node is not among its own answers.",
        examples=[["vim", "emacs"]],
    )
    vectors: Annotated[list[Vector], Field(min_length=1, max_length=MAX_QUERIES, fail_fast=True)] | None = Field(
        default=None, description="One query per vector, as wide as the embeddings."
    )
    k: int = Field(
        default=10, ge=1, le=MAX_HITS, description="Answers per query, at most as many as there are other nodes."
    )

    @field_validator("vectors")
    @classmethod
    def _one_width(cls, value: list[list[float]] | None) -> list[list[float]] | None:
        _same_width(value or ())
        return value


class PPRQuery(Request):
    """The place to look from."""

    seeds: dict[Annotated[str, Field(max_length=MAX_ID)], Weight] = Field(
        min_length=1, max_length=MAX_SEEDS, description="Weight of each seed node; only their ratios matter."
    )


class PPRRequest(Request):
    """Personalised PageRank as seen from each set of seeds."""

    queries: list[PPRQuery] = Field(
        min_length=1,
        max_length=MAX_QUERIES,
        fail_fast=True,
        description="One ranking per query.",
        examples=[[{"seeds": {"vim": 1.0, "emacs": 0.5}}]],
    )
    k: int = Field(default=10, ge=1, le=MAX_HITS, description="Answers per query, at most as many as there are nodes.")
    exact: bool = Field(default=False, description="Iterate to the exact ranking instead of using the index; slower.")
    rmax: float | None = Field(
        default=None,
        ge=MIN_RMAX,
        le=MAX_RMAX,
        description="Effort: a node is pushed while its residual exceeds this times its out-arcs. Smaller is slower "
        "and closer to the exact ranking; left out, as the index is configured.",
        examples=[1e-6],
    )


class CommunityRequest(Request):
    """The community around all seeds together."""

    seeds: list[Id] = Field(
        min_length=1,
        max_length=MAX_SEEDS,
        fail_fast=True,
        description="Nodes the community grows from.",
        examples=[["vim", "emacs"]],
    )
    size: int | None = Field(
        default=None, ge=1, le=MAX_HITS, description="Members wanted, seeds included; left out, as configured."
    )
    after: int = Field(
        default=0, ge=0, le=MAX_HITS, description="Leave out so many members: what earlier answers gave."
    )
    method: Annotated[str, Field(max_length=64)] | None = Field(
        default=None,
        description="How candidates are ranked: blend, ppr, initial_avgs, minrank, page_rank; left out, as configured.",
    )


class LabelsRequest(Request):
    """The communities of the whole graph that nodes are in."""

    ids: list[Id] = Field(
        min_length=1, max_length=MAX_QUERIES, fail_fast=True, description="One answer per id.", examples=[["vim"]]
    )
    communities: int | None = Field(
        default=None, ge=1, description="Merge communities until so many are left; left out, none are merged."
    )


class MembersRequest(Request):
    """The nodes of one community of the whole graph."""

    label: int = Field(ge=0, description="Number of the community, as the labels of a node or its path name it.")
    k: int = Field(default=10, ge=1, le=MAX_HITS, description="Members wanted, those with the most weight inside.")


class NeighbourhoodRequest(PPRQuery):
    """The nodes around weighted seeds, to be drawn."""

    k: int = Field(
        default=50, ge=1, le=MAX_DRAWN, description="Nodes wanted, at most as many as there are; the seeds among them."
    )


class SearchRequest(Request):
    """Documents that answer texts, or sets of token vectors: exactly one of ``texts`` and ``vectors``."""

    texts: Annotated[list[Text], Field(min_length=1, max_length=MAX_QUERIES, fail_fast=True)] | None = Field(
        default=None, description="One query per text.", examples=[["a text editor that can be scripted"]]
    )
    vectors: Annotated[list[Tokens], Field(min_length=1, max_length=MAX_QUERIES, fail_fast=True)] | None = Field(
        default=None, description="One query per set of token vectors, as wide as the documents' token vectors."
    )
    k: int = Field(
        default=10, ge=1, le=MAX_HITS, description="Answers per query, at most as many as there are documents."
    )
    rerank: bool = Field(default=True, description="Order by exact MaxSim; false keeps the order of the encodings.")
    ranking: Literal["tokens", "words", "both"] | None = Field(
        default=None, description="By tokens (MaxSim), by words (BM25), or both fused; left out, all that was built."
    )

    @field_validator("vectors")
    @classmethod
    def _one_width(cls, value: list[list[list[float]]] | None) -> list[list[list[float]]] | None:
        _same_width(vector for tokens in value or () for vector in tokens)
        return value


class RelatedRequest(Request):
    """What is near some nodes by all signals together."""

    seeds: list[Id] = Field(min_length=1, max_length=MAX_RELATED, fail_fast=True, examples=[["vim"]])
    text: Annotated[str, Field(max_length=MAX_TEXT)] | None = Field(
        default=None, description="What documents are searched for; left out, search takes no part."
    )
    k: int = Field(default=10, ge=1, le=DEPTH, description="Answers wanted.")
    weights: dict[Literal["similar", "ppr", "community", "search"], Annotated[float, Field(ge=0, le=1e6)]] | None = (
        Field(default=None, description="Which signals take part, and how much; left out, all that can, equally.")
    )


class NodesQuery(BaseModel):
    """Look-up of nodes by the beginning of their id."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prefix: str = Field(default="", max_length=MAX_ID, description="Beginning of the ids; empty for the first of all.")
    limit: int = Field(default=20, ge=1, le=MAX_LIMIT, description="Ids wanted.")


class Node(BaseModel):
    """A node, with the fields of the document that describes it if there is one."""

    model_config = ConfigDict(extra="allow")

    id: Id


class Hit(Node):
    """One answer: a node or a document, and how well it answers. Fields of the corpus stand beside."""

    score: float = Field(description="Higher is better.")


class _Answer(BaseModel):
    index: Index
    version: Version


class Answer(_Answer):
    """One list of hits per query, best first."""

    results: list[list[Hit]]


class RankingAnswer(Answer):
    """Rankings, and how far each may be from the exact one."""

    error_bound: list[float] = Field(
        description="Per query: limit of the sum of absolute differences to the exact one."
    )
    residual: list[float] = Field(description="Per query: share of the walks that was left to the index.")
    notes: list[str] = Field(description="What the caller should know: which lists are shorter than asked, and why.")


class CommunityAnswer(Answer):
    """One community: ``results`` holds one list."""

    notes: list[str] = Field(description="What the caller should know, for example that the community is smaller.")
    conductance: float = Field(description="Links that leave the members over the links of the smaller side.")
    density: float = Field(description="Links among the members over the links there could be.")
    isolated: list[Id] = Field(description="Seeds without neighbours: no member comes from them.")
    heat_lost: float = Field(description="Share of the walks from the seeds that was not followed to its end.")


class LabelHit(Node):
    """A node and its community."""

    label: int = Field(description="Number of the community.")
    size: int = Field(description="Nodes of the community.")
    score: float = Field(description="Weight of the node's links within the community found for it.")


class RelatedHit(BaseModel):
    """A node or document, and where the signals have it."""

    model_config = ConfigDict(extra="allow")

    id: Id
    score: float = Field(description="Sum over the signals of weight / (60 + rank).")
    ranks: dict[str, int] = Field(description="The best rank of each signal that has it in its first hundred.")


class RelatedAnswer(_Answer):
    """One list, fused by reciprocal rank."""

    results: list[list[RelatedHit]]
    signals: dict[str, float] = Field(description="The signals that took part, and their weights.")


class Step(BaseModel):
    """A community on the way to larger ones."""

    label: int = Field(description="Number of the community: ask for its members by it.")
    size: int = Field(description="Nodes of the community.")
    density: float | None = Field(
        description="Weight between the two it was merged from, over their pairs of nodes; null: it was not merged."
    )


class LabelsAnswer(_Answer):
    """One list of one hit per id, and what each community is part of."""

    results: list[list[LabelHit]]
    paths: list[list[Step]] = Field(description="Per id: its community, then those it merges into, densest first.")
    n_communities: int = Field(description="Communities that were found; larger numbers are merges.")


class DrawnNode(Hit):
    """A node of a neighbourhood."""

    label: int | None = Field(
        default=None, description="Number of its community; left out where communities were not built."
    )
    size: int | None = Field(default=None, description="Nodes of its community.")


class Link(BaseModel):
    """A link between two nodes of a list."""

    source: int = Field(description="Place of the one in the list.")
    target: int = Field(description="Place of the other.")
    weight: float


class NeighbourhoodAnswer(RankingAnswer):
    """One list, best first, and the links among its nodes; those of an undirected graph once."""

    results: list[list[DrawnNode]]  # type: ignore[assignment]  # a hit that says more
    links: list[Link]


class MembersAnswer(Answer):
    """One community: ``results`` holds one list."""

    size: int = Field(description="Nodes of the whole community.")
    path: list[Step] = Field(description="This community, then those it merges into, densest first.")


class NodesAnswer(_Answer):
    """Nodes in the order of their ids: ``results`` holds one list."""

    results: list[list[Node]]


Questions = Annotated[list[str], Field(description="What the index can be asked.", examples=[["similar", "ppr"]])]


class IndexSummary(BaseModel):
    """An index and what is served of it."""

    index: Index
    version: str | None = Field(description="The version that is served; null while none could be opened.")
    created: str | None = Field(description="When that version was built, ISO 8601.")
    bytes: int | None = Field(description="Size on disk of that version.")
    questions: Questions
    refused: str | None = Field(description="The published version that could not be opened, if any.")


class IndexList(BaseModel):
    """All published indexes, by name."""

    indexes: list[IndexSummary]


class VersionInfo(BaseModel):
    """A version that is in the store."""

    version: str
    created: str = Field(description="When it was built, ISO 8601.")
    bytes: int = Field(description="Size on disk.")
    served: bool = Field(description="Whether this version answers now.")


class StageInfo(BaseModel):
    """One part of a version."""

    kind: str
    digest: str = Field(description="Digest of inputs, parameters and code: equal digests are equal bytes.")
    bytes: int = Field(description="Size on disk.")
    params: dict[str, Any]
    counts: dict[str, int] = Field(description="What was counted during the build, for example n_nodes.")
    measured: dict[str, Any] = Field(description="Quality measured during the build, for example recall.")


class Refusal(BaseModel):
    """A published version that is not served because it could not be opened."""

    version: str
    reason: str


class IndexDetails(_Answer):
    """The served version of an index, and which others there are."""

    created: str = Field(description="When this version was built, ISO 8601.")
    bytes: int = Field(description="Size on disk.")
    questions: Questions
    versions: list[VersionInfo] = Field(description="Versions in the store, newest first.")
    refused: Refusal | None
    stages: dict[str, StageInfo] = Field(description="Parameters, sizes and measured quality of each part.")


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"]


class Readiness(BaseModel):
    """Every index that can be opened is open."""

    status: Literal["ready"]
    indexes: list[str]


class FieldError(BaseModel):
    """What is wrong with one part of a request."""

    pointer: str | None = Field(default=None, description="JSON pointer into the body.", examples=["#/ids/0"])
    parameter: str | None = Field(default=None, description="Name of a query parameter.", examples=["limit"])
    detail: str


class Problem(BaseModel):
    """RFC 9457: why a request was not answered. Fields that say nothing are left out."""

    type: str = Field(description="Names the sort of problem.", examples=["urn:purlieu:problem:unknown-id"])
    title: str
    status: int
    detail: str = Field(description="What, where and what to do.")
    kind: str | None = Field(default=None, description="unknown-id: what sort of thing is not there.")
    id: str | None = Field(default=None, description="unknown-id: the id as it was asked for.")
    nearest: list[str] | None = Field(default=None, description="unknown-id: ids there are that look like it.")
    questions: list[str] | None = Field(default=None, description="not-built: what the index can be asked.")
    errors: list[FieldError] | None = Field(default=None, description="invalid-request: the parts that are wrong.")
