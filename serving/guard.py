"""What refuses a request without an API key for what it asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from serving.envelope import facts_of
from serving.keys import KeyRing
from serving.problems import RefusedRequest, sort_of_problem

_BEARER = HTTPBearer(auto_error=False, description="One of the keys of the server's key file.")


def required(ring: KeyRing, scope: str) -> Callable[..., Awaitable[None]]:
    """A dependency that refuses a request without a key of ``ring`` for ``scope``."""

    async def check(request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]) -> None:
        if given is None:
            raise _refused("no API key; send the header Authorization: Bearer KEY", "Bearer")
        key = ring.find(given.credentials)
        if key is None:
            raise _refused("this is not a key of this server", 'Bearer error="invalid_token"')
        facts_of(request)["key"] = key.name
        if scope not in key.scopes:
            detail = f"this key is for {', '.join(sorted(key.scopes))}; ask with one for {scope}"
            problem = sort_of_problem(403, "forbidden", "The API key is for something else", detail)
            challenge = f'Bearer error="insufficient_scope", scope="{scope}"'
            raise RefusedRequest(problem, {"WWW-Authenticate": challenge})

    return check


def asking_key(ring: KeyRing, scope: str) -> Callable[[Request], Awaitable[None]]:
    """What `required` does, for those who have no dependencies solved."""
    check = required(ring, scope)

    async def ask(request: Request) -> None:
        await check(request, await _BEARER(request))

    return ask


def _refused(detail: str, challenge: str) -> RefusedRequest:
    problem = sort_of_problem(401, "unauthorized", "An API key is required", detail)
    return RefusedRequest(problem, {"WWW-Authenticate": challenge})
