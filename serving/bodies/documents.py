"""Questions about documents."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from serving.bodies.common import (
    MAX_HITS,
    MAX_QUERIES,
    Hit,
    Request,
    Seeds,
    Text,
    Tokens,
    Versioned,
    Where,
    check_same_width,
)


class Within(Request):
    """A part of the graph whose nodes' documents are searched alone."""

    seeds: Seeds = Field(description="Weight of each node that the part lies around.", examples=[{"vim": 1.0}])
    by: Literal["ppr", "community", "label"] = Field(
        default="ppr",
        description="The nodes that matter most seen from the seeds, their community, or the communities of the whole "
        "graph that they are in.",
    )
    size: int | None = Field(
        default=None, ge=1, le=MAX_HITS, description="Nodes of the part; left out, 100. Not with label."
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
    where: Where | None = Field(
        default=None,
        description="A condition on the documents' fields; docs/ann.md says how it is written.",
        examples=[{"section": ["net", "web"]}],
    )
    within: Within | None = Field(default=None, description="Only documents of nodes in this part of the graph.")
    explain: bool = Field(
        default=False, description="Say of every hit which tokens and words matched; of at most 1,000 hits."
    )

    @field_validator("vectors")
    @classmethod
    def _one_width(cls, value: list[list[list[float]]] | None) -> list[list[list[float]]] | None:
        check_same_width(vector for tokens in value or () for vector in tokens)
        return value


class TokenMatch(BaseModel):
    """A token of the query, and the document's token that is nearest to it."""

    query: int = Field(description="Place of the token in the query.")
    query_token: str | None = Field(description="As the query has it; null for the whole, or where that is not known.")
    document: int = Field(description="Place of the token in the document.")
    document_token: str | None = Field(description="As the document has it; null as for the query.")
    score: float = Field(description="Inner product of the two vectors; those of all tokens add up to MaxSim.")


class WordMatch(BaseModel):
    """A word of the query that the document has."""

    word: str = Field(description="As the index has it: folded, and stemmed where so configured.")
    score: float = Field(description="What it adds to the BM25 score.")


class Why(BaseModel):
    """Why a document answers a query."""

    ranks: dict[str, int] = Field(description="Rank in each ranking that took part and has it.")
    tokens: list[TokenMatch]
    words: list[WordMatch]


class DocumentHit(Hit):
    """A document."""

    model_config = ConfigDict(extra="allow")

    why: Why | None = Field(default=None, description="Left out unless it was asked for.")


class SearchAnswer(Versioned):
    """One list of documents per query, best first."""

    results: list[list[DocumentHit]]
    searched: int = Field(description="Documents that could be found: all, unless where or within left some out.")
