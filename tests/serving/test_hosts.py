"""A service without keys, asked under names: its own are answered, those of pages that resolve to it are not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from http.client import HTTPConnection

import httpx
import pytest

from artifacts.store import Store
from foundation.errors import InvalidParams
from serving.api import create_app
from tests.serving.fake_engine import Opening, publish_version
from tests.serving.live import running

KNOWN = [
    "localhost", "LOCALHOST:8321", "localhost.", "app.localhost:1", "127.0.0.1", "127.0.0.1:8321", "[::1]:8321",
    "192.168.1.7:80", "search.example.org", "Search.Example.ORG:443",
]  # fmt: skip
UNKNOWN = [
    "evil.example.org", "localhost.evil.example.org", "127.0.0.1.evil.example.org:8321", "notlocalhost", "example.org",
    "search.example.org.evil.org", "", ":8321", "[::1].evil.org", "127.0.0.1@evil.org", "[evil]",
    "search.example.org:x",
]  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store.create(tmp_path_factory.mktemp("hosts") / "store")
    publish_version(store, 1)
    return store


@pytest.fixture(scope="module")
def client(store: Store) -> Iterator[httpx.Client]:
    app = create_app(store, opener=Opening(), hosts=["search.example.org"])
    with running(app) as address, httpx.Client(base_url=address, timeout=30) as client:
        yield client


@pytest.mark.parametrize("host", KNOWN)
def test_names_of_its_own_and_addresses_are_answered(client: httpx.Client, host: str) -> None:
    assert client.get("/v1/indexes", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics", "/v1/indexes", "/nothing"])
@pytest.mark.parametrize("host", UNKNOWN)
def test_another_name_is_refused_wherever_it_asks(client: httpx.Client, host: str, path: str) -> None:
    refused = client.get(path, headers={"host": host})
    assert refused.status_code == 421
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["x-content-type-options"] == "nosniff"
    assert refused.json()["type"] == "urn:purlieu:problem:unknown-host"
    assert "--allow-host" in refused.json()["detail"]


def test_a_question_under_another_name_is_not_asked(client: httpx.Client) -> None:
    asked = client.post("/v1/indexes/demo/similar", json={"ids": ["ant"], "k": 1}, headers={"host": "evil.example.org"})
    assert asked.status_code == 421


def test_a_request_that_names_nobody_comes_from_no_browser_and_is_answered(client: httpx.Client) -> None:
    bare = HTTPConnection(client.base_url.host, client.base_url.port or 80, timeout=30)
    with contextlib.closing(bare):
        bare.putrequest("GET", "/v1/indexes", skip_host=True)
        bare.endheaders()
        assert bare.getresponse().status == 200


def test_an_application_that_says_nothing_of_hosts_answers_under_any(store: Store) -> None:
    with running(create_app(store, opener=Opening())) as address:
        assert httpx.get(f"{address}/v1/indexes", headers={"host": "evil.example.org"}).status_code == 200


@pytest.mark.parametrize("name", ["", "*", "a b", "https://example.org", "example.org:80", "-a", "a..b", "x" * 64])
def test_what_is_no_name_is_refused(store: Store, name: str) -> None:
    with pytest.raises(InvalidParams, match="--allow-host"):
        create_app(store, opener=Opening(), hosts=[name])
