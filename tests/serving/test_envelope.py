"""Round every answer: an id, headers that keep browsers careful, CORS where it is asked for, a line in the log."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from artifacts.store import Store
from foundation.errors import InvalidParams
from serving.api import create_app
from serving.logs import MAX_CONTENT, Log
from tests.serving.fake_engine import Opening, publish_version
from tests.serving.live import running

DEMO = "/v1/indexes/demo"
ORIGIN = "https://pages.example.org"
QUESTION = {"ids": ["ant"], "k": 1}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store.create(tmp_path / "store")
    publish_version(store, 1)
    return store


@pytest.fixture
def client(store: Store) -> Iterator[httpx.Client]:
    app = create_app(store, opener=Opening(), origins=[ORIGIN, "http://localhost:3000"])
    with running(app) as address, httpx.Client(base_url=address, timeout=30) as client:
        yield client


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/v1/indexes", f"{DEMO}/nodes?prefix=a", "/nothing", DEMO])
def test_every_answer_tells_a_browser_to_be_careful(client: httpx.Client, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers.get("cache-control") == ("no-store" if path.startswith("/v1/") else None)
    assert "server" not in headers or headers["server"] == "uvicorn"  # this test's server, not ours, says its name


def test_answers_that_failed_have_the_same_headers(client: httpx.Client) -> None:
    failed = client.post(f"{DEMO}/similar", json={"ids": ["!unexpected"], "k": 1})
    assert failed.status_code == 500
    assert failed.headers["x-content-type-options"] == "nosniff"
    assert failed.headers["x-request-id"]


def test_a_request_has_an_id_its_own_if_it_is_a_good_one(client: httpx.Client) -> None:
    made = [client.get("/healthz").headers["x-request-id"] for _ in range(20)]
    assert len(set(made)) == 20
    assert all(re.fullmatch("[0-9a-f]{16}", one) for one in made)
    for given in ("trace-1.2:3_a", "x" * 64):
        assert client.get("/healthz", headers={"X-Request-ID": given}).headers["x-request-id"] == given
    for given in ("", "x" * 65, "a b", 'a"b', "{}"):
        assert client.get("/healthz", headers={"X-Request-ID": given}).headers["x-request-id"] != given


def test_pages_of_the_named_origins_may_ask(client: httpx.Client) -> None:
    answer = client.post(f"{DEMO}/similar", json=QUESTION, headers={"Origin": ORIGIN})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-expose-headers"] == "retry-after, x-request-id"
    assert answer.headers["vary"] == "origin"
    assert "access-control-allow-credentials" not in answer.headers
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    preflight = client.options(f"{DEMO}/similar", headers=asked)
    assert (preflight.status_code, preflight.content) == (204, b"")
    assert preflight.headers["access-control-allow-methods"] == "GET, POST"
    assert "authorization" in preflight.headers["access-control-allow-headers"]


@pytest.mark.parametrize("origin", ["https://evil.example.org", "null", "https://pages.example.org.evil", ""])
def test_pages_of_other_origins_learn_nothing(client: httpx.Client, origin: str) -> None:
    answer = client.get("/v1/indexes", headers={"Origin": origin})
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["vary"] == "origin"
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    assert client.options(f"{DEMO}/similar", headers=asked).status_code == 405


def test_without_origins_there_is_no_cors(store: Store) -> None:
    with running(create_app(store, opener=Opening())) as address:
        answer = httpx.get(f"{address}/v1/indexes", headers={"Origin": ORIGIN})
        asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
        preflight = httpx.options(f"{address}{DEMO}/similar", headers=asked)
    assert not [name for name in (*answer.headers, *preflight.headers) if name.startswith("access-control")]
    assert preflight.status_code == 405


@pytest.mark.parametrize("origin", ["*", "null", "example.org", "https://a.org/path", "https://a.org,https://b.org"])
def test_what_is_no_origin_is_refused(store: Store, origin: str) -> None:
    with pytest.raises(InvalidParams, match="an origin such as"):
        create_app(store, origins=[origin])


def logged(store: Store, log: Log, to: io.StringIO, *, keys: list[str] | None = None) -> list[dict[str, Any]]:
    """What is written while some questions are asked."""
    app = create_app(store, opener=Opening(), log=log.say, note=log.note, api_keys=keys)
    with running(app) as address, httpx.Client(base_url=address, timeout=30) as client:
        if keys:
            client.headers["Authorization"] = f"Bearer {keys[0]}"
        client.post(f"{DEMO}/similar", json={"ids": ["ant", "bee"], "k": 1}, headers={"X-Request-ID": "mine"})
        client.post(f"{DEMO}/similar", json={"ids": ["ant", "bee"], "k": 1})
        client.get(f"{DEMO}/nodes?prefix=be")
        client.post(f"{DEMO}/similar", json={"ids": ["!unexpected"], "k": 1}, headers={"X-Request-ID": "bad"})
        client.post(f"{DEMO}/similar", content=b"\xff" * 10_000)
        client.get("/elsewhere")
    return [json.loads(line) for line in to.getvalue().splitlines()]


def test_the_log_is_one_object_a_request_and_says_nothing_of_what_was_asked(store: Store) -> None:
    to = io.StringIO()
    lines = logged(store, Log("json", to=to), to, keys=["a-secret-key"])
    requests = [line for line in lines if line["event"] == "request"]
    first = requests[0]
    assert (first["request"], first["method"], first["status"]) == ("mine", "POST", 200)
    assert (first["route"], first["index"]) == ("/v1/indexes/{index}/similar", "demo")
    assert (first["size"], first["together"]) == (2, 1)
    assert first["seconds"] > 0
    assert first["bytes"] > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", first["time"])
    assert requests[1]["cached"] is True
    assert [line["status"] for line in requests] == [200, 200, 200, 500, 400, 404]
    assert "route" not in requests[-1]
    text = to.getvalue()
    for content in ('"ant"', '"bee"', "prefix", "a-secret-key", '"body"', '"query"'):
        assert content not in text.replace("\\", "")
    told = [line for line in lines if line["event"] == "message" and "unexpected RuntimeError" in line["message"]]
    assert [line["request"] for line in told] == ["bad"]


def test_the_log_has_what_was_asked_where_that_is_asked_for(store: Store) -> None:
    to = io.StringIO()
    requests = [line for line in logged(store, Log("json", contents=True, to=to), to) if line["event"] == "request"]
    assert json.loads(requests[0]["body"]) == {"ids": ["ant", "bee"], "k": 1}
    assert requests[2]["query"] == "prefix=be"
    assert len(requests[4]["body"]) == MAX_CONTENT


def test_a_log_for_people_has_no_line_for_requests(store: Store) -> None:
    to = io.StringIO()
    log = Log(to=to)
    assert not log.takes_requests
    log.say("serving something")
    assert to.getvalue() == "purlieu: serving something\n"
