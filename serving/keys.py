"""API keys: read from a file, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from foundation.errors import InvalidInput
from serving.problems import RefusedRequest, sort_of_problem

_BEARER = HTTPBearer(auto_error=False, description="One of the keys of the server's key file.")


def read_keys(path: str | Path) -> frozenset[str]:
    """The keys of a file: one a line; blank lines and lines that start with "#" are left out.

    Raises
    ------
    InvalidInput
        No such file, no key in it, or a key that cannot stand in a header.
    """
    source = str(path)
    try:
        lines = Path(path).read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        what = f"the key file cannot be read ({getattr(error, 'strerror', None) or 'it is no text'})"
        raise InvalidInput(source=source, what=what, fix="name a text file with one key per line") from None
    keys = set()
    for number, line in enumerate(lines, 1):
        key = line.strip()
        if not key or key.startswith("#"):
            continue
        if not all("!" <= character <= "~" for character in key):
            what = "a key with blanks or characters outside ASCII"
            raise InvalidInput(source=source, line=number, what=what, fix="write one key per line, without blanks")
        keys.add(key)
    if not keys:
        raise InvalidInput(source=source, what="no key in the file", fix="write one key per line")
    return frozenset(keys)


def required(keys: frozenset[str]) -> Callable[..., Awaitable[None]]:
    """A dependency that refuses a request without one of ``keys``."""
    # Digests are equally long, so the time to compare does not tell how long a key is.
    digests = [hashlib.sha256(key.encode()).digest() for key in sorted(keys)]

    async def check(given: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]) -> None:
        if given is None:
            raise _refused("no API key; send the header Authorization: Bearer KEY", "Bearer")
        digest = hashlib.sha256(given.credentials.encode()).digest()
        if not any([hmac.compare_digest(digest, known) for known in digests]):  # noqa: C419  # compare with all, always
            raise _refused("this is not a key of this server", 'Bearer error="invalid_token"')

    return check


def _refused(detail: str, challenge: str) -> RefusedRequest:
    problem = sort_of_problem(401, "unauthorized", "An API key is required", detail)
    return RefusedRequest(problem, {"WWW-Authenticate": challenge})
