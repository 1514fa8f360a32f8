"""Questions about communities: around seeds, and those of the whole graph."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from serving.bodies.common import MAX_HITS, MAX_QUERIES, MAX_SEEDS, Answer, Id, Node, Request, Versioned


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


class Step(BaseModel):
    """A community on the way to larger ones."""

    label: int = Field(description="Number of the community: ask for its members by it.")
    size: int = Field(description="Nodes of the community.")
    density: float | None = Field(
        description="Weight between the two it was merged from, over their pairs of nodes; null: it was not merged."
    )


class LabelsAnswer(Versioned):
    """One list of one hit per id, and what each community is part of."""

    results: list[list[LabelHit]]
    paths: list[list[Step]] = Field(description="Per id: its community, then those it merges into, densest first.")
    n_communities: int = Field(description="Communities that were found; larger numbers are merges.")
    n_left: int = Field(description="Communities that are left after merging: as many as asked for.")
    notes: list[str] = Field(description="When that is fewer than links make, how many these are.")


class MembersAnswer(Answer):
    """One community: ``results`` holds one list."""

    size: int = Field(description="Nodes of the whole community.")
    path: list[Step] = Field(description="This community, then those it merges into, densest first.")
