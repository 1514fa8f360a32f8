"""Connections, of which every one of several workers on one socket takes an even share.

Left to the kernel, a connection is taken by whoever awakes first: of 64 one of two workers was seen to have 45, and who
asked that one waited twice as long as who asked the other. Here the worker that has the fewest takes the next.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import cast, final

import uvicorn

from serving.board import Board
from serving.protocol import LimitedProtocol

PATIENCE = 0.02  # seconds that a connection is left to a worker with fewer, which may be held up by what it computes
STEP = 0.002  # seconds between looks at how many the others have
AT_ONCE = 4  # connections taken when that one did not come
OUT_OF_FILES = 1.0  # seconds until the next try where the system has no room for a connection


@final
class EvenServer(uvicorn.Server):
    """uvicorn's server as one of several workers, each with a copy of ``listener`` and a slot of ``board``."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket, board: Board, worker: int) -> None:
        super().__init__(config)
        self._listener = listener
        self._board = board
        self._worker = worker

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002  # it has its own
        """Begin to answer and to take connections."""
        await super().startup(sockets=[])
        self.servers.append(_Taking(self, self._listener, self._board, self._worker))  # type: ignore[arg-type]  # closes


@final
class _Taking:
    """What uvicorn closes when it is to take no more connections."""

    def __init__(self, server: uvicorn.Server, listener: socket.socket, board: Board, worker: int) -> None:
        self._server = server
        self._listener = listener
        self._board = board
        self._worker = worker
        self._loop = asyncio.get_running_loop()
        self._later: asyncio.TimerHandle | None = None
        self._until = 0.0
        self._closed = False
        self._beginning: set[asyncio.Task[None]] = set()
        listener.setblocking(False)
        self._show()
        self._go_on()

    def close(self) -> None:
        """Take no more."""
        self._closed = True
        self._board.take(self._worker, None)
        self._loop.remove_reader(self._listener)
        if self._later is not None:
            self._later.cancel()
        self._listener.close()

    async def wait_closed(self) -> None:
        """There is nothing to wait for: to end connections is uvicorn's."""

    def _awoken(self) -> None:
        """A connection waits, and all workers know: whoever has the fewest takes it."""
        if self._others_have_fewer():
            self._until = self._loop.time() + PATIENCE
            self._pause(STEP, self._leave)
        else:
            self._take()

    def _leave(self) -> None:
        """Leave what waits to the others, until they have as many or did not come."""
        if not self._others_have_fewer():
            self._go_on()
        elif self._loop.time() < self._until:
            self._later = self._loop.call_later(STEP, self._leave)
        else:
            self._go_on()
            for _ in range(AT_ONCE):
                if not self._take():
                    break

    def _others_have_fewer(self) -> bool:
        mine, fewest = self._show(), self._board.fewest(self._worker)
        return fewest is not None and fewest < mine

    def _take(self) -> bool:
        """Take one connection if one waits."""
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return False  # another was faster, or the caller went
        except OSError:
            self._pause(OUT_OF_FILES, self._go_on)
            return False
        connection.setblocking(False)
        begun = self._loop.create_task(self._begin(connection))
        self._beginning.add(begun)
        begun.add_done_callback(self._beginning.discard)
        self._show()
        return True

    async def _begin(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the caller went
            await self._loop.connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> asyncio.Protocol:
        server, kind = self._server, cast(type[LimitedProtocol], self._server.config.http_protocol_class)
        protocol = kind(server.config, server.server_state, server.lifespan.state)
        protocol.when_lost = self._lost
        return protocol

    def _lost(self) -> None:
        if not self._closed:
            self._show()

    def _show(self) -> int:
        """How many this worker has; tells the others."""
        mine = len(self._server.server_state.connections) + len(self._beginning)
        self._board.take(self._worker, mine)
        return mine

    def _pause(self, seconds: float, then: Callable[[], None]) -> None:
        self._loop.remove_reader(self._listener)
        self._later = self._loop.call_later(seconds, then)

    def _go_on(self) -> None:
        self._later = None
        self._loop.add_reader(self._listener, self._awoken)
