"""Which names a service answers to that asks nobody for a key.

A page of anybody's can have its own name resolve to 127.0.0.1 for its readers, and then asks, from their browser, what
listens there; to the browser that is the page's own origin, so nothing that is said of other origins holds it back. But
it names itself in ``Host``. An address stands for itself, and localhost is nobody's to give away.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from functools import lru_cache
from typing import final

from starlette.types import ASGIApp, Receive, Scope, Send

from foundation.errors import InvalidParams
from serving.problems import response, sort_of_problem

_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(\.(?!-)[a-z0-9-]{1,63})*", re.ASCII | re.IGNORECASE)
_KEPT = 256  # names whose verdict is kept


def check_hosts(names: Collection[str]) -> frozenset[str]:
    """The names in small letters.

    Raises
    ------
    InvalidParams
        For what is no name of a host.
    """
    for name in names:
        if not _NAME.fullmatch(name):
            raise InvalidParams(name="--allow-host", value=name, allowed="a name such as search.example.org")
    return frozenset(name.lower() for name in names)


@final
class KnownHosts:
    """An ASGI app round another: 421 where a request names a host that is neither local nor of ``names``."""

    def __init__(self, app: ASGIApp, names: frozenset[str] = frozenset()) -> None:
        self._app = app
        self._names = names
        self._is_known = lru_cache(_KEPT)(self._judged)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on or refuse it; one without the header comes from no browser."""
        if scope["type"] == "http":
            for name, value in scope["headers"]:
                if name == b"host" and not self._is_known(value):
                    problem = sort_of_problem(
                        421,
                        "unknown-host",
                        "Asked under another name",
                        "without API keys this service answers as localhost, by its address, or as a --allow-host; "
                        "serve with --allow-host NAME, or with --api-key-file",
                    )
                    await response(problem, {})(scope, receive, send)
                    return
        await self._app(scope, receive, send)

    def _judged(self, host: bytes) -> bool:
        name = re.sub(r":\d*$", "", host.decode("latin-1")).lower().removesuffix(".")
        if name in self._names or name == "localhost" or name.endswith(".localhost"):
            return True
        try:
            ipaddress.ip_address(name[1:-1] if name.startswith("[") and name.endswith("]") else name)
        except ValueError:
            return False
        return True
