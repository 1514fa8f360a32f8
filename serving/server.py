"""Listening: an address, keys, one process or several, and an orderly end."""

from __future__ import annotations

import contextlib
import errno
import functools
import ipaddress
import signal
import socket
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from starlette.applications import Starlette

from artifacts.store import Store
from foundation.errors import InvalidParams
from serving.accepting import EvenServer
from serving.api import create_app
from serving.board import Board
from serving.keys import KeyRing
from serving.limits import Limits
from serving.logs import Log
from serving.protocol import LimitedProtocol
from serving.workers import Workers

GRACE_SECONDS = 30  # for requests under way when the server is told to stop
MAX_WORKERS = 64


def serve(
    store: Store | Path | str,
    *,
    host: str = "127.0.0.1",
    port: int = 8321,
    api_key_file: Path | str | None = None,
    more_stores: Sequence[Store | Path | str] = (),
    limits: Limits | None = None,
    origins: Collection[str] = (),
    hosts: Collection[str] = (),
    log: Log | None = None,
    workers: int = 1,
) -> None:
    """Answer over HTTP from every index of ``store`` and of ``more_stores`` until SIGINT or SIGTERM.

    For a main thread, which gets these signals. Without keys it answers by its address, as localhost and as ``hosts``,
    and refuses whoever names another (`serving.hosts`).
    Port 0 takes any free one. What an operator should know, the address first of all, goes to stderr line by line.
    With ``workers`` that many processes answer, and share the limits among them.

    Raises
    ------
    InvalidParams
        An address that cannot be listened on, or one beyond loopback without ``api_key_file``; origins or hosts that
        are none; a store named twice; no worker.
    InvalidInput
        A key file without keys.
    ArtifactMissing, ArtifactVersion, ArtifactCorrupt, StoreUnavailable
        No store that can be read.
    """
    if not 1 <= workers <= MAX_WORKERS:
        raise InvalidParams(name="workers", value=workers, allowed=f"1 to {MAX_WORKERS}")
    log = log or Log()
    opened = [one if isinstance(one, Store) else Store.open(one) for one in (store, *more_stores)]
    keys = None if api_key_file is None else KeyRing.of_file(api_key_file, log.say)
    parts = (limits or Limits()).shared(workers)
    with contextlib.closing(_bound(host, port, public=keys is not None)) as listener:

        def made(stores: Sequence[Store], log: Log, board: Board | None = None, worker: int = 0) -> uvicorn.Server:
            app = create_app(
                stores,
                api_keys=keys,
                limits=parts,
                origins=origins,
                hosts=hosts if keys is None else None,
                log=log.say,
                note=log.note if log.takes_requests else None,
                board=board,
                worker=worker,
                own_process=True,
            )
            config = _config(app)
            return uvicorn.Server(config) if board is None else EvenServer(config, listener, board, worker)

        server = made(opened, log)  # also where others will answer: what is wrong with all this is said here
        listener.listen(server.config.backlog)  # from now on connections wait, so what is said below is true
        said = f"serving {', '.join(one.address for one in opened)} at {_url(listener)}"
        if workers == 1:
            with _signals_end(server):
                log.say(said)
                server.run(sockets=[listener])
            return
        board = Board(workers)

        def work(number: int) -> None:
            again = [Store(one.place.again()) for one in opened]
            server = made(again, log.of(number), board, number)
            with _signals_end(server):
                server.run(sockets=[])

        Workers(
            work,
            board,
            grace_seconds=GRACE_SECONDS + 5,
            begun=lambda: log.say(said),
            stopping=listener.close,
            log=log.say,
        ).run()


def _config(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        # Starlette's own way in: FastAPI's looks for OpenTelemetry at every request, which takes a tenth of its time.
        functools.partial(Starlette.__call__, app),
        access_log=False,
        http=LimitedProtocol,
        interface="asgi3",
        log_config=None,  # errors go to stderr by Python's own default
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ws="none",
    )


def _url(listener: socket.socket) -> str:
    address, number = listener.getsockname()[:2]
    return f"http://[{address}]:{number}" if ":" in address else f"http://{address}:{number}"


def _bound(host: str, port: int, *, public: bool) -> socket.socket:
    """A socket bound to the first address of ``host``; only ``public`` ones may be beyond loopback."""
    if not 0 <= port <= 65535:
        raise InvalidParams(name="port", value=port, allowed="0 to 65535")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise InvalidParams(name="host", value=host, allowed="an address or a name of this machine") from None
    family, kind, protocol, _, address = min(found, key=lambda info: info[0] != socket.AF_INET)
    if not public and not ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback:
        allowed = "127.0.0.1, ::1 or localhost, unless --api-key-file names a file with API keys"
        raise InvalidParams(name="host", value=host, allowed=allowed)
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # else a restart waits for old connections
        listener.bind(address)
    except OSError as error:
        listener.close()
        match error.errno:
            case errno.EADDRINUSE:
                raise InvalidParams(
                    name="port", value=port, allowed="a free port; somebody listens on this one"
                ) from None
            case errno.EACCES:
                raise InvalidParams(name="port", value=port, allowed="a port this user may use, above 1023") from None
            case _:
                raise InvalidParams(name="host", value=host, allowed="an address of this machine") from None
    return listener


@contextlib.contextmanager
def _signals_end(server: uvicorn.Server) -> Iterator[None]:
    """Let SIGINT and SIGTERM end ``server`` and nothing else.

    While it runs uvicorn handles them itself, and raises them again when it is done: by then they did what they were
    for.
    """

    def end(number: int, frame: object) -> None:  # noqa: ARG001  # the signature of a handler
        server.should_exit = True

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
