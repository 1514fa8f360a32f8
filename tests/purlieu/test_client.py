"""The client: an engine's methods, answers and errors, over HTTP; sync and async; again when told to come again."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import inspect
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path as FilePath
from typing import Any

import numpy as np
import pytest

from artifacts.store import Store
from foundation.errors import EngineError, InvalidParams, InvalidQuery, NotBuilt, ServiceFailed, UnknownId
from purlieu import client as client_module
from purlieu.answers import Answer, Explanation, Found, Hit, Link, Neighbourhood, Path, Seen, Step
from purlieu.client import AsyncClient, Client
from serving.api import create_app
from serving.engine import Engine
from serving.limits import Limits
from tests.serving.fake_engine import Opening, publish_version
from tests.serving.live import running


@pytest.fixture(scope="module")
def engine(small_store: FilePath) -> Engine:
    return Engine.open(small_store, "small")


@pytest.fixture(scope="module")
def address(small_store: FilePath) -> Iterator[str]:
    with running(create_app(Store.open(small_store))) as address:
        yield address


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[Client]:
    with Client(address, "small") as client:
        yield client


def as_dictionary(answer: Answer) -> dict[str, Any]:
    """A typed answer as the engine's dictionary."""
    document = dataclasses.asdict(answer)
    for hits in document["results"]:
        hits[:] = [{"id": hit["id"], **hit["fields"], "score": hit["score"]} for hit in hits]
    return document


ASKED: list[Callable[[Any], Any]] = [
    lambda asked: asked.similar(["n000", "n017"], k=7),
    lambda asked: asked.ppr([{"n000": 2.0, "n004": 0.5}, {"virtual": 1.0}], k=9),
    lambda asked: asked.ppr([{"n003": np.float64(1.0)}], exact=True),
    lambda asked: asked.ppr([{"n003": 1.0}], rmax=1e-3, k=3),
    lambda asked: asked.community(["n010", "n015"], size=30),
    lambda asked: asked.community(["n010"]),
    lambda asked: asked.community(["n010"], size=5, after=10),
    lambda asked: asked.labels(["n000", "n001"]),
    lambda asked: asked.members(0, k=4),
    lambda asked: asked.search(["chess", "video"], k=6),
    lambda asked: asked.search(["chess"], k=6, rerank=False),
    lambda asked: asked.similar(["n000"], k=4, where={"topic": "chess"}),
    lambda asked: asked.similar(["n000"], k=4, near={"n001": 1.0, "n004": np.float64(0.5)}),
    lambda asked: asked.search(["chess"], k=4, ranking="tokens", where={"not": {"topic": "chess"}}),
    lambda asked: asked.search(["chess"], k=4, within={"seeds": {"n004": 1.0}, "by": "community", "size": 30}),
    lambda asked: asked.search(["chess game"], k=4, explain=True),
    lambda asked: asked.neighbourhood({"n000": 1.0}, k=8),
    lambda asked: asked.explain("n004", "n009", k=4),
    lambda asked: asked.explain("n000", "virtual"),
    lambda asked: asked.related(["n010", "n015"], text="chess", k=8, weights={"ppr": 2.0, "search": 0.5}),
]


@pytest.mark.parametrize("ask", ASKED, ids=range(len(ASKED)))
def test_a_client_answers_what_the_engine_answers(client: Client, engine: Engine, ask: Callable[[Any], Any]) -> None:
    assert as_dictionary(ask(client)) == ask(engine)


def test_an_async_client_answers_the_same_and_many_at_once(address: str, client: Client) -> None:
    async def play() -> None:
        async with AsyncClient(address, "small") as asked:
            answers = await asyncio.gather(*(ask(asked) for ask in ASKED))
        assert answers == [ask(client) for ask in ASKED]

    asyncio.run(play())


def test_vectors_travel_without_loss(client: Client, engine: Engine) -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(3, 128)).astype(np.float32)
    assert as_dictionary(client.similar(vectors=vectors, k=5)) == engine.similar(vectors=vectors, k=5)
    tokens = [random.normal(size=(n, 128)).astype(np.float32) for n in (1, 4)]
    assert as_dictionary(client.search(vectors=tokens, k=5)) == engine.search(vectors=tokens, k=5)


