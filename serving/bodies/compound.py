"""Questions that put several signals together."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from serving.bodies.common import MAX_RELATED, MAX_TEXT, Id, Request, Versioned
from serving.related import DEPTH


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
