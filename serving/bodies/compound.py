"""Questions that put several signals together."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from serving.bodies.common import MAX_RELATED, MAX_TEXT, Hit, Id, Node, Request, Versioned
from serving.bodies.communities import Step
from serving.bodies.documents import TokenMatch, WordMatch
from serving.related import DEPTH

MAX_LISTED = 100  # entries of each list of an explanation


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


class RelatedHit(BaseModel):
    """A node or document, and where the signals have it."""

    model_config = ConfigDict(extra="allow")

    id: Id
    score: float = Field(description="Sum over the signals of weight / (60 + rank).")
    ranks: dict[str, int] = Field(description="The best rank of each signal that has it in its first hundred.")


class RelatedAnswer(Versioned):
    """One list, fused by reciprocal rank."""

    results: list[list[RelatedHit]]
    signals: dict[str, float] = Field(description="The signals that took part, and their weights.")


class ExplainRequest(Request):
    """Why two nodes are near."""

    a: Id = Field(description="The one node.", examples=["vim"])
    b: Id = Field(description="The other.", examples=["emacs"])
    k: int = Field(default=10, ge=1, le=MAX_LISTED, description="Entries of each list, at most.")


class SharedHit(Hit):
    """A neighbour of both nodes; the score is the larger the fewer other links it has."""

    weights: list[float] = Field(description="Of its links with either node.")


class Path(BaseModel):
    """A way from the one node to the other."""

    ids: list[Id]
    weights: list[float] = Field(description="Of the links between them.")
    score: float = Field(description="Chance that a random walk from the one node takes it.")


class Seen(BaseModel):
    """A node in the list that was asked for the other."""

    rank: int
    score: float


class DocumentsMatch(BaseModel):
    """What the documents of two nodes have in common."""

    score: float | None = Field(description="MaxSim of the one as a query for the other; null without token vectors.")
    tokens: list[TokenMatch] = Field(description="The best matches.")
    words: list[WordMatch] = Field(description="Words of both, those worth most first.")


class ExplainAnswer(Versioned):
    """One list, of the neighbours that two nodes share, and what else brings them together."""

    results: list[list[SharedHit]]
    nodes: list[Node] = Field(description="The two.")
    paths: list[Path] = Field(description="Ways of up to three links, the likeliest first.")
    complete: bool = Field(description="Whether no likelier way can be missing; between hubs not all are tried.")
    signals: dict[str, list[Seen | None]] = Field(
        description="Per question that was built: the other node in the first hundred asked for the one, and the one "
        "in those for the other; null where it is not among them."
    )
    together: Step | None = Field(description="The smallest community of the whole graph that holds both.")
    documents: DocumentsMatch | None = Field(description="Null unless both nodes have a document.")
