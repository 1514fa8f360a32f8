"""Questions about nodes: which are alike, which matter seen from others, which there are."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from serving.bodies.common import (
    MAX_DRAWN,
    MAX_HITS,
    MAX_ID,
    MAX_LIMIT,
    MAX_QUERIES,
    Answer,
    Hit,
    Id,
    Node,
    Request,
    Seeds,
    Vector,
    Versioned,
    Where,
    check_same_width,
)
from serving.ppr import MAX_RMAX, MIN_RMAX


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
    where: Where | None = Field(
        default=None,
        description="A condition on the fields of the nodes' documents; docs/ann.md says how it is written.",
        examples=[{"section": ["net", "web"]}],
    )
    near: Seeds | None = Field(
        default=None,
        description="Weighted seeds: the 1,000 nodes that matter most seen from them, ranked by likeness and nearness.",
        examples=[{"vim": 1.0}],
    )

    @field_validator("vectors")
    @classmethod
    def _one_width(cls, value: list[list[float]] | None) -> list[list[float]] | None:
        check_same_width(value or ())
        return value


class PPRQuery(Request):
    """The place to look from."""

    seeds: Seeds = Field(description="Weight of each seed node; only their ratios matter.")


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


class NeighbourhoodRequest(PPRQuery):
    """The nodes around weighted seeds, to be drawn."""

    k: int = Field(
        default=50, ge=1, le=MAX_DRAWN, description="Nodes wanted, at most as many as there are; the seeds among them."
    )


class NodesQuery(BaseModel):
    """Look-up of nodes by the beginning of their id."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prefix: str = Field(default="", max_length=MAX_ID, description="Beginning of the ids; empty for the first of all.")
    limit: int = Field(default=20, ge=1, le=MAX_LIMIT, description="Ids wanted.")


class RankingAnswer(Answer):
    """Rankings, and how far each may be from the exact one."""

    error_bound: list[float] = Field(
        description="Per query: limit of the sum of absolute differences to the exact one."
    )
    residual: list[float] = Field(description="Per query: share of the walks that was left to the index.")
    notes: list[str] = Field(description="What the caller should know: which lists are shorter than asked, and why.")


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


class NodesAnswer(Versioned):
    """Nodes in the order of their ids: ``results`` holds one list."""

    results: list[list[Node]]
