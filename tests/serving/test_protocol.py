"""Connections that bring too much before the body, or too slowly, end; all others are none the wiser."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import httpx
import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from artifacts.store import Store
from serving import protocol
from serving.api import create_app
from serving.protocol import MAX_HEAD, LimitedProtocol
from tests.serving.fake_engine import Opening, publish_version
from tests.serving.live import until

DEMO = "/v1/indexes/demo"
BODY = b'{"ids":["ant"],"k":1}'
LARGE = 64 << 20


@contextlib.contextmanager
def limited(app: ASGIApp, lifespan: Literal["auto", "off"] = "auto") -> Iterator[uvicorn.Server]:
    """A server of the application that keeps to the limits."""
    config = uvicorn.Config(
        app, port=0, http=LimitedProtocol, log_config=None, log_level="critical", lifespan=lifespan, ws="none"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started)
        yield server
    finally:
        server.should_exit = True
        thread.join(20)


def port_of(server: uvicorn.Server) -> int:
    return int(server.servers[0].sockets[0].getsockname()[1])


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server with this protocol, as `serving.server` starts it, but with less patience."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.4)
    monkeypatch.setattr(protocol, "WHOLE_SECONDS", 1.0)
    store = Store.create(tmp_path / "store")
    publish_version(store, 1)
    with limited(create_app(store, opener=Opening())) as server:
        yield port_of(server)


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def read_all(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    answer = b""
    with contextlib.suppress(ConnectionResetError):  # it closed with bytes of ours unread
        while piece := connection.recv(65536):
            answer += piece
    return answer


def check_problem(answer: bytes, status: int) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"content-type: application/problem+json" in head
    assert json.loads(body)["status"] == status


def test_headers_without_end_are_refused(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * (MAX_HEAD + 1))
        check_problem(read_all(connection), 431)


def test_many_headers_are_refused(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n")
        with contextlib.suppress(ConnectionError):
            for number in range(10_000):
                connection.sendall(b"X-%d: 1\r\n" % number)
        assert read_all(connection)[:12] in (b"HTTP/1.1 431", b"")
    assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200


def test_a_head_that_comes_byte_by_byte_is_given_up(port: int) -> None:
    with connected(port) as connection:
        begun = time.monotonic()
        with contextlib.suppress(ConnectionError):
            for byte in b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa":
                connection.sendall(bytes([byte]))
                time.sleep(0.02)
                if time.monotonic() - begun > 1.2:
                    break
        check_problem(read_all(connection), 408)


def test_who_connects_and_says_nothing_is_let_go(port: int) -> None:
    with connected(port) as connection:
        assert read_all(connection) == b""


def test_a_body_that_goes_on_after_its_refusal_ends_with_the_connection(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(f"POST {DEMO}/similar HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n".encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")

        def go_on() -> None:
            for _ in range(200):
                connection.sendall(b" ")
                time.sleep(0.05)

        with pytest.raises(ConnectionError):
            go_on()


def test_slow_connections_leave_others_alone(port: int) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(50):
            slow = stack.enter_context(connected(port))
            slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: ")
        assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200


def test_a_connection_serves_many_requests_one_after_the_other(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    for number in range(20):
        connection.request("POST", f"{DEMO}/similar", body=BODY.ljust(100 + 3000 * number))
        response = connection.getresponse()
        assert (response.status, len(json.loads(response.read())["results"])) == (200, 1)
        held = connection.sock
        assert held is not None
    connection.close()


def test_requests_sent_ahead_are_all_answered_however_the_bytes_are_cut(port: int) -> None:
    request = f"POST {DEMO}/similar HTTP/1.1\r\nHost: x\r\nContent-Length: {len(BODY)}\r\n\r\n".encode() + BODY
    for cut in (1_000_000, 777, 61):
        sent = request * 40
        with connected(port) as connection:
            for first in range(0, len(sent), cut):
                connection.sendall(sent[first : first + cut])
            answer = b""
            while answer.count(b"HTTP/1.1 200 OK") < 40:
                piece = connection.recv(65536)
                assert piece, answer
                answer += piece


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01" + b"a" * 200,
        b"GET /\xff HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_and_the_server_lives(port: int, sent: bytes) -> None:
    with connected(port) as connection:
        connection.sendall(sent)
        assert read_all(connection)[:12] in (b"HTTP/1.1 400", b"")
    assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200


async def large(scope: Scope, receive: Receive, send: Send) -> None:  # the signature of an app
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % LARGE)]})
    await send({"type": "http.response.body", "body": bytes(LARGE)})


@pytest.fixture
def large_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[uvicorn.Server]:
    """A server whose every answer is more than sockets hold, with little patience for who does not read it."""
    monkeypatch.setattr(protocol, "READ_SECONDS", 0.5)
    with limited(large, lifespan="off") as server:
        yield server


@pytest.mark.parametrize("more", [b"", b"Connection: close\r\n"])
def test_who_does_not_read_an_answer_is_let_go(large_server: uvicorn.Server, more: bytes) -> None:
    with connected(port_of(large_server)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n" + more + b"\r\n")
        until(lambda: len(large_server.server_state.connections) == 1)
        until(lambda: not large_server.server_state.connections)


def test_who_reads_an_answer_slowly_gets_all_of_it(large_server: uvicorn.Server) -> None:
    with connected(port_of(large_server)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        found, begun = 0, time.monotonic()
        while piece := connection.recv(LARGE // 16):
            found += len(piece)
            if time.monotonic() - begun < 1.5:  # three times what is allowed without a byte
                time.sleep(0.1)
    assert found > LARGE
