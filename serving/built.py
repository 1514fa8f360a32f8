"""What an index can be asked, by the stages its config had built."""

from __future__ import annotations

from artifacts.publish import Release
from foundation.errors import NotBuilt

# Question -> the stages it reads last, each with the config table that asks for it; with these come all others.
_NEEDS = {
    "nodes": {"graph": "graph"},
    "related": {"graph": "graph"},
    "similar": {"fastrp": "fastrp", "ann.nodes": "ann.nodes"},
    "ppr": {"powerwalk": "powerwalk"},
    "community": {"lsh": "communities"},
    "labels": {"labels": "labels"},
    "members": {"labels": "labels"},
    "search": {"retriever": "muvera"},
}

_ALWAYS = ("nodes", "related")  # of every index with a graph; the latter says itself which signals it lacks


def questions_of(release: Release) -> tuple[str, ...]:
    """Those of similar, ppr, community, labels, members, search whose stages were built."""
    return tuple(
        name for name, needs in _NEEDS.items() if name not in _ALWAYS and needs.keys() <= release.stages.keys()
    )


def check_built(release: Release, question: str) -> None:
    """Refuse a question whose stages are not there.

    Raises
    ------
    NotBuilt
        Names the first config table that is missing.
    """
    for stage, table in _NEEDS[question].items():
        if stage not in release.stages:
            raise NotBuilt(index=release.index, question=question, table=table, questions=questions_of(release))
