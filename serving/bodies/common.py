"""What bodies of questions are made of: ids, vectors and limits; and the shape that all answers share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema

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
MAX_CONDITIONS = 1_000  # values that a filter compares with
MAX_EXPLAINED = 1_000  # answers of one request that are explained
FLOAT32_MAX = 3.4028234663852886e38
_INT64 = range(-(2**63), 2**63)


def _check_id(value: object) -> str | int:
    if isinstance(value, str) and len(value) <= MAX_ID:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value in _INT64:
        return value
    raise ValueError(f"an id is a string of at most {MAX_ID:,} characters, or an integer of 64 bits")


def check_same_width(vectors: Iterable[Sequence[float]]) -> None:
    """Refuse vectors of different widths."""
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
Seeds = Annotated[dict[Annotated[str, Field(max_length=MAX_ID)], Weight], Field(min_length=1, max_length=MAX_SEEDS)]
Text = Annotated[str, Field(max_length=MAX_TEXT)]
Index = Annotated[str, Field(description="Name of the index.", examples=["debian"])]
Version = Annotated[str, Field(description="The version that gave all of this answer.", examples=["0a1b2c3d4e5f"])]


def _check_where(value: dict[str, Any]) -> dict[str, Any]:
    """Numbers that are none, and more comparisons than a question needs, are refused; the rest is up to the fields."""
    parts: list[Any] = [value]
    n_values = 0
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            parts += part.values()
        elif isinstance(part, list):
            parts += part
        else:
            n_values += 1
        if isinstance(part, float) and not math.isfinite(part):
            raise ValueError("a number is not finite")
        if n_values > MAX_CONDITIONS:
            raise ValueError(f"a filter compares with at most {MAX_CONDITIONS:,} values")
    return value


Where = Annotated[dict[Annotated[str, Field(max_length=MAX_ID)], Any], AfterValidator(_check_where)]


class Request(BaseModel):
    """Strict JSON: an unknown field, a number written as a string, NaN or an infinity is refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Node(BaseModel):
    """A node, with the fields of the document that describes it if there is one."""

    model_config = ConfigDict(extra="allow")

    id: Id


class Hit(Node):
    """One answer: a node or a document, and how well it answers. Fields of the corpus stand beside."""

    score: float = Field(description="Higher is better.")


class Versioned(BaseModel):
    """All of it from one version."""

    index: Index
    version: Version


class Answer(Versioned):
    """One list of hits per query, best first."""

    results: list[list[Hit]]
