"""Bodies, paths and ids that nobody sends by accident: refused cleanly, and no file is read by a name that is asked."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artifacts.store import Store
from serving.api import create_app
from tests.serving.fake_engine import Opening, publish_version
from tests.serving.live import Api, running

DEMO = "/v1/indexes/demo"
GOOD: dict[str, bytes] = {
    "similar": b'{"ids":["ant",7],"k":2}',
    "ppr": b'{"queries":[{"seeds":{"ant":1.5,"7":2}}],"k":3,"exact":false,"rmax":1e-6}',
    "community": b'{"seeds":["ant"],"size":4,"after":0}',
    "labels": b'{"ids":["ant"],"communities":5}',
    "members": b'{"label":1,"k":3}',
    "neighbourhood": b'{"seeds":{"ant":1},"k":3}',
    "search": b'{"texts":["a"],"k":1,"rerank":true,"ranking":null}',
    "related": b'{"seeds":["ant"],"k":3,"weights":{"ppr":1}}',
    "explain": b'{"a":"ant","b":7,"k":3}',
}
# Pieces that break parsers: numbers beyond every range, halves of characters, words of other languages, NUL, comments.
PIECES = (
    b"NaN", b"-Infinity", b"1e400", b"-0", b"00", b"9" * 5000, b"0x1F", b"1_0", b"\x00", b"\xff\xfe", b"\xed\xa0\x80",
    b'"\\ud800"', b"'", b"//", b"/* */", b"[" * 5000, b'{"a":' * 5000, b"]", b"}", b",", b":", b'"', b"null", b"true",
    b"undefined", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"__proto__", b'"k":1,"k":2,', b'{"$ref":"#"}', b"1e-400", b"\r\n",
)  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store.create(tmp_path_factory.mktemp("malformed") / "store")
    publish_version(store, 1)
    (store.root / "indexes" / "secret").write_text("secret")
    return store


@pytest.fixture(scope="module")
def log() -> list[str]:
    return []


@pytest.fixture(scope="module")
def api(store: Store, log: list[str]) -> Iterator[Api]:
    app = create_app(store, opener=Opening(), log=log.append)
    with running(app) as address, httpx.Client(base_url=address, timeout=30) as client:
        yield Api(client)


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, bytes]:
    """A good body cut, repeated, with bytes turned or pieces put in."""
    question = draw(st.sampled_from(sorted(GOOD)))
    body = bytearray(GOOD[question])
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(body)))
        match draw(st.sampled_from(["cut", "piece", "byte", "again"])):
            case "cut":
                del body[at : at + draw(st.integers(1, 12))]
            case "piece":
                body[at:at] = draw(st.sampled_from(PIECES))
            case "byte":
                body[at : at + 1] = bytes([draw(st.integers(0, 255))])
            case "again":
                body[at:at] = body[: draw(st.integers(0, 40))]
    return question, bytes(body)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(asked=mutated())
def test_a_body_that_went_wrong_is_answered_or_refused_as_described(
    api: Api, log: list[str], asked: tuple[str, bytes]
) -> None:
    question, body = asked
    response = api.post(f"{DEMO}/{question}", content=body)  # holds status and body to the description
    assert response.status_code in (200, 400, 404, 422)
    assert log == [line for line in log if "unexpected" not in line]


UP = ("..", "%2e%2e", "..%2f..", "%252e%252e", "..%5c..", "%c0%ae%c0%ae", "....//", "%00", "~root", "C:%5c")


@pytest.mark.parametrize("up", UP)
@pytest.mark.parametrize(
    "template", ["/{}/{}/secret", "/v1/indexes/{}", "/v1/indexes/{}%2fsecret", "/assets/{}", "/v1/indexes/{}/nodes"]
)
def test_no_path_leads_out_of_the_store(api: Api, store: Store, up: str, template: str) -> None:
    target = template.format(up, up)
    host, port = str(api.client.base_url.host), int(api.client.base_url.port or 0)
    with socket.create_connection((host, port), timeout=20) as connection:  # a client of HTTP would tidy the path up
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert answer.split()[1] in (b"400", b"404"), answer[:200]
    assert b"secret" not in answer.partition(b"\r\n\r\n")[2].replace(target.encode(), b"").replace(b"/secret", b"")
    assert str(store.root).encode() not in answer


@pytest.mark.parametrize("id", ["a" * 4096, "a" * 4097, "\x00", "../../etc/passwd", "\u202e", "é" * 4096, "%s%n"])
def test_an_id_of_any_kind_is_at_worst_not_there(api: Api, id: str) -> None:
    response = api.post(f"{DEMO}/similar", {"ids": [id]})
    assert response.status_code == (422 if len(id) > 4096 else 404)
    assert len(response.content) < 40_000


@pytest.mark.parametrize("k", [10**5 + 1, 2**31, 2**63, 2**64, 10**400, -1, 0])
def test_a_number_of_answers_that_cannot_be_is_refused_at_once(api: Api, k: int) -> None:
    for question in ("similar", "search", "members", "neighbourhood", "related"):
        body = json.dumps({**json.loads(GOOD[question]), "k": k}).encode()
        api.problem(api.post(f"{DEMO}/{question}", content=body), 422)


@pytest.mark.parametrize("depth", [100, 10_000, 1_000_000])
@pytest.mark.parametrize("brackets", [(b"[", b"]"), (b'{"a":', b"}")])
def test_json_within_json_without_end_is_refused(api: Api, depth: int, brackets: tuple[bytes, bytes]) -> None:
    bomb = brackets[0] * depth + b"1" + brackets[1] * depth
    response = api.post(f"{DEMO}/similar", content=b'{"ids":' + bomb + b"}")
    assert response.status_code in (400, 422)
    assert len(response.content) < 2_000
