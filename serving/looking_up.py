"""What is asked without a body: nodes by the beginning of their id, and the map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from serving.asking import as_json
from serving.bodies.nodes import NodesQuery
from serving.jobs import Job, Outcome
from serving.opener import EngineLike


def looked_up(engine: EngineLike, asked: NodesQuery) -> Job:
    """What a pool runs to find nodes by the beginning of their id."""

    def run(several: Sequence[Any]) -> list[Outcome]:
        try:
            found = engine.nodes(asked.prefix, limit=asked.limit)
            return [as_json({"index": engine.index, "version": engine.version, "results": [found]}) for _ in several]
        except Exception as error:
            return [error]

    return Job(run=run, what=asked, kind=(engine.index, "nodes"))


def mapped(engine: EngineLike) -> Job:
    """What a pool runs to give out the map."""

    def run(several: Sequence[Any]) -> list[Outcome]:
        try:
            return [engine.map_file() for _ in several]
        except Exception as error:
            return [error]

    return Job(run=run, what=None, kind=(engine.index, "map"))
