"""What an index can be asked, by the stages its config had built."""

from __future__ import annotations

from artifacts.publish import Release
from foundation.errors import NotBuilt

# Question -> the stages it reads last, each with the config table that asks for it; with these come all others.
_NEEDS: dict[str, dict[str, str]] = {
    "nodes": {"graph": "graph"},
    "related": {"graph": "graph"},
    "explain": {"graph": "graph"},
    "similar": {"fastrp": "fastrp", "ann.nodes": "ann.nodes"},
    "ppr": {"powerwalk": "powerwalk"},
    "community": {"lsh": "communities"},
    "labels": {"labels": "labels"},
    "members": {"labels": "labels"},
    "neighbourhood": {"powerwalk": "powerwalk"},
    "map": {"fastrp": "fastrp"},
    "search": {"retriever": "muvera"},
}
# Stages that are enough by themselves.
_OR = {"search": "lexical"}
# Not among the questions an index lists: look-ups, what other questions are drawn with, and what puts them together.
_BESIDE = frozenset({"nodes", "related", "explain", "neighbourhood", "map"})


def questions_of(release: Release) -> tuple[str, ...]:
    """Those of similar, ppr, community, labels, members, search whose stages were built."""
    return tuple(name for name in _NEEDS if name not in _BESIDE and _missing(release, name) is None)


def check_built(release: Release, question: str) -> None:
    """Refuse a question whose stages are not there.

    Raises
    ------
    NotBuilt
        Names the first config table that is missing.
    """
    table = _missing(release, question)
    if table is not None:
        raise NotBuilt(index=release.index, question=question, table=table, questions=questions_of(release))


def _missing(release: Release, question: str) -> str | None:
    """The first config table that the question lacks."""
    if _OR.get(question) in release.stages:
        return None
    return next((table for stage, table in _NEEDS[question].items() if stage not in release.stages), None)
