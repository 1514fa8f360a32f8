"""Questions about documents."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from serving.bodies.common import MAX_HITS, MAX_QUERIES, Request, Text, Tokens, check_same_width


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
        check_same_width(vector for tokens in value or () for vector in tokens)
        return value
