"""What is too much: refused early, with a reason and a time to come again."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from artifacts.store import Store
from foundation.errors import InvalidParams
from serving.api import create_app
from serving.limits import Limits
from tests.serving.fake_engine import FakeEngine, Opening, publish_version
from tests.serving.live import Api, running, until

DEMO = "/v1/indexes/demo"
URN = "urn:purlieu:problem:"
SLOW = {"ids": ["!slow"], "k": 1}
QUICK = {"ids": ["ant"], "k": 1}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store.create(tmp_path / "store")
    publish_version(store, 1)
    return store


@pytest.fixture
def opening() -> Iterator[Opening]:
    opening = Opening()
    yield opening
    opening.gate.set()


class Busy:
    """A service with questions under way that end when its gate opens."""

    def __init__(self, address: str, client: httpx.Client, opening: Opening) -> None:
        self.api = Api(client)
        until(lambda: self.api.get(DEMO).status_code == 200)
        self._address = address
        self._opening = opening
        self._askers: list[threading.Thread] = []
        self.statuses: list[int] = []

    @property
    def engine(self) -> FakeEngine:
        return self._opening.engines[0]

    def ask(self, body: dict[str, Any] = SLOW) -> None:
        def one() -> None:
            self.statuses.append(httpx.post(f"{self._address}{DEMO}/similar", json=body, timeout=60).status_code)

        self._askers.append(threading.Thread(target=one))
        self._askers[-1].start()

    def end(self) -> list[int]:
        self._opening.gate.set()
        for asker in self._askers:
            asker.join(60)
        return self.statuses


def busily(store: Store, opening: Opening, limits: Limits, play: Callable[[Busy], None]) -> None:
    with (
        running(create_app(store, opener=opening, limits=limits)) as address,
        httpx.Client(base_url=address, timeout=30) as client,
    ):
        busy = Busy(address, client, opening)
        try:
            play(busy)
        finally:
            busy.end()


def test_more_than_may_wait_is_told_to_come_again(store: Store, opening: Opening) -> None:
    def play(busy: Busy) -> None:
        busy.ask()
        until(lambda: busy.engine.busy == 1)
        for number in range(2):
            busy.ask({"ids": ["ant", *["bee"] * number], "k": 1})
        until(lambda: busy.api.get("/v1/status").json()["waiting"] == 2)
        for path in ("similar", "nodes"):
            refused = busy.api.get(f"{DEMO}/nodes") if path == "nodes" else busy.api.post(f"{DEMO}/similar", QUICK)
            found = busy.api.problem(refused, 429)
            assert found["type"] == f"{URN}overloaded"
            assert 1 <= int(refused.headers["retry-after"]) <= 60
            seconds = refused.headers["retry-after"]
            assert found["detail"] == f"more is asked than can be answered now; ask again in {seconds} s"
        assert busy.api.get("/healthz").status_code == 200
        assert busy.api.get("/v1/status").json()["refused"] == 2
        assert "purlieu_pool_refused_total 2.0" in busy.api.get("/metrics").text.splitlines()
        assert busy.end() == [200] * 3

    busily(store, opening, Limits(threads=1, queue=2), play)


def test_who_is_accepted_waits_no_longer_than_the_limit(store: Store, opening: Opening) -> None:
    def play(busy: Busy) -> None:
        busy.ask()
        until(lambda: busy.engine.busy == 1)
        found = busy.api.problem(busy.api.post(f"{DEMO}/similar", QUICK), 429)
        assert found["type"] == f"{URN}overloaded"
        assert busy.end() == [200]

    busily(store, opening, Limits(threads=1, wait_seconds=0.1), play)


def test_an_answer_that_takes_too_long_is_given_up(store: Store, opening: Opening) -> None:
    def play(busy: Busy) -> None:
        found = busy.api.problem(busy.api.post(f"{DEMO}/similar", SLOW), 504)
        assert found["type"] == f"{URN}time-limit"
        assert found["detail"] == "the answer takes longer than 0.5 s; ask for less, or for less at a time"
        assert busy.api.post(f"{DEMO}/similar", QUICK | {"k": 2}).status_code == 200  # another thread takes it

    busily(store, opening, Limits(threads=2, lanes=2, seconds=0.5), play)


def test_a_body_that_comes_too_slowly_is_given_up(store: Store, opening: Opening) -> None:
    with running(create_app(store, opener=opening, limits=Limits(seconds=0.2))) as address:
        until(lambda: httpx.get(f"{address}{DEMO}").status_code == 200)
        with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), timeout=30) as connection:
            connection.sendall(f"POST {DEMO}/similar HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{{".encode())
            answer = b""
            while b"urn:purlieu:problem:too-slow" not in answer:
                piece = connection.recv(65536)
                assert piece, answer
                answer += piece
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_body_that_ends_too_early_is_the_callers_fault(store: Store, opening: Opening) -> None:
    notes: list[dict[str, Any]] = []
    with running(create_app(store, opener=opening, note=notes.append)) as address:
        until(lambda: httpx.get(f"{address}{DEMO}").status_code == 200)
        with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), timeout=30) as connection:
            connection.sendall(f"POST {DEMO}/similar HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{{".encode())
        until(lambda: notes[-1]["method"] == "POST")
    assert notes[-1]["status"] == 400


def test_an_index_that_does_not_open_in_time_is_not_ready(store: Store, opening: Opening) -> None:
    opening.delay.clear()
    app = create_app(store, opener=opening, limits=Limits(seconds=0.2))
    with running(app) as address, httpx.Client(base_url=address, timeout=30) as client:
        api = Api(client)
        refused = api.post(f"{DEMO}/similar", QUICK)
        found = api.problem(refused, 503)
        assert found["type"] == f"{URN}not-ready"
        assert refused.headers["retry-after"] == "5"
        opening.delay.set()
        until(lambda: api.post(f"{DEMO}/similar", QUICK).status_code == 200)


def test_what_takes_long_does_not_keep_others_waiting(store: Store, opening: Opening) -> None:
    def play(busy: Busy) -> None:
        for _ in range(3):
            busy.ask({"ids": ["!slow", *["ant"] * 150], "k": 1})
        until(lambda: busy.engine.busy == 1)
        assert busy.api.post(f"{DEMO}/similar", QUICK).status_code == 200
        assert busy.engine.busy == 1
        assert busy.end() == [200] * 3

    busily(store, opening, Limits(threads=3, lanes=3, heavy=1, cache_bytes=0), play)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("threads", 0),
        ("heavy", 0),
        ("lanes", -1),
        ("batch", 0),
        ("queue", -1),
        ("threads", 1.5),
        ("threads", True),
        ("wait_seconds", 0),
        ("seconds", float("nan")),
        ("seconds", float("inf")),
        ("seconds", "1"),
        ("cache_bytes", -1),
    ],
)
def test_limits_that_cannot_be_are_refused(name: str, value: Any) -> None:
    with pytest.raises(InvalidParams) as found:
        Limits(**{name: value})
    assert found.value.name == name


def test_limits_may_be_whole_numbers_of_seconds_and_no_cache_at_all() -> None:
    limits = Limits(seconds=1, cache_bytes=0, queue=0)
    assert (limits.seconds, limits.cache_bytes, limits.queue) == (1, 0, 0)


def test_under_more_load_than_it_can_take_every_answer_comes_in_time_or_is_a_refusal(store: Store) -> None:
    class Slow(FakeEngine):
        def similar(self, *given: Any, **more: Any) -> dict[str, Any]:
            time.sleep(0.02)
            return super().similar(*given, **more)

    def opener(store: Store, index: str, version: str) -> FakeEngine:
        return Slow(Opening()(store, index, version).release)

    limits = Limits(threads=1, lanes=1, batch=1, queue=4, cache_bytes=0)
    with running(create_app(store, opener=opener, limits=limits)) as address:
        httpx.get(f"{address}{DEMO}")
        answers: list[httpx.Response] = []

        def ask() -> None:
            with httpx.Client(base_url=address, timeout=60) as client:
                answers.extend(client.post(f"{DEMO}/similar", json=QUICK) for _ in range(10))

        askers = [threading.Thread(target=ask) for _ in range(12)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join(60)
        status = httpx.get(f"{address}/v1/status").json()
    assert len(answers) == 120
    assert {answer.status_code for answer in answers} == {200, 429}
    assert sum(answer.status_code == 429 for answer in answers) == status["refused"]
    assert sum(answer.status_code == 200 for answer in answers) == status["questions"]