def test_answers_are_typed(client: Client) -> None:
    found = client.explain("n004", "n009", k=2)
    assert isinstance(found, Explanation)
    assert isinstance(found.paths[0], Path)
    assert all(one is None or isinstance(one, Seen) for both in found.signals.values() for one in both)
    assert isinstance(found.together, Step)
    drawn = client.neighbourhood({"n000": 1.0}, k=5)
    assert isinstance(drawn, Neighbourhood)
    assert isinstance(drawn.links[0], Link)
    searched = client.search(["chess"], k=1, explain=True)
    assert isinstance(searched, Found)
    assert searched.results[0][0].fields["why"]["tokens"]


def test_nodes_and_details_are_looked_up(client: Client, engine: Engine) -> None:
    assert client.nodes("n02", limit=3) == [Hit(hit.pop("id"), 0.0, hit) for hit in engine.nodes("n02", limit=3)]
    assert client.details()["version"] == engine.version


def test_it_has_every_question_of_the_engine_with_its_arguments() -> None:
    questions = ("similar", "ppr", "community", "labels", "members", "search", "neighbourhood", "related", "explain")
    for name in (*questions, "nodes"):
        ours = inspect.signature(getattr(client_module.calls, name)).parameters
        theirs = inspect.signature(getattr(Engine, name)).parameters
        assert list(ours) == list(theirs)[1:]
        assert [one.default for one in ours.values()] == [one.default for one in theirs.values()][1:]
        assert hasattr(Client, name)
        assert hasattr(AsyncClient, name)


@pytest.mark.parametrize(
    "ask",
    [
        lambda asked: asked.similar(["n00"]),
        lambda asked: asked.similar(),
        lambda asked: asked.similar(["n000"], k=5000),
        lambda asked: asked.search([" "]),
        lambda asked: asked.members(10_000),
        lambda asked: asked.search(["a"], where={"topc": "x"}),
        lambda asked: asked.similar(["n000"], near={"n00": 1.0}),
        lambda asked: asked.explain("n000", "n000"),
    ],
    ids=["unknown", "nothing", "k", "empty", "label", "field", "near", "one"],
)
def test_errors_are_those_of_the_engine(client: Client, engine: Engine, ask: Callable[[Any], Any]) -> None:
    with pytest.raises(EngineError) as expected:
        ask(engine)
    with pytest.raises(EngineError) as found:
        ask(client)
    assert type(found.value) is type(expected.value)
    assert str(found.value) == str(expected.value)


def test_numbers_that_are_none_are_refused_by_the_service(client: Client) -> None:
    with pytest.raises(InvalidQuery, match="valid number"):
        client.similar(vectors=[[float("nan")] * 128])


def test_an_unknown_index_and_a_question_that_was_not_built(tmp_path_factory: pytest.TempPathFactory) -> None:
    store = Store.create(tmp_path_factory.mktemp("client") / "store")
    publish_version(store, 1, "ranks", ("graph", "powerwalk"))
    with running(create_app(store, opener=Opening())) as address:
        with Client(address, "rank") as client, pytest.raises(UnknownId) as unknown:
            client.similar(["a"])
        with Client(address, "ranks") as client, pytest.raises(NotBuilt) as unbuilt:
            client.search(["a"])
    assert (unknown.value.kind, unknown.value.id, unknown.value.nearest) == ("index", "rank", ("ranks",))
    assert (unbuilt.value.question, unbuilt.value.table, unbuilt.value.questions) == ("search", "muvera", ("ppr",))


def test_a_key_is_sent_and_needed(small_store: FilePath) -> None:
    with running(create_app(Store.open(small_store), api_keys={"a-good-key"})) as address:
        with Client(address, "small", api_key="a-good-key") as client:
            assert client.nodes(limit=1)
        with Client(address, "small") as client, pytest.raises(ServiceFailed) as refused:
            client.nodes(limit=1)
    assert refused.value.status == 401


