"""The questions of one index as tools of the Model Context Protocol, over standard input and output.

Source: the official SDK, https://github.com/modelcontextprotocol/python-sdk; it is the optional extra ``mcp``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from foundation.errors import EngineError, MissingExtra
from serving.opener import EngineLike

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

MOST = 100  # hits of one answer: more would fill the context of who reads them
INSTRUCTIONS = (
    "Answers what is near: nodes alike, nodes reached by random walks from seeds, communities, documents for a text. "
    "Ids are exact; look_up finds them by their beginning. Scores are higher for better and comparable within one "
    "answer only. Every answer names the version of the index it comes from."
)


def make_server(index: str, engine: Callable[[], EngineLike]) -> MCPServer[Any]:
    """The server over what ``engine`` gives at each call: a new version answers as soon as it is served.

    Only the questions that the index was built for are offered.

    Raises
    ------
    MissingExtra
        When the SDK is not installed.
    """
    try:
        from mcp.server.mcpserver import MCPServer
        from mcp.server.mcpserver.exceptions import ToolError
    except ImportError:
        raise MissingExtra(feature="purlieu mcp", package="mcp", extra="mcp") from None

    server: MCPServer[Any] = MCPServer(
        f"purlieu-{index}", instructions=INSTRUCTIONS, version=version("purlieu"), log_level="WARNING"
    )

    def answered(ask: Callable[[EngineLike], Mapping[str, Any]]) -> dict[str, Any]:
        try:
            return dict(ask(engine()))
        except EngineError as error:
            raise ToolError(str(error)) from None  # what the model is to read, and mend

    def similar(ids: list[str], k: int = 10) -> dict[str, Any]:
        """Nodes that play a similar role in the graph, one list per id, best first; k at most 100."""
        return answered(lambda engine: engine.similar(ids, k=min(k, MOST)))

    def ppr(seeds: dict[str, float], k: int = 10) -> dict[str, Any]:
        """Nodes that random walks from the weighted seeds visit most (personalised PageRank); k at most 100."""
        return answered(lambda engine: engine.ppr([seeds], k=min(k, MOST)))

    def community(seeds: list[str], size: int = 20) -> dict[str, Any]:
        """The community around all seeds together, seeds first, and how well it is separated; size at most 100."""
        return answered(lambda engine: engine.community(seeds, size=min(size, MOST)))

    def labels(ids: list[str]) -> dict[str, Any]:
        """The community of the whole graph each node is in, its size, and the larger ones it is part of."""
        return answered(lambda engine: engine.labels(ids))

    def members(label: int, k: int = 20) -> dict[str, Any]:
        """The nodes of a community of the whole graph, by a number that labels gave; k at most 100."""
        return answered(lambda engine: engine.members(label, k=min(k, MOST)))

    def search(
        text: str,
        k: int = 10,
        where: dict[str, Any] | None = None,
        near: dict[str, float] | None = None,
    ) -> dict[str, Any]:
        """Documents that answer a text, best first; k at most 100.

        where filters by fields: {"field": "value"}, {"field": ["one", "of"]}, {"field": {"ge": 1, "lt": 9}}. near
        searches only documents of the 100 nodes that random walks from these weighted nodes visit most.
        """
        within = None if near is None else {"seeds": near}
        return answered(lambda engine: engine.search([text], k=min(k, MOST), where=where, within=within))

    def related(seeds: list[str], text: str | None = None, k: int = 10) -> dict[str, Any]:
        """What is near all seeds by every signal together, and by a text if one is given; k at most 100."""
        return answered(lambda engine: engine.related(seeds, text=text, k=min(k, MOST)))

    def explain(a: str, b: str, k: int = 5) -> dict[str, Any]:
        """Why two nodes are near: shared neighbours, likely paths, ranks in each other's lists, matching documents."""
        return answered(lambda engine: engine.explain(a, b, k=min(k, MOST)))

    def look_up(prefix: str, limit: int = 20) -> dict[str, Any]:
        """The first nodes whose id starts with the prefix; limit at most 100."""

        def found(engine: EngineLike) -> Mapping[str, Any]:
            hits = engine.nodes(prefix, limit=min(limit, MOST))
            return {"index": engine.index, "version": engine.version, "results": [hits]}

        return answered(found)

    offered = engine()
    tools: dict[str, Callable[..., dict[str, Any]]] = {
        "similar": similar,
        "ppr": ppr,
        "community": community,
        "labels": labels,
        "members": members,
        "search": search,
    }
    for question in offered.questions:
        server.add_tool(tools[question])
    if "graph" in offered.release.stages:
        server.add_tool(related)
        server.add_tool(explain)
        server.add_tool(look_up)
    return server
