"""What goes over HTTP beside questions and answers, which are in `serving.bodies`: the service itself, and problems.

Answers are described here and not checked again: the engine makes them, `serving.api` writes them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from serving.bodies.common import Index, Versioned

MAX_BODY = 16 << 20  # bytes of a request's body

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


class IndexDetails(Versioned):
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