def test_who_is_told_to_come_again_does_so_and_is_answered(tmp_path_factory: pytest.TempPathFactory) -> None:
    store = Store.create(tmp_path_factory.mktemp("again") / "store")
    publish_version(store, 1)
    opening = Opening()
    limits = Limits(threads=1, lanes=1, batch=1, queue=0, cache_bytes=0)
    with running(create_app(store, opener=opening, limits=limits)) as address, Client(address, "demo") as client:
        client.nodes(limit=1)
        slow = threading.Thread(target=lambda: client.similar(["!slow"], k=1))
        slow.start()
        while opening.engines[0].busy == 0:
            time.sleep(0.005)
        with Client(address, "demo", retries=0) as impatient, pytest.raises(ServiceFailed) as refused:
            impatient.similar(["ant"], k=1)
        assert refused.value.status == 429
        threading.Timer(0.3, opening.gate.set).start()
        assert client.similar(["ant"], k=1).results[0][0].id == "ant"
        slow.join(30)


class Odd(BaseHTTPRequestHandler):
    """Answers what it was told to, one after the other."""

    answers: list[tuple[int, dict[str, str], bytes]] = []  # noqa: RUF012  # set by each test
    asked = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        status, headers, body = type(self).answers[min(type(self).asked, len(type(self).answers) - 1)]
        type(self).asked += 1
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(client_module, "FIRST_WAIT", 0.01)
    Odd.asked = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Odd)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


GOOD = b'{"index":"i","version":"v","results":[[{"id":"a","score":1.5,"title":"A"}]]}'


def test_it_asks_again_after_a_passing_refusal_and_no_more_than_it_may(odd: str) -> None:
    Odd.answers = [(503, {}, b"{}"), (429, {"retry-after": "0"}, b"{}"), (200, {}, GOOD)]
    with Client(odd, "i") as client:
        assert client.similar(["a"]).results == [[Hit("a", 1.5, {"title": "A"})]]
    assert Odd.asked == 3
    Odd.answers, Odd.asked = [(503, {}, b'{"detail":"not now"}')], 0
    with Client(odd, "i", retries=2) as client, pytest.raises(ServiceFailed, match="not now") as refused:
        client.similar(["a"])
    assert (Odd.asked, refused.value.status) == (3, 503)


@pytest.mark.parametrize(("asked", "times"), [("61", 1), ("9" * 400, 1), ("²", 2), ("-1", 2), ("soon", 2)])
def test_it_waits_no_longer_than_a_minute_and_reads_no_nonsense(odd: str, asked: str, times: int) -> None:
    Odd.answers = [(503, {"retry-after": asked}, b"{}"), (200, {}, GOOD)]
    with Client(odd, "i") as client, contextlib.suppress(ServiceFailed):
        client.similar(["a"])
    assert Odd.asked == times


@pytest.mark.parametrize("status", [400, 413, 500, 504])
def test_what_will_not_pass_is_not_asked_again(odd: str, status: int) -> None:
    Odd.answers = [(status, {}, b'{"detail":"no"}')]
    with Client(odd, "i") as client, pytest.raises(ServiceFailed):
        client.similar(["a"])
    assert Odd.asked == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"results":[[{}]]}', b'{"results":3}', b"null"])
def test_an_answer_that_is_none_of_ours_is_said_to_be(odd: str, body: bytes) -> None:
    Odd.answers = [(200, {}, body)]
    with Client(odd, "i") as client, pytest.raises(ServiceFailed, match="not one of this service's"):
        client.similar(["a"])


def test_nobody_there_is_said_after_the_last_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "FIRST_WAIT", 0.001)
    with (
        Client("http://127.0.0.1:9", "i", retries=2) as client,
        pytest.raises(ServiceFailed, match="no answer") as found,
    ):
        client.similar(["a"])
    assert found.value.status is None


@pytest.mark.parametrize(("address", "retries"), [("127.0.0.1:8321", 1), ("ftp://x", 1), ("http://x", -1)])
def test_what_cannot_be_asked_is_refused_at_once(address: str, retries: int) -> None:
    with pytest.raises(InvalidParams):
        Client(address, "i", retries=retries)
