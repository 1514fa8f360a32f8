"""Connections are shared evenly by workers on one socket, and none is left because another worker should take it."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator, Sequence

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from serving import accepting
from serving.accepting import EvenServer
from serving.board import Board
from serving.protocol import LimitedProtocol
from tests.serving.live import until


async def app(scope: Scope, receive: Receive, send: Send) -> None:  # the signature of an app
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@contextlib.contextmanager
def serving(board: Board, workers: Sequence[int]) -> Iterator[tuple[int, list[EvenServer]]]:
    """Servers in threads in place of processes; yields their port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, http=LimitedProtocol, log_config=None, log_level="critical", lifespan="off")
        servers = [EvenServer(config, listener.dup(), board, worker) for worker in workers]
        threads = [threading.Thread(target=server.run, kwargs={"sockets": []}) for server in servers]
        for thread in threads:
            thread.start()
        try:
            until(lambda: all(server.started for server in servers))
            yield listener.getsockname()[1], servers
        finally:
            for server in servers:
                server.should_exit = True
            for thread in threads:
                thread.join(20)
        assert not any(thread.is_alive() for thread in threads)


@contextlib.contextmanager
def asked(port: int, n: int) -> Iterator[list[http.client.HTTPConnection]]:
    """Connections that were answered on and stay."""
    connections = [http.client.HTTPConnection("127.0.0.1", port, timeout=20) for _ in range(n)]
    try:
        for connection in connections:
            connection.request("GET", "/")
            assert connection.getresponse().read() == b"ok"
        yield connections
    finally:
        for connection in connections:
            connection.close()


def taken(servers: Sequence[EvenServer]) -> list[int]:
    return [len(server.server_state.connections) for server in servers]


@pytest.mark.parametrize("n_workers", [1, 2, 3])
def test_each_takes_its_share_of_the_connections(n_workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accepting, "PATIENCE", 15.0)  # however busy this machine is
    board = Board(n_workers)
    with serving(board, range(n_workers)) as (port, servers), asked(port, 30) as connections:
        found = taken(servers)
        assert sum(found) == 30
        assert max(found) - min(found) <= 2
        for connection in connections:
            connection.close()
        until(lambda: sum(taken(servers)) == 0)
        with asked(port, 12):
            assert max(taken(servers)) - min(taken(servers)) <= 2
    assert board.fewest(n_workers) is None  # those that end take no more


def test_what_another_should_take_and_does_not_is_taken_all_the_same() -> None:
    board = Board(2)
    board.take(1, 0)  # hangs
    with serving(board, [0]) as (port, servers), asked(port, 20):
        assert taken(servers) == [20]
    assert board.fewest(0) == 0


def test_the_fewest_are_those_of_workers_that_take_any() -> None:
    board = Board(3)
    assert board.fewest(0) is None
    board.take(1, 7)
    board.take(2, 3)
    assert [board.fewest(worker) for worker in range(3)] == [3, 3, 7]
    board.take(2, None)
    assert [board.fewest(worker) for worker in range(3)] == [7, None, 7]
