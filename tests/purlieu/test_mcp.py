"""The MCP server: an index's questions as tools, in this process and as the command that applications start."""

from __future__ import annotations

import asyncio
import builtins
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from artifacts.store import Store
from foundation.errors import MissingExtra
from purlieu.mcp_server import MOST, make_server
from serving.engine import Engine
from tests.serving.fake_engine import Opening, publish_version

ROOT = Path(__file__).parents[2]
mcp = pytest.importorskip("mcp", reason="the extra mcp is not installed")


@pytest.fixture(scope="module")
def engine(small_store: Path) -> Engine:
    return Engine.open(small_store, "small")


def called(server: Any, *calls: tuple[str, dict[str, Any]]) -> list[Any]:
    """Results of tools, called one after the other over a connection."""

    async def play() -> list[Any]:
        async with mcp.Client(server) as client:
            return [await client.call_tool(name, arguments) for name, arguments in calls]

    return asyncio.run(play())


def test_every_tool_answers_what_the_engine_answers(engine: Engine) -> None:
    results = called(
        make_server("small", lambda: engine),
        ("similar", {"ids": ["n000"], "k": 3}),
        ("ppr", {"seeds": {"n000": 1, "n004": 2}, "k": 3}),
        ("community", {"seeds": ["n010"], "size": 6}),
        ("labels", {"ids": ["n000"]}),
        ("members", {"label": 0, "k": 3}),
        ("search", {"text": "chess", "k": 3}),
        ("search", {"text": "chess", "k": 3, "where": {"topic": ["music"]}, "near": {"n001": 1}}),
        ("explain", {"a": "n004", "b": "n009"}),
        ("related", {"seeds": ["n010"], "text": "chess", "k": 4}),
        ("look_up", {"prefix": "n02", "limit": 2}),
    )
    expected = [
        engine.similar(["n000"], k=3),
        engine.ppr([{"n000": 1.0, "n004": 2.0}], k=3),
        engine.community(["n010"], size=6),
        engine.labels(["n000"]),
        engine.members(0, k=3),
        engine.search(["chess"], k=3),
        engine.search(["chess"], k=3, where={"topic": ["music"]}, within={"seeds": {"n001": 1.0}}),
        engine.explain("n004", "n009", k=5),
        engine.related(["n010"], text="chess", k=4),
        {"index": "small", "version": engine.version, "results": [engine.nodes("n02", limit=2)]},
    ]
    assert [result.structured_content for result in results] == expected


def test_what_cannot_be_answered_is_told_to_the_model(engine: Engine) -> None:
    unknown, wrong = called(
        make_server("small", lambda: engine), ("similar", {"ids": ["n00"]}), ("search", {"text": " "})
    )
    assert unknown.is_error
    assert "no node 'n00' in index small; the nearest are" in unknown.content[0].text
    assert wrong.is_error
    assert "search for one word or more" in wrong.content[0].text


def test_only_what_was_built_is_offered_and_no_answer_fills_a_context(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    version = publish_version(store, 1, "ranks", ("powerwalk",))
    asked: list[int] = []

    class Fake:
        def __init__(self) -> None:
            self.engine = Opening()(store, "ranks", version)
            self.questions, self.release = self.engine.questions, self.engine.release

        def ppr(self, queries: Any, *, k: int) -> dict[str, Any]:
            asked.append(k)
            return self.engine.ppr(queries, k=1)

    fake = Fake()
    server = make_server("ranks", lambda: fake)  # type: ignore[arg-type,return-value]

    async def play() -> list[str]:
        async with mcp.Client(server) as client:
            await client.call_tool("ppr", {"seeds": {"ant": 1}, "k": 10**6})
            return [tool.name for tool in (await client.list_tools()).tools]

    assert asyncio.run(play()) == ["ppr"]
    assert asked == [MOST]


def test_the_command_speaks_the_protocol_over_stdio(small_store: Path, engine: Engine) -> None:
    words = ["-P", "-m", "purlieu.main", "mcp", "small", "--store", str(small_store)]
    started = mcp.StdioServerParameters(command=sys.executable, args=words, env={**os.environ, "PYTHONPATH": str(ROOT)})
    (result,) = called(started, ("similar", {"ids": ["n000"], "k": 2}))
    assert result.structured_content == engine.similar(["n000"], k=2)


def test_without_the_extra_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    true_import = builtins.__import__

    def lacking(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("mcp"):
            raise ImportError(name)
        return true_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", lacking)
    with pytest.raises(MissingExtra, match=r"purlieu\[mcp\]"):
        make_server("small", lambda: None)  # type: ignore[arg-type,return-value]
