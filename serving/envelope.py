"""What goes round every request and answer: a request id, security headers, CORS, a line in the log."""

from __future__ import annotations

import itertools
import re
import secrets
import time
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any, final

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from foundation.errors import InvalidParams

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
FACTS = "purlieu.facts"  # in the scope: what is known of a request when it ends
# An answer of JSON is no page: nothing may be loaded, framed or guessed from it. A page says what it needs itself.
SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_NOT_STORED = (b"cache-control", b"no-store")
_PREFLIGHT = (
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-allow-headers", b"authorization, content-type, x-request-id"),
    (b"access-control-max-age", b"600"),
)
_EXPOSED = (b"access-control-expose-headers", b"retry-after, x-request-id")
_GOOD_ID = re.compile(rb"[\w.:-]{1,64}", re.ASCII)
_ORIGIN = re.compile(r"https?://[^/\s,*]+", re.ASCII)

Note = Callable[[dict[str, Any]], None]


def facts_of(request: HTTPConnection) -> dict[str, Any]:
    """What is noted about a request on its way, for the log."""
    facts: dict[str, Any] = request.scope.setdefault(FACTS, {})
    return facts


def check_origins(origins: Iterable[str]) -> frozenset[bytes]:
    """The origins as they stand in a header.

    Raises
    ------
    InvalidParams
        For what is no origin; ``*`` is none: a page of anybody's could ask a service behind a firewall.
    """
    found = frozenset(origins)
    for origin in found:
        if not _ORIGIN.fullmatch(origin):
            raise InvalidParams(name="--cors-origin", value=origin, allowed="an origin such as https://example.org")
    return frozenset(origin.encode() for origin in found)


@final
class Envelope:
    """An ASGI app round another.

    Parameters
    ----------
    origins : whose pages may read answers; those of others get no CORS header, and their browser keeps answers back
    note : told of every request when it has ended: method, path, route, status, seconds, bytes, and what was noted
        on its way. Never its body or query, unless that is what `FACTS` has been told.
    """

    def __init__(self, app: ASGIApp, origins: frozenset[bytes] = frozenset(), note: Note | None = None) -> None:
        self._app = app
        self._origins = origins
        self._note = note
        # One random number an app: to ask the system for one takes a tenth of what a request does.
        self._prefix = secrets.token_hex(4).encode()
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with an id, and its answer back with headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"])  # of several equal names the last, which is as good as any here
        asked_id = given.get(b"x-request-id", b"")
        request_id = asked_id if _GOOD_ID.fullmatch(asked_id) else b"%s%08x" % (self._prefix, next(self._numbers))
        REQUEST_ID.set(request_id.decode())
        facts: dict[str, Any] = {}
        scope[FACTS] = facts  # a route may be given a copy of the scope: the facts are one object all the same
        added = [(b"x-request-id", request_id), *self._cors(given)]
        if scope["path"].startswith("/v1/"):
            added.append(_NOT_STORED)
        status, n_bytes, begun = 500, 0, time.perf_counter()

        async def dressed(message: Message) -> None:
            nonlocal status, n_bytes
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message["headers"] = list(message.get("headers", ()))
                known = {name for name, _ in headers}
                headers += (pair for pair in (*added, *SECURITY) if pair[0] not in known)
            else:
                n_bytes += len(message.get("body", b""))
            await send(message)

        try:
            if self._origins and _is_preflight(scope, given) and given[b"origin"] in self._origins:
                added += _PREFLIGHT
                await dressed({"type": "http.response.start", "status": 204, "headers": []})
                await dressed({"type": "http.response.body", "body": b""})
            else:
                await self._app(scope, receive, dressed)
        finally:
            if self._note is not None:
                self._note(
                    {
                        "request": request_id.decode(),
                        "method": scope["method"],
                        "path": scope["path"],
                        "route": getattr(scope.get("route"), "path", None),
                        "status": status,
                        "seconds": round(time.perf_counter() - begun, 6),
                        "bytes": n_bytes,
                        "client": scope["client"][0] if scope.get("client") else None,
                        "query": scope.get("query_string", b""),
                        **facts,
                    }
                )

    def _cors(self, given: dict[bytes, bytes]) -> list[tuple[bytes, bytes]]:
        if not self._origins:
            return []
        vary = (b"vary", b"origin")
        origin = given.get(b"origin")
        if origin is None or origin not in self._origins:
            return [vary]
        return [(b"access-control-allow-origin", origin), _EXPOSED, vary]


def _is_preflight(scope: Scope, given: dict[bytes, bytes]) -> bool:
    return scope["method"] == "OPTIONS" and b"origin" in given and b"access-control-request-method" in given
