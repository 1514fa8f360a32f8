"""The short way of a question: from its path straight to its endpoint.

What the framework does for a request (look at one route after the other, solve dependencies, keep stacks of what must
be closed) takes longer than everything that a question needs of it, for its endpoint reads and checks the body itself.
The routes stay: they describe the API, and answer every other method and path.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, final

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from foundation.errors import EngineError

_PATH = re.compile(r"/v1/indexes/([^/]+)/([a-z]+)")
_PREFIX = "/v1/indexes/{index}/"


@final
class Shortcut:
    """An ASGI app that answers the questions among ``routes`` and passes everything else on.

    Parameters
    ----------
    routes : those that are posted to, and whose endpoints take a request and nothing else
    guard : called first with the request; raises what refuses it
    failed : makes the answer of a refusal or of an error of ours
    """

    def __init__(
        self,
        app: ASGIApp,
        routes: Sequence[BaseRoute],
        guard: Callable[[Request], Awaitable[None]] | None,
        failed: Callable[[Request, Exception], Awaitable[Response]],
    ) -> None:
        self._app = app
        self._guard = guard
        self._failed = failed
        self._routes = {
            route.path.removeprefix(_PREFIX): route
            for route in routes
            if isinstance(route, APIRoute) and "POST" in (route.methods or ())
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a question, or pass a request on."""
        route = None
        if scope["type"] == "http" and scope["method"] == "POST" and not scope.get("root_path"):
            found = _PATH.fullmatch(scope["path"])
            route = None if found is None else self._routes.get(found[2])
        if route is None or found is None:
            await self._app(scope, receive, send)
            return
        scope["route"], scope["path_params"] = route, {"index": found[1]}
        await (await self._answer(route.endpoint, Request(scope, receive)))(scope, receive, send)

    async def _answer(self, endpoint: Callable[[Request], Any], request: Request) -> Response:
        try:
            if self._guard is not None:
                await self._guard(request)
            response: Response = await endpoint(request)
        except (EngineError, HTTPException) as error:
            return await self._failed(request, error)
        return response
